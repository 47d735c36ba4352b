# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The layer a machine gets from the host it runs on: certificate authorities, apt and pip settings.

Behind a proxy that inspects TLS, packages install only when the host's own authorities are trusted; and the lab's
own authority signs what answers for AWS and for the databases, so machines trust it as they trust Amazon's.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from lab.machines import image
from lab.machines.util import say

#: Where distributions keep the bundle of trusted authorities.
BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
#: Programs with a bundle of their own are pointed at the system's.
VARIABLES = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "PIP_CERT", "CURL_CA_BUNDLE")
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


def certificates(text: str) -> list[str]:
    """The PEM certificates in a text, without what surrounds them."""
    return _PEM.findall(text)


def host_bundle() -> str:
    """The PEM bundle this machine trusts; empty when it has none."""
    for path in (os.environ.get("SSL_CERT_FILE"), *BUNDLES):
        if path and Path(path).is_file():
            return Path(path).read_text(errors="replace")
    return ""


def layer(state: Path, authority: Path) -> Path:
    """Make the layer below `state` and return it: what the host trusts and the image does not, and `authority`."""
    target = state / "host-layer"
    own = (image.base() / BUNDLE[1:]).read_text()
    known = {"".join(pem.split()) for pem in certificates(own)}
    extra = [pem for pem in certificates(host_bundle()) if "".join(pem.split()) not in known]
    # A distribution's whole list may differ by dozens from Debian's; more than that is not a few local authorities.
    if len(extra) > 300:
        say(f"this machine trusts {len(extra)} authorities that Debian does not; machines trust them too")
    anchors = {f"host-{hashlib.sha256(pem.encode()).hexdigest()[:8]}.crt": pem for pem in extra}
    anchors["terrace-lab.crt"] = authority.read_text()
    files = {f"usr/local/share/ca-certificates/{name}": pem.strip() + "\n" for name, pem in anchors.items()}
    files[BUNDLE[1:]] = own + "".join(pem.strip() + "\n" for pem in anchors.values())
    settings = dict.fromkeys(VARIABLES, BUNDLE) | _pip_environment()
    files["etc/environment"] = "".join(f'{name}="{value}"\n' for name, value in settings.items())
    pairs = " ".join(f'"{name}={value}"' for name, value in settings.items())
    files["etc/systemd/system.conf.d/50-host.conf"] = f"[Manager]\nDefaultEnvironment={pairs}\n"
    files["etc/apt/apt.conf.d/90host"] = image.apt_settings()
    for path, text in files.items():
        file = target / path
        # Machines that run have this layer open: a file is touched when it differs, and then replaced in one step.
        if not file.is_file() or file.read_text() != text:
            file.parent.mkdir(parents=True, exist_ok=True)
            fresh = file.with_name(f".{file.name}.new")
            fresh.write_text(text)
            fresh.rename(file)
    return target


def _pip_environment() -> dict[str, str]:
    """The pip settings of this machine that decide where packages come from, as environment variables."""
    names = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "PIP_DEFAULT_TIMEOUT")
    proxies = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
    return {name: os.environ[name] for name in (*names, *proxies) if os.environ.get(name)}
