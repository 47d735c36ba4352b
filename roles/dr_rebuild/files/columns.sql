-- The tables of a database and their columns, {schema: {table: [column]}}, on the database that writes: what is compared is in both.
SELECT coalesce(json_object_agg(nspname, tables), '{}') AS schemas FROM (
  SELECT nspname, json_object_agg(relname, columns) AS tables FROM (
    SELECT nspname, relname, (
      SELECT coalesce(json_agg(attname ORDER BY attnum), '[]') FROM pg_attribute
      WHERE attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped) AS columns
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE relkind IN ('r', 'p') AND nspname <> 'information_schema' AND nspname !~ '^pg_') AS one
  GROUP BY nspname) AS each
