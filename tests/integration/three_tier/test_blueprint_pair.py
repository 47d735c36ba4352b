"""Production, two cells of the blueprint that are one pair: provisioned from two empty regions and read back with boto3."""

from __future__ import annotations

import json
import os
import pathlib
import typing as t

import pytest
import yaml

from .conftest import ROOT
from .pairs import on_cells

PRODUCTION = "inventories/three_tier/production"
EAST, WEST = "production-use1", "production-usw2"
REGIONS = {EAST: "us-east-1", WEST: "us-west-2"}
NOTHING = {"add": 0, "change": 0, "remove": 0, "orphan": 0}
SHARED = {f"{EAST}-{name}" for name in ("app-database", "app-wiki", "database", "database-owner")}
#: A second application, with a secret that is generated for it.
WIKI = {"wiki": {"wsgi": "wiki:app", "port": 8001, "generated": ["SECRET_KEY"]}}
ZONE, NAME = "example.com", "shop.example.com"
PUBLIC = {"three_tier_public_zone": ZONE, "three_tier_domain": NAME}
GIVEN = ("-e", json.dumps({"three_tier_applications": WIKI, **PUBLIC}))


@pytest.fixture(scope="module")
def production(api, operator) -> t.Any:
    """Both cells, made in one run, with records in a zone that somebody else made."""
    api.client("route53").create_hosted_zone(Name=ZONE, CallerReference="somebody")
    return operator.play("site", *GIVEN, inventory=PRODUCTION, timeout=1800).ok()


def instances(api, cell: str) -> dict[str, dict[str, t.Any]]:
    found = api.client("rds", REGIONS[cell]).describe_db_instances()["DBInstances"]
    return {each["DBInstanceIdentifier"]: each for each in found}


def secrets(api, cell: str) -> dict[str, dict[str, t.Any]]:
    manager = api.client("secretsmanager", REGIONS[cell])
    return {
        each["Name"]: manager.describe_secret(SecretId=each["Name"]) for each in manager.list_secrets()["SecretList"]
    }


def reads_secrets(api, cell: str) -> dict[str, dict[str, t.Any]]:
    """The statements by which the application tier reads secrets."""
    found = api.client("iam", "us-east-1").get_role_policy(RoleName=f"{cell}-app", PolicyName="secrets")
    return {each["Sid"]: each for each in found["PolicyDocument"]["Statement"] if each["Sid"] != "Decrypt"}


def test_the_standby_alone_is_refused(api, operator):
    run = operator.play("site", "--limit", WEST, inventory=PRODUCTION)
    assert run.status == 2
    assert "provision those cells before, or in the same run" in run.output
    assert secrets(api, WEST) == {}


def test_the_database_of_the_second_region_follows(api, production):
    east, west = instances(api, EAST), instances(api, WEST)
    assert set(east) == {f"{EAST}-{name}" for name in ("main", "replica-1", "replica-2")}
    assert set(west) == {f"{WEST}-main"}, "its own replicas are made once it writes"
    assert west[f"{WEST}-main"]["ReadReplicaSourceDBInstanceIdentifier"] == east[f"{EAST}-main"]["DBInstanceArn"]
    assert "db_instance/replica-1: it is made once main writes" in " ".join(production.output.split())


def test_the_secrets_are_replicated_but_for_the_caches(api, production):
    east, west = secrets(api, EAST), secrets(api, WEST)
    assert set(east) == SHARED | {f"{EAST}-cache"}
    assert set(west) == SHARED | {f"{WEST}-cache"}
    assert {name for name, each in west.items() if each.get("PrimaryRegion") == "us-east-1"} == SHARED
    assert "PrimaryRegion" not in west[f"{WEST}-cache"]


def test_the_machines_of_both_regions_may_read_what_they_need_and_no_more(api, production):
    east, west = reads_secrets(api, EAST), reads_secrets(api, WEST)
    where = "arn:aws:secretsmanager:{}:123456789012:secret:{}"
    assert {sid: each["Resource"] for sid, each in east.items()} == {
        "Read": [where.format("us-east-1", f"{EAST}-{name}-??????") for name in ("app-*", "cache")]
    }
    assert west["Read"]["Resource"] == [where.format("us-west-2", f"{WEST}-cache-??????")]
    replicated = west["ReadReplicated"]
    assert replicated["Resource"] == [where.format("us-west-2", "*")]
    assert replicated["Condition"] == {"StringLike": {"secretsmanager:ResourceTag/Name": [f"{EAST}-app-*"]}}
    tags = {each["Key"]: each["Value"] for each in secrets(api, WEST)[f"{EAST}-app-database"]["Tags"]}
    assert tags["Name"] == f"{EAST}-app-database"


