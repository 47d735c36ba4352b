# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two small cells in two regions on real machines: a bastion, a machine of the application, and one PostgreSQL that both hold."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import yaml

from lab.machines import outage
from lab.machines.machine import Machine
from lab.machines.names import host_address
from tests.processes import end_at_once

ROOT = Path(__file__).parents[3]
EAST, WEST = "shop-use1", "shop-usw2"
REGIONS = {EAST: "us-east-1", WEST: "us-west-2"}
KEYS = {"aws_access_key_id": "lab", "aws_secret_access_key": "only-the-lab-knows-this"}
IMAGE = "/aws/service/debian/release/13/latest/amd64"
ZONE, NAME = "example.com", "shop.example.com"
AUTHORITIES = "/etc/ssl/authorities/rds.pem"
ROLES = {
    "application_owner": {"login": True},
    "application": {},
    "application_a": {"login": True, "member_of": ["application"]},
    "application_b": {"login": False, "member_of": ["application"]},
}


def cell(name: str, counterpart: str, role: str, cidr: str) -> dict[str, Any]:
    """The variables of a cell."""
    paired = {"created_as": role, "kms_key": "data"}
    first = role == "primary"
    leads = {"failover": "primary", "health_check": "other-writes"} if first else {"failover": "secondary"}
    return {
        "cell_region": REGIONS[name],
        "cell_account": "123456789012",
        "network_cidr": cidr,
        "network_zones": ["a", "b"],
        "network_nat": "single",
        "network_tiers": {
            "public": {"number": 0, "route": "internet", "map_public_ip": True},
            "app": {"number": 2, "route": "nat"},
            "data": {"number": 3, "route": "none"},
        },
        "firewall_security_groups": {
            "bastion": {
                "vpc": "main",
                "description": "The way in",
                "ingress": {"ssh": {"ports": 22, "from": ["198.51.100.0/24"]}},
                "egress": {"ssh": {"ports": 22, "to": "app"}, "packages": {"ports": [80, 443], "to": "0.0.0.0/0"}},
            },
            "balancer": {
                "vpc": "main",
                "description": "The load balancer",
                "ingress": {"http": {"ports": 80, "from": "0.0.0.0/0"}},
                "egress": {"application": {"ports": 8080, "to": "app"}},
            },
            "app": {
                "vpc": "main",
                "description": "The application",
                "ingress": {"ssh": {"ports": 22, "from": "bastion"}, "http": {"ports": 8080, "from": "balancer"}},
                "egress": {
                    "postgresql": {"ports": 5432, "to": "database"},
                    "packages": {"ports": [80, 443], "to": "0.0.0.0/0"},
                },
            },
            "database": {
                "vpc": "main",
                "description": "PostgreSQL",
                "ingress": {"postgresql": {"ports": 5432, "from": "app"}},
            },
            "nobody": {"vpc": "main", "description": "The database of a former primary"},
        },
        "keys_kms": {"data": {"description": "Data"}},
        "keys_ssh": {"main": {"public_key": "{{ cell_ssh_public_key }}"}},
        "identity_roles": {
            "bastion": {
                "policies": {
                    "address": {
                        "Find": {"actions": "ec2:DescribeAddresses", "resources": "*"},
                        "Take": {"actions": "ec2:AssociateAddress", "resources": "elastic_ip:bastion"},
                        "TakeForItself": {"actions": "ec2:AssociateAddress", "resources": "instance:bastion"},
                        "TakeByInterface": {"actions": "ec2:AssociateAddress", "resources": "network_interface:*"},
                    }
                }
            }
        },
        "bastion_hosts": {
            "bastion": {
                "image": IMAGE,
                "instance_type": "t3.micro",
                "key_pair": "main",
                "security_groups": ["bastion"],
                "profile": "bastion",
                "subnets": ["public-a", "public-b"],
            }
        },
        "tier_groups": {
            "app": {
                "image": IMAGE,
                "instance_type": "t3.micro",
                "key_pair": "main",
                "security_groups": ["app"],
                "subnets": ["app-a", "app-b"],
                "size": {"min": 1, "max": 2, "desired": 1},
                "target_groups": ["app"],
            }
        },
        "load_balancer_target_groups": {
            "app": {"port": 8080, "health_check": {"path": "/", "interval": 5, "timeout": 4, "healthy": 2}}
        },
        "load_balancer_balancers": {
            "public": {
                "scheme": "public",
                "subnets": ["public-a", "public-b"],
                "security_groups": ["balancer"],
                "deletion_protection": False,
                "listeners": {"80": {"protocol": "HTTP", "target_group": "app"}},
            }
        },
        "storage_buckets": {"journal": {}, "traffic": {"health_check_objects": ["writer"]}},
        "dns_shared_zones": [ZONE],
        "dns_names": {f"domain:{ZONE}": {"shop": {"target": "load_balancer:public", "set_identifier": name, **leads}}},
        "secrets_entries": {
            name: {
                **paired,
                "counterpart": f"{counterpart}/{name}",
                "content": {"username": user, "password": {"generate": {}}},
            }
            for name, user in (
                ("database", "terrace"),
                ("owner", "application_owner"),
                ("app-database", "application_a"),
            )
        },
        "database_subnet_groups": {"main": {"subnets": ["data-a", "data-b"]}},
        "database_instances": {
            "main": {
                **paired,
                "counterpart": f"{counterpart}/main",
                "engine_version": "17",
                "instance_class": "db.t4g.medium",
                "allocated_storage": 20,
                "subnet_group": "main",
                "security_groups": ["database"],
                "credentials": "database",
                "database_name": "shop",
                "backup_retention_period": 3,
                "deletion_protection": False,
            }
        },
        "database_content_host": "{{ __database_found.resources.db_instance.main.facts.endpoint | default('') }}",
        "database_content_user": "{{ __database_secrets.database.username | default('') }}",
        "database_content_password": "{{ __database_secrets.database.password | default('') }}",
        "database_content_secrets": {"application_owner": "owner", "application_a": "app-database"},
        "database_content_passwords": (
            "{{ __database_secrets | default({}) | terrace.aws.database_content_passwords(database_content_secrets) }}"
        ),
        "database_content_roles": ROLES,
        "database_content_authorities": AUTHORITIES,
        "dr_failover_authorities": AUTHORITIES,
        "backup_check_authorities": AUTHORITIES,
        "database_content_databases": {"shop": {"owner": "application_owner", "grants": {"application": "write"}}},
        "recovery_pairs": {
            "shop": {
                "cells": [EAST, WEST],
                "preferred_primary": EAST,
                "tier": "critical",
                "journal_bucket": "journal",
                "fence_group": "nobody",
                "traffic_bucket": "traffic",
                "public_name": NAME,
                "public_balancer": "public",
            }
        },
        "dns_health_checks": {"other-writes": CHECK} if first else {},
    }


