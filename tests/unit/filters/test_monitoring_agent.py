"""Settings of monitoring agents, judged before an agent sees them."""

from __future__ import annotations

import json
import os

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.terrace.aws.plugins.filter.monitoring_agent import (
    agents_to_stop,
    exporter_files,
    exporter_misfits,
    schema_misfits,
)

KNOWN = {"node": {}, "nginx": {}}
SCHEMA = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "properties": {"agent": {"type": "object", "properties": {"interval": {"type": "integer"}}}},
    "additionalProperties": False,
}


@pytest.fixture
def schema(tmp_path):
    path = tmp_path / "schema.json"
    path.write_text(json.dumps(SCHEMA))
    return str(path)


def test_exporters_are_debians():
    assert exporter_misfits({"node": {"port": 9100}, "nginx": None}, KNOWN) == []
    [said] = exporter_misfits({"nod": {}}, KNOWN)
    assert "did you mean node?" in said
    [said] = exporter_misfits({"node": {"flag": []}}, KNOWN)
    assert "did you mean flags?" in said


def test_an_exporter_is_told_what_systemd_reads():
    known = {"node": {"port": 9100, "flags": ["--a"]}}
    made = exporter_files({"node": {"flags": ["--b"], "environment": {"X": 'it\'s "q"'}}}, known, "127.0.0.1")
    assert made["/etc/default/prometheus-node-exporter"]["content"].splitlines()[1:] == [
        'ARGS="--web.listen-address=127.0.0.1:9100 --a --b"',
        'X="it\'s \\"q\\""',
    ]


def test_what_is_not_wanted_is_stopped_and_what_is_not_ours_left_alone():
    running = [f"prometheus-{name}-exporter.service loaded active running x" for name in ("node", "nginx", "other")]
    assert agents_to_stop([*running, ""], KNOWN, {"exporters": {"node": {}}}) == ["prometheus-nginx-exporter.service"]
    assert len(agents_to_stop([*running, "datadog-agent.service loaded"], KNOWN, {})) == 3


def test_a_configuration_is_held_against_the_schema(schema):
    assert schema_misfits({"agent": {"interval": 60}}, schema, "x") == []
    assert schema_misfits({"agent": {"interval": "60"}}, schema, "x") == [
        "x.agent.interval: '60' is not of type 'integer'"
    ]
    assert "x: " in schema_misfits({"agnet": {}}, schema, "x")[0]


def test_a_section_is_refused_that_an_open_schema_does_not_name(tmp_path):
    open_schema = tmp_path / "open.json"
    open_schema.write_text(json.dumps({**{k: v for k, v in SCHEMA.items() if k != "additionalProperties"}}))
    assert schema_misfits({"agnet": {}}, str(open_schema), "x") == [
        "x.agnet: the schema has no such section; did you mean agent?"
    ]


def test_a_schema_in_several_files_is_read_with_all_of_them(tmp_path):
    (tmp_path / "core.yaml").write_text("properties: {apm: {$ref: apm.yaml}, api_key: {type: string}}\n")
    with pytest.raises(AnsibleFilterError, match=r"x_schema: .*core.yaml cannot be read"):
        schema_misfits({"apm": {"enabled": "no"}}, str(tmp_path / "core.yaml"), "x")
    (tmp_path / "apm.yaml").write_text("type: object\nproperties: {enabled: {type: boolean}}\n")
    assert schema_misfits({"apm": {"enabled": "no"}}, str(tmp_path / "core.yaml"), "x") == [
        "x.apm.enabled: 'no' is not of type 'boolean'"
    ]


#: Which file, what it lets pass and what it refuses with which words. The vendors' schemas are not part of this repository.
PUBLISHED = {
    "CLOUDWATCH_AGENT_SCHEMA": (
        {
            "agent": {"metrics_collection_interval": 60},
            "metrics": {
                "append_dimensions": {"AutoScalingGroupName": "${aws:AutoScalingGroupName}"},
                "metrics_collected": {
                    "mem": {"measurement": ["mem_used_percent"]},
                    "disk": {"measurement": ["used_percent"], "resources": ["/"]},
                },
            },
            "logs": {
                "logs_collected": {"files": {"collect_list": [{"file_path": "/var/log/x", "log_group_name": "x"}]}}
            },
        },
        [
            (
                {"agent": {"metrics_collection_interval": "60"}},
                "x.agent.metrics_collection_interval: '60' is not of type",
            ),
            (
                {"metrics": {"metrics_collected": {"memory": {}}}},
                "x.metrics.metrics_collected.memory: 'measurement' is a",
            ),
            (
                {"logs": {"logs_collected": {"files": {"collect_list": [{}]}}}},
                "collect_list.0: 'file_path' is a required",
            ),
            ({"agnet": {}}, "x.agnet: the schema has no such section; did you mean agent?"),
        ],
    ),
    "DATADOG_AGENT_SCHEMA": (
        {"api_key": "x", "site": "datadoghq.eu", "tags": ["team:web"], "skip_ssl_validation": False},
        [
            ({"tags": "team:web"}, "x.tags: 'team:web' is not of type 'array'"),
            ({"skip_ssl_validation": "no"}, "x.skip_ssl_validation: 'no' is not of type 'boolean'"),
            ({"sight": "datadoghq.eu"}, "x.sight: the schema has no such section; did you mean site?"),
        ],
    ),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_schemas_know_right_from_wrong(name):
    if not os.environ.get(name):
        pytest.skip(f"{name} names no file; roles/monitoring_agent/README.md says where the vendor publishes it")
    right, wrong = PUBLISHED[name]
    assert schema_misfits(right, os.environ[name], "x") == []
    for settings, said in wrong:
        assert any(said in each for each in schema_misfits(settings, os.environ[name], "x")), settings


def test_nothing_is_checked_without_a_schema_and_a_missing_one_is_named(schema):
    assert schema_misfits({"agnet": {}}, "", "x") == []
    assert schema_misfits({}, "/nowhere", "x") == []
    with pytest.raises(AnsibleFilterError, match="x_schema: /nowhere cannot be read"):
        schema_misfits({"a": 1}, "/nowhere", "x")
