# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters that show a cell to people: a table of what there is, and its network as a picture."""

from __future__ import annotations

import html
import textwrap
import typing as t

from ..plugin_utils.engine import registry

Resources = dict[str, dict[str, dict[str, t.Any]]]

#: What fits on a terminal.
COLUMNS = 80
#: What a kind and a name take of that at most.
WIDEST = 38
#: Facts worth a column, the first that a resource has.
TELLING = ("endpoint", "dns_name", "address", "alias", "domain", "cidr", "instance_type")


def cell_table(resources: Resources) -> str:
    """What there is, role by role: kind, name, what AWS says of it, its id where that is not its name, and where it answers."""
    found = sorted(
        (registry.kind(kind).role, kind, name, res) for kind, every in resources.items() for name, res in every.items()
    )
    if not found:
        return "nothing"
    wide = min(WIDEST, max(len(f"{kind} {name}") for _role, kind, name, _res in found))
    lines, last = [], ""
    for role, kind, name, res in found:
        if role != last:
            lines.append(role)
            last = role
        ident = res["id"].rsplit("/", 1)[-1]
        lines.append(f"  {f'{kind} {name}':<{wide}}  {res['status'] or res['state']:<9}")
        for word in ("" if ident.endswith(name) else ident, _telling(res)):
            if word and len(lines[-1]) + 2 + len(word) <= COLUMNS:
                lines[-1] = f"{lines[-1]}  {word}"
            elif word:
                lines.append(f"      {word}")
    return "\n".join(line.rstrip() for line in lines)


def _telling(resource: dict[str, t.Any]) -> str:
    known = {**resource["attributes"], **resource["facts"]}
    return next((str(known[key]) for key in TELLING if known.get(key)), "")


def _layout(resources: Resources) -> tuple[list[str], list[str], dict[tuple[str, str], list[str]]]:
    """Zones, tiers, and for each tier in each zone its network and what stands in it."""
    subnets = {name: res["attributes"] for name, res in resources.get("subnet", {}).items()}
    zones = sorted({each["zone"] for each in subnets.values()})
    tiers = list(dict.fromkeys(each["tier"] or name for name, each in sorted(subnets.items(), key=_by_network)))
    boxes = {(each["tier"] or name, each["zone"]): [f"{name} {each['cidr']}"] for name, each in subnets.items()}
    for kind, found in resources.items():
        if kind in ("subnet", "route_table", "network_acl") or kind.endswith("subnet_group"):
            continue
        for name, res in found.items():
            for subnet in _subnets_of(res["attributes"], resources):
                if subnet in subnets:
                    place = (subnets[subnet]["tier"] or subnet, subnets[subnet]["zone"])
                    boxes[place].append(f"{kind.replace('_', ' ')} {name}")
    return zones, tiers, boxes


def _by_network(item: tuple[str, dict[str, t.Any]]) -> tuple[int, ...]:
    return tuple(int(part) for part in item[1]["cidr"].split("/")[0].split("."))


def _subnets_of(attributes: dict[str, t.Any], resources: Resources) -> list[str]:
    """The subnets something stands in, by itself or through its subnet group."""
    if attributes.get("subnet_group"):
        for kind in ("db_subnet_group", "cache_subnet_group"):
            group = resources.get(kind, {}).get(attributes["subnet_group"])
            if group:
                return list(group["attributes"].get("subnets", []))
    return [attributes["subnet"]] if attributes.get("subnet") else list(attributes.get("subnets") or [])


def network_text(resources: Resources) -> str:
    """The network for a terminal: a column a zone, a row a tier."""
    zones, tiers, boxes = _layout(resources)
    if not zones:
        return "no network"
    room = max(16, (COLUMNS - 1) // len(zones) - 3)
    boxes = {
        place: [
            part for line in lines for part in textwrap.wrap(line, room, subsequent_indent="  ", break_on_hyphens=False)
        ]
        for place, lines in boxes.items()
    }
    width = max(len(line) for lines in boxes.values() for line in lines)
    names = ", ".join(f"{name} {res['attributes']['cidr']}" for name, res in resources.get("vpc", {}).items())

    def rule(left: str, middle: str, right: str, words: list[str] | None = None) -> str:
        words = words or [""] * len(zones)
        cells = [f"─ {word} ".ljust(width + 2, "─") if word else "─" * (width + 2) for word in words]
        return left + middle.join(cells) + right

    lines = [f"VPC {names}", rule("┌", "┬", "┐", zones)]
    for number, tier in enumerate(tiers):
        columns = [boxes.get((tier, zone), []) for zone in zones]
        for row in range(max(len(column) for column in columns)):
            lines.append(
                "│" + "│".join(f" {column[row] if row < len(column) else '':<{width}} " for column in columns) + "│"
            )
        lines.append(rule("├", "┼", "┤") if number < len(tiers) - 1 else rule("└", "┴", "┘"))
    return "\n".join(lines)


def network_svg(resources: Resources, title: str) -> str:
    """The same as a picture (SVG 1.1)."""
    zones, tiers, boxes = _layout(resources)
    width, line, left = 250, 16, 20
    heights = [36 + line * max((len(boxes.get((tier, zone), [])) for zone in zones), default=1) for tier in tiers]
    total_width, total_height = 2 * left + width * max(1, len(zones)), 100 + sum(heights) + 12 * len(tiers)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{total_width}" height="{total_height}" font-family="sans-serif">',
        f'<rect width="{total_width}" height="{total_height}" fill="#ffffff"/>',
        f'<text x="{left}" y="32" font-size="18" font-weight="bold" fill="#1f2937">{html.escape(title)}</text>',
    ]
    for column, zone in enumerate(zones):
        x = left + column * width
        parts.append(
            f'<rect x="{x + 4}" y="48" width="{width - 8}" height="{total_height - 60}" fill="none" stroke="#9ca3af" '
            f'stroke-dasharray="5 4" rx="8"/><text x="{x + 16}" y="68" font-size="12" fill="#6b7280">{html.escape(zone)}</text>'
        )
    y = 80
    colours = ("#dcfce7", "#dbeafe", "#ede9fe", "#fef3c7", "#fee2e2")
    for number, (tier, height) in enumerate(zip(tiers, heights, strict=True)):
        for column, zone in enumerate(zones):
            words = boxes.get((tier, zone))
            if not words:
                continue
            x = left + column * width + 12
            parts.append(
                f'<rect x="{x}" y="{y}" width="{width - 24}" height="{height}" rx="6" fill="{colours[number % len(colours)]}"/>'
            )
            for row, word in enumerate(words):
                weight = "bold" if row == 0 else "normal"
                parts.append(
                    f'<text x="{x + 10}" y="{y + 22 + row * line}" font-size="12" font-weight="{weight}" '
                    f'fill="#111827">{html.escape(word)}</text>'
                )
        y += height + 12
    return "\n".join([*parts, "</svg>", ""])


class FilterModule:
    """Filters ``terrace.aws.*`` of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"cell_table": cell_table, "network_text": network_text, "network_svg": network_svg}
