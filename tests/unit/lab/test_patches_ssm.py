"""Parameters of Systems Manager are created once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from botocore.exceptions import ClientError
from probes import both_ways, error_code, probe

from lab.api.testing import Lab


@probe("ssm.one_creation")
def standard_parameters_are_short(lab: Lab) -> None:
    ssm = lab.client("ssm")
    arguments = {"Name": "/probe/long", "Value": "x" * 4097, "Type": "String"}
    assert error_code(ssm.put_parameter, **arguments) == "ValidationException"
    assert ssm.put_parameter(**arguments, Tier="Advanced")["Tier"] == "Advanced"


test_as_aws_does, test_moto_still_differs = both_ways(__name__)


def test_one_of_sixteen_clients_creates_a_parameter(lab: Lab) -> None:
    clients = [lab.client("ssm") for _ in range(16)]

    def put(client: object, name: str) -> str:
        try:
            client.put_parameter(Name=name, Value="mine", Type="String")  # type: ignore[attr-defined]
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "created"

    with ThreadPoolExecutor(16) as pool:
        for turn in range(10):
            results = list(pool.map(put, clients, [f"/probe/lock-{turn}"] * 16))
            assert sorted(set(results)) == ["ParameterAlreadyExists", "created"]
            assert results.count("created") == 1


def test_a_parameter_is_overwritten_deleted_and_made_anew(lab: Lab) -> None:
    ssm = lab.client("ssm")
    assert ssm.put_parameter(Name="/probe/a", Value="1", Type="String")["Version"] == 1
    assert ssm.put_parameter(Name="/probe/a", Value="2", Type="String", Overwrite=True)["Version"] == 2
    assert ssm.get_parameter(Name="/probe/a")["Parameter"]["Value"] == "2"
    assert ssm.get_parameter(Name="/probe/a:1")["Parameter"]["Value"] == "1"
    ssm.delete_parameter(Name="/probe/a")
    assert error_code(ssm.get_parameter, Name="/probe/a") == "ParameterNotFound"
    assert error_code(ssm.delete_parameter, Name="/probe/a") == "ParameterNotFound"
    assert ssm.put_parameter(Name="/probe/a", Value="3", Type="String")["Version"] == 1
