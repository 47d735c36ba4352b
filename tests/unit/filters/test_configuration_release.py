"""What goes into a bundle, and that the same contents make the same bundle."""

from __future__ import annotations

import importlib.util
import io
import json
import tarfile

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.terrace.aws.plugins.filter.configuration_release import (
    bundle_folders,
    bundle_variables,
    configuration_mark,
    only_set,
    public_options,
)
from ansible_collections.terrace.aws.plugins.modules import configuration_bundle
from ansible_collections.terrace.aws.plugins.plugin_utils import specs


def test_a_bundle_is_the_same_whoever_packs_it_and_when(tmp_path):
    for name, stamp in (("one", 1), ("two", 2_000_000_000)):
        folder = tmp_path / name / "__pycache__"
        folder.mkdir(parents=True)
        (folder / "x.pyc").write_text(name)
        for file in ("b.yml", "a.yml"):
            path = tmp_path / name / file
            path.write_text(file)
            __import__("os").utime(path, (stamp, stamp))
    one, two = (configuration_bundle.packed({"roles/x": str(tmp_path / name)}, {"t": "1"}) for name in ("one", "two"))
    assert one == two
    with tarfile.open(fileobj=io.BytesIO(one)) as archive:
        assert archive.getnames() == ["roles/x/a.yml", "roles/x/b.yml", "t"]
    assert configuration_bundle.packed({"roles/x": str(tmp_path / "one")}, {"t": "2"}) != one


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere is not there"):
        configuration_bundle.packed({"x": str(tmp_path / "nowhere")}, {})
    with pytest.raises(AnsibleFilterError, match=r"the collection no\.such is not installed"):
        bundle_folders(str(tmp_path), [], [], {"no/such": ["plugins"]})


def test_parts_of_collections_lie_where_ansible_looks(tmp_path):
    made = bundle_folders(
        "/c", ["host_baseline"], ["galaxy.yml"], {"ansible/posix": ["plugins/modules/authorized_key.py"]}
    )
    assert made["collections/ansible_collections/terrace/aws/roles/host_baseline"] == "/c/roles/host_baseline"
    assert made["collections/ansible_collections/terrace/aws/galaxy.yml"] == "/c/galaxy.yml"
    place = "collections/ansible_collections/ansible/posix/plugins/modules/authorized_key.py"
    assert made[place].endswith("ansible/posix/plugins/modules/authorized_key.py")


def test_variables_keep_the_inventorys_order_and_machines_are_reached_where_they_are():
    made = bundle_variables({"tier_web": {"b": 1, "a": 2}})
    assert list(json.loads(made["inventory/group_vars/tier_web.json"])) == ["b", "a"]
    assert json.loads(made["inventory/group_vars/machines.json"])["ansible_connection"] == "local"


def test_secrets_are_no_part_of_it():
    options = public_options(["monitoring_agent"])
    assert "monitoring_agent_exporters" in options
    assert "monitoring_agent_datadog_api_key" not in options
    assert only_set({"a": "(not set)", "b": ""}, "(not set)") == {"b": ""}


def test_another_value_role_or_playbook_makes_another_mark():
    values = (["UTC", {"a": 1}], ["host_baseline_time", "host_baseline_users"])
    mark = configuration_mark(*values, ["host_baseline"], "configure_machines.yml")
    assert mark == configuration_mark(*values, ["host_baseline"], "configure_machines.yml")
    others = {
        configuration_mark(["UTC", {"a": 2}], values[1], ["host_baseline"], "configure_machines.yml"),
        configuration_mark(*values, ["bastion_host"], "configure_machines.yml"),
        configuration_mark(*values, ["host_baseline"], "deploy_app.yml"),
    }
    assert len(others | {mark}) == 4


def test_a_machine_serves_what_is_deployed_and_what_has_replaced_it():
    path = specs.ROLES / "configuration_release/files/configure.py"
    spec = importlib.util.spec_from_file_location("configure", path)
    configure = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(configure)
    filed = {
        "notes": {"replaced_by": "wiki"},
        "wiki": {"flask_app_version": "2"},
        "shop": {"flask_app_version": "1"},
        "one": {"replaced_by": "two"},
        "two": {"replaced_by": "one"},
    }
    found = configure.deployed(["notes", "shop", "later", "one"], lambda name: filed.get(name, {}))
    assert found == {"wiki": {"flask_app_version": "2"}, "shop": {"flask_app_version": "1"}}
