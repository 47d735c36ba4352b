# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters for a cell's connection to AWS."""

from __future__ import annotations

import os
import typing as t

from ansible.errors import AnsibleFilterError

from ..plugin_utils import switches


def cell_environment(region: str, endpoint_url: str = "", session: dict[str, t.Any] | None = None) -> dict[str, str]:
    """The environment AWS tools run with in a cell.

    Keys of an assumed role or of the inventory reach the tools as a profile in a private file
    (``session.credentials_file``), so that none stands on a command line. An endpoint means an emulated API: whatever
    would leave for AWS all the same (an SDK that does not heed the endpoint, a misspelt option) meets a proxy that does
    not exist.
    """
    variables = {
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        # The operator's own settings stay.
        "AWS_RETRY_MODE": os.environ.get("AWS_RETRY_MODE") or "standard",
        "AWS_MAX_ATTEMPTS": os.environ.get("AWS_MAX_ATTEMPTS") or "10",
        "AWS_PAGER": "",
    }
    if endpoint_url:
        variables |= {
            "AWS_ENDPOINT_URL": endpoint_url,
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_EC2_METADATA_DISABLED": "true",
            "HTTPS_PROXY": "http://127.0.0.1:9",
            "https_proxy": "http://127.0.0.1:9",
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
        }
    credentials_file = (session or {}).get("credentials_file")
    if credentials_file:
        variables |= {
            "AWS_SHARED_CREDENTIALS_FILE": credentials_file,
            "AWS_PROFILE": session["profile"],
            "AWS_ACCESS_KEY_ID": "",
            "AWS_SECRET_ACCESS_KEY": "",
            "AWS_SESSION_TOKEN": "",
        }
    return variables


def run_switch(value: t.Any, name: str) -> t.Any:
    """A variable that steers a run, by its type; its default where it is unset (``{{ x | default(none) | … }}``)."""
    try:
        return switches.one(name, value)
    except switches.SwitchError as error:
        raise AnsibleFilterError(str(error)) from error


def present_cells(groups: dict[str, t.Any]) -> str:
    """The pattern of a play on cells. Ansible passes over a play without hosts, and ends well: nothing would be done.

    :raises AnsibleFilterError: where the inventory has no cell
    """
    if not groups.get("cells"):
        raise AnsibleFilterError(
            "the inventory has no host in the group cells, so there is nothing to work on; is -i right?"
        )
    return "cells"


class FilterModule:
    """Filters ``terrace.aws.*`` of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"cell_environment": cell_environment, "run_switch": run_switch, "present_cells": present_cells}
