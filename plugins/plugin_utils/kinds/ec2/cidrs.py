# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Networks as the inventory writes them and as AWS answers them.

AWS drops host bits silently (CreateRoute, AuthorizeSecurityGroupIngress) or refuses them late, and answers IPv6 networks in
their short form, so a network that is not in AWS's own form would differ for ever.
"""

from __future__ import annotations

import ipaddress


def normalised(text: str) -> str:
    """A network in the form AWS answers it in; what is not a network is returned as it is."""
    try:
        return str(ipaddress.ip_network(text)) if "/" in text else text
    except ValueError:
        return text


def problem(text: str) -> str:
    """What is wrong with a network of the inventory and what to write instead; empty where nothing is.

    The long form of an IPv6 network is not wrong: :func:`normalised` shortens it.
    """
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        return str(error)
    address, slash, prefix = text.partition("/")
    if not slash:
        return f"{text} has no prefix length; write {network}"
    if ipaddress.ip_address(address) != network.network_address:
        return f"{text} has host bits set; write {network}"
    if not prefix.isdigit() or prefix != str(network.prefixlen):
        return f"write {network}, not {text}"
    return ""
