#!/usr/bin/python
# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Restores RDS instances to a point in time."""

DOCUMENTATION = r"""
module: rds_instance_restore
short_description: Restore an RDS instance to a point in time
version_added: 0.2.0
description:
  - Has RDS make an instance as another one was at a second, and does not wait for it. An instance of that identifier which
    exists is left as it is.
  - M(amazon.aws.rds_instance) does this too, except with tags; an instance whose tags come in a second call is nobody's where
    the run ends between both.
  - U(https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_RestoreDBInstanceToPointInTime.html)
options:
  db_instance_identifier:
    description: The instance that is made.
    type: str
    required: true
  source_db_instance_identifier:
    description: The instance whose backups it is made from.
    type: str
    required: true
  restore_time:
    description: The time, in UTC, V(2026-12-01T02:59:07Z) for example.
    type: str
    required: true
  db_instance_class:
    description: Its class; RDS takes the source's where none is given.
    type: str
  multi_az:
    description: Whether it has a standby in another zone.
    type: bool
    default: false
  db_subnet_group_name:
    description: Its subnet group.
    type: str
    required: true
  vpc_security_group_ids:
    description: Its security groups. RDS takes the default group of the VPC where none is given.
    type: list
    elements: str
    required: true
  db_parameter_group_name:
    description: Its parameter group. RDS takes the default one where none is given.
    type: str
    required: true
  port:
    description: Its port; RDS takes the source's where none is given.
    type: int
  storage_type:
    description: Its storage type.
    type: str
  iops:
    description: The operations a second of its storage, for the types that take them.
    type: int
  publicly_accessible:
    description: Whether it has a public address.
    type: bool
    default: false
  copy_tags_to_snapshot:
    description: Whether its snapshots have its tags.
    type: bool
    default: false
  enable_iam_database_authentication:
    description: Whether it takes tokens of IAM.
    type: bool
    default: false
  enable_cloudwatch_logs_exports:
    description: The logs that are exported to CloudWatch.
    type: list
    elements: str
    default: []
  auto_minor_version_upgrade:
    description: Whether RDS upgrades its minor version.
    type: bool
    default: true
  deletion_protection:
    description: Whether it is protected from deletion.
    type: bool
    default: false
  tags:
    description: All its tags.
    type: dict
    required: true
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
author:
  - The Terrace developers (@terrace)
"""

EXAMPLES = r"""
- name: Restore a copy as it was a second before the mistake
  terrace.aws.rds_instance_restore:
    db_instance_identifier: production-main-restored
    source_db_instance_identifier: production-main
    restore_time: 2026-12-01T02:59:07Z
    db_subnet_group_name: production-main
    vpc_security_group_ids: [sg-0123456789abcdef0]
    db_parameter_group_name: production-main
    tags:
      made-for: recovery
"""

RETURN = r"""
status:
  description: The status of the instance, V(creating) where it was made.
  returned: always, except in check mode where it would be made
  type: str
"""

import contextlib

with contextlib.suppress(ImportError):  # AnsibleAWSModule says so
    from botocore.exceptions import BotoCoreError, ClientError

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry

from ansible_collections.terrace.aws.plugins.module_utils import tagged_writes


def restore(module, client):
    """Make the instance, unless it is there, and end."""
    given, find = module.params, ("describe_db_instances", "DBInstances", "DBInstanceNotFound")
    there = tagged_writes.one(client, *find, DBInstanceIdentifier=given["db_instance_identifier"])
    if there is not None:
        module.exit_json(changed=False, status=there["DBInstanceStatus"])
    if module.check_mode:
        module.exit_json(changed=True)
    wanted = {
        "TargetDBInstanceIdentifier": given["db_instance_identifier"],
        "SourceDBInstanceIdentifier": given["source_db_instance_identifier"],
        "RestoreTime": given["restore_time"],
        "DBInstanceClass": given["db_instance_class"],
        "MultiAZ": given["multi_az"],
        "DBSubnetGroupName": given["db_subnet_group_name"],
        "VpcSecurityGroupIds": given["vpc_security_group_ids"],
        "DBParameterGroupName": given["db_parameter_group_name"],
        "Port": given["port"],
        "StorageType": given["storage_type"],
        "Iops": given["iops"],
        "PubliclyAccessible": given["publicly_accessible"],
        "CopyTagsToSnapshot": given["copy_tags_to_snapshot"],
        "EnableIAMDatabaseAuthentication": given["enable_iam_database_authentication"],
        "EnableCloudwatchLogsExports": given["enable_cloudwatch_logs_exports"],
        "AutoMinorVersionUpgrade": given["auto_minor_version_upgrade"],
        "DeletionProtection": given["deletion_protection"],
        "Tags": tagged_writes.tag_list(given["tags"]),
    }
    made = client.restore_db_instance_to_point_in_time(
        aws_retry=True, **{name: value for name, value in wanted.items() if value is not None}
    )
    module.exit_json(changed=True, status=made["DBInstance"]["DBInstanceStatus"])


def main():
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec={
            "db_instance_identifier": {"required": True},
            "source_db_instance_identifier": {"required": True},
            "restore_time": {"required": True},
            "db_instance_class": {},
            "multi_az": {"type": "bool", "default": False},
            "db_subnet_group_name": {"required": True},
            "vpc_security_group_ids": {"type": "list", "elements": "str", "required": True},
            "db_parameter_group_name": {"required": True},
            "port": {"type": "int"},
            "storage_type": {},
            "iops": {"type": "int"},
            "publicly_accessible": {"type": "bool", "default": False},
            "copy_tags_to_snapshot": {"type": "bool", "default": False},
            "enable_iam_database_authentication": {"type": "bool", "default": False},
            "enable_cloudwatch_logs_exports": {"type": "list", "elements": "str", "default": []},
            "auto_minor_version_upgrade": {"type": "bool", "default": True},
            "deletion_protection": {"type": "bool", "default": False},
            "tags": {"type": "dict", "required": True},
        },
        supports_check_mode=True,
    )
    client = module.client("rds", retry_decorator=AWSRetry.jittered_backoff())
    try:
        restore(module, client)
    except (BotoCoreError, ClientError) as error:
        named = module.params["source_db_instance_identifier"], module.params["restore_time"]
        module.fail_json_aws(error, msg="Could not restore {} to {}".format(*named))


if __name__ == "__main__":
    main()
