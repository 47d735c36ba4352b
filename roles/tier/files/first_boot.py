#!/usr/bin/python3
# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a machine does at its first start: take its Elastic IP, say that it is there. Installs nothing, needs nothing.

Python's own library is all there is on a fresh image, so requests are signed here.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hashlib
import hmac
import json
import os
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

SETTINGS: dict = {}
METADATA = os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://169.254.169.254").rstrip("/")
PATIENCE = 600


def ask(url, data=None, method=None, **headers):
    """The answer to an HTTP request; only AWS's own addresses are asked."""
    request = urllib.request.Request(url, data=data, method=method, headers=headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        return answer.read().decode()


def metadata(path):
    token = ask(f"{METADATA}/latest/api/token", method="PUT", **{"X-aws-ec2-metadata-token-ttl-seconds": "300"})
    return ask(f"{METADATA}/latest/meta-data/{path}", **{"X-aws-ec2-metadata-token": token})


def digest(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def call(service, action, version, **arguments):
    """One request of a query API, signed with the credentials of the machine's role."""
    region = metadata("placement/region")
    keys = json.loads(metadata("iam/security-credentials/" + metadata("iam/security-credentials/").split()[0]))
    host = f"{service}.{region}.{metadata('services/domain')}"
    url = (os.environ.get("AWS_ENDPOINT_URL") or f"https://{host}").rstrip("/") + "/"
    host = urllib.parse.urlsplit(url).netloc
    body = urllib.parse.urlencode({"Action": action, "Version": version, **arguments})
    now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    sent = {"host": host, "x-amz-date": now, "x-amz-security-token": keys["Token"]}
    names = ";".join(sent)
    lines = "".join(f"{name}:{value}\n" for name, value in sent.items())
    asked = "\n".join(["POST", "/", "", lines, names, hashlib.sha256(body.encode()).hexdigest()])
    scope = f"{now[:8]}/{region}/{service}/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(asked.encode()).hexdigest()])
    key = ("AWS4" + keys["SecretAccessKey"]).encode()
    for part in scope.split("/"):
        key = digest(key, part)
    sign = f"Credential={keys['AccessKeyId']}/{scope}, SignedHeaders={names}, Signature={digest(key, text).hex()}"
    headers = {name: value for name, value in sent.items() if name != "host"}
    headers |= {"Authorization": f"AWS4-HMAC-SHA256 {sign}", "Content-Type": "application/x-www-form-urlencoded"}
    return ask(url, data=body.encode(), **headers)


def take(name):
    """The Elastic IP called so is this machine's from now on, also where another still has it."""
    wanted = {"Filter.1.Name": "tag:Name", "Filter.1.Value.1": name}
    found = re.search("<allocationId>(.+?)</allocationId>", call("ec2", "DescribeAddresses", "2016-11-15", **wanted))
    if not found:
        raise LookupError(f"there is no Elastic IP called {name}")
    who = {"AllocationId": found[1], "InstanceId": metadata("instance-id"), "AllowReassociation": "true"}
    call("ec2", "AssociateAddress", "2016-11-15", **who)


def complete(hook):
    """The group may put this machine into service. One that was started before the hook was made is waited for by none."""
    who = {"AutoScalingGroupName": SETTINGS["group"], "InstanceId": metadata("instance-id")}
    try:
        what = {"LifecycleHookName": hook, "LifecycleActionResult": "CONTINUE"}
        call("autoscaling", "CompleteLifecycleAction", "2011-01-01", **who, **what)
    except urllib.error.HTTPError as error:
        text = error.read().decode(errors="replace")
        if "No active Lifecycle Action" not in text:
            raise OSError(f"{error}: {text}") from error


def insist(what, *arguments):
    """Role credentials and addresses take a while to be there after the start."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return what(*arguments)
        except (OSError, LookupError, ValueError) as error:
            if time.monotonic() > until:
                sys.exit(f"{what.__name__} {' '.join(arguments)}: {error}")
            print(f"{what.__name__} {' '.join(arguments)}: {error}; again", flush=True)
            time.sleep(5)


if __name__ == "__main__":
    if SETTINGS.get("address"):
        insist(take, SETTINGS["address"])
    for each in SETTINGS.get("hooks", []):
        insist(complete, each)
