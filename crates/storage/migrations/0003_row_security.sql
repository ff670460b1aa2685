-- Who may read which rows. FORCE, so that the owner is bound as well.
GRANT USAGE ON SCHEMA retail TO retail_query, retail_query_hq;
REVOKE ALL ON retail.stores, retail.customers, retail.categories, retail.product_types,
    retail.products, retail.inventory, retail.orders, retail.order_items,
    retail.product_description_embeddings, retail.product_image_embeddings
    FROM PUBLIC, retail_query, retail_query_hq;
-- Not rls_user_id: it names the identities.
GRANT SELECT (store_id, store_name, is_online) ON retail.stores TO retail_query, retail_query_hq;
GRANT SELECT ON retail.customers, retail.categories, retail.product_types, retail.products,
    retail.inventory, retail.orders, retail.order_items TO retail_query, retail_query_hq;

DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['stores', 'customers', 'categories', 'product_types', 'products',
        'inventory', 'orders', 'order_items', 'product_description_embeddings',
        'product_image_embeddings']
    LOOP
        EXECUTE format('ALTER TABLE retail.%I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE retail.%I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format(
            'CREATE POLICY owner_maintains ON retail.%I TO retail_owner USING (true) WITH CHECK (true)',
            t);
    END LOOP;
    -- Tables that hold a store's rows.
    FOREACH t IN ARRAY ARRAY['stores', 'inventory', 'orders', 'order_items'] LOOP
        EXECUTE format(
            'CREATE POLICY store_sees_own ON retail.%I FOR SELECT TO retail_query
             USING (store_id = (SELECT retail_sec.current_store_id()))', t);
    END LOOP;
    FOREACH t IN ARRAY ARRAY['stores', 'inventory', 'orders', 'order_items', 'customers'] LOOP
        EXECUTE format(
            'CREATE POLICY head_office_sees_all ON retail.%I FOR SELECT TO retail_query_hq
             USING ((SELECT retail_sec.sees_all_stores()))', t);
    END LOOP;
    -- The catalogue is the chain's, the same for all stores.
    FOREACH t IN ARRAY ARRAY['categories', 'product_types', 'products'] LOOP
        EXECUTE format(
            'CREATE POLICY catalogue_is_shared ON retail.%I FOR SELECT
             TO retail_query, retail_query_hq USING (true)', t);
    END LOOP;
END $$;

-- A customer belongs to the store that is theirs and to each store where they have ordered.
CREATE POLICY store_sees_own ON retail.customers FOR SELECT TO retail_query
USING (
    primary_store_id = (SELECT retail_sec.current_store_id())
    OR EXISTS (
        SELECT FROM retail.orders o
        WHERE o.customer_id = customers.customer_id
          AND o.store_id = (SELECT retail_sec.current_store_id()))
);

-- The identity check looks the store up.
CREATE POLICY identity_lookup ON retail.stores FOR SELECT TO retail_sec USING (true);
