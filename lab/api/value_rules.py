"""What AWS refuses of the values in a request, operation by operation, with the error its service answers.

The service's own model says some of it (lengths, ranges and patterns of members), its API reference the rest.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

#: The error code of a value that is not accepted, by service.
CODES = {
    "acm": "ValidationException",
    "autoscaling": "ValidationError",
    "ec2": "InvalidParameterValue",
    "elasticache": "InvalidParameterValue",
    "elbv2": "ValidationError",
    "iam": "ValidationError",
    "kms": "ValidationException",
    "rds": "InvalidParameterValue",
    "route53": "InvalidInput",
    "secretsmanager": "ValidationException",
    "sqs": "InvalidAttributeValue",
    "sts": "ValidationError",
}
#: Operations whose members are held to what the service's model says of them.
MODELLED = {
    "acm": {"RequestCertificate"},
    "autoscaling": {"PutLifecycleHook", "StartInstanceRefresh"},
    "elbv2": {"CreateListener", "CreateRule", "CreateTargetGroup", "ModifyListener", "ModifyRule", "ModifyTargetGroup"},
    "iam": {"CreateRole", "PutRolePolicy", "UpdateRole"},
    "kms": {"CreateKey"},
    "route53": {"ChangeResourceRecordSets", "CreateHealthCheck", "CreateHostedZone", "UpdateHealthCheck"},
    "secretsmanager": {"CreateSecret"},
    "sts": {"AssumeRole"},
}


@dataclass(frozen=True)
class Rule:
    """What a member may be, as the API reference has it.

    ``least`` and ``most`` are of a number, which may be given as a text; ``also`` are values beside that; ``pattern`` is what a
    text must match as a whole.
    """

    least: float | None = None
    most: float | None = None
    also: tuple[str, ...] = ()
    pattern: str = ""

    def constraint(self, value: Any) -> str:
        """The constraint that a value fails, as AWS words it; empty where it fails none."""
        if str(value) in self.also:
            return ""
        if self.pattern:
            fits = re.fullmatch(self.pattern, str(value))
            return "" if fits else f"Member must satisfy regular expression pattern: {self.pattern}"
        try:
            number = float(value)
        except ValueError:
            return "Member must be a number"
        if self.least is not None and number < self.least:
            return f"Member must have value greater than or equal to {self.least}"
        if self.most is not None and number > self.most:
            return f"Member must have value less than or equal to {self.most}"
        return ""


Path = tuple[str, ...]
NONE_OR_MORE = Rule(least=0)
PORT = Rule(1, 65535)
# https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CreateAutoScalingGroup.html
GROUP: dict[Path, Rule] = {
    **dict.fromkeys(
        (("MinSize",), ("MaxSize",), ("DesiredCapacity",), ("DefaultCooldown",), ("HealthCheckGracePeriod",)),
        NONE_OR_MORE,
    ),
    ("MaxInstanceLifetime",): Rule(86400, also=("0",)),
    ("AutoScalingGroupName",): Rule(pattern=r"[^:]+"),
    ("TerminationPolicies",): Rule(
        pattern=r"Default|AllocationStrategy|ClosestToNextInstanceHour|(Newest|Oldest)Instance"
        r"|OldestLaunch(Configuration|Template)|arn:aws[a-z-]*:lambda:.+"
    ),
}
# https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html
INSTANCE: dict[Path, Rule] = {
    ("AllocatedStorage",): Rule(20, 65536),
    ("BackupRetentionPeriod",): Rule(0, 35),
    ("DBName",): Rule(pattern=r"[A-Za-z][A-Za-z0-9_]{0,62}"),
    ("DBPortNumber",): Rule(1150, 65535),
    ("Iops",): Rule(1000, 256000),
    ("MonitoringRoleArn",): Rule(pattern=r"arn:aws[a-z-]*:iam::\d{12}:role/.+"),
    ("PerformanceInsightsRetentionPeriod",): Rule(
        pattern="7|731|" + "|".join(str(31 * month) for month in range(1, 24))
    ),
    ("Port",): Rule(1150, 65535),
    ("StorageThroughput",): Rule(125, 4000),
}
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
QUEUE: dict[Path, Rule] = {
    ("Attributes", "DelaySeconds"): Rule(0, 900),
    ("Attributes", "MaximumMessageSize"): Rule(1024, 1048576),
    ("Attributes", "MessageRetentionPeriod"): Rule(60, 1209600),
    ("Attributes", "ReceiveMessageWaitTimeSeconds"): Rule(0, 20),
    ("Attributes", "VisibilityTimeout"): Rule(0, 43200),
}
TARGET_GROUP: dict[Path, Rule] = {
    ("HealthCheckPath",): Rule(pattern=r"/\S*"),
    ("HealthCheckPort",): Rule(1, 65535, also=("traffic-port",)),
}
CACHE: dict[Path, Rule] = {("SnapshotRetentionLimit",): Rule(0, 35)}
#: What the models do not say, by service, operation and the member's path. A list of keys and values is read like a map.
DOCUMENTED: dict[tuple[str, str], dict[Path, Rule]] = {
    ("autoscaling", "CreateAutoScalingGroup"): GROUP,
    ("autoscaling", "UpdateAutoScalingGroup"): GROUP,
    # https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_EnableMetricsCollection.html
    ("autoscaling", "EnableMetricsCollection"): {
        ("Metrics",): Rule(pattern=r"(Group|WarmPool|GroupAndWarmPool)[A-Z][A-Za-z]+(Capacity|Instances|Size)")
    },
    # https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_PutLifecycleHook.html
    # AWS wants 30 seconds at least; tests of what happens when they are over use fewer.
    ("autoscaling", "PutLifecycleHook"): {("HeartbeatTimeout",): Rule(1, 7200)},
    ("autoscaling", "PutScalingPolicy"): {
        ("EstimatedInstanceWarmup",): NONE_OR_MORE,
        ("TargetTrackingConfiguration", "TargetValue"): Rule(8.515920e-109, 1.174271e108),
    },
    # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html
    ("ec2", "CreateSecurityGroup"): dict.fromkeys(
        (("GroupName",), ("Description",)), Rule(pattern=r"[a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]{1,255}")
    ),
    # https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateReplicationGroup.html
    ("elasticache", "CreateReplicationGroup"): {
        **CACHE,
        ("NumCacheClusters",): Rule(1, 6),
        ("Port",): PORT,
        ("ReplicationGroupDescription",): Rule(pattern=r"(?s).+"),
        ("ReplicationGroupId",): Rule(pattern=r"(?i)(?=.{1,40}$)[a-z](-?[a-z0-9])*"),
    },
    ("elasticache", "ModifyReplicationGroup"): CACHE,
    ("elbv2", "CreateTargetGroup"): TARGET_GROUP,
    ("elbv2", "ModifyTargetGroup"): TARGET_GROUP,
    # https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetGroupAttribute.html
    ("elbv2", "ModifyTargetGroupAttributes"): {
        ("Attributes", "slow_start.duration_seconds"): Rule(30, 900, also=("0",)),
        ("Attributes", "stickiness.enabled"): Rule(pattern="true|false"),
        ("Attributes", "stickiness.lb_cookie.duration_seconds"): Rule(1, 604800),
    },
    # https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancerAttribute.html
    ("elbv2", "ModifyLoadBalancerAttributes"): {("Attributes", "idle_timeout.timeout_seconds"): Rule(1, 4000)},
    # https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html
    ("kms", "ScheduleKeyDeletion"): {("PendingWindowInDays",): Rule(7, 30)},
    ("rds", "CreateDBInstance"): INSTANCE,
    ("rds", "ModifyDBInstance"): INSTANCE,
    # https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html
    ("secretsmanager", "CreateSecret"): {("Name",): Rule(pattern=r"[A-Za-z0-9/_+=.@!-]+")},
    ("sqs", "CreateQueue"): QUEUE,
    ("sqs", "SetQueueAttributes"): QUEUE,
}


def judged(service: str, operation: str) -> bool:
    """Whether anything is known of an operation's values."""
    return operation in MODELLED.get(service, ()) or (service, operation) in DOCUMENTED


