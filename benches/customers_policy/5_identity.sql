-- Times one statement, planned anew each time, as store 1.
DROP FUNCTION IF EXISTS bench.identity;
CREATE FUNCTION bench.identity(p_name text, p_sql text, p_runs integer) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_us float8[] := '{}';
    v_started timestamptz;
BEGIN
    PERFORM bench.be(1), set_config('app.store', '1', true);
    FOR run IN 1..p_runs LOOP
        v_started := clock_timestamp();
        EXECUTE p_sql;
        v_us[run] := 1000000 * extract(epoch FROM clock_timestamp() - v_started);
    END LOOP;
    RETURN (SELECT format('%s: %s / %s µs', p_name, min(us),
        percentile_cont(0.5) WITHIN GROUP (ORDER BY us)) FROM unnest(v_us) us);
END $$;
