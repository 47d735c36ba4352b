"""A lab of one's own for tests: ``with running_lab() as lab: ...``."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from lab import process

ACCESS_KEY = "lab"
#: Ansible hides a secret key wherever it appears in output, so it is a word that appears nowhere else.
SECRET_KEY = "only-the-lab-knows-this"  # noqa: S105 - no secret
DEFAULT_ACCOUNT = "123456789012"


@dataclass
class Lab:
    """A running lab and what can be asked of it."""

    url: str
    port: int
    pid: int
    _sessions: dict[str, boto3.Session] = field(default_factory=dict)

    def calls(self) -> dict[str, Any]:
        """Return the counts of GET /lab/calls."""
        return process.request(self.url, "/lab/calls")

    def reset_calls(self) -> None:
        """Count from zero again."""
        process.request(self.url, "/lab/calls/reset", method="POST")

    def reset(self) -> None:
        """Empty every account; no delays, no faults, counts at zero."""
        # The default account's session stays: it holds the parsed service models, which take long to load.
        self._sessions = {account: s for account, s in self._sessions.items() if account == DEFAULT_ACCOUNT}
        process.request(self.url, "/lab/reset", method="POST")

    def faults(self, rate: float = 0.0, **spec: Any) -> None:
        """Inject faults (kinds, seed, services, operations, regions, seconds, limit) from now on; rate 0 ends them."""
        process.request(self.url, "/lab/faults", method="POST", data={"rate": rate, **spec})

    def delays(self, **seconds: float) -> None:
        """Set provisioning delays by name, in seconds."""
        process.request(self.url, "/lab/delays", method="POST", data=seconds)

    def target_health(self, target_group_arn: str, instance_id: str, port: int | None, state: str, **why: str) -> None:
        """Report the health of a target."""
        data = {"target_group_arn": target_group_arn, "instance_id": instance_id, "port": port, "state": state, **why}
        process.request(self.url, "/lab/target-health", method="POST", data=data)

    def state(self, service: str, resource: str, state: str, **where: str) -> None:
        """Put a resource into a state AWS comes to by itself (see ``lab.api.states``); ``where``: region, account."""
        data = {"service": service, "resource": resource, "state": state, **where}
        process.request(self.url, "/lab/state", method="POST", data=data)

    def environment(self, region: str = "us-east-1") -> dict[str, str]:
        """Return the variables that point ansible, boto3 or the AWS CLI at this lab, to be merged into os.environ."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_REGION": region,
            "LAB_PORT": str(self.port),
        }

    def client(
        self, service: str, region: str = "us-east-1", account: str = DEFAULT_ACCOUNT, retries: int = 1, **more: Any
    ) -> Any:
        """Return a boto3 client; ``retries`` is the number of attempts, another account is entered by assume role."""
        session = self._session(account)
        config = Config(retries={"total_max_attempts": retries, "mode": "standard"}, **more)
        return session.client(service, region_name=region, endpoint_url=self.url, config=config)

    def _session(self, account: str) -> boto3.Session:
        if account not in self._sessions:
            keys = {"aws_access_key_id": ACCESS_KEY, "aws_secret_access_key": SECRET_KEY}
            if account != DEFAULT_ACCOUNT:
                role = {"RoleArn": f"arn:aws:iam::{account}:role/lab", "RoleSessionName": "lab"}
                issued = self.client("sts").assume_role(**role)["Credentials"]
                keys = {"aws_access_key_id": issued["AccessKeyId"], "aws_secret_access_key": issued["SecretAccessKey"]}
                keys["aws_session_token"] = issued["SessionToken"]
            self._sessions[account] = boto3.Session(**keys)
        return self._sessions[account]


def free_port() -> int:
    """A port of loopback nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_lab(delays: dict[str, float] | None = None, patches: bool = True) -> Iterator[Lab]:
    """Start a lab on a free port with a state directory of its own, yield it, stop it."""
    with tempfile.TemporaryDirectory(prefix="terrace-lab-") as name:
        directory = Path(name)
        state, _ = process.start(port=0, patches=patches, directory=directory)
        try:
            lab = Lab(state["url"], state["port"], state["pid"])
            if delays:
                lab.delays(**delays)
            yield lab
        finally:
            process.stop(directory)
            directory.mkdir(exist_ok=True)  # stop() removed it; the context manager wants to
