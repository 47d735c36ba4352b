# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Process-wide caches below botocore, for what it works out anew in every session although it never differs.

Which data file answers is still decided by botocore, with AWS_DATA_PATH and ~/.aws/models, at each call; saved is the
reading and parsing of the file, and only while the file is the one that was read. The other caches hold results that
depend on nothing but their argument. Nothing here has credentials, configuration or regions.
"""

from __future__ import annotations

import os
import types

PARSED: dict[str, tuple] = {}  # path without its ending: (path, state, data)
MISSED: list[str] = []  # data files this process had to parse itself
SERVICES: dict[tuple, tuple] = {}  # (directory, type): (state of the directory, names)
BUILT: dict[tuple, Built] = {}  # (id of the parsed model, name of the service): what is made of it
LIMIT = 400


class Built:
    """A service model with its operations, and the methods of its client class."""

    def __init__(self, description: dict, service: str) -> None:
        from botocore import client, hooks, model

        # The emitter is asked only when someone reads the documentation of a method.
        maker = types.SimpleNamespace(_event_emitter=hooks.HierarchicalEmitter())
        maker._create_api_method = types.MethodType(client.ClientCreator._create_api_method, maker)
        self.model = model.ServiceModel(description, service_name=service)
        self.methods = ORIGINAL["methods"](maker, self.model)
        self.mapping = ORIGINAL["mapping"](maker, self.model)
        self.model.shape_for_error_code("")
        self.model.endpoint_discovery_operation  # noqa: B018 - worked out once and kept


ORIGINAL: dict[str, types.FunctionType] = {}


def state(path: str) -> tuple | None:
    """What tells a file from a later one in its place."""
    try:
        st = os.stat(path)
    except OSError:
        return None
    return st.st_mtime_ns, st.st_size, st.st_ino


def install() -> None:
    """Put the caches in place, once botocore is imported. What a botocore does not have is left out."""
    from botocore import client, hooks, loaders

    for owner, method, name, replacement in (
        (loaders.JSONFileLoader, "load_file", "load", load_file),
        (loaders.Loader, "list_available_services", "list", list_available_services),
        (client.ClientCreator, "_load_service_model", "model", load_service_model),
        (client.ClientCreator, "_create_methods", "methods", create_methods),
        (client.ClientCreator, "_create_name_mapping", "mapping", create_name_mapping),
        (hooks.EventAliaser, "_alias_event_name", "alias", alias_event_name),
        (hooks.HierarchicalEmitter, "_verify_accept_kwargs", "verify", verify_accept_kwargs),
    ):
        original = getattr(owner, method, None)
        if original is not None and name not in ORIGINAL:
            ORIGINAL[name] = original
            setattr(owner, method, replacement)


def endings() -> tuple[str, ...]:
    from botocore import loaders

    return tuple(loaders._JSON_OPEN_METHODS)


def load_file(self, file_path):
    """JSONFileLoader.load_file."""
    known = PARSED.get(file_path)
    if known is not None:
        for ending in endings():
            path = file_path + ending
            if path == known[0]:
                if state(path) == known[1]:
                    return known[2]
                break
            if os.path.isfile(path):
                break
    data = ORIGINAL["load"](self, file_path)
    if data is not None:
        MISSED.append(file_path)
    return data


def list_available_services(self, type_name):
    """Loader.list_available_services; a directory of botocore's or boto3's own is listed once for all calls.

    Its state and the watched top of site-packages tell when a package was changed; other directories are listed each time.
    """
    from botocore import loaders

    names: set[str] = set()
    for path in self._potential_locations():
        key = (path, type_name)
        known = SERVICES.get(key)
        if known is not None and known[0] == state(path):
            names.update(known[1])
            continue
        single = loaders.Loader(extra_search_paths=[path], include_default_search_paths=False)
        single.file_loader = self.file_loader
        found = ORIGINAL["list"](single, type_name)
        names.update(found)
        if path in packaged():
            SERVICES[key] = (state(path), found)
            MISSED.append("list:" + type_name)
    return sorted(names)


def packaged() -> tuple[str, ...]:
    import boto3
    from botocore import loaders

    return loaders.Loader.BUILTIN_DATA_PATH, os.path.join(os.path.dirname(boto3.__file__), "data")


def load_service_model(self, *args, **kwargs):
    """ClientCreator._load_service_model."""
    model = ORIGINAL["model"](self, *args, **kwargs)
    built = BUILT.get((id(model._service_description), model._service_name))
    return built.model if built else model


def built_of(model) -> Built | None:
    built = BUILT.get((id(model._service_description), model._service_name))
    return built if built and built.model is model else None


def create_methods(self, service_model):
    """ClientCreator._create_methods."""
    built = built_of(service_model)
    return dict(built.methods) if built else ORIGINAL["methods"](self, service_model)


def create_name_mapping(self, service_model):
    """ClientCreator._create_name_mapping."""
    built = built_of(service_model)
    return dict(built.mapping) if built else ORIGINAL["mapping"](self, service_model)


ALIASES: dict[str, str] = {}
ALIASED: list[str] = []  # names of events (service and operation) this process had to look up itself
VERIFIED: set[types.FunctionType] = set()


def alias_event_name(self, event_name):
    """EventAliaser._alias_event_name, for botocore's own aliases."""
    from botocore import hooks

    if self._event_aliases != hooks.EVENT_ALIASES:
        return ORIGINAL["alias"](self, event_name)
    known = ALIASES.get(event_name)
    if known is None:
        known = ALIASES[event_name] = ORIGINAL["alias"](self, event_name)
        ALIASED.append(event_name)
    return known


