# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the plugins use of boto3 and botocore, for them to load without: ansible-doc reads them where neither is installed."""

from __future__ import annotations

import sys
import typing as t

from ansible.errors import AnsibleError

#: Why a plugin that needs them cannot work; empty where they are installed.
MISSING = ""

try:
    import boto3
    import botocore.session
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError
    from botocore.loaders import Loader, create_loader

    Session = botocore.session.Session
except ImportError as error:
    MISSING = (
        f"the Python that runs Ansible ({sys.executable}) lacks boto3 or botocore: {error}. "
        "Install the Python packages in requirements.txt of terrace.aws there."
    )

    def _missing(*_args: t.Any, **_options: t.Any) -> t.NoReturn:
        raise AnsibleError(MISSING)

    class _AbsentError(Exception):
        """Stands for exceptions that nobody raises."""

    boto3 = None
    BotoCoreError = ClientError = NoCredentialsError = PartialCredentialsError = _AbsentError
    Config = Loader = Session = create_loader = _missing

__all__ = [
    "MISSING",
    "BotoCoreError",
    "ClientError",
    "Config",
    "Loader",
    "NoCredentialsError",
    "PartialCredentialsError",
    "Session",
    "boto3",
    "create_loader",
]


def lab_hint(error: Exception) -> str:
    """What to do where the API that does not answer is one of this machine's."""
    url = str(getattr(error, "kwargs", {}).get("endpoint_url", ""))
    return " (the lab does not run: make lab)" if url.startswith(("http://127.", "http://localhost")) else ""
