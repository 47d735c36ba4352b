# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the kinds of RDS and ElastiCache share: windows, tags that only come one resource a call, zones of a group."""

from __future__ import annotations

import re
import typing as t

from ...module_utils import parameter_groups
from ..engine.cell import Cell
from ..engine.kind import CELL_TAG
from ..sdk import ClientError

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY, WEEK, SHORTEST = 24 * 60, 7 * 24 * 60, 30
_DAILY = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")
_WEEKLY = re.compile(rf"({'|'.join(DAYS)}):([01]\d|2[0-3]):([0-5]\d)-({'|'.join(DAYS)}):([01]\d|2[0-3]):([0-5]\d)")


def tagged(
    cell: Cell, service: str, kind: str, items: list[dict[str, t.Any]], name: str, arn: str
) -> list[tuple[str, dict[str, t.Any], dict[str, str]]]:
    """This cell's items of a service that returns tags one resource a call, whatever AWS calls them.

    The tagging API says which items are the cell's. It lags some seconds behind, so items named like the cell's are asked
    for their tags where it does not list them.

    :param name: the key of an item's name, ``arn`` that of its ARN
    """
    likely = candidates(cell, kind, items, lambda item: item[name], lambda item: item[arn])
    with_tags = cell.map(lambda item: {**item, "Tags": _tags(cell, service, item[arn])}, likely)
    return list(cell.owned(kind, with_tags, lambda item: item["Tags"], lambda item: item[name]))


def candidates(
    cell: Cell, kind: str, items: t.Iterable[t.Any], name: t.Callable[[t.Any], str], arn: t.Callable[[t.Any], str]
) -> list[t.Any]:
    """Those of ``items`` that may be the cell's: named like it, claimed, or listed as its own by the tagging API.

    The index is asked for only where there is anything that is not named like the cell: what AWS itself provides
    (``default.postgres17``) does not count.
    """
    items = list(items)
    named = [cell.logical(name(item)) is not None for item in items]
    others = any(not like and not name(item).startswith("default") for like, item in zip(named, items, strict=True))
    index = cell.tagged() if others else {}
    return [
        item
        for like, item in zip(named, items, strict=True)
        if like
        or cell.claims(kind, name(item))
        or cell.claims(kind, arn(item))
        or index.get(arn(item), {}).get(CELL_TAG) == cell.name
    ]


def _tags(cell: Cell, service: str, arn: str) -> dict[str, str]:
    return cell.resource_tags(arn, lambda: cell.call(service, "list_tags_for_resource", ResourceName=arn)["TagList"])


def spans(window: str) -> list[tuple[int, int]]:
    """A daily (``05:00-06:00``) or weekly (``sun:05:00-sun:06:00``) window as minutes of the week, UTC.

    :raises ValueError: saying what is wrong with it
    """
    text = window.lower()
    if weekly := _WEEKLY.fullmatch(text):
        day1, hour1, minute1, day2, hour2, minute2 = weekly.groups()
        start = DAYS.index(day1) * DAY + int(hour1) * 60 + int(minute1)
        length = (DAYS.index(day2) * DAY + int(hour2) * 60 + int(minute2) - start) % WEEK
        starts = [start]
    elif daily := _DAILY.fullmatch(text):
        hour1, minute1, hour2, minute2 = (int(group) for group in daily.groups())
        start = hour1 * 60 + minute1
        length = (hour2 * 60 + minute2 - start) % DAY
        starts = [start + DAY * day for day in range(7)]
    else:
        raise ValueError(f"{window} is no window; right are 05:00-06:00 (daily) and sun:06:00-sun:07:00 (weekly), UTC")
    if length < SHORTEST:
        raise ValueError(f"{window} is {length} minutes long; AWS wants at least {SHORTEST}")
    return [(start, start + length) for start in starts]


def window_problems(entry: dict[str, t.Any], daily: str, weekly: str, least: int = SHORTEST) -> t.Iterator[str]:
    """What is wrong with an entry's daily and weekly window, and whether they overlap."""
    found: dict[str, list[tuple[int, int]]] = {}
    for option, form in ((daily, _DAILY), (weekly, _WEEKLY)):
        value = entry.get(option)
        if not value:
            continue
        try:
            found[option] = spans(value)
        except ValueError as error:
            yield f"{option}: {error}"
            continue
        if not form.fullmatch(value.lower()):
            right = "05:00-06:00, every day" if option == daily else "sun:06:00-sun:07:00, once a week"
            yield f"{option}: {value} is the wrong sort of window; right would be {right}"
        elif found[option][0][1] - found[option][0][0] < least:
            yield f"{option}: {value} is too short; AWS wants at least {least} minutes"
    for start, end in found.get(daily, []):
        for other, until in found.get(weekly, []):
            # A window may run over the week's end, so each is also looked at a week earlier and later.
            if any(start + shift < until and other < end + shift for shift in (-WEEK, 0, WEEK)):
                yield f"{daily}: {entry[daily]} overlaps {weekly} {entry[weekly]}; AWS refuses that"
                return


def zones(world: dict[str, dict[str, t.Any]], kind: str, group: str | None) -> set[str] | None:
    """The availability zones of a subnet group's subnets; None where the inventory does not tell."""
    subnets = world.get("subnet")
    names = (world.get(kind, {}).get(group or "") or {}).get("subnets")
    if not subnets or names is None or any(name not in subnets for name in names):
        return None
    return {str(subnets[name].get("zone")) for name in names}


def text_of(value: t.Any) -> str:
    """A parameter's value as RDS and PostgreSQL are compared: switches are 0 and 1, however they are spelled.

    RDS spells some parameters 0 and 1 and others off and on; terrace.aws.rds_parameter_group writes each as RDS spells it.
    """
    return parameter_groups.folded(value, "1", "0")


def yes_or_no(value: t.Any) -> str:
    """A parameter's value as ElastiCache spells it: switches are yes and no, numbers stay numbers."""
    return parameter_groups.folded(value, "yes", "no")


def parameter_errors(
    cell: Cell, service: str, operation: str, family: dict[str, str], parameters: dict[str, str]
) -> t.Iterator[str]:
    """What the engine of a parameter group's family would refuse of its parameters.

    :param operation: the call that returns the engine's defaults, ``family`` its argument
    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeEngineDefaultParameters.html
    """
    if not parameters:
        return
    pages = cell.client(service).get_paginator(operation).paginate(**family)
    try:
        described = [each for page in pages for each in page["EngineDefaults"].get("Parameters", [])]
    except ClientError as error:
        if error.response["Error"]["Code"] != "InvalidParameterValue":
            raise
        yield f"family: {', '.join(family.values())} is not a family AWS has in this region"
        return
    yield from (f"parameters: {problem}" for problem in parameter_groups.problems(parameters, described))
