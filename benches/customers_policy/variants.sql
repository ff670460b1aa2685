-- The policies that were weighed. Each sets the whole policy of retail.customers, as procedures that
-- measure.sh calls by name. All ask (SELECT f()), so the identity is checked once a query.
\set ON_ERROR_STOP on
-- The maintained membership: one row for each store of a customer, with the number of reasons: orders
-- there, and one more for the home store. A customer is out when the last reason goes.
CREATE TABLE retail.customer_store (
    customer_id integer NOT NULL,
    store_id integer NOT NULL,
    reasons integer NOT NULL,
    PRIMARY KEY (store_id, customer_id)
);
ALTER TABLE retail.customer_store OWNER TO retail_owner;
INSERT INTO retail.customer_store
SELECT customer_id, store_id, count(*) FROM (
    SELECT customer_id, store_id FROM retail.orders
    UNION ALL
    SELECT customer_id, primary_store_id FROM retail.customers WHERE primary_store_id IS NOT NULL) r
GROUP BY 1, 2;
ALTER TABLE retail.customer_store ENABLE ROW LEVEL SECURITY;
ALTER TABLE retail.customer_store FORCE ROW LEVEL SECURITY;
CREATE POLICY owner_maintains ON retail.customer_store TO retail_owner USING (true) WITH CHECK (true);
CREATE POLICY store_sees_own ON retail.customer_store FOR SELECT TO retail_query
    USING (store_id = (SELECT retail_sec.current_store_id()));
GRANT SELECT ON retail.customer_store TO retail_query, retail_sec;
CREATE POLICY identity_lookup ON retail.customer_store FOR SELECT TO retail_sec USING (true);

-- The same as a column of the customer.
ALTER TABLE retail.customers ADD COLUMN store_ids integer[];

CREATE FUNCTION retail_sec.my_customers() RETURNS SETOF integer
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER COST 10000 ROWS 200000
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_store integer := retail_sec.current_store_id();
BEGIN
    RETURN QUERY SELECT m.customer_id FROM retail.customer_store m WHERE m.store_id = v_store;
END $$;
ALTER FUNCTION retail_sec.my_customers() OWNER TO retail_sec;
CREATE FUNCTION retail_sec.my_customer_array() RETURNS integer[]
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER COST 10000
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_store integer := retail_sec.current_store_id();
BEGIN
    RETURN ARRAY(SELECT m.customer_id FROM retail.customer_store m WHERE m.store_id = v_store);
END $$;
ALTER FUNCTION retail_sec.my_customer_array() OWNER TO retail_sec;
GRANT EXECUTE ON FUNCTION retail_sec.my_customers(), retail_sec.my_customer_array() TO retail_query;

CREATE FUNCTION bench.policy(p_variant text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    me CONSTANT text := '(SELECT retail_sec.current_store_id())';
    home CONSTANT text := 'primary_store_id = ' || me || ' OR ';
    orders CONSTANT text := 'retail.orders o WHERE o.store_id = ' || me;
    members CONSTANT text := 'retail.customer_store m WHERE m.store_id = ' || me;
BEGIN
    EXECUTE 'ALTER POLICY store_sees_own ON retail.customers USING (' || CASE
        WHEN p_variant LIKE 'a%' OR p_variant LIKE 'b%' THEN
            home || 'EXISTS (SELECT FROM ' || orders || ' AND o.customer_id = customers.customer_id)'
        WHEN p_variant LIKE 'c1%' THEN home || 'customer_id IN (SELECT o.customer_id FROM ' || orders || ')'
        WHEN p_variant LIKE 'c2%' THEN
            home || 'customer_id = ANY (ARRAY(SELECT DISTINCT o.customer_id FROM ' || orders || '))'
        WHEN p_variant LIKE 'd1%' THEN
            'EXISTS (SELECT FROM ' || members || ' AND m.customer_id = customers.customer_id)'
        WHEN p_variant LIKE 'd2%' THEN 'customer_id IN (SELECT m.customer_id FROM ' || members || ')'
        WHEN p_variant LIKE 'd3%' THEN
            'customer_id = ANY (ARRAY(SELECT m.customer_id FROM ' || members || '))'
        WHEN p_variant LIKE 'e1%' THEN 'customer_id IN (SELECT retail_sec.my_customers())'
        WHEN p_variant LIKE 'e2%' THEN 'customer_id = ANY ((SELECT retail_sec.my_customer_array())::integer[])'
        WHEN p_variant LIKE 'f1%' THEN me || ' = ANY (store_ids)'
        WHEN p_variant LIKE 'f2%' THEN 'store_ids @> ARRAY[' || me || ']'
        WHEN p_variant LIKE 'g%' THEN 'primary_store_id = ' || me
        WHEN p_variant LIKE 'z%' THEN 'true'
    END || ')';
END $$;
ANALYZE retail.customer_store;
