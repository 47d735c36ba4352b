"""A secret changed in two steps, read back with boto3."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def manager(lab):
    client = lab.client("secretsmanager")
    client.create_secret(Name="one", SecretString=json.dumps({"username": "app", "password": "first"}))
    return client


def held(manager, stage=""):
    named = {"VersionStage": stage} if stage else {}
    return json.loads(manager.get_secret_value(SecretId="one", **named)["SecretString"])


def versions(run):
    told = run("secret_version", secret="one")
    return {name: told[name].get("password") for name in ("current", "pending", "previous")}


def test_a_new_value_is_kept_before_it_is_current(run, manager):
    assert versions(run) == {"current": "first", "pending": None, "previous": None}
    assert run("secret_version", secret="one", state="pending", value={"password": "second"})["changed"]
    assert held(manager)["password"] == "first"
    assert held(manager, "AWSPENDING") == {"username": "app", "password": "second"}
    assert versions(run) == {"current": "first", "pending": "second", "previous": None}


def test_what_a_killed_run_kept_stays(run, manager):
    run("secret_version", secret="one", state="pending", value={"password": "second"})
    assert not run("secret_version", secret="one", state="pending", value={"password": "third"})["changed"]
    assert held(manager, "AWSPENDING")["password"] == "second"


def test_the_pending_value_becomes_the_current_one_and_nothing_is_pending(run, manager):
    run("secret_version", secret="one", state="pending", value={"password": "second"})
    assert run("secret_version", secret="one", state="current")["changed"]
    assert (held(manager)["password"], held(manager, "AWSPREVIOUS")["password"]) == ("second", "first")
    assert versions(run) == {"current": "second", "pending": None, "previous": "first"}
    assert not run("secret_version", secret="one", state="current")["changed"]
    assert run("secret_version", secret="one", state="pending", value={"password": "third"})["changed"]
    run("secret_version", secret="one", state="current")
    assert versions(run) == {"current": "third", "pending": None, "previous": "second"}


def test_a_dry_run_writes_nothing(run, manager):
    assert run("secret_version", check=True, secret="one", state="pending", value={"password": "second"})["changed"]
    assert versions(run)["pending"] is None
    run("secret_version", secret="one", state="pending", value={"password": "second"})
    assert run("secret_version", check=True, secret="one", state="current")["changed"]
    assert held(manager)["password"] == "first"


def test_a_result_never_holds_the_value_that_was_given(run, manager):
    assert "second" not in str(run("secret_version", secret="one", state="pending", value={"password": "second"}))
    assert "second" not in str(run("secret_version", secret="one", state="current"))


def test_a_secret_of_another_form_is_refused(run, manager):
    manager.put_secret_value(SecretId="one", SecretString="[1]")
    assert "holds no JSON object" in run("secret_version", secret="one")["msg"]


def test_how_it_is_replicated_is_told_without_a_value(run, manager, lab):
    alone = run("secret_version", secret="one", state="described")
    assert (alone["replicas"], "current" in alone) == ({}, False)
    manager.replicate_secret_to_regions(SecretId="one", AddReplicaRegions=[{"Region": "us-west-2"}])
    told = run("secret_version", secret="one", state="described")
    assert told["replicas"] == {"us-west-2": "InSync"}
    run("secret_version", secret="one", state="pending", value={"password": "second"})
    assert run("secret_version", secret="one", state="described")["version"] == told["version"]
    run("secret_version", secret="one", state="current")
    changed = run("secret_version", secret="one", state="described")["version"]
    assert changed not in ("", told["version"])
    west = lab.client("secretsmanager", "us-west-2").describe_secret(SecretId="one")
    assert "AWSCURRENT" in west["VersionIdsToStages"][changed]
