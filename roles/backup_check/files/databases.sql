-- The databases of a server, and those of them that the administrator may not connect to.
SELECT
  array(SELECT datname::text FROM pg_database
        WHERE datallowconn AND NOT datistemplate AND datname <> 'rdsadmin' ORDER BY 1) AS databases,
  array(SELECT datname::text FROM pg_database
        WHERE datallowconn AND NOT datistemplate AND datname <> 'rdsadmin' AND NOT has_database_privilege(oid, 'CONNECT') ORDER BY 1) AS closed
