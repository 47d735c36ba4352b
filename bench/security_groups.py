# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long an empty plan of many security groups takes: ``.venv/bin/python -m bench.security_groups [100 300 1000 5000]``.

Each number of groups gets an emulated API of its own, filled by boto3 with 14 rules for every 3 groups, and an inventory
that says the same; ``ansible-playbook provision_firewall.yml --check`` must then find nothing to do. Prints a table and
keeps it in bench/results/security_groups.md.
"""

from __future__ import annotations

import os
import pathlib
import platform
import resource
import subprocess
import sys
import tempfile
import time
import typing as t

import yaml

from lab.api.testing import Lab, running_lab

ROOT = pathlib.Path(__file__).resolve().parent.parent
RESULT = ROOT / "bench" / "results" / "security_groups.md"
CELL, REGION, RUNS = "bench-use1", "us-east-1", 3
HEAD = (
    "| groups | rules | wall, best of 3 (s) | CPU of the run (s) | CPU of the API (s) | per group (ms wall) | API calls |"
    " of which DescribeSecurityGroups |\n"
    "|---:|---:|---:|---:|---:|---:|---:|---:|\n"
)


def groups(number: int) -> dict[str, dict[str, t.Any]]:
    """An inventory of so many groups, 14 rules for every 3: from networks, from each other, to networks."""
    made: dict[str, dict[str, t.Any]] = {}
    for place in range(number):
        neighbour, far = f"service-{(place + 1) % number}", f"service-{(place * 7 + 3) % number}"
        ingress = {
            "https": {"ports": ["443"], "from": ["10.0.0.0/8"]},
            "metrics": {"ports": ["9100"], "from": [neighbour]},
            "application": {"ports": [str(8000 + place)], "from": [far if far != f"service-{place}" else neighbour]},
        }
        if place % 3 != 2:
            ingress["peers"] = {"ports": ["7000-7010"], "from": ["self"]}
        egress = {"packages": {"ports": ["443"], "to": ["0.0.0.0/0"]}}
        made[f"service-{place}"] = {"vpc": "main", "ingress": ingress, "egress": egress}
    return made


def tags(kind: str, name: str) -> list[dict[str, t.Any]]:
    every = {"Name": f"{CELL}-{name}", "terrace:cell": CELL, "terrace:kind": kind}
    pairs = [{"Key": key, "Value": value} for key, value in every.items()]
    return [{"ResourceType": kind.replace("_", "-"), "Tags": pairs}]


def permissions(rules: dict[str, t.Any], end: str, own: str, ids: dict[str, str]) -> list[dict[str, t.Any]]:
    """Each rule as AWS takes it."""
    made = []
    for name, rule in rules.items():
        first, _, last = rule["ports"][0].partition("-")
        one: dict[str, t.Any] = {"IpProtocol": "tcp", "FromPort": int(first), "ToPort": int(last or first)}
        source = rule[end][0]
        if "/" in source:
            one["IpRanges"] = [{"CidrIp": source, "Description": name}]
        else:
            one["UserIdGroupPairs"] = [{"GroupId": own if source == "self" else ids[source], "Description": name}]
        made.append(one)
    return made


def seed(lab: Lab, wanted: dict[str, dict[str, t.Any]]) -> int:
    """Make the groups without Terrace; the number of their rules."""
    ec2 = lab.client("ec2", REGION)
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=tags("vpc", "main"))["Vpc"]["VpcId"]
    ids = {
        name: ec2.create_security_group(
            GroupName=f"{CELL}-{name}",
            Description="Managed by Terrace",
            VpcId=vpc,
            TagSpecifications=tags("security_group", name),
        )["GroupId"]
        for name in wanted
    }
    everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    for name, group in wanted.items():
        own = ids[name]
        ec2.revoke_security_group_egress(GroupId=own, IpPermissions=everything)
        incoming = permissions(group["ingress"], "from", own, ids)
        outgoing = permissions(group["egress"], "to", own, ids)
        ec2.authorize_security_group_ingress(GroupId=own, IpPermissions=incoming)
        ec2.authorize_security_group_egress(GroupId=own, IpPermissions=outgoing)
    return sum(len(group["ingress"]) + len(group["egress"]) for group in wanted.values())


def inventory(folder: pathlib.Path, lab: Lab, wanted: dict[str, dict[str, t.Any]]) -> pathlib.Path:
    """One cell, reached as inventories/lab says."""
    facts = {
        "ansible_connection": "local",
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        "cell_region": REGION,
        "cell_account": "123456789012",
        "cell_endpoint_url": lab.url,
        "cell_endpoint_required": True,
        "cell_access_key": "lab",
        "cell_secret_key": "lab",
        "network_vpcs": {"main": {"cidr": "10.0.0.0/16"}},
        "firewall_security_groups": wanted,
    }
    (folder / "host_vars").mkdir()
    (folder / "host_vars" / f"{CELL}.yml").write_text(yaml.safe_dump(facts, sort_keys=False))
    (folder / "hosts.yml").write_text(yaml.safe_dump({"cells": {"hosts": {CELL: None}}}))
    return folder


def plan(where: pathlib.Path) -> tuple[float, float]:
    """Wall and CPU seconds of one empty plan; fails unless it is empty."""
    command = [str(pathlib.Path(sys.executable).parent / "ansible-playbook"), "-i", str(where)]
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(
        [*command, "playbooks/provision_firewall.yml", "--check"],
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_FORCE_COLOR": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    wall, after = time.monotonic() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode or f"{CELL}: Plan: 0 to add, 0 to change, 0 to remove\n" not in done.stdout:
        sys.exit(f"the plan is not empty:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def processor(pid: int) -> float:
    """CPU seconds a process has used. https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html"""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measured(number: int) -> str:
    """One row of the table."""
    wanted = groups(number)
    with running_lab() as lab, tempfile.TemporaryDirectory() as name:
        rules = seed(lab, wanted)
        where = inventory(pathlib.Path(name), lab, wanted)
        runs = []
        for _again in range(RUNS):
            lab.reset_calls()
            before = processor(lab.pid)
            wall, cpu = plan(where)
            runs.append((wall, cpu, processor(lab.pid) - before))
        calls = lab.calls()
    wall, cpu, of_api = min(runs)
    described = calls["by_operation"].get("ec2.DescribeSecurityGroups", 0)
    per_group = wall * 1000 / number
    return f"| {number} | {rules} | {wall:.1f} | {cpu:.1f} | {of_api:.1f} | {per_group:.1f} | {calls['total']} | {described} |\n"


def main() -> None:
    numbers = [int(word) for word in sys.argv[1:]] or [100, 300, 1000, 5000]
    print(HEAD, end="")
    rows = []
    for number in numbers:
        rows.append(measured(number))
        print(rows[-1], end="", flush=True)
    if not sys.argv[1:]:
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(
            "# An empty plan of many security groups\n\n"
            "`.venv/bin/python -m bench.security_groups` runs `ansible-playbook playbooks/provision_firewall.yml --check` "
            "against groups that are\nas the inventory says, with the emulated API on the same machine "
            f"({os.cpu_count()} CPUs, Python {platform.python_version()}).\nCPU is that of ansible-playbook and its "
            "workers; the API runs beside it.\n\n" + HEAD + "".join(rows)
        )


if __name__ == "__main__":
    main()
