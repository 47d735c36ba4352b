-- On the database that writes: which rows of the former primary are not there, or are there with other content. terrace.asked has what
-- written_since.sql found, terrace.found takes the numbers of those rows in it, with 'absent' or 'differs'.
DO $look_up$
DECLARE
  one record;
  target record;
  digest text;
  query text;
  answer jsonb;
  problem text;
  told jsonb := '[]';
BEGIN
  PERFORM set_config(name, value, true) FROM (VALUES
    ('search_path', 'pg_catalog'), ('row_security', 'off'), ('timezone', 'UTC'), ('datestyle', 'ISO'), ('intervalstyle', 'postgres'),
    ('extra_float_digits', '1'), ('bytea_output', 'hex'), ('statement_timeout', '0'), ('lock_timeout', '5s')) AS each (name, value);
  FOR one IN
    SELECT * FROM jsonb_to_recordset(current_setting('terrace.asked')::jsonb)
      AS slice (schema text, "table" text, key jsonb, operators jsonb, columns jsonb, rows jsonb)
  LOOP
    problem := '';
    SELECT pg_class.oid, pg_get_userbyid(relowner) AS owner, relforcerowsecurity, CASE relkind WHEN 'r' THEN 'ONLY' ELSE '' END AS which
    INTO target
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE nspname = one.schema AND relname = one."table" AND relkind IN ('r', 'p');
    IF target.oid IS NULL THEN
      query := 'SELECT jsonb_agg(jsonb_build_array(r.n, ''absent'') ORDER BY r.n)'
        ' FROM jsonb_array_elements($1) WITH ORDINALITY AS r (row, n)';
    ELSE
      digest := format(
        'left(encode(sha256(convert_to(ROW(%s)::text, current_setting(''server_encoding''))), ''hex''), 32)',
        (SELECT string_agg(format('t.%I', name), ', ' ORDER BY name) FROM jsonb_array_elements_text(one.columns) AS name));
      IF jsonb_typeof(one.key) = 'array' THEN
        query := format(
          'SELECT jsonb_agg(jsonb_build_array(r.n, CASE WHEN t.ctid IS NULL THEN ''absent'' ELSE ''differs'' END) ORDER BY r.n)'
          ' FROM jsonb_array_elements($1) WITH ORDINALITY AS r (row, n) LEFT JOIN %s %I.%I AS t ON %s'
          ' WHERE t.ctid IS NULL OR %s <> r.row ->> 1',
          target.which, one.schema, one."table",
          (SELECT string_agg(
             format('t.%I %s (r.row -> 0 ->> %s)::%s', name, one.operators ->> (place::int - 1), place - 1,
               format_type(atttypid, atttypmod)), ' AND ')
           FROM jsonb_array_elements_text(one.key) WITH ORDINALITY AS each (name, place)
           JOIN pg_attribute ON attrelid = target.oid AND attname = name AND NOT attisdropped),
          digest);
      ELSE
        query := format(
          'SELECT jsonb_agg(jsonb_build_array(r.n, ''absent'') ORDER BY r.n) FROM jsonb_array_elements($1) WITH ORDINALITY AS r (row, n)'
          ' LEFT JOIN (SELECT %s AS digest, count(*) AS same FROM %s %I.%I AS t GROUP BY 1) AS have ON have.digest = r.row ->> 1'
          ' WHERE coalesce(same, 0) < (r.row ->> 2)::bigint',
          digest, target.which, one.schema, one."table");
      END IF;
    END IF;
    BEGIN
      EXECUTE query INTO answer USING one.rows;
    EXCEPTION WHEN OTHERS THEN
      -- As in written_since.sql. Where row-level security is forced, nobody else reads the table until this is rolled back.
      BEGIN
        BEGIN
          EXECUTE format('GRANT %I TO CURRENT_USER', target.owner);
        EXCEPTION WHEN OTHERS THEN NULL; -- It may act for it already.
        END;
        EXECUTE format('SET LOCAL ROLE %I', target.owner);
        IF target.relforcerowsecurity THEN
          EXECUTE format('ALTER TABLE %I.%I NO FORCE ROW LEVEL SECURITY', one.schema, one."table");
        END IF;
        EXECUTE query INTO answer USING one.rows;
        RAISE EXCEPTION USING ERRCODE = 'TE001';
      EXCEPTION
        WHEN SQLSTATE 'TE001' THEN NULL;
        WHEN OTHERS THEN problem := SQLERRM; answer := '[]';
      END;
    END;
    told := told || jsonb_build_object(
      'schema', one.schema, 'table', one."table", 'problem', problem, 'missing', coalesce(answer, '[]'));
  END LOOP;
  PERFORM set_config('terrace.found', told::text, false);
END
$look_up$
