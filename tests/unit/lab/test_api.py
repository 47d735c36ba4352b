"""The emulated API itself: counting, faults, delays, credentials, accounts, reset."""

from __future__ import annotations

import http.client
import time
from typing import Any
from urllib.error import HTTPError

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, HTTPClientError
from probes import error_code
from test_patches_elasticache import replication_group

from lab import process
from lab.api.app import Lab as App
from lab.api.calls import Call
from lab.api.testing import Lab, running_lab
from lab.machines import bridge

# One read of each protocol: EC2's own, query, JSON, REST with XML, REST with JSON, S3's own errors, CBOR.
READS: dict[str, tuple[str, str]] = {
    "ec2": ("ec2", "describe_vpcs"),
    "query": ("rds", "describe_db_instances"),
    "json": ("kms", "list_keys"),
    "rest-xml": ("route53", "list_hosted_zones"),
    "rest-json": ("lambda", "list_functions"),
    "s3": ("s3", "list_buckets"),
    "cbor": ("cloudwatch", "describe_alarms"),
}
THROTTLED = {
    "ec2": ("RequestLimitExceeded", 503),
    "query": ("Throttling", 400),
    "json": ("ThrottlingException", 400),
    "rest-xml": ("Throttling", 400),
    "rest-json": ("TooManyRequestsException", 429),
    "s3": ("SlowDown", 503),
    "cbor": ("ThrottlingException", 400),
}


def read(lab: Lab, protocol: str, **options: Any) -> Any:
    """Make the read of a protocol."""
    service, operation = READS[protocol]
    return getattr(lab.client(service, **options), operation)()


@pytest.mark.parametrize(("operation", "asked"), [("ListCertificates", 3), ("RequestCertificate", 1)])
def test_a_read_that_another_request_disturbs_is_asked_anew(operation: str, asked: int) -> None:
    """Moto goes through dictionaries that another thread is changing; what writes may have been done in part."""
    lab, times = App([]), []

    def moto(environ: dict[str, Any], _start_response: Any) -> list[bytes]:
        times.append(environ["wsgi.input"].read())
        if len(times) < 3:
            raise RuntimeError("dictionary changed size during iteration")
        return [b"answer"]

    lab.moto = moto  # type: ignore[assignment]
    call = Call("acm", operation, "us-east-1", "", "json")
    if call.writes:
        with pytest.raises(RuntimeError):
            lab._served(call, {"lab.body": b"asked"}, lambda *_answer: None)
    else:
        assert lab._served(call, {"lab.body": b"asked"}, lambda *_answer: None) == [b"answer"]
    assert times == [b"asked"] * asked


def test_calls_are_counted_by_what_they_are(lab: Lab) -> None:
    for protocol in READS:
        read(lab, protocol)
    lab.client("ec2", "us-west-2").create_vpc(CidrBlock="10.0.0.0/16")
    lab.client("s3").create_bucket(Bucket="counted")
    lab.client("sts", account="222222222222").get_caller_identity()
    report = lab.calls()
    assert report["by_operation"]["ec2.DescribeVpcs"] == 1
    assert report["by_operation"]["rds.DescribeDBInstances"] == 1
    assert report["by_operation"]["kms.ListKeys"] == 1
    assert report["by_operation"]["route53.ListHostedZones"] == 1
    assert report["by_operation"]["lambda.ListFunctions"] == 1
    assert report["by_operation"]["s3.ListBuckets"] == 1
    assert report["by_operation"]["monitoring.DescribeAlarms"] == 1
    assert report["writes_by_operation"] == {"ec2.CreateVpc": 1, "s3.CreateBucket": 1}
    assert report["writes"] == 2
    assert report["by_region"]["us-west-2"] == 1
    assert report["by_account"]["222222222222"] == 1
    assert report["total"] == 11
    lab.reset_calls()
    assert lab.calls()["total"] == 0


@pytest.mark.parametrize("protocol", READS)
def test_throttling_as_the_protocol_says_it(lab: Lab, protocol: str) -> None:
    lab.faults(1, kinds=["throttle"])
    with pytest.raises(ClientError) as raised:
        read(lab, protocol)
    response = raised.value.response
    found = response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]
    assert found == THROTTLED[protocol]
    assert lab.calls()["faults"] == {"throttle": 1}


@pytest.mark.parametrize("protocol", READS)
def test_server_errors(lab: Lab, protocol: str) -> None:
    lab.faults(1, kinds=["error"])
    with pytest.raises(ClientError) as raised:
        read(lab, protocol)
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert raised.value.response["Error"]["Code"].startswith("Internal")


