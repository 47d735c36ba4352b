-- Those who were shut out by fence_logins.sql sign in again.
DO $let_in$
DECLARE
  one record;
BEGIN
  FOR one IN
    SELECT rolname, nullif(substr(shobj_description(oid, 'pg_authid'), 17), '') AS comment FROM pg_roles
    WHERE shobj_description(oid, 'pg_authid') LIKE 'terrace: fenced %'
  LOOP
    EXECUTE format('ALTER ROLE %I LOGIN', one.rolname);
    EXECUTE format('COMMENT ON ROLE %I IS %L', one.rolname, one.comment);
  END LOOP;
END
$let_in$
