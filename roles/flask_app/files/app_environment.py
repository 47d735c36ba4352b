#!/usr/bin/python3
# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""app-environment SETTINGS TARGET: writes an application's environment, secrets included, where only root reads it.

SETTINGS is JSON: {"region": "", "environment": {NAME: value}, "secrets": {NAME: {"secret": id, "field": name}}}; a secret
may also be {"parameter": name}. The credentials are the machine's own role. It runs as root before each start of the
service; TARGET lies in memory (/run), and systemd reads it as an EnvironmentFile. Status 1 and one line when something is
wrong; no value is ever printed.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any


class FetchError(Exception):
    """Something an operator can put right."""


def client(service: str, region: str) -> Any:
    """A client of an AWS service, with the machine's role and in its region unless one is given."""
    import boto3
    from botocore.config import Config
    from botocore.utils import InstanceMetadataRegionFetcher

    region = region or os.environ.get("AWS_REGION") or InstanceMetadataRegionFetcher().retrieve_region() or ""
    if not region:
        raise FetchError("the region is neither given (flask_app_region) nor known from the machine's metadata")
    settings = Config(retries={"mode": "standard", "total_max_attempts": 5}, connect_timeout=5, read_timeout=10)
    return boto3.client(service, region_name=region, config=settings)


def secret(texts: dict[str, str], name: str, field: str) -> str:
    """One field of a secret's text, or the whole."""
    if not field:
        return texts[name]
    try:
        value = json.loads(texts[name])
    except ValueError:
        raise FetchError(f"secret {name} holds no JSON, so it has no field {field}") from None
    if not isinstance(value, dict) or value.get(field) in (None, ""):
        has = ", ".join(sorted(value)) if isinstance(value, dict) else "no fields"
        raise FetchError(f"secret {name} has no field {field}; it has {has}")
    return str(value[field])


def fetch(wanted: dict[str, dict[str, str]], region: str) -> dict[str, str]:
    """The values of all secrets; each secret is asked for once."""
    found: dict[str, str] = {}
    names = sorted({each["secret"] for each in wanted.values() if each.get("secret")})
    texts = {}
    for name in names:
        texts[name] = client("secretsmanager", region).get_secret_value(SecretId=name).get("SecretString") or ""
    for variable, each in wanted.items():
        if each.get("parameter"):
            answer = client("ssm", region).get_parameter(Name=each["parameter"], WithDecryption=True)
            found[variable] = answer["Parameter"]["Value"]
        else:
            found[variable] = secret(texts, each["secret"], each.get("field") or "")
    return found


def line(name: str, value: str) -> str:
    """A line of an EnvironmentFile (systemd.exec(5)): in double quotes, four characters escaped."""
    if "\0" in value:
        raise FetchError(f"{name} holds a null character, which no environment variable can")
    for character in '\\"`$':
        value = value.replace(character, f"\\{character}")
    return f'{name}="{value}"\n'


def main() -> int:
    """Write the file; the old one, if any, is replaced in one step."""
    settings, target = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
    try:
        values = {
            **settings["environment"],
            **(fetch(settings["secrets"], settings["region"]) if settings["secrets"] else {}),
        }
        text = "".join(line(name, str(value)) for name, value in sorted(values.items()))
    except FetchError as error:
        print(f"app-environment: {error}", file=sys.stderr)
        return 1
    except Exception as error:  # botocore's are made at run time; each says which call failed
        wanted = ", ".join(
            sorted({each.get("secret") or each.get("parameter") for each in settings["secrets"].values()})
        )
        print(f"app-environment: {type(error).__name__}: {error} (wanted: {wanted})", file=sys.stderr)
        return 1
    target.parent.mkdir(mode=0o700, exist_ok=True)
    fresh = target.with_name(f".{target.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "w") as file:
        file.write(text)
    fresh.rename(target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
