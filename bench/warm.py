# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module call costs over `local`, Mitogen and `terrace.aws.warm`, side by side; and what the warm process holds.

    .venv/bin/python bench/warm.py [--calls 100] [--shape loop|tasks] [--only NAME …] [--mitogen DIRECTORY]

The AWS modules talk to an emulated API of this bench's own, PostgreSQL to a cluster of its own in a temporary directory,
kubernetes.core.k8s to a stand-in; all are on loopback and gone afterwards. DIRECTORY is a site-packages with Mitogen
(`pip install --target DIRECTORY mitogen`). Figures of modules that are not measured again stay in the output.
Bytecode caches are on, in a directory of the bench's own, so that `local` is not made to compile boto3 at every call.
CPU is the difference of a run of many calls and one of two, over the calls: what a run costs anyway is left out. Wall is the
time from the end of the second call to that of the last.
The calls are made in rounds, the connections taking turns, so that whatever else the machine does hits all alike; and in both
shapes, as items of a loop (results/warm.md) and as a task each (results/warm_tasks.md).
*mitogen* runs modules one after the other in an interpreter that stays, as is its default; *mitogen fork* in a child of it each
(`mitogen_task_isolation: fork`), as warm does; *nothing* is a connection that answers at once, without any module: what Ansible
itself costs. All six modules in both shapes, with 100 calls (over `local` 10, over `mitogen fork` 20), take about twelve
minutes on a quiet machine with two cores.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench.kubernetes_standin import Handler, running_standin  # noqa: E402
from lab.api.testing import Lab, running_lab  # noqa: E402

BIN = Path(sys.executable).parent
PR_SET_CHILD_SUBREAPER = 36
POSTGRES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1:]

RATIOS = ("local", "mitogen")  # what warm is held against
VPC = "{{ lookup('file', playbook_dir + '/vpc') }}"
ROLE = {"name": "bench-{{ item }}", "assume_role_policy_document": '{"Version": "2012-10-17", "Statement": []}'}
DATABASE = {
    "db_instance_identifier": "bench-{{ item }}", "engine": "postgres", "db_instance_class": "db.t3.micro",
    "db_subnet_group_name": "bench", "allocated_storage": 20, "master_username": "bench", "master_user_password": "benchbench",
}  # fmt: skip
QUERY = {
    "login_host": "127.0.0.1", "login_port": "{{ lookup('env', 'BENCH_PGPORT') }}", "login_user": "bench",
    "login_db": "postgres", "query": "select {{ item }} as n",
}  # fmt: skip
CONFIG_MAP = {
    "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "bench-{{ item }}", "namespace": "default"},
    "data": {"n": "{{ item }}"},
}  # fmt: skip
SUBNET = {"vpc_id": VPC, "cidr": "10.9.{{ item }}.0/24", "tags": {"Name": "{{ item }}"}}
MODULES = {
    "ec2_vpc_subnet": {"amazon.aws.ec2_vpc_subnet": SUBNET},
    "s3_bucket": {"amazon.aws.s3_bucket": {"name": "bench-{{ item }}"}},
    "iam_role": {"amazon.aws.iam_role": ROLE},
    "rds_instance": {"amazon.aws.rds_instance": DATABASE},
    "postgresql_query": {"community.postgresql.postgresql_query": QUERY},
    "k8s": {"kubernetes.core.k8s": {"state": "present", "definition": CONFIG_MAP}},
}


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def wait_for(port: int) -> None:
    for _ in range(300):
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit(f"nothing listens on port {port}")


