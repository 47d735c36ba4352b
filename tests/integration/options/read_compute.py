"""How AWS tells the options of machines, groups and balancers."""

from __future__ import annotations

import base64
import typing as t

from .aws import Aws, reader


@reader("launch_template")
def launch_template(aws: Aws, name: str) -> dict[str, t.Any]:
    ec2 = aws.client("ec2")
    found = aws.ec2("describe_launch_templates", "LaunchTemplates", "LaunchTemplateId", name)
    [version] = ec2.describe_launch_template_versions(
        LaunchTemplateId=found["LaunchTemplateId"], Versions=["$Default"]
    )["LaunchTemplateVersions"]
    assert version["VersionNumber"] == found["LatestVersionNumber"]
    data = version["LaunchTemplateData"]
    [interface] = data.get("NetworkInterfaces") or [{}]
    [volume] = [each["Ebs"] for each in data["BlockDeviceMappings"] if each["DeviceName"] == "/dev/sdf"]
    metadata = data["MetadataOptions"]
    profile = data.get("IamInstanceProfile") or {}
    return {
        "image": data["ImageId"],
        "instance_type": data["InstanceType"],
        "spot": (data.get("InstanceMarketOptions") or {}).get("MarketType") == "spot",
        "cpu_credits": (data.get("CreditSpecification") or {}).get("CpuCredits"),
        "key_pair": aws.short(data.get("KeyName")),
        "security_groups": aws.names(interface.get("Groups") or data.get("SecurityGroupIds") or []),
        "public_address": interface.get("AssociatePublicIpAddress"),
        "profile": aws.short((profile.get("Name") or profile.get("Arn", "")).rpartition("/")[2]),
        "user_data": base64.b64decode(data.get("UserData", "")).decode(),
        "volumes./dev/sdf.size": volume["VolumeSize"],
        "volumes./dev/sdf.type": volume["VolumeType"],
        "volumes./dev/sdf.encrypted": volume["Encrypted"],
        "volumes./dev/sdf.kms_key": aws.keys.get(volume.get("KmsKeyId", "")),
        "volumes./dev/sdf.delete_on_termination": volume["DeleteOnTermination"],
        "volumes./dev/sdf.iops": volume.get("Iops"),
        "volumes./dev/sdf.throughput": volume.get("Throughput"),
        "metadata_tokens": metadata["HttpTokens"],
        "metadata_hops": metadata["HttpPutResponseHopLimit"],
        "metadata_tags": metadata.get("InstanceMetadataTags") == "enabled",
        "monitoring": (data.get("Monitoring") or {}).get("Enabled"),
    }


@reader("autoscaling_group")
def autoscaling_group(aws: Aws, name: str) -> dict[str, t.Any]:
    autoscaling = aws.client("autoscaling")
    [found] = autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[f"{aws.cell}-{name}"])[
        "AutoScalingGroups"
    ]
    told = {
        "launch_template": aws.short(found["LaunchTemplate"]["LaunchTemplateName"]),
        "subnets": aws.names(found["VPCZoneIdentifier"].split(",")),
        "min_size": found["MinSize"],
        "max_size": found["MaxSize"],
        "desired_capacity": found["DesiredCapacity"],
        "target_groups": sorted(str(aws.short(arn.split("/")[1])) for arn in found["TargetGroupARNs"]),
        "health_check": found["HealthCheckType"],
        "health_check_grace": found["HealthCheckGracePeriod"],
        "cooldown": found["DefaultCooldown"],
        "termination_policies": found["TerminationPolicies"],
        "protect_from_scale_in": found["NewInstancesProtectedFromScaleIn"],
        "max_instance_lifetime": found.get("MaxInstanceLifetime"),
        "metrics": sorted(each["Metric"] for each in found["EnabledMetrics"]),
    }
    refreshes = autoscaling.describe_instance_refreshes(AutoScalingGroupName=found["AutoScalingGroupName"])
    for refresh in refreshes["InstanceRefreshes"][:1]:
        preferences = refresh["Preferences"]
        told |= {
            "refresh.min_healthy": preferences["MinHealthyPercentage"],
            "refresh.max_healthy": preferences["MaxHealthyPercentage"],
            "refresh.warmup": preferences["InstanceWarmup"],
            "refresh.standby": preferences["StandbyInstances"],
        }
    return told


