"""How AWS tells the options of databases, caches, buckets and secrets."""

from __future__ import annotations

import json
import typing as t

from botocore.exceptions import ClientError

from .aws import Aws, reader


@reader("db_parameter_group")
def db_parameter_group(aws: Aws, name: str) -> dict[str, t.Any]:
    groups = aws.pages("rds", "describe_db_parameter_groups", "DBParameterGroups")
    [found] = [each for each in groups if name_in_tags(aws, each["DBParameterGroupArn"], "rds") == name]
    parameters = aws.pages(
        "rds", "describe_db_parameters", "Parameters", DBParameterGroupName=found["DBParameterGroupName"], Source="user"
    )
    return {
        "family": found["DBParameterGroupFamily"],
        "description": found["Description"],
        "parameters": {each["ParameterName"]: each["ParameterValue"] for each in parameters},
    }


def name_in_tags(aws: Aws, arn: str, service: str) -> str | None:
    listed = aws.client(service).list_tags_for_resource(ResourceName=arn)["TagList"]
    return aws.short({each["Key"]: each["Value"] for each in listed}.get("Name"))


@reader("db_subnet_group")
def db_subnet_group(aws: Aws, name: str) -> dict[str, t.Any]:
    [found] = aws.client("rds").describe_db_subnet_groups(DBSubnetGroupName=f"{aws.cell}-{name}")["DBSubnetGroups"]
    return {
        "description": found["DBSubnetGroupDescription"],
        "subnets": aws.names(each["SubnetIdentifier"] for each in found["Subnets"]),
    }


@reader("db_instance")
def db_instance(aws: Aws, name: str) -> dict[str, t.Any]:
    [found] = aws.client("rds").describe_db_instances(DBInstanceIdentifier=f"{aws.cell}-{name}")["DBInstances"]
    [group] = found["DBParameterGroups"]
    # Without apply_immediately AWS makes some changes in the next maintenance window.
    found |= {
        key: value
        for key, value in found.get("PendingModifiedValues", {}).items()
        if key in ("Iops", "StorageThroughput")
    }
    return {
        "source": aws.short(found.get("ReadReplicaSourceDBInstanceIdentifier")),
        "engine_version": found["EngineVersion"].split(".")[0],
        "minor_version": int(found["EngineVersion"].split(".")[1]),
        "instance_class": found["DBInstanceClass"],
        "allocated_storage": found["AllocatedStorage"],
        "max_allocated_storage": found.get("MaxAllocatedStorage"),
        "storage_type": found["StorageType"],
        "iops": found.get("Iops"),
        "storage_throughput": found.get("StorageThroughput"),
        "storage_encrypted": found["StorageEncrypted"],
        "kms_key": aws.keys.get(found.get("KmsKeyId", "")),
        "subnet_group": aws.short(found["DBSubnetGroup"]["DBSubnetGroupName"]),
        "security_groups": aws.names(each["VpcSecurityGroupId"] for each in found["VpcSecurityGroups"]),
        "parameter_group": aws.short(group["DBParameterGroupName"]),
        "port": found["Endpoint"]["Port"],
        "database_name": found.get("DBName"),
        "credentials": found["MasterUsername"],
        "multi_az": found["MultiAZ"],
        "backup_retention_period": found["BackupRetentionPeriod"],
        "backup_window": found["PreferredBackupWindow"],
        "maintenance_window": found["PreferredMaintenanceWindow"],
        "auto_minor_version_upgrade": found["AutoMinorVersionUpgrade"],
        "deletion_protection": found["DeletionProtection"],
        "log_exports": found.get("EnabledCloudwatchLogsExports", []),
        "performance_insights": found.get("PerformanceInsightsEnabled", False),
        "performance_insights_retention": found.get("PerformanceInsightsRetentionPeriod"),
        "copy_tags_to_snapshot": found["CopyTagsToSnapshot"],
        "ca_certificate": found.get("CACertificateIdentifier"),
        "iam_authentication": found["IAMDatabaseAuthenticationEnabled"],
        "monitoring_interval": found.get("MonitoringInterval"),
        "monitoring_role_arn": found.get("MonitoringRoleArn"),
        "publicly_accessible": found["PubliclyAccessible"],
    }


