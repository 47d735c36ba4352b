# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process-wide cache of botocore's data files (service models, endpoints, paginators, …), parsed.

It sits below botocore's loader: which file answers is decided by botocore, with AWS_DATA_PATH and ~/.aws/models, at each
call; only the reading and parsing of that file is saved, and only while the file is the one that was read.
"""

from __future__ import annotations

import os

PARSED: dict[str, tuple] = {}  # path without its ending: (path, state, data)
MISSED: list[str] = []  # what this process had to parse itself
LIMIT = 400


def state(path: str) -> tuple | None:
    try:
        st = os.stat(path)
    except OSError:
        return None
    return st.st_mtime_ns, st.st_size, st.st_ino


def install() -> None:
    """Put the cache in front of botocore's file reader, once botocore is imported."""
    import botocore.loaders as loaders

    original = loaders.JSONFileLoader.load_file
    endings = tuple(loaders._JSON_OPEN_METHODS)

    def load_file(self, file_path):
        known = PARSED.get(file_path)
        if known is not None:
            for ending in endings:
                path = file_path + ending
                if path == known[0]:
                    if state(path) == known[1]:
                        return known[2]
                    break
                if os.path.isfile(path):
                    break
        data = original(self, file_path)
        if data is not None:
            MISSED.append(file_path)
        return data

    def remember(file_path: str) -> None:
        for ending in endings:
            before = state(file_path + ending)
            if before is not None and len(PARSED) < LIMIT:
                data = original(loaders.JSONFileLoader(), file_path)
                if data is not None and state(file_path + ending) == before:
                    PARSED[file_path] = (file_path + ending, before, data)
                return

    loaders.JSONFileLoader.load_file = load_file
    globals()["remember"] = remember


def remember(file_path: str) -> None:
    """Parse a file for the children to come; does nothing before install()."""