#: Healthy unless the other cell says in its own region that it writes.
CHECK = {
    "type": "HTTPS",
    "fqdn": f"{WEST}-traffic-123456789012.s3.{REGIONS[WEST]}.amazonaws.com",
    "resource_path": "/writer",
    "request_interval": 10,
    "failure_threshold": 1,
    "inverted": True,
}
PAIR = {EAST: cell(EAST, WEST, "primary", "10.40.0.0/16"), WEST: cell(WEST, EAST, "replica", "10.41.0.0/16")}

#: Writes numbers one after the other, over one connection for as long as it lasts, and says which the database has acknowledged.
WRITER = """
import json, sys, time
import psycopg2
host, user, password, path, first = sys.argv[1:]
number, connection = int(first) - 1, None
with open(path, "a", buffering=1) as log:
    while True:
        number += 1
        try:
            if connection is None:
                connection = psycopg2.connect(
                    host=host, user=user, password=password, dbname="shop", sslmode="require", connect_timeout=2)
                connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("INSERT INTO numbers (number) VALUES (%s)", [number])
            log.write(json.dumps([time.time(), number, "ok"]) + "\\n")
        except psycopg2.Error as error:
            connection = None
            log.write(json.dumps([time.time(), number, str(error).strip()[:80]]) + "\\n")
        time.sleep(0.02)
"""


#: The application: writes the number of a path into the database of its region. A connection that broke is made anew.
APPLICATION = """
import http.server, queue, sys
import psycopg2
host, user, password = sys.argv[1:]
idle = queue.LifoQueue()
class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.say(200)
    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            connection = idle.get_nowait()
        except queue.Empty:
            connection = None
        try:
            if connection is None:
                connection = psycopg2.connect(
                    host=host, user=user, password=password, dbname="shop", sslmode="require", connect_timeout=2)
                connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("INSERT INTO numbers (number) VALUES (%s)", [int(self.path[1:])])
            idle.put(connection)
            self.say(201)
        except psycopg2.Error as error:
            self.say(503, str(error).encode())
    def say(self, status, body=b""):
        self.send_response(status); self.send_header("Content-Length", str(len(body))); self.end_headers(); self.wfile.write(body)
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("", 8080), Answer).serve_forever()
"""


