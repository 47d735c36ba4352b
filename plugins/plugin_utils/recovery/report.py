# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of a failover, from its journal: times by step, what was fenced, what may be lost; as JSON and as a page."""

from __future__ import annotations

import datetime as dt
import html
import json
import typing as t

from .decision import LOGINS, UNPLANNED
from .journal import MISSING, Journal, place

#: What steps are called, in their order.
STEPS = {
    "fence logins": "Fence the former primary's logins",
    "fence network": "Fence its network",
    "replay": "Await what the replica has received",
    "promote": "Promote the replicas",
    "let in": "Enable the logins",
    "secrets": "Promote the secrets",
    "traffic": "Have Route 53 lead clients there",
    "stop": "Stop the former primary",
    "public name": "Await where the public name leads",
}


def summary(journal: Journal) -> dict[str, t.Any]:
    """The report: the journal, with seconds by step and until the database could be written to again.

    ``seconds`` is None where a run has not ended.
    """
    steps = [{**each, "seconds": _seconds(each["began"], each["ended"])} for each in journal["steps"]]

    def when(step: str) -> str:
        return next((each["ended"] for each in reversed(steps) if each["step"] == step and each["ended"]), "")

    # The wait for the public name ends also where it leads elsewhere.
    leads = any(each["step"] == "public name" and each["detail"].get("leads") for each in steps)
    taken: dict[str, float] = {}
    for each in steps:
        taken[each["step"]] = round(taken.get(each["step"], 0) + (each["seconds"] or 0), 1)
    return {
        **{word: value for word, value in journal.items() if word != "secret_ids"},
        "steps": steps,
        "seconds": _seconds(journal["began"], journal["ended"]),
        "seconds_by_step": taken,
        "seconds_until_writable": _seconds(journal["began"], when("let in")),
        "seconds_until_led": _seconds(journal["began"], when("public name") if leads else ""),
        "estimate": estimate(journal),
    }


def estimate(journal: Journal) -> str:
    """What may be lost, as the replicas told before they were promoted; empty in a planned failover, which loses nothing."""
    told = [each["detail"] for each in journal["steps"] if each["step"] == "replay" and each["detail"]]
    if journal["mode"] != UNPLANNED:
        return ""
    behind = [database.get("behind") for database in (told[-1] if told else {}).values()]
    if not behind or None in behind:
        return (
            f"acknowledged writes may be missing on {journal['to']}, and it is not known of how many seconds;"
            " dr_rebuild.yml lists them"
        )
    fenced = any(each["step"] == LOGINS and each["detail"] for each in journal["steps"])
    return (
        f"acknowledged writes of at most the last {max(behind):g} s before {journal['from']} was {'fenced' if fenced else 'lost'}"
        f" may be missing on {journal['to']}; dr_rebuild.yml lists them"
    )


def page(journal: Journal, missing: dict[str, t.Any] | None = None) -> str:
    """The report as one HTML page that needs nothing else.

    :param missing: what a comparison with the former primary found (:mod:`.missing`)
    """
    told = summary(journal)
    facts = {
        "Pair": told["pair"],
        "From": told["from"],
        "To": told["to"],
        "Mode": told["mode"],
        "Begun": f"{told['began']} by {told['who']}",
        "Ended": told["ended"] or "not yet",
        "Result": told["result"] or "unfinished",
        "Writable after": _told(told["seconds_until_writable"]),
        "Clients led there after": _told(told["seconds_until_led"]),
        "Recovery time": f"{_told(told['seconds'])} of at most {told['rto_minutes']} min",
    }
    if told["ended"] and told["seconds_until_led"] is None:
        del facts["Clients led there after"]
    if told["unfenced"]:
        facts["Not fenced"] = f"{told['unfenced']}, by consent of {told['who']}"
    if told["estimate"]:
        facts["May be lost"] = told["estimate"]
    rows = "".join(f"<tr><th>{_text(name)}</th><td>{_text(value)}</td></tr>" for name, value in facts.items())
    steps = "".join(
        f"<tr><td>{_text(STEPS.get(each['step'], each['step']))}</td><td>{_text(each['began'])}</td>"
        f"<td>{_text(_told(each['seconds']))}</td><td><pre>{_text(_lines(each['detail']))}</pre></td></tr>"
        for each in told["steps"]
    )
    checks = "".join(
        f"<tr><td>{_text(each['result'])}</td><td>{_text(each['cell'])}</td><td>{_text(each['what'])}</td>"
        f"<td>{_text(each['detail'])}</td></tr>"
        for each in told["checks"]
    )
    return PAGE.format(
        title=_text(f"Failover of {told['pair']} to {told['to']}"),
        facts=rows,
        timeline=_timeline(told),
        steps=steps,
        missing=_missing(missing, journal) if missing else "",
        checks=checks or "<tr><td colspan=4>Every check passed.</td></tr>",
    )


