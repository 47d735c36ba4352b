# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The instance metadata service, at 169.254.169.254 of every VPC's router.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html: a session token from a PUT
request, whose answer travels no further than the hop limit; version 1 (no token) unless tokens are required.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import hmac
import json
import secrets
import socket
import socketserver
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from lab.machines.firewall import METADATA
from lab.machines.instances import host_name
from lab.machines.network import vpc_namespace
from lab.machines.util import inside

if TYPE_CHECKING:
    from lab.machines.daemon import Lab

VERSIONS = (
    "1.0",
    "2019-10-01",
    "2020-10-27",
    "2021-01-03",
    "2021-03-23",
    "2021-07-15",
    "2022-09-24",
    "2024-04-11",
    "latest",
)
TOKEN_TTL = "X-aws-ec2-metadata-token-ttl-seconds"  # noqa: S105 - a header's name
TOKEN = "X-aws-ec2-metadata-token"  # noqa: S105 - a header's name


class Service(ThreadingHTTPServer):
    """The metadata service of one VPC."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, lab: Lab, vpc: str) -> None:
        self.lab, self.vpc = lab, vpc
        self.key = secrets.token_bytes(32)
        self.credentials: dict[str, dict[str, Any]] = {}
        with inside(vpc_namespace(vpc)):
            super().__init__((METADATA, 80), Handler)
        threading.Thread(target=self.serve_forever, daemon=True, name=f"imds {vpc}").start()

    def server_bind(self) -> None:
        """Bind without looking up a name."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = METADATA, 80

    def instance(self, address: str) -> dict[str, Any] | None:
        """The instance that has an address in this VPC."""
        vpc = self.lab.plan.vpcs.get(self.vpc)
        for endpoint in vpc.endpoints.values() if vpc else ():
            if endpoint.kind == "instance" and address in endpoint.addresses:
                return endpoint.want
        return None

    def token(self, instance: str, seconds: int) -> str:
        """A session token: until when, for which instance, signed."""
        plain = f"{int(time.time()) + seconds}/{instance}".encode()
        mark = hmac.digest(self.key, plain, "sha256")
        return base64.urlsafe_b64encode(mark + plain).decode()

    def valid(self, token: str, instance: str) -> bool:
        """Whether a token is ours, for this instance, and not too old."""
        try:
            raw = base64.urlsafe_b64decode(token)
            until, owner = raw[32:].decode().split("/", 1)
            genuine = hmac.compare_digest(raw[:32], hmac.digest(self.key, raw[32:], "sha256"))
            return genuine and owner == instance and int(until) > time.time()
        except (ValueError, binascii.Error):
            return False

    def role_credentials(self, role: str, instance: str) -> dict[str, Any]:
        """Temporary credentials of a role, renewed when less than ten minutes are left."""
        known = self.credentials.get(f"{instance}/{role}")
        if known is None or known["until"] < time.time() + 600:
            answer = self.lab.api.post("/lab/machines/credentials", {"role": role, "session": instance})
            known = self.credentials[f"{instance}/{role}"] = answer | {"until": time.time() + 21600}
        return known


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Service
    server_version, sys_version = "EC2ws", ""
    protocol_version = "HTTP/1.1"
    timeout = 10

    def log_message(self, *args: Any) -> None:
        """Say nothing."""

    def _instance(self) -> dict[str, Any] | None:
        instance = self.server.instance(self.client_address[0])
        if instance is None or instance["imds"]["endpoint"] == "disabled":
            self._send(403 if instance else 404, "")
            return None
        return instance

    def do_PUT(self) -> None:
        """Give a session token."""
        if (instance := self._instance()) is None:
            return
        hops = int(instance["imds"]["hops"] or 1)
        self.connection.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, hops)
        seconds = self.headers.get(TOKEN_TTL, "")
        if self.path.rstrip("/") != "/latest/api/token":
            self._send(404, "")
        elif self.headers.get("X-Forwarded-For"):
            self._send(403, "")
        elif not seconds.isdigit() or not 1 <= int(seconds) <= 21600:
            self._send(400, "")
        else:
            self._send(200, self.server.token(instance["id"], int(seconds)), {TOKEN_TTL: seconds})

    def do_GET(self) -> None:
        """Answer a path."""
        if (instance := self._instance()) is None:
            return
        token = self.headers.get(TOKEN)
        if token is None and instance["imds"]["tokens"] == "required":
            self._send(401, "")
            return
        if token is not None and not self.server.valid(token, instance["id"]):
            self._send(401, "")
            return
        path = self.path.split("?")[0].strip("/")
        if path == "":
            self._send(200, "\n".join(VERSIONS))
            return
        version, _, rest = path.partition("/")
        answer = self._answer(instance, rest) if version in VERSIONS else None
        self._send(200 if answer is not None else 404, answer or "")

    def _send(self, status: int, text: str | bytes, headers: dict[str, str] | None = None) -> None:
        body = text if isinstance(text, bytes) else text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _answer(self, instance: dict[str, Any], path: str) -> str | bytes | None:
        """What is at a path below the version, or None."""
        if path == "":
            return "dynamic\nmeta-data" + ("\nuser-data" if instance["user_data"] else "")
        if path == "user-data":
            return decode_user_data(instance["user_data"]) or None
        tree = {"meta-data": self._meta_data(instance), "dynamic": self._dynamic(instance)}
        node: Any = tree
        for word in path.strip("/").split("/"):
            if not isinstance(node, dict) or word not in node:
                return None
            node = node[word]
        if callable(node):
            return str(node())
        if path.strip("/").endswith("public-keys"):
            return f"0={instance['key']}"
        if isinstance(node, dict):
            return "\n".join(f"{key}/" if isinstance(value, dict) else key for key, value in node.items())
        return str(node)

    def _meta_data(self, instance: dict[str, Any]) -> dict[str, Any]:
        region, vpc = instance["region"], self.server.lab.plan.vpcs[self.server.vpc]
        first = instance["interfaces"][0]
        domain = "ec2.internal" if region == "us-east-1" else f"{region}.compute.internal"
        name = f"{host_name(first['address'])}.{domain}"
        tree: dict[str, Any] = {
            "ami-id": instance["image"],
            "ami-launch-index": "0",
            "hostname": name,
            "instance-action": "none",
            "instance-id": instance["id"],
            "instance-life-cycle": "on-demand",
            "instance-type": instance["type"],
            "local-hostname": name,
            "local-ipv4": first["address"],
            "mac": first["mac"],
            "security-groups": "\n".join(sorted({g for card in instance["interfaces"] for g in card["groups"]})),
            "services": {"domain": "amazonaws.com", "partition": "aws"},
            "placement": {"availability-zone": instance["zone"], "region": region},
            "network": {"interfaces": {"macs": {card["mac"]: _card(card, vpc) for card in instance["interfaces"]}}},
        }
        if first["public"]:
            tree["public-ipv4"] = first["public"]
        if instance["public_key"]:
            tree["public-keys"] = {"0": {"openssh-key": instance["public_key"]}}
        if instance["imds"]["tags"] == "enabled":
            tree["tags"] = {"instance": dict(instance["tags"])}
        if "aws:autoscaling:groupName" in instance["tags"]:
            tree["autoscaling"] = {"target-lifecycle-state": instance["lifecycle"] or "InService"}
        if profile := instance["profile"]:
            roles = {arn.rsplit("/", 1)[1]: arn for arn in profile["roles"]}
            now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            about = {
                "Code": "Success",
                "LastUpdated": now,
                "InstanceProfileArn": profile["arn"],
                "InstanceProfileId": profile["id"],
            }
            tree["iam"] = {
                "info": json.dumps(about, indent=2),
                "security-credentials": {
                    role: (lambda arn=arn: self._credentials(arn, instance["id"])) for role, arn in roles.items()
                },
            }
        return tree

    def _credentials(self, role: str, instance: str) -> str:
        known = self.server.role_credentials(role, instance)
        now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        until = datetime.datetime.fromtimestamp(known["until"], datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        answer = {"Code": "Success", "LastUpdated": now, "Type": "AWS-HMAC", "AccessKeyId": known["access_key"]}
        answer |= {"SecretAccessKey": known["secret_key"], "Token": known["token"], "Expiration": until}
        return json.dumps(answer, indent=2)

    def _dynamic(self, instance: dict[str, Any]) -> dict[str, Any]:
        document = {
            "accountId": instance["account"],
            "architecture": "x86_64",
            "availabilityZone": instance["zone"],
            "imageId": instance["image"],
            "instanceId": instance["id"],
            "instanceType": instance["type"],
            "pendingTime": instance["launched"].replace(" ", "T")[:19] + "Z",
            "privateIp": instance["interfaces"][0]["address"],
            "region": instance["region"],
            "version": "2017-09-30",
        }
        return {"instance-identity": {"document": json.dumps(document, indent=2)}}


def _card(card: dict[str, Any], vpc: Any) -> dict[str, Any]:
    subnet = vpc.subnets[card["subnet"]]["cidr"]
    facts = {"device-number": "0", "interface-id": card["id"], "local-ipv4s": card["address"], "mac": card["mac"]}
    facts |= {"security-group-ids": "\n".join(card["groups"]), "subnet-id": card["subnet"], "vpc-id": vpc.id}
    facts |= {"subnet-ipv4-cidr-block": subnet, "vpc-ipv4-cidr-block": vpc.cidrs[0]}
    return facts | ({"public-ipv4s": card["public"]} if card["public"] else {})


def decode_user_data(text: str) -> bytes:
    """User data as the instance sees it: the API holds it in base64."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return text.encode()
