#!/usr/bin/python
# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Packs what a machine needs to configure itself."""

from __future__ import annotations

DOCUMENTATION = r"""
module: configuration_bundle
short_description: Pack what a machine needs to configure itself
version_added: 0.1.0
description:
  - Packs folders and texts into one archive that is the same, byte for byte, for the same contents, so that its checksum is its
    version.
options:
  folders:
    description: Folders or files by their path in the archive. Caches of Python are left out.
    type: dict
    required: true
  texts:
    description: Texts by their path in the archive.
    type: dict
    default: {}
  dest:
    description: The archive to write. In check mode it is written too, for nothing else depends on it.
    type: path
    required: true
attributes:
  check_mode:
    description: Writes the archive, which is a draft.
    support: full
author:
  - The Terrace developers (@terrace)
"""

EXAMPLES = r"""
- name: Pack the configuration
  terrace.aws.configuration_bundle:
    folders: {collections/ansible_collections/terrace/aws/roles/host_baseline: roles/host_baseline}
    texts: {inventory/group_vars/tier_web.json: "{}"}
    dest: /tmp/bundle.tar.gz
"""

RETURN = r"""
checksum:
  description: The archive's SHA-256.
  returned: always
  type: str
size:
  description: Its size in bytes.
  returned: always
  type: int
"""

import gzip
import hashlib
import io
import os
import pathlib
import tarfile
import typing as t

from ansible.module_utils.basic import AnsibleModule


def members(folders: dict[str, str], texts: dict[str, str]) -> t.Iterator[tuple[str, bytes, int]]:
    """Path, content and mode of every file, unsorted. :raises FileNotFoundError: for a source that is not there"""
    for place, source in folders.items():
        root = pathlib.Path(source)
        if not root.exists():
            raise FileNotFoundError(f"{source} is not there")
        for path in [root] if root.is_file() else sorted(root.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                inside = "" if path == root else f"/{path.relative_to(root).as_posix()}"
                yield f"{place}{inside}", path.read_bytes(), 0o755 if os.access(path, os.X_OK) else 0o644
    for place, text in texts.items():
        yield place, text.encode(), 0o644


def packed(folders: dict[str, str], texts: dict[str, str]) -> bytes:
    """The archive: sorted, without times, owners and names of whoever packs."""
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0, filename="") as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for place, content, mode in sorted(members(folders, texts)):
            entry = tarfile.TarInfo(place)
            entry.size, entry.mode = len(content), mode
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "folders": {"type": "dict", "required": True},
            "texts": {"type": "dict", "default": {}},
            "dest": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    try:
        content = packed(module.params["folders"], module.params["texts"])
    except OSError as error:
        module.fail_json(msg=f"The configuration could not be packed: {error}")
    pathlib.Path(module.params["dest"]).write_bytes(content)
    module.exit_json(changed=False, checksum=hashlib.sha256(content).hexdigest(), size=len(content))


if __name__ == "__main__":
    main()
