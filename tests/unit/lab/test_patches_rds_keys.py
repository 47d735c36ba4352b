"""RDS and the account's own key, as AWS has it."""

from __future__ import annotations

from probes import both_ways, probe

from lab.api.testing import Lab

REQUEST = {
    "Engine": "postgres",
    "DBInstanceClass": "db.t3.medium",
    "AllocatedStorage": 20,
    "MasterUsername": "probe",
    "MasterUserPassword": "not-a-secret-1",
    "StorageEncrypted": True,
    "EnablePerformanceInsights": True,
}


@probe("rds_keys.own_key")
def own_key_is_taken_again(lab: Lab) -> None:
    rds = lab.client("rds")
    rds.create_db_instance(DBInstanceIdentifier="one", **REQUEST)
    key = rds.describe_db_instances(DBInstanceIdentifier="one")["DBInstances"][0]["KmsKeyId"]
    rds.create_db_instance(DBInstanceIdentifier="two", KmsKeyId="alias/aws/rds", **REQUEST)
    rds.modify_db_instance(DBInstanceIdentifier="two", CopyTagsToSnapshot=True)
    assert rds.describe_db_instances(DBInstanceIdentifier="two")["DBInstances"][0]["KmsKeyId"] == key
    assert ":key/" in key


test_as_aws_does, test_moto_still_differs = both_ways(__name__)
