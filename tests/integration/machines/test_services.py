# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Managed services as real servers: PostgreSQL with a replica and a failover, Redis, HAProxy, and names."""

from __future__ import annotations

import http.client
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from lab.machines.machine import Machine
from lab.machines.names import host_address
from lab.machines.util import LabError
from tests.integration.machines.conftest import World, wait

PASSWORD = "a-master-password"
TOKEN = "0123456789abcdef-token"


@pytest.fixture(scope="module")
def database(world: World) -> str:
    """A database with TLS forced, and its name."""
    rds, ids = world.client("rds"), world.ids
    rds.create_db_subnet_group(
        DBSubnetGroupName="data", DBSubnetGroupDescription="data", SubnetIds=[ids["data-a"], ids["data-b"]]
    )
    rds.create_db_parameter_group(DBParameterGroupName="shop", DBParameterGroupFamily="postgres16", Description="shop")
    values = {
        "rds.force_ssl": "1",
        "log_min_duration_statement": "250",
        "shared_preload_libraries": "pg_stat_statements",
    }
    parameters = [{"ParameterName": k, "ParameterValue": v, "ApplyMethod": "pending-reboot"} for k, v in values.items()]
    rds.modify_db_parameter_group(DBParameterGroupName="shop", Parameters=parameters)
    rds.create_db_instance(
        DBInstanceIdentifier="shop",
        Engine="postgres",
        EngineVersion="16.4",
        DBInstanceClass="db.t3.micro",
        AllocatedStorage=20,
        MasterUsername="operator",
        MasterUserPassword=PASSWORD,
        DBName="shop",
        MultiAZ=True,
        VpcSecurityGroupIds=[ids["db-sg"]],
        DBSubnetGroupName="data",
        DBParameterGroupName="shop",
    )
    world.booted("app")
    # As on AWS the API says `available` once connections are taken, no earlier.
    wait("the database is available", lambda: status(world, "shop") == "available", 60)
    return endpoint(world, "shop")


def status(world: World, name: str) -> str:
    """A database's status as the API reports it."""
    return str(
        world.client("rds").describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]["DBInstanceStatus"]
    )


def endpoint(world: World, name: str) -> str:
    """A database's endpoint as the API reports it."""
    found = world.client("rds").describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]
    return str(found["Endpoint"]["Address"])


def query(world: World, host: str, sql: str, mode: str = "verify-full", check: bool = True) -> str:
    """Run SQL from the app instance, the server's certificate verified against the system's authorities."""
    words = f"host={host} user=operator dbname=shop sslmode={mode} connect_timeout=3"
    words += " sslrootcert=system" if mode == "verify-full" else ""
    return world.shell("app", f"PGPASSWORD={PASSWORD} psql -XAtq '{words}' -c \"{sql}\"", check).strip()


def test_the_authorities_aws_publishes_for_rds_verify_the_database(world: World, database: str) -> None:
    """Those of the bundle do, and none of those the system came with."""
    words = f"host={database} user=operator dbname=shop sslmode=verify-full connect_timeout=3 sslrootcert="
    url = "https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem"
    world.shell("app", f"curl -sf -o /tmp/rds.pem {url}")
    asking = f"PGPASSWORD={PASSWORD} psql -XAtqc 'select 1' '{words}%s' 2>&1"
    assert world.shell("app", asking % "/tmp/rds.pem").strip() == "1"
    other = next(iter(world.shell("app", "ls /usr/share/ca-certificates/mozilla/*.crt").split()))
    assert "certificate verify failed" in world.shell("app", asking % other, check=False)


def test_database_answers_over_tls_only(world: World, database: str) -> None:
    assert query(world, database, "select 1") == "1"
    assert int(query(world, database, "show server_version_num")) >= 150000
    assert query(world, database, "select ssl from pg_stat_ssl where pid = pg_backend_pid()") == "t"
    assert query(world, database, "select 1", mode="disable", check=False) == ""
    assert query(world, database, "select rolsuper from pg_roles where rolname = current_user") == "f"
    assert query(world, database, "show log_min_duration_statement") == "250ms"
    assert query(world, database, "show shared_preload_libraries") == "pg_stat_statements"