def refusal(service: str, operation: str, parameters: dict[str, Any]) -> tuple[str, str] | None:
    """Error code and message for a request's values; None when the service takes them."""
    for path, value, constraint in _failures(service, operation, parameters):
        where = ".".join(part[:1].lower() + part[1:] for part in path)
        return CODES[service], (
            f"1 validation error detected: Value '{value}' at '{where}' failed to satisfy constraint: {constraint}"
        )
    return None


def _failures(service: str, operation: str, parameters: dict[str, Any]) -> Iterator[tuple[Path, Any, str]]:
    for path, rule in DOCUMENTED.get((service, operation), {}).items():
        for value in _at(parameters, path):
            if constraint := rule.constraint(value):
                yield path, value, constraint
    if operation in MODELLED.get(service, ()):
        yield from _modelled(_input(service, operation), parameters, ())


@functools.cache
def _input(service: str, operation: str) -> Shape:
    from moto.core.utils import get_service_model

    return get_service_model(service).operation_model(operation).input_shape


def _at(value: Any, path: Path) -> list[Any]:
    """The values at a path; each item of a list, and of a list of keys and values that of the key."""
    if isinstance(value, list):
        pairs = [each for each in value if isinstance(each, dict) and "Key" in each]
        if path and pairs:
            return [each.get("Value") for each in pairs if each["Key"] == path[0]]
        return [found for each in value for found in _at(each, path)]
    if not path:
        return [] if value is None else [value]
    # RDS' parameters are no dict, but read like one.
    return _at(value.get(path[0]), path[1:]) if isinstance(value, Mapping) else []


def _modelled(shape: Shape, value: Any, path: Path) -> Iterator[tuple[Path, Any, str]]:
    """What the model of a service says of a member that its value fails."""
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        for name, member in shape.members.items():
            if value.get(name) is not None:
                yield from _modelled(member, value[name], (*path, name))
    elif isinstance(shape, ListShape) and isinstance(value, list):
        for number, each in enumerate(value, 1):
            yield from _modelled(shape.member, each, (*path, f"{number}.member"))
    elif not isinstance(shape, (StructureShape, ListShape, MapShape)):
        yield from ((path, value, constraint) for constraint in _constraints(shape, value))


def _constraints(shape: Shape, value: Any) -> Iterator[str]:
    least, most, pattern = (shape.metadata.get(key) for key in ("min", "max", "pattern"))
    if shape.type_name in ("integer", "long", "float", "double"):
        if least is not None and value < least:
            yield f"Member must have value greater than or equal to {least}"
        if most is not None and value > most:
            yield f"Member must have value less than or equal to {most}"
    elif shape.type_name == "string":
        if least is not None and len(value) < least:
            yield f"Member must have length greater than or equal to {least}"
        if most is not None and len(value) > most:
            yield f"Member must have length less than or equal to {most}"
        if pattern and (compiled := _compiled(pattern)) and not compiled.fullmatch(value):
            yield f"Member must satisfy regular expression pattern: {pattern}"


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    """A pattern of Java's; None for one that Python cannot read (pairs of surrogates)."""
    try:
        return re.compile(pattern)
    except re.error:
        return None
