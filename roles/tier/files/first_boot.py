# pylint: disable=subprocess-run-check
# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a machine does at its first start: take its Elastic IP, configure itself, say that it is there.

Python's own library is all there is on a fresh image, so requests are signed here.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hashlib
import hmac
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
import urllib.error
import urllib.parse
import urllib.request

SETTINGS: dict = {}
METADATA = os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://169.254.169.254").rstrip("/")
PATIENCE = 600
HOME = "/var/lib/terrace"


def ask(url, data=None, method=None, **headers):
    """The answer to an HTTP request; only AWS's own addresses are asked."""
    request = urllib.request.Request(url, data=data, method=method, headers=headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        return answer.read()


def latest(path):
    token = ask(f"{METADATA}/latest/api/token", method="PUT", **{"X-aws-ec2-metadata-token-ttl-seconds": "300"})
    return ask(f"{METADATA}/latest/{path}", **{"X-aws-ec2-metadata-token": token.decode()}).decode()


def metadata(path):
    return latest(f"meta-data/{path}")


def digest(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def signed(service, method, path, body, **more):
    """One request, signed with the credentials of the machine's role."""
    region = metadata("placement/region")
    keys = json.loads(metadata("iam/security-credentials/" + metadata("iam/security-credentials/").split()[0]))
    host = f"{service}.{region}.{metadata('services/domain')}"
    url = (os.environ.get("AWS_ENDPOINT_URL") or f"https://{host}").rstrip("/") + path
    host = urllib.parse.urlsplit(url).netloc
    now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    content = hashlib.sha256(body).hexdigest()
    sent = {"host": host, "x-amz-content-sha256": content, "x-amz-date": now, "x-amz-security-token": keys["Token"]}
    names = ";".join(sent)
    lines = "".join(f"{name}:{value}\n" for name, value in sent.items())
    asked = "\n".join([method, path, "", lines, names, content])
    scope = f"{now[:8]}/{region}/{service}/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(asked.encode()).hexdigest()])
    key = ("AWS4" + keys["SecretAccessKey"]).encode()
    for part in scope.split("/"):
        key = digest(key, part)
    sign = f"Credential={keys['AccessKeyId']}/{scope}, SignedHeaders={names}, Signature={digest(key, text).hex()}"
    headers = {name: value for name, value in sent.items() if name != "host"}
    headers |= {"Authorization": f"AWS4-HMAC-SHA256 {sign}", **more}
    return ask(url, body or None, method, **headers)


def call(service, action, version, **arguments):
    """One request of a query API."""
    body = urllib.parse.urlencode({"Action": action, "Version": version, **arguments}).encode()
    return signed(service, "POST", "/", body, **{"Content-Type": "application/x-www-form-urlencoded"}).decode()


def fetch(bucket, key):
    """What is in a bucket under a key; None where nothing is."""
    try:
        return signed("s3", "GET", f"/{bucket}/{urllib.parse.quote(key)}", b"")
    except urllib.error.HTTPError as error:
        if error.code != 404:
            raise
        return None


def take(name):
    """The Elastic IP called so is this machine's from now on, also where another still has it."""
    wanted = {"Filter.1.Name": "tag:Name", "Filter.1.Value.1": name}
    found = re.search("<allocationId>(.+?)</allocationId>", call("ec2", "DescribeAddresses", "2016-11-15", **wanted))
    if not found:
        raise LookupError(f"there is no Elastic IP called {name}")
    who = {"AllocationId": found[1], "InstanceId": metadata("instance-id"), "AllowReassociation": "true"}
    call("ec2", "AssociateAddress", "2016-11-15", **who)


def complete(hook, result="CONTINUE"):
    """The group may put this machine into service, or is to replace it. One that was started before the hook was made is
    waited for by none."""
    who = {"AutoScalingGroupName": SETTINGS["group"], "InstanceId": metadata("instance-id")}
    try:
        what = {"LifecycleHookName": hook, "LifecycleActionResult": result}
        call("autoscaling", "CompleteLifecycleAction", "2011-01-01", **who, **what)
    except urllib.error.HTTPError as error:
        text = error.read().decode(errors="replace")
        if "No active Lifecycle Action" not in text:
            raise OSError(f"{error}: {text}") from error


def bundle():
    """Unpack the configuration that is released and return its folder; None while none is."""
    account = json.loads(latest("dynamic/instance-identity/document"))["accountId"]
    bucket = f"{SETTINGS['configuration']}-{account}"
    current = fetch(bucket, "configuration/current.json")
    if current is None:
        return None
    current = json.loads(current)
    folder = os.path.join(HOME, current["version"])
    if not os.path.exists(folder):
        packed = fetch(bucket, current["object"])
        if packed is None or hashlib.sha256(packed).hexdigest() != current["checksum"]:
            # Waiting makes that no better: the archive is there before current.json names it.
            sys.exit(f"{current['object']} is not what {bucket}/configuration/current.json says")
        shutil.rmtree(folder + ".part", ignore_errors=True)
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            archive.extractall(folder + ".part", filter="data")
        os.rename(folder + ".part", folder)
    return folder


def configure():
    """Do as the bundle says; whether this machine is well then."""
    try:
        folder = insist(bundle)
    except SystemExit as error:
        print(error, flush=True)
        return False
    if folder is None:
        print("no configuration has been released yet; this machine stays as it is", flush=True)
        return True
    what = json.dumps({"tier": SETTINGS["tier"], "configuration": SETTINGS["configuration"]})
    return subprocess.run([sys.executable, os.path.join(folder, "configure.py"), what, __file__]).returncode == 0


def later():
    """Go on as a unit of its own: the first boot ends, and shows the host keys on the console, while this is at work."""
    os.makedirs(HOME, mode=0o700, exist_ok=True)
    copy = os.path.join(HOME, "first_boot.py")
    shutil.copyfile(__file__, copy)
    unit = [
        "systemd-run",
        "--unit=terrace-configure",
        "--no-block",
        "--property=Type=exec",
        "--property=RuntimeMaxSec=1h",
    ]
    subprocess.run([*unit, "--setenv=HOME=/root", sys.executable, copy, "configure"], check=True)


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
    well = True
    if sys.argv[1:] == ["configure"]:
        well = configure()
    else:
        if SETTINGS.get("address"):
            insist(take, SETTINGS["address"])
        if SETTINGS.get("configuration"):
            sys.exit(later())
    for each in SETTINGS.get("hooks", []):
        insist(complete, each, "CONTINUE" if well else "ABANDON")
    sys.exit(not well)
