# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible's side of the warm connection: find the warm process that is fit for a call, or start it."""

from __future__ import annotations

import fcntl
import functools
import hashlib
import json
import multiprocessing
import os
import re
import resource
import select
import socket
import stat
import struct
import subprocess
import time
from pathlib import Path

from .command import Command, Unavailable

HERE = Path(__file__).parent
PEER = struct.Struct("3i")
# Variables that work when a process or its libraries start, not later: another value is another server.
AT_START = re.compile(
    r"(PYTHON|LC_|LD_|MALLOC_|OPENSSL_|COVERAGE_|SETUPTOOLS_|GLIBC_|GCONV_|LOCPATH\Z|NLSPATH\Z|LANG\Z|LANGUAGE\Z|HOME\Z)"
)
# Collections whose module_utils may be preloaded, if they are installed.
COLLECTIONS = ("amazon.aws", "community.aws", "community.postgresql", "kubernetes.core", "terrace.aws")
FAILED_FOR = 60.0  # seconds for which a server that did not start is not tried again


def private_directory(wanted: str | None) -> Path:
    """A directory only this user can enter. Raises Unavailable when there is none."""
    uid = os.geteuid()
    runtime = os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{uid}"
    candidates = [Path(wanted)] if wanted else [Path(runtime, "terrace-warm"), Path("/dev/shm", f"terrace-warm-{uid}")]  # noqa: S108 - checked below
    if not wanted:
        candidates.append(Path(os.environ.get("TMPDIR") or "/tmp", f"terrace-warm-{uid}"))  # noqa: S108
    problems = []
    for path in candidates:
        try:
            path.mkdir(mode=0o700)
        except FileExistsError:
            pass
        except OSError as ex:
            problems.append(f"{path}: {ex.strerror}")
            continue
        found = os.lstat(path)
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != uid or found.st_mode & 0o077:
            problems.append(f"{path} is not a directory of this user with mode 0700")
        elif len(os.fsencode(path)) > 75:
            problems.append(f"{path} is too long for a socket")
        elif not os.access(path, os.W_OK | os.X_OK):
            problems.append(f"{path} cannot be written to")
        else:
            return path
    raise Unavailable("no private directory for the socket: " + "; ".join(problems))


def read(path: str) -> str:
    try:
        return Path(path).read_text()
    except (OSError, ValueError):
        return ""


def started(pid: int) -> str:
    """Start time of a process; empty when it is gone."""
    return (read(f"/proc/{pid}/stat").rpartition(")")[2].split() + [""] * 20)[19]


def this_run() -> tuple[int, str]:
    """The ansible process whose worker this is: its id and start time."""
    parent = multiprocessing.parent_process()
    pid = parent.pid if parent and parent.pid else os.getpid()
    return pid, started(pid)


def state(path: str) -> list | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return [found.st_ino, found.st_dev, found.st_size, found.st_mtime_ns]


def connect(path: str) -> socket.socket | None:
    """A connection to the running server, or None. Raises Unavailable."""
    conn = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        conn.connect(path)
    except (FileNotFoundError, ConnectionRefusedError):
        conn.close()
        return None
    except OSError as ex:
        conn.close()
        raise Unavailable(f"{path}: {ex.strerror}") from ex
    peer = PEER.unpack(conn.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, PEER.size))
    if peer[1] != os.geteuid():
        conn.close()
        raise Unavailable(f"the server at {path} belongs to user id {peer[1]}")
    return conn


@functools.cache
def surroundings(_pid: int) -> list:
    """What a process is born with and Ansible does not change in it: found out once in each worker."""
    return [
        os.getresuid(), os.getresgid(), os.getgroups(), os.nice(0), sorted(os.sched_getaffinity(0)),
        [resource.getrlimit(number) for number in range(16)],
        [os.readlink(f"/proc/self/ns/{name}") for name in sorted(os.listdir("/proc/self/ns"))],
        read("/proc/self/cgroup"), read("/proc/self/attr/current"), read("/proc/self/oom_score_adj"),
    ]  # fmt: skip


