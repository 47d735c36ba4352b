"""Changes a plan could get wrong, each on a small cell: what AWS holds afterwards is read back with boto3."""

from __future__ import annotations

import json

import pytest

CELL, OTHER = "probe", "neighbour"
NETWORK = {
    "network_cidr": "10.0.0.0/16",
    "network_zones": ["a", "b"],
    "network_tiers": {"public": {"number": 0, "route": "internet"}, "app": {"number": 1}},
}
GROUPS = {"web": {"vpc": "main", "description": "Web"}, "app": {"vpc": "main", "description": "App"}}


@pytest.fixture
def client(api):
    """A client in the cells' region, of an account that is empty at first."""
    api.reset()
    return lambda service: api.client(service, "eu-west-1")


def in_sync(cells, variables, name=CELL) -> None:
    run = cells.play("site", {name: variables}, "--check", "--diff").ok()
    assert run.planned(name) == {"add": 0, "change": 0, "remove": 0, "orphan": 0}, run.output


# -- names ---------------------------------------------------------------------------------------------------------
def test_what_is_renamed_keeps_its_ids(client, cells):
    ec2 = client("ec2")
    before = NETWORK | {
        "firewall_security_groups": GROUPS,
        "secrets_entries": {"old": {"content": {"password": {"generate": {}}}}},
        "storage_buckets": {"uploads": {}},
    }
    cells.play("site", {CELL: before}).ok()
    groups = {each["GroupName"]: each["GroupId"] for each in ec2.describe_security_groups()["SecurityGroups"]}
    [secret] = client("secretsmanager").list_secrets()["SecretList"]
    value = client("secretsmanager").get_secret_value(SecretId=secret["ARN"])["SecretString"]
    [bucket] = [each["Name"] for each in client("s3").list_buckets()["Buckets"]]
    client("s3").put_object(Bucket=bucket, Key="kept", Body=b"kept")
    after = before | {
        "firewall_security_groups": {
            "front": {**GROUPS["web"], "renamed_from": "web"},
            "app": {**GROUPS["app"], "ingress": {"http": {"ports": 80, "from": "front"}}},
        },
        "secrets_entries": {"new": {"content": {"password": {"generate": {}}}, "renamed_from": "old"}},
        "storage_buckets": {"files": {"renamed_from": "uploads"}},
    }
    run = cells.play("site", {CELL: after}, "--check", "--diff").ok()
    assert run.planned(CELL) == {"add": 0, "change": 4, "remove": 0, "orphan": 0}, run.output
    for address in ("security_group/front", "secret/new", "bucket/files"):
        assert list(run.changes(CELL)[address]["fields"]) == ["tags.Name"], run.output
    cells.play("site", {CELL: after}).ok()
    [front] = ec2.describe_security_groups(Filters=[{"Name": "tag:Name", "Values": [f"{CELL}-front"]}])[
        "SecurityGroups"
    ]
    assert front["GroupId"] == groups[f"{CELL}-web"]
    [app] = ec2.describe_security_groups(GroupIds=[groups[f"{CELL}-app"]])["SecurityGroups"]
    assert app["IpPermissions"][0]["UserIdGroupPairs"][0]["GroupId"] == front["GroupId"]
    [now] = client("secretsmanager").list_secrets()["SecretList"]
    assert now["ARN"] == secret["ARN"]
    assert {"Key": "Name", "Value": f"{CELL}-new"} in now["Tags"]
    assert client("secretsmanager").get_secret_value(SecretId=now["ARN"])["SecretString"] == value
    assert [each["Name"] for each in client("s3").list_buckets()["Buckets"]] == [bucket]
    assert client("s3").get_object(Bucket=bucket, Key="kept")["Body"].read() == b"kept"
    in_sync(cells, after)


