"""What a load balancer's checks say, as DescribeTargetHealth words it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from lab.machines.haproxy import Balancers
from lab.machines.plan import Endpoint

CHECK = {"enabled": True, "protocol": "HTTP", "interval": 5, "rise": 2, "fall": 2}
GROUP = {"name": "app", "type": "instance", "check": CHECK, "attributes": {}}
TARGET = {"id": "i-1", "port": 8000, "address": "10.0.0.4", "registration": 1}
FIELDS = "# pxname,svname,status,check_status,check_code,lastchg"


@pytest.fixture
def reported(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What is reported to the API of a target that was healthy once, while HAProxy says this of it."""
    told: list[dict[str, Any]] = []
    balancers = object.__new__(Balancers)
    balancers.lab = SimpleNamespace(  # type: ignore[assignment]
        api=SimpleNamespace(post=lambda _path, data: told.append(data)), log=lambda _text: None
    )
    arn = "arn:group"
    balancers.healthy_once, balancers.reported = {(arn, "i-1", 8000, 1)}, {}
    endpoint = Endpoint("lb", "balancer", "vpc", {}, [], {"target_groups": {arn: GROUP | {"addresses": [TARGET]}}})

    def said(*rows: str) -> list[tuple[str, str | None, str | None]]:
        from lab.machines.haproxy_config import servers

        [(backend, server)] = servers(endpoint)
        for row in rows:
            text = f"{FIELDS}\n{backend},{server.name},{row}\n"
            monkeypatch.setattr(Balancers, "ask", lambda *_words, text=text: text)
            balancers._report(SimpleNamespace(), endpoint)  # type: ignore[arg-type]
        return [(each["state"], each["reason"], each["description"]) for each in told]

    return said


def test_a_refused_check_is_told_with_its_status(reported: Any) -> None:
    [found] = reported("DOWN,L7STS,500,1")
    assert found == (
        "unhealthy", "Target.ResponseCodeMismatch", "Health checks failed with these codes: [500]"
    )  # fmt: skip


def test_while_the_next_check_goes_on_the_status_is_awaited(reported: Any) -> None:
    assert reported("DOWN,* L7STS,0,1") == []
    assert [state for state, _reason, _text in reported("DOWN,* L7STS,0,1", "DOWN,L7STS,503,2")] == ["unhealthy"]


def test_what_does_not_answer_has_no_status(reported: Any) -> None:
    assert reported("DOWN,L7TOUT,0,1") == [("unhealthy", "Target.Timeout", "Request timed out")]
