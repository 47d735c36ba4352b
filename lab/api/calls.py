"""Which AWS operation a request asks for, on whose behalf, and how often each was asked for."""

from __future__ import annotations

import contextlib
import io
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

READ_PREFIXES = (
    "Describe", "Get", "List", "Head", "Search", "Lookup", "BatchGet", "Simulate", "Validate", "Decode", "Test",
    "Estimate", "Query", "Scan", "Select", "Filter", "AssumeRole", "Check", "Verify", "Decrypt", "Preview",
)  # fmt: skip
REST_XML = {"s3", "route53", "cloudfront", "s3-control"}
JSON_TARGET = "HTTP_X_AMZ_TARGET"
CBOR_PATH = "/service/"


@dataclass(frozen=True)
class Call:
    """One request: its service (signing name), operation, region, access key and the protocol it is written in."""

    service: str
    operation: str
    region: str
    access_key: str
    protocol: str

    @property
    def writes(self) -> bool:
        """True when the operation is not read-only, judged by AWS's own verb for it."""
        return not self.operation.startswith(READ_PREFIXES)


def identify(environ: dict[str, Any], body: bytes) -> Call:
    """Return the :class:`Call` of a WSGI request; an unsigned one has an empty access key."""
    service, region, access_key = _scope(environ)
    target = environ.get(JSON_TARGET)
    path = environ.get("PATH_INFO", "")
    content_type = environ.get("CONTENT_TYPE", "")
    if target:
        return Call(service, target.rsplit(".", 1)[-1], region, access_key, "json")
    if content_type.startswith("application/cbor") and path.startswith(CBOR_PATH):
        return Call(service, path.rsplit("/", 1)[-1], region, access_key, "cbor")
    if service not in REST_XML:
        if content_type.startswith("application/x-www-form-urlencoded") and b"Action=" in body:
            action = parse_qs(body.decode("utf-8", "replace")).get("Action", [""])[0]
            return Call(service, action, region, access_key, "ec2" if service == "ec2" else "query")
        query = environ.get("QUERY_STRING", "")
        if "Action=" in query:
            return Call(service, parse_qs(query)["Action"][0], region, access_key, "query")
    protocol = "rest-xml" if service in REST_XML else "rest-json"
    return Call(service, _rest_operation(service, environ, body), region, access_key, protocol)


def _scope(environ: dict[str, Any]) -> tuple[str, str, str]:
    """Return service, region and access key of the credential scope (header or presigned query)."""
    authorization = environ.get("HTTP_AUTHORIZATION", "")
    if "Credential=" in authorization:
        scope = authorization.split("Credential=", 1)[1].split(",", 1)[0]
    else:
        scope = parse_qs(environ.get("QUERY_STRING", "")).get("X-Amz-Credential", [""])[0]
    parts = scope.split("/")
    if len(parts) < 5:
        # An object that somebody asks for without signing, by the name of its bucket: <bucket>.s3.<region>.amazonaws.com
        words = environ.get("HTTP_HOST", "").partition(":")[0].split(".s3.")
        return "s3", words[1].partition(".")[0] if len(words) == 2 and "-" in words[1] else "us-east-1", ""
    return parts[-2].lower(), parts[-3], "/".join(parts[:-4])


def _rest_operation(service: str, environ: dict[str, Any], body: bytes) -> str:
    """Name the operation of a REST request by botocore's own service description."""
    from moto.core.request import Request
    from moto.core.routing import NotFound, get_service_router

    copy = dict(environ)
    copy["wsgi.input"] = io.BytesIO(body)
    try:
        operation, _ = get_service_router(service).match(Request(copy))
        return str(operation.name)
    except (NotFound, NotImplementedError, KeyError, ValueError):
        return f"{environ['REQUEST_METHOD']} {environ.get('PATH_INFO', '/')}"
    except Exception as error:  # an unknown service name: botocore's own error classes
        if type(error).__name__ != "UnknownServiceError":
            raise
        return f"{environ['REQUEST_METHOD']} {environ.get('PATH_INFO', '/')}"


class CallLog:
    """Counts calls; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str, str, str, bool]] = Counter()
        self._faults: Counter[str] = Counter()
        self._serving = 0

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        """While a call that was counted is worked on: what a client asked for is done although the client is gone."""
        with self._lock:
            self._serving += 1
        try:
            yield
        finally:
            with self._lock:
                self._serving -= 1

    def add(self, call: Call, account: str) -> None:
        """Count one call."""
        with self._lock:
            self._counts[(call.service, call.operation, account, call.region, call.writes)] += 1

    def add_fault(self, kind: str) -> None:
        """Count one injected fault."""
        with self._lock:
            self._faults[kind] += 1

    def reset(self) -> None:
        """Forget everything counted."""
        with self._lock:
            self._counts.clear()
            self._faults.clear()

    def report(self) -> dict[str, Any]:
        """Return the counts: total, writes, and by operation, service, account, region and kind of fault; and how many are
        still worked on (``serving``)."""
        with self._lock:
            counts = dict(self._counts)
            faults = dict(self._faults)
            serving = self._serving
        report: dict[str, Any] = {"total": sum(counts.values()), "faults": faults, "serving": serving}
        report["writes"] = sum(n for key, n in counts.items() if key[4])
        groups = {
            "by_operation": lambda k: f"{k[0]}.{k[1]}",
            "by_service": lambda k: k[0],
            "by_account": lambda k: k[2],
            "by_region": lambda k: k[3],
        }
        for name, group in groups.items():
            grouped: Counter[str] = Counter()
            for key, number in counts.items():
                grouped[group(key)] += number
            report[name] = dict(sorted(grouped.items()))
        written: Counter[str] = Counter()
        for key, number in counts.items():
            if key[4]:
                written[f"{key[0]}.{key[1]}"] += number
        report["writes_by_operation"] = dict(sorted(written.items()))
        return report
