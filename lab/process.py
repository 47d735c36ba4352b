"""Start, find and stop the emulated API as a process of its own."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import ProxyHandler, Request, build_opener

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_PORT = 5566
READY_SECONDS = 90
# No proxy: the lab is on loopback, whatever the environment says.
_opener = build_opener(ProxyHandler({}))


class LabError(Exception):
    """The lab cannot do what was asked; the message says why and what would help."""


def state_dir() -> Path:
    """Where the lab keeps its pid and log: ``LAB_STATE_DIR``, else ``.lab`` in the repository."""
    return Path(os.environ.get("LAB_STATE_DIR") or ROOT / ".lab").resolve()


def default_port() -> int:
    """``LAB_PORT``, else 5566."""
    return int(os.environ.get("LAB_PORT") or DEFAULT_PORT)


def request(url: str, path: str, method: str = "GET", data: Any = None, timeout: float = 30) -> dict[str, Any]:
    """Call an admin endpoint and return its JSON; raises URLError or OSError when nobody answers."""
    body = json.dumps(data).encode() if data is not None else None
    asked = Request(url + path, data=body, method=method)  # noqa: S310 - the URL is the lab's own
    with _opener.open(asked, timeout=timeout) as response:
        return dict(json.loads(response.read()))


def status(url: str, timeout: float = 5) -> dict[str, Any] | None:
    """Return the status the lab at ``url`` gives, or None when no lab answers there."""
    try:
        return request(url, "/lab/status", timeout=timeout)
    except (URLError, OSError, ValueError):
        return None


def running(directory: Path | None = None) -> dict[str, Any] | None:
    """Return ``{pid, port, url}`` of the running lab, or None; a stale state file is removed."""
    path = (directory or state_dir()) / "api.json"
    try:
        state = dict(json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except ValueError:
        state = {}
    if state and _is_ours(int(state["pid"])):
        return state
    path.unlink(missing_ok=True)
    return None


def _is_ours(pid: int) -> bool:
    """True when the process lives and is an emulated API (a pid may have been given to another program since)."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        zombie = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return False
    return b"lab.api.server" in command and not zombie


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    directory.mkdir(parents=True, exist_ok=True)
    with open(directory / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def start(port: int | None = None, patches: bool = True, directory: Path | None = None) -> tuple[dict[str, Any], bool]:
    """Start the API unless it runs; return its state and whether it was started now. Port 0 takes a free one."""
    directory = directory or state_dir()
    with _locked(directory):
        if state := running(directory):
            if port and port != state["port"]:
                raise LabError(f"the lab already runs at {state['url']}; stop it first to move it to port {port}")
            return state, False
        port = default_port() if port is None else port
        log = directory / "api.log"
        command = [sys.executable, "-m", "lab.api.server", "--port", str(port)]
        command += [] if patches else ["--no-patches"]
        with open(log, "wb") as output:
            child = subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
        state = _await(child, log)
        (directory / "api.json").write_text(json.dumps(state))
        return state, True


def _await(child: subprocess.Popen[bytes], log: Path) -> dict[str, Any]:
    """Wait until the server says where it listens and answers there."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        text = log.read_text(errors="replace")
        if child.poll() is not None:
            reason = "the port is in use by another program" if "Address already in use" in text else f"see {log}"
            raise LabError(f"the emulated API did not start: {reason}\n{text[-600:].strip()}")
        if "listening on " in text:
            url = text.split("listening on ", 1)[1].split()[0]
            if status(url):
                return {"pid": child.pid, "port": int(url.rsplit(":", 1)[1]), "url": url, "log": str(log)}
        time.sleep(0.05)
    child.kill()
    raise LabError(f"the emulated API did not answer within {READY_SECONDS} s: see {log}")


def stop(directory: Path | None = None) -> bool:
    """Stop the API and remove what it left; return whether one ran."""
    directory = directory or state_dir()
    if not directory.exists():
        return False
    with _locked(directory):
        state = running(directory)
        if state:
            _end(int(state["pid"]))
        for name in ("api.json", "api.log"):
            (directory / name).unlink(missing_ok=True)
    (directory / "lock").unlink(missing_ok=True)
    with suppress(OSError):  # the machines keep their own things there
        directory.rmdir()
    return state is not None


def _end(pid: int) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
        for _ in range(100):
            if not _is_ours(pid):
                return
            time.sleep(0.05)
