-- Of the transactions below the snapshot's end, those that the database that writes has not: they ran when the snapshot was taken, and
-- what it has not of them was lost. A standby's snapshot does not list them. Numbers as rows have them, without their epoch.
SELECT coalesce(json_agg(mod(number, 4294967296)), '[]') AS numbers
FROM generate_series(%(xmin)s::bigint, %(xmax)s::bigint - 1) AS number
WHERE pg_xact_status(number::text::xid8) IS DISTINCT FROM 'committed'
