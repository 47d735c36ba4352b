# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One lock for whatever two runs must not do at once: a cell, a pair of cells, an application.

It is a parameter of AWS Systems Manager, written without Overwrite, which AWS refuses when it exists: the only conditional
create that works in an empty account, costs nothing and needs no resource beside it.
https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html

Who takes over a lock first writes a parameter named after the very lock it found, also without Overwrite, so that one of several
that found the same stale lock wins.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import time
import typing as t
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from getpass import getuser
from pathlib import Path

from ..sdk import ClientError

#: A lock that is not renewed for so long is stale; its owner renews it every third of that.
LEASE = timedelta(minutes=15)
#: Seconds in which what a killed run of this machine has left behind may come to its end before its lock is taken over.
WORKS_ON = 60.0
PREFIX = "/terrace/locks"
EXISTS, ABSENT = "ParameterAlreadyExists", "ParameterNotFound"


class HeldError(Exception):
    """Somebody else holds the lock. The message says who, since when and what to do."""


class LostError(Exception):
    """The lock was taken over while it was held."""


def process_start(pid: int) -> str:
    """When a process of this machine began, in the kernel's ticks.

    Empty where it does not run, or has ended and is only kept until its parent asks how: in a container that may be never.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]


def _works_on(pid: int) -> bool:
    """Whether anything that a process of this machine has started still runs, in its session: it may have left work behind."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _parent, _group, session = path.read_text().rpartition(")")[2].split()[:4]
        except (OSError, ValueError):
            continue
        if int(session) == pid and state != "Z":
            return True
    return False


def _boot() -> str:
    """What a process number means something in: the running kernel, and in it the container."""
    try:
        kernel = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{kernel} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""


@dataclass
class Owner:
    """Who holds a lock.

    :ivar name: user and machine, or the AWX job
    :ivar token: tells this holding from all others
    :ivar boot: identifies the running kernel of the owner's machine, for its processes can only be looked up there
    """

    name: str
    since: str
    expires: str
    token: str = field(default_factory=lambda: secrets.token_hex(8))
    boot: str = ""
    pid: int = 0
    started: str = ""

    @property
    def stale(self) -> bool:
        """Whether nobody holds it any more: it ran out, or its process on this very machine is gone with all it had started."""
        if datetime.now(UTC) >= datetime.fromisoformat(self.expires):
            return True
        return self.gone and not _works_on(self.pid)

    @property
    def gone(self) -> bool:
        """Whether its process, on this very machine, is gone; what that has started may still work."""
        return bool(self.boot) and self.boot == _boot() and process_start(self.pid) != self.started


