# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A load balancer's listeners and rules as an HAProxy configuration. Touches nothing.

Rules are tried by priority: the first that fits is noted in a variable, and one action belongs to each. Conditions are
those of https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lab.machines.plan import Endpoint, forwards

HOME = "var/lib/haproxy"
#: How the line of a server begins.
SERVER = "  server "
STATE_FIELDS = (
    "# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight "
    "srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state "
    "bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr "
    "srv_agent_addr srv_agent_port"
)


@dataclass(frozen=True)
class Server:
    """One target as a server of a backend. One registered again is another server: nothing known of it holds on."""

    name: str
    target: str
    port: int
    address: str
    arn: str
    group: Any
    registration: int = 0


def backend_name(arn: str) -> str:
    """The backend of a target group."""
    return "tg-" + hashlib.sha256(arn.encode()).hexdigest()[:12]


def servers(endpoint: Endpoint) -> Iterator[tuple[str, Server]]:
    """Every registered target with an address, with its backend."""
    for arn, group in sorted(endpoint.want["target_groups"].items()):
        for target in group["addresses"]:
            if target["address"] and group["type"] in ("instance", "ip"):
                number = target["registration"]
                name = f"{target['id']}_{target['port']}_{number}"
                facts = (target["id"], target["port"], target["address"], arn, group, number)
                yield backend_name(arn), Server(name, *facts)


def new_state(number: int, backend: str, server: Server) -> str:
    """The state of a server nobody has checked yet: down, and one passed check away from up."""
    health = max(server.group["check"]["rise"] - 1, 0)
    return f"1 {backend} {number} {server.name} {server.address} 0 0 1 1 0 1 0 {health} 6 0 0 0 - {server.port} - 0 0 - - 0"


def write(endpoint: Endpoint, certificates: dict[str, str]) -> str:
    """The whole configuration; `certificates` maps ARNs to files."""
    want = endpoint.want
    mode = "http" if want["type"] == "application" else "tcp"
    idle = want["idle_timeout"]
    lines = [
        "global",
        "  user haproxy",
        "  group haproxy",
        f"  stats socket /{HOME}/admin.sock mode 600 level admin expose-fd listeners",
        f"  server-state-file /{HOME}/servers.state",
        "  max-spread-checks 500",
        "  hard-stop-after 300s",
        "  tune.ssl.default-dh-param 2048",
        "  ssl-default-bind-options ssl-min-ver TLSv1.2",
        "  maxconn 1000",
        "  nbthread 1",
        "defaults",
        f"  mode {mode}",
        "  load-server-state-from-file global",
        "  timeout connect 10s",
        f"  timeout client {idle}s",
        f"  timeout server {idle}s",
        "  timeout check 10s",
        "  retries 0" if mode == "http" else "  retries 1",
    ]
    for listener in want["listeners"]:
        lines += _frontend(listener, mode, certificates)
    by_backend: dict[str, list[Server]] = {}
    for name, server in servers(endpoint):
        by_backend.setdefault(name, []).append(server)
    for arn, group in sorted(want["target_groups"].items()):
        lines += _backend(backend_name(arn), group, by_backend.get(backend_name(arn), []), mode)
    return "\n".join(lines) + "\n"


def _frontend(listener: dict[str, Any], mode: str, certificates: dict[str, str]) -> list[str]:
    bind = f"  bind :{listener['port']}"
    if listener["protocol"] in ("HTTPS", "TLS"):
        files = [certificates[c["arn"]] for c in listener["certificates"] if c]
        if not files:
            return []
        bind += " ssl " + " ".join(f"crt {file}" for file in files) + (" alpn h2,http/1.1" if mode == "http" else "")
    lines = [f"frontend port-{listener['port']}", bind]
    rules = sorted(listener["rules"], key=lambda r: (r["priority"] == "default", _order(r["priority"])))
    if mode == "tcp":
        arn = next((arn for rule in rules for action in rule["actions"] for arn, _ in forwards(action)), None)
        return [*lines, f"  default_backend {backend_name(arn)}"] if arn else []
    lines += [
        # An idle connection outlives a reload until its next answer, or a client's request could meet its end.
        "  option idle-close-on-response",
        "  option forwardfor",
        "  http-request set-header X-Forwarded-Proto https if { ssl_fc }",
        "  http-request set-header X-Forwarded-Proto http if !{ ssl_fc }",
        "  http-request set-header X-Forwarded-Port %[dst_port]",
        '  http-request set-header X-Amzn-Trace-Id "Root=1-%[date,hex]-%[rand(2147483647),hex]"',
        "  http-request set-var(txn.lot) rand(100)",
    ]
    for number, rule in enumerate(rules, 1):
        names = []
        for index, condition in enumerate(rule["conditions"]):
            name = f"c{number}-{index}"
            lines += [f"  acl {name} {fetch}" for fetch in _condition(condition)]
            names.append(name)
        lines.append(
            f"  http-request set-var(txn.rule) int({number}) if !{{ var(txn.rule) -m found }} {' '.join(names)}".rstrip()
        )
    for number, rule in enumerate(rules, 1):
        actions = [a for a in rule["actions"] if not a.get("Type", "").startswith("authenticate")]
        for action in actions[-1:]:
            lines += _action(action, f"{{ var(txn.rule) -m int {number} }}")
    return lines


def _order(priority: Any) -> int:
    return int(priority) if str(priority).isdigit() else 1 << 30


def _quote(text: str) -> str:
    return '"' + re.sub(r'([\\"$])', r"\\\1", text) + '"'


def _glob(pattern: str) -> str:
    """ALB's wildcards (* and ?) as an anchored regular expression, quoted."""
    return _quote("^" + "".join(".*" if c == "*" else "." if c == "?" else re.escape(c) for c in pattern) + "$")