def scaled(client, cell: str, subnet: str) -> None:
    """A group of a cell as somebody made it by API, with a policy and a hook of the names every cell has."""
    ec2, autoscaling = client("ec2"), client("autoscaling")
    tags = {"Name": f"{cell}-web", "terrace:cell": cell}
    listed = [{"Key": key, "Value": value} for key, value in tags.items()]
    image = ec2.register_image(Name=f"{cell}-image", RootDeviceName="/dev/xvda")["ImageId"]
    ec2.create_launch_template(
        LaunchTemplateName=f"{cell}-web",
        LaunchTemplateData={"ImageId": image, "InstanceType": "t3.micro"},
        TagSpecifications=[
            {
                "ResourceType": "launch-template",
                "Tags": [*listed, {"Key": "terrace:kind", "Value": "launch_template"}],
            }
        ],
    )
    own = [*listed, {"Key": "terrace:kind", "Value": "autoscaling_group"}]
    autoscaling.create_auto_scaling_group(
        AutoScalingGroupName=f"{cell}-web",
        LaunchTemplate={"LaunchTemplateName": f"{cell}-web"},
        MinSize=0,
        MaxSize=1,
        VPCZoneIdentifier=subnet,
        Tags=[{**tag, "PropagateAtLaunch": True} for tag in own],
    )
    autoscaling.put_scaling_policy(
        AutoScalingGroupName=f"{cell}-web",
        PolicyName="scale-out",
        PolicyType="TargetTrackingScaling",
        TargetTrackingConfiguration={
            "PredefinedMetricSpecification": {"PredefinedMetricType": "ASGAverageCPUUtilization"},
            "TargetValue": 60.0,
        },
    )
    autoscaling.put_lifecycle_hook(
        AutoScalingGroupName=f"{cell}-web",
        LifecycleHookName="ready",
        LifecycleTransition="autoscaling:EC2_INSTANCE_LAUNCHING",
    )


def test_a_policy_of_the_same_name_in_another_cell_stays(client, cells):
    subnet = client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
    scaled(client, CELL, subnet)
    scaled(client, OTHER, subnet)
    run = cells.play("provision_tiers", {CELL: {}}, "-e", "terrace_prune=true").ok()
    assert run.planned(CELL)["remove"] == 4, run.output
    autoscaling = client("autoscaling")
    assert [(each["AutoScalingGroupName"], each["PolicyName"]) for each in policies(autoscaling)] == [
        (f"{OTHER}-web", "scale-out")
    ]
    [hook] = autoscaling.describe_lifecycle_hooks(AutoScalingGroupName=f"{OTHER}-web")["LifecycleHooks"]
    assert hook["LifecycleHookName"] == "ready"
    [group] = autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"]
    assert group["AutoScalingGroupName"] == f"{OTHER}-web"


def policies(autoscaling) -> list[dict]:
    return autoscaling.describe_policies()["ScalingPolicies"]


# -- replacing -----------------------------------------------------------------------------------------------------
@pytest.mark.slow
def test_what_is_encrypted_follows_a_key_that_is_replaced(client, cells):
    entry = {"content": {"password": {"generate": {}}}, "kms_key": "data"}
    before = {"keys_kms": {"data": {"description": "Data"}}, "secrets_entries": {"database": entry}}
    cells.play("site", {CELL: before}).ok()
    manager, kms = client("secretsmanager"), client("kms")
    value = manager.get_secret_value(SecretId=f"{CELL}-database")["SecretString"]
    [old] = [each["TargetKeyId"] for each in kms.list_aliases()["Aliases"] if each["AliasName"] == f"alias/{CELL}-data"]
    after = before | {"keys_kms": {"data": {"description": "Data", "multi_region": True}}}
    refused = cells.play("site", {CELL: after})
    assert refused.status == 2
    assert "terrace_allow_replace" in refused.output
    allowed = json.dumps({"terrace_allow_replace": ["kms_key/data"], "terrace_allow_data_loss": ["kms_key/data"]})
    cells.play("site", {CELL: after}, "-e", allowed).ok()
    [new] = [each["TargetKeyId"] for each in kms.list_aliases()["Aliases"] if each["AliasName"] == f"alias/{CELL}-data"]
    assert new != old
    assert kms.describe_key(KeyId=new)["KeyMetadata"]["MultiRegion"]
    assert kms.describe_key(KeyId=old)["KeyMetadata"]["KeyState"] == "PendingDeletion"
    used = manager.describe_secret(SecretId=f"{CELL}-database")["KmsKeyId"]
    if used.startswith("alias/") or ":alias/" in used:
        assert used.endswith(f"alias/{CELL}-data")
    else:
        assert used.endswith(new)
    assert manager.get_secret_value(SecretId=f"{CELL}-database")["SecretString"] == value
    in_sync(cells, after)


@pytest.mark.slow
def test_a_certificate_whose_validation_timed_out_is_requested_again(api, client, cells):
    variables = {
        "dns_zones": {"public": {"domain": "example.org"}},
        "certificate_entries": {"public": {"domain": "www.example.org", "zone": "public"}},
    }
    cells.play("site", {CELL: variables}).ok()
    [old] = client("acm").list_certificates()["CertificateSummaryList"]
    api.state("acm", old["CertificateArn"], "VALIDATION_TIMED_OUT", region="eu-west-1")
    run = cells.play("site", {CELL: variables}, "--check", "--diff").ok()
    assert "VALIDATION_TIMED_OUT" in run.output
    assert list(run.changes(CELL)) == ["certificate/public"]
    cells.play("site", {CELL: variables}).ok()
    [new] = client("acm").list_certificates()["CertificateSummaryList"]
    assert new["CertificateArn"] != old["CertificateArn"]
    assert client("acm").describe_certificate(CertificateArn=new["CertificateArn"])["Certificate"]["Status"] == "ISSUED"
    in_sync(cells, variables)