@reader("cache_parameter_group")
def cache_parameter_group(aws: Aws, name: str) -> dict[str, t.Any]:
    groups = aws.pages("elasticache", "describe_cache_parameter_groups", "CacheParameterGroups")
    [found] = [each for each in groups if each.get("ARN") and name_in_tags(aws, each["ARN"], "elasticache") == name]
    parameters = aws.pages(
        "elasticache",
        "describe_cache_parameters",
        "Parameters",
        CacheParameterGroupName=found["CacheParameterGroupName"],
        Source="user",
    )
    return {
        "family": found["CacheParameterGroupFamily"],
        "description": found["Description"],
        "parameters": {each["ParameterName"]: each["ParameterValue"] for each in parameters},
    }


@reader("cache_subnet_group")
def cache_subnet_group(aws: Aws, name: str) -> dict[str, t.Any]:
    groups = aws.client("elasticache").describe_cache_subnet_groups(CacheSubnetGroupName=f"{aws.cell}-{name}")
    [found] = groups["CacheSubnetGroups"]
    return {
        "description": found["CacheSubnetGroupDescription"],
        "subnets": aws.names(each["SubnetIdentifier"] for each in found["Subnets"]),
    }


@reader("replication_group")
def replication_group(aws: Aws, name: str) -> dict[str, t.Any]:
    elasticache = aws.client("elasticache")
    groups = elasticache.describe_replication_groups(ReplicationGroupId=f"{aws.cell}-{name}")
    [found] = groups["ReplicationGroups"]
    clusters = aws.pages("elasticache", "describe_cache_clusters", "CacheClusters")
    node = next(each for each in clusters if each["CacheClusterId"] == found["MemberClusters"][0])
    # AWS installs another version in the next maintenance window, unless it is told to at once.
    version = node.get("PendingModifiedValues", {}).get("EngineVersion") or node["EngineVersion"]
    return {
        "description": found["Description"],
        "engine": node["Engine"],
        "engine_version": ".".join(version.split(".")[:2]),
        "node_type": found["CacheNodeType"],
        "nodes": len(found["MemberClusters"]),
        "automatic_failover": found["AutomaticFailover"] == "enabled",
        "multi_az": found["MultiAZ"] == "enabled",
        "transit_encryption": found["TransitEncryptionEnabled"],
        "at_rest_encryption": found["AtRestEncryptionEnabled"],
        "kms_key": aws.keys.get(found.get("KmsKeyId", "")),
        "auth_token": found["AuthTokenEnabled"],
        "subnet_group": aws.short(node["CacheSubnetGroupName"]),
        "parameter_group": aws.short(node["CacheParameterGroup"]["CacheParameterGroupName"]),
        "security_groups": aws.names(each["SecurityGroupId"] for each in node["SecurityGroups"]),
        "port": found["NodeGroups"][0]["PrimaryEndpoint"]["Port"],
        "snapshot_retention": found["SnapshotRetentionLimit"],
        "snapshot_window": found["SnapshotWindow"],
        "maintenance_window": node["PreferredMaintenanceWindow"],
        "auto_minor_version_upgrade": found["AutoMinorVersionUpgrade"],
    }


@reader("secret")
def secret(aws: Aws, name: str) -> dict[str, t.Any]:
    manager = aws.client("secretsmanager")
    found = manager.describe_secret(SecretId=f"{aws.cell}-{name}")
    value = json.loads(manager.get_secret_value(SecretId=found["ARN"])["SecretString"])
    return {
        "description": found.get("Description"),
        "kms_key": aws.keys.get(found.get("KmsKeyId", "")),
        "content.user.value": value["user"],
        "content.password.generate.length": len(value["password"]),
        "content.password.generate.exclude": not set(value["password"]) & set("/@"),
        "content.password.generate.punctuation": not value["password"].isalnum(),
        "content.token.environment": value["token"],
    }


