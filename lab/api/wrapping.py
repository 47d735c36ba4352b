"""Small tools the patches share."""

from __future__ import annotations

import functools
import hashlib
import threading
from collections.abc import Callable
from typing import Any

from moto.core.responses import ActionResult


def wrap(owner: Any, name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Replace ``owner.name`` by the decorated function, which gets the original as its first argument."""
    original = getattr(owner, name)

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            return function(original, *args, **kwargs)

        setattr(owner, name, wrapper)
        return wrapper

    return decorate


def method(owner: type, name: str | None = None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give ``owner`` the decorated function as a method of its (or the given) name, replacing what was there."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        setattr(owner, name or function.__name__, function)
        return function

    return decorate


def response_method(owner: type, backend: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add an operation to a moto response class: the function gets the backend and the request's parameters.

    ``backend`` names the property of the response that holds the backend; the function's name is the operation's in
    snake case; what it returns (a dict with AWS's keys, or None) is the answer.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        def operation(self: Any) -> ActionResult:
            return ActionResult(function(getattr(self, backend), self.params) or {})

        operation.__name__ = function.__name__
        setattr(owner, function.__name__, operation)
        return function

    return decorate


_token_lock = threading.RLock()


def idempotent(owner: type, name: str, backend: str, parameter: str = "ClientToken") -> None:
    """Make an operation answer the same again when it is asked again with the same client token.

    The first answer is kept in the backend, so that emptying the account forgets it.
    """
    original = getattr(owner, name)

    @functools.wraps(original)
    def operation(self: Any) -> Any:
        value = self._get_param(parameter)
        if not value:
            return original(self)
        with _token_lock:
            answers = getattr(self, backend).__dict__.setdefault("_lab_tokens", {})
            if (name, value) not in answers:
                answers[(name, value)] = original(self)
            return answers[(name, value)]

    setattr(owner, name, operation)


def stable_hex(text: str, length: int = 17) -> str:
    """Return hexadecimal digits that are always the same for the same text."""
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def paged(params: Any, key: str, items: list[Any], most: int = 100) -> dict[str, Any]:
    """Return one page of a list as the query services do: at most MaxRecords entries, and where the next one begins."""
    size, start = int(params.get("MaxRecords") or most), int(params.get("Marker") or 0)
    more = {"Marker": str(start + size)} if start + size < len(items) else {}
    return {key: items[start : start + size], **more}
