# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Signs a cell in: the right account, and credentials that last. See plugins/modules/cell_session.py."""

from __future__ import annotations

import os
import pathlib
import typing as t

from ansible import constants as C
from ansible.errors import AnsibleActionFail
from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.terrace.aws.plugins.plugin_utils import cell_sessions
from ansible_collections.terrace.aws.plugins.plugin_utils.cell_action import CellAction


class ActionModule(CellAction):
    _VALID_ARGS = frozenset({"account", "access_key", "secret_key", "role_arn", "external_id", "duration"})
    _supports_check_mode = True

    def act(self) -> dict[str, t.Any]:
        session = self.variable("cell_session", {})
        if session and cell_sessions.lasts(session):
            return dict(session)
        self._endpoint()
        try:
            return {"changed": False, **self._sign_in().signed_in()}
        except cell_sessions.SignInError as error:
            raise AnsibleActionFail(str(error)) from error

    def _sign_in(self) -> cell_sessions.SignIn:
        wanted = {
            name: str(self.option(name, ""))
            for name in ("account", "access_key", "secret_key", "role_arn", "external_id")
        }
        return cell_sessions.SignIn(
            cell=self.cell_name(),
            region=self.region(),
            folder=pathlib.Path(C.DEFAULT_LOCAL_TMP) / "terrace",
            outer=self._outer,
            endpoint_url=str(self.variable("cell_endpoint_url") or ""),
            duration=int(self.option("duration", 3600)),
            **wanted,
        )

    def _endpoint(self) -> None:
        endpoint = os.environ.get("AWS_ENDPOINT_URL", "")
        required = boolean(self.variable("cell_endpoint_required") or False)
        if required and not endpoint.startswith(("http://127.", "http://localhost")):
            raise AnsibleActionFail(
                f"{self.cell_name()}: this inventory is for an emulated AWS API, but cell_endpoint_url is "
                f"{endpoint or 'not set'}; refused, for it would reach real AWS. Start the lab with `make lab` and give its "
                "address, as inventories/lab does."
            )