@reader("queue")
def queue(aws: Aws, name: str) -> dict[str, t.Any]:
    sqs = aws.client("sqs")
    (url,) = sqs.list_queues(QueueNamePrefix=f"{aws.cell}-{name}")["QueueUrls"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    letters = json.loads(found.get("RedrivePolicy") or "{}")
    return {
        "fifo": url.endswith(".fifo") and found["FifoQueue"] == "true",
        "visibility_timeout": int(found["VisibilityTimeout"]),
        "retention": int(found["MessageRetentionPeriod"]),
        "max_message_size": int(found["MaximumMessageSize"]),
        "delay": int(found["DelaySeconds"]),
        "receive_wait": int(found["ReceiveMessageWaitTimeSeconds"]),
        "content_deduplication": found.get("ContentBasedDeduplication") == "true",
        "dead_letter.queue": aws.short(letters.get("deadLetterTargetArn", "").rpartition(":")[2]),
        "dead_letter.receives": int(letters.get("maxReceiveCount", 0)),
        "kms_key": aws.keys.get(found.get("KmsMasterKeyId", "")),
    }


@reader("bucket")
def bucket(aws: Aws, name: str) -> dict[str, t.Any]:
    s3 = aws.client("s3")
    names = [each["Name"] for each in s3.list_buckets()["Buckets"]]
    [which] = [each for each in names if each.startswith(f"{aws.cell}-{name}-")]

    def asked(operation: str) -> dict[str, t.Any]:
        try:
            return getattr(s3, operation)(Bucket=which)
        except ClientError as error:
            if "NoSuch" in error.response["Error"]["Code"] or "NotFound" in error.response["Error"]["Code"]:
                return {}
            raise

    [encryption] = asked("get_bucket_encryption")["ServerSideEncryptionConfiguration"]["Rules"]
    statements = json.loads(asked("get_bucket_policy").get("Policy", "{}")).get("Statement", [])
    logging = asked("get_bucket_logging").get("LoggingEnabled") or {}
    block = asked("get_public_access_block").get("PublicAccessBlockConfiguration") or {}
    [owner] = asked("get_bucket_ownership_controls")["OwnershipControls"]["Rules"]
    services = {
        service
        for each in statements
        for service in as_list((each["Principal"] if isinstance(each["Principal"], dict) else {}).get("Service"))
    }
    told = {
        "versioning": asked("get_bucket_versioning").get("Status") == "Enabled",
        "kms_key": aws.keys.get(encryption["ApplyServerSideEncryptionByDefault"].get("KMSMasterKeyID", "")),
        "bucket_key": encryption.get("BucketKeyEnabled"),
        "public_access_block": set(block.values()) == {True},
        "ownership": owner["ObjectOwnership"],
        "tls_only": "aws:SecureTransport" in json.dumps(statements),
        "log_delivery": sorted(services),
        "health_check_objects": sorted(
            resource.partition("/")[2]
            for each in statements
            if "15.177.0.0/18" in each.get("Condition", {}).get("IpAddress", {}).get("aws:SourceIp", [])
            for resource in as_list(each["Resource"])
        ),
        "access_logs_bucket": aws.bucket(logging.get("TargetBucket")),
        "access_logs_prefix": logging.get("TargetPrefix"),
    }
    for rule in asked("get_bucket_lifecycle_configuration").get("Rules", []):
        if rule["ID"] == "old":
            told |= lifecycle(rule)
    return told


def as_list(value: t.Any) -> list[t.Any]:
    return [] if value is None else value if isinstance(value, list) else [value]


def lifecycle(rule: dict[str, t.Any]) -> dict[str, t.Any]:
    end, old = rule.get("Expiration") or {}, rule.get("NoncurrentVersionExpiration") or {}
    told = {
        "prefix": rule.get("Prefix") or (rule.get("Filter") or {}).get("Prefix"),
        "enabled": rule["Status"] == "Enabled",
        "expire_after": end.get("Days"),
        "expire_delete_markers": end.get("ExpiredObjectDeleteMarker", False),
        "noncurrent_expire_after": old.get("NoncurrentDays"),
        "noncurrent_keep": old.get("NewerNoncurrentVersions"),
        "abort_uploads_after": (rule.get("AbortIncompleteMultipartUpload") or {}).get("DaysAfterInitiation"),
    }
    told |= {f"transitions.{each['StorageClass']}": each["Days"] for each in rule.get("Transitions", [])}
    for each in rule.get("NoncurrentVersionTransitions", []):
        told[f"noncurrent_transitions.{each['StorageClass']}"] = each["NoncurrentDays"]
    return {f"lifecycle.old.{option}": value for option, value in told.items()}
