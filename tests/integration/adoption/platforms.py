"""A platform as somebody makes it by hand: Names of their own or none, tags of their own, nothing of Terrace's."""

from __future__ import annotations

import base64
import datetime
import json
import typing as t

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID


def certificate(domain: str) -> tuple[bytes, bytes]:
    """A self-signed certificate and its key, PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, domain)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=365))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(domain)]), False)
        .sign(key, hashes.SHA256())
    )
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return made.public_bytes(serialization.Encoding.PEM), text


def by_hand(client: t.Callable[[str], t.Any], name: str, network: str) -> dict[str, str]:
    """A platform of three tiers in two zones.

    :param client: boto3's client of a service
    :param name: what its resources are called
    :param network: the first two octets of its addresses, ``10.50``
    :returns: the ids it can be recognised by
    """
    ec2, elb, rds, iam, s3, dns, scaling = map(client, ("ec2", "elbv2", "rds", "iam", "s3", "route53", "autoscaling"))

    def named(what: str) -> list[dict[str, str]]:
        return [{"Key": "Name", "Value": f"{name} {what}"}, {"Key": "Owner", "Value": "Ada"}]

    def spec(sort: str, what: str) -> list[dict[str, t.Any]]:
        return [{"ResourceType": sort, "Tags": named(what)}]

    vpc = ec2.create_vpc(CidrBlock=f"{network}.0.0/16", TagSpecifications=spec("vpc", "VPC"))["Vpc"]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    subnets = {}
    for number, (sort, zone) in enumerate((sort, zone) for sort in ("public", "private") for zone in "ab"):
        subnets[f"{sort}{zone}"] = ec2.create_subnet(
            VpcId=vpc,
            CidrBlock=f"{network}.{number}.0/24",
            AvailabilityZone=f"us-east-1{zone}",
            TagSpecifications=spec("subnet", f"{sort} {zone}"),
        )["Subnet"]["SubnetId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat = ec2.create_nat_gateway(SubnetId=subnets["publica"], AllocationId=address)["NatGateway"]["NatGatewayId"]
    for sort, target in (("public", {"GatewayId": gateway}), ("private", {"NatGatewayId": nat})):
        table = ec2.create_route_table(VpcId=vpc, TagSpecifications=spec("route-table", sort))["RouteTable"]
        ec2.create_route(RouteTableId=table["RouteTableId"], DestinationCidrBlock="0.0.0.0/0", **target)
        for zone in "ab":
            ec2.associate_route_table(RouteTableId=table["RouteTableId"], SubnetId=subnets[f"{sort}{zone}"])
    groups = {
        part: ec2.create_security_group(GroupName=f"{name}-{part}", Description=f"{part} of {name}", VpcId=vpc)[
            "GroupId"
        ]
        for part in ("balancer", "web", "database")
    }
    for part, port, ends in (
        ("balancer", 443, {"IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "the world"}]}),
        ("web", 8080, {"UserIdGroupPairs": [{"GroupId": groups["balancer"]}]}),
        ("database", 5432, {"UserIdGroupPairs": [{"GroupId": groups["web"]}]}),
    ):
        rule = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **ends}
        ec2.authorize_security_group_ingress(GroupId=groups[part], IpPermissions=[rule])
    # The two name each other.
    back = {"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080, "UserIdGroupPairs": [{"GroupId": groups["web"]}]}
    ec2.authorize_security_group_egress(GroupId=groups["balancer"], IpPermissions=[back])

    bucket = f"{name}-access-logs"
    s3.create_bucket(Bucket=bucket)
    s3.put_public_access_block(
        Bucket=bucket,
        PublicAccessBlockConfiguration=dict.fromkeys(
            ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
        ),
    )
    s3.put_bucket_encryption(
        Bucket=bucket,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
        },
    )
    pem, key = certificate(f"www.{name}.example.com")
    issued = client("acm").import_certificate(Certificate=pem, PrivateKey=key)["CertificateArn"]
    balancer = elb.create_load_balancer(
        Name=f"{name}-front", Subnets=[subnets["publica"], subnets["publicb"]], SecurityGroups=[groups["balancer"]]
    )["LoadBalancers"][0]
    logs = {"access_logs.s3.enabled": "true", "access_logs.s3.bucket": bucket}
    elb.modify_load_balancer_attributes(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Attributes=[{"Key": each, "Value": value} for each, value in logs.items()],
    )
    targets = elb.create_target_group(
        Name=f"{name}-web", Protocol="HTTP", Port=8080, VpcId=vpc, TargetType="instance", HealthCheckPath="/healthz"
    )["TargetGroups"][0]["TargetGroupArn"]
    elb.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Protocol="HTTPS",
        Port=443,
        Certificates=[{"CertificateArn": issued}],
        DefaultActions=[{"Type": "forward", "TargetGroupArn": targets}],
    )
    trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = {"Version": "2012-10-17", "Statement": [trust]}
    iam.create_role(RoleName=f"{name}-machines", AssumeRolePolicyDocument=json.dumps(document))
    grant = {"Sid": "Logs", "Effect": "Allow", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [grant]})
    iam.put_role_policy(RoleName=f"{name}-machines", PolicyName="logs", PolicyDocument=policy)
    # Its profile has another name than the role.
    iam.create_instance_profile(InstanceProfileName=f"{name}-profile")
    iam.add_role_to_instance_profile(InstanceProfileName=f"{name}-profile", RoleName=f"{name}-machines")
    image = ec2.describe_images()["Images"][0]["ImageId"]
    template = ec2.create_launch_template(
        LaunchTemplateName=f"{name}-web",
        TagSpecifications=spec("launch-template", "web machines"),
        LaunchTemplateData={
            "ImageId": image,
            "InstanceType": "t3.micro",
            "SecurityGroupIds": [groups["web"]],
            "IamInstanceProfile": {"Name": f"{name}-profile"},
            "UserData": base64.b64encode(b"#!/bin/sh\ntrue\n").decode(),
        },
    )["LaunchTemplate"]["LaunchTemplateId"]
    scaling.create_auto_scaling_group(
        AutoScalingGroupName=f"{name}-web",
        LaunchTemplate={"LaunchTemplateId": template, "Version": "$Latest"},
        MinSize=1,
        MaxSize=3,
        DesiredCapacity=1,
        VPCZoneIdentifier=f"{subnets['privatea']},{subnets['privateb']}",
        TargetGroupARNs=[targets],
        HealthCheckType="ELB",
        Tags=[{"Key": "Name", "Value": f"{name} web", "PropagateAtLaunch": True}],
    )
    scaling.put_scaling_policy(
        AutoScalingGroupName=f"{name}-web",
        PolicyName="keep cpu at half",
        PolicyType="TargetTrackingScaling",
        TargetTrackingConfiguration={
            "PredefinedMetricSpecification": {"PredefinedMetricType": "ASGAverageCPUUtilization"},
            "TargetValue": 50.0,
        },
    )
    rds.create_db_subnet_group(
        DBSubnetGroupName=f"{name}-db",
        DBSubnetGroupDescription="private subnets",
        SubnetIds=[subnets["privatea"], subnets["privateb"]],
    )
    rds.create_db_parameter_group(
        DBParameterGroupName=f"{name}-pg17", DBParameterGroupFamily="postgres17", Description="of ours"
    )
    rds.create_db_instance(
        DBInstanceIdentifier=f"{name}-db",
        Engine="postgres",
        EngineVersion="17.4",
        DBInstanceClass="db.t4g.medium",
        AllocatedStorage=20,
        StorageType="gp3",
        DBName="shop",
        MasterUsername="postgres",
        MasterUserPassword="only-for-the-lab",
        DBSubnetGroupName=f"{name}-db",
        DBParameterGroupName=f"{name}-pg17",
        VpcSecurityGroupIds=[groups["database"]],
        Tags=named("database"),
    )
    zone = dns.create_hosted_zone(
        Name=f"{name}.internal", VPC={"VPCRegion": "us-east-1", "VPCId": vpc}, CallerReference=name
    )["HostedZone"]["Id"].rsplit("/", 1)[-1]
    alias = {
        "HostedZoneId": balancer["CanonicalHostedZoneId"],
        "DNSName": balancer["DNSName"],
        "EvaluateTargetHealth": False,
    }
    records = [
        {"Name": f"front.{name}.internal", "Type": "A", "AliasTarget": alias},
        {"Name": f"mail.{name}.internal", "Type": "TXT", "TTL": 60, "ResourceRecords": [{"Value": '"none"'}]},
    ]
    dns.change_resource_record_sets(
        HostedZoneId=zone,
        ChangeBatch={"Changes": [{"Action": "CREATE", "ResourceRecordSet": record} for record in records]},
    )
    return {
        "vpc": vpc,
        "subnet": subnets["publica"],
        "zone": zone,
        "bucket": bucket,
        "balancer": balancer["LoadBalancerArn"],
    }
