"""Elastic Load Balancing v2: names, states, attributes and target health."""

from __future__ import annotations

import time
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


def in_use(target_group_arn: str) -> bool:
    """Whether a load balancer forwards to a target group."""
    from moto.backends import get_backend

    return any(
        target_group_arn in str(action.data)
        for regions in list(dict.values(get_backend("elbv2")))  # type: ignore[arg-type]
        for backend in list(dict.values(regions))
        for balancer in list(backend.load_balancers.values())
        for listener in list(balancer.listeners.values())
        for rule in list(listener.rules.values())
        for action in rule.actions
    )


def drains(group: Any, target_id: str) -> float:
    """For how many seconds more a deregistered target is draining."""
    gone = group.deregistered_targets.get(target_id, {})
    return max(0.0, float(gone.get("lab_until", 0)) - time.monotonic())


@patch(
    moto="refuses to deregister a target that is not registered, has the others unused at once and those of terminated"
    " instances draining for ever",
    aws="answers with success; a target of a group in use is draining until the deregistration delay is over, even when"
    " its last request ended before, and unused then",
    document=GUIDE + "edit-target-group-attributes.html#deregistration-delay",
)
def deregistration() -> None:
    from moto.elbv2.models import ELBv2Backend, FakeHealthStatus, FakeTargetGroup

    @method(FakeTargetGroup)
    def deregister(self: Any, targets: list[dict[str, Any]]) -> None:
        delay = float(self.attributes.get("deregistration_delay.timeout_seconds", 300)) if in_use(self.arn) else 0
        for target in targets:
            if gone := self.targets.pop(target["Id"], None):
                gone["lab_until"] = time.monotonic() + delay
                self.deregistered_targets[target["Id"]] = gone
                target_health.deregistered(self.arn, target["Id"])

    @method(FakeTargetGroup)
    def deregister_terminated_instances(self: Any, instance_ids: list[str]) -> None:
        self.deregister([{"Id": i} for i in instance_ids])

    @wrap(FakeTargetGroup, "health_for")
    def health_for(original: Any, self: Any, target: dict[str, Any], ec2_backend: Any) -> Any:
        if target["Id"] in self.targets or not drains(self, target["Id"]):
            return original(self, target, ec2_backend)
        port = self.deregistered_targets[target["Id"]]["Port"]
        why = ("draining", "Target.DeregistrationInProgress", "Target deregistration is in progress")
        return FakeHealthStatus(target["Id"], port, self.health_check_port, *why)

    @wrap(ELBv2Backend, "describe_target_health")
    def describe(original: Any, self: Any, target_group_arn: str, targets: list[dict[str, Any]]) -> Any:
        group = self.target_groups.get(target_group_arn)
        if group and not targets:
            leaving = [t for t in group.deregistered_targets.values() if drains(group, t["Id"])]
            targets = [*group.targets.values(), *leaving]
            if not targets:
                return []
        return original(self, target_group_arn, targets)


@patch(
    moto="has a target healthy as soon as it is registered, also one that was registered before",
    aws="it is initial until the first health check passes, whatever was found before it left (the lab: where somebody"
    " reports health)",
    document=GUIDE + "target-group-health-checks.html",
)
def registration() -> None:
    from moto.elbv2.models import FakeTargetGroup

    @wrap(FakeTargetGroup, "register")
    def register(original: Any, self: Any, targets: list[dict[str, Any]]) -> None:
        before = {t["Id"]: (self.targets.get(t["Id"]) or {}).get("Port") for t in targets}
        original(self, targets)
        for target_id, port in before.items():
            if port is None or str(port) != str(self.targets[target_id]["Port"]):
                target_health.registered(self.arn, target_id)


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