def test_the_public_name_leads_to_the_cell_that_writes(api, production):
    route53 = api.client("route53")
    (zone,) = route53.list_hosted_zones_by_name(DNSName=ZONE, MaxItems="1")["HostedZones"]
    found = [
        each
        for each in route53.list_resource_record_sets(HostedZoneId=zone["Id"])["ResourceRecordSets"]
        if each["Type"] == "A"
    ]
    assert sorted((each["Name"], each["SetIdentifier"], each["Failover"]) for each in found) == [
        (f"{name}{NAME}.", cell, role)
        for name in ("\\052.", "")
        for cell, role in ((EAST, "PRIMARY"), (WEST, "SECONDARY"))
    ]
    (check,) = route53.list_health_checks()["HealthChecks"]
    assert {each["HealthCheckId"] for each in found if each["Failover"] == "PRIMARY"} == {check["Id"]}
    config = check["HealthCheckConfig"]
    assert config["Inverted"] is True
    host, path = config["FullyQualifiedDomainName"], config["ResourcePath"]
    assert (host, path) == (f"{WEST}-traffic-123456789012.s3.us-west-2.amazonaws.com", "/writer")
    policy = api.client("s3", "us-west-2").get_bucket_policy(Bucket=host.partition(".")[0])["Policy"]
    (lets,) = [each for each in json.loads(policy)["Statement"] if each["Effect"] == "Allow"]
    assert lets["Resource"] in (
        [f"arn:aws:s3:::{WEST}-traffic-123456789012/writer"],
        f"arn:aws:s3:::{WEST}-traffic-123456789012/writer",
    )


def test_nothing_is_left_to_do(operator, production):
    run = operator.play("site", *GIVEN, "-C", inventory=PRODUCTION).ok()
    assert [run.planned(cell) for cell in REGIONS] == [NOTHING, NOTHING], run.output


def test_only_the_lag_is_unknown_of_whether_it_could_take_over(operator, production, tmp_path):
    run = operator.play("dr_status", *GIVEN, "-e", f"dr_status_report={tmp_path}/report.json", inventory=PRODUCTION)
    report = json.loads((tmp_path / "report.production.json").read_text())
    assert (report["primary"], report["standby"]) == (EAST, WEST)
    wrong = {each["what"]: each["result"] for each in report["checks"] if each["result"] in ("fail", "unknown")}
    assert wrong == {"database main lags less than the recovery point": "unknown"}, run.output


#: A machine of each cell that is none: what the playbooks do on machines is left out, what they do on cells is done.
MACHINES: dict[str, t.Any] = {
    "machines": {"children": {"tier_app": {}}},
    "tier_app": {
        "hosts": {"a": {"cell_name": EAST}, "b": {"cell_name": WEST}},
        "vars": {"ansible_connection": "local"},
    },
    f"cell_{EAST.replace('-', '_')}": {"hosts": {"a": {}}},
    f"cell_{WEST.replace('-', '_')}": {"hosts": {"b": {}}},
}
STEPS = {
    "passwords": ("prepare_passwords", "finish_passwords", {"__rotate_signs_in": ["database", "database-owner"]}),
    "credentials": ("settle_rotation", "name_in_secret", {"__rotate_stays": "application_b"}),
    "app_secrets": ("renew_app_secrets", None, {}),
}


@pytest.fixture
def rotate(api, operator, production, tmp_path: pathlib.Path):
    """Run what a rotation does on cells; call it with its name and a limit."""
    for cell, region in REGIONS.items():
        for name in ("notes", "wiki"):
            deployed = json.dumps({"flask_app_name": name, "flask_app_port": 8000})
            bucket = f"{cell}-releases-123456789012"
            api.client("s3", region).put_object(Bucket=bucket, Key=f"{name}/current.json", Body=deployed)
    (tmp_path / "machines.yml").write_text(yaml.safe_dump(MACHINES))

    def play(what: str, *words: str) -> t.Any:
        begin, end, facts = STEPS[what]
        chosen = {"ansible.builtin.import_playbook": str(ROOT / "playbooks/choose_database_writers.yml")}
        told = {"delegate_to": "{{ cell_name }}", "delegate_facts": True} if what == "passwords" else {}
        given = {
            "hosts": "database_writers",
            "gather_facts": False,
            "tasks": [{"ansible.builtin.set_fact": facts, **told}],
        }
        plays = [on_cells(begin, vars={"__rotate_secret": "app-wiki"} if end is None else {})]
        plays += [chosen, given, on_cells(end)] if end else []
        (tmp_path / "steps.yml").write_text(yaml.safe_dump(plays))
        words = (
            "-i",
            str(tmp_path / "machines.yml"),
            *GIVEN,
            "-e",
            f"app_release_name={'notes' if end else 'wiki'}",
            *words,
        )
        path = os.path.relpath(tmp_path / "steps", ROOT / "playbooks")
        return operator.play(path, *words, inventory=PRODUCTION)

    return play


