# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Signs a cell in: the right account, and credentials that last. See plugins/modules/cell_session.py."""

from __future__ import annotations

import configparser
import os
import pathlib
import typing as t
from datetime import UTC, datetime, timedelta

import boto3
from ansible import constants as C
from ansible.errors import AnsibleActionFail
from botocore.exceptions import ClientError, NoCredentialsError, PartialCredentialsError

from ansible_collections.terrace.aws.plugins.filter.cell import cell_environment
from ansible_collections.terrace.aws.plugins.plugin_utils.cell_action import CellAction

#: Renew an assumed role's credentials when they last less than this.
MARGIN = timedelta(minutes=20)
KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
EXPIRED = ("ExpiredToken", "ExpiredTokenException", "RequestExpired")
UNKNOWN = ("InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch", "AuthFailure")


class ActionModule(CellAction):
    _VALID_ARGS = frozenset({"account", "access_key", "secret_key", "role_arn", "external_id", "duration"})
    _supports_check_mode = True

    def act(self) -> dict[str, t.Any]:
        session = self.variable("cell_session", {})
        expires = session.get("expires")
        if session and (not expires or datetime.fromisoformat(expires) - datetime.now(UTC) > MARGIN):
            return dict(session)
        self._endpoint()
        session = self._signed_in()
        return {"changed": False, **session}

    def _endpoint(self) -> None:
        endpoint = os.environ.get("AWS_ENDPOINT_URL", "")
        if self.variable("cell_endpoint_required", False) and not endpoint.startswith(
            ("http://127.", "http://localhost")
        ):
            raise AnsibleActionFail(
                f"{self.cell_name()}: this inventory is for an emulated AWS API, but cell_endpoint_url is "
                f"{endpoint or 'not set'}; refused, for it would reach real AWS. Start the lab with `make lab` and give its "
                "address, as inventories/lab does."
            )

    def _signed_in(self) -> dict[str, t.Any]:
        region = self.region()
        facts: dict[str, t.Any] = {"expires": "", "credentials_file": "", "profile": ""}
        try:
            base, keys = self._base_session(region)
            if self.option("role_arn"):
                base, keys, facts["expires"] = self._assumed(base, str(self.option("role_arn")), region)
            if keys:
                facts |= {"credentials_file": str(self._kept(keys)), "profile": self.cell_name()}
            identity = base.client("sts").get_caller_identity()
            wanted = str(self.option("account", ""))
            if wanted and identity["Account"] != wanted:
                raise AnsibleActionFail(
                    f"{self.cell_name()}: cell_account is {wanted}, but the credentials are of account "
                    f"{identity['Account']} ({identity['Arn']}); nothing was read or written there"
                )
        except (NoCredentialsError, PartialCredentialsError) as error:
            raise AnsibleActionFail(
                f"{self.cell_name()}: no AWS credentials ({error}); set AWS_PROFILE, AWS_ACCESS_KEY_ID with "
                "AWS_SECRET_ACCESS_KEY, or run on an instance or AWX with a role"
            ) from error
        except ClientError as error:
            raise AnsibleActionFail(self._meaning(error)) from error
        return {
            **facts,
            "account": identity["Account"],
            "arn": identity["Arn"],
            "environment": cell_environment(region, str(self.variable("cell_endpoint_url") or ""), facts),
        }

    def _meaning(self, error: ClientError) -> str:
        code, text = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
        if code in EXPIRED:
            return f"{self.cell_name()}: the AWS credentials have expired; sign in again ({text})"
        if code in UNKNOWN:
            return f"{self.cell_name()}: AWS does not know these credentials ({code}: {text})"
        if code.startswith("AccessDenied"):
            return f"{self.cell_name()}: AWS denies it: {text}; see cell_role_arn and the role's trust policy"
        return f"{self.cell_name()}: {error}"

    def _base_session(self, region: str) -> tuple[boto3.session.Session, dict[str, str]]:
        """A session with the operator's own credentials (not those a role was assumed with before), and its keys."""
        for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_PROFILE", *KEYS):
            os.environ.pop(name, None)
            if name in self._outer:
                os.environ[name] = self._outer[name]
        if not self.option("access_key"):
            return boto3.session.Session(region_name=region), {}
        for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
            os.environ.pop(name, None)
        keys = {"aws_access_key_id": self.option("access_key"), "aws_secret_access_key": self.option("secret_key", "")}
        return boto3.session.Session(region_name=region, **keys), keys

    def _assumed(self, base, role: str, region: str) -> tuple[boto3.session.Session, dict[str, str], str]:
        arguments = {
            "RoleArn": role,
            "RoleSessionName": f"terrace-{self.cell_name()}"[:64],
            "DurationSeconds": int(self.option("duration", 3600)),
        }
        if self.option("external_id"):
            arguments["ExternalId"] = str(self.option("external_id"))
        got = base.client("sts").assume_role(**arguments)["Credentials"]
        keys = {
            "aws_access_key_id": got["AccessKeyId"],
            "aws_secret_access_key": got["SecretAccessKey"],
            "aws_session_token": got["SessionToken"],
        }
        return boto3.session.Session(region_name=region, **keys), keys, got["Expiration"].isoformat()

    def _credentials_path(self) -> pathlib.Path:
        return pathlib.Path(C.DEFAULT_LOCAL_TMP) / "terrace" / f"{self.cell_name()}.credentials"

    def _kept(self, keys: dict[str, str]) -> pathlib.Path:
        """The keys in a file only this user reads, gone with the run: no command line or log shows them."""
        path = self._credentials_path()
        path.parent.mkdir(mode=0o700, exist_ok=True)
        parser = configparser.ConfigParser(interpolation=None)
        parser[self.cell_name()] = keys
        partial = path.with_suffix(".partial")
        with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
            parser.write(stream)
        partial.replace(path)
        return path
