"""Probes: each shows one thing AWS does, passes on the patched emulator and fails on plain moto.

A test module writes ``@probe("ec2_network.nat_gateway_states")`` over functions that take a lab, and ends with
``test_as_aws_does, test_moto_still_differs = both_ways(__name__)``.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from lab.api.testing import Lab

Probe = Callable[[Lab], None]


@dataclass(frozen=True)
class Known:
    """A probe, the patch it is for and the module it stands in."""

    patch: str
    module: str
    run: Probe


PROBES: list[Known] = []


def probe(patch: str) -> Callable[[Probe], Probe]:
    """Register the decorated function as a probe of ``patch``."""

    def register(function: Probe) -> Probe:
        PROBES.append(Known(patch, function.__module__, function))
        return function

    return register


def both_ways(module: str) -> tuple[Callable[..., None], Callable[..., None]]:
    """Return the two tests of a module's probes: as AWS does, and moto still differs."""
    known = [k for k in PROBES if k.module == module]
    cases = [pytest.param(k, id=f"{k.patch}-{k.run.__name__}") for k in known]

    @pytest.mark.parametrize("case", cases)
    def as_aws_does(case: Known, lab: Lab) -> None:
        case.run(lab)

    @pytest.mark.parametrize("case", cases)
    def moto_still_differs(case: Known, plain: Lab) -> None:
        try:
            case.run(plain)
        except Exception:
            return
        pytest.fail(f"moto fixed this: drop the patch {case.patch} (lab/api/patches), or this probe of it")

    return as_aws_does, moto_still_differs


def network(lab: Lab, region: str = "us-east-1", cidr: str = "10.50.0.0/16") -> dict[str, Any]:
    """Make a VPC with a subnet in each of three zones and a security group; return their ids."""
    ec2 = lab.client("ec2", region)
    vpc = ec2.create_vpc(CidrBlock=cidr)["Vpc"]["VpcId"]
    prefix = cidr.rsplit(".", 2)[0]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"{prefix}.{n}.0/24", AvailabilityZone=f"{region}{zone}")["Subnet"]
        for n, zone in enumerate("abc")
    ]
    group = ec2.create_security_group(VpcId=vpc, GroupName="probe", Description="probe")["GroupId"]
    return {"vpc": vpc, "subnets": [s["SubnetId"] for s in subnets], "group": group}


def error_code(function: Callable[..., Any], **arguments: Any) -> str:
    """Return the AWS error code a call ends with; an assertion fails when it succeeds."""
    from botocore.exceptions import ClientError

    try:
        function(**arguments)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    raise AssertionError(f"{getattr(function, '__name__', function)} succeeded")


def until(condition: Callable[[], Any], seconds: float = 10.0) -> Any:
    """Call ``condition`` until it is true and return what it returned; fail after ``seconds``."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"not true within {seconds} s: {inspect.getsource(condition).strip()}")
        time.sleep(0.1)
