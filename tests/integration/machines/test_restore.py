# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is restored from snapshots and to points in time has the rows it should; renamed instances keep theirs."""

from __future__ import annotations

import datetime
import shutil
import time
from typing import Any

import pytest

from tests.integration.machines.conftest import World, wait
from tests.integration.machines.test_services import PASSWORD, endpoint, query, status

NAMED = {"DBSubnetGroupName": "orders"}


@pytest.fixture(scope="module")
def orders(world: World) -> str:
    """A Multi-AZ database with one row; its endpoint."""
    rds, ids = world.client("rds"), world.ids
    rds.create_db_subnet_group(**NAMED, DBSubnetGroupDescription="orders", SubnetIds=[ids["data-a"], ids["data-b"]])
    rds.create_db_instance(
        DBInstanceIdentifier="orders",
        Engine="postgres",
        DBInstanceClass="db.t3.micro",
        AllocatedStorage=20,
        MasterUsername="operator",
        MasterUserPassword=PASSWORD,
        DBName="shop",
        MultiAZ=True,
        BackupRetentionPeriod=7,
        VpcSecurityGroupIds=[ids["db-sg"]],
        **NAMED,
    )
    world.booted("app")
    available(world, "orders")
    host = endpoint(world, "orders")
    query(world, host, "create table lines (name text)")
    write(world, host, "first")
    return host


def available(world: World, name: str, seconds: float = 60) -> str:
    """Wait until a database is available; return its endpoint."""
    wait(f"{name} is available", lambda: status(world, name) == "available", seconds)
    return endpoint(world, name)


def write(world: World, host: str, row: str) -> None:
    query(world, host, f"insert into lines values ('{row}')")


def rows(world: World, host: str, table: str = "lines") -> set[str]:
    """The rows there; the certificate is verified for the name asked."""
    return set(query(world, host, f"select name from {table}").splitlines())


def leads(world: World, host: str) -> str:
    """The address of a name, as the instance sees it."""
    return (world.shell("app", f"getent hosts {host}", check=False).split() or [""])[0]


def restore(world: World, name: str, **how: Any) -> str:
    """Restore to a point in time; return the endpoint once it is available."""
    world.client("rds").restore_db_instance_to_point_in_time(
        TargetDBInstanceIdentifier=name, VpcSecurityGroupIds=[world.ids["db-sg"]], **NAMED, **how
    )
    return available(world, name)


def from_snapshot(world: World, name: str, snapshot: str, **more: Any) -> str:
    """Restore from a snapshot; return the endpoint once it is available."""
    world.client("rds").restore_db_instance_from_db_snapshot(
        DBInstanceIdentifier=name,
        DBSnapshotIdentifier=snapshot,
        VpcSecurityGroupIds=[world.ids["db-sg"]],
        **NAMED,
        **more,
    )
    return available(world, name)


def delete(world: World, *names: str, **more: Any) -> None:
    for name in names:
        how = more or {"SkipFinalSnapshot": True}
        world.client("rds").delete_db_instance(DBInstanceIdentifier=name, **how)


def snapshot_available(world: World, name: str) -> bool:
    [found] = world.client("rds").describe_db_snapshots(DBSnapshotIdentifier=name)["DBSnapshots"]
    return bool(found["Status"] == "available")


def snapshot_arn(world: World, name: str) -> str:
    [found] = world.client("rds").describe_db_snapshots(DBSnapshotIdentifier=name)["DBSnapshots"]
    return str(found["DBSnapshotArn"])


def backup_window(world: World, resource: str) -> dict[str, Any]:
    """The restore window of an instance's automated backups, once there is one."""

    def found() -> dict[str, Any]:
        shown = world.client("rds").describe_db_instance_automated_backups(DbiResourceId=resource)
        return dict(shown["DBInstanceAutomatedBackups"][0].get("RestoreWindow") or {})

    return dict(wait("a first backup", found, 20))


def resource_of(world: World, name: str) -> str:
    found = world.client("rds").describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]
    return str(found["DbiResourceId"])


def test_a_snapshot_has_what_was_there_and_nothing_later(world: World, orders: str) -> None:
    rds = world.client("rds")
    contents = world.state / "backups" / "snapshots"
    rds.create_db_snapshot(DBInstanceIdentifier="orders", DBSnapshotIdentifier="kept")
    wait("the snapshot", lambda: snapshot_available(world, "kept"), 20)
    write(world, orders, "second")
    rds.copy_db_snapshot(SourceDBSnapshotIdentifier="kept", TargetDBSnapshotIdentifier="copied")
    rds.delete_db_snapshot(DBSnapshotIdentifier="kept")
    host = from_snapshot(world, "restored", "copied")
    assert rows(world, host) == {"first"}
    write(world, host, "its own")
    assert rows(world, orders) == {"first", "second"}
    delete(world, "restored", FinalDBSnapshotIdentifier="final")
    rds.delete_db_snapshot(DBSnapshotIdentifier="copied")
    assert status(world, "restored") == "deleting"
    gone = rds.get_waiter("db_instance_deleted")
    gone.wait(DBInstanceIdentifier="restored", WaiterConfig={"Delay": 1, "MaxAttempts": 20})
    assert snapshot_available(world, "final")
    host = from_snapshot(world, "again", "final")
    assert rows(world, host) == {"first", "its own"}
    shown = rds.describe_db_snapshots()["DBSnapshots"]
    wait("the data of deleted snapshots goes", lambda: len(list(contents.iterdir())) == len(shown), 10)
    for path in contents.iterdir():
        shutil.rmtree(path)
    named = {"DBInstanceIdentifier": "lost", "DBSnapshotIdentifier": "final"}
    rds.restore_db_instance_from_db_snapshot(**named, **NAMED)
    wait("nothing to restore from", lambda: status(world, "lost") == "incompatible-restore", 20)
    rds.delete_db_snapshot(DBSnapshotIdentifier="final")
    delete(world, "again", "lost")