@reader("scaling_policy")
def scaling_policy(aws: Aws, name: str) -> dict[str, t.Any]:
    policies = aws.pages("autoscaling", "describe_policies", "ScalingPolicies")
    [found] = [each for each in policies if each["PolicyName"] == f"{aws.cell}-{name}"]
    tracking = found["TargetTrackingConfiguration"]
    metric = tracking["PredefinedMetricSpecification"]
    # app/<balancer>/<id>/targetgroup/<group>/<id>
    label = (metric.get("ResourceLabel") or "/////").split("/")
    return {
        "group": aws.short(found["AutoScalingGroupName"]),
        "metric": metric["PredefinedMetricType"],
        "target": tracking["TargetValue"],
        "scale_in": not tracking["DisableScaleIn"],
        "warmup": found.get("EstimatedInstanceWarmup"),
        "load_balancer": aws.short(label[1]),
        "target_group": aws.short(label[4]),
    }


@reader("lifecycle_hook")
def lifecycle_hook(aws: Aws, name: str) -> dict[str, t.Any]:
    autoscaling = aws.client("autoscaling")
    groups = aws.pages("autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups")
    names = [group["AutoScalingGroupName"] for group in groups if aws.short(group["AutoScalingGroupName"])]
    hooks = [
        hook
        for group in names
        for hook in autoscaling.describe_lifecycle_hooks(AutoScalingGroupName=group)["LifecycleHooks"]
    ]
    [found] = [hook for hook in hooks if hook["LifecycleHookName"] == f"{aws.cell}-{name}"]
    return {
        "group": aws.short(found["AutoScalingGroupName"]),
        "transition": found["LifecycleTransition"],
        "heartbeat": found["HeartbeatTimeout"],
        "default_result": found["DefaultResult"],
    }


@reader("bastion_address")
def bastion_address(aws: Aws, name: str) -> dict[str, t.Any]:
    found = aws.ec2("describe_addresses", "Addresses", "AllocationId", name)
    machines = aws.pages("autoscaling", "describe_auto_scaling_instances", "AutoScalingInstances")
    groups = {each["InstanceId"]: each["AutoScalingGroupName"] for each in machines}
    return {"group": aws.short(groups.get(found.get("InstanceId", "")))}


def attributes(aws: Aws, operation: str, **which: str) -> dict[str, str]:
    shown = getattr(aws.client("elbv2"), operation)(**which)["Attributes"]
    return {each["Key"]: each["Value"] for each in shown}


@reader("target_group")
def target_group(aws: Aws, name: str) -> dict[str, t.Any]:
    elb = aws.client("elbv2")
    # One that was replaced has a number behind its name.
    groups = aws.pages("elbv2", "describe_target_groups", "TargetGroups")
    tags = {each["TargetGroupArn"]: elb.describe_tags(ResourceArns=[each["TargetGroupArn"]]) for each in groups}
    [found] = [
        each
        for each in groups
        if {"Key": "Name", "Value": f"{aws.cell}-{name}"} in tags[each["TargetGroupArn"]]["TagDescriptions"][0]["Tags"]
    ]
    more = attributes(aws, "describe_target_group_attributes", TargetGroupArn=found["TargetGroupArn"])
    return {
        "vpc": aws.called(found["VpcId"]),
        "port": found["Port"],
        "protocol": found["Protocol"],
        "protocol_version": found.get("ProtocolVersion"),
        "target_type": found["TargetType"],
        "health_check.protocol": found["HealthCheckProtocol"],
        "health_check.port": found["HealthCheckPort"],
        "health_check.path": found["HealthCheckPath"],
        "health_check.matcher": found["Matcher"].get("HttpCode"),
        "health_check.interval": found["HealthCheckIntervalSeconds"],
        "health_check.timeout": found["HealthCheckTimeoutSeconds"],
        "health_check.healthy": found["HealthyThresholdCount"],
        "health_check.unhealthy": found["UnhealthyThresholdCount"],
        "deregistration_delay": int(more["deregistration_delay.timeout_seconds"]),
        "slow_start": int(more["slow_start.duration_seconds"]),
        "algorithm": more["load_balancing.algorithm.type"],
        "stickiness.enabled": more["stickiness.enabled"] == "true",
        "stickiness.duration": int(more.get("stickiness.lb_cookie.duration_seconds", 0)),
    }


