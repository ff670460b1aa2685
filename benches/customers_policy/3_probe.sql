-- The stop-watch of a curious manager of store 1: does a guess about a hidden customer take longer
-- when it is right? Right and wrong guesses alternate; each is planned anew, as the server does.
\set ON_ERROR_STOP on
CREATE TABLE bench.probe (layout text, probe text, probes integer, right_us numeric, wrong_us numeric, plan text);
GRANT INSERT ON bench.probe TO retail_query;
-- Customers whom store 1 does not see.
CREATE TABLE bench.hidden AS
SELECT row_number() OVER () AS n, c.* FROM (
    SELECT customer_id, email, phone, primary_store_id FROM retail.customers c
    WHERE primary_store_id <> 1
      AND NOT EXISTS (SELECT FROM retail.orders o WHERE o.customer_id = c.customer_id AND o.store_id = 1)
    ORDER BY md5(customer_id::text) LIMIT 200) c;
GRANT SELECT ON bench.hidden TO retail_query;

CREATE FUNCTION bench.probe(p_layout text, p_probe text, p_probes integer) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    h bench.hidden;
    v_hidden bench.hidden[] := ARRAY(SELECT b FROM bench.hidden b ORDER BY n);
    v_sql text;
    v_us numeric;
    v_right numeric[] := '{}';
    v_wrong numeric[] := '{}';
    v_started timestamptz;
    v_plan text := '';
    l text;
BEGIN
    PERFORM bench.be(1);
    FOR i IN -3..p_probes * 2 LOOP
        h := v_hidden[1 + abs(i / 2) % 200];
        v_sql := CASE p_probe
            WHEN '1 e-mail' THEN format('SELECT 1 FROM retail.customers WHERE email = %L',
                CASE i % 2 WHEN 0 THEN h.email ELSE 'x' || h.email END)
            WHEN '2 e-mail and store' THEN format(
                'SELECT 1 FROM retail.customers WHERE primary_store_id = %s AND email = %L',
                h.primary_store_id, CASE i % 2 WHEN 0 THEN h.email ELSE 'x' || h.email END)
            WHEN '3 phone of an id' THEN format(
                'SELECT 1 FROM retail.customers WHERE customer_id = %s AND phone >= %L',
                h.customer_id, CASE i % 2 WHEN 0 THEN h.phone ELSE h.phone || '0' END)
            WHEN '4 the same, 1000 times' THEN format(
                'SELECT count(*) FROM generate_series(1, 1000) g, LATERAL (SELECT 1 FROM retail.customers
                 WHERE customer_id = %s + 0 * g AND phone >= %L OFFSET 0) x',
                h.customer_id, CASE i % 2 WHEN 0 THEN h.phone ELSE h.phone || '0' END)
        END;
        IF i = -3 THEN
            FOR l IN EXECUTE 'EXPLAIN (COSTS off) ' || v_sql LOOP
                v_plan := v_plan || l || E'\n';
            END LOOP;
        END IF;
        v_started := clock_timestamp();
        EXECUTE v_sql;
        v_us := 1000000 * extract(epoch FROM clock_timestamp() - v_started);
        CONTINUE WHEN i < 1;
        IF i % 2 = 0 THEN v_right[i / 2] := v_us; ELSE v_wrong[(i + 1) / 2] := v_us; END IF;
    END LOOP;
    INSERT INTO bench.probe SELECT p_layout, p_probe, p_probes,
        (SELECT round(percentile_cont(0.5) WITHIN GROUP (ORDER BY u)::numeric, 1) FROM unnest(v_right) u),
        (SELECT round(percentile_cont(0.5) WITHIN GROUP (ORDER BY u)::numeric, 1) FROM unnest(v_wrong) u),
        v_plan;
END $$;

CREATE FUNCTION bench.text_is_leakproof(p_leakproof boolean) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    f regprocedure;
BEGIN
    IF p_leakproof THEN
        FOR f IN SELECT * FROM bench.leakproof LOOP
            EXECUTE format('ALTER FUNCTION %s LEAKPROOF', f);
        END LOOP;
        DROP TABLE bench.leakproof;
    ELSE
        CREATE TABLE bench.leakproof AS SELECT oid::regprocedure AS f FROM pg_proc
            WHERE proleakproof AND proargtypes::oid[] && ARRAY['text', 'bpchar', 'name', '"char"']::regtype[]::oid[];
        FOR f IN SELECT * FROM bench.leakproof LOOP
            EXECUTE format('ALTER FUNCTION %s NOT LEAKPROOF', f);
        END LOOP;
    END IF;
END $$;
