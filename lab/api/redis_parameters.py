"""Parameters of ElastiCache for Redis OSS and Valkey that the emulator knows.

A selection of https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/ParameterGroups.Engine.html;
each is (default, data type, allowed values, change type).
"""

from __future__ import annotations

from typing import Any

_POLICIES = "volatile-lru,allkeys-lru,volatile-lfu,allkeys-lfu,volatile-random,allkeys-random,volatile-ttl,noeviction"
PARAMETERS: dict[str, tuple[str, str, str, str]] = {
    "activedefrag": ("no", "string", "yes,no", "immediate"),
    "activerehashing": ("yes", "string", "yes,no", "requires-reboot"),
    "appendonly": ("no", "string", "yes,no", "immediate"),
    "client-output-buffer-limit-normal-hard-limit": ("0", "integer", "0-", "immediate"),
    "client-output-buffer-limit-normal-soft-limit": ("0", "integer", "0-", "immediate"),
    "client-output-buffer-limit-pubsub-hard-limit": ("33554432", "integer", "0-", "immediate"),
    "close-on-replica-write": ("yes", "string", "yes,no", "immediate"),
    "cluster-enabled": ("no", "string", "yes,no", "requires-reboot"),
    "databases": ("16", "integer", "1-1200000", "requires-reboot"),
    "lazyfree-lazy-eviction": ("no", "string", "yes,no", "immediate"),
    "lazyfree-lazy-expire": ("no", "string", "yes,no", "immediate"),
    "lfu-decay-time": ("1", "integer", "0-", "immediate"),
    "lfu-log-factor": ("10", "integer", "1-", "immediate"),
    "maxmemory-policy": ("volatile-lru", "string", _POLICIES, "immediate"),
    "maxmemory-samples": ("3", "integer", "1-", "immediate"),
    "min-replicas-max-lag": ("10", "integer", "0-", "immediate"),
    "min-replicas-to-write": ("0", "integer", "0-", "immediate"),
    "notify-keyspace-events": ("", "string", "", "immediate"),
    "repl-backlog-size": ("1048576", "integer", "16384-", "immediate"),
    "reserved-memory-percent": ("25", "integer", "0-100", "immediate"),
    "slowlog-log-slower-than": ("10000", "integer", "-1-", "immediate"),
    "slowlog-max-len": ("128", "integer", "0-", "immediate"),
    "tcp-keepalive": ("300", "integer", "0-", "immediate"),
    "timeout": ("0", "integer", "0,20-", "immediate"),
}


def described(name: str, value: str | None = None) -> dict[str, Any]:
    """Return a parameter as DescribeCacheParameters shows it; ``value`` is what the group says."""
    default, data_type, allowed, change = PARAMETERS[name]
    return {
        "ParameterName": name,
        "ParameterValue": default if value is None else value,
        "Description": f"The engine's {name}",
        "Source": "system" if value is None else "user",
        "DataType": data_type,
        "AllowedValues": allowed,
        "IsModifiable": name not in ("appendonly",),
        "MinimumEngineVersion": "2.8.6",
        "ChangeType": change,
    }