def test_only_the_app_tier_reaches_the_database(world: World, database: str) -> None:
    address = world.shell("app", f"getent hosts {database}").split()[0]
    assert address.startswith("10.31.3")
    assert world.opens("app", address, 5432)
    assert not world.opens("web", address, 5432)
    assert not world.opens("bastion", address, 5432)


def test_replica_streams_and_promotes(world: World, database: str) -> None:
    rds = world.client("rds")
    wait("the database", lambda: query(world, database, "select 1", check=False) == "1", 40)
    query(world, database, "create table items (name text)")
    rds.create_db_instance_read_replica(DBInstanceIdentifier="shop-replica", SourceDBInstanceIdentifier="shop")
    replica = endpoint(world, "shop-replica")
    wait("the replica", lambda: query(world, replica, "select pg_is_in_recovery()", check=False) == "t", 30)
    query(world, database, "insert into items values ('streamed')")
    wait("the row", lambda: query(world, replica, "select name from items", check=False) == "streamed", 5)
    assert "read-only" in world.shell(
        "app",
        f"PGPASSWORD={PASSWORD} psql 'host={replica} user=operator dbname=shop' -c 'delete from items' 2>&1",
        False,
    )
    rds.promote_read_replica(DBInstanceIdentifier="shop-replica")
    wait("the promotion", lambda: query(world, replica, "select pg_is_in_recovery()", check=False) == "f", 10)
    query(world, replica, "insert into items values ('own')")
    assert query(world, database, "select count(*) from items") == "1"
    rds.delete_db_instance(DBInstanceIdentifier="shop-replica", SkipFinalSnapshot=True)


def test_a_replica_in_another_region_streams_and_outlives_its_source(world: World, database: str) -> None:
    """Each region's network is its own: the replica is asked on its node, as the service itself does."""
    east, west, ec2 = world.client("rds"), world.client("rds", "us-west-2"), world.client("ec2", "us-west-2")
    vpc = ec2.create_vpc(CidrBlock="10.32.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.32.{n}.0/24", AvailabilityZone=f"us-west-2{'ab'[n]}")["Subnet"][
            "SubnetId"
        ]
        for n in range(2)
    ]
    west.create_db_subnet_group(DBSubnetGroupName="data", DBSubnetGroupDescription="data", SubnetIds=subnets)
    source = east.describe_db_instances(DBInstanceIdentifier="shop")["DBInstances"][0]["DBInstanceArn"]
    far = {"DBInstanceIdentifier": "shop-west"}
    west.create_db_instance_read_replica(**far, SourceDBInstanceIdentifier=source, DBSubnetGroupName="data")
    name = "rds-123456789012-us-west-2-shop-west-0"
    node = Machine(name, world.state / "services" / name)

    def asked(sql: str) -> str:
        user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        words = ["psql", "-XAtq", "-h", "/var/lib/postgresql", "-U", "rdsadmin", "-d", "shop", "-c", sql]
        try:
            return node.enter(*user, *words, check=False).strip()
        except LabError:  # between two starts: the copy of the source's data is made, or made again
            return ""

    wait("the replica", lambda: asked("select pg_is_in_recovery()") == "t", 60)
    query(world, database, "create table far (name text)")
    query(world, database, "insert into far values ('streamed')")
    wait("the row", lambda: asked("select name from far") == "streamed", 10)

    def lags() -> list[float]:
        asked_for = {
            "Namespace": "AWS/RDS",
            "MetricName": "ReplicaLag",
            "Dimensions": [{"Name": "DBInstanceIdentifier", "Value": "shop-west"}],
            "StartTime": time.time() - 300,
            "EndTime": time.time() + 60,
            "Period": 60,
            "Statistics": ["Maximum"],
        }
        points = world.client("cloudwatch", "us-west-2").get_metric_statistics(**asked_for)["Datapoints"]
        return [point["Maximum"] for point in points]

    wait("its lag", lambda: bool(lags()), 70)
    assert all(0 <= seconds < 60 for seconds in lags())
    west.promote_read_replica(**far)
    wait("the promotion", lambda: asked("select pg_is_in_recovery()") == "f", 20)
    query(world, database, "insert into far values ('behind')")
    assert asked("select count(*) from far") == "1"
    assert query(world, database, "select count(*) from far") == "2", "the former primary goes on by itself"
    west.delete_db_instance(**far, SkipFinalSnapshot=True)


