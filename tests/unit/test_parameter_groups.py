"""Values of parameters as AWS spells them, and what AWS would refuse."""

from __future__ import annotations

import pytest

from ansible_collections.terrace.aws.plugins.module_utils import parameter_groups

BOOLEAN = {"ParameterName": "p", "DataType": "boolean", "AllowedValues": "0,1"}
SWITCH = {"ParameterName": "p", "DataType": "string", "AllowedValues": "local,remote_write,on,off"}
RANGE = {"ParameterName": "p", "DataType": "integer", "AllowedValues": "-1-2147483647"}
OPEN = {"ParameterName": "p", "DataType": "integer", "AllowedValues": "0,20-"}
CACHE = {"ParameterName": "p", "DataType": "string", "AllowedValues": "yes,no"}
FREE = {"ParameterName": "p", "DataType": "string"}


@pytest.mark.parametrize(
    ("parameter", "value", "spelled"),
    [
        (BOOLEAN, "off", "0"),
        (BOOLEAN, "1", "1"),
        (BOOLEAN, "True", "1"),
        (SWITCH, "0", "off"),
        (SWITCH, "ON", "on"),
        (SWITCH, "Local", "local"),
        (RANGE, "0", "0"),
        (CACHE, "on", "yes"),
        (FREE, "off", "off"),
    ],
)
def test_spelled(parameter, value, spelled):
    assert parameter_groups.spelled(value, parameter) == spelled


@pytest.mark.parametrize(
    ("parameter", "value", "problem"),
    [
        (BOOLEAN, "off", ""),
        (BOOLEAN, "2", "p: 2 is not allowed; allowed are 0,1"),
        (SWITCH, "remote_apply", "p: remote_apply is not allowed"),
        (RANGE, "-1", ""),
        (RANGE, "-2", "p: -2 is not allowed"),
        (RANGE, "many", "p: many is not allowed"),
        (RANGE, "{DBInstanceClassMemory/32768}", ""),
        (RANGE, "GREATEST(1,2)", ""),
        (OPEN, "21", ""),
        (OPEN, "5", "p: 5 is not allowed"),
        (FREE, "anything", ""),
        ({**FREE, "AllowedValues": "[a-z]+"}, "left to AWS", ""),
        ({**FREE, "IsModifiable": False}, "x", "p cannot be changed"),
    ],
)
def test_problems(parameter, value, problem):
    found = "; ".join(parameter_groups.problems({"p": value}, [parameter]))
    assert problem in found
    assert bool(found) == bool(problem), found


def test_a_value_spelled_otherwise_is_no_change():
    described = [{**BOOLEAN, "ParameterValue": "0", "Source": "user", "ApplyType": "dynamic"}]
    assert parameter_groups.changes({"p": "off"}, described, apply_method=True).set == []
    written = parameter_groups.changes({"p": "on"}, described, apply_method=True).set
    assert written == [{"ParameterName": "p", "ParameterValue": "1", "ApplyMethod": "immediate"}]


def test_a_misspelt_parameter_is_named_with_its_neighbour():
    assert list(parameter_groups.problems({"wrok_mem": "1"}, [{"ParameterName": "work_mem"}])) == [
        "there is no parameter wrok_mem; did you mean work_mem?"
    ]
