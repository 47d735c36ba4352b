"""What whole runs of three_tier cost: the empty run against every published module called, and waits that overlap.

    .venv/bin/python bench/site_runs.py [second] [waits] [connection]

Every figure of one table is taken in one run of this program, against an emulated API of its own; calls are counted there.
TURNS (3 unless set) is how often `connection` runs each.
"""

from __future__ import annotations

import ctypes
import json
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from lab.api.testing import Lab, running_lab  # noqa: E402

PR_SET_CHILD_SUBREAPER = 36

#: Seconds until each is there, as the second measurement sets them at the emulated API.
DELAYS = {"rds": 40, "cache": 30, "load_balancer": 10, "nat_gateway": 8}


def play(lab: Lab, inventory: str, *arguments: str) -> tuple[float, str]:
    """Run site.yml; return its seconds and what it printed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment |= {"LAB_PORT": str(lab.port), "ANSIBLE_NOCOLOR": "1"}
    began = time.perf_counter()
    done = subprocess.run(
        [
            str(ROOT / ".venv/bin/ansible-playbook"),
            *("-i", f"inventories/three_tier/{inventory}", "-i", "inventories/lab"),
            "playbooks/site.yml",
            *arguments,
        ],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stdout[-4000:] + done.stderr[-1000:])
    return time.perf_counter() - began, done.stdout


def second_run() -> None:
    """The empty run on production (two cells), and the same with every published module called over local."""
    with running_lab() as lab:
        first, _output = play(lab, "production")
        runs = []
        for _run in range(3):
            lab.reset_calls()
            runs.append(play(lab, "production")[0])
            calls = lab.calls()
        lab.reset_calls()
        every, _output = play(lab, "production", "-e", "terrace_trust_plan=false", "-e", "ansible_connection=local")
        judged = lab.calls()
    second = sorted(runs)[1]
    print("## The second run of site.yml, three_tier production (two cells)\n")
    print("| | seconds | API calls a cell | of these writes |\n|---|---|---|---|")
    print(f"| first run | {first:.1f} | | |")
    print(f"| second run (median of {len(runs)}) | {second:.1f} | {calls['total'] / 2:.0f} | {calls['writes']} |")
    print(
        f"| every published module called over `local` | {every:.1f} | {judged['total'] / 2:.0f} | {judged['writes']} |"
    )
    print(f"\nThe second run is {every / second:.1f} times faster than the modules.\n")


def waits() -> None:
    """The first run of development, with and without provisioning delays."""
    with running_lab() as lab:
        plain, _output = play(lab, "development")
        lab.reset()
        lab.delays(**DELAYS)
        slow, output = play(lab, "development")
    longest = max(DELAYS.values())
    bound = 1.15 * (longest + plain)
    print("## The first run with provisioning delays, three_tier development\n")
    print(f"Delays: {json.dumps(DELAYS)} seconds. Longest chain of waits: {longest} s.\n")
    print("| | seconds |\n|---|---|")
    print(
        f"| without delays | {plain:.1f} |\n| with delays | {slow:.1f} |\n| 1.15 × (longest chain + without) | {bound:.1f} |"
    )
    print(f"| the sum, were each awaited alone | {plain + sum(DELAYS.values()):.1f} |\n")
    for line in re.findall(r"^\S+: waiting for .*$", output, flags=re.MULTILINE):
        print(f"    {line}")


def processor(lab: Lab) -> float:
    """CPU seconds of all that has been started here and has ended, the warm process awaited; without the lab's."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        left = pathlib.Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        left = [int(pid) for pid in left if int(pid) != lab.pid]
        if not left:
            break
        for pid in left:
            os.waitpid(pid, os.WNOHANG)
        time.sleep(0.1)
    times = os.times()
    return times.children_user + times.children_system


def connection() -> None:
    """The first run of development over both connections, by turns; the median by wall time."""
    # What a run leaves behind becomes a child of this process, so that its CPU time is counted.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    taken: dict[str, list[tuple[float, float, float]]] = {"terrace.aws.warm": [], "local": []}
    for _turn in range(int(os.environ.get("TURNS", "3"))):
        for name, runs in taken.items():
            with running_lab() as lab:
                before = processor(lab)
                seconds, _output = play(lab, "development", "-e", f"ansible_connection={name}")
                runs.append((seconds, processor(lab) - before, os.getloadavg()[0]))
    print("## The first run by connection, three_tier development\n")
    print("| connection | runs | seconds | CPU seconds | load |\n|---|---|---|---|---|")
    median = {name: sorted(runs)[len(runs) // 2] for name, runs in taken.items()}
    for name, (seconds, cpu, load) in median.items():
        print(f"| `{name}` | {len(taken[name])} | {seconds:.1f} | {cpu:.1f} | {load:.1f} |")
    warm, local = median["terrace.aws.warm"], median["local"]
    print(f"\n`warm` needs {local[0] / warm[0]:.1f} times less time and {local[1] / warm[1]:.1f} times less CPU.\n")


if __name__ == "__main__":
    parts = {"second": second_run, "waits": waits, "connection": connection}
    for part in sys.argv[1:] or parts:
        parts[part]()
