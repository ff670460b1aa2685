-- What the query roles may have: each list once. What they have is compared with it both ways.

-- The twelve tables and the columns that a caller may read. stores.rls_user_id is not among them.
CREATE OR REPLACE FUNCTION retail_sec.readable_columns()
RETURNS TABLE (table_name text, columns text[])
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    VALUES
        ('stores', ARRAY['store_id', 'store_name', 'is_online']),
        ('customers', ARRAY['customer_id', 'first_name', 'last_name', 'email', 'phone',
            'primary_store_id', 'created_at']),
        ('categories', ARRAY['category_id', 'category_name']),
        ('product_types', ARRAY['type_id', 'category_id', 'type_name']),
        ('products', ARRAY['product_id', 'sku', 'product_name', 'category_id', 'type_id', 'cost',
            'base_price', 'gross_margin_percent', 'product_description']),
        ('inventory', ARRAY['store_id', 'product_id', 'stock_level']),
        ('orders', ARRAY['order_id', 'customer_id', 'store_id', 'order_date']),
        ('order_items', ARRAY['order_item_id', 'order_id', 'store_id', 'product_id', 'quantity',
            'unit_price', 'discount_percent', 'discount_amount', 'total_amount']),
        ('sales_by_day', ARRAY['store_id', 'order_date', 'order_count', 'line_count', 'units_sold',
            'gross_sales', 'discount_amount', 'net_sales']),
        ('sales_by_product_day', ARRAY['store_id', 'order_date', 'product_id', 'order_count',
            'line_count', 'units_sold', 'gross_sales', 'discount_amount', 'net_sales']),
        ('sales_by_order', ARRAY['order_id', 'store_id', 'order_date', 'customer_id', 'units_sold',
            'net_sales', 'previous_order_date', 'second_previous_order_date']),
        ('store_benchmark', ARRAY['store_id', 'month', 'category_id', 'metric', 'value', 'rank',
            'store_count', 'percentile', 'peer_mean', 'suppressed', 'reason'])
$$;

-- All that a query role may read: the twelve tables, and the product search's own, which the guard keeps
-- away from callers' statements.
CREATE OR REPLACE FUNCTION retail_sec.granted_columns()
RETURNS TABLE (schema_name text, table_name text, columns text[])
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT 'retail', r.table_name, r.columns FROM retail_sec.readable_columns() r
    UNION ALL
    VALUES
        ('retail_mcp', 'embedding_models', ARRAY['model_id', 'model_name', 'dimensions',
            'text_recipe', 'is_ready', 'is_active', 'created_at', 'ready_at']),
        ('retail_mcp', 'product_embeddings', ARRAY['model_id', 'product_id', 'embedding',
            'text_hash', 'embedded_at']),
        ('retail_mcp', 'product_texts', ARRAY['product_id', 'text', 'text_hash', 'document']),
        ('retail_mcp', 'search_words', ARRAY['word', 'lexeme', 'products']),
        ('retail_mcp', 'search_synonyms', ARRAY['term', 'synonym'])
$$;

-- All that the service login may read. It runs no caller's statement.
CREATE OR REPLACE FUNCTION retail_sec.service_columns()
RETURNS TABLE (schema_name text, table_name text, columns text[])
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    VALUES
        ('retail', 'stores', ARRAY['store_id', 'store_name', 'rls_user_id']),
        ('retail_mcp', 'identity', ARRAY['issuer', 'claim', 'value', 'store_id', 'all_stores',
            'scopes'])
$$;