def remember_alias(event_name: str) -> None:
    """In the server: look up the name of an event for the children to come."""
    from botocore import hooks

    if "alias" in ORIGINAL and len(ALIASES) < 100 * LIMIT:
        hooks.EventAliaser(hooks.HierarchicalEmitter())._alias_event_name(event_name)
        ALIASED.clear()


def verify_accept_kwargs(self, func):
    """HierarchicalEmitter._verify_accept_kwargs; a function is looked at once, a method for all of its class."""
    plain = func.__func__ if isinstance(func, types.MethodType) else func
    if not isinstance(plain, types.FunctionType):
        ORIGINAL["verify"](self, func)
    elif plain not in VERIFIED:
        ORIGINAL["verify"](self, func)
        VERIFIED.add(plain)


def remember(file_path: str) -> None:
    """In the server: have a data file ready for the children to come. Anything that is not ready they do themselves."""
    from botocore import loaders

    if "load" not in ORIGINAL or len(PARSED) > LIMIT:
        return
    if file_path.startswith("list:"):
        loaders.Loader(extra_search_paths=list(packaged())).list_available_services(file_path[5:])
        MISSED.clear()
        return
    path = next((file_path + ending for ending in endings() if os.path.isfile(file_path + ending)), None)
    before = state(path) if path else None
    data = ORIGINAL["load"](loaders.JSONFileLoader(), file_path) if before else None
    if data is None or state(path) != before:
        return
    PARSED[file_path] = (path, before, data)
    if os.path.basename(file_path) == "service-2":
        _folder, service, version, _name = file_path.rsplit(os.sep, 3)
        # By way of the loader, which merges what botocore adds to a model.
        merged = loaders.Loader().load_service_model(service, "service-2", version)
        if merged is data:
            BUILT[id(data), service] = Built(data, service)
            rehearse(service)
    MISSED.clear()


def rehearse(service: str) -> None:
    """Make a client once, without a call, so that the caches it fills (names, expressions, handlers) are filled."""
    import boto3.session

    kept = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith(("AWS_", "BOTO"))}
    os.environ.update(
        AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull, AWS_EC2_METADATA_DISABLED="true"
    )
    try:
        session = boto3.session.Session("none", "none", region_name="us-east-1")
        session.client(service, endpoint_url="http://127.0.0.1:9")
    finally:
        for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_EC2_METADATA_DISABLED"):
            del os.environ[name]
        os.environ.update(kept)
