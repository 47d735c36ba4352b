"""How the replication of a read replica is, as AWS says it."""

from __future__ import annotations

from probes import both_ways, probe

from lab.api.testing import Lab

REQUEST = {
    "Engine": "postgres",
    "DBInstanceClass": "db.t3.medium",
    "AllocatedStorage": 20,
    "MasterUsername": "probe",
    "MasterUserPassword": "not-a-secret-1",
    "BackupRetentionPeriod": 1,
}


@probe("rds_replication.replication_states")
def a_replica_says_how_its_replication_is(lab: Lab) -> None:
    rds = lab.client("rds")
    rds.create_db_instance(DBInstanceIdentifier="one", **REQUEST)
    rds.create_db_instance_read_replica(DBInstanceIdentifier="two", SourceDBInstanceIdentifier="one")

    def told(name: str) -> list[tuple[str, bool]]:
        found = rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]
        return [(each["StatusType"], each["Normal"]) for each in found.get("StatusInfos", [])]

    assert told("one") == []
    assert told("two") == [("read replication", True)]
    lab.state("rds", "two", "storage-full")
    assert told("two") == [("read replication", False)]
    lab.state("rds", "two", "available")
    rds.promote_read_replica(DBInstanceIdentifier="two")
    assert told("two") == []


test_as_aws_does, test_moto_still_differs = both_ways(__name__)
