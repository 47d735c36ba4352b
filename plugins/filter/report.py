# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters for reports: what a plan refuses, what has drifted, what exists as an inventory."""

from __future__ import annotations

import typing as t

import yaml

from ..plugin_utils import render, shapes, specs
from ..plugin_utils.engine import plan, registry
from ..plugin_utils.engine.kind import Resource

DRIFT = {
    plan.CREATE: "missing",
    plan.UPDATE: "changed",
    plan.REPLACE: "changed",
    plan.ORPHAN: "orphaned",
    plan.REMOVE: "orphaned",
}


def refused(changes: list[dict[str, t.Any]]) -> list[str]:
    """``kind/name`` of every change a plan refuses."""
    return [f"{change['kind']}/{change['name']}" for change in changes if change["refused"]]


def drift_report(found: dict[str, t.Any]) -> dict[str, t.Any]:
    """What is missing, changed (field by field) and orphaned, for machines; its ``sentence`` names it for people."""
    report: dict[str, t.Any] = {"cell": found["cell"], "missing": {}, "changed": {}, "orphaned": []}
    for change in found["changes"]:
        address, sort = f"{change['kind']}/{change['name']}", DRIFT[change["action"]]
        if sort == "orphaned":
            report[sort].append(address)
        else:
            report[sort][address] = change["fields"]
    report["total"] = sum(len(report[sort]) for sort in ("missing", "changed", "orphaned"))
    lines = [f"{found['cell']} differs from its inventory:"]
    lines += [f"  missing: {address}" for address in report["missing"]]
    lines += [f"  changed: {address}" for address in report["changed"]]
    lines += [f"  orphaned: {address}" for address in report["orphaned"]]
    report["sentence"] = "\n".join(lines)
    return report


def what_stays(found: dict[str, t.Any], days: dict[str, t.Any], snapshots: bool = True) -> list[str]:
    """What AWS keeps for a while of what a plan removes, and how it is got back, a sentence each.

    :param found: what terrace.aws.plan returned
    :param days: until keys (``kms_key``) and secrets (``secret``) are deleted for good
    :param snapshots: whether a database leaves a final snapshot
    """
    going = [change for change in found["terrace_plan"]["changes"] if change["action"] == plan.REMOVE]
    lines = []
    for change in sorted(going, key=lambda each: (each["kind"], each["name"])):
        kind, name = change["kind"], change["name"]
        resource = found["resources"][kind][name]
        if kind == "db_instance" and snapshots and not resource["attributes"].get("source"):
            key = resource["attributes"].get("kms_key")
            lost = f", encrypted with kms_key {key}: copy it with another key before that one is deleted" if key else ""
            lines.append(f"the final snapshot of db_instance {name}{lost}")
        elif kind == "kms_key":
            back = f"aws kms cancel-key-deletion --key-id {resource['id']}"
            lines.append(f"kms_key {name}, for {days[kind]} days; {back} keeps it")
        elif kind == "secret" and int(days[kind]):
            back = f"aws secretsmanager restore-secret --secret-id {resource['id']}"
            lines.append(f"secret {name}, for {days[kind]} days; {back} brings it back")
    return lines


def adopted(resources: dict[str, dict[str, t.Any]], cell: dict[str, t.Any]) -> dict[str, dict[str, t.Any]]:
    """Observed resources as inventory files, ``{role: {variable: entries}}``; what a default says already is left out.

    Tags that every resource carries become ``cell_tags``.
    """
    tagged = [
        res["tags"] for kind, found in resources.items() if registry.kind(kind).taggable for res in found.values()
    ]
    common = {
        key: value for key, value in (tagged[0] if tagged else {}).items() if all(x.get(key) == value for x in tagged)
    }
    files: dict[str, dict[str, t.Any]] = {"cell": {key: value for key, value in cell.items() if value}}
    if common:
        files["cell"]["cell_tags"] = common
    for name, found in resources.items():
        kind = registry.kind(name)
        entries = {logical: _entry(name, res, common) for logical, res in found.items()}
        files.setdefault(kind.role, {})[kind.variable] = entries
    return files


def _entry(kind: str, resource: dict[str, t.Any], common: dict[str, str]) -> dict[str, t.Any]:
    entry = shapes.said(specs.shape_of(kind), resource["attributes"])
    own = {key: value for key, value in resource["tags"].items() if key not in common}
    return {**entry, "tags": own} if own else entry


def not_adopted(resources: dict[str, dict[str, t.Any]]) -> list[str]:
    """What the inventory has no word for, one sentence a field: a plan with what was adopted shows it as a change."""
    found = []
    for name, every in resources.items():
        kind = registry.kind(name)
        for logical, res in every.items():
            entry, problems = specs.validated(kind, logical, _entry(name, res, {}))
            found += problems
            if not problems:
                fields = plan.compare(kind, entry, Resource(**res))
                found += [f"{name}/{logical}.{path}: {render.value(both['before'])}" for path, both in fields.items()]
    return found


#: What of an adoption people are told, in this order.
TOLD = {
    "passed_over": "Passed over",
    "shared": "Adopted, and used by others as well",
    "not_compared": "Not compared",
    "differs": "Not in the inventory's words; a plan shows it as a change",
}


def adoption_text(found: dict[str, t.Any]) -> str:
    """What adopt_info found, in words: how much is adopted, and whatever is not.

    :param found: what terrace.aws.adopt_info returned
    """
    number = sum(len(every) for every in found["resources"].values())
    new = sum(len(every) for every in found["claims"].values())
    lines = [f"Adopted: {number} resources" + (f"; {new} do not carry the cell's tags yet" if new else "")]
    every = {**found, "differs": not_adopted(found["resources"])}
    for part, title in TOLD.items():
        if every[part]:
            lines += [f"{title}:", *(f"  {line}" for line in every[part])]
    return "\n".join(lines)


class _Dumper(yaml.SafeDumper):
    """Indents lists below their key, as yamllint wants it, and never writes anchors."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        return super().increase_indent(flow, False)

    def ignore_aliases(self, data: t.Any) -> bool:
        return True


def inventory_yaml(value: dict[str, t.Any]) -> str:
    """Variables as a YAML file; nothing in it is a template, whatever the strings look like."""
    text = yaml.dump(_unsafe(specs.plain(value)), Dumper=_Dumper, sort_keys=True, width=120, allow_unicode=True)
    return f"---\n{text}"


class _Unsafe(str):
    """A string Ansible must not template."""


_Dumper.add_representer(_Unsafe, lambda dumper, data: dumper.represent_scalar("!unsafe", str(data), style="'"))


def _unsafe(value: t.Any) -> t.Any:
    if isinstance(value, dict):
        return {str(key): _unsafe(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_unsafe(item) for item in value]
    if isinstance(value, str):
        return _Unsafe(value) if "{{" in value or "{%" in value else str(value)
    return value


class FilterModule:
    """Filters ``terrace.aws.*`` of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {
            "refused": refused,
            "drift_report": drift_report,
            "what_stays": what_stays,
            "adopted": adopted,
            "adoption_text": adoption_text,
            "inventory_yaml": inventory_yaml,
            "not_adopted": not_adopted,
        }
