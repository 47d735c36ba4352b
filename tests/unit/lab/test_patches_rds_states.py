"""What RDS refuses: values, states, versions."""

from __future__ import annotations

from typing import Any

import pytest
from probes import both_ways, error_code, probe, until
from test_patches_rds import create, instance

from lab.api.allowed_values import allows
from lab.api.testing import Lab


def group(lab: Lab, family: str = "postgres16", name: str = "probe") -> dict[str, str]:
    lab.client("rds").create_db_parameter_group(
        DBParameterGroupName=name, DBParameterGroupFamily=family, Description="probe"
    )
    return {"DBParameterGroupName": name}


def parameters(**values: str) -> list[dict[str, str]]:
    return [{"ParameterName": k, "ParameterValue": v, "ApplyMethod": "pending-reboot"} for k, v in values.items()]


@probe("rds_states.parameter_values")
def values_are_the_allowed_ones(lab: Lab) -> None:
    rds, named = lab.client("rds"), group(lab)
    for name, value in (("log_duration", "off"), ("log_statement", "everything"), ("work_mem", "4MB")):
        refused = error_code(rds.modify_db_parameter_group, **named, Parameters=parameters(**{name: value}))
        assert refused == "InvalidParameterValue"
    taken = parameters(log_duration="0", log_statement="ddl", work_mem="4096", synchronous_commit="off")
    rds.modify_db_parameter_group(**named, Parameters=taken)
    shown = rds.get_paginator("describe_db_parameters").paginate(**named).build_full_result()["Parameters"]
    [duration] = [each for each in shown if each["ParameterName"] == "log_duration"]
    assert (duration["DataType"], duration["AllowedValues"], duration["ParameterValue"]) == ("boolean", "0,1", "0")


@probe("rds_states.parameter_values")
def default_groups_stay_as_they_are(lab: Lab) -> None:
    rds = lab.client("rds")
    create(lab)
    named = {"DBParameterGroupName": "default.postgres16"}
    refused = error_code(rds.modify_db_parameter_group, **named, Parameters=parameters(log_duration="1"))
    assert refused == "InvalidParameterValue"
    assert error_code(rds.delete_db_parameter_group, **named) == "InvalidParameterValue"


@probe("rds_states.stopped_instances")
def a_stopped_instance_is_started_first(lab: Lab) -> None:
    rds, named = lab.client("rds"), {"DBInstanceIdentifier": "probe"}
    create(lab)
    rds.stop_db_instance(**named)
    change = {**named, "AllocatedStorage": 30, "ApplyImmediately": True}
    assert error_code(rds.modify_db_instance, **change) == "InvalidDBInstanceState"
    assert error_code(rds.reboot_db_instance, **named) == "InvalidDBInstanceState"
    assert error_code(rds.stop_db_instance, **named) == "InvalidDBInstanceState"
    rds.start_db_instance(**named)
    assert error_code(rds.start_db_instance, **named) == "InvalidDBInstanceState"
    rds.modify_db_instance(**change)


@probe("rds_states.stopped_instances")
def stopping_takes_a_while(lab: Lab) -> None:
    rds, named = lab.client("rds"), {"DBInstanceIdentifier": "probe"}
    create(lab)
    lab.delays(rds_modify=3)
    rds.stop_db_instance(**named)
    assert instance(lab)["DBInstanceStatus"] == "stopping"
    until(lambda: instance(lab)["DBInstanceStatus"] == "stopped")
    rds.start_db_instance(**named)
    assert instance(lab)["DBInstanceStatus"] == "starting"
    until(lambda: instance(lab)["DBInstanceStatus"] == "available")


@probe("rds_states.engine_versions")
def versions_go_up_and_families_fit(lab: Lab) -> None:
    rds, named = lab.client("rds"), {"DBInstanceIdentifier": "probe", "ApplyImmediately": True}
    group(lab)
    group(lab, "postgres17", "newer")
    create(lab, EngineVersion="16.8", DBParameterGroupName="probe")
    code = "InvalidParameterCombination"
    assert error_code(rds.modify_db_instance, **named, EngineVersion="16.4") == code
    assert error_code(rds.modify_db_instance, **named, DBParameterGroupName="newer") == code
    upgrade: dict[str, Any] = {**named, "EngineVersion": "17.4"}
    assert error_code(rds.modify_db_instance, **upgrade) == code
    upgrade["AllowMajorVersionUpgrade"] = True
    assert error_code(rds.modify_db_instance, **upgrade) == code
    rds.modify_db_instance(**upgrade, DBParameterGroupName="newer")
    assert instance(lab)["EngineVersion"] == "17.4"
    rds.delete_db_parameter_group(DBParameterGroupName="probe")


@probe("engine_defaults.rds")
def a_family_has_parameters_without_a_group(lab: Lab) -> None:
    pages = lab.client("rds").get_paginator("describe_engine_default_parameters")
    found = pages.paginate(DBParameterGroupFamily="postgres16").build_full_result()["EngineDefaults"]["Parameters"]
    [duration] = [each for each in found if each["ParameterName"] == "log_duration"]
    assert (duration["DataType"], duration["AllowedValues"]) == ("boolean", "0,1")


@probe("engine_defaults.elasticache")
def a_cache_family_has_parameters_without_a_group(lab: Lab) -> None:
    answer = lab.client("elasticache").describe_engine_default_parameters(CacheParameterGroupFamily="redis7")
    found = {each["ParameterName"]: each for each in answer["EngineDefaults"]["Parameters"]}
    assert "noeviction" in found["maxmemory-policy"]["AllowedValues"].split(",")


test_as_aws_does, test_moto_still_differs = both_ways(__name__)


def test_an_instance_that_failed_has_no_final_snapshot(lab: Lab) -> None:
    rds, named = lab.client("rds"), {"DBInstanceIdentifier": "probe"}
    create(lab)
    lab.state("rds", "probe", "failed")
    refused = error_code(rds.delete_db_instance, **named, FinalDBSnapshotIdentifier="last")
    assert refused == "InvalidDBInstanceState"
    rds.delete_db_instance(**named, SkipFinalSnapshot=True)


@pytest.mark.parametrize(
    ("value", "data_type", "allowed", "right"),
    [
        ("0", "boolean", "0,1", True),
        ("on", "boolean", "0,1", False),
        ("-1", "integer", "-1-2147483647", True),
        ("-2", "integer", "-1-2147483647", False),
        ("{DBInstanceClassMemory/32768}", "integer", "16-1073741823", True),
        ("LEAST({DBInstanceClassMemory/9531392},5000)", "integer", "6-262143", True),
        ("lots", "integer", "6-262143", False),
        ("0.5", "float", "0-1", True),
        ("1.5", "float", "0-1", False),
        ("pgaudit,pg_cron", "list", "auto_explain,pgaudit,pg_cron", True),
        ("pgaudit,nothing", "list", "auto_explain,pgaudit,pg_cron", False),
        ("19", "integer", "0,20-", False),
        ("300", "integer", "0,20-", True),
        ("anything", "string", "", True),
    ],
)
def test_allowed_values(value: str, data_type: str, allowed: str, right: bool) -> None:
    assert allows(value, data_type, allowed) is right
