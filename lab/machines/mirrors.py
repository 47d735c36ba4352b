"""Where packages come from: as this machine's own apt and pip are set up, so that no host stands in the lab."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import urlsplit

from pip._internal.models.index import PyPI


def _debian(archive: str, variable: str) -> str:
    """The address of a Debian archive (``debian``, ``debian-security``); the environment's, else apt's first."""
    if os.environ.get(variable):
        return os.environ[variable]
    files = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]
    text = "\n".join(path.read_text() for path in files if path.is_file() and path.suffix in (".list", ".sources"))
    found = re.findall(rf"^(?:URIs:|deb )[^#\n]*?(https?://\S+/{archive})/?(?=\s|$)", text, re.MULTILINE)
    return found[0] if found else ""


MIRROR = _debian("debian", "LAB_DEBIAN_MIRROR")
SECURITY = _debian("debian-security", "LAB_DEBIAN_SECURITY_MIRROR")
PYTHON = PyPI.simple_url
#: The hosts machines may reach for packages, and the domains these lie in.
HOSTS = list(dict.fromkeys(host for host in (urlsplit(url).hostname for url in (MIRROR, SECURITY, PYTHON)) if host))
HOSTS.append(PyPI.file_storage_domain)
DOMAINS = sorted({*HOSTS, *(host.split(".", 1)[1] for host in HOSTS if host.count(".") > 1)})
