-- On the former primary: the rows that transactions wrote which are not visible in the snapshot of the replica. terrace.asked has what is
-- asked, as JSON: the snapshot's end (xmax) and the transactions below it that were lost (uncommitted); the columns of the database that
-- writes (schemas); and slices of tables whose rows are wanted (schema, table, offset, limit). Without slices it is counted. terrace.found
-- takes the answer. Row versions have the lower half of the number of the transaction that wrote them, also when they are frozen; a number
-- that occurred once before, 2^32 transactions ago, only has a row looked up in vain.
DO $written_since$
DECLARE
  asked jsonb := current_setting('terrace.asked')::jsonb;
  schemas jsonb := asked -> 'schemas';
  ending bigint := (asked ->> 'xmax')::bigint;
  since bigint := pg_snapshot_xmax(pg_current_snapshot())::text::bigint - ending;
  lost bigint[] := ARRAY(SELECT jsonb_array_elements_text(asked -> 'uncommitted')::bigint);
  columns text[];
  told jsonb := '[]';
  answer jsonb;
  one record;
  key record;
  digest text;
  mine text;
  query text;
  problem text;
BEGIN
  PERFORM set_config(name, value, true) FROM (VALUES
    ('search_path', 'pg_catalog'), ('row_security', 'off'), ('timezone', 'UTC'), ('datestyle', 'ISO'), ('intervalstyle', 'postgres'),
    ('extra_float_digits', '1'), ('bytea_output', 'hex'), ('statement_timeout', '0'), ('lock_timeout', '10s')) AS each (name, value);
  FOR one IN
    SELECT nspname, relname, pg_class.oid, pg_get_userbyid(relowner) AS owner, relforcerowsecurity, relpersistence, skip, size
    FROM pg_class
    JOIN pg_namespace ON pg_namespace.oid = relnamespace
    LEFT JOIN jsonb_to_recordset(asked -> 'slices') AS slice (schema text, "table" text, skip bigint, size bigint)
      ON slice.schema = nspname AND slice."table" = relname
    WHERE relkind = 'r' AND relpersistence IN ('p', 'u') AND nspname <> 'information_schema' AND nspname !~ '^pg_'
      AND (asked -> 'slices' IS NULL OR slice.schema IS NOT NULL)
    ORDER BY nspname, relname
  LOOP
    IF one.relpersistence = 'u' THEN
      told := told || jsonb_build_object(
        'schema', one.nspname, 'table', one.relname, 'count', 0, 'problem', '', 'passed_over', 'it is unlogged, which is not replicated');
      CONTINUE;
    END IF;
    columns := ARRAY(
      SELECT attname::text FROM pg_attribute
      WHERE attrelid = one.oid AND attnum > 0 AND NOT attisdropped
        AND coalesce(schemas -> one.nspname::text -> one.relname::text ? attname::text, true)
      ORDER BY attname);
    -- The primary key, else another unique one that is never NULL.
    SELECT array_agg(attname::text ORDER BY place) AS names,
      array_agg(format('OPERATOR(%I.%s)', operators.nspname, oprname) ORDER BY place) AS operators
    INTO key
    FROM (
      SELECT indrelid, indkey, indclass, indnkeyatts FROM pg_index
      WHERE indrelid = one.oid AND indisunique AND indisvalid AND indimmediate AND NOT indisexclusion AND indpred IS NULL
        AND indexprs IS NULL AND NOT EXISTS (
          SELECT FROM generate_series(0, indnkeyatts - 1) AS place
          JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[place]
          WHERE NOT attnotnull OR attname::text <> ALL (columns))
      ORDER BY indisprimary DESC, indexrelid LIMIT 1) AS chosen
    CROSS JOIN generate_series(0, indnkeyatts - 1) AS place
    JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[place]
    JOIN pg_opclass ON pg_opclass.oid = indclass[place]
    JOIN pg_amop ON amopfamily = opcfamily AND amopstrategy = 3 AND amoplefttype = opcintype AND amoprighttype = opcintype
    JOIN pg_operator ON pg_operator.oid = amopopr
    JOIN pg_namespace AS operators ON operators.oid = oprnamespace;
    mine := format(
      '(t.xmin::text::bigint > 2 AND ((t.xmin::text::bigint - %s + 4294967296) %% 4294967296 < %s'
      ' OR t.xmin::text::bigint = ANY (%L::bigint[])))',
      ending % 4294967296, since, lost);
    digest := format(
      'left(encode(sha256(convert_to(ROW(%s)::text, current_setting(''server_encoding''))), ''hex''), 32)',
      (SELECT string_agg(format('t.%I', name), ', ' ORDER BY name) FROM unnest(columns) AS name));
    IF asked -> 'slices' IS NULL THEN
      query := format('SELECT to_jsonb(count(*)) FROM ONLY %I.%I AS t WHERE %s', one.nspname, one.relname, mine);
    ELSE
      -- Of rows without a key that are the same, as many may be missing as the other one has fewer: the older ones come first.
      query := format(
        'SELECT coalesce(jsonb_agg(jsonb_build_array(key, digest, nth, committed, place::text) ORDER BY place), ''[]'') FROM ('
        'SELECT * FROM (SELECT t.ctid AS place, %s AS key, %s AS digest, %s AS nth, %s AS mine,'
        ' CASE WHEN current_setting(''track_commit_timestamp'') = ''on'' THEN pg_xact_commit_timestamp(t.xmin) END AS committed'
        ' FROM ONLY %I.%I AS t %s) AS every WHERE mine ORDER BY place OFFSET %s LIMIT %s) AS each',
        coalesce((SELECT format('jsonb_build_array(%s)', string_agg(format('t.%I::text', name), ', ' ORDER BY place))
                  FROM unnest(key.names) WITH ORDINALITY AS each (name, place)), 'NULL::jsonb'),
        digest,
        CASE WHEN key.names IS NULL THEN format('row_number() OVER (PARTITION BY %s ORDER BY %s, t.ctid)', digest, mine) ELSE '0' END,
        mine, one.nspname, one.relname, CASE WHEN key.names IS NULL THEN '' ELSE 'WHERE ' || mine END, one.skip, one.size);
    END IF;
    problem := '';
    BEGIN
      EXECUTE query INTO answer;
    EXCEPTION WHEN OTHERS THEN
      -- The administrator is no superuser: it reads as the owner, without row-level security. All of this is rolled back.
      BEGIN
        BEGIN
          EXECUTE format('GRANT %I TO CURRENT_USER', one.owner);
        EXCEPTION WHEN OTHERS THEN NULL; -- It may act for it already.
        END;
        EXECUTE format('SET LOCAL ROLE %I', one.owner);
        IF one.relforcerowsecurity THEN
          EXECUTE format('ALTER TABLE %I.%I NO FORCE ROW LEVEL SECURITY', one.nspname, one.relname);
        END IF;
        EXECUTE query INTO answer;
        RAISE EXCEPTION USING ERRCODE = 'TE001';
      EXCEPTION
        WHEN SQLSTATE 'TE001' THEN NULL;
        WHEN OTHERS THEN problem := SQLERRM; answer := '0';
      END;
    END;
    told := told || jsonb_build_object(
      'schema', one.nspname, 'table', one.relname, 'key', to_jsonb(key.names), 'operators', to_jsonb(key.operators), 'columns', columns,
      'owner', one.owner, 'problem', problem, 'skip', one.skip,
      CASE WHEN asked -> 'slices' IS NULL THEN 'count' ELSE 'rows' END, answer);
  END LOOP;
  PERFORM set_config('terrace.found', told::text, false);
END
$written_since$
