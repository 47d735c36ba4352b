"""EC2: interface endpoints come and go slowly."""

from __future__ import annotations

from typing import Any

from lab.api.patching import patch
from lab.api.timers import TIMERS
from lab.api.wrapping import wrap


@patch(
    moto="has an interface endpoint available at once, and gone at once with its interfaces",
    aws="it is pending first, and deleting with its interfaces before it is gone (the lab: for as long as the delays"
    " endpoint and endpoint_delete say, 0 s unless set)",
    document="https://docs.aws.amazon.com/vpc/latest/privatelink/delete-interface-endpoint.html",
)
def endpoint_states() -> None:
    from moto.ec2.models.vpcs import VPCBackend

    def interface(endpoint: Any) -> bool:
        return str(endpoint.vpc_endpoint_type).lower() == "interface"

    @wrap(VPCBackend, "create_vpc_endpoint")
    def create(original: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
        endpoint = original(self, *args, **kwargs)
        if interface(endpoint) and (seconds := TIMERS.get("endpoint")):
            endpoint.state = "pending"

            def ready() -> None:
                if endpoint.state == "pending":
                    endpoint.state = "available"

            TIMERS.later(seconds, ready)
        return endpoint

    @wrap(VPCBackend, "delete_vpc_endpoints")
    def delete(original: Any, self: Any, vpce_ids: list[str] | None = None) -> None:
        seconds = TIMERS.get("endpoint_delete")
        held = {i: self.vpc_end_points.get(i) for i in vpce_ids or []}
        slow = [i for i, endpoint in held.items() if endpoint is not None and seconds and interface(endpoint)]
        for identifier in slow:
            if held[identifier].state != "deleting":  # type: ignore[union-attr]
                held[identifier].state = "deleting"  # type: ignore[union-attr]
                TIMERS.later(seconds, lambda one=identifier: original(self, [one]))
        original(self, [i for i in held if i not in slow])
