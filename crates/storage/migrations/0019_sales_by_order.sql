-- Each order with what it came to, and when its customer had ordered before at the store: customers of a period are counted
-- by reading its orders once. A customer is active in a period by the one order in it whose previous order is before the
-- period, new by the one that has no previous order, and comes again by the one whose previous order is in the period and
-- whose second previous order is not.
--
-- Kept like the other rollups (migration 0013), from the same notes. docs/decisions/0028-orders-know-the-one-before.md says why.
SET LOCAL ROLE retail_owner;

CREATE TABLE retail.sales_by_order (
    order_id integer PRIMARY KEY,
    store_id integer NOT NULL,
    order_date date NOT NULL,
    customer_id integer NOT NULL,
    units_sold bigint NOT NULL,
    net_sales numeric(18, 2) NOT NULL,
    previous_order_date date,
    second_previous_order_date date
) WITH (fillfactor = 90);
COMMENT ON TABLE retail.sales_by_order IS
    'Orders with their sums and when the customer had ordered before at the store, always equal to orders and order_items and far faster: use it for baskets, for what customers spent, and to count active, new or returning customers';
COMMENT ON COLUMN retail.sales_by_order.order_id IS 'The order';
COMMENT ON COLUMN retail.sales_by_order.store_id IS 'Store that sold';
COMMENT ON COLUMN retail.sales_by_order.order_date IS 'Day of the order';
COMMENT ON COLUMN retail.sales_by_order.customer_id IS 'Customer who ordered';
COMMENT ON COLUMN retail.sales_by_order.units_sold IS 'sum(quantity)';
COMMENT ON COLUMN retail.sales_by_order.net_sales IS 'Net sales (basket value), USD: sum(total_amount)';
COMMENT ON COLUMN retail.sales_by_order.previous_order_date IS
    'Day of the customer''s order before at this store; null for the first';
COMMENT ON COLUMN retail.sales_by_order.second_previous_order_date IS 'Day of the order before that; null for the first two';

-- Who writes a customer's orders at a store holds its row here until the commit. It is updated, not locked alone: a
-- transaction with an older snapshot than the other's orders is refused, as it must be.
CREATE TABLE retail_mcp.customer_turn (
    store_id integer NOT NULL,
    customer_id integer NOT NULL,
    PRIMARY KEY (store_id, customer_id)
) WITH (fillfactor = 70);
COMMENT ON TABLE retail_mcp.customer_turn IS
    'Customers of stores whose orders changed: a row is held while retail.sales_by_order follows';
COMMENT ON COLUMN retail_mcp.customer_turn.store_id IS 'Store';
COMMENT ON COLUMN retail_mcp.customer_turn.customer_id IS 'Customer';

DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['retail.sales_by_order', 'retail_mcp.customer_turn'] LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY owner_maintains ON %s TO retail_owner USING (true) WITH CHECK (true)', t);
        EXECUTE format('REVOKE ALL ON %s FROM PUBLIC, retail_query, retail_query_hq, retail_service', t);
    END LOOP;
END $$;
CREATE POLICY store_sees_own ON retail.sales_by_order FOR SELECT TO retail_query
    USING (store_id = (SELECT retail_sec.current_store_id()));
CREATE POLICY head_office_sees_all ON retail.sales_by_order FOR SELECT TO retail_query_hq
    USING ((SELECT retail_sec.sees_all_stores()));
GRANT SELECT ON retail.sales_by_order TO retail_query, retail_query_hq;

-- What it must be equal to. Orders of a day have the order of their numbers.
CREATE VIEW retail_mcp.sales_by_order_source AS
    SELECT o.order_id, o.store_id, o.order_date, o.customer_id, coalesce(l.units_sold, 0) AS units_sold,
        coalesce(l.net_sales, 0) AS net_sales, lag(o.order_date) OVER of_customer AS previous_order_date,
        lag(o.order_date, 2) OVER of_customer AS second_previous_order_date
    FROM retail.orders o
    LEFT JOIN (
        SELECT i.order_id, i.store_id, sum(i.quantity) AS units_sold, sum(i.total_amount) AS net_sales
        FROM retail.order_items i
        GROUP BY 1, 2
    ) AS l ON l.order_id = o.order_id AND l.store_id = o.store_id
    WINDOW of_customer AS (PARTITION BY o.store_id, o.customer_id ORDER BY o.order_date, o.order_id);