@reader("load_balancer")
def load_balancer(aws: Aws, name: str) -> dict[str, t.Any]:
    elb = aws.client("elbv2")
    [found] = elb.describe_load_balancers(Names=[f"{aws.cell}-{name}"])["LoadBalancers"]
    arn = found["LoadBalancerArn"]
    more = attributes(aws, "describe_load_balancer_attributes", LoadBalancerArn=arn)
    told: dict[str, t.Any] = {
        "scheme": found["Scheme"],
        "subnets": aws.names(zone["SubnetId"] for zone in found["AvailabilityZones"]),
        "security_groups": aws.names(found["SecurityGroups"]),
        "access_logs": aws.bucket(more["access_logs.s3.bucket"]) if more["access_logs.s3.enabled"] == "true" else None,
        "access_logs_prefix": more.get("access_logs.s3.prefix"),
        "deletion_protection": more["deletion_protection.enabled"] == "true",
        "idle_timeout": int(more["idle_timeout.timeout_seconds"]),
        "http2": more["routing.http2.enabled"] == "true",
        "drop_invalid_headers": more["routing.http.drop_invalid_header_fields.enabled"] == "true",
        "desync_mitigation": more["routing.http.desync_mitigation_mode"],
    }
    for listener in elb.describe_listeners(LoadBalancerArn=arn)["Listeners"]:
        where = f"listeners.{listener['Port']}"
        certificates = listener.get("Certificates") or [{}]
        told |= {
            f"{where}.protocol": listener["Protocol"],
            f"{where}.certificate": aws.certificates.get(certificates[0].get("CertificateArn", "")),
            f"{where}.tls_policy": listener.get("SslPolicy"),
            **action(aws, where, listener["DefaultActions"]),
        }
        if listener["Protocol"] == "HTTPS":
            held = elb.describe_listener_certificates(ListenerArn=listener["ListenerArn"])["Certificates"]
            more = [each["CertificateArn"] for each in held if not each["IsDefault"]]
            told[f"{where}.additional_certificates"] = [aws.certificates.get(arn) for arn in more]
        names = {"forward": "served", "redirect": "sent", "fixed-response": "told"}
        for rule in elb.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]:
            if not rule["IsDefault"]:
                here = f"{where}.rules.{names[rule['Actions'][0]['Type']]}"
                told |= {
                    f"{here}.priority": int(rule["Priority"]),
                    **conditions(here, rule["Conditions"]),
                    **action(aws, here, rule["Actions"]),
                }
    return told


def action(aws: Aws, where: str, actions: list[dict[str, t.Any]]) -> dict[str, t.Any]:
    """What the one action of a listener or rule says."""
    [one] = actions
    if one["Type"] == "forward":
        [group] = one["ForwardConfig"]["TargetGroups"] if "ForwardConfig" in one else [one]
        return {f"{where}.target_group": aws.short(group["TargetGroupArn"].split("/")[1])}
    if one["Type"] == "redirect":
        config = {key.lower(): value for key, value in one["RedirectConfig"].items()}
        config["status"] = int(config["statuscode"].removeprefix("HTTP_"))
        options = ("protocol", "port", "host", "path", "query", "status")
        return {f"{where}.redirect.{option}": config.get(option) for option in options}
    config = one["FixedResponseConfig"]
    return {
        f"{where}.fixed_response.status": int(config["StatusCode"]),
        f"{where}.fixed_response.content_type": config["ContentType"],
        f"{where}.fixed_response.body": config.get("MessageBody"),
    }


def conditions(where: str, listed: list[dict[str, t.Any]]) -> dict[str, t.Any]:
    told: dict[str, t.Any] = {}
    words = {
        "host-header": ("hosts", "HostHeaderConfig"),
        "path-pattern": ("paths", "PathPatternConfig"),
        "http-request-method": ("methods", "HttpRequestMethodConfig"),
        "source-ip": ("source_cidrs", "SourceIpConfig"),
    }
    for each in listed:
        if each["Field"] == "http-header":
            config = each["HttpHeaderConfig"]
            told[f"{where}.headers"] = {config["HttpHeaderName"]: config["Values"]}
        else:
            option, key = words[each["Field"]]
            told[f"{where}.{option}"] = sorted((each.get(key) or each)["Values"])
    return told
