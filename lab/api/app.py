"""The WSGI application of the lab: counts, injects faults, answers /lab/ itself and leaves the rest to moto."""

from __future__ import annotations

import io
import json
import logging
import os
import time
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from moto.core.base_backend import BackendDict, BaseBackend, backend_lock
from moto.core.model_instances import reset_model_data
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from . import accounts, errors, faults, states, target_health
from .calls import Call, CallLog, identify
from .http import DropConnectionError
from .timers import TIMERS, DelayError

Start = Callable[..., Any]
log = logging.getLogger(__name__)


class Dispatcher(DomainDispatcherApplication):
    """moto's dispatcher, remembering which backend serves a host instead of trying every pattern each time."""

    def __init__(self) -> None:
        super().__init__(create_backend_app)
        self._hosts: dict[str | None, Any] = {}

    def get_backend_for_host(self, host: str | None) -> Any:
        """Return the name of the backend, as moto does."""
        if host not in self._hosts:
            self._hosts[host] = super().get_backend_for_host(host)
        return self._hosts[host]


def _empty_accounts() -> None:
    """Drop every account's state.

    As moto's own reset, which however builds each backend anew before it drops it: with some regions and AWS's
    managed policies that takes seconds. Backends that clean up after themselves (temporary files) still do.
    """
    with backend_lock:
        for backend in BackendDict._instances:
            for account in list(dict.values(backend)):
                for regional in list(dict.values(account)):
                    if type(regional).reset is not BaseBackend.reset:
                        regional.reset()
            backend.clear()
        BackendDict._instances.clear()


class Lab:
    """Everything the lab adds to moto, as one WSGI application."""

    def __init__(self, patches: list[str]) -> None:
        self.moto = Dispatcher()
        self.log = CallLog()
        self.faults = faults.Faults()
        self.patches = patches
        self.started = time.time()

    def __call__(self, environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
        """Serve one request; ``lab.body`` of the environment holds its body."""
        path = environ.get("PATH_INFO", "")
        if path.startswith("/lab/"):
            return self._send(start_response, self._admin(environ["REQUEST_METHOD"], path, environ["lab.body"]))
        if document := self.document(environ.get("HTTP_HOST", "").partition(":")[0], path):
            return self._send(start_response, (200, [("Content-Type", "text/plain")], document))
        call = identify(environ, environ["lab.body"])
        TIMERS.run_due()
        self.log.add(call, accounts.account_of(call.access_key))
        kind = self.faults.pick(call)
        if kind:
            self.log.add_fault(kind)
        if kind == "throttle":
            return self._send(start_response, faults.throttled(call))
        if kind == "error":
            return self._send(start_response, faults.failed(call))
        if kind == "timeout":
            time.sleep(self.faults.seconds)
            raise DropConnectionError
        if refused := accounts.refusal(call):
            return self._send(start_response, refused)
        try:
            with self.log.serving():
                chunks = self._served(call, environ, start_response)
        except NotImplementedError as error:
            code, text = "NotImplemented", f"the lab has no {call.service}.{call.operation}: {error}"
            return self._send(start_response, errors.answer(call.protocol, call.service, 501, code, text))
        except Exception as error:
            log.exception("%s.%s failed in the emulator", call.service, call.operation)
            text = f"the lab failed in {call.service}.{call.operation}: {type(error).__name__}: {error}"
            return self._send(start_response, errors.answer(call.protocol, call.service, 500, "InternalFailure", text))
        if kind == "lost":
            raise DropConnectionError
        return chunks

    def _served(self, call: Call, environ: dict[str, Any], start_response: Start, tries: int = 5) -> list[bytes]:
        """What moto answers. It goes through dictionaries that another request may be changing: what only reads is asked anew."""
        environ["wsgi.input"] = io.BytesIO(environ["lab.body"])
        try:
            return list(self.moto(environ, start_response))
        except RuntimeError as error:
            if "during iteration" not in str(error) or call.writes or tries == 1:
                raise
        return self._served(call, environ, start_response, tries - 1)

    @staticmethod
    def _send(start_response: Start, answer: errors.Answer) -> Iterable[bytes]:
        status, headers, body = answer
        start_response(f"{status} {HTTPStatus(status).phrase}", headers)
        return [body]

    def document(self, _host: str, _path: str) -> bytes | None:
        """What AWS publishes beside its APIs; the machines have some of it."""
        return None

    def reset(self) -> None:
        """Back to an empty account without delays, faults or counts."""
        TIMERS.clear()
        self.faults.clear()
        target_health.clear()
        _empty_accounts()
        reset_model_data()
        self.log.reset()

    def status(self) -> dict[str, Any]:
        """Return pid, seconds since the start, patches applied, delays and faults in force."""
        return {
            "pid": os.getpid(),
            "uptime": round(time.time() - self.started, 1),
            "patches": self.patches,
            "delays": TIMERS.delays,
            "faults": self.faults.report(),
        }

    def _admin(self, method: str, path: str, body: bytes) -> errors.Answer:
        """Answer a request under /lab/."""
        try:
            data = json.loads(body) if body else {}
            result = self._admin_result(f"{method} {path.rstrip('/')}", data)
        except (json.JSONDecodeError, DelayError, faults.FaultError, states.StateError, KeyError, TypeError) as error:
            return self._json(400, {"error": f"{type(error).__name__}: {error}"})
        if result is None:
            return self._json(404, {"error": f"no {method} {path}"})
        return self._json(200, result)

    def _admin_result(self, route: str, data: dict[str, Any]) -> dict[str, Any] | None:
        if route == "GET /lab/status":
            return self.status()
        if route == "GET /lab/calls":
            return self.log.report()
        if route == "POST /lab/calls/reset":
            self.log.reset()
        elif route == "POST /lab/faults":
            self.faults.set(data)
        elif route == "DELETE /lab/faults":
            self.faults.clear()
        elif route == "POST /lab/delays":
            TIMERS.set(data)
        elif route == "DELETE /lab/delays":
            TIMERS.delays.clear()
        elif route == "POST /lab/state":
            states.set_state(data)
        elif route == "POST /lab/target-health":
            keys = ("target_group_arn", "instance_id", "port", "state")
            target_health.set(
                *(data[k] for k in keys), *(data.get(k) for k in ("reason", "description", "registration"))
            )
        elif route == "GET /lab/target-health":
            return {"targets": target_health.everything()}
        elif route == "POST /lab/reset":
            self.reset()
        elif route not in ("GET /lab/faults", "GET /lab/delays"):
            return None
        return {"faults": self.faults.report(), "delays": TIMERS.delays}

    @staticmethod
    def _json(status: int, data: dict[str, Any]) -> errors.Answer:
        return status, [("Content-Type", "application/json")], json.dumps(data, indent=1).encode()
