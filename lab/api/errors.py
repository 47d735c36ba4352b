"""AWS errors in the wire format of each protocol.

https://smithy.io/2.0/aws/protocols/index.html describes the formats;
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html and
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html the two services with formats of their own.
"""

from __future__ import annotations

import json
import uuid
from xml.sax.saxutils import escape

Answer = tuple[int, list[tuple[str, str]], bytes]


def answer(protocol: str, service: str, status: int, code: str, message: str) -> Answer:
    """Return status, headers and body of an error as ``service`` would send it over ``protocol``."""
    request_id = str(uuid.uuid4())
    headers = [("x-amzn-RequestId", request_id), ("Server", "amazon.com")]
    if protocol in ("json", "rest-json"):
        headers += [("Content-Type", "application/x-amz-json-1.1"), ("x-amzn-ErrorType", code)]
        return status, headers, json.dumps({"__type": code, "message": message}).encode()
    if protocol == "cbor":
        headers += [("Content-Type", "application/cbor"), ("smithy-protocol", "rpc-v2-cbor")]
        return status, headers, b"\xa2" + b"".join(_cbor_text(t) for t in ("__type", code, "message", message))
    error = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
    if protocol == "ec2":
        body = f"<Response><Errors><Error>{error}</Error></Errors><RequestID>{request_id}</RequestID></Response>"
    elif service == "s3":
        body = f"<Error>{error}<RequestId>{request_id}</RequestId></Error>"
    else:
        kind = "Receiver" if status >= 500 else "Sender"
        body = (
            f"<ErrorResponse><Error><Type>{kind}</Type>{error}</Error><RequestId>{request_id}</RequestId>"
            "</ErrorResponse>"
        )
    headers.append(("Content-Type", "text/xml;charset=UTF-8"))
    return status, headers, f'<?xml version="1.0" encoding="UTF-8"?>{body}'.encode()


def _cbor_text(text: str) -> bytes:
    """Encode one text string (up to 64 KiB) as CBOR (RFC 8949, major type 3)."""
    raw = text.encode()
    return b"\x79" + len(raw).to_bytes(2, "big") + raw
