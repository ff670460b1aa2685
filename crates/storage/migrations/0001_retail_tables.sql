-- The tables of the Zava schema. Each statement does nothing where an adopted database has the
-- object already.
CREATE TABLE IF NOT EXISTS retail.stores (
    store_id serial PRIMARY KEY,
    store_name text UNIQUE NOT NULL,
    rls_user_id uuid NOT NULL,
    is_online boolean NOT NULL DEFAULT false
);

CREATE TABLE IF NOT EXISTS retail.customers (
    customer_id serial PRIMARY KEY,
    first_name text NOT NULL,
    last_name text NOT NULL,
    email text UNIQUE NOT NULL,
    phone text,
    primary_store_id integer REFERENCES retail.stores (store_id),
    created_at timestamp DEFAULT CURRENT_TIMESTAMP
);

CREATE TABLE IF NOT EXISTS retail.categories (
    category_id serial PRIMARY KEY,
    category_name text UNIQUE NOT NULL
);

CREATE TABLE IF NOT EXISTS retail.product_types (
    type_id serial PRIMARY KEY,
    category_id integer NOT NULL REFERENCES retail.categories (category_id),
    type_name text NOT NULL
);

CREATE TABLE IF NOT EXISTS retail.products (
    product_id serial PRIMARY KEY,
    sku text UNIQUE NOT NULL,
    product_name text NOT NULL,
    category_id integer NOT NULL REFERENCES retail.categories (category_id),
    type_id integer NOT NULL REFERENCES retail.product_types (type_id),
    cost numeric(10, 2) NOT NULL,
    base_price numeric(10, 2) NOT NULL,
    gross_margin_percent numeric(5, 2) DEFAULT 33.00,
    product_description text NOT NULL
);

CREATE TABLE IF NOT EXISTS retail.inventory (
    store_id integer NOT NULL REFERENCES retail.stores (store_id),
    product_id integer NOT NULL REFERENCES retail.products (product_id),
    stock_level integer NOT NULL,
    PRIMARY KEY (store_id, product_id)
);

CREATE TABLE IF NOT EXISTS retail.orders (
    order_id serial PRIMARY KEY,
    customer_id integer NOT NULL REFERENCES retail.customers (customer_id),
    store_id integer NOT NULL REFERENCES retail.stores (store_id),
    order_date date NOT NULL
);

CREATE TABLE IF NOT EXISTS retail.order_items (
    order_item_id serial PRIMARY KEY,
    order_id integer NOT NULL REFERENCES retail.orders (order_id),
    store_id integer NOT NULL REFERENCES retail.stores (store_id),
    product_id integer NOT NULL REFERENCES retail.products (product_id),
    quantity integer NOT NULL,
    unit_price numeric(10, 2) NOT NULL,
    discount_percent integer DEFAULT 0,
    discount_amount numeric(10, 2) DEFAULT 0,
    total_amount numeric(10, 2) NOT NULL
);

CREATE TABLE IF NOT EXISTS retail.product_description_embeddings (
    product_id integer PRIMARY KEY REFERENCES retail.products (product_id),
    description_embedding public.vector(1536),
    created_at timestamp DEFAULT CURRENT_TIMESTAMP
);

CREATE TABLE IF NOT EXISTS retail.product_image_embeddings (
    product_id integer PRIMARY KEY REFERENCES retail.products (product_id),
    image_url text NOT NULL,
    image_embedding public.vector(512),
    created_at timestamp DEFAULT CURRENT_TIMESTAMP
);

-- Each policy column leads an index, and each foreign key has one.
CREATE UNIQUE INDEX IF NOT EXISTS stores_rls_user_id_key ON retail.stores (rls_user_id);
CREATE INDEX IF NOT EXISTS idx_customers_primary_store_id ON retail.customers (primary_store_id);
CREATE INDEX IF NOT EXISTS idx_product_types_category_id ON retail.product_types (category_id);
CREATE INDEX IF NOT EXISTS idx_products_category_id ON retail.products (category_id);
CREATE INDEX IF NOT EXISTS idx_products_type_id ON retail.products (type_id);
CREATE INDEX IF NOT EXISTS idx_inventory_product_id ON retail.inventory (product_id);
CREATE INDEX IF NOT EXISTS idx_orders_customer_id_store_id ON retail.orders (customer_id, store_id);
CREATE INDEX IF NOT EXISTS idx_orders_store_id_order_date ON retail.orders (store_id, order_date);
CREATE INDEX IF NOT EXISTS idx_orders_order_date ON retail.orders (order_date);
CREATE INDEX IF NOT EXISTS idx_order_items_order_id ON retail.order_items (order_id);
CREATE INDEX IF NOT EXISTS idx_order_items_product_id ON retail.order_items (product_id);
CREATE INDEX IF NOT EXISTS idx_order_items_store_id_product_id
    ON retail.order_items (store_id, product_id) INCLUDE (quantity, total_amount);
