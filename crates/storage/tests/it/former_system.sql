-- The schema and policies of the former system, with a few rows a store.
CREATE EXTENSION IF NOT EXISTS vector;
CREATE SCHEMA retail;
CREATE TABLE retail.stores (
    store_id serial PRIMARY KEY, store_name text UNIQUE NOT NULL, rls_user_id uuid NOT NULL,
    is_online boolean NOT NULL DEFAULT false);
CREATE TABLE retail.customers (
    customer_id serial PRIMARY KEY, first_name text NOT NULL, last_name text NOT NULL,
    email text UNIQUE NOT NULL, phone text, primary_store_id integer REFERENCES retail.stores,
    created_at timestamp DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE retail.categories (category_id serial PRIMARY KEY, category_name text NOT NULL UNIQUE);
CREATE TABLE retail.product_types (
    type_id serial PRIMARY KEY, category_id integer NOT NULL REFERENCES retail.categories,
    type_name text NOT NULL);
CREATE TABLE retail.products (
    product_id serial PRIMARY KEY, sku text UNIQUE NOT NULL, product_name text NOT NULL,
    category_id integer NOT NULL REFERENCES retail.categories,
    type_id integer NOT NULL REFERENCES retail.product_types, cost numeric(10,2) NOT NULL,
    base_price numeric(10,2) NOT NULL, gross_margin_percent numeric(5,2) DEFAULT 33.00,
    product_description text NOT NULL);
CREATE TABLE retail.inventory (
    store_id integer REFERENCES retail.stores, product_id integer REFERENCES retail.products,
    stock_level integer NOT NULL, PRIMARY KEY (store_id, product_id));
CREATE TABLE retail.orders (
    order_id serial PRIMARY KEY, customer_id integer NOT NULL REFERENCES retail.customers,
    store_id integer NOT NULL REFERENCES retail.stores, order_date date NOT NULL);
CREATE TABLE retail.order_items (
    order_item_id serial PRIMARY KEY, order_id integer NOT NULL REFERENCES retail.orders,
    store_id integer NOT NULL REFERENCES retail.stores,
    product_id integer NOT NULL REFERENCES retail.products, quantity integer NOT NULL,
    unit_price numeric(10,2) NOT NULL, discount_percent integer DEFAULT 0,
    discount_amount numeric(10,2) DEFAULT 0, total_amount numeric(10,2) NOT NULL);
CREATE TABLE retail.product_description_embeddings (
    product_id integer PRIMARY KEY REFERENCES retail.products, description_embedding vector(1536),
    created_at timestamp DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE retail.product_image_embeddings (
    product_id integer PRIMARY KEY REFERENCES retail.products, image_url text NOT NULL,
    image_embedding vector(512), created_at timestamp DEFAULT CURRENT_TIMESTAMP);
CREATE INDEX idx_orders_order_date ON retail.orders (order_date);

INSERT INTO retail.stores (store_name, rls_user_id, is_online) VALUES
    ('Zava Retail Seattle', 'f47ac10b-58cc-4372-a567-0e02b2c3d479', false),
    ('Zava Retail Bellevue', '6ba7b810-9dad-11d1-80b4-00c04fd430c8', false),
    ('Zava Retail Tacoma', 'a1b2c3d4-e5f6-7890-abcd-ef1234567890', false),
    ('Zava Retail Spokane', 'd8e9f0a1-b2c3-4567-8901-234567890abc', false),
    ('Zava Retail Everett', '3b9ac9fa-cd5e-4b92-a7f2-b8c1d0e9f2a3', false),
    ('Zava Retail Redmond', 'e7f8a9b0-c1d2-3e4f-5678-90abcdef1234', false),
    ('Zava Retail Kirkland', '9c8b7a65-4321-fed0-9876-543210fedcba', false),
    ('Zava Retail Online', '2f4e6d8c-1a3b-5c7e-9f0a-b2d4f6e8c0a2', true);
INSERT INTO retail.customers (first_name, last_name, email, primary_store_id)
    SELECT 'First', 'Last', 'first.last.' || n || '@example.com', n FROM generate_series(1, 8) n;
INSERT INTO retail.categories (category_name) VALUES ('HAND TOOLS');
INSERT INTO retail.product_types (category_id, type_name) VALUES (1, 'HAMMERS');
INSERT INTO retail.products (sku, product_name, category_id, type_id, cost, base_price, product_description)
    VALUES ('HTHM001600', 'Claw Hammer', 1, 1, 10.00, 14.93, 'A hammer.');
INSERT INTO retail.inventory SELECT n, 1, 10 * n FROM generate_series(1, 8) n;
INSERT INTO retail.orders (customer_id, store_id, order_date)
    SELECT (n % 8) + 1, n, DATE '2025-06-01' + n FROM generate_series(1, 8) n, generate_series(1, 2);
INSERT INTO retail.order_items (order_id, store_id, product_id, quantity, unit_price, total_amount)
    SELECT order_id, store_id, 1, 2, 14.93, 29.86 FROM retail.orders;
INSERT INTO retail.product_description_embeddings (product_id, description_embedding)
    SELECT 1, array_fill(0.1, ARRAY[1536])::vector;

DO $$
DECLARE
    t text;
    zero CONSTANT text := '00000000-0000-0000-0000-000000000000';
    me CONSTANT text := 'current_setting(''app.current_rls_user_id'', true)';
BEGIN
    FOREACH t IN ARRAY ARRAY['stores', 'customers', 'categories', 'product_types', 'products',
        'inventory', 'orders', 'order_items', 'product_description_embeddings',
        'product_image_embeddings'] LOOP
        EXECUTE format('ALTER TABLE retail.%I ENABLE ROW LEVEL SECURITY', t);
    END LOOP;
    FOREACH t IN ARRAY ARRAY['orders', 'order_items', 'inventory'] LOOP
        EXECUTE format('CREATE POLICY %I ON retail.%I FOR ALL TO PUBLIC USING (%s = %L OR EXISTS (
            SELECT 1 FROM retail.stores s WHERE s.store_id = %I.store_id AND s.rls_user_id::text = %s))',
            'store_manager_' || t, t, me, zero, t, me);
    END LOOP;
    EXECUTE format('CREATE POLICY store_manager_customers ON retail.customers FOR ALL TO PUBLIC USING (
        %s = %L OR EXISTS (SELECT 1 FROM retail.stores s
            WHERE s.store_id = customers.primary_store_id AND s.rls_user_id::text = %s))', me, zero, me);
    FOREACH t IN ARRAY ARRAY['stores', 'categories', 'product_types', 'products',
        'product_description_embeddings', 'product_image_embeddings'] LOOP
        EXECUTE format('CREATE POLICY %I ON retail.%I FOR ALL TO PUBLIC USING (true)', 'all_users_' || t, t);
    END LOOP;
END $$;
GRANT USAGE ON SCHEMA retail TO PUBLIC;
GRANT SELECT ON ALL TABLES IN SCHEMA retail TO PUBLIC;
-- A report that the former system offered to everybody.
CREATE VIEW retail.v_orders AS SELECT * FROM retail.orders;
GRANT SELECT ON retail.v_orders TO PUBLIC;
CREATE FUNCTION retail.order_count() RETURNS bigint LANGUAGE sql SECURITY DEFINER
    AS 'SELECT count(*) FROM retail.orders';
