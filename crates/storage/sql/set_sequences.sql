-- After rows with given keys, the sequences go on behind the last.
SELECT setval('retail.stores_store_id_seq', coalesce(max(store_id), 1)) FROM retail.stores;
SELECT setval('retail.customers_customer_id_seq', coalesce(max(customer_id), 1)) FROM retail.customers;
SELECT setval('retail.categories_category_id_seq', coalesce(max(category_id), 1)) FROM retail.categories;
SELECT setval('retail.product_types_type_id_seq', coalesce(max(type_id), 1)) FROM retail.product_types;
SELECT setval('retail.products_product_id_seq', coalesce(max(product_id), 1)) FROM retail.products;
SELECT setval('retail.orders_order_id_seq', coalesce(max(order_id), 1)) FROM retail.orders;
SELECT setval('retail.order_items_order_item_id_seq', coalesce(max(order_item_id), 1)) FROM retail.order_items;