-- The policies that apply to our roles, by the table with its schema. using_sql is what the policy says, as PostgreSQL prints it.
CREATE OR REPLACE FUNCTION retail_sec.expected_policies()
RETURNS TABLE (table_name text, policy_name text, command "char", roles text[], using_sql text)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT t, 'owner_maintains', '*'::"char", ARRAY['retail_owner'], 'true'
    FROM unnest(ARRAY['retail.stores', 'retail.customers', 'retail.categories',
        'retail.product_types', 'retail.products', 'retail.inventory', 'retail.orders',
        'retail.order_items', 'retail.product_description_embeddings',
        'retail.product_image_embeddings', 'retail.sales_by_day', 'retail.sales_by_product_day',
        'retail.sales_by_order', 'retail.store_benchmark', 'retail_mcp.benchmark_month',
        'retail_mcp.sales_changes', 'retail_mcp.customer_turn', 'retail_mcp.embedding_models',
        'retail_mcp.product_embeddings', 'retail_mcp.product_texts', 'retail_mcp.search_words',
        'retail_mcp.search_synonyms', 'retail_mcp.identity', 'retail_mcp.audit_log',
        'retail_mcp.audit_head', 'retail_mcp.data_change', 'retail_mcp.data_epoch',
        'retail_mcp.server_report']) AS t
    UNION ALL
    SELECT t, 'service_reads', 'r', ARRAY['retail_service'], 'true'
    FROM unnest(ARRAY['retail.stores', 'retail_mcp.identity']) AS t
    UNION ALL
    SELECT t, 'store_sees_own', 'r', ARRAY['retail_query'],
           '(store_id = ( SELECT retail_sec.current_store_id() AS current_store_id))'
    FROM unnest(ARRAY['retail.stores', 'retail.inventory', 'retail.orders',
        'retail.order_items', 'retail.sales_by_day', 'retail.sales_by_product_day',
        'retail.sales_by_order', 'retail.store_benchmark']) AS t
    UNION ALL
    SELECT 'retail.customers', 'store_sees_own', 'r', ARRAY['retail_query'],
           '((primary_store_id = ( SELECT retail_sec.current_store_id() AS current_store_id)) OR '
           || '(EXISTS ( SELECT FROM retail.orders o WHERE ((o.customer_id = customers.customer_id)'
           || ' AND (o.store_id = ( SELECT retail_sec.current_store_id() AS current_store_id))))))'
    UNION ALL
    SELECT t, 'head_office_sees_all', 'r', ARRAY['retail_query_hq'],
           '( SELECT retail_sec.sees_all_stores() AS sees_all_stores)'
    FROM unnest(ARRAY['retail.stores', 'retail.inventory', 'retail.orders', 'retail.order_items',
        'retail.customers', 'retail.sales_by_day', 'retail.sales_by_product_day',
        'retail.sales_by_order', 'retail.store_benchmark']) AS t
    UNION ALL
    SELECT t, 'catalogue_is_shared', 'r', ARRAY['retail_query', 'retail_query_hq'], 'true'
    FROM unnest(ARRAY['retail.categories', 'retail.product_types', 'retail.products',
        'retail_mcp.embedding_models', 'retail_mcp.product_embeddings', 'retail_mcp.product_texts',
        'retail_mcp.search_words', 'retail_mcp.search_synonyms']) AS t
    UNION ALL
    SELECT 'retail.stores', 'identity_lookup', 'r', ARRAY['retail_sec'], 'true'
$$;

-- The functions of retail_sec that a login of ours may call, and whether the server needs them.
CREATE OR REPLACE FUNCTION retail_sec.callable_functions()
RETURNS TABLE (function_name text, role_name text, needed boolean)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT f.name, r.name, f.needed
    FROM (VALUES
            ('connection_id', NULL, true),
            ('current_store_id', 'retail_query', true),
            ('sees_all_stores', 'retail_query_hq', true),
            ('key_not_after', NULL, true),
            ('login_is_fit', NULL, true),
            ('posture', NULL, true),
            ('describe_columns', NULL, true),
            ('describe_foreign_keys', NULL, true),
            ('estimated_rows', 'retail_query_hq', true)
        ) AS f (name, only_role, needed)
    JOIN (VALUES ('retail_query'), ('retail_query_hq')) AS r (name)
        ON f.only_role IS NULL OR f.only_role = r.name
    UNION ALL
    VALUES ('service_login_is_fit', 'retail_service', true),
           ('log_position', 'retail_service', true),
           ('connection_limits', 'retail_service', true),
           ('rights_version', 'retail_service', true)
$$;

-- The functions of retail_mcp that run with their owner's rights and that the service login may, and must, call.
CREATE OR REPLACE FUNCTION retail_sec.service_functions()
RETURNS TABLE (check_name text, function_name text, arguments text)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    VALUES
        ('audit log', 'append_audit', 'uuid[], bigint[], text[], text[], text[], text[], integer[], text[], text[], text[], text[], bigint[], bigint[], text[], bigint[]'),
        ('data versions', 'data_versions', ''),
        ('data versions', 'compact_data_changes', ''),
        ('servers', 'exchange_server_reports', 'uuid, text'),
        ('servers', 'recent_audit', 'integer'),
        ('servers', 'newest_order_date', '')
$$;

