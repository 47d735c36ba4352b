-- The tables of a database and how many rows each has, {"schema.table": rows}; -1 where they cannot be counted. terrace.found takes it.
DO $tables$
DECLARE
  one record;
  rows bigint;
  told jsonb := '{}';
BEGIN
  PERFORM set_config(name, value, true) FROM (VALUES
    ('search_path', 'pg_catalog'), ('row_security', 'off'), ('statement_timeout', '0'), ('lock_timeout', '5s')) AS each (name, value);
  FOR one IN
    SELECT nspname, relname, pg_get_userbyid(relowner) AS owner
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE relkind = 'r' AND relpersistence IN ('p', 'u') AND nspname <> 'information_schema' AND nspname !~ '^pg_'
    ORDER BY nspname, relname
  LOOP
    BEGIN
      EXECUTE format('SELECT count(*) FROM ONLY %I.%I', one.nspname, one.relname) INTO rows;
    EXCEPTION WHEN OTHERS THEN
      -- The administrator is no superuser: it reads as the owner. What that takes is rolled back.
      BEGIN
        BEGIN
          EXECUTE format('GRANT %I TO CURRENT_USER', one.owner);
        EXCEPTION WHEN OTHERS THEN NULL; -- It may act for it already.
        END;
        EXECUTE format('SET LOCAL ROLE %I', one.owner);
        EXECUTE format('SELECT count(*) FROM ONLY %I.%I', one.nspname, one.relname) INTO rows;
        RAISE EXCEPTION USING ERRCODE = 'TE001';
      EXCEPTION
        WHEN SQLSTATE 'TE001' THEN NULL;
        WHEN OTHERS THEN rows := -1;
      END;
    END;
    told := told || jsonb_build_object(format('%s.%s', one.nspname, one.relname), rows);
  END LOOP;
  PERFORM set_config('terrace.found', told::text, false);
END
$tables$
