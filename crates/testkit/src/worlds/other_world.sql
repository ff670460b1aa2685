-- Changes all that the manager of store :own cannot see. Run by a superuser, whom row security does
-- not bind. Foreign keys are not checked meanwhile (rows are taken out and put back), and again at
-- the end.
BEGIN;
SET LOCAL session_replication_role = replica;

CREATE TEMP TABLE hidden ON COMMIT DROP AS
SELECT customer_id FROM retail.customers c
WHERE primary_store_id IS DISTINCT FROM :own
  AND NOT EXISTS (SELECT FROM retail.orders o
                  WHERE o.customer_id = c.customer_id AND o.store_id = :own);

-- Stores: other names, one that changes its kind, and two more.
UPDATE retail.stores SET store_name = 'Other World ' || store_id, is_online = NOT is_online
WHERE store_id <> :own;
INSERT INTO retail.stores (store_id, store_name, rls_user_id, is_online)
SELECT n, 'Other World ' || n, gen_random_uuid(), n % 2 = 0 FROM generate_series(9, 10) n;

-- Customers: some gone, the rest changed, many new. Their orders go with them below.
DELETE FROM retail.customers USING hidden
WHERE customers.customer_id = hidden.customer_id AND hidden.customer_id % 5 = 0;
UPDATE retail.customers SET first_name = 'Hidden', last_name = 'Person' || customers.customer_id % 7,
    email = 'hidden.' || customers.customer_id || '@other.example',
    phone = CASE customers.customer_id % 3 WHEN 0 THEN NULL ELSE 'no number' END,
    primary_store_id = CASE customers.customer_id % 4 WHEN 0 THEN NULL WHEN 1 THEN 9 ELSE primary_store_id END,
    created_at = created_at - INTERVAL '3 years'
FROM hidden WHERE customers.customer_id = hidden.customer_id;
INSERT INTO retail.customers (customer_id, first_name, last_name, email, phone, primary_store_id, created_at)
SELECT 5000 + n, 'Hidden', 'Newcomer' || n % 11, 'new.' || n || '@example.com', 'no number',
    CASE n % 6 WHEN 0 THEN NULL WHEN 1 THEN 9 ELSE (:own + n % 7) % 8 + 1 END,
    TIMESTAMP '2031-01-01' + n * INTERVAL '1 hour'
FROM generate_series(1, 1200) n;

-- Orders and their items: a third gone, the rest changed, three times as many new. New ones are also
-- of customers whom the manager sees, in stores that the manager does not.
DELETE FROM retail.order_items WHERE store_id <> :own AND order_id % 3 = 0;
DELETE FROM retail.orders WHERE store_id <> :own AND order_id % 3 = 0;
DELETE FROM retail.order_items i USING retail.orders o
WHERE i.order_id = o.order_id
  AND o.store_id <> :own AND NOT EXISTS (SELECT FROM retail.customers c WHERE c.customer_id = o.customer_id);
DELETE FROM retail.orders o
WHERE store_id <> :own AND NOT EXISTS (SELECT FROM retail.customers c WHERE c.customer_id = o.customer_id);
UPDATE retail.orders SET
    order_date = CASE order_id % 50 WHEN 0 THEN 'infinity' ELSE order_date + 40 + order_id % 400 END
WHERE store_id <> :own;
UPDATE retail.order_items SET quantity = CASE order_item_id % 4 WHEN 0 THEN 0 ELSE quantity * 1000 END,
    unit_price = unit_price * 3 + 1, discount_percent = 77, discount_amount = unit_price,
    total_amount = total_amount * 11 + 0.01
WHERE store_id <> :own;
CREATE TEMP TABLE sources ON COMMIT DROP AS
SELECT order_id, row_number() OVER (ORDER BY order_id) AS n FROM retail.orders;
INSERT INTO retail.orders (order_id, customer_id, store_id, order_date)
SELECT 100000 * k + o.order_id,
    CASE WHEN k = 1 THEN 5000 + 1 + s.n % 1200 ELSE o.customer_id END,
    (:own + (s.n + k) % 9) % 10 + 1,
    CASE WHEN isfinite(o.order_date) THEN o.order_date - 700 * k ELSE DATE '1999-12-31' END
