"""Which records the lab's name server answers with, asked in real DNS messages, and what its health checks say."""

from __future__ import annotations

import http.server
import socket
import struct
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from lab.machines import dnswire
from lab.machines.daemon import Lab
from lab.machines.dns import Resolver
from lab.machines.health import Health
from lab.machines.plan import Plan

CHECK = {
    "type": "HTTP",
    "address": "127.0.0.1",
    "name": None,
    "port": 80,
    "path": "/healthz",
    "search": None,
    "interval": 30,
    "threshold": 3,
    "inverted": False,
    "disabled": False,
    "children": [],
    "children_needed": 0,
}
RECORD = {
    "name": "www.example.com.",
    "type": "A",
    "ttl": 30,
    "values": [],
    "alias": None,
    "evaluate": False,
    "set": None,
    "weight": None,
    "failover": None,
    "health_check": None,
}
ONE, TWO = "192.0.2.1", "192.0.2.2"


class FakeLab:
    """What name server and health checks need of the lab."""

    def __init__(self) -> None:
        self.plan = Plan()
        self.names: dict[str, tuple[list[str], list[str]]] = {}
        self.well: dict[str, bool] = {}
        self.port = 0
        self.health = Health(self)  # type: ignore[arg-type]
        self.host_resolver = Resolver.__new__(Resolver)
        self.host_resolver.lab, self.host_resolver.vpc = self, None  # type: ignore[assignment]
        self.host_resolver.sockets = []

    def log(self, text: str) -> None:
        raise AssertionError(text)

    def balancer_healthy(self, name: str) -> bool:
        return self.well.get(name, True)

    def zone(self, *records: dict[str, Any]) -> None:
        self.plan.zones = [
            {"name": "example.com.", "private": False, "vpcs": [], "records": [{**RECORD, **each} for each in records]}
        ]

    def check(self, name: str, **options: Any) -> dict[str, Any]:
        self.plan.health_checks[name] = {**CHECK, **options}
        return self.plan.health_checks[name]


@pytest.fixture
def lab() -> FakeLab:
    return FakeLab()


