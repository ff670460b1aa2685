-- Before the products are replaced: no model has vectors of what comes. Without its index the next fill
-- is faster.
DO $$
DECLARE
    r record;
BEGIN
    FOR r IN
        SELECT i.indexrelid::regclass AS index_name
        FROM pg_index i
        JOIN pg_class c ON c.oid = i.indexrelid
        JOIN pg_am a ON a.oid = c.relam
        WHERE i.indrelid = 'retail_mcp.product_embeddings'::regclass AND a.amname = 'hnsw'
    LOOP
        EXECUTE format('DROP INDEX %s', r.index_name);
    END LOOP;
    UPDATE retail_mcp.embedding_models SET is_ready = false, is_active = false;
END $$;
