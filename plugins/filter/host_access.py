# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters of the host_access role: which machines there are, and what is known of their host keys."""

from __future__ import annotations

import typing as t

#: What ssh says, and what that means to an operator.
TROUBLE = {
    "Permission denied": "it refuses the key: {key}. Machines let in the key they were started with "
    "(cell_ssh_public_key), and those the role host_baseline has given them",
    "Host key verification failed": "its host key is not the one its console showed, or none is known: {file}",
    "Connection refused": "nothing listens there; it may be starting, or sshd has stopped",
    "timed out": "no answer; is this machine's address among those the bastion's security group lets in?",
    "Operation timed out": "no answer; is this machine's address among those the bastion's security group lets in?",
    "No such file or directory": "a file is missing: {said}",
}


def reachable_machines(instances: list[dict[str, t.Any]]) -> dict[str, dict[str, t.Any]]:
    """Machines as the ssh configuration wants them, bastions first: ``{id: {name, address, bastion}}``.

    Those that isolate_instance.yml took out are nobody's to reach.

    :param instances: as ``amazon.aws.ec2_instance_info`` returns them
    """
    made = {}
    instances = [each for each in instances if "terrace:isolated" not in each.get("tags", {})]
    for each in sorted(instances, key=lambda one: (not _is_bastion(one), one["instance_id"])):
        address = each.get("private_ip_address")
        if _is_bastion(each):
            address = each.get("public_ip_address") or address
        name = f"{each.get('tags', {}).get('Name', 'machine')}-{each['instance_id']}"
        made[each["instance_id"]] = {"name": name, "address": address, "bastion": _is_bastion(each)}
    return made


def _is_bastion(instance: dict[str, t.Any]) -> bool:
    return instance.get("tags", {}).get("role") == "bastion"


def known_keys(text: str, wanted: t.Iterable[str]) -> dict[str, list[str]]:
    """Host keys by machine, as a known_hosts file has them; only those of ``wanted`` machines, by id."""
    wanted, found = set(wanted), {}
    for line in (text or "").splitlines():
        name, _space, key = line.strip().partition(" ")
        if name in wanted and key:
            found.setdefault(name, []).append(key)
    return found


def known_hosts(keys: dict[str, list[str]]) -> str:
    """The text of a known_hosts file, always the same for the same keys."""
    return "".join(f"{name} {key}\n" for name in sorted(keys) for key in sorted(keys[name]))


def ssh_trouble(said: str, key: str, file: str) -> str:
    """What ssh's words mean, for an operator.

    :param said: what ssh wrote on its standard error
    :param key: the private key's file, empty for the agent's keys
    :param file: the known_hosts file
    """
    last = next((line.strip() for line in reversed(said.splitlines()) if line.strip()), "ssh said nothing")
    for words, meaning in TROUBLE.items():
        if words in said:
            return meaning.format(key=key or "the SSH agent's", file=file, said=last) + f" (ssh: {last})"
    return last


class FilterModule:
    """Filters ``terrace.aws.*`` of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {each.__name__: each for each in (reachable_machines, known_keys, known_hosts, ssh_trouble)}