def test_multi_az_failover_keeps_the_data(world: World, database: str) -> None:
    rds = world.client("rds")
    query(world, database, "create table if not exists kept (n int)")
    streaming = "select count(*) from pg_stat_activity where backend_type = 'walsender'"
    wait("the standby streams", lambda: query(world, database, streaming, check=False) not in ("", "0"), 30)
    query(world, database, "insert into kept values (42)")
    before = world.shell("app", f"getent hosts {database}").split()[0]
    rds.reboot_db_instance(DBInstanceIdentifier="shop", ForceFailover=True)
    wait("another address", lambda: world.shell("app", f"getent hosts {database}").split()[0] != before, 5)
    wait("the standby took over", lambda: query(world, database, "select n from kept", check=False) == "42", 25)
    written = "insert into kept values (43) returning n"
    wait("it takes writes", lambda: query(world, database, written, check=False) == "43", 15)
    wait("a new standby streams", lambda: query(world, database, streaming, check=False) not in ("", "0"), 40)


def test_changed_password_counts_at_once(world: World, database: str) -> None:
    rds = world.client("rds")
    rds.modify_db_instance(DBInstanceIdentifier="shop", MasterUserPassword="another-password", ApplyImmediately=True)
    wait("the old password is refused", lambda: query(world, database, "select 1", check=False) == "", 10)
    rds.modify_db_instance(DBInstanceIdentifier="shop", MasterUserPassword=PASSWORD, ApplyImmediately=True)
    wait("it is back", lambda: query(world, database, "select 1", check=False) == "1", 10)