def test_one_region_fails_alone(lab: Lab) -> None:
    lab.faults(1, kinds=["error"], regions=["us-east-1"])
    with pytest.raises(ClientError):
        lab.client("rds", "us-east-1").describe_db_instances()
    assert lab.client("rds", "us-west-2").describe_db_instances()["DBInstances"] == []


@pytest.mark.parametrize("protocol", READS)
def test_timeouts_drop_the_connection(lab: Lab, protocol: str) -> None:
    lab.faults(1, kinds=["timeout"], seconds=0.2)
    start = time.monotonic()
    with pytest.raises((ConnectionClosedError, HTTPClientError)):
        read(lab, protocol)
    assert time.monotonic() - start >= 0.2


@pytest.mark.parametrize("protocol", READS)
def test_clients_get_through_with_retries(lab: Lab, protocol: str) -> None:
    lab.faults(1, kinds=["throttle", "error", "timeout"], seconds=0.05, limit=2, seed=3)
    read(lab, protocol, retries=4)
    assert sum(lab.calls()["faults"].values()) == 2


def test_nothing_is_done_by_a_call_that_fails(lab: Lab) -> None:
    lab.faults(1, kinds=["throttle", "error", "timeout"], seconds=0.05)
    for _ in range(6):
        with pytest.raises((ClientError, HTTPClientError, ConnectionClosedError)):
            lab.client("s3").create_bucket(Bucket="never")
    lab.faults(0)
    assert lab.client("s3").list_buckets()["Buckets"] == []


def test_a_lost_answer_means_it_was_done(lab: Lab) -> None:
    lab.faults(1, kinds=["lost"], operations=["CreateBucket"])
    with pytest.raises((ConnectionClosedError, HTTPClientError)):
        lab.client("s3").create_bucket(Bucket="done")
    assert [b["Name"] for b in lab.client("s3").list_buckets()["Buckets"]] == ["done"]


def test_faults_keep_to_their_rate_services_and_seed(lab: Lab) -> None:
    def failures() -> list[bool]:
        lab.faults(0.3, kinds=["error"], seed=7, services=["ec2"])
        result = []
        for _ in range(60):
            try:
                read(lab, "ec2")
                result.append(False)
            except ClientError:
                result.append(True)
        read(lab, "json")
        return result

    first, second = failures(), failures()
    assert first == second
    assert 8 <= sum(first) <= 30


def test_senseless_settings_are_refused(lab: Lab) -> None:
    for path, data in (
        ("/lab/faults", {"rate": 2}),
        ("/lab/faults", {"rate": 0.1, "kinds": ["flood"]}),
        ("/lab/faults", {"rat": 0.1}),
        ("/lab/delays", {"coffee": 5}),
        ("/lab/delays", {"rds": -1}),
        ("/lab/delays", {"rds": "soon"}),
    ):
        with pytest.raises(HTTPError) as raised:
            process.request(lab.url, path, method="POST", data=data)
        assert raised.value.code == 400, (path, data)


@pytest.mark.parametrize(
    ("protocol", "expired", "unknown"),
    [
        ("ec2", "RequestExpired", "AuthFailure"),
        ("query", "ExpiredToken", "InvalidClientTokenId"),
        ("json", "ExpiredTokenException", "UnrecognizedClientException"),
        ("rest-xml", "ExpiredToken", "InvalidClientTokenId"),
        ("rest-json", "ExpiredTokenException", "UnrecognizedClientException"),
        ("s3", "ExpiredToken", "InvalidAccessKeyId"),
    ],
)
def test_bad_credentials_are_told_apart(lab: Lab, protocol: str, expired: str, unknown: str) -> None:
    import boto3

    service, operation = READS[protocol]
    for key, code in (("AKIAEXPIRED000000000", expired), ("AKIANOBODYKNOWS00000", unknown)):
        session = boto3.Session(aws_access_key_id=key, aws_secret_access_key="x")
        client = session.client(service, region_name="us-east-1", endpoint_url=lab.url)
        assert error_code(getattr(client, operation)) == code