REVOKE ALL ON retail_mcp.sales_by_order_source FROM PUBLIC, retail_query, retail_query_hq, retail_service;
COMMENT ON VIEW retail_mcp.sales_by_order_source IS
    'What retail.sales_by_order must hold, from orders and order_items';

-- An order is noted once a transaction. By an index, not by a look at what was noted: that was planned for the first
-- statement of a session, and took time by the square of the orders in later ones.
CREATE UNIQUE INDEX sales_changes_order ON retail_mcp.sales_changes (xid, order_id) WHERE NOT is_line;

-- As in migration 0013 but for that, and an order that goes to another customer is noted, too.
CREATE OR REPLACE FUNCTION retail_mcp.note_order_changes()
RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_xid CONSTANT xid8 := pg_current_xact_id();
    -- Then none of the statement's own rows is there already.
    v_is_first CONSTANT boolean := NOT EXISTS (
        SELECT FROM retail_mcp.sales_changes c WHERE c.xid = v_xid);
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO retail_mcp.sales_changes (xid, order_id, is_line, is_first)
        SELECT v_xid, n.order_id, false, v_is_first AND row_number() OVER () = 1
        FROM new_rows n
        ON CONFLICT (xid, order_id) WHERE NOT is_line DO NOTHING;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO retail_mcp.sales_changes (xid, order_id, is_line, is_first, store_id, order_date)
        SELECT v_xid, o.order_id, false, v_is_first AND row_number() OVER () = 1, o.store_id, o.order_date
        FROM old_rows o
        ON CONFLICT (xid, order_id) WHERE NOT is_line DO NOTHING;
    ELSE
        -- Whatever the statement did to the keys: how each order was, or that it was not there.
        INSERT INTO retail_mcp.sales_changes (xid, order_id, is_line, is_first, store_id, order_date)
        SELECT v_xid, d.order_id, false, v_is_first AND row_number() OVER () = 1, d.store_id, d.order_date
        FROM (
            SELECT coalesce(o.order_id, n.order_id) AS order_id, o.store_id, o.order_date
            FROM old_rows o
            FULL JOIN new_rows n ON n.order_id = o.order_id
            WHERE (o.store_id, o.order_date, o.customer_id)
                IS DISTINCT FROM (n.store_id, n.order_date, n.customer_id)
        ) AS d
        ON CONFLICT (xid, order_id) WHERE NOT is_line DO NOTHING;
    END IF;
    RETURN NULL;
END $$;

-- Brings orders up to date whose notes were taken, and those that follow them. It comes with the statement of
-- apply_sales_changes that takes them, so neither happens without the other, and the orders are locked.
--
-- A plan for each sale would take longer than the sale. Without sorts, the next orders of a customer are the next entries of an
-- index; else a customer's orders are all read, as most customers have few.
CREATE FUNCTION retail_mcp.apply_order_changes()
RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_sort = off AS $$
DECLARE
    v_stores integer[];
    v_customers integer[];
    v_days date[];
    v_orders integer[];
