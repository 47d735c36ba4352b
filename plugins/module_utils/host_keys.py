# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SSH host keys as cloud-init prints them on a machine's console.

https://cloudinit.readthedocs.io/en/latest/reference/modules.html#keys-to-console
"""

from __future__ import annotations

import re

#: What cloud-init prints around the keys at a machine's first boot; the console may put a time or a name before a line.
BLOCK = re.compile(r"-----BEGIN SSH HOST KEY KEYS-----(.*?)-----END SSH HOST KEY KEYS-----", re.DOTALL)
KEY = re.compile(r"\b((?:ssh-(?:ed25519|rsa)|ecdsa-sha2-nistp\d+) [A-Za-z0-9+/]{60,}={0,3})(?=\s|$)")


def on_console(text: str) -> list[str]:
    """The host keys of the last complete block, type and data without a comment, sorted; none where there is no block."""
    blocks = BLOCK.findall(text)
    return sorted(set(KEY.findall(blocks[-1]))) if blocks else []
