# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Listeners of load balancers in the words of the inventory, typed, and as AWS takes them.

A listener is keyed by its port, a rule by a name of the operator's; AWS knows a rule by its priority, so that is what
two rules are compared by. What they may hold is said in the entry points ``listener``, ``rule``, ``redirect`` and
``fixed_response`` of the role's argument specs.
"""

from __future__ import annotations

import typing as t

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from . import specs

ACTIONS = ("target_group", "redirect", "fixed_response")
CONDITIONS = ("hosts", "paths", "methods", "source_cidrs", "headers")


def typed(listeners: dict[t.Any, t.Any]) -> tuple[dict[str, dict[str, t.Any]], list[str]]:
    """Listeners with types converted and defaults filled in, and everything that is wrong with them."""
    filled: dict[str, dict[str, t.Any]] = {}
    problems: list[str] = []
    for port, listener in (specs.plain(listeners) or {}).items():
        where = f"listeners.{port}"
        if not str(port).isdigit() or not 1 <= int(port) <= 65535:
            problems.append(f"{where}: a listener is keyed by its port, 1 to 65535")
        listener, wrong = _part("listener", listener, where)
        problems += wrong or _listener_misfits(listener, where)
        rules = listener.get("rules") or {}
        listener["rules"] = {}
        for name, rule in rules.items():
            rule, wrong = _part("rule", rule, f"{where}.rules.{name}")
            problems += wrong or _rule_misfits(rule, f"{where}.rules.{name}")
            listener["rules"][str(name)] = rule
        taken: dict[t.Any, str] = {}
        for name, rule in listener["rules"].items():
            other = taken.setdefault(rule.get("priority"), name)
            if other != name:
                problems.append(f"{where}.rules.{name}.priority: {rule.get('priority')} is rule {other}'s")
        filled[str(port)] = listener
    return filled, problems


def compared(listeners: dict[t.Any, t.Any]) -> dict[str, t.Any]:
    """Listeners as the kind reads them: rules by priority, what is not given left out."""
    filled, _problems = typed(listeners)
    for listener in filled.values():
        listener["rules"] = {str(rule.get("priority")): dict(rule) for rule in listener["rules"].values()}
        if listener.get("protocol") != "HTTPS":
            listener["tls_policy"] = None
    return filled


def _part(name: str, value: t.Any, where: str) -> tuple[dict[str, t.Any], list[str]]:
    if not isinstance(value, dict):
        return {}, [f"{where}: must be a dict of options, not {type(value).__name__}"]
    options = specs.entry_point("load_balancer", name)
    problems = list(specs.unknown_options(options, value, where))
    result = ArgumentSpecValidator(options).validate({key: value[key] for key in value if key in options})
    problems += [f"{where}: {message}" for message in result.error_messages]
    filled = dict(result.validated_parameters)
    for action in ("redirect", "fixed_response"):
        if filled.get(action) is not None:
            filled[action], wrong = _part(action, filled[action], f"{where}.{action}")
            problems += wrong
    return filled, problems


def _listener_misfits(listener: dict[str, t.Any], where: str) -> list[str]:
    problems = _one_action(listener, where)
    if listener["protocol"] == "HTTPS" and not listener.get("certificate"):
        problems.append(f"{where}.certificate: HTTPS needs one")
    if listener["protocol"] == "HTTP" and listener.get("certificate"):
        problems.append(f"{where}.certificate: HTTP takes none; give protocol: HTTPS")
    return problems


def _rule_misfits(rule: dict[str, t.Any], where: str) -> list[str]:
    problems = _one_action(rule, where)
    if not any(rule.get(condition) for condition in CONDITIONS):
        problems.append(f"{where}: needs a condition, one of {', '.join(CONDITIONS)}")
    if not 1 <= rule["priority"] <= 50000:
        problems.append(f"{where}.priority: AWS takes 1 to 50000, not {rule['priority']}")
    return problems


def _one_action(part: dict[str, t.Any], where: str) -> list[str]:
    given = [action for action in ACTIONS if part.get(action) is not None]
    if len(given) == 1:
        return []
    return [f"{where}: needs one of {', '.join(ACTIONS)}, has {' and '.join(given) or 'none'}"]


def references(listeners: dict[t.Any, t.Any], option: str) -> list[str]:
    """The certificates or target groups that listeners and their rules name."""
    found: list[str] = []
    for listener in (listeners or {}).values():
        if isinstance(listener, dict):
            rules = listener.get("rules")
            parts = [listener, *(rules.values() if isinstance(rules, dict) else [])]
            found += [str(part[option]) for part in parts if isinstance(part, dict) and part.get(option)]
    return list(dict.fromkeys(found))
