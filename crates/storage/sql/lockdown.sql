-- Takes from PUBLIC what a fresh database lets everybody do and callers' statements must not: read
-- the catalogue, see and stop other sessions, change settings, hold locks, sleep, run SQL that is
-- hidden in a string, write code. All store managers share one login, so PostgreSQL itself would let
-- them do that to each other. posture/locked.sql has the list.
--
-- Needs a superuser; per database; run at each migrate, since an upgrade or an extension brings new
-- functions. It binds every role of this database but superusers and those who keep what they had.
DO $$
DECLARE
    -- Those whose job it is. pg_monitor is a member of pg_read_all_stats. store_manager is the login
    -- of the former system, which an adopted database goes on serving.
    keepers CONSTANT text := concat_ws(', ', 'retail_owner', 'retail_sec', 'retail_migrator',
        'pg_read_all_stats', (SELECT rolname FROM pg_roles WHERE rolname = 'store_manager'));
    r record;
BEGIN
    FOR r IN
        SELECT l.f::regprocedure AS f
        FROM retail_sec.locked_functions() AS l (f)
        WHERE retail_sec.initially_public('pg_catalog.pg_proc', l.f)
          AND (has_function_privilege('public', l.f, 'EXECUTE')
               OR NOT has_function_privilege('retail_owner', l.f, 'EXECUTE'))
    LOOP
        EXECUTE format('REVOKE EXECUTE ON ROUTINE %s FROM PUBLIC', r.f);
        EXECUTE format('GRANT EXECUTE ON ROUTINE %s TO %s', r.f, keepers);
    END LOOP;
    FOR r IN
        SELECT l.t::regclass AS t
        FROM retail_sec.locked_relations() AS l (t)
        WHERE retail_sec.initially_public('pg_catalog.pg_class', l.t)
          AND (has_any_column_privilege('public', l.t, 'SELECT, INSERT, UPDATE')
               OR NOT has_table_privilege('retail_owner', l.t, 'SELECT'))
    LOOP
        EXECUTE format('REVOKE ALL ON %s FROM PUBLIC', r.t);
        EXECUTE format('GRANT SELECT ON %s TO %s', r.t, keepers);
    END LOOP;
    REVOKE USAGE ON SCHEMA information_schema FROM PUBLIC;
    EXECUTE format('GRANT USAGE ON SCHEMA information_schema TO %s', keepers);
    REVOKE USAGE ON LANGUAGE sql, plpgsql FROM PUBLIC;
    EXECUTE format('GRANT USAGE ON LANGUAGE sql, plpgsql TO %s', keepers);
END $$;
GRANT EXECUTE ON FUNCTION pg_catalog.pg_cancel_backend(integer) TO pg_signal_backend;
GRANT EXECUTE ON FUNCTION pg_catalog.pg_terminate_backend(integer, bigint) TO pg_signal_backend;
-- The migration lock.
GRANT EXECUTE ON FUNCTION pg_catalog.pg_try_advisory_lock(bigint),
    pg_catalog.pg_advisory_unlock(bigint) TO retail_migrator;
-- A comparison that is LEAKPROOF may run before a policy, on rows that the caller must not see, and then
-- the time of the statement tells whether it was true: "customer 4711 has a phone number above X" is
-- enough to spell it out. So comparisons of text are not, and policies come first. Numbers and dates
-- stay: joins and indexes live on them, and they name nobody.
DO $$
DECLARE
    f regprocedure;
BEGIN
    FOR f IN
        SELECT p.oid FROM pg_proc p
        WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.proleakproof
          AND p.proargtypes::oid[]
              && ARRAY['text'::regtype, 'bpchar'::regtype, 'name'::regtype, '"char"'::regtype]::oid[]
    LOOP
        EXECUTE format('ALTER FUNCTION %s NOT LEAKPROOF', f);
    END LOOP;
END $$;
INSERT INTO retail_sec.layer_record (layer)
VALUES ('catalogue lockdown'), ('temp_file_limit') ON CONFLICT DO NOTHING;