def values(api, cell: str) -> dict[str, str]:
    manager = api.client("secretsmanager", REGIONS[cell])
    return {name: manager.get_secret_value(SecretId=name)["SecretString"] for name in sorted(SHARED)}


@pytest.mark.parametrize("what", ["passwords", "credentials", "app_secrets"])
def test_the_standby_alone_rotates_nothing(api, rotate, what):
    before = values(api, EAST)
    run = rotate(what, "--limit", f"{WEST},b")
    assert run.status == 2, run.output
    said = " ".join(run.output.split())
    assert f"which are written in {EAST} alone; run this on both: --limit" in said, run.output
    assert values(api, EAST) == before


@pytest.mark.parametrize("what", ["credentials", "app_secrets"])
def test_the_primary_alone_shuts_no_machine_of_the_standby_out(api, rotate, what):
    before = values(api, EAST)
    run = rotate(what, "--limit", f"{EAST},a")
    assert run.status == 2, run.output
    assert f"machines of {WEST} use" in " ".join(run.output.split())
    assert values(api, EAST) == before


@pytest.mark.parametrize(
    ("what", "names"),
    [("passwords", {"database", "database-owner"}), ("credentials", {"app-database"}), ("app_secrets", {"app-wiki"})],
)
def test_both_cells_rotate_together(api, rotate, what, names):
    before = values(api, EAST)
    rotate(what).ok()
    after = values(api, EAST)
    assert {name.removeprefix(f"{EAST}-") for name in SHARED if before[name] != after[name]} == names
    assert values(api, WEST) == after


@pytest.mark.parametrize(("limit", "none"), [(f"{EAST},{WEST}", False), (WEST, True)])
def test_a_database_that_follows_is_not_configured(operator, production, tmp_path, limit, none):
    (tmp_path / "find.yml").write_text(yaml.safe_dump([on_cells("find_database")]))
    path = os.path.relpath(tmp_path / "find", ROOT / "playbooks")
    run = operator.play(path, *GIVEN, "--limit", limit, inventory=PRODUCTION).ok()
    said = " ".join(run.output.split())
    assert f"{WEST}: passed over; its database follows" in said
    assert (f"No database was configured: each of {WEST} follows another one" in said) == none
    assert f"{EAST}: passed over" not in said


def test_a_promotion_changes_nobodys_rights_and_has_the_replicas_made(api, operator, production):
    west, manager = api.client("rds", "us-west-2"), api.client("secretsmanager", "us-west-2")
    marks = [{"Key": "terrace:writer-since", "Value": "2026-11-30T12:00:00Z"}]
    before = {cell: reads_secrets(api, cell) for cell in REGIONS}
    west.promote_read_replica(DBInstanceIdentifier=f"{WEST}-main", BackupRetentionPeriod=35)
    west.add_tags_to_resource(ResourceName=instances(api, WEST)[f"{WEST}-main"]["DBInstanceArn"], Tags=marks)
    for name in SHARED:
        manager.stop_replication_to_replica(SecretId=name)
        manager.tag_resource(SecretId=name, Tags=marks)
    run = operator.play("site", *GIVEN, "-C", inventory=PRODUCTION).ok()
    assert run.planned(EAST) == NOTHING, run.output
    assert set(run.changes(WEST)) >= {"db_instance/replica-1", "db_instance/replica-2"}
    operator.play("site", *GIVEN, inventory=PRODUCTION).ok()
    assert instances(api, WEST)[f"{WEST}-replica-1"]["ReadReplicaSourceDBInstanceIdentifier"] == f"{WEST}-main"
    assert {cell: reads_secrets(api, cell) for cell in REGIONS} == before
    run = operator.play("site", *GIVEN, "-C", inventory=PRODUCTION).ok()
    assert [run.planned(cell) for cell in REGIONS] == [NOTHING, NOTHING], run.output