def test_cluster_fails_over(world: World, database: str) -> None:
    """An Aurora cluster: the reader follows the writer, and takes over with the cluster's endpoint."""
    rds, groups = world.client("rds"), [world.ids["db-sg"]]
    facts = {"MasterUsername": "operator", "MasterUserPassword": PASSWORD, "DatabaseName": "shop"}
    rds.create_db_cluster(
        DBClusterIdentifier="ledger",
        Engine="aurora-postgresql",
        EngineVersion="16.4",
        DBSubnetGroupName="data",
        VpcSecurityGroupIds=groups,
        **facts,
    )
    for name in ("ledger-1", "ledger-2"):
        rds.create_db_instance(
            DBInstanceIdentifier=name,
            Engine="aurora-postgresql",
            DBInstanceClass="db.serverless",
            DBClusterIdentifier="ledger",
        )
    cluster = rds.describe_db_clusters(DBClusterIdentifier="ledger")["DBClusters"][0]
    writer, reader = cluster["Endpoint"], cluster["ReaderEndpoint"]
    role = "select pg_is_in_recovery()"
    wait("the writer", lambda: query(world, writer, role, check=False) == "f", 30)
    wait("the reader", lambda: query(world, reader, role, check=False) == "t", 30)
    query(world, writer, "create table entries (n int)")
    before = world.shell("app", f"getent hosts {writer}").split()[0]
    # It may answer before AWS calls it available, and a failover to it is refused until then.
    rds.get_waiter("db_instance_available").wait(
        DBInstanceIdentifier="ledger-2", WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    rds.failover_db_cluster(DBClusterIdentifier="ledger", TargetDBInstanceIdentifier="ledger-2")
    wait("another writer", lambda: world.shell("app", f"getent hosts {writer}").split()[0] != before, 5)
    written = "insert into entries values (1) returning n"
    wait("it takes writes", lambda: query(world, writer, written, check=False) == "1", 25)
    for name in ("ledger-1", "ledger-2"):
        rds.delete_db_instance(DBInstanceIdentifier=name, SkipFinalSnapshot=True)
    rds.delete_db_cluster(DBClusterIdentifier="ledger", SkipFinalSnapshot=True)


def test_redis_with_tls_token_and_replica(world: World) -> None:
    cache, ids = world.client("elasticache"), world.ids
    cache.create_cache_subnet_group(
        CacheSubnetGroupName="data", CacheSubnetGroupDescription="data", SubnetIds=[ids["data-a"], ids["data-b"]]
    )
    cache.create_replication_group(
        ReplicationGroupId="sessions",
        ReplicationGroupDescription="sessions",
        Engine="redis",
        CacheNodeType="cache.t4g.micro",
        ReplicasPerNodeGroup=1,
        CacheSubnetGroupName="data",
        SecurityGroupIds=[ids["cache-sg"]],
        AuthToken=TOKEN,
        TransitEncryptionEnabled=True,
    )
    group = cache.describe_replication_groups(ReplicationGroupId="sessions")["ReplicationGroups"][0]["NodeGroups"][0]
    host = group["PrimaryEndpoint"]["Address"]
    world.booted("app")

    def redis(where: str, *words: str, token: str = TOKEN) -> str:
        tls = "--tls --cacert /etc/ssl/certs/ca-certificates.crt"
        return world.shell(
            "app", f"REDISCLI_AUTH={token} timeout 3 redis-cli {tls} -h {where} {' '.join(words)} 2>&1", False
        ).strip()

    wait("redis", lambda: redis(host, "ping") == "PONG", 15)
    assert "WRONGPASS" in redis(host, "ping", token="wrong")
    assert redis(host, "set", "cart", "7") == "OK"
    reader = group["NodeGroupMembers"][1]["ReadEndpoint"]["Address"]
    wait("the replica follows", lambda: redis(reader, "get", "cart") == "7", 15)
    address = world.shell("app", f"getent hosts {host}").split()[0]
    assert not world.opens("web", address, 6379)
    world.client("elasticache").delete_replication_group(ReplicationGroupId="sessions")


@pytest.fixture(scope="module")
def balancer(world: World) -> dict[str, Any]:
    """A public balancer with HTTP and HTTPS in front of the app instance."""
    from lab.machines import authority

    elb, ids = world.client("elbv2"), world.ids
    pem, key = authority.issue(world.state, ["shop.example.com"], world.state / "shop")
    certificate = world.client("acm").import_certificate(Certificate=pem.read_bytes(), PrivateKey=key.read_bytes())[
        "CertificateArn"
    ]
    made = elb.create_load_balancer(
        Name="shop", Subnets=[ids["public-a"], ids["public-b"]], SecurityGroups=[ids["alb-sg"]]
    )["LoadBalancers"][0]
    group = elb.create_target_group(
        Name="app",
        Protocol="HTTP",
        Port=8080,
        VpcId=ids["vpc"],
        HealthCheckPath="/index.html",
        HealthCheckIntervalSeconds=5,
        HealthCheckTimeoutSeconds=2,
        HealthyThresholdCount=2,
        UnhealthyThresholdCount=2,
    )["TargetGroups"][0]["TargetGroupArn"]
    delay = {"Key": "deregistration_delay.timeout_seconds", "Value": "6"}
    elb.modify_target_group_attributes(TargetGroupArn=group, Attributes=[delay])
    redirect = {"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}}
    elb.create_listener(LoadBalancerArn=made["LoadBalancerArn"], Protocol="HTTP", Port=80, DefaultActions=[redirect])
    listener = elb.create_listener(
        LoadBalancerArn=made["LoadBalancerArn"],
        Protocol="HTTPS",
        Port=443,
        Certificates=[{"CertificateArn": certificate}],
        DefaultActions=[{"Type": "forward", "TargetGroupArn": group}],
    )["Listeners"][0]["ListenerArn"]
    fixed = {"StatusCode": "418", "ContentType": "text/plain", "MessageBody": "short and stout"}
    elb.create_rule(
        ListenerArn=listener,
        Priority=10,
        Conditions=[{"Field": "path-pattern", "Values": ["/teapot*"]}],
        Actions=[{"Type": "fixed-response", "FixedResponseConfig": fixed}],
    )
    elb.register_targets(TargetGroupArn=group, Targets=[{"Id": ids["app"]}])
    world.ids["app-targets"] = group
    return dict(made)


def fetch(world: World, address: str, path: str) -> tuple[int, str, str]:
    """GET over HTTPS with the certificate verified for shop.example.com: status, headers, body."""
    authority = world.state / "authority" / "ca.pem"
    command = ["curl", "-s", "-m5", "-i", "--cacert", str(authority), "--resolve", f"shop.example.com:443:{address}"]
    done = subprocess.run([*command, f"https://shop.example.com{path}"], capture_output=True, text=True)
    head, _, body = done.stdout.partition("\n\n")
    status = int(head.split()[1]) if head else 0
    return status, head, body


def states(world: World) -> set[str]:
    """The health of the targets, as the API reports it."""
    found = world.client("elbv2").describe_target_health(TargetGroupArn=world.ids["app-targets"])
    return {entry["TargetHealth"]["State"] for entry in found["TargetHealthDescriptions"]}


def test_balancer_serves_redirects_and_answers_itself(world: World, balancer: dict[str, Any]) -> None:
    world.booted("app")
    address = wait("the balancer's name", lambda: host_address(balancer["DNSName"]), 5)
    assert address.startswith("127.")
    wait("a healthy target", lambda: states(world) == {"healthy"}, 30)
    status, _, body = fetch(world, address, "/")
    assert (status, body.strip()) == (200, f"first boot of ip-{world.address['app'].replace('.', '-')}")
    assert fetch(world, address, "/teapot/1")[::2] == (418, "short and stout")
    plain = urllib.request.Request(f"http://{address}/a?b=c", headers={"Host": "shop.example.com"})

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *args: Any) -> None:
            return None

    with pytest.raises(urllib.error.HTTPError) as moved:
        urllib.request.build_opener(urllib.request.ProxyHandler({}), Stay).open(plain, timeout=5)
    assert (moved.value.code, moved.value.headers["Location"]) == (301, "https://shop.example.com/a?b=c")


def test_target_health_is_what_the_checks_say(world: World, balancer: dict[str, Any]) -> None:
    wait("a healthy target", lambda: states(world) == {"healthy"}, 30)
    world.shell("app", "systemctl stop site")
    wait("unhealthy", lambda: states(world) == {"unhealthy"}, 20)
    world.shell("app", "systemd-run --unit site python3 -m http.server 8080 -d /srv/site")
    wait("healthy again", lambda: states(world) == {"healthy"}, 20)


SLOW = """
import http.server, time
class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        time.sleep(4 if self.path == "/slow" else 0)
        self.send_response(200); self.send_header("Content-Length", "3"); self.end_headers(); self.wfile.write(b"%s")
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("", 8080), Answer).serve_forever()
"""


def test_a_target_that_leaves_finishes_and_gets_nothing_new(world: World, balancer: dict[str, Any]) -> None:
    """Two targets, one leaves: its request goes on, a connection kept open moves to the other, and it is let in anew."""
    elb, group = world.client("elbv2"), world.ids["app-targets"]
    world.launch("app-two", "app-a", "app-sg", user_data="#!/bin/sh\n")
    world.booted("app-two")
    for name, word in (("app", "one"), ("app-two", "two")):
        world.shell(name, f"systemctl stop site 2>/dev/null; cat >/srv/slow.py <<'EOF'\n{SLOW % word}\nEOF", False)
        world.shell(name, "systemd-run --unit slow python3 /srv/slow.py")
    leaving = {"Id": world.ids["app"]}

    def state(target: str) -> str:
        shown = elb.describe_target_health(TargetGroupArn=group, Targets=[{"Id": world.ids[target]}])
        return str(shown["TargetHealthDescriptions"][0]["TargetHealth"]["State"])

    try:
        wait("the first serves", lambda: state("app") == "healthy", 30)
        elb.register_targets(TargetGroupArn=group, Targets=[{"Id": world.ids["app-two"]}])
        wait("both serve", lambda: state("app-two") == "healthy", 30)
        address = host_address(balancer["DNSName"])
        secure = ssl.create_default_context(cafile=str(world.state / "authority" / "ca.pem"))
        secure.check_hostname = False

        def connection() -> http.client.HTTPSConnection:
            return http.client.HTTPSConnection(address, context=secure, timeout=15)

        def ask(link: http.client.HTTPSConnection, path: str = "/") -> str:
            link.request("GET", path, headers={"Host": "shop.example.com"})
            answer = link.getresponse()
            body = answer.read().decode()
            assert answer.status == 200, (answer.status, body)
            return body

        kept = [connection() for _ in range(6)]
        assert {ask(link) for link in kept} == {"one", "two"}
        with ThreadPoolExecutor(8) as pool:
            begun = [pool.submit(ask, connection(), "/slow") for _ in range(8)]
            time.sleep(1)
            elb.deregister_targets(TargetGroupArn=group, Targets=[leaving])
            since = time.monotonic()
            assert state("app") == "draining"
            time.sleep(1.5)
            assert {ask(link) for link in kept} == {"two"}, "connections of before brought it another request"
            assert {ask(connection()) for _ in range(10)} == {"two"}
            assert {each.result() for each in begun} == {"one", "two"}, "what it had begun was not finished"
        assert state("app") == "draining"
        wait("it is out", lambda: state("app") == "unused", 10)
        assert time.monotonic() - since >= 6
        world.shell("app", "systemctl stop slow")
        elb.register_targets(TargetGroupArn=group, Targets=[leaving])
        assert state("app") == "initial"
        time.sleep(3)
        assert state("app") != "healthy", "it was found healthy by what was known of it before"
        assert {ask(connection()) for _ in range(10)} == {"two"}
    finally:
        world.shell(
            "app", "systemctl stop slow; systemd-run --unit site python3 -m http.server 8080 -d /srv/site", False
        )
        elb.deregister_targets(TargetGroupArn=group, Targets=[{"Id": world.ids["app-two"]}])
        elb.register_targets(TargetGroupArn=group, Targets=[leaving])
        world.client("ec2").terminate_instances(InstanceIds=[world.ids["app-two"]])
    wait("it serves again", lambda: state("app") == "healthy", 30)


def test_a_group_replaces_a_machine_that_stops_answering(world: World, balancer: dict[str, Any]) -> None:
    scaling, ids = world.client("autoscaling"), world.ids
    import base64

    from tests.integration.machines.conftest import USER_DATA

    data = {
        "ImageId": ids["image"],
        "InstanceType": "t3.micro",
        "KeyName": "operators",
        "SecurityGroupIds": [ids["app-sg"]],
    }
    data["UserData"] = base64.b64encode(USER_DATA.encode()).decode()
    template = world.client("ec2").create_launch_template(LaunchTemplateName="app", LaunchTemplateData=data)
    scaling.create_auto_scaling_group(
        AutoScalingGroupName="app",
        LaunchTemplate={"LaunchTemplateId": template["LaunchTemplate"]["LaunchTemplateId"], "Version": "$Latest"},
        MinSize=1,
        MaxSize=1,
        DesiredCapacity=1,
        VPCZoneIdentifier=ids["app-a"],
        TargetGroupARNs=[ids["app-targets"]],
        HealthCheckType="ELB",
        HealthCheckGracePeriod=40,
    )

    def members() -> list[str]:
        group = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=["app"])["AutoScalingGroups"][0]
        return [instance["InstanceId"] for instance in group["Instances"]]

    def healthy(instance: str) -> bool:
        found = world.client("elbv2").describe_target_health(TargetGroupArn=ids["app-targets"])
        return any(
            t["Target"]["Id"] == instance and t["TargetHealth"]["State"] == "healthy"
            for t in found["TargetHealthDescriptions"]
        )

    first = members()[0]
    try:
        wait("the group's machine serves", lambda: healthy(first), 90)
        world.shell(first, "systemctl stop site")
        wait("it is replaced", lambda: first not in members() and members(), 60)
        wait("its machine is gone", lambda: not world.machine(first).directory.exists(), 10)
        wait("the replacement serves", lambda: members() and healthy(members()[0]), 90)
    finally:
        scaling.delete_auto_scaling_group(AutoScalingGroupName="app", ForceDelete=True)


