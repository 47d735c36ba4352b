"""Systems Manager: parameters are created once."""

from __future__ import annotations

import threading
from typing import Any

from lab.api.patching import patch
from lab.api.wrapping import wrap

API = "https://docs.aws.amazon.com/systems-manager/latest/APIReference/"
LARGEST = {"Standard": 4096, "Advanced": 8192, "Intelligent-Tiering": 8192}


@patch(
    moto="looks whether a parameter exists and creates it in two steps, so that two clients at once can both create it;"
    " takes values of any length; labels and deletes while others write",
    aws="creates it once and answers the others ParameterAlreadyExists; a standard parameter holds at most 4,096 bytes, an"
    " advanced one 8,192",
    document=API + "API_PutParameter.html",
)
def one_creation() -> None:
    from moto.ssm.exceptions import ValidationException
    from moto.ssm.models import SimpleSystemManagerBackend as Backend

    lock = threading.RLock()

    @wrap(Backend, "put_parameter")
    def put(original: Any, self: Any, name: str, description: str, value: str, *args: Any, **kwargs: Any) -> Any:
        tier = kwargs.get("tier") or self.default_parameter_tier
        largest = LARGEST.get(tier, 4096)
        if value and len(value.encode()) > largest:
            message = f"{tier} tier parameters support a maximum parameter value of {largest} characters."
            raise ValidationException(message)
        with lock:
            return original(self, name, description, value, *args, **kwargs)

    for name in ("delete_parameter", "delete_parameters", "label_parameter_version", "unlabel_parameter_version"):

        @wrap(Backend, name)
        def one_at_a_time(original: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
            with lock:
                return original(self, *args, **kwargs)
