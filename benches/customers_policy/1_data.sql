-- Stores, customers, orders and one line an order. \set customers and orders before.
-- Store 1 is the small one (10 % of the rows), 2 the big one (30 %), 8 the online one (25 %).
-- 85 % of a customer's orders are in the primary store; ids of customers say nothing about stores.
\set ON_ERROR_STOP on
SELECT setseed(0.42);
-- No foreign key checks a row, and the indexes come afterwards: this is preparation, not the subject.
SET session_replication_role = replica;
SET synchronous_commit = off;
DROP INDEX retail.idx_orders_customer_id_store_id, retail.idx_orders_store_id_order_date,
    retail.idx_orders_order_date, retail.idx_order_items_order_id,
    retail.idx_order_items_product_id, retail.idx_order_items_store_id_product_id;

INSERT INTO retail.stores (store_name, rls_user_id, is_online)
SELECT 'Store ' || n, gen_random_uuid(), n = 8 FROM generate_series(1, 8) n;
INSERT INTO retail.categories (category_name) VALUES ('ANY');
INSERT INTO retail.product_types (category_id, type_name) VALUES (1, 'ANY');
INSERT INTO retail.products (sku, product_name, category_id, type_id, cost, base_price, product_description)
SELECT 'SKU' || n, 'Product ' || n, 1, 1, 10, 15, 'A product' FROM generate_series(1, 400) n;

CREATE FUNCTION pg_temp.a_store(r float8) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN r < 0.10 THEN 1 WHEN r < 0.40 THEN 2 WHEN r < 0.65 THEN 8
                ELSE 3 + ((r - 0.65) / 0.07)::numeric(4, 2)::integer % 5 END
$$;
INSERT INTO retail.customers (customer_id, first_name, last_name, email, phone, primary_store_id, created_at)
SELECT n, 'First' || n % 500, 'Last' || n % 2000, 'first' || n % 500 || '.last' || n || '@example.com',
       '(206) 555-' || lpad((n % 10000)::text, 4, '0'), pg_temp.a_store(random()),
       TIMESTAMP '2020-01-01' + n * (INTERVAL '6 years' / :customers)
FROM generate_series(1, :customers) n;
-- Customers with low numbers order more often; some have never ordered.
INSERT INTO retail.orders (order_id, customer_id, store_id, order_date)
SELECT o.n, o.customer_id,
       CASE WHEN random() < 0.85 THEN c.primary_store_id ELSE pg_temp.a_store(random()) END,
       DATE '2020-01-01' + (o.n * 2192 / :orders)::integer
FROM (SELECT n, 1 + floor(:customers * 0.95 * random() ^ 1.3)::integer AS customer_id
      FROM generate_series(1, :orders::bigint) n) o
JOIN retail.customers c USING (customer_id)
ORDER BY o.n;
INSERT INTO retail.order_items (order_item_id, order_id, store_id, product_id, quantity, unit_price, total_amount)
SELECT order_id, order_id, store_id, 1 + order_id % 400, 1 + order_id % 3, 15, 15 * (1 + order_id % 3)
FROM retail.orders;
SELECT setval('retail.customers_customer_id_seq', :customers), setval('retail.orders_order_id_seq', :orders);
RESET session_replication_role;