@pytest.fixture
def ask(lab: FakeLab) -> Iterator[Any]:
    """Asks the lab's name server by UDP: the addresses in the answer and their TTL."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    threading.Thread(target=lab.host_resolver._datagrams, args=(server,), daemon=True).start()

    def asked(name: str = "www.example.com") -> tuple[set[str], set[int]]:
        query = struct.pack("!HHHHHH", 7, 0x0100, 1, 0, 0, 0) + dnswire._name(name) + struct.pack("!HH", 1, 1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(5)
            client.sendto(query, server.getsockname())
            answer = client.recv(4096)
        return dnswire.addresses(answer), ttls(answer)

    yield asked
    server.close()


def ttls(answer: bytes) -> set[int]:
    """The TTLs of the records of an answer."""
    _, _, questions, answers = struct.unpack("!HHHH", answer[:8])
    offset, found = 12, set()
    for _ in range(questions):
        offset = dnswire._read_name(answer, offset)[1] + 4
    for _ in range(answers):
        offset = dnswire._read_name(answer, offset)[1]
        _, _, ttl, size = struct.unpack("!HHIH", answer[offset : offset + 10])
        found.add(ttl)
        offset += 10 + size
    return found


def pair(**primary: Any) -> list[dict[str, Any]]:
    return [
        {"set": "one", "failover": "PRIMARY", "values": [ONE], "health_check": "active", **primary},
        {"set": "two", "failover": "SECONDARY", "values": [TWO]},
    ]


def report(lab: FakeLab, name: str, passed: bool, times: int) -> None:
    for _ in range(times):
        lab.health.report(name, lab.plan.health_checks[name], passed)


def test_the_secondary_answers_after_as_many_failures_as_the_threshold_says(lab: FakeLab, ask: Any) -> None:
    lab.zone(*pair())
    lab.check("active", threshold=3)
    assert ask() == ({ONE}, {30})
    for passed, times, answer in (
        (False, 2, ONE),
        (True, 1, ONE),
        (False, 2, ONE),
        (False, 1, TWO),
        (True, 2, TWO),
        (False, 1, TWO),
        (True, 3, ONE),
    ):
        report(lab, "active", passed, times)
        assert ask()[0] == {answer}, (passed, times)


def test_an_inverted_check_fails_over_once_the_other_region_answers(lab: FakeLab, ask: Any) -> None:
    lab.zone(*pair())
    lab.check("active", threshold=1, inverted=True)
    report(lab, "active", False, 1)
    assert ask()[0] == {ONE}
    report(lab, "active", True, 1)
    assert ask()[0] == {TWO}


def test_a_disabled_check_is_healthy_and_inverting_it_switches(lab: FakeLab, ask: Any) -> None:
    lab.zone(*pair())
    check = lab.check("active", threshold=1)
    report(lab, "active", False, 1)
    check["disabled"] = True
    assert ask()[0] == {ONE}
    check["inverted"] = True
    assert ask()[0] == {TWO}


def test_the_primary_answers_where_neither_is_healthy(lab: FakeLab, ask: Any) -> None:
    records = pair()
    records[1]["health_check"] = "standby"
    lab.zone(*records)
    for name in ("active", "standby"):
        lab.check(name, threshold=1)
        report(lab, name, False, 1)
    assert ask()[0] == {ONE}
    report(lab, "standby", True, 1)
    assert ask()[0] == {TWO}


def test_an_alias_follows_its_targets_where_it_evaluates_them(lab: FakeLab, ask: Any) -> None:
    first, second = "one.us-east-1.elb.amazonaws.com", "two.us-west-2.elb.amazonaws.com"
    lab.names = {first: (["10.0.0.1"], [ONE]), second: (["10.1.0.1"], [TWO])}
    records = pair(alias=f"{first}.", values=[], evaluate=True, health_check=None)
    records[1] |= {"alias": f"{second}.", "values": [], "evaluate": True}
    lab.zone(*records)
    assert ask() == ({ONE}, {60})
    lab.well = {first: False}
    assert ask() == ({TWO}, {60})
    lab.well = {first: False, second: False}
    assert ask()[0] == {ONE}
    records[0]["evaluate"] = False
    lab.zone(*records)
    lab.well = {first: False}
    assert ask()[0] == {ONE}


def test_an_alias_of_another_record_has_its_ttl(lab: FakeLab, ask: Any) -> None:
    lab.zone({"alias": "app.example.com."}, {"name": "app.example.com.", "ttl": 7, "values": [ONE]})
    assert ask() == ({ONE}, {7})


def test_weighted_records_leave_the_unhealthy_out(lab: FakeLab, ask: Any) -> None:
    one = {"set": "one", "weight": 255, "values": [ONE], "health_check": "active"}
    lab.zone(one, {"set": "two", "weight": 1, "values": [TWO]})
    lab.check("active", threshold=1)
    report(lab, "active", False, 1)
    assert all(ask()[0] == {TWO} for _ in range(5))


def test_a_calculated_check_counts_its_children(lab: FakeLab, ask: Any) -> None:
    lab.zone(*pair())
    lab.check("active", type="CALCULATED", children=["a", "b"], children_needed=2)
    for name in ("a", "b"):
        lab.check(name, threshold=1)
    assert ask()[0] == {ONE}
    report(lab, "b", False, 1)
    assert ask()[0] == {TWO}


@pytest.fixture
def site() -> Iterator[Any]:
    """A small web server: its port, and the Host it was asked for last."""
    seen: dict[str, Any] = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen["host"] = self.headers["Host"]
            self.send_response(200 if self.path == "/healthz" else 503)
            self.end_headers()
            self.wfile.write(b"all is well")

        def log_message(self, *_arguments: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield SimpleNamespace(port=server.server_address[1], seen=seen)
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("options", "passes"),
    [
        ({}, True),
        ({"path": "/elsewhere"}, False),
        ({"type": "TCP"}, True),
        ({"type": "HTTP_STR_MATCH", "search": "well"}, True),
        ({"type": "HTTP_STR_MATCH", "search": "Well"}, False),
        ({"type": "HTTPS"}, False),
    ],
)
def test_an_endpoint_is_asked_as_the_type_says(lab: FakeLab, site: Any, options: dict[str, Any], passes: bool) -> None:
    assert lab.health._passes({**CHECK, "port": site.port, **options}) == passes


def test_what_is_checked_by_name_is_resolved_and_asked_for_by_it(lab: FakeLab, site: Any) -> None:
    lab.zone({"values": ["127.0.0.1"]})
    assert lab.health._passes({**CHECK, "port": site.port, "address": None, "name": "www.example.com"})
    assert site.seen["host"] == "www.example.com"
    assert not lab.health._passes({**CHECK, "port": site.port, "address": None, "name": "none.example.com"})


def test_an_object_in_a_bucket_is_asked_of_the_emulated_api(lab: FakeLab, site: Any) -> None:
    lab.port = site.port
    bucket = {"type": "HTTPS", "address": None, "port": 443, "name": "switch.s3.us-west-2.amazonaws.com"}
    assert lab.health._passes({**CHECK, **bucket})
    assert site.seen["host"] == "switch.s3.us-west-2.amazonaws.com"


def test_a_closed_port_fails(lab: FakeLab) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert not lab.health._passes({**CHECK, "type": "TCP", "port": port})


def test_a_balancer_is_healthy_while_each_of_its_groups_has_a_healthy_target() -> None:
    endpoint = SimpleNamespace(
        kind="balancer", want={"dns_name": "LB.elb.amazonaws.com", "target_groups": {"a": {}, "b": {}}}
    )
    reported: dict[Any, Any] = {("a", "i-1", 80, 80): ("healthy", None), ("b", "i-1", 81, 81): ("unhealthy", None)}
    lab = SimpleNamespace(
        plan=SimpleNamespace(endpoints={"lb": endpoint}), drivers={"balancer": SimpleNamespace(reported=reported)}
    )
    assert not Lab.balancer_healthy(lab, "lb.elb.amazonaws.com")  # type: ignore[arg-type]
    reported["b", "i-2", 81, 81] = ("healthy", None)
    assert Lab.balancer_healthy(lab, "lb.elb.amazonaws.com")  # type: ignore[arg-type]
