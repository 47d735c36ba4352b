# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters of the flask_app role: where a release comes from, what it is called on a machine, what may go."""

from __future__ import annotations

import hashlib
import json
import re
import typing as t
from urllib.parse import urlsplit

ARCHIVES = (".tar.gz", ".tgz", ".tar.xz", ".tar.bz2", ".tar.zst", ".zip")
#: What may stand in a unit's instance name and in a path without being escaped.
VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
#: Letters of the checksum that tells two deployments of one version apart.
DIGITS = 8


def flask_app_source(source: str) -> dict[str, str]:
    """Where a release comes from: ``{kind, transport, …}``.

    ``kind`` is ``wheel``, ``archive``, ``git`` or ``requirement``; ``transport`` is ``s3`` (with ``bucket`` and ``key``),
    ``http`` (``url``), ``controller`` (``path``), ``git`` (``url`` and ``ref``) or ``pip``. ``file`` is the file's name.

    :raises ValueError: for what is none of them
    """
    if source.startswith("git+"):
        url, at, ref = source.removeprefix("git+").rpartition("@")
        if not at or "/" in ref:
            raise ValueError(f"{source} names no commit or tag: git+https://host/repository@v1.2.3")
        return {"kind": "git", "transport": "git", "url": url, "ref": ref, "file": ""}
    parts = urlsplit(source)
    file = parts.path.rsplit("/", 1)[-1]
    kind = "wheel" if file.endswith(".whl") else "archive" if file.endswith(ARCHIVES) else ""
    if parts.scheme and kind:
        if parts.scheme == "s3":
            return {
                "kind": kind,
                "transport": "s3",
                "bucket": parts.netloc,
                "key": parts.path.lstrip("/"),
                "file": file,
            }
        if parts.scheme in ("http", "https"):
            return {"kind": kind, "transport": "http", "url": source, "file": file}
    elif kind and not parts.scheme:
        return {"kind": kind, "transport": "controller", "path": source, "file": file}
    elif re.fullmatch(r"[A-Za-z0-9._-]+(\[[A-Za-z0-9,._-]+\])?==[A-Za-z0-9.!+_-]+", source):
        return {"kind": "requirement", "transport": "pip", "requirement": source, "file": ""}
    raise ValueError(
        f"{source} is neither a wheel nor an archive ({', '.join(ARCHIVES)}) at s3://, https:// or a path, nor "
        "git+https://…@<commit or tag>, nor a requirement with its version (name==1.0)"
    )


def flask_app_problems(settings: dict[str, t.Any]) -> list[str]:
    """Everything that is wrong with the role's variables, given without their prefix."""
    found = []
    if not NAME.fullmatch(str(settings["name"])):
        found.append(f"flask_app_name: {settings['name']!r} must be lower-case letters, digits and hyphens, at most 31")
    if not VERSION.fullmatch(str(settings["version"])):
        found.append(
            f"flask_app_version: {settings['version']!r} must be letters, digits, dots, hyphens and underscores"
        )
    if ":" not in str(settings["wsgi"]):
        found.append(f"flask_app_wsgi: {settings['wsgi']!r} must be module:callable, such as shop.web:create_app()")
    if settings["interface"] not in ("wsgi", "asgi"):
        found.append(f"flask_app_interface: {settings['interface']!r} must be wsgi or asgi")
    replaces = str(settings["replaces"])
    if replaces and (not NAME.fullmatch(replaces) or replaces == settings["name"]):
        found.append(f"flask_app_replaces: {replaces!r} must be the name of another application")
    try:
        flask_app_source(str(settings["source"]))
    except ValueError as error:
        found.append(f"flask_app_source: {error}")
    if settings["checksum"] and not re.fullmatch(r"sha256:[0-9a-f]{64}", settings["checksum"]):
        found.append("flask_app_checksum: must be sha256: and 64 digits")
    for option in ("client_header", "scheme_header"):
        if not re.fullmatch(r"[A-Za-z0-9-]*", settings[option]):
            found.append(f"flask_app_{option}: {settings[option]!r} is no name of a header")
    for option in ("environment", "secrets", "migrate_environment"):
        found += [
            f"flask_app_{option}: {name!r} is no name of an environment variable"
            for name in settings[option]
            if not VARIABLE.fullmatch(str(name))
        ]
    for name, secret in settings["secrets"].items():
        given = {key for key, value in secret.items() if value} if isinstance(secret, dict) else set()
        if given not in ({"secret"}, {"secret", "field"}, {"parameter"}):
            found.append(f"flask_app_secrets.{name}: must have secret and perhaps field, or parameter alone")
    both = sorted({*settings["environment"]} & {*settings["secrets"]})
    if both:
        found.append(f"flask_app_environment and flask_app_secrets both name {', '.join(both)}")
    return found