BEGIN
    -- Where the orders were, and where they are: nobody else changes that now.
    SELECT array_agg(k.store_id), array_agg(k.customer_id), array_agg(k.order_date), array_agg(k.order_id)
    INTO v_stores, v_customers, v_days, v_orders
    FROM (
        SELECT r.store_id, r.customer_id, r.order_date, r.order_id
        FROM old_rows c
        JOIN retail.sales_by_order r ON r.order_id = c.order_id
        UNION
        SELECT o.store_id, o.customer_id, o.order_date, o.order_id
        FROM old_rows c
        JOIN retail.orders o ON o.order_id = c.order_id
    ) AS k;
    IF v_orders IS NULL THEN
        RETURN NULL;
    END IF;
    INSERT INTO retail_mcp.customer_turn AS t (store_id, customer_id)
    SELECT DISTINCT k.store_id, k.customer_id
    FROM unnest(v_stores, v_customers) AS k (store_id, customer_id)
    ORDER BY k.store_id, k.customer_id
    ON CONFLICT (store_id, customer_id) DO UPDATE SET customer_id = EXCLUDED.customer_id;
    -- The next statements see what others committed before they let go of these customers.
    DELETE FROM retail.sales_by_order r
    USING unnest(v_orders) AS k (order_id)
    WHERE r.order_id = k.order_id
      AND NOT EXISTS (SELECT FROM retail.orders o WHERE o.order_id = k.order_id);
    INSERT INTO retail.sales_by_order AS r
    SELECT o.order_id, o.store_id, o.order_date, o.customer_id, coalesce(l.units_sold, 0),
        coalesce(l.net_sales, 0), e.days[1], e.days[2]
    FROM (
        SELECT k.order_id FROM unnest(v_orders) AS k (order_id)
        UNION
        -- Two orders after each place have another past now; with one customer's hundred thousand orders, too, no more are read.
        SELECT f.order_id
        FROM unnest(v_stores, v_customers, v_days, v_orders) AS k (store_id, customer_id, order_date, order_id)
        CROSS JOIN LATERAL (
            SELECT a.order_id
            FROM retail.orders a
            WHERE a.store_id = k.store_id AND a.customer_id = k.customer_id
              AND (a.order_date, a.order_id) > (k.order_date, k.order_id)
            ORDER BY a.order_date, a.order_id
            LIMIT 2
        ) AS f
    ) AS t
    JOIN retail.orders o ON o.order_id = t.order_id
    CROSS JOIN LATERAL (
        SELECT sum(i.quantity) AS units_sold, sum(i.total_amount) AS net_sales
        FROM retail.order_items i
        WHERE i.order_id = o.order_id AND i.store_id = o.store_id
    ) AS l
    CROSS JOIN LATERAL (
        SELECT array_agg(b.order_date ORDER BY b.order_date DESC) AS days
        FROM (
            SELECT p.order_date
            FROM retail.orders p
            WHERE p.store_id = o.store_id AND p.customer_id = o.customer_id
              AND (p.order_date, p.order_id) < (o.order_date, o.order_id)
            ORDER BY p.order_date DESC, p.order_id DESC
            LIMIT 2
        ) AS b
    ) AS e
    ON CONFLICT (order_id) DO UPDATE SET
        store_id = EXCLUDED.store_id, order_date = EXCLUDED.order_date,
        customer_id = EXCLUDED.customer_id, units_sold = EXCLUDED.units_sold,
        net_sales = EXCLUDED.net_sales, previous_order_date = EXCLUDED.previous_order_date,
        second_previous_order_date = EXCLUDED.second_previous_order_date
    WHERE r IS DISTINCT FROM EXCLUDED;
    RETURN NULL;
END $$;

-- As in migration 0013, for one rollup more; and an older snapshot, which would leave sums that it does not see, is refused.
CREATE OR REPLACE FUNCTION retail_mcp.forget_sales()
RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    TRUNCATE retail.sales_by_product_day;
    IF TG_TABLE_NAME = 'orders' THEN
        TRUNCATE retail.sales_by_day, retail.sales_by_order;
        DELETE FROM retail_mcp.sales_changes c WHERE c.xid = pg_current_xact_id();
    ELSE
        IF current_setting('transaction_isolation') <> 'read committed' THEN
            RAISE EXCEPTION 'retail.order_items is truncated under READ COMMITTED alone'
                USING HINT = 'an older snapshot would miss sums of what was committed since';
        END IF;
        DELETE FROM retail_mcp.sales_changes c WHERE c.xid = pg_current_xact_id() AND c.is_line;
        UPDATE retail.sales_by_day r
        SET line_count = 0, units_sold = 0, gross_sales = 0, discount_amount = 0, net_sales = 0
        WHERE r.line_count <> 0;
        UPDATE retail.sales_by_order r SET units_sold = 0, net_sales = 0
        WHERE (r.units_sold, r.net_sales) <> (0, 0);
    END IF;
    RETURN NULL;
END $$;

