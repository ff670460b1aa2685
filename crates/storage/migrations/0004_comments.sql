-- What the schema tool tells about each table and column.
COMMENT ON SCHEMA retail IS 'Sales, customers, products and stock of the chain';
COMMENT ON SCHEMA retail_mcp IS 'What the MCP server keeps for itself';

COMMENT ON TABLE retail.stores IS 'Stores of the chain, the online store included';
COMMENT ON COLUMN retail.stores.store_id IS 'Key of the store';
COMMENT ON COLUMN retail.stores.store_name IS 'Full name, such as Zava Retail Seattle';
COMMENT ON COLUMN retail.stores.rls_user_id IS 'Identity that row level security maps to this store';
COMMENT ON COLUMN retail.stores.is_online IS 'True for the online store';

COMMENT ON TABLE retail.customers IS 'Registered customers';
COMMENT ON COLUMN retail.customers.customer_id IS 'Key of the customer';
COMMENT ON COLUMN retail.customers.first_name IS 'First name';
COMMENT ON COLUMN retail.customers.last_name IS 'Last name';
COMMENT ON COLUMN retail.customers.email IS 'E-mail address';
COMMENT ON COLUMN retail.customers.phone IS 'Phone number, as (206) 555-0100';
COMMENT ON COLUMN retail.customers.primary_store_id IS 'Home store; orders may be from others too';
COMMENT ON COLUMN retail.customers.created_at IS 'Time of registration, UTC';

COMMENT ON TABLE retail.categories IS 'Product categories, the upper of two levels';
COMMENT ON COLUMN retail.categories.category_id IS 'Key of the category';
COMMENT ON COLUMN retail.categories.category_name IS 'Name in capitals, such as HAND TOOLS';

COMMENT ON TABLE retail.product_types IS 'Product types, the lower of two levels';
COMMENT ON COLUMN retail.product_types.type_id IS 'Key of the type';
COMMENT ON COLUMN retail.product_types.category_id IS 'Category of the type';
COMMENT ON COLUMN retail.product_types.type_name IS 'Name in capitals, such as HAMMERS';

COMMENT ON TABLE retail.products IS 'Products, the same in all stores';
COMMENT ON COLUMN retail.products.product_id IS 'Key of the product';
COMMENT ON COLUMN retail.products.sku IS 'Stock keeping unit';
COMMENT ON COLUMN retail.products.product_name IS 'Name on the shelf';
COMMENT ON COLUMN retail.products.category_id IS 'Category of the product';
COMMENT ON COLUMN retail.products.type_id IS 'Type of the product';
COMMENT ON COLUMN retail.products.cost IS 'Purchase cost of one unit, USD';
COMMENT ON COLUMN retail.products.base_price IS 'List price of one unit, USD';
COMMENT ON COLUMN retail.products.gross_margin_percent IS '(list price - cost) / list price * 100';
COMMENT ON COLUMN retail.products.product_description IS 'What it is and what it is for';

COMMENT ON TABLE retail.inventory IS 'Stock on hand by store and product';
COMMENT ON COLUMN retail.inventory.store_id IS 'Store';
COMMENT ON COLUMN retail.inventory.product_id IS 'Product';
COMMENT ON COLUMN retail.inventory.stock_level IS 'Units on hand now';

COMMENT ON TABLE retail.orders IS 'Orders (baskets); the amounts are in order_items';
COMMENT ON COLUMN retail.orders.order_id IS 'Key of the order';
COMMENT ON COLUMN retail.orders.customer_id IS 'Who bought';
COMMENT ON COLUMN retail.orders.store_id IS 'Store that sold';
COMMENT ON COLUMN retail.orders.order_date IS 'Day of the order';

COMMENT ON TABLE retail.order_items IS 'Lines of the orders; net sales = sum(total_amount)';
COMMENT ON COLUMN retail.order_items.order_item_id IS 'Key of the line';
COMMENT ON COLUMN retail.order_items.order_id IS 'Order of the line';
COMMENT ON COLUMN retail.order_items.store_id IS 'Store that sold, as in orders';
COMMENT ON COLUMN retail.order_items.product_id IS 'Product sold';
COMMENT ON COLUMN retail.order_items.quantity IS 'Units sold';
COMMENT ON COLUMN retail.order_items.unit_price IS 'Price of one unit before discount, USD';
COMMENT ON COLUMN retail.order_items.discount_percent IS 'Discount, percent';
COMMENT ON COLUMN retail.order_items.discount_amount IS 'Discount of the line, USD';
COMMENT ON COLUMN retail.order_items.total_amount IS
    'Net sales of the line, USD: quantity * unit_price - discount_amount';

COMMENT ON TABLE retail.product_description_embeddings IS 'Vectors of the product descriptions';
COMMENT ON COLUMN retail.product_description_embeddings.product_id IS 'Product';
COMMENT ON COLUMN retail.product_description_embeddings.description_embedding IS
    'Embedding of the description, 1536 dimensions';
COMMENT ON COLUMN retail.product_description_embeddings.created_at IS 'Time of the embedding, UTC';

COMMENT ON TABLE retail.product_image_embeddings IS 'Vectors of the product pictures';
COMMENT ON COLUMN retail.product_image_embeddings.product_id IS 'Product';
COMMENT ON COLUMN retail.product_image_embeddings.image_url IS 'Address of the picture';
COMMENT ON COLUMN retail.product_image_embeddings.image_embedding IS
    'Embedding of the picture, 512 dimensions';
COMMENT ON COLUMN retail.product_image_embeddings.created_at IS 'Time of the embedding, UTC';
