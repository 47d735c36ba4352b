# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Listeners of load balancers in the words of the inventory, beyond what their argument specs say.

A listener is keyed by its port, a rule by a name of the operator's; AWS knows a rule by its priority, so that is what
two rules are compared by.
"""

from __future__ import annotations

import typing as t

from ..ec2 import cidrs

ACTIONS = ("target_group", "redirect", "fixed_response")
CONDITIONS = ("hosts", "paths", "methods", "source_cidrs", "headers")


def normalised(listeners: dict[str, dict[str, t.Any]]) -> dict[str, t.Any]:
    """Listeners as the kind reads them: rules by priority, what does not count left out."""
    return {
        port: {
            **listener,
            "tls_policy": listener["tls_policy"] if listener["protocol"] == "HTTPS" else None,
            "rules": {str(rule["priority"]): rule for rule in listener["rules"].values()},
        }
        for port, listener in listeners.items()
    }


def wrong(listeners: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
    """What is wrong with listeners and their rules beyond types, each beginning with the port."""
    for port, listener in listeners.items():
        if not port.isdigit() or not 1 <= int(port) <= 65535:
            yield f"{port}: a listener is keyed by its port, 1 to 65535"
        yield from (f"{port}{problem}" for problem in _wrong_listener(listener))
        taken: dict[int, str] = {}
        for name, rule in listener["rules"].items():
            yield from (f"{port}.rules.{name}{problem}" for problem in _wrong_rule(rule))
            other = taken.setdefault(rule["priority"], name)
            if other != name:
                yield f"{port}.rules.{name}.priority: {rule['priority']} is rule {other}'s"


def _wrong_listener(listener: dict[str, t.Any]) -> t.Iterator[str]:
    yield from _one_action(listener)
    if listener["protocol"] == "HTTPS" and not listener["certificate"]:
        yield ".certificate: HTTPS needs one"
    if listener["protocol"] == "HTTP" and listener["certificate"]:
        yield ".certificate: HTTP takes none; give protocol: HTTPS"
    others = listener["additional_certificates"]
    if others and not listener["certificate"]:
        yield ".additional_certificates: come beside a certificate, the default one; give that as well"
    if listener["certificate"] in others or len(set(others)) != len(others):
        yield ".additional_certificates: name each certificate once, and not the default one"


def _wrong_rule(rule: dict[str, t.Any]) -> t.Iterator[str]:
    yield from _one_action(rule)
    if not any(rule[condition] for condition in CONDITIONS):
        yield f": needs a condition, one of {', '.join(CONDITIONS)}"
    yield from (f".source_cidrs: {problem}" for problem in map(cidrs.problem, rule["source_cidrs"]) if problem)


def _one_action(part: dict[str, t.Any]) -> t.Iterator[str]:
    given = [action for action in ACTIONS if part[action] is not None]
    if len(given) != 1:
        yield f": needs one of {', '.join(ACTIONS)}, has {' and '.join(given) or 'none'}"


def references(listeners: dict[str, dict[str, t.Any]], option: str) -> list[str]:
    """The certificates or target groups that listeners and their rules name."""
    parts = [part for listener in listeners.values() for part in (listener, *(listener.get("rules") or {}).values())]
    given = [part[option] for part in parts if part.get(option)]
    return list(dict.fromkeys(name for each in given for name in ([each] if isinstance(each, str) else each)))
