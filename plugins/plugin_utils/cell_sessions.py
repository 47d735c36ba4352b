# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Signing a cell in: the account it must be, the role it assumes, and credentials that are renewed in time."""

from __future__ import annotations

import configparser
import contextlib
import os
import pathlib
import typing as t
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ..filter.cell import cell_environment
from .engine import service_models
from .sdk import ClientError, NoCredentialsError, PartialCredentialsError, boto3

if t.TYPE_CHECKING:
    from .cell_action import CellAction

#: Renew an assumed role's credentials when they last less than this.
MARGIN = timedelta(minutes=20)
#: What decides which credentials the AWS SDK finds; the play sets these for a cell, the operator may have set others.
DECIDING = (
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_PROFILE",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
)
EXPIRED = ("ExpiredToken", "ExpiredTokenException", "RequestExpired")
UNKNOWN = ("InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch", "AuthFailure")


#: Options of a sign-in that are the cell's variables, ``cell_<option>``.
OPTIONS = ("account", "access_key", "secret_key", "endpoint_url")


class SignInError(Exception):
    """Why a cell cannot be signed in, for an operator."""


@dataclass
class SignIn:
    """How a cell is signed in.

    :ivar folder: the run's private folder, which holds the keys of assumed roles
    :ivar outer: the operator's environment, without what the play sets for the cell
    :ivar account: the account the credentials must be of; empty for any
    :ivar access_key: a key of the inventory's own; it counts at an emulated API alone, on AWS the operator's do
    :ivar role_arn: the role to assume; empty for none
    :ivar duration: seconds its credentials last
    """

    cell: str
    region: str
    folder: pathlib.Path
    outer: t.Mapping[str, str]
    endpoint_url: str = ""
    account: str = ""
    access_key: str = ""
    secret_key: str = ""
    role_arn: str = ""
    external_id: str = ""
    duration: int = 3600

    def signed_in(self) -> dict[str, t.Any]:
        """The session: ``account``, ``arn``, ``expires``, ``credentials_file``, ``profile``, ``environment``.

        :raises SignInError: without credentials, with expired or unknown ones, or with those of another account
        """
        facts: dict[str, t.Any] = {"expires": "", "credentials_file": "", "profile": ""}
        try:
            with self._outer_credentials():
                base, keys = self._base_session()
                if self.role_arn:
                    base, keys, facts["expires"] = self._assumed(base)
                if keys:
                    facts |= {"credentials_file": str(self._kept(keys)), "profile": self.cell}
                identity = base.client("sts").get_caller_identity()
        except (NoCredentialsError, PartialCredentialsError) as error:
            raise SignInError(
                f"{self.cell}: no AWS credentials ({error}); set AWS_PROFILE, AWS_ACCESS_KEY_ID with "
                "AWS_SECRET_ACCESS_KEY, or run on an instance or AWX with a role"
            ) from error
        except ClientError as error:
            raise SignInError(self._meaning(error)) from error
        if self.account and identity["Account"] != self.account:
            raise SignInError(
                f"{self.cell}: cell_account is {self.account}, but the credentials are of account "
                f"{identity['Account']} ({identity['Arn']}); nothing was read or written there"
            )
        return {
            **facts,
            "account": identity["Account"],
            "arn": identity["Arn"],
            "environment": cell_environment(self.region, self.endpoint_url, facts),
        }

    def renewed(self, session: dict[str, t.Any]) -> dict[str, t.Any] | None:
        """A new session where the credentials of this one run out soon; None where they last.

        The keys are written to the same file under the same profile, so the environment of the play stays right; clients
        that exist keep the old keys and are to be made anew.
        """
        return None if lasts(session) else self.signed_in()

    @contextlib.contextmanager
    def _outer_credentials(self) -> t.Iterator[None]:
        """The operator's own credentials, not those a role was assumed with before."""
        before = dict(os.environ)
        for name in DECIDING:
            os.environ.pop(name, None)
            if name in self.outer:
                os.environ[name] = self.outer[name]
        if self._own_key():
            for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
                os.environ.pop(name, None)
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)

    def _own_key(self) -> bool:
        """Whether the inventory's own key counts."""
        return bool(self.access_key and (self.endpoint_url or self.outer.get("AWS_ENDPOINT_URL")))

    def _base_session(self) -> tuple[boto3.session.Session, dict[str, str]]:
        if not self._own_key():
            return self._session({}), {}
        keys = {"aws_access_key_id": self.access_key, "aws_secret_access_key": self.secret_key}
        return self._session(keys), keys

    def _session(self, keys: dict[str, str]) -> boto3.session.Session:
        """A session of these keys, else of the environment's credentials, with what botocore has parsed in this run."""
        return boto3.session.Session(region_name=self.region, botocore_session=service_models.session(), **keys)

    def _assumed(self, base: boto3.session.Session) -> tuple[boto3.session.Session, dict[str, str], str]:
        arguments: dict[str, t.Any] = {
            "RoleArn": self.role_arn,
            "RoleSessionName": f"terrace-{self.cell}"[:64],
            "DurationSeconds": self.duration,
        }
        if self.external_id:
            arguments["ExternalId"] = self.external_id
        got = base.client("sts").assume_role(**arguments)["Credentials"]
        keys = {
            "aws_access_key_id": got["AccessKeyId"],
            "aws_secret_access_key": got["SecretAccessKey"],
            "aws_session_token": got["SessionToken"],
        }
        return self._session(keys), keys, got["Expiration"].isoformat()

    def _kept(self, keys: dict[str, str]) -> pathlib.Path:
        """The keys in a file only this user reads, gone with the run: no command line or log shows them."""
        path = self.folder / f"{self.cell}.credentials"
        path.parent.mkdir(mode=0o700, exist_ok=True)
        parser = configparser.ConfigParser(interpolation=None)
        parser[self.cell] = keys
        partial = path.with_suffix(".partial")
        with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
            parser.write(stream)
        partial.replace(path)
        return path

    def _meaning(self, error: ClientError) -> str:
        code, text = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
        if code in EXPIRED:
            return f"{self.cell}: the AWS credentials have expired; sign in again ({text})"
        if code in UNKNOWN:
            return f"{self.cell}: AWS does not know these credentials ({code}: {text})"
        if code.startswith("AccessDenied"):
            return f"{self.cell}: AWS denies it: {text}; see cell_role_arn and the role's trust policy"
        return f"{self.cell}: {error}"


