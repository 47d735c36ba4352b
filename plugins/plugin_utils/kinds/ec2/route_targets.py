# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Routes: the inventory's words for their targets, and which of them are AWS's own.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Route.html
"""

from __future__ import annotations

import re
import typing as t

from . import cidrs

#: Kinds of Terrace that a route leads to, by logical name.
NAMED = ("internet_gateway", "nat_gateway")
#: How the ids of each target begin; what is not a kind of Terrace is named by its id.
PREFIXES = {
    "internet_gateway": "igw-",
    "nat_gateway": "nat-",
    "egress_gateway": "eigw-",
    "transit_gateway": "tgw-",
    "vpc_peering": "pcx-",
    "network_interface": "eni-",
    "vpn_gateway": "vgw-",
    "vpc_endpoint": "vpce-",
    "local_gateway": "lgw-",
    "carrier_gateway": "cagw-",
    "core_network": "arn:",
}
#: Where AWS's answer holds a route's target. An instance is answered with its network interface.
KEYS = (
    "EgressOnlyInternetGatewayId",
    "NatGatewayId",
    "TransitGatewayId",
    "VpcPeeringConnectionId",
    "NetworkInterfaceId",
    "LocalGatewayId",
    "CarrierGatewayId",
    "CoreNetworkArn",
    "GatewayId",
)
PREFIX_LIST = re.compile(r"pl-[0-9a-f]{8,17}")
#: Routes that a VPN gateway or a route server puts into the table.
PROPAGATED = ("EnableVgwRoutePropagation", "Advertisement")


def destination(route: dict[str, t.Any]) -> str:
    """A network or a prefix list."""
    keys = ("DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId")
    return next((route[key] for key in keys if route.get(key)), "")


def target_id(route: dict[str, t.Any]) -> str:
    return next((route[key] for key in KEYS if route.get(key)), "")


def target(route: dict[str, t.Any], name_of: t.Callable[[str, str], str]) -> str:
    """A route's target as ``<word>:<name or id>``; ``blackhole`` where AWS no longer says what it was."""
    ident = target_id(route)
    word = next((word for word, prefix in PREFIXES.items() if ident.startswith(prefix)), "")
    if not word:
        return "blackhole"
    return f"{word}:{name_of(word, ident) if word in NAMED else ident}"


def is_propagated(route: dict[str, t.Any]) -> bool:
    return route.get("Origin") in PROPAGATED


def is_managed_by_aws(route: dict[str, t.Any]) -> bool:
    """The local routes, and those of gateway endpoints, which the endpoint adds and removes."""
    gateway = route.get("GatewayId") or ""
    return gateway == "local" or (gateway.startswith("vpce-") and bool(route.get("DestinationPrefixListId")))


def normalised(text: str) -> str:
    """A destination in the form AWS answers it in."""
    return cidrs.normalised(text)


def problems(where: str, goal: str) -> t.Iterator[str]:
    """What is wrong with a route of the inventory."""
    fault = "" if PREFIX_LIST.fullmatch(where) else cidrs.problem(where)
    if fault:
        yield fault if "/" in where else f"{fault}; a destination is a network or a prefix list (pl-…)"
    word, _colon, name = goal.partition(":")
    if word not in PREFIXES:
        yield f"there is no target {goal}; write <target>:<name or id>, with one of {', '.join(PREFIXES)}"
    elif not name:
        yield f"{goal} lacks the name or id of the {word}"
    elif word not in NAMED and not name.startswith(PREFIXES[word]):
        yield f"{goal}: write {word}:<id>, with an id that begins with {PREFIXES[word]}"


def is_id(word: str, name: str) -> bool:
    """Whether a target that is usually named is given by its id: it belongs to someone else."""
    return bool(re.fullmatch(rf"{PREFIXES[word]}[0-9a-f]{{8,17}}", name))
