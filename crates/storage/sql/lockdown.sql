-- What PUBLIC may do in a fresh database and callers' statements must not: see what other sessions
-- run, stop them, hold locks that outlive a transaction, or write to the log of changes. All store managers share one login, so
-- PostgreSQL itself would let them do that to each other. Needs a superuser; per database.
DO $$
DECLARE
    f regprocedure;
BEGIN
    FOR f IN
        SELECT p.oid FROM pg_proc p
        WHERE p.pronamespace = 'pg_catalog'::regnamespace
          AND (p.proname IN ('pg_stat_get_activity', 'pg_stat_get_backend_activity',
                             'pg_terminate_backend', 'pg_cancel_backend',
                             'pg_logical_emit_message', 'pg_export_snapshot',
                             'pg_current_xact_id', 'txid_current')
               OR p.proname ~ '^pg_(try_)?advisory_(xact_)?lock')
    LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', f);
    END LOOP;
END $$;
REVOKE SELECT ON pg_catalog.pg_stat_activity FROM PUBLIC;
-- For those whose job it is.
GRANT SELECT ON pg_catalog.pg_stat_activity TO pg_monitor;
GRANT EXECUTE ON FUNCTION pg_catalog.pg_stat_get_activity(integer) TO pg_monitor;
GRANT EXECUTE ON FUNCTION pg_catalog.pg_cancel_backend(integer) TO pg_signal_backend;
GRANT EXECUTE ON FUNCTION pg_catalog.pg_terminate_backend(integer, bigint) TO pg_signal_backend;
-- The migration lock.
GRANT EXECUTE ON FUNCTION pg_catalog.pg_try_advisory_lock(bigint) TO retail_migrator;