def whoami() -> str:
    """What a lock's owner is called: the AWX job where there is one, else user and machine."""
    job = os.environ.get("JOB_ID")
    if job and (os.environ.get("AWX_HOST") or os.environ.get("TOWER_HOST")):
        return f"AWX job {job}"
    try:
        user = getuser()
    except (OSError, KeyError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


class Lock:
    """A lock by name, ``cell/production-use1`` for example.

    :param connect: makes a client of SSM in the region that keeps the lock; credentials may be renewed while it is held
    :param name: letters, digits, ``.-_/``
    :param pid: the process that holds it; this one by default. The lock is stale when that is gone
    """

    def __init__(self, connect: t.Callable[[], t.Any], name: str, pid: int = 0) -> None:
        self._connect = connect
        self._name = f"{PREFIX}/{name}"
        self._pid = pid or os.getpid()
        self._owner: Owner | None = None
        self._renewed = datetime.min.replace(tzinfo=UTC)

    def take(self, take_over: str = "") -> str:
        """Take the lock; returns what was taken over, for people, or nothing.

        :param take_over: the owner whose lock may be taken although it is not stale
        :raises HeldError: where somebody else holds it
        """
        mine = self._mine()
        if self._put(self._name, mine):
            self._have(mine)
            return ""
        found = self._read(self._name)
        if found is None:  # released in between
            return self.take(take_over)
        until = time.monotonic() + WORKS_ON
        while found.gone and not found.stale and time.monotonic() < until:
            time.sleep(0.5)
        if not found.stale and found.name != take_over:
            raise HeldError(
                f"{found.name} has been working on it since {found.since} (lock {self._name}, until {found.expires}). "
                f"Wait for that run; if it is certain that it is dead: -e 'terrace_take_lock={found.name}'"
            )
        if not self._claim(f"{self._name}.{found.token}", mine):
            raise HeldError(f"somebody else has just taken over the lock {self._name} of {found.name}; run again")
        # Who claimed late may find that another one has been through already.
        now = self._read(self._name)
        if now is None or now.token != found.token:
            self._drop(f"{self._name}.{found.token}")
            raise HeldError(f"somebody else has just taken over the lock {self._name} of {found.name}; run again")
        self._connect().put_parameter(Name=self._name, Value=json.dumps(asdict(mine)), Type="String", Overwrite=True)
        self._drop(f"{self._name}.{found.token}")
        self._have(mine)
        return f"the lock of {found.name}, held since {found.since}, was taken over"

    def resume(self, token: str) -> None:
        """Go on holding what another process of the run has taken.

        :param token: :attr:`token` there
        :raises LostError: where it was taken over
        """
        self._have(self._mine())
        self._owner.token = token
        self._still_held()

    @property
    def token(self) -> str:
        """What tells this holding from all others; empty where it is not held."""
        return self._owner.token if self._owner else ""

    def renew(self) -> None:
        """Keep it. Called often; asks AWS only every third of the lease.

        :raises LostError: where it was taken over
        """
        if self._owner is None or datetime.now(UTC) - self._renewed < LEASE / 3:
            return
        self._still_held()
        self._owner.expires = (datetime.now(UTC) + LEASE).isoformat(timespec="seconds")
        value = json.dumps(asdict(self._owner))
        self._connect().put_parameter(Name=self._name, Value=value, Type="String", Overwrite=True)
        self._renewed = datetime.now(UTC)

    def release(self) -> None:
        """Give it back, if it is still held."""
        if self._owner is None:
            return
        found = self._read(self._name)
        if found is not None and found.token == self._owner.token:
            self._drop(self._name)
        self._owner = None

    def _still_held(self) -> None:
        found = self._read(self._name)
        if found is None or found.token != self._owner.token:
            owner, self._owner = self._owner, None
            raise LostError(
                f"the lock {self._name} of {owner.name} was taken over by {found.name if found else 'somebody'}"
            )

    # -- AWS -----------------------------------------------------------------------------------------------------
    def _mine(self) -> Owner:
        now = datetime.now(UTC)
        return Owner(
            name=whoami(),
            since=now.isoformat(timespec="seconds"),
            expires=(now + LEASE).isoformat(timespec="seconds"),
            boot=_boot(),
            pid=self._pid,
            started=process_start(self._pid),
        )

    def _have(self, mine: Owner) -> None:
        self._owner, self._renewed = mine, datetime.now(UTC)

    def _claim(self, name: str, mine: Owner) -> bool:
        """Be the one who takes over; also from one who died while taking over."""
        if self._put(name, mine):
            return True
        rival = self._read(name)
        if rival is not None and rival.stale:
            self._drop(name)
        return False

    def _put(self, name: str, owner: Owner) -> bool:
        """Write a parameter unless it exists; whether it was written."""
        try:
            self._connect().put_parameter(Name=name, Value=json.dumps(asdict(owner)), Type="String", Overwrite=False)
        except ClientError as error:
            if error.response["Error"]["Code"] == EXISTS:
                return False
            raise
        return True

    def _read(self, name: str) -> Owner | None:
        try:
            return Owner(**json.loads(self._connect().get_parameter(Name=name)["Parameter"]["Value"]))
        except ClientError as error:
            if error.response["Error"]["Code"] == ABSENT:
                return None
            raise

    def _drop(self, name: str) -> None:
        try:
            self._connect().delete_parameter(Name=name)
        except ClientError as error:
            if error.response["Error"]["Code"] != ABSENT:
                raise
