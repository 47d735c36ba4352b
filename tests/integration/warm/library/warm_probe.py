#!/usr/bin/python
# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module that behaves and misbehaves as told, for comparing connections."""

from __future__ import annotations

import atexit
import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time

from ansible.module_utils.basic import AnsibleModule

try:
    from ansible.module_utils.warm_util import VALUE
except ImportError:
    VALUE = None


class Left:
    """Says at its end that it was ended."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __del__(self) -> None:
        with open(self.path, "a") as out:  # names of this file may be gone by now
            out.write("finalized\n")


def say(path: str, line: str) -> None:
    with open(path, "a") as out:
        out.write(line)


def report() -> dict:
    """Everything of a process that a module could depend on."""
    umask = os.umask(0)
    os.umask(umask)
    environment = dict(os.environ)
    ignored = sorted(int(n) for n in signal.valid_signals() if signal.getsignal(n) is signal.SIG_IGN)
    return {
        "argv": sys.argv,
        "cgroup": open("/proc/self/cgroup").read(),
        "cmdline": open("/proc/self/cmdline").read(),
        "comm": open("/proc/self/comm").read(),
        "cwd": os.getcwd(),
        "encoding": [sys.stdin.encoding, sys.stdout.encoding, sys.stdout.errors, sys.getfilesystemencoding()],
        "environment": environment,
        "executable": sys.executable,
        "fds": sorted(int(fd) for fd in os.listdir("/proc/self/fd") if int(fd) < 900)[:4],
        "flags": str(sys.flags),
        "groups": os.getgroups(),
        "ids": [os.getresuid(), os.getresgid()],
        "ignored": ignored,
        "interrupt": signal.getsignal(signal.SIGINT) is signal.default_int_handler,
        "limits": [resource.getrlimit(n) for n in range(16)],
        "main": sys.modules["__main__"].__name__,
        "mask": sorted(int(n) for n in signal.pthread_sigmask(signal.SIG_BLOCK, ())),
        "nice": os.nice(0),
        "path": sys.path[1:],
        "stdin": sys.stdin.read(),
        "tempdir": tempfile.gettempdir(),
        "threads": threading.active_count(),
        "tty": [os.isatty(0), os.isatty(1), os.isatty(2)],
        "umask": umask,
        "util": VALUE,
        "zone": time.tzname,
    }


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "mode": {"type": "str", "required": True},
            "text": {"type": "str", "default": ""},
            "number": {"type": "int", "default": 0},
            "path": {"type": "path", "default": "/nonexistent"},
            "secret": {"type": "str", "no_log": True},
        },
        supports_check_mode=True,
    )
    mode, text, number, path = (module.params[name] for name in ("mode", "text", "number", "path"))
    if mode == "report":
        module.exit_json(changed=False, report=report())
    elif mode == "echo":
        module.exit_json(changed=True, text=text, check=module.check_mode, diff={"before": "a\n", "after": text + "\n"})
    elif mode == "secret":
        module.warn("warned of " + text)
        module.exit_json(changed=False, said=module.params["secret"], invocation_text=text)
    elif mode == "fail":
        module.fail_json(msg=text, number=number)
    elif mode == "exit":
        print(text)
        sys.exit(number)
    elif mode == "exit_text":
        sys.exit(text)
    elif mode == "hard_exit":
        print(text, flush=True)
        os._exit(number)
    elif mode == "raise":
        raise ValueError(text)
    elif mode == "raise_base":
        raise GeneratorExit(text)
    elif mode == "interrupt":
        raise KeyboardInterrupt
    elif mode == "segfault":
        ctypes.string_at(0)
    elif mode == "kill":
        print("before", flush=True)
        os.kill(os.getpid(), number)
        time.sleep(10)
    elif mode == "noise":
        print("noise before")
        print("noise on stderr", file=sys.stderr)
        atexit.register(print, "noise after")
        module.exit_json(changed=False)
    elif mode == "huge":
        module.exit_json(changed=False, text="é" * number, lines=["x"] * 1000)
    elif mode == "huge_crash":
        sys.stderr.write("e" * number)
        sys.stdout.write("o" * number)
        sys.exit(3)
    elif mode == "binary":
        sys.stdout.buffer.write(bytes(range(256)))
        sys.stderr.buffer.write(b"\xff\xfe\x00")
        sys.stdout.flush()
        sys.exit(1)
    elif mode == "fork":
        pid = os.fork()
        if not pid:
            print('{"changed": true, "from": "child"}', flush=True)
            os._exit(0)
        os.waitpid(pid, 0)
        sys.exit(0)
    elif mode == "daemon":
        pid = os.fork()
        if not pid:
            os.setsid()
            null = os.open(os.devnull, os.O_RDWR)
            for fd in (0, 1, 2):
                os.dup2(null, fd)
            if os.fork():
                os._exit(0)
            os.closerange(3, 4096)
            time.sleep(0.3)
            with open(path, "w") as out:
                out.write("daemon was here\n")
            os._exit(0)
        os.waitpid(pid, 0)
        module.exit_json(changed=True)
    elif mode == "leader":
        os.setsid()
        module.exit_json(changed=False, leader=os.getsid(0) == os.getpid())
    elif mode == "left":
        global LEFT
        LEFT = Left(path)
        atexit.register(say, path, "atexit\n")
        threading.Thread(target=lambda: (time.sleep(0.2), say(path, "thread\n"))).start()
        module.exit_json(changed=False)
    elif mode == "closed":
        print(json.dumps({"changed": False}), flush=True)
        os.close(1)
        print("lost")
        sys.exit(0)
    elif mode == "subprocess":
        out = subprocess.run(["sh", "-c", "echo out; echo err >&2; kill -9 $$"], capture_output=True, text=True)
        rc, stdout, stderr = module.run_command("echo $HOME; id -u", use_unsafe_shell=True)
        module.exit_json(changed=False, rc=out.returncode, out=out.stdout, err=out.stderr, command=[rc, stdout, stderr])
    elif mode == "respawn":
        from ansible.module_utils.common.respawn import has_respawned, respawn_module

        if not has_respawned():
            respawn_module(text)
        module.exit_json(changed=False, respawned=True, executable=sys.executable)
    elif mode == "sleep":
        say(path, "started\n")
        time.sleep(number)
        say(path, "ended\n")
        module.exit_json(changed=True)
    module.fail_json(msg=f"unknown mode {mode}")


if __name__ == "__main__":
    main()
