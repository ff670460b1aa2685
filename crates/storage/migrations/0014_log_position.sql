-- How far a server's log is, so that a standby that is too far behind answers no caller.
SET LOCAL ROLE retail_sec;

CREATE FUNCTION retail_sec.log_position()
RETURNS TABLE (system_id bigint, is_standby boolean, "position" bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT c.system_identifier, s.is_standby,
        pg_wal_lsn_diff(
            CASE WHEN s.is_standby THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END, '0/0')::bigint
    FROM pg_control_system() AS c, (SELECT pg_is_in_recovery()) AS s (is_standby)
$$;
REVOKE ALL ON FUNCTION retail_sec.log_position() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION retail_sec.log_position() TO retail_service;

-- The list of migrations is the owner's.
SET LOCAL ROLE retail_owner;