def flask_app_deployment(version: str, settings: t.Any) -> str:
    """What a version with these settings is called on a machine; other settings make another deployment."""
    text = json.dumps(settings, sort_keys=True, default=str)
    return f"{version}-{hashlib.sha256(text.encode()).hexdigest()[:DIGITS]}"


def flask_app_requirements(
    source: dict[str, str], place: str, bundled: bool, server: str, extra: list[str]
) -> dict[str, t.Any]:
    """What pip is asked for: ``{names, requirements, arguments}``. ``bundled``: the archive brings every wheel it needs.

    :param place: the release's folder on the machine
    """
    if bundled:
        return {
            "names": [],
            "requirements": f"{place}/requirements.txt",
            "arguments": f"--no-index --find-links {place}/wheels",
        }
    own = {"git": f"{place}/source", "requirement": source.get("requirement", "")}
    return {
        "names": [own.get(source["kind"]) or f"{place}/{source['file']}", server, *extra],
        "requirements": "",
        "arguments": "",
    }


def flask_app_environment_file(values: dict[str, str]) -> str:
    """An EnvironmentFile of systemd: each value in double quotes, with four characters escaped (systemd.exec(5))."""
    quoted = {name: re.sub(r'([\\"`$])', r"\\\1", str(value)) for name, value in sorted(values.items())}
    return "".join(f'{name}="{value}"\n' for name, value in quoted.items())


def flask_app_header(name: str) -> str:
    """What WSGI calls a request's header (PEP 3333)."""
    return f"HTTP_{name.upper().replace('-', '_')}"


def flask_app_leavings(listings: list[dict[str, t.Any]], kept: list[str], keep: int) -> dict[str, list[str]]:
    """What may be removed: deployments beyond the newest ``keep``, and releases no deployment needs any more.

    :param listings: what ansible.builtin.find says of the deployments and of the releases
    :param kept: deployments that stay, however old
    """
    newest = sorted(listings[0]["files"], key=lambda file: file["mtime"], reverse=True)
    found = [file["path"].rsplit("/", 1)[-1] for file in newest]
    releases = [file["path"].rsplit("/", 1)[-1] for file in listings[1]["files"]]
    staying = [name for number, name in enumerate(found) if number < keep or name in kept]
    needed = {name[: -DIGITS - 1] for name in (*staying, *kept)}
    return {
        "deployments": [name for name in found if name not in staying],
        "releases": sorted(name for name in releases if name not in needed),
    }


def flask_app_reason(text: str | None) -> str:
    """The line of a log that says why something failed: the last one that is an error, else the last one."""
    lines = [line.strip().removeprefix(":stderr: ") for line in (text or "").splitlines()]
    lines = [line for line in lines if line and "[notice]" not in line]
    wanted = re.compile(r"No space left|ERROR|Error\b|Exception\b|[\w-]+: ")
    noise = re.compile(
        r"Worker \(pid|Worker failed to boot|App failed to load|Shutting down|\[INFO\]|^hint:|^note:|Exception in worker"
        # gunicorn's own end, and lines of code in a traceback.
        r"|HaltServer|^raise |^File \"|^self\."
        r"|^Failed to start|^Starting|^Stopp|^Start|^Finished|^\S+\.(service|socket): "
    )
    lines = [line for line in lines if not noise.search(line)] or lines
    told = [line for line in lines if wanted.search(line)]
    full = [line for line in told if "No space left" in line]
    return (full or told or lines or ["it said nothing"])[-1][:500].rstrip(".")


class FilterModule:
    """Filters ``terrace.aws.*`` of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        names = (flask_app_source, flask_app_problems, flask_app_deployment, flask_app_requirements, flask_app_header)
        return {
            each.__name__: each for each in (*names, flask_app_environment_file, flask_app_leavings, flask_app_reason)
        }
