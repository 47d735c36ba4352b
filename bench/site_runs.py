"""What whole runs cost: the empty run against every published module called, a single change, waits that overlap, many cells.

    .venv/bin/python bench/site_runs.py [second] [single] [waits] [connection] [cells]

Every figure of one table is taken in one run of this program, against an emulated API of its own; calls are counted there.
TURNS (3 unless set) is how often `single` and `connection` run each; CELLS (1,10,50 unless set) are the numbers of cells that
`cells` compares.
"""

from __future__ import annotations

import ctypes
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time

import yaml

ROOT = pathlib.Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from lab.api.testing import Lab, running_lab  # noqa: E402

PR_SET_CHILD_SUBREAPER = 36

#: Seconds until each is there, as the second measurement sets them at the emulated API.
DELAYS = {"rds": 40, "cache": 30, "load_balancer": 10, "nat_gateway": 8}


#: Another network for the one rule of the bastions' security group.
ANOTHER_NETWORK = json.dumps({"three_tier_ssh_cidrs": ["203.0.113.0/24"]})


def play(lab: Lab, inventory: str | pathlib.Path, *arguments: str) -> tuple[float, str]:
    """Run site.yml; return its seconds and what it printed.

    :param inventory: an environment of three_tier, or the folder of another inventory
    """
    where = inventory if isinstance(inventory, pathlib.Path) else f"inventories/three_tier/{inventory}"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment |= {"LAB_PORT": str(lab.port), "ANSIBLE_NOCOLOR": "1"}
    began = time.perf_counter()
    done = subprocess.run(
        [
            str(ROOT / ".venv/bin/ansible-playbook"),
            *("-i", str(where), "-i", "inventories/lab"),
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


def run(lab: Lab, inventory: str | pathlib.Path, *arguments: str) -> tuple[float, float, str]:
    """The same with the CPU seconds of Ansible and its workers; without those of the warm process."""
    before = os.times()
    seconds, output = play(lab, inventory, *arguments)
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return seconds, cpu, output


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


def single_change() -> None:
    """One rule of the bastions' security group in both cells of production, and the empty run beside it, by turns."""
    adopt_what_runs_leave()
    taken: dict[str, list[tuple[float, float, float]]] = {"empty run": [], "single change": []}
    with running_lab() as lab:
        play(lab, "production")
        given: list[str] = []
        for _turn in range(int(os.environ.get("TURNS", "3"))):
            for name, runs in taken.items():
                if name == "single change":
                    given = [] if given else ["-e", ANOTHER_NETWORK]
                lab.reset_calls()
                before = processor(lab)
                seconds, output = play(lab, "production", *given)
                calls = lab.calls()["total"] / 2
                changed = len(re.findall("^\\S+: Done: 0 added, 1 changed, 0 removed$", output, flags=re.MULTILINE))
                if changed != (2 if name == "single change" else 0):
                    raise SystemExit(f"not what was to change:\n{output[-3000:]}")
                runs.append((seconds, processor(lab) - before, calls))
    print("## A single change, three_tier production (two cells)\n")
    print("One rule of the bastions' security group, in both cells.\n")
    print("| | runs | seconds, median | CPU seconds | API calls a cell |\n|---|---|---|---|---|")
    median = {name: sorted(runs)[len(runs) // 2] for name, runs in taken.items()}
    for name, (seconds, cpu, calls) in median.items():
        print(f"| {name} | {len(taken[name])} | {seconds:.1f} | {cpu:.1f} | {calls:.0f} |")
    one, empty = median["single change"], median["empty run"]
    print(
        f"\nThe single change takes {one[0] / empty[0]:.2f} times the empty run's time, {one[1] / empty[1]:.2f} times its CPU.\n"
    )


def small_cells(folder: pathlib.Path, number: int) -> pathlib.Path:
    """An inventory of so many cells of one account and region: a VPC, two subnets, a gateway, routes and two groups each."""
    (folder / "group_vars").mkdir()
    shared = {
        "ansible_connection": "terrace.aws.warm",
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        "cell_region": "us-east-1",
        "cell_account": "123456789012",
        "network_vpcs": {"main": {"cidr": "10.0.0.0/16"}},
        "network_subnets": {
            f"public-{zone}": {"vpc": "main", "cidr": f"10.0.{place}.0/24", "zone": f"us-east-1{zone}"}
            for place, zone in enumerate("ab")
        },
        "network_internet_gateways": {"main": {"vpc": "main"}},
        "firewall_security_groups": {
            "web": {"vpc": "main", "ingress": {"https": {"ports": ["443"], "from": ["0.0.0.0/0"]}}},
            "app": {"vpc": "main", "ingress": {"http": {"ports": ["8000"], "from": ["web"]}}},
        },
    }
    (folder / "group_vars" / "cells.yml").write_text(yaml.safe_dump(shared, sort_keys=False))
    hosts = {f"small-{place:03}": None for place in range(number)}
    (folder / "hosts.yml").write_text(yaml.safe_dump({"cells": {"hosts": hosts}}))
    return folder


class Memory(threading.Thread):
    """Watches how much memory this process's descendants use together, but for one of them.

    :ivar most: MiB of proportional set size at the worst moment
    """

    def __init__(self, but: int) -> None:
        super().__init__(daemon=True)
        self._but, self._stop, self.most = but, threading.Event(), 0.0

    def __enter__(self) -> Memory:
        self.start()
        return self

    def __exit__(self, *_details: object) -> None:
        self._stop.set()
        self.join()

    def run(self) -> None:
        while not self._stop.wait(0.2):
            self.most = max(self.most, sum(map(self._used, self._descendants(os.getpid()))))

    def _descendants(self, pid: int) -> list[int]:
        try:
            found = pathlib.Path(f"/proc/{pid}/task").glob("*/children")
            children = [int(child) for each in found for child in each.read_text().split() if int(child) != self._but]
        except OSError:
            return []
        return children + [one for child in children for one in self._descendants(child)]

    @staticmethod
    def _used(pid: int) -> float:
        try:
            lines = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            return 0.0
        return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0) / 1024


def many_cells() -> None:
    """The empty run on more and more small cells."""
    rows = []
    for number in [int(word) for word in os.environ.get("CELLS", "1,10,50").split(",")]:
        with running_lab() as lab, tempfile.TemporaryDirectory() as name:
            where = small_cells(pathlib.Path(name), number)
            first, _cpu, _output = run(lab, where)
            lab.reset_calls()
            with Memory(but=lab.pid) as memory:
                seconds, cpu, output = run(lab, where)
            if output.count("Done: 0 added, 0 changed, 0 removed") != number:
                raise SystemExit(f"something was changed:\n{output[-3000:]}")
            calls = lab.calls()["total"]
        rows.append((number, first, seconds, cpu, calls / number, memory.most))
        print(rows[-1], file=sys.stderr, flush=True)
    print("## The empty run on many cells\n")
    print(
        "Small cells of one account and region, 20 at a time (`forks`). Memory is the proportional set size of Ansible and all"
    )
    print("its workers at the worst moment.\n")
    print(
        "| cells | first run (s) | empty run (s) | CPU (s) | CPU a further cell (s) | API calls a cell | memory (MiB) |"
    )
    print("|---:|---:|---:|---:|---:|---:|---:|")
    for number, first, seconds, cpu, calls, memory in rows:
        least = rows[0]
        further = f"{(cpu - least[3]) / (number - least[0]):.2f}" if number > least[0] else ""
        print(f"| {number} | {first:.1f} | {seconds:.1f} | {cpu:.1f} | {further} | {calls:.0f} | {memory:.0f} |")
    print()


def waits() -> None:
    """The first run of development, with and without provisioning delays."""
    with running_lab() as lab:
        plain, _output = play(lab, "development")
        lab.reset()
        lab.delays(**DELAYS)
        slow, output = play(lab, "development")
    longest = max(DELAYS.values())
    bound = longest + 10
    print("## The first run with provisioning delays, three_tier development\n")
    print(f"Delays: {json.dumps(DELAYS)} seconds. Longest chain of waits: {longest} s.\n")
    print("| | seconds |\n|---|---|")
    print(f"| without delays | {plain:.1f} |\n| with delays | {slow:.1f} |\n| longest chain + 10 s | {bound:.1f} |")
    print(f"| the sum, were each awaited alone | {plain + sum(DELAYS.values()):.1f} |\n")
    for line in re.findall(r"^\S+: waiting for .*$", output, flags=re.MULTILINE):
        print(f"    {line}")


def adopt_what_runs_leave() -> None:
    """What a run leaves behind, the warm process, becomes a child of this one, so that its CPU time is counted."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)


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
    adopt_what_runs_leave()
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
    parts = {
        "second": second_run,
        "single": single_change,
        "waits": waits,
        "connection": connection,
        "cells": many_cells,
    }
    for part in sys.argv[1:] or parts:
        parts[part]()
