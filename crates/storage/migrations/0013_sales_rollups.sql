-- Sales by store and day, and by store, product and day: what most questions about sales add up, kept added up.
--
-- Statements note what they change in sales_changes; a deferred trigger turns the notes of a transaction into changes of
-- the two tables when it commits. So no lock on their rows is held longer than a commit takes, and all transactions take
-- these locks in the same order, whatever order their statements had: orders by key, days by key, products by key.
-- docs/decisions/0018-rollups-by-statement-triggers.md says why.
SET LOCAL ROLE retail_owner;

CREATE TABLE retail.sales_by_day (
    store_id integer NOT NULL,
    order_date date NOT NULL,
    order_count bigint NOT NULL,
    line_count bigint NOT NULL,
    units_sold bigint NOT NULL,
    gross_sales numeric(18, 2) NOT NULL,
    discount_amount numeric(18, 2) NOT NULL,
    net_sales numeric(18, 2) NOT NULL,
    PRIMARY KEY (store_id, order_date)
) WITH (fillfactor = 70);
COMMENT ON TABLE retail.sales_by_day IS
    'Sales of each store by day, always equal to the sums of orders and order_items and far faster: use it for revenue, orders or units by day, week, month, quarter, year or store';
COMMENT ON COLUMN retail.sales_by_day.store_id IS 'Store that sold';
COMMENT ON COLUMN retail.sales_by_day.order_date IS 'Day of the orders';
COMMENT ON COLUMN retail.sales_by_day.order_count IS 'Orders; add up for any period';
COMMENT ON COLUMN retail.sales_by_day.line_count IS 'Lines of the orders';
COMMENT ON COLUMN retail.sales_by_day.units_sold IS 'sum(quantity)';
COMMENT ON COLUMN retail.sales_by_day.gross_sales IS 'sum(quantity * unit_price), before discount, USD';
COMMENT ON COLUMN retail.sales_by_day.discount_amount IS 'Discounts, USD';
COMMENT ON COLUMN retail.sales_by_day.net_sales IS 'Net sales (revenue), USD: sum(total_amount)';

CREATE TABLE retail.sales_by_product_day (
    store_id integer NOT NULL,
    order_date date NOT NULL,
    product_id integer NOT NULL,
    order_count bigint NOT NULL,
    line_count bigint NOT NULL,
    units_sold bigint NOT NULL,
    gross_sales numeric(18, 2) NOT NULL,
    discount_amount numeric(18, 2) NOT NULL,
    net_sales numeric(18, 2) NOT NULL,
    PRIMARY KEY (store_id, order_date, product_id)
) WITH (fillfactor = 90);
CREATE INDEX sales_by_product_day_product_id_store_id_order_date
    ON retail.sales_by_product_day (product_id, store_id, order_date);
COMMENT ON TABLE retail.sales_by_product_day IS
    'Sales of each store by product and day, always equal to the sums of orders and order_items: use it for top products, or sales by product, type or category, in a period such as a quarter or a year';
COMMENT ON COLUMN retail.sales_by_product_day.store_id IS 'Store that sold';
COMMENT ON COLUMN retail.sales_by_product_day.order_date IS 'Day of the orders';
COMMENT ON COLUMN retail.sales_by_product_day.product_id IS 'Product sold; join with products for its name, type and category';
COMMENT ON COLUMN retail.sales_by_product_day.order_count IS
    'Orders with the product; add up over days and stores, never over products: an order has several';
COMMENT ON COLUMN retail.sales_by_product_day.line_count IS 'Lines of orders with the product';
COMMENT ON COLUMN retail.sales_by_product_day.units_sold IS 'sum(quantity)';
COMMENT ON COLUMN retail.sales_by_product_day.gross_sales IS 'sum(quantity * unit_price), before discount, USD';
COMMENT ON COLUMN retail.sales_by_product_day.discount_amount IS 'Discounts, USD';
COMMENT ON COLUMN retail.sales_by_product_day.net_sales IS 'Net sales (revenue), USD: sum(total_amount)';

-- What the transactions that are under way have changed. Each sees its own rows alone, and removes them when it commits:
-- so it may be UNLOGGED, and the index is there to pass by what others have removed.
CREATE UNLOGGED TABLE retail_mcp.sales_changes (
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    order_id integer NOT NULL,
    is_line boolean NOT NULL,
    is_first boolean NOT NULL,
    store_id integer,
    order_date date,
    product_id integer,
    line_count bigint,
    units_sold bigint,
    gross_sales numeric,
    discount_amount numeric,
    net_sales numeric
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, vacuum_truncate = off);
CREATE INDEX sales_changes_xid_order_id ON retail_mcp.sales_changes (xid, order_id);
COMMENT ON TABLE retail_mcp.sales_changes IS
    'Changes of orders and order_items that are not in the sales rollups yet; no committed rows';
