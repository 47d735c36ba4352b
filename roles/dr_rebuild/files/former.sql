-- On the former primary: how many transactions are on it alone, how far its log went since it was fenced, and its databases.
SELECT
  (SELECT count(*) FROM generate_series(
     %(xmax)s::bigint, pg_snapshot_xmax(pg_current_snapshot())::text::bigint - 1) AS number
   WHERE pg_xact_status(number::text::xid8) = 'committed')
  + (SELECT count(*) FROM jsonb_array_elements_text(%(uncommitted)s::jsonb) AS below
     WHERE pg_xact_status((%(xmax)s::bigint - mod(%(xmax)s::bigint - below::bigint, 4294967296))::text::xid8) = 'committed') AS transactions,
  (SELECT count(*) FROM pg_prepared_xacts) AS prepared,
  pg_wal_lsn_diff(pg_current_wal_lsn(), nullif(%(fenced_at)s, '')::pg_lsn)::bigint AS log_since_fence,
  array(SELECT datname::text FROM pg_database
        WHERE datallowconn AND NOT datistemplate AND datname <> 'rdsadmin' ORDER BY 1) AS databases,
  array(SELECT datname::text FROM pg_database
        WHERE datallowconn AND NOT datistemplate AND datname <> 'rdsadmin' AND NOT has_database_privilege(oid, 'CONNECT') ORDER BY 1) AS closed
