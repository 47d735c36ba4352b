"""What all services of moto share."""

from __future__ import annotations

import functools

from lab.api.patching import patch


@patch(
    moto="looks through all members of a service's response class for each call, a third of the time a call takes",
    aws="answers a describe call in a fraction of that",
    document="https://docs.aws.amazon.com/AWSEC2/latest/APIReference/throttling.html",
    speed=True,
)
def operation_names() -> None:
    from moto.core import responses

    responses.method_names_from_class = functools.lru_cache(maxsize=None)(responses.method_names_from_class)