# -- records -------------------------------------------------------------------------------------------------------
@pytest.mark.slow
def test_weighted_records_are_entries_of_their_own(client, cells):
    def record(address: str, which: str, **how):
        common = {"zone": "public", "name": "app", "type": "A", "ttl": 60, "set_identifier": which}
        return {**common, "values": [address], **how}

    before = {
        "dns_zones": {"public": {"domain": "example.org"}},
        "dns_records": {
            "public/app/A/blue": record("192.0.2.1", "blue", weight=90),
            "public/app/A/green": record("192.0.2.2", "green", weight=10),
        },
    }
    cells.play("site", {CELL: before}).ok()
    route53 = client("route53")
    [zone] = route53.list_hosted_zones()["HostedZones"]

    def weights():
        records = route53.list_resource_record_sets(HostedZoneId=zone["Id"])["ResourceRecordSets"]
        return {each["SetIdentifier"]: each["Weight"] for each in records if "SetIdentifier" in each}

    assert weights() == {"blue": 90, "green": 10}
    in_sync(cells, before)
    after = before | {"dns_records": {"public/app/A/green": record("192.0.2.2", "green", weight=100)}}
    run = cells.play("site", {CELL: after}, "-e", "terrace_prune=true").ok()
    assert "probe: Done: 0 added, 1 changed, 1 removed" in run.output
    assert weights() == {"green": 100}


# -- protection and targets ----------------------------------------------------------------------------------------
def test_protection_lives_on_the_object(client, cells):
    """The block that says so is deleted by a slip: what it protected is kept, and stays even when pruned."""
    balancer = {
        "scheme": "public",
        "subnets": ["public-a", "public-b"],
        "security_groups": ["web"],
        "deletion_protection": True,
        "listeners": {"80": {"redirect": {}}},
    }
    common = NETWORK | {"firewall_security_groups": GROUPS}
    before = common | {
        "load_balancer_balancers": {"public": balancer},
        "storage_buckets": {"uploads": {}},
        "secrets_entries": {"database": {"content": {"password": {"generate": {}}}}},
    }
    cells.play("site", {CELL: before}).ok()
    run = cells.play("site", {CELL: common}).ok()
    assert run.planned(CELL)["orphan"] == 3, run.output

    def kept() -> bool:
        return bool(
            client("elbv2").describe_load_balancers()["LoadBalancers"]
            and client("s3").list_buckets()["Buckets"]
            and client("secretsmanager").list_secrets()["SecretList"]
        )

    assert kept()
    run = cells.play("site", {CELL: common}, "-e", "terrace_prune=true")
    assert run.status == 2
    said = " ".join(run.output.split())
    for address in ("load_balancer/public", "bucket/uploads", "secret/database"):
        assert address in said, said
    assert kept()
    # Everything named that can be named: the balancer is still protected on AWS, and nothing goes.
    allowed = ("-e", '{"terrace_allow_data_loss": ["*"], "terrace_prune": true}')
    run = cells.play("site", {CELL: common}, *allowed)
    assert run.status == 2
    assert "deletion_protection" in run.output
    assert kept()
    unprotected = {**balancer, "deletion_protection": False}
    cells.play("site", {CELL: before | {"load_balancer_balancers": {"public": unprotected}}}).ok()
    cells.play("site", {CELL: common}, *allowed).ok()
    assert not client("elbv2").describe_load_balancers()["LoadBalancers"]
    in_sync(cells, common)


def test_only_the_cell_that_was_named_is_destroyed(client, cells):
    two = {CELL: {"keys_ssh": {}, "storage_buckets": {"one": {}}}, OTHER: {"storage_buckets": {"two": {}}}}
    cells.play("site", two).ok()
    allowed = ("-e", '{"terrace_allow_data_loss": ["*"]}')
    run = cells.play("destroy_cell", two, *allowed, "-e", f"destroy_confirm={CELL}", "--limit", "")
    assert run.status == 2, "the other cell was not confirmed"
    [left] = [each["Name"] for each in client("s3").list_buckets()["Buckets"]]
    assert left.startswith(OTHER)