FROM retail.orders o JOIN sources s USING (order_id) CROSS JOIN generate_series(1, 3) k;
INSERT INTO retail.order_items (order_item_id, order_id, store_id, product_id, quantity, unit_price,
    discount_percent, discount_amount, total_amount)
SELECT 1000000 * k + i.order_item_id, o.order_id, o.store_id, 1 + (i.product_id * 7 + k) % 400,
    i.order_item_id % 3, i.unit_price + k, 50, i.unit_price, i.total_amount * 2 + k
FROM retail.order_items i CROSS JOIN generate_series(1, 3) k
JOIN retail.orders o ON o.order_id = 100000 * k + i.order_id;

-- Stock: some gone, the rest changed, and that of the new stores.
DELETE FROM retail.inventory WHERE store_id <> :own AND product_id % 4 = 0;
UPDATE retail.inventory SET stock_level = stock_level * 100 + 7 WHERE store_id <> :own;
INSERT INTO retail.inventory (store_id, product_id, stock_level)
SELECT s, product_id, product_id * 1000 FROM retail.products CROSS JOIN generate_series(9, 10) s;

-- The manager's own rows, written again in the opposite order: same values, another place.
CREATE TEMP TABLE own_orders ON COMMIT DROP AS SELECT * FROM retail.orders WHERE store_id = :own;
DELETE FROM retail.orders WHERE store_id = :own;
INSERT INTO retail.orders SELECT * FROM own_orders ORDER BY order_id DESC;
CREATE TEMP TABLE own_items ON COMMIT DROP AS SELECT * FROM retail.order_items WHERE store_id = :own;
DELETE FROM retail.order_items WHERE store_id = :own;
INSERT INTO retail.order_items SELECT * FROM own_items ORDER BY order_item_id DESC;
CREATE TEMP TABLE own_stock ON COMMIT DROP AS SELECT * FROM retail.inventory WHERE store_id = :own;
DELETE FROM retail.inventory WHERE store_id = :own;
INSERT INTO retail.inventory SELECT * FROM own_stock ORDER BY product_id DESC;
CREATE TEMP TABLE own_customers ON COMMIT DROP AS
SELECT c.* FROM retail.customers c
WHERE c.primary_store_id = :own OR c.customer_id IN (SELECT customer_id FROM own_orders);
DELETE FROM retail.customers USING own_customers
WHERE customers.customer_id = own_customers.customer_id;
INSERT INTO retail.customers SELECT * FROM own_customers ORDER BY customer_id DESC;

-- How the other stores compare: some gone, the rest changed, and a new one. The manager's own were published before.
DELETE FROM retail.store_benchmark WHERE store_id <> :own AND extract(month FROM month) = 3;
UPDATE retail.store_benchmark SET value = value * 7 + 1, percentile = 100 - percentile WHERE store_id <> :own;
INSERT INTO retail.store_benchmark
SELECT 9, b.month, b.category_id, b.metric, 1, b.rank, b.store_count, 0, NULL, true, 'protected'
FROM retail.store_benchmark b WHERE b.store_id = :own;

SET LOCAL session_replication_role = origin;
-- No trigger has added up what was written.
SELECT retail_mcp.rebuild_sales_rollups();
DO $$
DECLARE
    k record;
    broken bigint;
BEGIN
    FOR k IN SELECT conrelid::regclass AS child, confrelid::regclass AS parent, a.attname AS child_column,
                    f.attname AS parent_column
             FROM pg_constraint c
             JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
             JOIN pg_attribute f ON f.attrelid = c.confrelid AND f.attnum = c.confkey[1]
             WHERE c.contype = 'f' AND c.connamespace = 'retail'::regnamespace
    LOOP
        EXECUTE format('SELECT count(*) FROM %s x WHERE %I IS NOT NULL AND NOT EXISTS
                        (SELECT FROM %s y WHERE y.%I = x.%I)',
                       k.child, k.child_column, k.parent, k.parent_column, k.child_column) INTO broken;
        IF broken > 0 THEN
            RAISE EXCEPTION '% rows of % have no %', broken, k.child, k.parent;
        END IF;
    END LOOP;
END $$;
COMMIT;
-- After the transaction: the planner must see the other world.
VACUUM (ANALYZE) retail.stores, retail.customers, retail.orders, retail.order_items, retail.inventory;