class Client(threading.Thread):
    """Somebody outside who sends numbers to the public name, one after the other, and keeps what was acknowledged."""

    def __init__(self, first: int) -> None:
        super().__init__(daemon=True)
        self.number, self.acknowledged, self.refused = first - 1, {}, []
        self.going = threading.Event()
        self.going.set()

    def run(self) -> None:
        """Send until it is told to stop, with a new connection wherever the name leads elsewhere or one broke."""
        link, address, asked = None, "", 0.0
        while self.going.is_set():
            self.number += 1
            try:
                if link is None or time.monotonic() > asked + 1:
                    leads, asked = host_address(NAME), time.monotonic()
                    link, address = link if leads == address else None, leads
                link = link or http.client.HTTPConnection(address, timeout=5)
                link.request("POST", f"/{self.number}", headers={"Host": NAME})
                answer = link.getresponse()
                answer.read()
                if answer.status == 201:
                    self.acknowledged[self.number] = time.time()
                else:
                    self.refused.append((time.time(), answer.status))
            except (OSError, http.client.HTTPException) as error:
                link = None
                self.refused.append((time.time(), type(error).__name__))
            time.sleep(0.02)

    def end(self) -> dict[int, float]:
        """Stop; the numbers that were acknowledged, with when."""
        self.going.clear()
        self.join(10)
        return self.acknowledged