-- As in migration 0013, for one rollup more.
CREATE OR REPLACE FUNCTION retail_mcp.rebuild_sales_rollups()
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'the sales rollups are rebuilt under READ COMMITTED alone'
            USING HINT = 'an older snapshot would miss what was committed before the tables were locked';
    END IF;
    LOCK TABLE retail.orders, retail.order_items IN SHARE ROW EXCLUSIVE MODE;
    DELETE FROM retail_mcp.sales_changes c WHERE c.xid = pg_current_xact_id();
    DELETE FROM retail.sales_by_day;
    DELETE FROM retail.sales_by_product_day;
    DELETE FROM retail.sales_by_order;
    INSERT INTO retail.sales_by_product_day
    SELECT s.* FROM retail_mcp.sales_by_product_day_source s;
    -- The lines were read once, and are not read again.
    INSERT INTO retail.sales_by_day
    SELECT o.store_id, o.order_date, o.order_count, coalesce(p.line_count, 0), coalesce(p.units_sold, 0),
        coalesce(p.gross_sales, 0), coalesce(p.discount_amount, 0), coalesce(p.net_sales, 0)
    FROM (SELECT store_id, order_date, count(*) AS order_count FROM retail.orders GROUP BY 1, 2) AS o
    LEFT JOIN (
        SELECT r.store_id, r.order_date, sum(r.line_count) AS line_count, sum(r.units_sold) AS units_sold,
            sum(r.gross_sales) AS gross_sales, sum(r.discount_amount) AS discount_amount,
            sum(r.net_sales) AS net_sales
        FROM retail.sales_by_product_day r
        GROUP BY 1, 2
    ) AS p ON p.store_id = o.store_id AND p.order_date = o.order_date;
    INSERT INTO retail.sales_by_order
    SELECT s.* FROM retail_mcp.sales_by_order_source s ORDER BY s.order_id;
    -- Servers keep answers from them until the next write to sales.
    INSERT INTO retail_mcp.data_change (table_group) VALUES ('sales');
END $$;

-- As in migration 0013, for one rollup more.
CREATE OR REPLACE FUNCTION retail_mcp.check_sales_rollups()
RETURNS TABLE (rollup text, missing bigint, surplus bigint, different bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT 'retail.sales_by_day', count(*) FILTER (WHERE r.store_id IS NULL),
        count(*) FILTER (WHERE s.store_id IS NULL),
        count(*) FILTER (WHERE r.store_id = s.store_id AND
            (r.order_count, r.line_count, r.units_sold, r.gross_sales, r.discount_amount, r.net_sales)
            <> (s.order_count, s.line_count, s.units_sold, s.gross_sales, s.discount_amount, s.net_sales))
    FROM retail.sales_by_day r
    FULL JOIN retail_mcp.sales_by_day_source s ON s.store_id = r.store_id AND s.order_date = r.order_date
    UNION ALL
    SELECT 'retail.sales_by_product_day', count(*) FILTER (WHERE r.store_id IS NULL),
        count(*) FILTER (WHERE s.store_id IS NULL),
        count(*) FILTER (WHERE r.store_id = s.store_id AND
            (r.order_count, r.line_count, r.units_sold, r.gross_sales, r.discount_amount, r.net_sales)
            <> (s.order_count, s.line_count, s.units_sold, s.gross_sales, s.discount_amount, s.net_sales))
    FROM retail.sales_by_product_day r
    FULL JOIN retail_mcp.sales_by_product_day_source s
        ON s.store_id = r.store_id AND s.order_date = r.order_date AND s.product_id = r.product_id
    UNION ALL
    SELECT 'retail.sales_by_order', count(*) FILTER (WHERE r.order_id IS NULL),
        count(*) FILTER (WHERE s.order_id IS NULL),
        count(*) FILTER (WHERE r.order_id = s.order_id AND
            (r.store_id, r.order_date, r.customer_id, r.units_sold, r.net_sales, r.previous_order_date,
             r.second_previous_order_date)
            IS DISTINCT FROM (s.store_id, s.order_date, s.customer_id, s.units_sold, s.net_sales,
             s.previous_order_date, s.second_previous_order_date))
    FROM retail.sales_by_order r
    FULL JOIN retail_mcp.sales_by_order_source s ON s.order_id = r.order_id
$$;

REVOKE ALL ON FUNCTION retail_mcp.apply_order_changes() FROM PUBLIC;

-- First the rows that are there, while writers are locked out; the other rollups are right already.
LOCK TABLE retail.orders, retail.order_items IN SHARE ROW EXCLUSIVE MODE;
-- A customer's orders in their order, those of a day as well.
CREATE INDEX orders_store_id_customer_id_order_date_order_id
    ON retail.orders (store_id, customer_id, order_date, order_id);
DROP INDEX retail.orders_store_id_customer_id_order_date;
INSERT INTO retail.sales_by_order SELECT s.* FROM retail_mcp.sales_by_order_source s ORDER BY s.order_id;
CREATE INDEX sales_by_order_store_id_order_date
    ON retail.sales_by_order (store_id, order_date)
    INCLUDE (customer_id, net_sales, previous_order_date, second_previous_order_date);

CREATE TRIGGER sales_orders_apply AFTER DELETE ON retail_mcp.sales_changes
    REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION retail_mcp.apply_order_changes();
