# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An application's secrets, on the machine.

app-environment SETTINGS TARGET writes an application's environment, secrets included, where only root reads it.
app-environment mask SETTINGS copies text from its input to its output without the values of those secrets.
app-environment journal SETTINGS UNIT LINES prints a unit's last lines in the same way; more values, which are not to be
seen either, come as a JSON object on its input.

SETTINGS is JSON: {"region": "", "environment": {NAME: value}, "secrets": {NAME: {"secret": id, "field": name}}}; a secret
may also be {"parameter": name}. The credentials are the machine's own role. It runs as root before each start of the
service; TARGET lies in memory (/run), and systemd reads it as an EnvironmentFile. Status 1 and one line when something is
wrong; no value is ever printed.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

#: What stands in the place of a secret.
MASK = "********"
#: Values of so few characters are words of any text; none that was generated is so short.
SHORT = 4
#: A password in a URL.
IN_URL = re.compile(r"(?<=://)([^\s:/@]*):[^\s/@]+@")
#: How lines of this program begin, which never hold a value.
OWN = "app-environment:"


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


def masked(text: str, values: list[str]) -> str:
    """The text without the values, also as they are written in a URL, in JSON and in a traceback."""
    forms = {
        form
        for value in values
        if len(value) >= SHORT
        for form in (value, quote(value, safe=""), quote_plus(value), json.dumps(value)[1:-1], repr(value)[1:-1])
    }
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, MASK)
    return IN_URL.sub(rf"\1:{MASK}@", text)


def mask(settings: dict[str, Any], text: str, more: list[str]) -> int:
    """Print a text without secrets. Where one cannot be read, only the lines that cannot hold it are printed."""
    values, unknown = list(more), []
    for variable, each in settings["secrets"].items():
        try:
            values += fetch({variable: each}, settings["region"]).values()
        except Exception:  # botocore's are made at run time
            unknown.append(variable)
    if unknown:
        lines = [line for line in text.splitlines() if line.startswith(OWN)]
        # What this program said comes last, for it says why.
        text = "\n".join([f"{OWN} not shown, for {', '.join(unknown)} cannot be read and so not be masked", *lines])
    print(masked(text, values))
    return 0


def main() -> int:
    """Write the file; the old one, if any, is replaced in one step."""
    if sys.argv[1] == "mask":
        return mask(json.loads(Path(sys.argv[2]).read_text()), sys.stdin.read(), [])
    if sys.argv[1] == "journal":
        command = ["journalctl", "--output=cat", f"--lines={sys.argv[4]}", "--unit", sys.argv[3]]
        text = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False).stdout
        more = json.loads(sys.stdin.read().strip() or "{}").values()
        return mask(json.loads(Path(sys.argv[2]).read_text()), text, [str(each) for each in more])
    settings, target = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
    try:
        values = {
            **settings["environment"],
            **(fetch(settings["secrets"], settings["region"]) if settings["secrets"] else {}),
        }
        text = "".join(line(name, str(value)) for name, value in sorted(values.items()))
    except FetchError as error:
        print(f"{OWN} {error}", file=sys.stderr)
        return 1
    except Exception as error:  # botocore's are made at run time; each says which call failed
        wanted = ", ".join(
            sorted({each.get("secret") or each.get("parameter") for each in settings["secrets"].values()})
        )
        print(f"{OWN} {type(error).__name__}: {error} (wanted: {wanted})", file=sys.stderr)
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
