"""Signing in, and credentials of an assumed role that are renewed before they run out."""

from __future__ import annotations

import configparser
import os
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from ansible_collections.terrace.aws.plugins.plugin_utils import cell_sessions
from ansible_collections.terrace.aws.plugins.plugin_utils.cell_sessions import SignIn, SignInError

ROLE = "arn:aws:iam::222222222222:role/terrace"


@pytest.fixture
def sign_in(lab, tmp_path):
    def make(**options):
        given = {"access_key": "lab", "secret_key": "x", "endpoint_url": os.environ["AWS_ENDPOINT_URL"], **options}
        return SignIn("test", "us-east-1", tmp_path / "run", dict(os.environ), **given)

    return make


def keys_of(session):
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(session["credentials_file"])
    return dict(parser[session["profile"]])


def soon(minutes):
    return (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat()


def test_a_role_of_another_account(sign_in):
    before = dict(os.environ)
    session = sign_in(role_arn=ROLE, account="222222222222").signed_in()
    assert session["account"] == "222222222222"
    assert session["environment"]["AWS_PROFILE"] == "test"
    assert "aws_session_token" in keys_of(session)
    assert os.stat(session["credentials_file"]).st_mode & 0o077 == 0
    assert cell_sessions.lasts(session)
    assert dict(os.environ) == before


def test_another_account_is_refused(sign_in):
    with pytest.raises(
        SignInError, match="cell_account is 333333333333, but the credentials are of account 222222222222"
    ):
        sign_in(role_arn=ROLE, account="333333333333").signed_in()


def test_how_long_credentials_last():
    assert cell_sessions.lasts({"expires": "", "account": "1"})
    assert cell_sessions.lasts({"expires": soon(30)})
    assert not cell_sessions.lasts({"expires": soon(19)})
    assert not cell_sessions.lasts({})


def test_credentials_are_renewed_in_place(sign_in):
    wanted = sign_in(role_arn=ROLE)
    session = wanted.signed_in()
    assert wanted.renewed(session) is None
    before = keys_of(session)
    fresh = wanted.renewed({**session, "expires": soon(5)})
    assert fresh["environment"] == session["environment"]
    assert keys_of(fresh) != before
    assert cell_sessions.lasts(fresh)


def test_an_action_that_waits_renews_once(sign_in, monkeypatch):
    session = {**sign_in(role_arn=ROLE).signed_in(), "expires": soon(5)}
    variables = {
        "cell_session": session,
        "cell_role_arn": ROLE,
        "cell_access_key": "lab",
        "cell_secret_key": "x",
        "cell_endpoint_url": os.environ["AWS_ENDPOINT_URL"],
    }
    action = SimpleNamespace(
        variable=lambda name, default=None: variables.get(name, default),
        cell_name=lambda: "test",
        region=lambda: "us-east-1",
        _outer=dict(os.environ),
    )
    # The environment of the play: the role's keys, with which the role cannot be assumed once they have run out.
    for name, value in session["environment"].items():
        monkeypatch.setenv(name, value)
    before = keys_of(session)
    assert cell_sessions.renew(action) is True
    assert keys_of(session) != before
    assert cell_sessions.renew(action) is False
    variables["cell_session"] = {"expires": "", "account": "1"}
    assert cell_sessions.renew(action) is False


def test_the_inventorys_key_counts_at_an_emulated_api_only(sign_in, lab, monkeypatch):
    """On AWS the operator's own credentials do, such as those AWX gives a job."""
    job = lab.client("iam").create_access_key(
        UserName=lab.client("iam").create_user(UserName="job")["User"]["UserName"]
    )
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", job["AccessKey"]["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", job["AccessKey"]["SecretAccessKey"])
    at_the_lab = sign_in()
    assert keys_of(at_the_lab.signed_in())["aws_access_key_id"] == "lab"
    # No endpoint is named, and the test's stands for AWS.
    on_aws = sign_in(endpoint_url="")
    on_aws.outer = {name: value for name, value in on_aws.outer.items() if name != "AWS_ENDPOINT_URL"}
    session = on_aws.signed_in()
    assert session["arn"].endswith(":user/job")
    assert session["credentials_file"] == ""
    assert "AWS_ACCESS_KEY_ID" not in session["environment"]
