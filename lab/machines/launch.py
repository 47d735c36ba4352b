# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs one machine: `launch.py SPEC.json`. Alone in its file, with the standard library only, so that it starts fast.

It makes the mount, PID, host name, IPC and cgroup namespaces, puts an overlay of the image's layers at the root and
starts the program there (systemd for an instance, the server for a managed service); then it stays as the machine's
keeper: it logs the console, starts the machine again after a reboot, and writes down how it ended.

Why not podman or systemd-nspawn: this boots the same way under cgroup v1, v2 and both mounted at once (the machine
always gets a cgroup2 tree of its own), needs nothing installed, and starts in a tenth of a second.

SPEC: {root, layers: [top first], upper, work, namespace, hostname, cgroup, argv, env: {}, console: path, result: path,
binds: [[source, target, "ro"|"rw"]], systemd: bool, user: "name" or null, nofile: int}
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import pty
import pwd
import resource
import select
import signal
import sys
import termios
import time

libc = ctypes.CDLL(None, use_errno=True)
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = (
    1,
    2,
    4,
    8,
    32,
    4096,
    16384,
    1 << 18,
)
MNT_DETACH = 2
SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
PR_CAPBSET_DROP = 24
#: What a machine must not do to the host's kernel: capabilities(7) by number.
DROPPED = {
    "MKNOD": 27, "LINUX_IMMUTABLE": 9, "SYS_MODULE": 16, "SYS_RAWIO": 17, "SYS_PACCT": 20, "SYS_TIME": 25,
    "SYS_TTY_CONFIG": 26, "AUDIT_CONTROL": 30, "MAC_OVERRIDE": 32, "MAC_ADMIN": 33, "SYSLOG": 34,
    "WAKE_ALARM": 35, "BLOCK_SUSPEND": 36, "AUDIT_READ": 37, "PERFMON": 38, "BPF": 39, "CHECKPOINT_RESTORE": 40,
}  # fmt: skip
NAMESPACES = os.CLONE_NEWNS | os.CLONE_NEWUTS | os.CLONE_NEWIPC | os.CLONE_NEWPID | os.CLONE_NEWCGROUP
CONSOLE_LIMIT = 256 * 1024


def main() -> int:
    with open(sys.argv[1]) as file:
        spec = json.load(file)
    namespace = os.open(f"/run/netns/{spec['namespace']}", os.O_RDONLY)
    os.setns(namespace, os.CLONE_NEWNET)
    os.close(namespace)
    while True:
        ended = once(spec)
        # The kernel tells a reboot inside a PID namespace from a power-off by the signal that ends its first process.
        if not (os.WIFSIGNALED(ended) and os.WTERMSIG(ended) == signal.SIGHUP):
            break
    how = "poweroff" if os.WIFSIGNALED(ended) and os.WTERMSIG(ended) == signal.SIGINT else f"status {ended}"
    with open(spec["result"], "w") as file:
        file.write(how + "\n")
    return 0


def once(spec: dict) -> int:
    """One boot: start the machine, copy its console until it ends, and return its wait status."""
    keeper, machine = (os.path.join(spec["cgroup"], name) for name in ("keeper", "machine"))
    enter_cgroup(keeper)
    master, slave = pty.openpty()
    quiet = termios.tcgetattr(slave)
    quiet[1] &= ~termios.OPOST
    termios.tcsetattr(slave, termios.TCSANOW, quiet)
    # The keeper must stay outside the PID namespace, so a middle process unshares and forks the first one of it.
    middle = os.fork()
    if middle == 0:
        # systemd owns its cgroup root alone: this process leaves it again, through a file opened outside the namespace.
        with open(os.path.join(keeper, "cgroup.procs"), "w") as way_back:
            enter_cgroup(machine)
            os.unshare(NAMESPACES)
            inner = os.fork()
            if inner:
                way_back.write(str(os.getpid()))
        if inner == 0:
            os.close(master)
            try:
                become(spec, slave)
            except BaseException as error:  # the keeper's log is the only place left to say it
                os.write(2, f"{spec['hostname']}: {type(error).__name__}: {error}\n".encode())
                os._exit(111)
        os.close(slave)
        _, status = os.waitpid(inner, 0)
        # Hand the wait status on faithfully.
        if os.WIFSIGNALED(status):
            os._exit(128 + os.WTERMSIG(status))
        os._exit(os.WEXITSTATUS(status))
    os.close(slave)
    copy_console(master, middle, spec["console"])
    _, status = os.waitpid(middle, 0)
    code = os.waitstatus_to_exitcode(status)
    return code - 128 if code > 128 else status


def enter_cgroup(path: str) -> None:
    """Move into a cgroup2 directory, made when it is not there."""
    os.makedirs(path, exist_ok=True)
    with open(os.path.join(path, "cgroup.procs"), "w") as file:
        file.write(str(os.getpid()))


def copy_console(master: int, child: int, path: str) -> None:
    """Append what the machine writes on its console to a file of bounded size, until the machine has ended."""
    pidfd = os.pidfd_open(child)
    written = os.path.getsize(path) if os.path.exists(path) else 0
    with open(path, "ab", buffering=0) as log:
        while True:
            ready, _, _ = select.select([master, pidfd], [], [])
            if master in ready:
                try:
                    text = os.read(master, 65536)
                except OSError:  # nobody has the console open just now
                    if pidfd in ready:
                        break
                    time.sleep(0.05)
                    continue
                if written < CONSOLE_LIMIT:
                    written += log.write(text)
            elif pidfd in ready:
                break
    os.close(pidfd)
    os.close(master)