def _condition(condition: dict[str, Any]) -> list[str]:
    """One condition as alternatives of one ACL."""
    field = condition["Field"]

    def values(key: str) -> list[Any]:
        return (condition.get(key) or {}).get("Values") or condition.get("Values") or []

    match field:
        case "host-header":
            return [f"req.hdr(host),field(1,:) -i -m reg {_glob(v)}" for v in values("HostHeaderConfig")]
        case "path-pattern":
            return [f"path -m reg {_glob(v)}" for v in values("PathPatternConfig")]
        case "http-request-method":
            return [f"method {v}" for v in values("HttpRequestMethodConfig")]
        case "source-ip":
            return [f"src {v}" for v in values("SourceIpConfig") if ":" not in v]
        case "http-header":
            header = condition["HttpHeaderConfig"]["HttpHeaderName"]
            return [f"req.hdr({header}) -i -m reg {_glob(v)}" for v in values("HttpHeaderConfig")]
        case "query-string":
            pairs = values("QueryStringConfig")
            keyed = [f"url_param({p['Key']}) -m reg {_glob(p['Value'])}" for p in pairs if p.get("Key")]
            return keyed + [f"query -m reg {_glob('*' + p['Value'] + '*')}" for p in pairs if not p.get("Key")]
    return ["always_false"]


def _action(action: dict[str, Any], when: str) -> list[str]:
    match action.get("Type"):
        case "forward":
            pairs = forwards(action)
            total = sum(weight for _, weight in pairs) or 1
            lines, reached = [], 0
            for arn, weight in pairs:
                reached += weight
                share = "" if len(pairs) == 1 else f" {{ var(txn.lot) -m int lt {100 * reached // total} }}"
                lines.append(f"  use_backend {backend_name(arn)} if {when}{share}")
            return lines
        case "redirect":
            return [
                f"  http-request redirect code {_code(action)} location {_location(action['RedirectConfig'])} if {when}"
            ]
        case "fixed-response":
            fixed = action["FixedResponseConfig"]
            kind, body = fixed.get("ContentType") or "text/plain", fixed.get("MessageBody") or ""
            content = f" content-type {_quote(kind)} string {_quote(body)}" if body else ""
            return [f"  http-request return status {fixed['StatusCode']}{content} if {when}"]
    return []


def _code(action: dict[str, Any]) -> str:
    return action["RedirectConfig"].get("StatusCode", "HTTP_302").removeprefix("HTTP_")


def _location(redirect: dict[str, Any]) -> str:
    """A redirect's target as a log-format string; what is not given stays as it came."""
    protocol = redirect.get("Protocol") or "#{protocol}"
    host = redirect.get("Host") or "#{host}"
    port = redirect.get("Port") or "#{port}"
    path = redirect.get("Path") or "/#{path}"
    query = redirect.get("Query", "#{query}")
    proto = "%[ssl_fc,iif(https,http)]" if protocol == "#{protocol}" else protocol.lower()
    usual = {"HTTPS": "443", "HTTP": "80"}.get(protocol)
    shown = "" if usual == port else f":{port}"
    end = "%[pathq]" if (path, query) == ("/#{path}", "#{query}") else path + (f"?{query}" if query else "")
    text = f"{proto}://{host}{shown}{end}"
    names = {"host": "%[req.hdr(host),field(1,:)]", "port": "%[dst_port]", "query": "%[query]"}
    names |= {"path": "%[path,regsub(^/,)]", "protocol": proto}
    return '"' + re.sub(r"#\{(\w+)\}", lambda m: names.get(m.group(1), m.group(0)), text) + '"'


def _backend(name: str, group: dict[str, Any], members: list[Server], mode: str) -> list[str]:
    check, attributes = group["check"], group["attributes"]
    algorithm = attributes.get("load_balancing.algorithm.type", "round_robin")
    lines = [
        f"backend {name}",
        f"  balance {'leastconn' if algorithm == 'least_outstanding_requests' else 'roundrobin'}",
    ]
    if attributes.get("stickiness.enabled") == "true" and mode == "http":
        seconds = attributes.get("stickiness.lb_cookie.duration_seconds", "86400")
        lines.append(f"  cookie AWSALB insert indirect nocache maxlife {seconds}s")
    if check["enabled"]:
        if check["protocol"] in ("HTTP", "HTTPS"):
            lines.append("  option httpchk")
            host = "hdr Host health-check.elb.amazonaws.com hdr User-Agent ELB-HealthChecker/2.0"
            lines.append(f"  http-check send meth GET uri {_quote(check['path'])} ver HTTP/1.1 {host}")
            lines.append(f"  http-check expect status {check['codes'].replace(' ', '')}")
        lines.append(f"  timeout check {check['timeout']}s")
    # What every server is given, also one that is added while this configuration runs.
    lines.append(f"  #{_options(group)}")
    lines += [f"{SERVER}{s.name} {address(s)}" for s in members]
    return lines


def address(server: Server) -> str:
    """What stands behind a server's name: in the file, and where one is added to a process that runs."""
    options = _options(server.group)
    return f"{server.address}:{server.port} weight 1 cookie {server.target}_{server.port}{options}"


def _options(group: dict[str, Any]) -> str:
    check = group["check"]
    secure = " ssl verify none" if group["protocol"] in ("HTTPS", "TLS") else ""
    if not check["enabled"]:
        return secure
    options = f" check inter {check['interval']}s rise {check['rise']} fall {check['fall']}"
    if check["port"] != "traffic-port":
        options += f" port {check['port']}"
    return secure + options + (" check-ssl verify none" if check["protocol"] == "HTTPS" and not secure else "")


def frame(text: str) -> str:
    """A configuration without its servers, which come and go while a process runs; all else takes another process."""
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith(SERVER))
