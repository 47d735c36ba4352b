"""Elastic Load Balancing v2: names, states, attributes and target health."""

from __future__ import annotations

from typing import Any

from lab.api import target_health
from lab.api.patching import patch
from lab.api.timers import TIMERS
from lab.api.wrapping import method, wrap

API = "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/"
GUIDE = "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/"
BALANCER_DEFAULTS = {
    "access_logs.s3.enabled": "false",
    "connection_logs.s3.enabled": "false",
    "connection_logs.s3.bucket": "",
    "connection_logs.s3.prefix": "",
    "client_keep_alive.seconds": "3600",
    "idle_timeout.timeout_seconds": "60",
    "load_balancing.cross_zone.enabled": "true",
    "routing.http.desync_mitigation_mode": "defensive",
    "routing.http.drop_invalid_header_fields.enabled": "false",
    "routing.http.preserve_host_header.enabled": "false",
    "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": "false",
    "routing.http.xff_client_port.enabled": "false",
    "routing.http.xff_header_processing.mode": "append",
    "routing.http2.enabled": "true",
    "waf.fail_open.enabled": "false",
    "zonal_shift.config.enabled": "false",
}


@patch(
    moto="has a load balancer active as soon as it is described",
    aws="it is provisioning first (the lab: for as long as the delay load_balancer says, 0 s unless set)",
    document=API + "API_LoadBalancerState.html",
)
def balancer_states() -> None:
    from moto.elbv2.models import ELBv2Backend, FakeLoadBalancer

    @wrap(ELBv2Backend, "create_load_balancer")
    def create(original: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
        balancer = original(self, *args, **kwargs)
        if delay := TIMERS.get("load_balancer"):
            balancer.lab_waits = True
            TIMERS.later(delay, lambda: setattr(balancer, "lab_waits", False))
        return balancer

    @wrap(FakeLoadBalancer, "activate")
    def activate(original: Any, self: Any) -> None:
        if not self.__dict__.get("lab_waits"):
            original(self)


@patch(
    moto="makes a second balancer, target group or listener when asked for the same again",
    aws="answers with the one there is when the settings are the same, and with a Duplicate… error otherwise",
    document=API + "API_CreateLoadBalancer.html",
)
def duplicates() -> None:
    from moto.elbv2.exceptions import DuplicateListenerError, DuplicateLoadBalancerName, DuplicateTargetGroupName
    from moto.elbv2.models import ELBv2Backend

    @wrap(ELBv2Backend, "create_load_balancer")
    def balancer(original: Any, self: Any, name: str, security_groups: Any, subnet_ids: Any, *a: Any, **kw: Any) -> Any:
        for there in self.load_balancers.values():
            if there.name == name:
                same = set(there.security_groups or []) == set(security_groups or [])
                same = same and {s.id for s in there.subnets} == set(subnet_ids or [])
                if same and there.scheme == kw.get("scheme", there.scheme):
                    return there
                raise DuplicateLoadBalancerName()
        return original(self, name, security_groups, subnet_ids, *a, **kw)

    @wrap(ELBv2Backend, "create_target_group")
    def target_group(original: Any, self: Any, name: str, **kwargs: Any) -> Any:
        for there in self.target_groups.values():
            if there.name == name:
                keys = ("protocol", "port", "vpc_id")
                if all(str(kwargs.get(k)) == str(getattr(there, k)) for k in keys):
                    return there
                raise DuplicateTargetGroupName()
        return original(self, name, **kwargs)

    @wrap(ELBv2Backend, "create_listener")
    def listener(
        original: Any, self: Any, load_balancer_arn: str, protocol: str, port: str, *args: Any, **kwargs: Any
    ) -> Any:
        balancer = self.load_balancers.get(load_balancer_arn)
        for there in balancer.listeners.values() if balancer else []:
            if str(there.port) == str(port):
                if there.protocol == protocol:
                    return there
                raise DuplicateListenerError()
        return original(self, load_balancer_arn, protocol, port, *args, **kwargs)


@patch(
    moto="shows four attributes of a load balancer, and says that an application load balancer does not cross zones",
    aws="shows all of them with their defaults",
    document=GUIDE + "application-load-balancers.html#load-balancer-attributes",
)
def balancer_attributes() -> None:
    from moto.elbv2.models import FakeLoadBalancer

    @wrap(FakeLoadBalancer, "__init__")
    def init(original: Any, self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        if self.type == "application":
            self.attrs.update(BALANCER_DEFAULTS)


@patch(
    moto="deletes a load balancer that has deletion protection",
    aws="answers OperationNotPermitted",
    document=API + "API_DeleteLoadBalancer.html",
)
def deletion_protection() -> None:
    from moto.elbv2.exceptions import ELBClientError
    from moto.elbv2.models import ELBv2Backend

    @wrap(ELBv2Backend, "delete_load_balancer")
    def delete(original: Any, self: Any, arn: str) -> None:
        balancer = self.load_balancers.get(arn)
        if balancer and str(balancer.attrs.get("deletion_protection.enabled")).lower() == "true":
            message = f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled"
            raise ELBClientError("OperationNotPermitted", message)
        if balancer:
            for group in self.target_groups.values():
                group.load_balancer_arns = [a for a in group.load_balancer_arns if a != arn]
        original(self, arn)


@patch(
    moto="shows waf.fail_open.enabled as an attribute of target groups, and no duration of the load balancer's cookie",
    aws="the first belongs to load balancers; stickiness.lb_cookie.duration_seconds is 86400 unless set",
    document=API + "API_TargetGroupAttribute.html",
)
def target_group_attributes() -> None:
    from moto.elbv2.models import FakeTargetGroup

    @wrap(FakeTargetGroup, "__init__")
    def init(original: Any, self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        if self.protocol in ("HTTP", "HTTPS"):
            self.attributes.pop("waf.fail_open.enabled", None)
            self.attributes.setdefault("stickiness.lb_cookie.duration_seconds", "86400")


@patch(
    moto="refuses to deregister a target that is not registered",
    aws="answers with success",
    document=API + "API_DeregisterTargets.html",
)
def deregistration() -> None:
    from moto.elbv2.models import FakeTargetGroup

    @method(FakeTargetGroup)
    def deregister(self: Any, targets: list[dict[str, Any]]) -> None:
        for target in targets:
            gone = self.targets.pop(target["Id"], None)
            if gone:
                self.deregistered_targets[target["Id"]] = gone


@patch(
    moto="says of each registered target that it is healthy",
    aws="says what the health checks found (the lab: what was reported to POST /lab/target-health, else moto's answer)",
    document=API + "API_TargetHealth.html",
)
def reported_health() -> None:
    from moto.elbv2.models import FakeHealthStatus, FakeTargetGroup

    @wrap(FakeTargetGroup, "health_for")
    def health_for(original: Any, self: Any, target: dict[str, Any], ec2_backend: Any) -> Any:
        answer = original(self, target, ec2_backend)
        there = self.targets.get(target["Id"])
        if not there or answer.status != "healthy":
            return answer
        port = int(there["Port"]) if there.get("Port") else None
        health = target_health.get(self.arn, target["Id"], port)
        if health is None:
            if not target_health.measured(self.arn):
                return answer
            health = target_health.Health("initial", "Elb.RegistrationInProgress", "Target registration is in progress")
        return FakeHealthStatus(
            target["Id"], there["Port"], self.health_check_port, health.state, health.reason, health.description
        )