-- The functions that decide who is asking, by the SHA-256 of their bodies in migrations 0002, 0006 and 0011.
CREATE OR REPLACE FUNCTION retail_sec.identity_functions()
RETURNS TABLE (function_name text, body_sha256 text)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    VALUES
        ('signed_identity', '1021fe5016d46fa087d0172ba494610fd95e6702ae408cc622284729d4e8124a'),
        ('current_store_id', 'a1963c67c74b06ae5ae7b96b039d764a1d60696ac12cedcd5041fbd51caca1f4'),
        ('sees_all_stores', '77a1ec8f49cdbf60928cbf4ea6f054eab68c03e325c1eb0c9edbcc011ec90747'),
        ('connection_id', 'fb31c9dda860f801fc5bdfbaa15456660531dc78caa26d03616601772a7edd81')
$$;

-- The functions of the audit log, by the SHA-256 of their bodies in migrations 0009, 0015 and 0016: one that hashes less, or
-- lets a row be changed, would not show in the log itself; and one that shows more would show it to the service login.
CREATE OR REPLACE FUNCTION retail_sec.audit_functions()
RETURNS TABLE (function_name text, arguments text, body_sha256 text)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    VALUES
        ('append_audit', 'uuid[], bigint[], text[], text[], text[], text[], integer[], text[], text[], text[], text[], bigint[], bigint[], text[], bigint[]',
         '3f29f9d89ffe7f6f63b7ff40c0ce0dcb09500322b89cbebf559bd7f68282288f'),
        ('recent_audit', 'integer', '3879fce7b7a156759705cc86ba164be13f9b5de1c3a16f1985ecc5120731334d'),
        ('audit_link', 'bytea, bytea, text', 'b47f70afca1e6c2c7594e9aa6d85f6086c97fec08560376f6c793057f9dfe7ef'),
        ('keep_audit', '', '9a25804e9719c4d06f3f943b0ecfbbaf69e3fc4fd650a97ea4ce95bb1c670b47')
$$;

-- The functions that keep the sales rollups, by the SHA-256 of their bodies in migrations 0013 and 0019: they write with the owner's
-- rights whatever a writer of orders does.
CREATE OR REPLACE FUNCTION retail_sec.rollup_functions()
RETURNS TABLE (function_name text, body_sha256 text)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    VALUES
        ('note_order_changes', '597dfd90ca7f289f0a13f8ae10fa2013346173a124f9c7e6f5e0da6ec2d38c2f'),
        ('note_line_changes', 'a03df208cf4e327ce800dfea16485198ace9f5c6a5e6c9a59d71f0769f543115'),
        ('apply_order_changes', '9ba34dc8b76201e9280ee20e60ed8606ad1cb8d00d1aa76bb46075f4256b292e'),
        ('apply_sales_changes', 'c0727656fcd4046a1fd624b964d3d58b3c0848ca4826473e36a8f5e424b18055'),
        ('forget_sales', '3a24b9cb0d17aef4ede2d5251e4e9f5916938a27b80c3d635d8161f1c2835f83'),
        ('rebuild_sales_rollups', 'c256c27ed32a167a782b42988814e87631ca137fa7befba0e24b082f5686d743'),
        ('check_sales_rollups', '6f735bc368e26f0358abbc178a322b707d8354470d7a58f38de88d2b96472b74')
$$;

-- The triggers that call them. bits is pg_trigger.tgtype: before or after, for what, and for each what.
CREATE OR REPLACE FUNCTION retail_sec.rollup_triggers()
RETURNS TABLE (table_name text, trigger_name text, bits integer, function_name text, create_sql text)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT t.table_name, e.trigger_name, e.bits, coalesce(e.function_name, t.function_name),
           format('CREATE TRIGGER %s AFTER %s ON %s%s FOR EACH STATEMENT EXECUTE FUNCTION retail_mcp.%s()',
                  e.trigger_name, e.event, t.table_name, e.transition,
                  coalesce(e.function_name, t.function_name))
    FROM (VALUES ('retail.orders', 'note_order_changes'), ('retail.order_items', 'note_line_changes'))
        AS t (table_name, function_name)
    CROSS JOIN (VALUES
        ('sales_rollups_insert', 4, 'INSERT', ' REFERENCING NEW TABLE AS new_rows', NULL),
        ('sales_rollups_delete', 8, 'DELETE', ' REFERENCING OLD TABLE AS old_rows', NULL),
        ('sales_rollups_update', 16, 'UPDATE', ' REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows', NULL),
        ('sales_rollups_truncate', 32, 'TRUNCATE', '', 'forget_sales')
    ) AS e (trigger_name, bits, event, transition, function_name)
    UNION ALL
    VALUES
        ('retail_mcp.sales_changes', 'sales_rollups_apply', 5, 'apply_sales_changes',
            'CREATE CONSTRAINT TRIGGER sales_rollups_apply AFTER INSERT ON retail_mcp.sales_changes '
            'DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.is_first) '
            'EXECUTE FUNCTION retail_mcp.apply_sales_changes()'),
        ('retail_mcp.sales_changes', 'sales_orders_apply', 8, 'apply_order_changes',
            'CREATE TRIGGER sales_orders_apply AFTER DELETE ON retail_mcp.sales_changes '
            'REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT '
            'EXECUTE FUNCTION retail_mcp.apply_order_changes()')
