"""Settings of monitoring agents, judged before an agent sees them."""

from __future__ import annotations

import json

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


def test_nothing_is_checked_without_a_schema_and_a_missing_one_is_named(schema):
    assert schema_misfits({"agnet": {}}, "", "x") == []
    assert schema_misfits({}, "/nowhere", "x") == []
    with pytest.raises(AnsibleFilterError, match="x_schema: /nowhere cannot be read"):
        schema_misfits({"a": 1}, "/nowhere", "x")
