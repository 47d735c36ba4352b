"""The check of an inventory: what is refused before anything is asked of AWS, and what belongs to others."""

from __future__ import annotations

import pytest

from ansible_collections.terrace.aws.plugins.plugin_utils import desired
from ansible_collections.terrace.aws.plugins.plugin_utils.inventory_check import InventoryCheck

GOOD = {
    "inventory_hostname": "probe",
    "cell_region": "us-east-1",
    "cell_account": "123456789012",
    "network_cidr": "10.0.0.0/16",
    "network_vpcs": {"main": {"cidr": "10.0.0.0/16"}},
}


def resolved(value):
    """What the roles' defaults make of nothing: nothing. There is no template among what the tests set."""
    return None if "{{" in str(value) else value


@pytest.fixture
def said():
    """What the check says of a cell with these variables; empty where it finds nothing wrong."""

    def check(extra=None, cells=None, **variables):
        own = {**GOOD, **variables, **(extra or {})}
        cell = own["cell_name"] = own.get("cell_name", own["inventory_hostname"])
        own["groups"] = {"cells": list(cells or [cell])}
        own["hostvars"] = {cell: {} for cell in own["groups"]["cells"]}
        own.setdefault("ansible_play_hosts_all", [cell])
        every = desired.variables_with_defaults(own)
        return "\n".join(InventoryCheck(cell, own, every, resolved, extra or {}).problems())

    return check


def test_a_good_cell(said):
    assert said() == ""


#: What AWX 24.6.1 gives: every host (awx/main/models/inventory.py), every job (models/unified_jobs.py, models/jobs.py).
AWX_HOST = {
    "remote_host_enabled": "true",
    "remote_host_id": 3,
    "remote_tower_enabled": "true",
    "remote_tower_id": 3,
}
AWX_JOB = {
    f"{prefix}_{name}": "1"
    for prefix in ("awx", "tower")
    for name in (
        "job_id", "job_launch_type", "job_template_id", "job_template_name", "project_revision",
        "project_scm_branch", "user_id", "user_name", "user_email", "user_first_name", "user_last_name",
        "inventory_id", "inventory_name", "workflow_job_id", "workflow_job_name", "workflow_job_launch_type",
        "schedule_id", "schedule_name", "parent_job_schedule_id", "execution_node", "webhook_event_type",
        "webhook_event_guid", "webhook_event_ref", "webhook_status_api", "webhook_payload",
    )
}  # fmt: skip


def test_what_awx_adds_is_known(said):
    assert said(**AWX_HOST) == ""
    assert said(extra={**AWX_JOB, "remote_tower_id": 3, "ansible_eda": {"event": {}}}) == ""


def test_variables_of_other_tools_may_be_given_to_a_run(said):
    """A survey, a credential type, artifacts of an earlier job."""
    assert (
        said(extra={"change_ticket": "CHG0001", "build_number": 7, "cluster_name": "x", "terrace_job_counts": {}}) == ""
    )


def test_in_an_inventory_they_are_declared_or_allowed_by_pattern(said):
    assert "change_ticket: there is no such variable" in said(change_ticket="CHG0001")
    assert "terrace_foreign_variables" in said(change_ticket="CHG0001")
    assert said(change_ticket="CHG0001", change_by="me", terrace_foreign_variables=["change_*"]) == ""


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("network_cidrr", "did you mean network_cidr?"),
        ("netwrok_cidr", "did you mean network_cidr?"),
        ("network_sky", "its prefix is Terrace's"),
        ("terrace_prun", "did you mean terrace_prune?"),
        ("destroy_confrim", "did you mean destroy_confirm?"),
        ("prune", "did you mean terrace_prune?"),
        ("allow_data_loss", "did you mean terrace_allow_data_loss?"),
        ("terrace_quick", "its prefix is Terrace's"),
        ("deploy_app_bach", "did you mean deploy_app_batch?"),
        ("cel_account", "did you mean cell_account?"),
    ],
)
def test_a_misspelling_is_refused_wherever_it_is(said, name, meant):
    assert f"{name}: there is no such variable" in said(extra={name: "x"})
    assert meant in said(extra={name: "x"})
    assert f"{name}: there is no such variable" in said(**{name: "x"})