COMMENT ON COLUMN retail_mcp.sales_changes.xid IS 'Transaction that made the change';
COMMENT ON COLUMN retail_mcp.sales_changes.order_id IS 'Order that changed, or whose lines did';
COMMENT ON COLUMN retail_mcp.sales_changes.is_line IS 'Whether the row is about lines; else about the order, once a transaction';
COMMENT ON COLUMN retail_mcp.sales_changes.is_first IS 'Whether it calls the trigger that works the changes in';
COMMENT ON COLUMN retail_mcp.sales_changes.store_id IS 'Store of the lines, or of the order before; none for a new order';
COMMENT ON COLUMN retail_mcp.sales_changes.order_date IS 'Day of the order before; none for a new order';
COMMENT ON COLUMN retail_mcp.sales_changes.product_id IS 'Product of the lines';
COMMENT ON COLUMN retail_mcp.sales_changes.line_count IS 'Lines added, less those removed; so with all that follow';
COMMENT ON COLUMN retail_mcp.sales_changes.units_sold IS 'Units';
COMMENT ON COLUMN retail_mcp.sales_changes.gross_sales IS 'Sales before discount, USD';
COMMENT ON COLUMN retail_mcp.sales_changes.discount_amount IS 'Discounts, USD';
COMMENT ON COLUMN retail_mcp.sales_changes.net_sales IS 'Net sales, USD';

DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['retail.sales_by_day', 'retail.sales_by_product_day', 'retail_mcp.sales_changes'] LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY owner_maintains ON %s TO retail_owner USING (true) WITH CHECK (true)', t);
        EXECUTE format('REVOKE ALL ON %s FROM PUBLIC, retail_query, retail_query_hq, retail_service', t);
    END LOOP;
    FOREACH t IN ARRAY ARRAY['retail.sales_by_day', 'retail.sales_by_product_day'] LOOP
        EXECUTE format('CREATE POLICY store_sees_own ON %s FOR SELECT TO retail_query
            USING (store_id = (SELECT retail_sec.current_store_id()))', t);
        EXECUTE format('CREATE POLICY head_office_sees_all ON %s FOR SELECT TO retail_query_hq
            USING ((SELECT retail_sec.sees_all_stores()))', t);
        EXECUTE format('GRANT SELECT ON %s TO retail_query, retail_query_hq', t);
    END LOOP;
END $$;

-- What the rollups must be equal to. A line counts where its store is that of its order, as it should be: else the store of
-- the line cannot see the order, and that of the order cannot see the line.
CREATE VIEW retail_mcp.sales_by_day_source AS
    SELECT o.store_id, o.order_date, o.order_count, coalesce(l.line_count, 0) AS line_count,
        coalesce(l.units_sold, 0) AS units_sold, coalesce(l.gross_sales, 0) AS gross_sales,
        coalesce(l.discount_amount, 0) AS discount_amount, coalesce(l.net_sales, 0) AS net_sales
    FROM (SELECT store_id, order_date, count(*) AS order_count FROM retail.orders GROUP BY 1, 2) AS o
    LEFT JOIN (
        SELECT o.store_id, o.order_date, count(*) AS line_count, sum(i.quantity) AS units_sold,
            sum(i.quantity * i.unit_price) AS gross_sales,
            sum(coalesce(i.discount_amount, 0)) AS discount_amount, sum(i.total_amount) AS net_sales
        FROM retail.orders o
        JOIN retail.order_items i ON i.order_id = o.order_id AND i.store_id = o.store_id
        GROUP BY 1, 2
    ) AS l ON l.store_id = o.store_id AND l.order_date = o.order_date;
CREATE VIEW retail_mcp.sales_by_product_day_source AS
    SELECT o.store_id, o.order_date, i.product_id, count(DISTINCT o.order_id) AS order_count,
        count(*) AS line_count, sum(i.quantity) AS units_sold,
        sum(i.quantity * i.unit_price) AS gross_sales,
        sum(coalesce(i.discount_amount, 0)) AS discount_amount, sum(i.total_amount) AS net_sales
    FROM retail.orders o
    JOIN retail.order_items i ON i.order_id = o.order_id AND i.store_id = o.store_id
    GROUP BY 1, 2, 3;
REVOKE ALL ON retail_mcp.sales_by_day_source, retail_mcp.sales_by_product_day_source
    FROM PUBLIC, retail_query, retail_query_hq, retail_service;
COMMENT ON VIEW retail_mcp.sales_by_day_source IS 'What retail.sales_by_day must hold, from orders and order_items';
COMMENT ON VIEW retail_mcp.sales_by_product_day_source IS
    'What retail.sales_by_product_day must hold, from orders and order_items';

-- Notes which orders changed, and how they were before this transaction.
CREATE FUNCTION retail_mcp.note_order_changes()
RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_xid CONSTANT xid8 := pg_current_xact_id();
    v_is_first CONSTANT boolean := NOT EXISTS (
        SELECT FROM retail_mcp.sales_changes c WHERE c.xid = v_xid);
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO retail_mcp.sales_changes (xid, order_id, is_line, is_first)
        SELECT v_xid, n.order_id, false, v_is_first AND row_number() OVER () = 1
        FROM new_rows n
        WHERE NOT EXISTS (SELECT FROM retail_mcp.sales_changes c
                          WHERE c.xid = v_xid AND c.order_id = n.order_id AND NOT c.is_line);
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO retail_mcp.sales_changes (xid, order_id, is_line, is_first, store_id, order_date)
        SELECT v_xid, o.order_id, false, v_is_first AND row_number() OVER () = 1, o.store_id, o.order_date
        FROM old_rows o
        WHERE NOT EXISTS (SELECT FROM retail_mcp.sales_changes c
                          WHERE c.xid = v_xid AND c.order_id = o.order_id AND NOT c.is_line);
    ELSE
        -- Whatever the statement did to the keys: how each order was, or that it was not there.
        INSERT INTO retail_mcp.sales_changes (xid, order_id, is_line, is_first, store_id, order_date)
        SELECT v_xid, d.order_id, false, v_is_first AND row_number() OVER () = 1, d.store_id, d.order_date
        FROM (
            SELECT coalesce(o.order_id, n.order_id) AS order_id, o.store_id, o.order_date
            FROM old_rows o
            FULL JOIN new_rows n ON n.order_id = o.order_id
            WHERE (o.store_id, o.order_date) IS DISTINCT FROM (n.store_id, n.order_date)
        ) AS d
        WHERE NOT EXISTS (SELECT FROM retail_mcp.sales_changes c
                          WHERE c.xid = v_xid AND c.order_id = d.order_id AND NOT c.is_line);
    END IF;
    RETURN NULL;
END $$;

-- Notes what was added to and taken from each order's lines of a product.
CREATE FUNCTION retail_mcp.note_line_changes()
RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_xid CONSTANT xid8 := pg_current_xact_id();
    v_is_first CONSTANT boolean := NOT EXISTS (
        SELECT FROM retail_mcp.sales_changes c WHERE c.xid = v_xid);
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO retail_mcp.sales_changes
        SELECT v_xid, n.order_id, true, v_is_first AND row_number() OVER () = 1, n.store_id, NULL,
            n.product_id, count(*), sum(n.quantity), sum(n.quantity * n.unit_price),
            sum(coalesce(n.discount_amount, 0)), sum(n.total_amount)
        FROM new_rows n
        GROUP BY n.order_id, n.store_id, n.product_id;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO retail_mcp.sales_changes
        SELECT v_xid, o.order_id, true, v_is_first AND row_number() OVER () = 1, o.store_id, NULL,
            o.product_id, -count(*), -sum(o.quantity), -sum(o.quantity * o.unit_price),
            -sum(coalesce(o.discount_amount, 0)), -sum(o.total_amount)
        FROM old_rows o
        GROUP BY o.order_id, o.store_id, o.product_id;
    ELSE
        INSERT INTO retail_mcp.sales_changes
        SELECT v_xid, d.order_id, true, v_is_first AND row_number() OVER () = 1, d.store_id, NULL,
            d.product_id, d.line_count, d.units_sold, d.gross_sales, d.discount_amount, d.net_sales
        FROM (
            SELECT c.order_id, c.store_id, c.product_id, sum(c.sign) AS line_count,
                sum(c.sign * c.quantity) AS units_sold,
                sum(c.sign * c.quantity * c.unit_price) AS gross_sales,
                sum(c.sign * coalesce(c.discount_amount, 0)) AS discount_amount,
                sum(c.sign * c.total_amount) AS net_sales
            FROM (
                SELECT 1 AS sign, n.order_id, n.store_id, n.product_id, n.quantity, n.unit_price,
                    n.discount_amount, n.total_amount
                FROM new_rows n
                UNION ALL
                SELECT -1, o.order_id, o.store_id, o.product_id, o.quantity, o.unit_price,
                    o.discount_amount, o.total_amount
                FROM old_rows o
            ) AS c
            GROUP BY c.order_id, c.store_id, c.product_id
        ) AS d
        WHERE (d.line_count, d.units_sold, d.gross_sales, d.discount_amount, d.net_sales)
            <> (0, 0, 0, 0, 0);
    END IF;
    RETURN NULL;
END $$;

-- Works the notes of this transaction in, once all its statements are done.
CREATE FUNCTION retail_mcp.apply_sales_changes()
RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_xid CONSTANT xid8 := pg_current_xact_id();
    v_day_stores integer[];
    v_days date[];
    v_product_stores integer[];
    v_product_days date[];
    v_products integer[];
BEGIN
    -- Nobody else adds lines to these orders or moves them from here on. An order that this transaction made, moved or
    -- removed is locked by that already.
    PERFORM FROM retail.orders o
    WHERE o.order_id IN (
        SELECT c.order_id FROM retail_mcp.sales_changes c
        WHERE c.xid = v_xid
        GROUP BY c.order_id
        HAVING bool_and(c.is_line))
    ORDER BY o.order_id
    FOR NO KEY UPDATE;
    -- The next statement sees what others committed before they let go of these orders.
    WITH taken AS (
        DELETE FROM retail_mcp.sales_changes c WHERE c.xid = v_xid RETURNING c.*
    ),
    -- No two of these subqueries are joined with each other: their sizes are not known when they are planned.
    noted AS (
        SELECT t.*, row_number() OVER by_order = 1 AS is_first_of_order,
            bool_and(t.is_line) OVER by_order AS is_unchanged,
            max(t.store_id) FILTER (WHERE NOT t.is_line) OVER by_order AS old_store_id,
            max(t.order_date) OVER by_order AS old_order_date
        FROM taken t
        WINDOW by_order AS (PARTITION BY t.order_id)
    ),
    placed AS MATERIALIZED (
        SELECT n.order_id, n.is_line, n.is_first_of_order, n.store_id, n.product_id, n.line_count,
            n.units_sold, n.gross_sales, n.discount_amount, n.net_sales,
            o.store_id AS new_store_id, o.order_date AS new_order_date,
            CASE WHEN n.is_unchanged THEN o.store_id ELSE n.old_store_id END AS old_store_id,
            CASE WHEN n.is_unchanged THEN o.order_date ELSE n.old_order_date END AS old_order_date
        FROM noted n
        LEFT JOIN retail.orders o ON o.order_id = n.order_id
    ),
    -- The lines of each order by product, as they are, and as they were: less what was noted.
    lines AS (
        SELECT l.order_id, l.store_id, l.product_id,
            l.new_store_id, l.new_order_date, l.old_store_id, l.old_order_date,
            sum(l.line_count) FILTER (WHERE l.is_now) AS new_line_count,
            sum(l.units_sold) FILTER (WHERE l.is_now) AS new_units_sold,
            sum(l.gross_sales) FILTER (WHERE l.is_now) AS new_gross_sales,
            sum(l.discount_amount) FILTER (WHERE l.is_now) AS new_discount_amount,
            sum(l.net_sales) FILTER (WHERE l.is_now) AS new_net_sales,
            sum(l.line_count) AS old_line_count, sum(l.units_sold) AS old_units_sold,
            sum(l.gross_sales) AS old_gross_sales, sum(l.discount_amount) AS old_discount_amount,
            sum(l.net_sales) AS old_net_sales
        FROM (
            SELECT p.order_id, i.store_id, i.product_id, p.new_store_id, p.new_order_date,
                p.old_store_id, p.old_order_date, true AS is_now, 1::bigint AS line_count,
                i.quantity::bigint AS units_sold, i.quantity * i.unit_price AS gross_sales,
                coalesce(i.discount_amount, 0) AS discount_amount, i.total_amount AS net_sales
            FROM placed p
            JOIN retail.order_items i ON i.order_id = p.order_id
            WHERE p.is_first_of_order
            UNION ALL
            SELECT p.order_id, p.store_id, p.product_id, p.new_store_id, p.new_order_date,
                p.old_store_id, p.old_order_date, false, -p.line_count,
                -p.units_sold, -p.gross_sales, -p.discount_amount, -p.net_sales
            FROM placed p
            WHERE p.is_line
        ) AS l
        GROUP BY l.order_id, l.store_id, l.product_id,
            l.new_store_id, l.new_order_date, l.old_store_id, l.old_order_date
    ),
    products AS MATERIALIZED (
        SELECT d.store_id, d.order_date, l.product_id, sum(d.order_count)::bigint AS order_count,
            sum(d.line_count)::bigint AS line_count, sum(d.units_sold)::bigint AS units_sold,
            sum(d.gross_sales) AS gross_sales, sum(d.discount_amount) AS discount_amount,
            sum(d.net_sales) AS net_sales
        FROM lines l
        CROSS JOIN LATERAL (VALUES
            (l.new_store_id, l.new_order_date, 1, l.new_line_count, l.new_units_sold,
             l.new_gross_sales, l.new_discount_amount, l.new_net_sales),
            (l.old_store_id, l.old_order_date, -1, -l.old_line_count, -l.old_units_sold,
             -l.old_gross_sales, -l.old_discount_amount, -l.old_net_sales)
        ) AS d (store_id, order_date, order_count, line_count, units_sold, gross_sales,
                discount_amount, net_sales)
        WHERE d.store_id = l.store_id AND d.line_count <> 0
        GROUP BY d.store_id, d.order_date, l.product_id
    ),
    days AS (
        SELECT d.store_id, d.order_date, sum(d.order_count)::bigint AS order_count,
            sum(d.line_count)::bigint AS line_count, sum(d.units_sold)::bigint AS units_sold,
            sum(d.gross_sales) AS gross_sales, sum(d.discount_amount) AS discount_amount,
            sum(d.net_sales) AS net_sales
        FROM (
            SELECT p.store_id, p.order_date, 0 AS order_count, p.line_count, p.units_sold,
                p.gross_sales, p.discount_amount, p.net_sales
            FROM products p
            UNION ALL
            SELECT o.store_id, o.order_date, o.order_count, 0, 0, 0, 0, 0
            FROM placed p
            CROSS JOIN LATERAL (VALUES
                (p.new_store_id, p.new_order_date, 1), (p.old_store_id, p.old_order_date, -1)
            ) AS o (store_id, order_date, order_count)
            WHERE p.is_first_of_order AND o.store_id IS NOT NULL
        ) AS d
        GROUP BY d.store_id, d.order_date
    ),
    days_kept AS (
        INSERT INTO retail.sales_by_day AS r
        SELECT d.* FROM days d
        WHERE (d.order_count, d.line_count, d.units_sold, d.gross_sales, d.discount_amount, d.net_sales)
            <> (0, 0, 0, 0, 0, 0)
        ORDER BY d.store_id, d.order_date
        ON CONFLICT (store_id, order_date) DO UPDATE SET
            order_count = r.order_count + EXCLUDED.order_count,
            line_count = r.line_count + EXCLUDED.line_count,
            units_sold = r.units_sold + EXCLUDED.units_sold,
            gross_sales = r.gross_sales + EXCLUDED.gross_sales,
            discount_amount = r.discount_amount + EXCLUDED.discount_amount,
            net_sales = r.net_sales + EXCLUDED.net_sales
        RETURNING r.store_id, r.order_date, r.order_count = 0 AND r.line_count = 0 AS is_empty
    ),
    empty_days AS MATERIALIZED (
        SELECT count(*) AS changed, array_agg(k.store_id) FILTER (WHERE k.is_empty) AS stores,
            array_agg(k.order_date) FILTER (WHERE k.is_empty) AS days
        FROM days_kept k
    ),
    products_kept AS (
        INSERT INTO retail.sales_by_product_day AS r
        SELECT p.* FROM products p
        -- All days come before the first product.
        WHERE (SELECT e.changed FROM empty_days e) >= 0
          AND (p.order_count, p.line_count, p.units_sold, p.gross_sales, p.discount_amount, p.net_sales)
            <> (0, 0, 0, 0, 0, 0)
        ORDER BY p.store_id, p.order_date, p.product_id
        ON CONFLICT (store_id, order_date, product_id) DO UPDATE SET
            order_count = r.order_count + EXCLUDED.order_count,
            line_count = r.line_count + EXCLUDED.line_count,
            units_sold = r.units_sold + EXCLUDED.units_sold,
            gross_sales = r.gross_sales + EXCLUDED.gross_sales,
            discount_amount = r.discount_amount + EXCLUDED.discount_amount,
            net_sales = r.net_sales + EXCLUDED.net_sales
        RETURNING r.store_id, r.order_date, r.product_id, r.line_count = 0 AS is_empty
    )
    SELECT (SELECT e.stores FROM empty_days e), (SELECT e.days FROM empty_days e),
        array_agg(k.store_id) FILTER (WHERE k.is_empty), array_agg(k.order_date) FILTER (WHERE k.is_empty),
        array_agg(k.product_id) FILTER (WHERE k.is_empty)
    INTO v_day_stores, v_days, v_product_stores, v_product_days, v_products
    FROM products_kept k;
    IF v_days IS NOT NULL THEN
        DELETE FROM retail.sales_by_day r
        USING unnest(v_day_stores, v_days) AS e (store_id, order_date)
        WHERE r.store_id = e.store_id AND r.order_date = e.order_date;
    END IF;
    IF v_products IS NOT NULL THEN
        DELETE FROM retail.sales_by_product_day r
        USING unnest(v_product_stores, v_product_days, v_products) AS e (store_id, order_date, product_id)
        WHERE r.store_id = e.store_id AND r.order_date = e.order_date AND r.product_id = e.product_id;
    END IF;
    RETURN NULL;
END $$;

-- After a TRUNCATE. It has waited for all who wrote to the table, so no other transaction has notes about its rows.
CREATE FUNCTION retail_mcp.forget_sales()
RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    TRUNCATE retail.sales_by_product_day;
    IF TG_TABLE_NAME = 'orders' THEN
        TRUNCATE retail.sales_by_day;
        DELETE FROM retail_mcp.sales_changes c WHERE c.xid = pg_current_xact_id();
    ELSE
        DELETE FROM retail_mcp.sales_changes c WHERE c.xid = pg_current_xact_id() AND c.is_line;
        UPDATE retail.sales_by_day r
        SET line_count = 0, units_sold = 0, gross_sales = 0, discount_amount = 0, net_sales = 0
        WHERE r.line_count <> 0;
    END IF;
    RETURN NULL;
END $$;

-- Makes the rollups anew, for after a load without the triggers. Writers wait, readers do not.
CREATE FUNCTION retail_mcp.rebuild_sales_rollups()
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
    -- Servers keep answers from them until the next write to sales.
    INSERT INTO retail_mcp.data_change (table_group) VALUES ('sales');
END $$;

-- Compares the rollups with what they must be equal to, as it was committed: a row for each of them with the number of
-- rows that are not there, that should not be there, and whose figures differ. Reads all orders.
CREATE FUNCTION retail_mcp.check_sales_rollups()
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
$$;

REVOKE ALL ON FUNCTION retail_mcp.note_order_changes(), retail_mcp.note_line_changes(),
    retail_mcp.apply_sales_changes(), retail_mcp.forget_sales(), retail_mcp.rebuild_sales_rollups(),
    retail_mcp.check_sales_rollups() FROM PUBLIC;

-- First the rows that are there: this locks out writers until the triggers are.
SELECT retail_mcp.rebuild_sales_rollups();

CREATE TRIGGER sales_rollups_insert AFTER INSERT ON retail.orders
    REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION retail_mcp.note_order_changes();
CREATE TRIGGER sales_rollups_update AFTER UPDATE ON retail.orders
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION retail_mcp.note_order_changes();
CREATE TRIGGER sales_rollups_delete AFTER DELETE ON retail.orders
    REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION retail_mcp.note_order_changes();
CREATE TRIGGER sales_rollups_truncate AFTER TRUNCATE ON retail.orders
    FOR EACH STATEMENT EXECUTE FUNCTION retail_mcp.forget_sales();
CREATE TRIGGER sales_rollups_insert AFTER INSERT ON retail.order_items
    REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION retail_mcp.note_line_changes();
CREATE TRIGGER sales_rollups_update AFTER UPDATE ON retail.order_items
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION retail_mcp.note_line_changes();
CREATE TRIGGER sales_rollups_delete AFTER DELETE ON retail.order_items
    REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION retail_mcp.note_line_changes();
CREATE TRIGGER sales_rollups_truncate AFTER TRUNCATE ON retail.order_items
    FOR EACH STATEMENT EXECUTE FUNCTION retail_mcp.forget_sales();
CREATE CONSTRAINT TRIGGER sales_rollups_apply AFTER INSERT ON retail_mcp.sales_changes
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.is_first) EXECUTE FUNCTION retail_mcp.apply_sales_changes();
