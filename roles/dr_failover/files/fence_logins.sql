-- Nobody but the administrator signs in any more. Who is shut out is marked in the role's comment, in one transaction with it, so that
-- the new primary knows whom to let in: roles, comments and all else of it are replicated.
DO $fence$
DECLARE
  one record;
BEGIN
  FOR one IN
    SELECT oid, rolname FROM pg_roles
    WHERE rolcanlogin AND rolname <> current_user AND rolname !~ '^(rds|pg_)'
  LOOP
    EXECUTE format('ALTER ROLE %I NOLOGIN', one.rolname);
    EXECUTE format(
      'COMMENT ON ROLE %I IS %L', one.rolname, 'terrace: fenced ' || coalesce(shobj_description(one.oid, 'pg_authid'), ''));
  END LOOP;
END
$fence$