def mount(source: str, target: str, kind: str, flags: int = 0, options: str = "") -> None:
    if libc.mount(source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), options.encode()):
        number = ctypes.get_errno()
        raise OSError(number, f"mount {kind or source} on {target}: {os.strerror(number)}")


def become(spec: dict, console: int) -> None:
    """Build the machine's root, take what it may not have, and become its first program. Never returns."""
    root = spec["root"]
    mount("none", "/", "", MS_REC | MS_PRIVATE)
    layers = ":".join(spec["layers"])
    mount("overlay", root, "overlay", 0, f"lowerdir={layers},upperdir={spec['upper']},workdir={spec['work']}")
    mount("proc", f"{root}/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    mount("sysfs", f"{root}/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY)
    devices(root, console)
    mount("tmpfs", f"{root}/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=64m")
    if spec.get("systemd"):
        mount("cgroup2", f"{root}/sys/fs/cgroup", "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    for path in ("/proc/sysrq-trigger", "/proc/irq", "/proc/bus"):
        if os.path.exists(root + path):
            bind(root + path, root + path, read_only=True)
    for path in ("/proc/kcore", "/proc/keys", "/proc/timer_list"):
        if os.path.exists(root + path):
            bind("/dev/null", root + path)
    boot_id(root)
    # Settings of the kernel are the host's; those of the network belong to the machine.
    bind(f"{root}/proc/sys/net", f"{root}/proc/sys/net")
    bind(f"{root}/proc/sys", f"{root}/proc/sys", read_only=True)
    for source, target, mode in spec.get("binds", ()):
        place = root + target
        if os.path.isdir(source):
            os.makedirs(place, exist_ok=True)
        elif not os.path.lexists(place):
            os.makedirs(os.path.dirname(place), exist_ok=True)
            open(place, "w").close()
        bind(source, place, read_only=mode == "ro")
    pivot(root)
    name = spec["hostname"].encode()
    if libc.sethostname(name, len(name)):
        raise OSError(ctypes.get_errno(), "sethostname")
    for number in DROPPED.values():
        libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(spec.get("nofile", 1024), hard), hard))
    os.umask(0o022)
    os.setsid()
    fcntl.ioctl(console, termios.TIOCSCTTY, 0)
    for number in (0, 1, 2):
        os.dup2(console, number)
    os.closerange(3, 256)
    if spec.get("user"):
        entry = pwd.getpwnam(spec["user"])
        os.initgroups(entry.pw_name, entry.pw_gid)
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
    for number in range(1, signal.NSIG):
        if number not in (signal.SIGKILL, signal.SIGSTOP) and signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    argv = spec["argv"]
    path = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
    os.execve(argv[0], argv, path | spec.get("env", {}))  # noqa: S606 - that is the point


def bind(source: str, target: str, read_only: bool = False) -> None:
    mount(source, target, "", MS_BIND | MS_REC)
    if read_only:
        mount(source, target, "", MS_BIND | MS_REMOUNT | MS_RDONLY)


def boot_id(root: str) -> None:
    """Give this boot a name of its own: the kernel's is the host's, and who awaits a reboot awaits another one."""
    path = f"{root}/run/boot-id"
    with open("/proc/sys/kernel/random/uuid") as fresh, open(path, "w") as file:
        file.write(fresh.read())
    bind(path, f"{root}/proc/sys/kernel/random/boot_id", read_only=True)
    os.unlink(path)  # the mount keeps it


def devices(root: str, console: int) -> None:
    """A /dev of the machine's own: the harmless nodes, terminals, shared memory, and the console the keeper logs."""
    dev = f"{root}/dev"
    mount("tmpfs", dev, "tmpfs", MS_NOSUID, "mode=755,size=64k")
    for name in ("null", "zero", "full", "random", "urandom", "tty"):
        open(f"{dev}/{name}", "w").close()
        bind(f"/dev/{name}", f"{dev}/{name}")
    for name in ("pts", "shm", "mqueue"):
        os.mkdir(f"{dev}/{name}")
    terminal = os.ttyname(console)
    open(f"{dev}/console", "w").close()
    bind(terminal, f"{dev}/console")
    mount("devpts", f"{dev}/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=620,gid=5")
    mount("tmpfs", f"{dev}/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777")
    links = {"ptmx": "pts/ptmx", "fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1"}
    for name, target in (links | {"stderr": "/proc/self/fd/2"}).items():
        os.symlink(target, f"{dev}/{name}")


def pivot(root: str) -> None:
    """Make `root` the root of this mount namespace and let go of the host's."""
    os.chdir(root)
    if libc.syscall(SYS_PIVOT_ROOT[os.uname().machine], b".", b"."):
        raise OSError(ctypes.get_errno(), "pivot_root")
    if libc.umount2(b".", MNT_DETACH):
        raise OSError(ctypes.get_errno(), "umount of the old root")
    os.chdir("/")


if __name__ == "__main__":
    sys.exit(main())
