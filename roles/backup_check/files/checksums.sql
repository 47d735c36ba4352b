-- The rows of each table of a database: how many, and in buckets by primary key (without one by the whole row) how many and the sum of
-- their hashes, which does not depend on their order. terrace.asked has, as JSON, how many buckets an earlier answer had by schema and
-- table (buckets), so that the answers can be compared. terrace.found takes the answer. In a transaction that is read only, a table is
-- read as the administrator or as its owner; in another one the administrator also makes itself a member of the owner and lifts
-- row-level security, which is rolled back.
DO $checksums$
DECLARE
  asked jsonb := current_setting('terrace.asked')::jsonb -> 'buckets';
  told jsonb := '[]';
  answer jsonb;
  one record;
  columns text;
  key text;
  query text;
  problem text;
  buckets bigint;
BEGIN
  PERFORM set_config(name, value, true) FROM (VALUES
    ('search_path', 'pg_catalog'), ('row_security', 'off'), ('timezone', 'UTC'), ('datestyle', 'ISO'), ('intervalstyle', 'postgres'),
    ('extra_float_digits', '1'), ('bytea_output', 'hex'), ('lc_monetary', 'C'), ('statement_timeout', '0'), ('lock_timeout', '10s')
  ) AS each (name, value);
  FOR one IN
    SELECT nspname, relname, pg_class.oid, pg_get_userbyid(relowner) AS owner, relforcerowsecurity,
      CASE WHEN relpersistence = 'u' THEN 'it is unlogged, and a backup has no rows of it'
        WHEN NOT relispopulated THEN 'it is a materialized view without rows' ELSE '' END AS passed_over,
      CASE WHEN reltuples < 0 THEN pg_relation_size(pg_class.oid) / 40 ELSE reltuples END::bigint AS estimate
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE relkind IN ('r', 'm') AND relpersistence IN ('p', 'u') AND nspname <> 'information_schema' AND nspname !~ '^pg_'
    ORDER BY nspname, relname
  LOOP
    IF one.passed_over <> '' THEN
      told := told || jsonb_build_object('schema', one.nspname, 'table', one.relname, 'passed_over', one.passed_over, 'problem', '');
      CONTINUE;
    END IF;
    -- Empty buckets cost nothing; of full ones there are so many that the answer stays small.
    buckets := coalesce((asked -> one.nspname::text ->> one.relname::text)::bigint, least(2048, greatest(64, one.estimate / 100)));
    SELECT string_agg(format('t.%I', attname), ', ' ORDER BY attnum) INTO columns
    FROM pg_attribute WHERE attrelid = one.oid AND attnum > 0 AND NOT attisdropped;
    SELECT string_agg(format('t.%I', attname), ', ' ORDER BY attnum) INTO key
    FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey) WHERE indrelid = one.oid AND indisprimary;
    query := format(
      'SELECT coalesce(jsonb_object_agg(bucket, jsonb_build_array(rows, total::text)), ''{}'') FROM ('
      'SELECT (hashtextextended((ROW(%s)::text) COLLATE "C", 1) & 9223372036854775807) %% %s AS bucket, count(*) AS rows,'
      ' sum(hashtextextended((ROW(%s)::text) COLLATE "C", 0)) AS total FROM ONLY %I.%I AS t GROUP BY 1) AS each',
      coalesce(key, columns, ''), buckets, coalesce(columns, ''), one.nspname, one.relname);
    problem := '';
    BEGIN
      EXECUTE query INTO answer;
    EXCEPTION WHEN OTHERS THEN
      BEGIN
        BEGIN
          EXECUTE format('GRANT %I TO CURRENT_USER', one.owner);
        EXCEPTION WHEN OTHERS THEN NULL; -- It may act for it already, or writes nothing.
        END;
        EXECUTE format('SET LOCAL ROLE %I', one.owner);
        IF one.relforcerowsecurity AND current_setting('transaction_read_only') = 'off' THEN
          EXECUTE format('ALTER TABLE %I.%I NO FORCE ROW LEVEL SECURITY', one.nspname, one.relname);
        END IF;
        EXECUTE query INTO answer;
        RAISE EXCEPTION USING ERRCODE = 'TE001';
      EXCEPTION
        WHEN SQLSTATE 'TE001' THEN NULL;
        WHEN OTHERS THEN problem := SQLERRM; answer := '{}';
      END;
    END;
    told := told || jsonb_build_object(
      'schema', one.nspname, 'table', one.relname, 'owner', one.owner, 'passed_over', '', 'problem', problem, 'size', buckets,
      'buckets', answer);
  END LOOP;
  PERFORM set_config('terrace.found', told::text, false);
END
$checksums$
