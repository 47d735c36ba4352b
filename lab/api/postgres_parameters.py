"""Parameters of RDS for PostgreSQL that the emulator knows, with what DescribeDBParameters says of them.

A selection: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Appendix.PostgreSQL.CommonDBATasks.Parameters.html
lists all. Each is (default value or None, static or dynamic, data type, allowed values).
"""

from __future__ import annotations

from typing import Any

Parameter = tuple[str | None, str, str, str]


def _boolean(default: str | None, apply_type: str = "dynamic") -> Parameter:
    return default, apply_type, "boolean", "0,1"


def _integer(default: str | None, allowed: str, apply_type: str = "dynamic") -> Parameter:
    return default, apply_type, "integer", allowed


_ON_OFF = "on,off"
PARAMETERS: dict[str, Parameter] = {
    "autovacuum": _boolean("1"),
    "autovacuum_max_workers": _integer(None, "1-262143", "static"),
    "autovacuum_naptime": _integer("15", "1-2147483"),
    "autovacuum_vacuum_cost_limit": _integer(None, "-1-10000"),
    "autovacuum_vacuum_scale_factor": (None, "dynamic", "float", "0-100"),
    "checkpoint_completion_target": (None, "dynamic", "float", "0-1"),
    "checkpoint_timeout": _integer(None, "30-86400"),
    "client_encoding": (None, "dynamic", "string", ""),
    "deadlock_timeout": _integer(None, "1-2147483647"),
    "default_statistics_target": _integer(None, "1-10000"),
    "effective_cache_size": _integer("{DBInstanceClassMemory/16384}", "1-2147483647"),
    "effective_io_concurrency": _integer(None, "0-1000"),
    "hot_standby_feedback": _boolean(None),
    "idle_in_transaction_session_timeout": _integer("86400000", "0-2147483647"),
    "idle_session_timeout": _integer(None, "0-2147483647"),
    "lock_timeout": _integer(None, "0-2147483647"),
    "log_autovacuum_min_duration": _integer("10000", "-1-2147483647"),
    "log_checkpoints": _boolean(None),
    "log_connections": _boolean(None),
    "log_disconnections": _boolean(None),
    "log_duration": _boolean(None),
    "log_lock_waits": _boolean(None),
    "log_min_duration_statement": _integer(None, "-1-2147483647"),
    "log_min_error_statement": (None, "dynamic", "string", "debug5,debug4,debug3,debug2,debug1,info,notice,warning,error,"
                                "log,fatal,panic"),
    "log_min_messages": (None, "dynamic", "string", "debug5,debug4,debug3,debug2,debug1,info,notice,warning,error,log,"
                         "fatal,panic"),
    "log_rotation_age": _integer("60", "1-1440"),
    "log_rotation_size": _integer(None, "50000-1000000"),
    "log_statement": (None, "dynamic", "string", "none,ddl,mod,all"),
    "log_temp_files": _integer(None, "-1-2147483647"),
    "maintenance_work_mem": _integer("GREATEST({DBInstanceClassMemory*1024/63963136},65536)", "1024-2147483647"),
    "max_connections": _integer("LEAST({DBInstanceClassMemory/9531392},5000)", "6-262143", "static"),
    "max_logical_replication_workers": _integer(None, "0-262143", "static"),
    "max_parallel_workers": _integer("GREATEST(${DBInstanceVCPU/2},8)", "0-1024"),
    "max_parallel_workers_per_gather": _integer(None, "0-1024"),
    "max_replication_slots": _integer("20", "5-262143", "static"),
    "max_slot_wal_keep_size": _integer(None, "-1-2147483647"),
    "max_standby_streaming_delay": _integer("30000", "-1-2147483647"),
    "max_wal_senders": _integer("35", "5-262143", "static"),
    "max_wal_size": _integer("2048", "128-201326592"),
    "max_worker_processes": _integer("GREATEST(${DBInstanceVCPU*2},8)", "0-262143", "static"),
    "min_wal_size": _integer("192", "128-201326592"),
    "password_encryption": (None, "dynamic", "string", "md5,scram-sha-256"),
    "pg_stat_statements.max": _integer(None, "100-2147483647", "static"),
    "pg_stat_statements.track": (None, "dynamic", "string", "none,top,all"),
    "random_page_cost": (None, "dynamic", "float", "0-1.7976931348623157e308"),
    "rds.force_autovacuum_logging_level": ("warning", "dynamic", "string", "disabled,debug5,debug4,debug3,debug2,debug1,"
                                           "info,notice,warning,error,log,fatal,panic"),
    "rds.force_ssl": _boolean("1"),
    "rds.log_retention_period": _integer("4320", "1440-10080"),
    "rds.logical_replication": _boolean("0", "static"),
    "rds.restrict_password_commands": _boolean(None, "static"),
    "session_replication_role": (None, "dynamic", "string", "origin,replica,local"),
    "shared_buffers": _integer("{DBInstanceClassMemory/32768}", "16-1073741823", "static"),
    "shared_preload_libraries": ("pg_stat_statements", "static", "list", "auto_explain,pgaudit,pg_cron,pg_hint_plan,"
                                 "pg_stat_statements,pglogical,pg_similarity,pg_partman_bgw,pg_prewarm,pg_tle"),
    "ssl_max_protocol_version": (None, "dynamic", "string", "TLSv1.2,TLSv1.3"),
    "ssl_min_protocol_version": ("TLSv1.2", "dynamic", "string", "TLSv1.2,TLSv1.3"),
    "statement_timeout": _integer(None, "0-2147483647"),
    "synchronous_commit": (None, "dynamic", "string", f"local,{_ON_OFF}"),
    "tcp_keepalives_count": _integer("2", "0-2147483647"),
    "tcp_keepalives_idle": _integer("300", "0-2147483647"),
    "tcp_keepalives_interval": _integer("30", "0-2147483647"),
    "temp_buffers": _integer(None, "100-1073741823"),
    "timezone": ("UTC", "dynamic", "string", ""),
    "track_activity_query_size": _integer("4096", "100-1048576", "static"),
    "track_functions": (None, "dynamic", "string", "none,pl,all"),
    "track_io_timing": _boolean("1"),
    "vacuum_cost_limit": _integer(None, "1-10000"),
    "wal_keep_size": _integer("2048", "0-2147483647"),
    "wal_receiver_timeout": _integer("30000", "0-3600000"),
    "wal_sender_timeout": _integer("30000", "0-3600000"),
    "work_mem": _integer(None, "64-2147483647"),
}  # fmt: skip


def described(name: str, changed: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return a parameter as DescribeDBParameters shows it; ``changed`` is what ModifyDBParameterGroup was told."""
    default, apply_type, data_type, allowed = PARAMETERS[name]
    shown: dict[str, Any] = {
        "ParameterName": name,
        "Description": f"PostgreSQL's {name}",
        "Source": "engine-default" if default is None else "system",
        "ApplyType": apply_type,
        "DataType": data_type,
        "IsModifiable": True,
        "ApplyMethod": "pending-reboot",
    }
    if allowed:
        shown["AllowedValues"] = allowed
    if default is not None:
        shown["ParameterValue"] = default
    if changed:
        shown.update(ParameterValue=changed["ParameterValue"], Source="user")
        shown["ApplyMethod"] = changed.get("ApplyMethod") or "pending-reboot"
    return shown