$$;

-- The functions that decide what a store is told of the others, by the SHA-256 of their bodies in migration 0017: one that holds less
-- back would not show in the figures. is_definer: that runs with its owner's rights.
CREATE OR REPLACE FUNCTION retail_sec.benchmark_functions()
RETURNS TABLE (function_name text, arguments text, is_definer boolean, body_sha256 text)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    VALUES
        ('two_digits', 'numeric', false,
         '8952efd051a4369df1596b7aed3a26d852c833ef4488a75dae2b9b52c35221dc'),
        ('benchmark_confines', 'numeric, bigint, bigint, numeric', false,
         'b0268d07ef474f15e82a2d561b2609e39c45e91aa90836861a17a1a5f3656ff6'),
        ('benchmark_rest_is_safe', 'integer, date, integer[], integer[], boolean', false,
         'b31c233c66dcb6cee42c4fcdd37fd6e825357dfbb17e9a8e2861b5634d7bdb18'),
        ('make_store_benchmarks', 'date', false,
         '1ef99e66425db735587433214cb50410d5001ea0bfd91f1b567854e24e09bfd8'),
        ('store_benchmarks_digest', 'date', false,
         'c5058652e4ad61fe137aee5a46479fb2915244840e5b3468732b44e8747b565d'),
        ('publish_store_benchmarks', 'date, boolean', true,
         '050682efe9c143a223223adc9bf5e3c193c90dcc4e7240adeae773957468cfd5')
$$;

-- The functions by which servers hear of writes, by the SHA-256 of their bodies in migration 0012: where one tells less, a
-- kept answer outlives what it was read from.
CREATE OR REPLACE FUNCTION retail_sec.data_version_functions()
RETURNS TABLE (function_name text, body_sha256 text)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    VALUES
        ('note_data_change', 'c9861ac7d059c3ce67cd407d46f8abec29c6c5dc3ce0a19f8aa1b758c2ef3eb3'),
        ('data_versions', '592532856e960e461830b3720e4d4a46c9915f6e4ae093c0543d7596f6788a4d'),
        ('compact_data_changes', '9e6df2de15d935bba263f826f8faa2d36c8f02aae03fb7651396d0801c4c4be7')
$$;

-- The tables whose writes they hear of, and the group of each, as in retail_domain::TableGroup.
CREATE OR REPLACE FUNCTION retail_sec.noted_tables()
RETURNS TABLE (table_name text, table_group text)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    VALUES
        ('retail.orders', 'sales'), ('retail.order_items', 'sales'),
        ('retail.store_benchmark', 'sales'),
        ('retail.customers', 'customers'),
        ('retail.products', 'catalogue'), ('retail.categories', 'catalogue'),
        ('retail.product_types', 'catalogue'),
        ('retail.product_description_embeddings', 'catalogue'),
        ('retail.product_image_embeddings', 'catalogue'),
        ('retail_mcp.product_texts', 'catalogue'), ('retail_mcp.product_embeddings', 'catalogue'),
        ('retail_mcp.embedding_models', 'catalogue'), ('retail_mcp.search_words', 'catalogue'),
        ('retail_mcp.search_synonyms', 'catalogue'),
        ('retail.inventory', 'inventory'),
        ('retail.stores', 'stores'),
        ('retail_mcp.identity', 'rights')
$$;

-- Whether a layer that needs a superuser was ever put in place here.
CREATE OR REPLACE FUNCTION retail_sec.layer_is_recorded(p_layer text)
RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT FROM retail_sec.layer_record l WHERE l.layer = p_layer)
$$;

REVOKE ALL ON FUNCTION retail_sec.readable_columns(), retail_sec.granted_columns(),
    retail_sec.expected_policies(),
    retail_sec.service_columns(),
    retail_sec.callable_functions(), retail_sec.identity_functions(), retail_sec.audit_functions(),
    retail_sec.rollup_functions(), retail_sec.rollup_triggers(), retail_sec.benchmark_functions(),
    retail_sec.service_functions(), retail_sec.data_version_functions(), retail_sec.noted_tables(),
    retail_sec.layer_is_recorded(text) FROM PUBLIC;
