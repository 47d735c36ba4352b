"""Route 53: health checks as it judges, counts, lists and removes them."""

from __future__ import annotations

from typing import Any

from lab.api import health_check_rules
from lab.api.patching import patch
from lab.api.wrapping import method, wrap

API = "https://docs.aws.amazon.com/Route53/latest/APIReference/"
#: Members of UpdateHealthCheck that are no settings.
BESIDE = ("HealthCheckId", "HealthCheckVersion", "ResetElements")


def apply(check: Any, config: dict[str, Any]) -> None:
    """Give moto's health check a configuration."""
    check.configured = config
    check.type_, check.fqdn, check.ip_address = (
        config.get(name) for name in ("Type", "FullyQualifiedDomainName", "IPAddress")
    )
    check.port, check.resource_path = config.get("Port"), config.get("ResourcePath")
    check.search_string, check.enable_sni = config.get("SearchString"), config.get("EnableSNI", False)
    check.request_interval = config.get("RequestInterval", 30)
    check.failure_threshold = config.get("FailureThreshold", 3)
    check.health_threshold = config.get("HealthThreshold")
    check.inverted, check.disabled = config["Inverted"], config["Disabled"]
    check.measure_latency = config.get("MeasureLatency", False)
    check.children, check.regions = config.get("ChildHealthChecks"), config.get("Regions")


@patch(
    moto="creates health checks of any settings, a second one for the same caller reference, and drops their alarms; port 80"
    " for HTTPS",
    aws="answers InvalidInput to settings that a type does not have, or lacks; returns the check there is for the same"
    " caller reference and settings, and HealthCheckAlreadyExists for other settings, or where that check was deleted",
    document=API + "API_CreateHealthCheck.html",
)
def creation() -> None:
    from moto.core.responses import ActionResult
    from moto.route53.exceptions import InvalidInput, Route53ClientError
    from moto.route53.models import HealthCheck
    from moto.route53.responses import Route53

    told = HealthCheck.health_check_config.fget  # type: ignore[attr-defined]
    HealthCheck.health_check_config = property(lambda self: getattr(self, "configured", None) or told(self))

    @wrap(Route53, "create_health_check")
    def create(original: Any, self: Any) -> Any:
        given, reference = self._get_param("HealthCheckConfig"), self._get_param("CallerReference")
        if found := next(health_check_rules.problems(given), ""):
            raise InvalidInput(found)
        config = health_check_rules.kept(given)
        there = {each.caller_reference: each for each in self.backend.health_checks.values()}
        gone = getattr(self.backend, "deleted_references", ())
        if reference in there and there[reference].health_check_config == config:
            return ActionResult({"HealthCheck": there[reference]})
        if reference in there or reference in gone:
            message = "A health check has already been created with the specified caller reference."
            raise Route53ClientError("HealthCheckAlreadyExists", message)
        before = set(self.backend.health_checks)
        answer = original(self)
        for ident in set(self.backend.health_checks) - before:
            apply(self.backend.health_checks[ident], config)
        return answer


@patch(
    moto="ignores the version and ResetElements, never counts the version up, and takes regions and children away unless"
    " they are said again",
    aws="answers HealthCheckVersionMismatch to another version than the check's, counts it up, and leaves what is not said",
    document=API + "API_UpdateHealthCheck.html",
)
def changes() -> None:
    from moto.core.responses import ActionResult
    from moto.route53.exceptions import InvalidInput, Route53ClientError
    from moto.route53.responses import Route53

    @method(Route53)
    def update_health_check(self: Any) -> ActionResult:
        check = self.backend.get_health_check(self._get_param("HealthCheckId"))
        version = self._get_param("HealthCheckVersion")
        if version is not None and int(version) != check.health_check_version:
            message = "The version of the health check in the request does not match the current one."
            raise Route53ClientError("HealthCheckVersionMismatch", message)
        change = {key: value for key, value in self.params.items() if key not in BESIDE and value is not None}
        config = {key: value for key, value in check.health_check_config.items() if value is not None}
        if "IPAddress" in change and not config.get("IPAddress"):
            raise InvalidInput("IPAddress cannot be added to a health check.")
        config |= change
        for name in self._get_param("ResetElements") or []:
            config.pop(name, None)
        if found := next(health_check_rules.problems(config), ""):
            raise InvalidInput(found)
        apply(check, health_check_rules.kept(config))
        check.health_check_version += 1
        return ActionResult({"HealthCheck": check})


@patch(
    moto="deletes health checks that are not there, and keeps the tags of those that were",
    aws="answers NoSuchHealthCheck; one that records name is deleted all the same",
    document=API + "API_DeleteHealthCheck.html",
)
def deletion() -> None:
    from moto.route53.models import Route53Backend

    @wrap(Route53Backend, "delete_health_check")
    def delete(original: Any, self: Any, health_check_id: str) -> None:
        check = self.get_health_check(health_check_id)
        self.deleted_references = {*getattr(self, "deleted_references", ()), check.caller_reference}
        self.resource_tags.pop(health_check_id, None)
        original(self, health_check_id)


@patch(
    moto="ListHealthChecks answers with all of them in one page",
    aws="answers with 100 a page, or as many as are asked for",
    document=API + "API_ListHealthChecks.html",
)
def pages() -> None:
    from moto.core.responses import ActionResult
    from moto.route53.responses import Route53

    @method(Route53)
    def list_health_checks(self: Any) -> ActionResult:
        marker, size = self._get_param("Marker"), self._get_int_param("MaxItems", 100)
        checks = sorted(self.backend.list_health_checks(), key=lambda each: each.id)
        checks = [each for each in checks if each.id >= (marker or "")]
        following = checks[size] if len(checks) > size else None
        result = {
            "HealthChecks": checks[:size],
            "Marker": marker or "",
            "IsTruncated": following is not None,
            "NextMarker": following.id if following else None,
            "MaxItems": size,
        }
        return ActionResult(result)


@patch(
    moto="tells and takes tags of health checks that are not there",
    aws="answers NoSuchHealthCheck",
    document=API + "API_ChangeTagsForResource.html",
)
def tags() -> None:
    from moto.route53.responses import Route53

    for name in ("change_tags_for_resource", "list_tags_for_resource", "list_tags_for_resources"):

        @wrap(Route53, name)
        def operation(original: Any, self: Any) -> Any:
            if self._get_param("ResourceType") == "healthcheck":
                for ident in self._get_param("ResourceIds") or [self._get_param("ResourceId")]:
                    self.backend.get_health_check(ident)
            return original(self)
