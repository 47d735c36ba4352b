# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters of the reverse_proxy role."""

from __future__ import annotations

import typing as t

#: What a site may say.
OPTIONS = frozenset({"upstream", "names", "tls", "paths", "max_body", "headers"})


def proxy_misfits(sites: dict[str, dict[str, t.Any]], upstreams: dict[str, list[str]]) -> list[str]:
    """What is wrong with sites before nginx sees them, each as a sentence that names the variable."""
    return [*_upstreams(upstreams), *_sites(sites, upstreams)]


def _upstreams(upstreams: dict[str, list[str]]) -> t.Iterator[str]:
    for name, servers in upstreams.items():
        if not servers:
            yield f"reverse_proxy_upstreams.{name}: has no server; name at least one as host:port"
        for server in servers:
            _host, _colon, port = str(server).rpartition(":")
            if not port.isdigit():
                yield f"reverse_proxy_upstreams.{name}: {server} has no port; write host:port"


def _sites(sites: dict[str, dict[str, t.Any]], upstreams: dict[str, list[str]]) -> t.Iterator[str]:
    known = ", ".join(sorted(upstreams)) or "none"
    nameless = [name for name, site in sites.items() if not site.get("names")]
    if len(nameless) > 1:
        yield f"reverse_proxy_sites: {', '.join(nameless)} have no names; only one site can answer to every name"
    for name, site in sites.items():
        where = f"reverse_proxy_sites.{name}"
        for option in sorted(set(site) - OPTIONS):
            yield f"{where}: there is no option {option}; there are {', '.join(sorted(OPTIONS))}"
        if "upstream" not in site:
            yield f"{where}: upstream is missing; there are {known}"
        wanted = {
            "upstream": site.get("upstream"),
            **{f"paths.{path}": to for path, to in site.get("paths", {}).items()},
        }
        for option, upstream in wanted.items():
            if upstream is not None and upstream not in upstreams:
                yield f"{where}.{option}: there is no upstream {upstream}; there are {known}"
        tls = site.get("tls")
        if tls is not None and set(tls) != {"certificate", "key"}:
            yield f"{where}.tls: names certificate and key, files on the host"


class FilterModule:
    """Filters ``terrace.aws.*`` of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"proxy_misfits": proxy_misfits}