def lasts(session: dict[str, t.Any], margin: timedelta = MARGIN) -> bool:
    """Whether a session's credentials are good for some time yet; those of no role do not run out."""
    expires = session.get("expires")
    return bool(session) and (not expires or datetime.fromisoformat(expires) - datetime.now(UTC) > margin)


def renew(action: CellAction, variable: t.Callable[..., t.Any] | None = None) -> bool:
    """Renew the credentials of a cell's assumed role where they run out soon; whether that was done.

    For actions that wait or write for a long time. Clients are to be made anew when it returns true.

    :param action: whose play the cell is signed in for, inside its environment
    :param variable: the cell's variables, where the action works for another host of the run
    :raises SignInError: as :meth:`SignIn.signed_in`
    """
    variable = variable or action.variable
    # A play's registered session is not changed by an action: what was renewed last is kept beside the keys.
    session = variable("cell_session", {})
    if not session or not session.get("expires"):
        return False
    folder = pathlib.Path(session["credentials_file"]).parent
    kept = folder / f"{session['profile']}.expires"
    with contextlib.suppress(FileNotFoundError):
        session = {**session, "expires": max(session["expires"], kept.read_text())}
    words = {name: str(variable(f"cell_{name}") or "") for name in OPTIONS}
    sign_in = SignIn(
        cell=action.cell_name(),
        region=action.region(),
        folder=folder,
        outer=action._outer,
        duration=int(variable("cell_role_duration") or 3600),
        role_arn=str(variable("cell_role_arn") or ""),
        external_id=str(variable("cell_role_external_id") or ""),
        **words,
    )
    fresh = sign_in.renewed(session)
    if fresh:
        kept.write_text(fresh["expires"])
    return fresh is not None
