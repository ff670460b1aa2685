-- What the measuring needs: a signed identity, and a stop-watch that writes down.
\set ON_ERROR_STOP on
CREATE SCHEMA bench;
GRANT USAGE ON SCHEMA bench TO retail_query;
SET ROLE retail_sec;
SELECT retail_sec.put_identity_key(1::smallint, sha256('customers policy'), 'infinity');
RESET ROLE;

-- Signs as the server does, for the rest of the transaction.
CREATE FUNCTION bench.be(p_store integer) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_who text := (SELECT rls_user_id FROM retail.stores WHERE store_id = p_store);
    v_key retail_sec.identity_key := (SELECT k FROM retail_sec.identity_key k WHERE key_id = 1);
    v_message bytea := convert_to('v1|' || v_who || '|' || retail_sec.transaction_challenge(), 'UTF8');
BEGIN
    PERFORM set_config('app.current_rls_user_id', v_who, true);
    PERFORM set_config('app.rls_signature',
        encode(sha256(v_key.outer_key || sha256(v_key.inner_key || v_message)), 'hex'), true);
END $$;

CREATE TABLE bench.query (query text PRIMARY KEY, sql text NOT NULL);
INSERT INTO bench.query VALUES
    ('1 count', 'SELECT count(*) FROM retail.customers'),
    ('2 by id', 'SELECT * FROM retail.customers WHERE customer_id = 4711'),
    ('3 by e-mail', 'SELECT * FROM retail.customers WHERE email = ''first211.last4711@example.com'''),
    ('4 orders by month', 'SELECT date_trunc(''month'', o.order_date), count(*), count(DISTINCT c.customer_id)
        FROM retail.customers c JOIN retail.orders o USING (customer_id)
        WHERE o.order_date >= ''2025-01-01'' GROUP BY 1'),
    ('5 top 20', 'SELECT c.customer_id, c.last_name, sum(i.total_amount) FROM retail.customers c
        JOIN retail.orders o USING (customer_id) JOIN retail.order_items i USING (order_id)
        WHERE o.order_date >= ''2025-07-01'' GROUP BY 1, 2 ORDER BY 3 DESC, 1 LIMIT 20'),
    ('6 idle for a year', 'SELECT count(*) FROM retail.customers c WHERE NOT EXISTS (
        SELECT FROM retail.orders o WHERE o.customer_id = c.customer_id AND o.order_date >= ''2025-01-01'')'),
    ('7 LIKE', 'SELECT count(*) FROM retail.customers WHERE last_name LIKE ''Last17%'''),
    ('8 newest 20', 'SELECT customer_id, last_name FROM retail.customers ORDER BY created_at DESC LIMIT 20');
CREATE TABLE bench.result (
    variant text, store_id integer, query text, min_ms numeric, median_ms numeric, runs integer, plan text);
GRANT SELECT ON bench.query TO retail_query;
GRANT INSERT ON bench.result TO retail_query;

-- Runs one query as the caller, with the caller's settings, planning included. The first run warms
-- up; after a first run of more than 3 s it is the only one. What the time limit stops has no time.
CREATE FUNCTION bench.measure(p_variant text, p_store integer, p_query text, p_runs integer)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_sql text := (SELECT sql FROM bench.query WHERE query = p_query);
    v_plan text := '';
    l text;
    v_ms numeric[] := '{}';
    v_started timestamptz;
    v_took numeric;
BEGIN
    PERFORM bench.be(p_store);
    FOR l IN EXECUTE 'EXPLAIN (COSTS off) ' || v_sql LOOP
        v_plan := v_plan || l || E'\n';
    END LOOP;
    BEGIN
        FOR run IN 0..p_runs LOOP
            v_started := clock_timestamp();
            EXECUTE v_sql;
            v_took := 1000 * extract(epoch FROM clock_timestamp() - v_started);
            IF run > 0 OR v_took > 3000 THEN
                v_ms := v_ms || v_took;
            END IF;
            EXIT WHEN v_took > 3000;
        END LOOP;
    EXCEPTION WHEN query_canceled THEN
        v_ms := '{}';
    END;
    INSERT INTO bench.result
    SELECT p_variant, p_store, p_query, round(min(ms), 2),
           round(percentile_cont(0.5) WITHIN GROUP (ORDER BY ms)::numeric, 2), count(*), v_plan
    FROM unnest(v_ms) ms;
END $$;