def test_a_dropped_table_is_there_the_second_before(world: World, orders: str) -> None:
    """Also after the standby took over, and of an instance that is gone, when its backups were retained."""
    rds = world.client("rds")
    resource = resource_of(world, "orders")
    backup_window(world, resource)
    query(world, orders, "create table precious (name text)")
    query(world, orders, "insert into precious values ('kept')")
    time.sleep(2)
    before = datetime.datetime.now(datetime.UTC)
    time.sleep(1)
    query(world, orders, "drop table precious")
    streaming = "select count(*) from pg_stat_activity where backend_type = 'walsender'"
    wait("the standby streams", lambda: query(world, orders, streaming, check=False) not in ("", "0"), 30)
    node = leads(world, orders)
    rds.reboot_db_instance(DBInstanceIdentifier="orders", ForceFailover=True)
    wait("another address", lambda: leads(world, orders) != node, 10)
    written = "insert into lines values ('over') returning name"
    wait("the standby takes writes", lambda: query(world, orders, written, check=False) == "over", 40)
    host = restore(world, "rescued", SourceDBInstanceIdentifier="orders", RestoreTime=before)
    assert rows(world, host, "precious") == {"kept"}
    assert rows(world, host) == {"first", "second"}
    delete(world, "rescued")
    bases = world.state / "backups" / "instances" / resource / "base"
    wait("a backup of the node that took over", lambda: len(list(bases.glob("*.json"))) == 2, 30)
    time.sleep(1)
    write(world, orders, "latest")
    host = restore(world, "newest", SourceDbiResourceId=resource, UseLatestRestorableTime=True)
    assert rows(world, host) == {"first", "second", "over", "latest"}
    own = resource_of(world, "newest")
    backup_window(world, own)
    write(world, host, "more")
    rds.stop_db_instance(DBInstanceIdentifier="newest", DBSnapshotIdentifier="stopped")
    wait("the snapshot at the stop", lambda: snapshot_available(world, "stopped"), 20)
    far = {"SourceDBSnapshotIdentifier": snapshot_arn(world, "stopped"), "TargetDBSnapshotIdentifier": "far"}
    assert world.client("rds", "us-west-2").copy_db_snapshot(**far)["DBSnapshot"]["Status"] == "available"
    host = from_snapshot(world, "rescued", "stopped")
    assert rows(world, host) == {"first", "second", "over", "latest", "more"}
    host = restore(world, "latest", SourceDBInstanceIdentifier="newest", UseLatestRestorableTime=True)
    assert rows(world, host) == {"first", "second", "over", "latest", "more"}
    delete(world, "rescued", "latest")
    delete(world, "newest", SkipFinalSnapshot=True, DeleteAutomatedBackups=False)
    [found] = rds.describe_db_instance_automated_backups(DbiResourceId=own)["DBInstanceAutomatedBackups"]
    arn = found["DBInstanceAutomatedBackupsArn"]
    host = restore(world, "newest", SourceDBInstanceAutomatedBackupsArn=arn, UseLatestRestorableTime=True)
    assert rows(world, host) == {"first", "second", "over", "latest", "more"}
    rds.delete_db_instance_automated_backup(DbiResourceId=own)
    wait("its backups go", lambda: not (world.state / "backups" / "instances" / own).exists(), 10)


def test_two_instances_swap_names_and_keep_their_rows(world: World, orders: str) -> None:
    """`newest` is what the test before left; a replica of the renamed instance goes on streaming."""
    rds = world.client("rds")
    rds.create_db_instance_read_replica(DBInstanceIdentifier="reader", SourceDBInstanceIdentifier="orders")
    reader = available(world, "reader")
    addresses = {name: leads(world, endpoint(world, name)) for name in ("orders", "newest")}

    def rename(name: str, new: str) -> None:
        rds.modify_db_instance(DBInstanceIdentifier=name, NewDBInstanceIdentifier=new, ApplyImmediately=True)

    rename("orders", "orders-old")
    old = endpoint(world, "orders-old")
    wait("the new name", lambda: leads(world, old) == addresses["orders"], 10)
    wait("the old name leads nowhere", lambda: leads(world, orders) == "", 10)
    rename("newest", "orders")
    wait("the old name leads to who has it now", lambda: leads(world, orders) == addresses["newest"], 10)
    for host, row in ((old, "old"), (orders, "new")):
        written = f"insert into lines values ('{row}') returning name"
        wait(
            f"{host} takes writes",
            lambda host=host, written=written, row=row: query(world, host, written, check=False) == row,
            30,
        )
    assert "more" in rows(world, orders)
    assert "more" not in rows(world, old)
    wait(
        "the replica streams", lambda: "old" in query(world, reader, "select name from lines", check=False).split(), 40
    )
    delete(world, "reader", "orders", "orders-old")