class Bench:
    """A directory with an inventory and a PostgreSQL cluster."""

    def __init__(self, path: Path, mitogen: Path | None) -> None:
        self.path = path
        self.shape = "loop"
        self.mitogen = mitogen
        self.processes: list[subprocess.Popen] = []
        self.served: set[int] = set()  # processes that are none of a run's
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "ANSIBLE"))
        }
        self.environment |= {
            "PYTHONPYCACHEPREFIX": str(ROOT / ".cache/bench-pyc"),
            "ANSIBLE_CONFIG": str(path / "ansible.cfg"), "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"),
            "ANSIBLE_PIPELINING": "true", "ANSIBLE_CALLBACKS_ENABLED": "warm_measure", "ANSIBLE_LOCAL_TEMP": str(path / "tmp"),
            "ANSIBLE_CALLBACK_PLUGINS": str(ROOT / "bench/warm_callbacks"), "WARM_MEASURE": str(path / "measure"),
            "ANSIBLE_WARM_DIRECTORY": str(path / "s"), "ANSIBLE_DEPRECATION_WARNINGS": "false",
        }  # fmt: skip
        (path / "s").mkdir(mode=0o700)
        (path / "ansible.cfg").write_text("[defaults]\n")
        (path / "hosts.json").write_text(json.dumps({"all": {
            "vars": {"ansible_python_interpreter": sys.executable},
            "hosts": {"local": {"ansible_connection": "local"}, "mitogen": {"ansible_connection": "local"},
                      "warm": {"ansible_connection": "terrace.aws.warm"}}}}))  # fmt: skip

    def use(self, lab: Lab, kubernetes: str) -> None:
        """Point the modules at the emulated API and the stand-in."""
        self.lab = lab
        self.served.add(lab.pid)
        self.environment |= lab.environment() | {"K8S_AUTH_HOST": kubernetes, "K8S_AUTH_API_KEY": "bench"}

    def empty(self) -> None:
        """Forget what a run has made, so that every run makes all of it; make what the modules presuppose."""
        self.lab.reset()
        Handler.objects.clear()
        ec2 = self.lab.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
        (self.path / "vpc").write_text(vpc)
        subnets = [
            ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.9.{n}.0/24", AvailabilityZone=f"us-east-1{zone}")["Subnet"][
                "SubnetId"
            ]
            for n, zone in ((254, "a"), (255, "b"))
        ]
        # Without one the emulated RDS leaves out DBSubnetGroup, which AWS always gives and the module relies on.
        self.lab.client("rds").create_db_subnet_group(
            DBSubnetGroupName="bench", DBSubnetGroupDescription="bench", SubnetIds=subnets
        )

    def postgres(self) -> bool:
        """Whether there is one to ask; it is started for the first who does."""
        if not POSTGRES or self.processes:
            return bool(POSTGRES)
        port, data = free_port(), self.path / "pg"
        data.mkdir(mode=0o700)
        self.path.chmod(0o755)
        prefix = []
        if os.geteuid() == 0:
            shutil.chown(data, "postgres")
            prefix = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": "/"}
        subprocess.run([*prefix, POSTGRES[0] / "initdb", "-D", data, "-U", "bench", "-A", "trust"], check=True, **quiet)
        command = [
            POSTGRES[0] / "postgres",
            "-D",
            data,
            "-p",
            str(port),
            "-k",
            data,
            "-h",
            "127.0.0.1",
            "-c",
            "fsync=off",
        ]
        self.processes.append(subprocess.Popen([*prefix, *command], **quiet))
        wait_for(port)
        self.environment["BENCH_PGPORT"] = str(port)
        return True

    def stop(self) -> None:
        for process in self.processes:
            process.send_signal(signal.SIGINT)
        for process in self.processes:
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()

    def play(self, module: str, how: str, calls: int) -> dict:
        """One playbook with a loop of calls. Seconds of wall and of CPU (of every process it started), and the notes."""
        host, _, isolation = how.partition(" ")
        task = {"name": module, **MODULES[module]}
        given = {"mitogen_task_isolation": isolation} if isolation else {}
        tasks = [{**task, "vars": given, "loop": list(range(1, calls + 1))}]
        if self.shape == "tasks":
            tasks = [{**task, "vars": {**given, "item": number}} for number in range(1, calls + 1)]
        play = {"hosts": host, "gather_facts": False, "tasks": tasks}
        self.empty()
        measure = self.path / "measure"
        measure.unlink(missing_ok=True)
        environment = dict(self.environment)
        if host == "nothing":
            host = play["hosts"] = "local"
            environment["WARM_NOTHING"] = "1"
        if host == "mitogen":
            environment |= {"PYTHONPATH": str(self.mitogen), "ANSIBLE_STRATEGY": "mitogen_linear",
                            "ANSIBLE_STRATEGY_PLUGINS": str(self.mitogen / "ansible_mitogen/plugins/strategy")}  # fmt: skip
        (self.path / "play.json").write_text(json.dumps([play]))
        before, start = self.children(), time.perf_counter()
        done = subprocess.run(
            [BIN / "ansible-playbook", "-i", "hosts.json", "play.json"],
            cwd=self.path,
            env=environment,
            capture_output=True,
            text=True,
        )
        wall = time.perf_counter() - start
        self.adopt()
        if done.returncode:
            raise SystemExit(f"{module} over {how}: {done.stdout}{done.stderr}")
        lines = [json.loads(line) for line in measure.read_text().splitlines()]
        return {"wall": wall, "cpu": self.children() - before, "lines": lines}

    @staticmethod
    def children() -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    def adopt(self) -> None:
        """Wait for what the run has left behind (the warm process, Mitogen's), so that its CPU is counted."""
        own = {process.pid for process in self.processes} | self.served
        for _ in range(200):
            left = [int(pid) for pid in Path("/proc/self/task", str(os.getpid()), "children").read_text().split()]
            left = [pid for pid in left if pid not in own]
            if not left:
                return
            for pid in left:
                os.waitpid(pid, os.WNOHANG)
            time.sleep(0.1)
        raise SystemExit(f"processes {left} do not end")

    def measure(self, module: str, how: str, calls: int) -> dict:
        """Figures of one call."""
        few, many = self.play(module, how, 2), self.play(module, how, calls + 2)
        ends = [line["at"] for line in many["lines"] if line["how"] == "item"][1:]
        figures = {"task wall": (ends[-1] - ends[0]) / calls, "all CPU": (many["cpu"] - few["cpu"]) / calls}
        noted = [line for line in many["lines"] if line["how"] == how][2:]
        if noted:
            figures["module CPU"] = statistics.mean(line["cpu"] for line in noted)
            figures["module wall"] = statistics.mean(line["wall"] for line in noted)
        return figures

    def compare(self, module: str, calls: dict[str, int], rounds: int) -> dict[str, dict]:
        """Mean figures of one call by connection, from as many rounds in which each takes its turn."""
        taken: dict[str, list[dict]] = {way: [] for way in calls}
        for _ in range(rounds):
            for way, count in calls.items():
                taken[way].append(self.measure(module, way, count // rounds))
        return {
            way: {name: round(statistics.mean(figures[name] for figures in each), 4) for name in each[0]}
            for way, each in taken.items()
        }

    def memory(self, children: int = 10) -> dict:
        """Proportional set size of the warm process and of children that wait for a database, in MiB."""
        self.empty()
        self.lab.delays(rds=20)
        hosts = {f"w{n}": {"ansible_connection": "terrace.aws.warm"} for n in range(children)}
        (self.path / "memory.json").write_text(json.dumps(
            {"all": {"vars": {"ansible_python_interpreter": sys.executable}, "hosts": hosts}}))  # fmt: skip
        first = [
            {"name": name, **MODULES[name], "loop": [1, 2]} for name in ("ec2_vpc_subnet", "s3_bucket", "iam_role")
        ]
        database = {**DATABASE, "db_instance_identifier": "bench-{{ inventory_hostname }}"}
        wait = {"name": "wait", "amazon.aws.rds_instance": database}
        (self.path / "memory-play.json").write_text(json.dumps([
            {"hosts": "w0", "gather_facts": False, "tasks": first},
            {"hosts": "all", "gather_facts": False, "tasks": [wait]}]))  # fmt: skip
        run = subprocess.Popen(
            [BIN / "ansible-playbook", "-i", "memory.json", "memory-play.json", "-f", str(children)], cwd=self.path,
            env=self.environment, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        best: dict = {}
        while run.poll() is None:
            found = self.warm_processes()
            if found and len(found[1]) >= len(best.get("children", [])):
                sizes = [self.pss(pid) for pid in found[1]]
                if all(sizes):
                    best = {"server": self.pss(found[0]), "children": sizes}
            time.sleep(0.3)
        self.adopt()
        return {
            "server": best["server"],
            "children": len(best["children"]),
            "all children": round(sum(best["children"]), 1),
        }

    def warm_processes(self) -> tuple[int, list[int]] | None:
        for process in Path("/proc").glob("[0-9]*"):
            try:
                name, log = (process / "comm").read_text(), os.readlink(process / "fd/1")
                if name == "terrace-warm\n" and log.startswith(str(self.path)):
                    listed = (process / "task" / process.name / "children").read_text().split()
                    return int(process.name), [int(pid) for pid in listed]
            except OSError:
                continue
        return None

    @staticmethod
    def pss(pid: int) -> float:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            return 0.0
        return round(next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0) / 1024, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--local-calls", type=int, default=10, help="fewer over local, which takes most of the time")
    parser.add_argument("--fork-calls", type=int, default=20, help="over 'mitogen fork', which takes longer still")
    parser.add_argument("--only", nargs="*", choices=MODULES, default=list(MODULES))
    parser.add_argument("--mitogen", type=lambda path: Path(path).resolve())
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument(
        "--shape", choices=("loop", "tasks"), help="one of the two ways to make many calls instead of both"
    )
    parser.add_argument("--ways", nargs="*", default=["local", "mitogen", "mitogen fork", "warm", "nothing"])
    parser.add_argument("--memory", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--output", type=Path, default=ROOT / "bench/results", help="the directory")
    options = parser.parse_args()
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    with running_lab() as lab, running_standin() as kubernetes:
        bench = Bench(Path(tempfile.mkdtemp(prefix="bw")), options.mitogen)
        try:
            bench.use(lab, kubernetes)
            for shape in [options.shape] if options.shape else ["loop", "tasks"]:
                bench.shape = shape
                compare(bench, options, options.output / {"loop": "warm.json", "tasks": "warm_tasks.json"}[shape])
        finally:
            bench.stop()
            shutil.rmtree(bench.path, ignore_errors=True)


def compare(bench: Bench, options: argparse.Namespace, output: Path) -> None:
    """Measure every module over every connection in one shape, then the memory; write the output after each."""
    results: dict = {"modules": {}}
    if output.exists():
        results = json.loads(output.read_text())
    words = " ".join(sys.argv[1:]).replace(str(options.mitogen), "DIRECTORY")
    results |= {
        "shape": bench.shape,
        "python": sys.version.split()[0],
        "date": time.strftime("%Y-%m-%d"),
        "arguments": words,
    }
    ways = [way for way in options.ways if options.mitogen or not way.startswith("mitogen")]

    def keep(line: str) -> None:
        print(line, flush=True)
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(json.dumps(results, indent=2) + "\n")
        output.with_suffix(".md").write_text(tables(results))

    for module in options.only:
        if module == "postgresql_query" and not bench.postgres():
            print("postgresql_query: there is no PostgreSQL here")
            continue
        calls = dict.fromkeys(ways, options.calls) | {"local": options.local_calls}
        if "mitogen fork" in ways:
            calls["mitogen fork"] = options.fork_calls
        figures: dict = {"calls": calls, "load before": round(os.getloadavg()[0], 1)}
        figures |= bench.compare(module, calls, options.rounds)
        figures["load after"] = round(os.getloadavg()[0], 1)
        results["modules"][module] = figures
        keep(f"{bench.shape} {module} {json.dumps(figures)}")
    if options.memory and bench.shape == "loop":
        results["memory, MiB PSS"] = bench.memory()
        keep(json.dumps(results["memory, MiB PSS"]))


def tables(results: dict) -> str:
    """The results as Markdown."""

    def row(module: str, figure: str, digits: int, ways: tuple[str, ...]) -> str:
        figures = results["modules"][module]
        cells = [f"{figures[way][figure]:.{digits}f}" if way in figures else "–" for way in ways]
        ratios = [
            f"{figures[way][figure] / figures['warm'][figure]:.1f}" if way in figures else "–"
            for way in ways
            if way in RATIOS
        ]
        calls = ", ".join(str(number) for number in figures["calls"].values())
        load = f"{figures['load before']}–{figures['load after']}"
        return f"| {module} | {calls} | {load} | {' | '.join([*cells, *ratios])} |"

    lines = [
        "# What a module call costs",
        "",
        f"Taken on {results['date']} with `.venv/bin/python bench/warm.py {results['arguments']}`, Python {results['python']},",
        f"{os.cpu_count()} cores. The rows of one module are of one run, in which the connections take turns. In seconds;",
        f"a call is {'a task of its own' if results.get('shape') == 'tasks' else 'an item of a loop'}.",
        f"*calls*: over {', '.join(next(iter(results['modules'].values()))['calls'])}. *load*: the machine's load average",
        "before and after the module's turn; this bench alone makes about 1. *mitogen* runs modules in an interpreter that",
        "stays, its default; *mitogen fork* in a process each (`mitogen_task_isolation: fork`), as `local` and *warm* do.",
        "*nothing* is a connection that runs no module at all: what Ansible itself needs for a call.",
    ]
    for title, figure, digits, ways in (
        ("CPU of the module's process", "module CPU", 3, ("local", "warm")),
        ("Wall of a call", "task wall", 3, ("local", "mitogen", "mitogen fork", "warm", "nothing")),
        (
            "CPU of everything: Ansible, workers, module or warm process",
            "all CPU",
            3,
            ("local", "mitogen", "mitogen fork", "warm", "nothing"),
        ),
    ):
        heads = ["module", "calls", "load", *ways, *(f"{way} / warm" for way in ways if way in RATIOS)]
        lines += ["", f"## {title}", "", f"| {' | '.join(heads)} |"]
        lines += ["|---" * len(heads) + "|", *(row(module, figure, digits, ways) for module in results["modules"])]
    if memory := results.get("memory, MiB PSS"):
        lines += ["", "## Memory, proportional set size", ""]
        lines += [
            f"The warm process {memory['server']} MiB; {memory['children']} children at work {memory['all children']} MiB."
        ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
