# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""EC2 key pairs. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeKeyPairs.html"""

from __future__ import annotations

import typing as t

from ...engine.cell import Cell
from ...engine.kind import Kind, Resource
from . import bulk, taken

#: What EC2 imports. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ImportKeyPair.html
TYPES = ("ssh-ed25519", "ssh-rsa")


class KeyPair(Kind):
    """The public key a machine lets its first user in with. The private key is never AWS's nor Terrace's."""

    name = "key_pair"
    role = "keys"
    variable = "keys_ssh"
    resource_type = "ec2:key-pair"
    longest_name = 255

    def read(self, cell: Cell) -> dict[str, Resource]:
        pairs = cell.pages("ec2", "describe_key_pairs", "KeyPairs", Filters=cell.mine(), IncludePublicKey=True)
        return {
            name: Resource(
                # Launch templates name a key pair by its name.
                id=pair["KeyName"],
                attributes={"public_key": without_comment(pair.get("PublicKey", ""))},
                facts={
                    "name": pair["KeyName"],
                    "key_pair_id": pair["KeyPairId"],
                    "fingerprint": pair.get("KeyFingerprint", ""),
                },
                tags=tags,
            )
            for name, pair, tags in cell.owned(self.name, pairs, lambda p: p.get("Tags"), lambda p: p["KeyName"])
        }

    def precreate_errors(self, cell: Cell, entries: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
        found = bulk.filtered(cell, "describe_key_pairs", "KeyPairs", "key-name", taken.aws_names(cell, entries))
        yield from taken.names(cell, self.name, entries, found, "KeyName", "KeyName")

    def normalise(self, entry: dict[str, t.Any]) -> dict[str, t.Any]:
        return {**entry, "public_key": without_comment(entry["public_key"])}

    def check(self, name: str, entry: dict[str, t.Any], world: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
        words = entry["public_key"].split()
        if len(words) < 2 or words[0] not in TYPES:
            yield (
                "public_key: the line of a .pub file, which begins with "
                f"{' or '.join(TYPES)}, not {entry['public_key'][:20]!r}"
            )


def without_comment(key: str) -> str:
    """A public key's type and data; EC2 puts a comment of its own behind them."""
    return " ".join(key.split()[:2])