def _missing(missing: dict[str, t.Any], journal: Journal) -> str:
    """The section on what was found missing: numbers by table; the keys are in the file beside the report."""
    rows, notes = [], []
    for name, database in missing["databases"].items():
        rows += [
            f"<tr><td>{_text(name)}: {_text(table['database'])}</td><td>{_text(table['schema'])}.{_text(table['table'])}</td>"
            f"<td>{table['absent']}</td><td>{table['differs']}</td></tr>"
            for table in database["tables"]
            if table["missing"]
        ]
        notes.append(f"{name}: {database['transactions']} transactions of the former primary are on it alone")
        if database["log_since_fence"] is not None:
            notes.append(f"{name}: its log went on by {database['log_since_fence']} bytes after it was fenced")
        notes += [f"{name}: {each}" for each in database["passed_over"]]
    told = "".join(f"<p>{_text(note)}</p>" for note in notes)
    file = place(journal).rpartition("/")[2] + MISSING
    return MISSING_SECTION.format(
        count=missing["missing"],
        at=_text(missing["at"]),
        file=_text(file),
        listed=missing["listed"],
        rows="".join(rows) or "<tr><td colspan=4>Nothing is missing.</td></tr>",
        notes=told,
    )


def _timeline(told: dict[str, t.Any]) -> str:
    """The steps as bars along the time, in SVG."""
    begun = [each for each in told["steps"] if each["seconds"] is not None]
    whole = max((_seconds(told["began"], each["ended"]) or 0 for each in begun), default=0) or 1
    bars = []
    for row, each in enumerate(begun):
        left = 200 + 560 * (_seconds(told["began"], each["began"]) or 0) / whole
        width = max(2, 560 * each["seconds"] / whole)
        name, took = _text(STEPS.get(each["step"], each["step"])), _told(each["seconds"])
        bars.append(
            f'<text x="0" y="{row * 24 + 15}">{name}</text>'
            f'<rect x="{left:.0f}" y="{row * 24 + 3}" width="{width:.0f}" height="16"><title>{took}</title></rect>'
            f'<text x="{left + width + 4:.0f}" y="{row * 24 + 15}">{took}</text>'
        )
    return f'<svg viewBox="0 0 860 {len(begun) * 24 + 4}" role="img" aria-label="Steps along the time">{"".join(bars)}</svg>'


def _seconds(began: str, ended: str) -> float | None:
    if not began or not ended:
        return None
    return round((dt.datetime.fromisoformat(ended) - dt.datetime.fromisoformat(began)).total_seconds(), 1)


def _told(seconds: float | None) -> str:
    return "not yet" if seconds is None else f"{seconds:g} s"


def _text(value: t.Any) -> str:
    return html.escape(str(value))


def _lines(detail: dict[str, t.Any]) -> str:
    return "\n".join(
        f"{name}: {value if isinstance(value, str) else json.dumps(value)}" for name, value in detail.items()
    )


PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>
body {{ font: 15px/1.4 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }}
table {{ border-collapse: collapse; width: 100%; margin-bottom: 2rem; }}
th, td {{ text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid #ccc; }}
pre {{ margin: 0; white-space: pre-wrap; font-size: 13px; }}
svg {{ width: 100%; margin-bottom: 2rem; }} svg rect {{ fill: #3b6ea5; }} svg text {{ font-size: 13px; }}
</style></head><body>
<h1>{title}</h1>
<table>{facts}</table>
<h2>Timeline</h2>
{timeline}
<table><tr><th>Step</th><th>Begun</th><th>Took</th><th>Found</th></tr>{steps}</table>
{missing}<h2>Checks that did not pass before it began</h2>
<table>{checks}</table>
</body></html>
"""
MISSING_SECTION = """<h2>Acknowledged writes that are missing: {count}</h2>
<p>Compared with the former primary at {at}. The keys of {listed} rows are in {file}.</p>
<table><tr><th>Database</th><th>Table</th><th>Absent</th><th>Other content</th></tr>{rows}</table>
{notes}
"""
