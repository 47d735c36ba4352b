# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters of the host_access role: which machines there are, what is known of their host keys, and why SSH fails."""

from __future__ import annotations

import base64
import binascii
import hashlib
import typing as t
from datetime import UTC, datetime

#: What ssh says, and what that means to an operator.
TROUBLE = {
    "Permission denied": "it refuses the key: {key}. Machines let in the key they were started with "
    "(cell_ssh_public_key), and those the role host_baseline has given them",
    "Host key verification failed": "its host key is not the one its console showed, or none is known: {file}",
    "Connection refused": "nothing listens there; it may be starting, or sshd has stopped",
    "timed out": "no answer; is this machine's address among those the bastion's security group lets in "
    "(three_tier_ssh_cidrs in the blueprint)?",
    "No route to host": "there is no way to that address from here",
    "Network is unreachable": "there is no way to that address from here",
    "No such file or directory": "a file is missing: {said}",
}


def reachable_machines(instances: list[dict[str, t.Any]]) -> dict[str, dict[str, t.Any]]:
    """Machines as the ssh configuration wants them, bastions first: ``{id: {name, address, bastion, launched}}``.

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
        made[each["instance_id"]] = {
            "name": name,
            "address": address,
            "bastion": _is_bastion(each),
            "launched": each.get("launch_time", ""),
        }
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


def boot_patience(launched: str | datetime, timeout: int, now: datetime | None = None) -> int:
    """Seconds in which a machine may still be booting. Of one that has run for longer there is nothing to wait for.

    :param launched: when it was started, as EC2 says; where that is not known, it may have been just now
    :param timeout: seconds a machine may take from its start until it answers
    """
    if not launched:
        return timeout
    started = launched if isinstance(launched, datetime) else datetime.fromisoformat(launched)
    return max(0, timeout - int(((now or datetime.now(UTC)) - started).total_seconds()))


def key_trouble(file: str, tried: dict[str, t.Any], agent: dict[str, t.Any], public_key: str = "") -> str:
    """Why nobody can be signed in with the operator's key, for an operator; empty where one can.

    :param file: the private key's file, empty for the agent's keys
    :param tried: what ``ssh-keygen`` said of the file: ``rc`` and ``stderr`` of reading it without a passphrase, and
        ``fingerprint``, the line ``ssh-keygen -l`` prints of it
    :param agent: ``rc`` and ``stdout`` of ``ssh-add -l``; a status of 2 means that no agent answers
    :param public_key: the operators' public key, whose other half is wanted where there is no file
    """
    if not file and not public_key:
        return ""  # ssh tries its own default files
    wanted = _fingerprint(public_key)
    if file:
        if tried.get("rc") == 0:
            return ""
        said = next(
            (line for line in reversed(tried.get("stderr", "").splitlines()) if line.strip()), "it said nothing"
        )
        if "No such file" in said:
            return f"there is no private key {file} (host_access_private_key)"
        if "bad permissions" in said:
            return f"the private key {file} (host_access_private_key) can be read by others, so ssh ignores it: chmod 600 {file}"
        if "passphrase" not in said:
            return f"{file} (host_access_private_key) is not a private key that ssh-keygen can read ({said})"
        wanted = next((word for word in tried.get("fingerprint", "").split() if word.startswith("SHA256:")), "")
    if wanted and wanted in agent.get("stdout", "").split():
        return ""
    without = "no SSH agent runs" if agent.get("rc") == 2 else "the SSH agent does not hold it"
    if file:
        return (
            f"the private key {file} (host_access_private_key) has a passphrase, and {without}; add it: ssh-add {file}"
        )
    return (
        f"no private key is named (host_access_private_key), so the SSH agent must hold that of cell_ssh_public_key, and "
        f"{without}; add it: ssh-add <its file>"
    )


def _fingerprint(public_key: str) -> str:
    """The SHA-256 fingerprint of a public key, as ssh-add prints it."""
    try:
        raw = base64.b64decode(public_key.split()[1], validate=True)
    except (IndexError, binascii.Error):
        return ""
    return "SHA256:" + base64.b64encode(hashlib.sha256(raw).digest()).decode().rstrip("=")


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
        mine = (reachable_machines, known_keys, known_hosts, boot_patience, key_trouble, ssh_trouble)
        return {each.__name__: each for each in mine}
