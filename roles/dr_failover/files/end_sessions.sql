-- Ends the sessions of those who were shut out, until there are none: one that was just signing in shows itself a moment later.
DO $sessions$
DECLARE
  ended integer;
BEGIN
  FOR attempt IN 1..120 LOOP
    PERFORM pg_stat_clear_snapshot();
    SELECT count(pg_terminate_backend(pid, 5000)) INTO ended
    FROM pg_stat_activity JOIN pg_roles ON pg_roles.oid = usesysid
    WHERE shobj_description(pg_roles.oid, 'pg_authid') LIKE 'terrace: fenced %';
    EXIT WHEN ended = 0;
    PERFORM pg_sleep(0.1);
  END LOOP;
  IF ended > 0 THEN
    RAISE EXCEPTION 'sessions of those who were shut out go on';
  END IF;
END
$sessions$