@dataclass
class Pair:
    """The pair in a lab; ``folder`` takes its inventory and what its runs said."""

    state: Path
    port: int
    folder: Path
    seconds: list[str] = field(default_factory=list)
    machines: dict[str, str] = field(default_factory=dict)
    #: Numbers that were acknowledged and did not survive the last unplanned failover.
    missing: set[int] = field(default_factory=set)
    #: The number that had been sent and not acknowledged when the region was lost.
    in_flight: int = 0

    def write_inventory(self) -> None:
        """The cells, and how their machines are found and reached, as a blueprint says it."""
        here, blueprint = self.folder / "inventory", ROOT / "inventories/three_tier"
        (here / "group_vars").mkdir(parents=True)
        (here / "hosts.yml").write_text(yaml.safe_dump({"cells": {"hosts": PAIR}}))
        shutil.copy(blueprint / "blueprint/cells.yml", here / "group_vars/cells.yml")
        shutil.copy(blueprint / "group_vars/machines.yml", here / "group_vars/machines.yml")
        for region, name in (("us-east-1", EAST), ("us-west-2", WEST)):
            found = yaml.safe_load((blueprint / f"{name.replace('shop', 'production')}.aws_ec2.yml").read_text())
            assert found["regions"] == [region]
            found["filters"]["tag:terrace:cell"] = [name]
            (here / f"{name}.aws_ec2.yml").write_text(yaml.safe_dump(found))

    def environment(self) -> dict[str, str]:
        """What an operator's shell has."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        lab = {"LAB_PORT": str(self.port), "LAB_STATE_DIR": str(self.state), "ANSIBLE_NOCOLOR": "1"}
        keys = {name.upper(): value for name, value in KEYS.items()}
        return {**kept, **lab, **keys, "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}"}

    def lab(self, command: str) -> None:
        """The lab's own command line."""
        words = [sys.executable, "-m", "lab", command, "--level", "machines"]
        done = subprocess.run(
            words, cwd=ROOT, env=self.environment(), capture_output=True, text=True, timeout=1800, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def command(self, playbook: str, *arguments: str) -> list[str]:
        """How a playbook is run: with the machines of both cells, or of the one that a run is limited to."""
        here = self.folder / "inventory"
        limited = [name for name in PAIR if any(word.split(",")[0] == name for word in arguments)]
        machines = [here / f"{name}.aws_ec2.yml" for name in limited or PAIR]
        inventories = (here / "hosts.yml", *machines, "inventories/lab")
        words = [word for each in inventories for word in ("-i", str(each))]
        return [str(ROOT / ".venv/bin/ansible-playbook"), *words, f"playbooks/{playbook}.yml", *arguments]

    def play(self, playbook: str, *arguments: str) -> tuple[int, str]:
        """Run a playbook: its status, and what it said."""
        began = time.monotonic()
        done = subprocess.run(
            self.command(playbook, *arguments),
            cwd=ROOT,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=1800,
            check=False,
        )
        (self.folder / f"{time.time():.0f}-{playbook}.log").write_text(done.stdout)
        self.seconds.append(f"{playbook} {time.monotonic() - began:.0f} s")
        return done.returncode, done.stdout

    def must(self, playbook: str, *arguments: str) -> str:
        """Run a playbook that has to succeed; what it said."""
        status, output = self.play(playbook, *arguments)
        assert status == 0, output[-6000:]
        return output

    def fail_over(self, to: str, *arguments: str, mode: str = "planned") -> tuple[int, str]:
        """Run dr_failover.yml to a cell: its status, and what it said on one line, for Ansible folds long messages."""
        status, output = self.play("dr_failover", *self._wanted(to, mode), *arguments)
        return status, " ".join(output.split())

    def killed(self, task: str, to: str) -> None:
        """Begin a planned failover, and kill it with all it started once a task of it has ended."""
        self._killed(task, self.command("dr_failover", *self._wanted(to, "planned")))

    def rebuild_killed(self, task: str, cell: str) -> None:
        """Begin to rebuild a former primary, and kill that once a task of it has ended."""
        self._killed(task, self.command("dr_rebuild", *self.rebuilding(cell)))

    def killed_at(self, task: str, playbook: str, *arguments: str) -> None:
        """Begin a playbook, and kill it with all it started once a task of it has ended."""
        self._killed(task, self.command(playbook, *arguments))

    def rebuilding(self, cell: str) -> list[str]:
        """How a former primary is rebuilt."""
        wanted = {
            "dr_rebuild_cell": cell,
            "dr_rebuild_confirm": cell,
            "dr_failover_directory": str(self.folder / "recovery"),
        }
        return [word for name, value in wanted.items() for word in ("-e", f"{name}={value}")]

    def _killed(self, task: str, words: list[str]) -> None:
        pipe = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        running = subprocess.Popen(words, cwd=ROOT, env=self.environment(), start_new_session=True, **pipe)
        told, inside = [], False
        for line in running.stdout:
            told.append(line)
            if inside and re.match(r"(ok|changed): \[", line):
                break
            inside = task in line if line.startswith("TASK [") else inside
        end_at_once(running.pid)
        running.stdout.close()
        assert running.wait() == -signal.SIGKILL, "".join(told)[-3000:]

    def paused_at(self, task: str, then: Callable[[], None], playbook: str, *arguments: str) -> tuple[int, str]:
        """Run a playbook, and let it wait where a task begins until something was done: its status, and what it said."""
        pipe = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        words = self.command(playbook, *arguments)
        running = subprocess.Popen(words, cwd=ROOT, env=self.environment(), start_new_session=True, **pipe)
        told, paused = [], False
        for line in running.stdout:
            told.append(line)
            if not paused and line.startswith("TASK [") and task in line:
                paused = True
                running.send_signal(signal.SIGSTOP)
                try:
                    then()
                finally:
                    running.send_signal(signal.SIGCONT)
        assert paused, "".join(told)[-6000:]
        return running.wait(), "".join(told)

    def _wanted(self, to: str, mode: str) -> list[str]:
        wanted = {"to": to, "confirm": to, "mode": mode, "directory": str(self.folder / "recovery")}
        return [word for name, value in wanted.items() for word in ("-e", f"dr_failover_{name}={value}")]

    def client(self, service: str, cell: str) -> Any:
        """A boto3 client of a cell's region."""
        return boto3.client(service, region_name=REGIONS[cell], endpoint_url=f"http://127.0.0.1:{self.port}", **KEYS)

    def database(self, cell: str) -> dict[str, Any]:
        """A cell's instance, as RDS describes it."""
        found = self.client("rds", cell).describe_db_instances(DBInstanceIdentifier=f"{cell}-main")
        return dict(found["DBInstances"][0])

    def secret(self, cell: str, name: str) -> dict[str, str]:
        """What a shared secret holds in a cell's region."""
        value = self.client("secretsmanager", cell).get_secret_value(SecretId=f"{EAST}-{name}")["SecretString"]
        return dict(json.loads(value))

    def node(self, cell: str) -> Machine:
        """The server of a cell's database."""
        name = f"rds-123456789012-{REGIONS[cell]}-{cell}-main-0"
        return Machine(name, self.state / "services" / name)

    def machine(self, cell: str) -> Machine:
        """The machine of a cell's application, also while its region's API fails."""
        if cell not in self.machines:
            wanted = {"tag:terrace:cell": cell, "tag:tier": "app", "instance-state-name": "running"}
            filters = [{"Name": name, "Values": [value]} for name, value in wanted.items()]
            found = self.client("ec2", cell).describe_instances(Filters=filters)["Reservations"]
            self.machines[cell] = found[0]["Instances"][0]["InstanceId"]
        ident = self.machines[cell]
        return Machine(ident, self.state / "machines" / ident)

    def shell(self, cell: str, script: str, check: bool = True) -> str:
        """Run a script as root on the machine of a cell's application, by no network."""
        return self.machine(cell).enter("/bin/bash", "-c", script, check=check)

    def fetch_authorities(self) -> None:
        """Have the machines verify the databases' certificates, as host_baseline has them."""
        url = "https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem"
        fetch = "import sys, urllib.request; sys.stdout.write(urllib.request.urlopen(sys.argv[1]).read().decode())"
        for cell in PAIR:
            self.shell(cell, f"mkdir -p /etc/ssl/authorities && python3 -c '{fetch}' {url} >{AUTHORITIES}")

    def sql(self, cell: str, query: str, secret: str = "app-database", check: bool = True) -> str:
        """Ask a cell's database from the machine of its application, as a user of a secret."""
        login = self.secret(cell, secret)
        program = (
            "import psycopg2, sys; c = psycopg2.connect(host=sys.argv[1], user=sys.argv[2], password=sys.argv[3], dbname='shop',"
            " sslmode='require', connect_timeout=3); c.autocommit = True; q = c.cursor(); q.execute(sys.argv[4]);"
            " print(q.fetchall() if q.description else '')"
        )
        host = self.database(cell)["Endpoint"]["Address"]
        words = ("/usr/bin/python3", "-c", program, host, login["username"], login["password"], query)
        return self.machine(cell).enter(*words, check=check)

    def ask_alone(self, cell: str, statements: str) -> str:
        """Have a cell's database run statements, by no network, as its service could."""
        return self.ask_node(self.node(cell), statements)

    @staticmethod
    def ask_node(node: Machine, statements: str) -> str:
        """Have the server of a database run statements."""
        user = ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups")
        psql = ("psql", "-XqAt", "-h", "/var/lib/postgresql", "-p", "5432", "-U", "rdsadmin", "-d", "shop")
        return node.enter(*user, *psql, "-v", "ON_ERROR_STOP=1", stdin=statements)

    def serve(self) -> None:
        """Start the application of each cell, and wait until the public name answers."""
        for cell in PAIR:
            login, host = self.secret(cell, "app-database"), self.database(cell)["Endpoint"]["Address"]
            self.machine(cell).enter("/bin/bash", "-c", "cat >/run/application.py", stdin=APPLICATION)
            words = ("/usr/bin/python3", "/run/application.py", host, login["username"], login["password"])
            self.machine(cell).enter("systemd-run", "--unit", "application", "--property=Restart=always", *words)
        for cell in PAIR:
            self.wait(f"the target of {cell}", lambda cell=cell: self.targets(cell) == ["healthy"])

    def targets(self, cell: str) -> list[str]:
        """How the machines behind a cell's load balancer are."""
        elb = self.client("elbv2", cell)
        (group,) = elb.describe_target_groups()["TargetGroups"]
        found = elb.describe_target_health(TargetGroupArn=group["TargetGroupArn"])["TargetHealthDescriptions"]
        return [each["TargetHealth"]["State"] for each in found]

    @staticmethod
    def wait(what: str, true: Callable[[], bool], seconds: float = 90) -> None:
        """Wait until something is true."""
        until = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < until, f"{what}: not within {seconds:g} s"
            time.sleep(0.5)

    def leads_to(self, cell: str) -> bool:
        """Whether the public name leads to a cell's load balancer."""
        (balancer,) = self.client("elbv2", cell).describe_load_balancers()["LoadBalancers"]
        return host_address(NAME) == host_address(balancer["DNSName"]) != ""

    def begin_writing(self, cell: str, log: str, first: int) -> None:
        """Have the machine of a cell's application write numbers into its database, from the first one on."""
        login, host = self.secret(cell, "app-database"), self.database(cell)["Endpoint"]["Address"]
        self.machine(cell).enter("/bin/bash", "-c", "cat >/run/writer.py", stdin=WRITER)
        words = [
            "/usr/bin/python3",
            "/run/writer.py",
            host,
            login["username"],
            login["password"],
            f"/run/{log}.log",
            str(first),
        ]
        self.machine(cell).enter("systemd-run", "--unit", f"writer-{log}", *words)

    def lose(self, cell: str) -> None:
        """A cell's region is lost: its API fails, and no packet reaches what runs there or leaves it."""
        self.machine(cell)
        outage.unplug(REGIONS[cell], self.state)

    def find_again(self, cell: str) -> None:
        """A lost region is back, as it was."""
        outage.plug(REGIONS[cell], self.state)

    def written(self, cell: str, log: str) -> list[tuple[float, int, str]]:
        """What the writer said so far: when, which number, and ``ok`` where the database has acknowledged it."""
        lines = self.shell(cell, f"cat /run/{log}.log").splitlines()
        return [(at, number, said) for at, number, said in map(json.loads, lines)]