def test_run_switches_are_checked_before_anything_else(said):
    text = said(extra={"terrace_prune": "maybe", "terrace_allow_data_loss": "secret/a,secret/b"}, network_nat="one")
    for words in ("terrace_prune: maybe is not a boolean", "terrace_allow_data_loss: secret/a,secret/b", "network_nat"):
        assert words in text


def test_unanswered_questions_are_unset(said):
    nothing = ("terrace_prune", "terrace_allow_data_loss", "destroy_confirm", "app_release_version", "isolate_instance")
    assert said(extra=dict.fromkeys(nothing)) == ""


@pytest.mark.parametrize("version", [1.1, True])
def test_a_version_that_is_no_text(said, version):
    assert "app_release_version: " in said(extra={"app_release_version": version})
    assert "write it in quotes" in said(extra={"app_release_version": version})
    assert said(extra={"app_release_version": "1.10"}) == ""


def test_the_run_is_on_the_cells_it_is_meant_for(said):
    """A limit that was lost (AWX ignored it, the prompt was left empty) is an error."""
    everywhere = {"cells": ["one", "two"], "inventory_hostname": "one", "ansible_play_hosts_all": ["one", "two"]}
    assert said(**everywhere) == ""
    assert "terrace_cells: the run is also on two; right is --limit one" in said(terrace_cells="one", **everywhere)
    assert said(terrace_cells=["one", "two"], **everywhere) == ""
    assert "the run is not on three" in said(terrace_cells=["one", "two", "three"], **everywhere)


def test_a_slice_of_an_awx_inventory(said):
    sliced = {"awx_job_id": 7, "awx_workflow_job_name": "site", "awx_job_template_name": "site"}
    text = said(extra=sliced, cell_connects=["production-usw2"])
    assert "there is no cell production-usw2: this job is a slice of the job template" in text
    assert "do not slice (job slicing: 1), forks run cells side by side" in text
    text = said(extra={"awx_job_id": 7}, cell_connects=["production-usw2"])
    assert "where the job template slices: do not slice" in text
    assert "slice" not in said(cell_connects=["production-usw2"])


def test_texts_of_entries_that_yaml_made_something_else_of(said):
    entry = {"vpc": "main", "description": 1.1, "ingress": {"in": {"ports": [80], "cidrs": ["10.0.0.0/16"]}}}
    text = said(firewall_security_groups={"web": entry})
    assert "firewall_security_groups.web.description: 1.1 is a number and not a text" in text


def test_tags_are_refused_all_at_once(said):
    text = said(cell_tags={"aws:x": "1", "name": "x", "terrace:cell": "y", "Cost": 1.1, "Empty": None, "k" * 129: "v"})
    for words in (
        "cell_tags.aws:x: AWS keeps keys that begin with aws:",
        "cell_tags.name: beside Name; IAM takes the two for one tag",
        "cell_tags.terrace:cell: Terrace itself writes this tag",
        "cell_tags.Cost: 1.1 is a number and not a text",
        'cell_tags.Empty: has no value; write ""',
        "the key has 129 characters; AWS allows 1 to 128",
    ):
        assert words in text
    entry = {"vpc": "main", "description": "x", "tags": {"Name": "mine", "a(b)": "1"}}
    text = said(firewall_security_groups={"web": entry})
    assert "firewall_security_groups.web.tags.Name: Terrace itself writes this tag" in text
    assert "firewall_security_groups.web.tags.a(b): ( ) is not allowed" in text


def test_more_tags_than_aws_allows_are_counted_with_the_cell_s(said):
    tags = {f"tag-{number}": "x" for number in range(40)}
    more = {f"more-{number}": "x" for number in range(8)}
    entry = {"vpc": "main", "description": "x", "tags": more}
    text = said(cell_tags=tags, firewall_security_groups={"web": entry})
    assert "firewall_security_groups.web.tags: 48 tags; AWS allows 50, of which Terrace uses 3, so at most 47" in text
    del more["more-0"]
    assert "tags; AWS" not in said(cell_tags=tags, firewall_security_groups={"web": entry})


def test_a_reference_to_another_cell(said):
    entry = {"vpc": "other/main", "description": "x"}
    assert "no vpc is called other/main" in said(firewall_security_groups={"web": entry})
    assert "is called other/main" not in said(cells=["probe", "other"], firewall_security_groups={"web": entry})
