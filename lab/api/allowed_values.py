"""Whether a parameter's value is one of its allowed values, as RDS and ElastiCache write them.

``0,1`` and ``none,ddl,mod,all`` are lists, ``1-8388607`` and ``-1-2147483647`` ranges, ``0-`` a range without an end,
``0,20-`` both; https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_Parameter.html.
"""

from __future__ import annotations

import re

_RANGE = re.compile(r"^(-?[\d.]+(?:e\d+)?)-(-?[\d.]+(?:e\d+)?)?$")
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ParamValuesRef.html
_FORMULA = re.compile(r"^(?:(?:GREATEST|LEAST|SUM|LOG)\(.*\)|.*\{[A-Za-z]+[^}]*\}.*)$")


def allows(value: str, data_type: str, allowed: str) -> bool:
    """Whether ``value`` may be set for a parameter of ``data_type`` (integer, float, boolean, string, list)."""
    if not allowed:
        return True
    if data_type == "integer" and _FORMULA.match(value):
        return True
    if data_type == "list":
        return all(part.strip() in allowed.split(",") for part in value.split(",") if part.strip())
    return any(_one(value, data_type, choice.strip()) for choice in allowed.split(","))


def _one(value: str, data_type: str, choice: str) -> bool:
    if value == choice:
        return True
    bounds = _RANGE.match(choice)
    if not bounds or data_type not in ("integer", "float"):
        return False
    try:
        number = int(value) if data_type == "integer" else float(value)
    except ValueError:
        return False
    return float(bounds[1]) <= number and (not bounds[2] or number <= float(bounds[2]))
