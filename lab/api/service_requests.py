"""What patches of every service's requests share: the parameters of one, and the error it is answered with."""

from __future__ import annotations

from typing import Any


def parsed(response: Any, operation: str) -> Any:
    """The request's parameters; those of services moto has not moved to its parser yet are parsed here."""
    from moto.core.parse import PROTOCOL_PARSERS
    from moto.core.request import determine_request_protocol
    from moto.core.utils import get_service_model

    if response.automated_parameter_parsing:
        return response.params
    model, request = get_service_model(response.boto3_service_name), response.normalized_request
    parser = PROTOCOL_PARSERS[determine_request_protocol(model, request.content_type)]
    return parser(model.operation_model(operation), map_type=dict).parse(
        {
            "method": request.method,
            "values": request.values,
            "headers": request.headers,
            "body": request.data,
            "url_path": request.path,
            "url_params": response.uri_match,
        }
    )


def error(response: type, code: str, message: str) -> Exception:
    """An error of the service a moto response class is for."""
    from moto.core.exceptions import ServiceException

    # moto tells by the module of an exception which service's errors it is one of.
    module = f"{response.__module__.rsplit('.', 1)[0]}.exceptions"
    return type("LabError", (ServiceException,), {"__module__": module})(code, message)  # type: ignore[no-any-return]