def test_names(world: World, balancer: dict[str, Any]) -> None:
    route53 = world.client("route53")
    private = route53.create_hosted_zone(
        Name="internal.example.com",
        CallerReference="1",
        HostedZoneConfig={"PrivateZone": True, "Comment": "internal"},
        VPC={"VPCRegion": "us-east-1", "VPCId": world.ids["vpc"]},
    )["HostedZone"]["Id"]
    public = route53.create_hosted_zone(Name="example.com", CallerReference="2")["HostedZone"]["Id"]

    def upsert(zone: str, **record: Any) -> None:
        change = {"Action": "UPSERT", "ResourceRecordSet": record}
        route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": [change]})

    upsert(private, Name="db.internal.example.com", Type="A", TTL=5, ResourceRecords=[{"Value": "10.31.30.200"}])
    alias = {
        "DNSName": balancer["DNSName"],
        "HostedZoneId": balancer["CanonicalHostedZoneId"],
        "EvaluateTargetHealth": True,
    }
    upsert(public, Name="www.example.com", Type="A", AliasTarget=alias)
    world.booted("app")
    wait(
        "the private name",
        lambda: "10.31.30.200" in world.shell("app", "getent hosts db.internal.example.com", False),
        3,
    )
    assert host_address("db.internal.example.com") == "", "a private zone is seen in its VPC alone"
    assert host_address("www.example.com") == host_address(balancer["DNSName"])
    assert world.shell("app", "getent hosts nothing.example.com", check=False) == ""