def test_accounts_are_apart(lab: Lab) -> None:
    assert lab.client("sts").get_caller_identity()["Account"] == "123456789012"
    other = lab.client("sts", account="222222222222").get_caller_identity()
    assert other["Account"] == "222222222222"
    assert other["Arn"] == "arn:aws:sts::222222222222:assumed-role/lab/lab"
    vpc = lab.client("ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    assert error_code(lab.client("ec2", account="222222222222").describe_vpcs, VpcIds=[vpc]) == "InvalidVpcID.NotFound"


def test_reset_leaves_nothing(lab: Lab) -> None:
    lab.client("s3").create_bucket(Bucket="gone")
    lab.client("ec2", "eu-west-1").create_vpc(CidrBlock="10.0.0.0/16")
    lab.delays(rds=40)
    lab.faults(0.5)
    lab.reset()
    assert lab.client("s3").list_buckets()["Buckets"] == []
    assert [v["IsDefault"] for v in lab.client("ec2", "eu-west-1").describe_vpcs()["Vpcs"]] == [True]
    status = process.status(lab.url)
    assert status is not None
    assert (status["delays"], status["faults"]["rate"]) == ({}, 0.0)


def test_connections_stay_open(lab: Lab) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", lab.port, timeout=5)
    connection.request("GET", "/lab/status")
    assert connection.getresponse().read()
    socket = connection.sock
    connection.request("GET", "/lab/calls")
    assert connection.getresponse().status == 200
    assert connection.sock is socket is not None
    connection.close()


def test_an_operation_nobody_wrote_is_named(lab: Lab) -> None:
    with pytest.raises(ClientError, match=r"the lab has no ec2\.CreateCapacityReservation"):
        lab.client("ec2").create_capacity_reservation(
            InstanceType="t3.medium", InstancePlatform="Linux/UNIX", InstanceCount=1
        )


def test_objects_survive_the_journey(lab: Lab) -> None:
    """Bodies of all sizes, chunked uploads with trailing checksums included, come back unchanged."""
    import io
    import os

    s3 = lab.client("s3")
    s3.create_bucket(Bucket="bodies")
    for size in (0, 1, 100_000, 9_000_000):
        body = os.urandom(size)
        s3.upload_fileobj(io.BytesIO(body), "bodies", f"size-{size}")
        assert s3.get_object(Bucket="bodies", Key=f"size-{size}")["Body"].read() == body


def test_rds_authorities_are_where_aws_publishes_them() -> None:
    """They are those of the machines, which tell the API; other names and paths stay AWS's APIs."""
    # One of its own: it now takes itself for followed by machines.
    with running_lab() as lab:
        _published(lab)


def _published(lab: Lab) -> None:

    def published(host: str, path: str) -> bytes:
        link = http.client.HTTPConnection("127.0.0.1", lab.port, timeout=5)
        link.request("GET", path, headers={"Host": host})
        return link.getresponse().read()

    told = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    process.request(lab.url, "/lab/machines/snapshot", method="POST", data={"serial": None, "authority": told})
    store = "truststore.pki.rds.amazonaws.com"
    assert published(store, "/global/global-bundle.pem").decode() == told
    assert published(store, "/us-east-1/us-east-1-bundle.pem").decode() == told
    assert published(store, "/global/nothing.zip").decode() != told
    assert published("s3.us-east-1.amazonaws.com", "/global/global-bundle.pem").decode() != told


def test_a_cache_is_available_when_its_nodes_take_changed_tokens() -> None:
    """Before that AWS says modifying, and clients wait; whether a Redis takes a token only the machines know."""
    with running_lab() as lab:
        cache = replication_group(lab, AuthToken="a-first-token-of-all")
        client, first, second = lab.client("elasticache"), "a-first-token-of-all", "a-second-token-of-it"

        def status() -> str:
            return str(client.describe_replication_groups(ReplicationGroupId="probe")["ReplicationGroups"][0]["Status"])

        def take(*tokens: str) -> None:
            told = {"arn": cache["ARN"], "node": "probe-001", "tokens": bridge.tokens_digest(list(tokens))}
            process.request(lab.url, "/lab/machines/tokens", method="POST", data=told)

        process.request(lab.url, "/lab/machines/snapshot", method="POST", data={"serial": None})
        take(first)
        assert status() == "available"
        change = {"AuthToken": second, "AuthTokenUpdateStrategy": "ROTATE"}
        told = client.modify_replication_group(ReplicationGroupId="probe", ApplyImmediately=True, **change)
        assert told["ReplicationGroup"]["Status"] == status() == "modifying"
        with pytest.raises(client.exceptions.InvalidReplicationGroupStateFault):
            client.modify_replication_group(ReplicationGroupId="probe", ApplyImmediately=True, **change)
        take(first, second)
        assert status() == "available"
