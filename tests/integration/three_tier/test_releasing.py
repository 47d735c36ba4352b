"""What is wrong with a release is said before anything is built or written."""

from __future__ import annotations

import json
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parents[3]
DEVELOPMENT = "inventories/three_tier/development"
BUCKET = "development-use1-releases-123456789012"


def release(operator, version: str, **variables: object):
    source = str(ROOT / "lab/sample_app")
    given = {"app_release_source": source, "app_release_version": version, **variables}
    return operator.play("release_app", "-e", json.dumps(given))


@pytest.mark.parametrize("playbook", ["release_app", "release_configuration"])
def test_a_cell_that_is_not_provisioned(api, operator, playbook):
    api.reset()
    machines = ("-i", f"{DEVELOPMENT}.aws_ec2.yml") if playbook == "release_configuration" else ()
    environment = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{api.port}", "AWS_ACCESS_KEY_ID": "lab",
        "AWS_SECRET_ACCESS_KEY": "only-the-lab-knows-this", "AWS_REGION": "us-east-1",
    }  # fmt: skip
    given = json.dumps({"app_release_source": str(ROOT / "lab/sample_app"), "app_release_version": "1.0.0"})
    run = operator.play(playbook, *machines, "-e", given, environment=environment)
    said = " ".join(run.output.split())
    assert run.status == 2
    assert f"There is no bucket {BUCKET}" in said
    assert "provision the cell first: site.yml (make apply)" in said
    assert "automatically creating buckets" not in said
    assert api.calls()["writes"] == 0


def test_a_version_that_is_not_the_projects_own(api, operator):
    api.reset()
    api.client("s3").create_bucket(Bucket=BUCKET)
    api.reset_calls()
    run = release(operator, "1.0.1")
    said = " ".join(run.output.split())
    assert run.status == 2
    assert "lab/sample_app (app_release_source) calls itself version 1.0.0, app_release_version says 1.0.1" in said
    assert "app_release_any_version=true" in said
    assert api.calls()["writes"] == 0
    assert release(operator, "1.0.1", app_release_any_version=True, app_release_checksum="sha256:0").status == 2
    run = release(operator, "1.0.0", app_release_checksum="sha256:0")
    assert "app_release_checksum says sha256:0" in run.output


@pytest.mark.parametrize("source", ["httpbin", "httpbin>=0.10", "../nowhere"])
def test_a_published_project_without_its_exact_version(api, operator, source):
    api.reset()
    api.client("s3").create_bucket(Bucket=BUCKET)
    api.reset_calls()
    run = release(operator, "0.10.4", app_release_source=source)
    said = " ".join(run.output.split())
    assert run.status == 2
    assert (
        f"{source} (app_release_source) is not there; it is a project's folder, a wheel or an archive, or a published"
        in said
    )
    assert api.calls()["writes"] == 0


def test_a_published_project_that_is_called_otherwise(api, operator):
    api.reset()
    api.client("s3").create_bucket(Bucket=BUCKET)
    api.reset_calls()
    run = release(operator, "0.10.5", app_release_source="httpbin==0.10.4")
    assert run.status == 2
    assert "httpbin==0.10.4 (app_release_source) calls itself version 0.10.4" in " ".join(run.output.split())
    assert api.calls()["writes"] == 0