def test_failover_routing_follows_health_checks(world: World) -> None:
    route53 = world.client("route53")
    zone = route53.create_hosted_zone(Name="drill.example.net", CallerReference="3")["HostedZone"]["Id"]
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        config = {
            "Type": "TCP",
            "IPAddress": "127.0.0.1",
            "Port": server.getsockname()[1],
            "RequestInterval": 10,
            "FailureThreshold": 1,
        }
        check = route53.create_health_check(CallerReference="4", HealthCheckConfig=config)["HealthCheck"]["Id"]
        for role, address in (("PRIMARY", "127.0.0.71"), ("SECONDARY", "127.0.0.72")):
            record = {"Name": "app.drill.example.net", "Type": "A", "TTL": 5, "SetIdentifier": role, "Failover": role}
            record["ResourceRecords"] = [{"Value": address}]
            if role == "PRIMARY":
                record["HealthCheckId"] = check
            change = {"Action": "UPSERT", "ResourceRecordSet": record}
            route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": [change]})
        wait("the primary", lambda: host_address("app.drill.example.net") == "127.0.0.71", 5)
    wait("the secondary", lambda: host_address("app.drill.example.net") == "127.0.0.72", 15)


def test_tls_of_the_api_is_signed_by_the_labs_authority(world: World) -> None:
    world.booted("app")
    asking = "openssl s_client -connect s3.us-east-1.amazonaws.com:443 -verify_return_error </dev/null 2>&1"
    assert "Verify return code: 0 (ok)" in world.shell("app", asking)