class Server:
    """The warm process for one interpreter, environment and set of options, wherever it is now."""

    def __init__(self, command: Command, config: dict, directory: str | None) -> None:
        self.command = command
        self.environment = {**os.environ, **dict(command.assignments)}
        self.directory = private_directory(directory)
        self.config = config
        self.key = self.fingerprint()
        self.path = str(self.directory / f"{self.key}.sock")

    def fingerprint(self) -> str:
        """A name for everything that makes one process not fit for the call of another."""
        interpreter = self.command.interpreter
        if state(interpreter) is None:
            raise Unavailable(f"{interpreter} does not exist")
        real = os.path.realpath(interpreter)
        facts = [
            surroundings(os.getpid()), state("/"),
            interpreter, real, state(real), state(str(Path(interpreter).parent.parent / "pyvenv.cfg")),
            sorted((name, value) for name, value in self.environment.items() if AT_START.match(name)),
            sorted((name, state(f"{HERE}/{name}")) for name in os.listdir(HERE) if name.endswith(".py")),
            {name: value for name, value in self.config.items() if name not in ("idle", "linger")},
            [[root, state(root), state(f"{root}/MANIFEST.json")] for root in self.config["collections"].values()],
        ]  # fmt: skip
        return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()[:24]

    def connect(self) -> socket.socket | None:
        return connect(self.path)

    def connect_or_start(self, timeout: float, payload: bytes) -> socket.socket:
        """A connection; of many that want one at once a single one starts the server. Raises Unavailable."""
        deadline = time.monotonic() + timeout
        if conn := self.connect():
            return conn
        lock = os.open(self.path[:-5] + ".lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise Unavailable("another process has been starting the server for too long") from None
                    time.sleep(0.02)
            if conn := self.connect():
                return conn
            self.start(deadline, payload)
            if conn := self.connect():
                return conn
            raise Unavailable("the server ended as soon as it had started")
        finally:
            os.close(lock)

    def start(self, deadline: float, payload: bytes) -> None:
        """Start the server and wait until it listens. The caller holds the lock. Raises Unavailable."""
        failed = Path(self.path[:-5] + ".failed")
        if failed.exists() and time.time() - failed.stat().st_mtime < FAILED_FOR:
            raise Unavailable(f"the server did not start a moment ago: {failed.read_text()}")
        config = {**self.config, "run": this_run(), "socket": self.path, "log": self.path[:-5] + ".log"}
        answer_read, answer_write = os.pipe2(os.O_CLOEXEC)
        boot = self.boot(config, answer_write, payload)
        try:
            # There is no module here whose run_command could be called.
            subprocess.run(  # pylint: disable=ansible-bad-function
                [self.command.interpreter], input=boot, check=False, env=self.environment, pass_fds=(answer_write,),
                cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=max(1.0, deadline - time.monotonic()),
            )  # fmt: skip
            os.close(answer_write)
            answer_write = -1
            answer = json.loads(receive_line(answer_read, deadline) or b'{"error": "it ended before it listened"}')
        except (OSError, subprocess.SubprocessError, ValueError) as ex:
            answer = {"error": f"{type(ex).__name__}: {ex}"}
        finally:
            os.close(answer_read)
            if answer_write >= 0:
                os.close(answer_write)
        if "error" in answer:
            failed.write_text(answer["error"])
            raise Unavailable(f"the server did not start: {answer['error']}")
        failed.unlink(missing_ok=True)

    @staticmethod
    def boot(config: dict, status: int, payload: bytes) -> bytes:
        """The server's program, for standard input.

        A child's stack goes on from here, and a module can show it (in the traceback of a failure). So the functions and
        the lines with the calls are those of the wrapper in the payload.
        """
        lines = payload.split(b"\n", 1000)

        def line(*starts: bytes) -> int:
            """Number of the first line with one of these, after the one with the one before."""
            number = 0
            for start in starts:
                number = next((n for n in range(number, len(lines) - 1) if lines[n].strip().startswith(start)), number)
            return number

        invoke = max(line(b"def invoke_module(", b"_loader.run_module("), 20)
        main = max(line(b"encoded_params =", b"invoke_module("), invoke + 10)
        call = max(line(b'if __name__ == "__main__"', b"_ansiballz_main("), main + 5)
        text = [""] * (call + 10)
        text[0] = "import importlib.util, json, sys"
        text[1] = f"spec = importlib.util.spec_from_file_location('_terrace_warm', {str(HERE / '__init__.py')!r},"
        text[2] = f"    submodule_search_locations=[{str(HERE)!r}])"
        text[3] = "sys.modules['_terrace_warm'] = importlib.util.module_from_spec(spec)"
        text[4] = "from _terrace_warm import boot"
        text[5] = f"started = boot.main, json.loads({json.dumps(config)!r}), {status}"
        text[6] = "for name in ('spec', 'importlib', 'json', 'sys', 'boot', 'name'): globals().pop(name, None)"
        text[invoke - 1] = "def invoke_module(function, arguments):"
        text[invoke] = "    function(**arguments)"
        text[main - 1] = "def _ansiballz_main(function, arguments):"
        text[main] = "    invoke_module(function, arguments)"
        text[call - 3] = "started, ended = started[0](*started[1:])"
        text[call - 2] = "try:"
        text[call - 1] = "    pass"
        text[call] = "    _ansiballz_main(*globals().pop('started'))"
        text[call + 1] = "except BaseException as ex: globals().pop('ended')(ex)"
        text[call + 2] = "globals().pop('ended')(None)"
        return "\n".join(text).encode()


def receive_line(fd: int, deadline: float) -> bytes:
    """One line from a descriptor, byte for byte so that nothing behind it is lost; empty at its end. Raises Unavailable."""
    line = bytearray()
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    while not line.endswith(b"\n"):
        if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
            raise Unavailable("the server does not answer")
        data = os.read(fd, 65536)
        if not data:
            return b""
        line += data
    return bytes(line)
