-- How new the data are, for servers that keep answers (docs/decisions/0017).
--
-- Each statement that writes adds a row here, in its own transaction; the version of a table group is the sum of what is
-- visible. So versions follow the order of commits, only grow, and writers never wait for each other. Nothing is ever
-- updated; compact_data_changes() puts many rows into one of the same sum.
CREATE TABLE retail_mcp.data_change (
    table_group text NOT NULL
        CHECK (table_group IN ('sales', 'customers', 'catalogue', 'inventory', 'stores', 'rights')),
    weight bigint NOT NULL DEFAULT 1 CHECK (weight > 0)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
        autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 1000);
COMMENT ON TABLE retail_mcp.data_change IS
    'Writes to the tables of each group, added by triggers; the version of a group is the sum of its weights';
COMMENT ON COLUMN retail_mcp.data_change.table_group IS
    'What was written to. rights: who may see what, which is behind every answer';
COMMENT ON COLUMN retail_mcp.data_change.weight IS 'How many writes the row stands for';

-- Versions of two histories say nothing about each other.
CREATE TABLE retail_mcp.data_epoch (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    epoch uuid NOT NULL,
    begun_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE retail_mcp.data_epoch IS
    'Which history the versions of the data belong to; one row. renew_data_epoch() begins another';
COMMENT ON COLUMN retail_mcp.data_epoch.only_row IS 'Always true';
COMMENT ON COLUMN retail_mcp.data_epoch.epoch IS 'Name of the history';
COMMENT ON COLUMN retail_mcp.data_epoch.begun_at IS 'Since when';
INSERT INTO retail_mcp.data_epoch (epoch) VALUES (gen_random_uuid());

-- SECURITY DEFINER: whoever may write to a table need not have a right to the log.
CREATE FUNCTION retail_mcp.note_data_change()
RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO retail_mcp.data_change (table_group) VALUES (TG_ARGV[0]);
    RETURN NULL;
END $$;

-- What the service login asks again and again, so in plpgsql: each session keeps the plan. The history has in it
-- what must end all answers: another database; a restart of the server, without which no backup of its files is put
-- back; and a write to who may see what. retail_sec.rights_version() (sql/posture/rights.sql) has the other rights.
CREATE FUNCTION retail_mcp.data_versions()
RETURNS TABLE (history text, sales bigint, customers bigint, catalogue bigint, inventory bigint,
               stores bigint, changes bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT concat_ws('|',
               (SELECT e.epoch FROM retail_mcp.data_epoch e),
               (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()),
               (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint,
               coalesce(sum(c.weight) FILTER (WHERE c.table_group = 'rights'), 0)),
           coalesce(sum(c.weight) FILTER (WHERE c.table_group = 'sales'), 0)::bigint,
           coalesce(sum(c.weight) FILTER (WHERE c.table_group = 'customers'), 0)::bigint,
           coalesce(sum(c.weight) FILTER (WHERE c.table_group = 'catalogue'), 0)::bigint,
           coalesce(sum(c.weight) FILTER (WHERE c.table_group = 'inventory'), 0)::bigint,
           coalesce(sum(c.weight) FILTER (WHERE c.table_group = 'stores'), 0)::bigint,
           count(*)
    FROM retail_mcp.data_change c;
END $$;

-- One row for each group in the place of all that nobody else is compacting. The sums stay, also for those who look
-- meanwhile; rows of writers who have not committed are not seen, and left alone.
CREATE FUNCTION retail_mcp.compact_data_changes()
RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH chosen AS MATERIALIZED (
        SELECT c.ctid AS place FROM retail_mcp.data_change c FOR UPDATE SKIP LOCKED
    ),
    removed AS (
        DELETE FROM retail_mcp.data_change c USING chosen WHERE c.ctid = chosen.place
        RETURNING c.table_group, c.weight
    )
    INSERT INTO retail_mcp.data_change (table_group, weight)
    SELECT r.table_group, sum(r.weight) FROM removed r GROUP BY r.table_group
$$;

-- For the owner: ends all answers that any server keeps. `retail-mcp migrate` and `seed` call it; after data were
-- put back by other means than SQL statements, somebody must.
CREATE FUNCTION retail_mcp.renew_data_epoch()
RETURNS void LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO retail_mcp.data_epoch (epoch) VALUES (gen_random_uuid())
    ON CONFLICT (only_row) DO UPDATE SET epoch = EXCLUDED.epoch, begun_at = now()
$$;

REVOKE ALL ON FUNCTION retail_mcp.note_data_change(), retail_mcp.data_versions(),
    retail_mcp.compact_data_changes(), retail_mcp.renew_data_epoch() FROM PUBLIC;

DO $$
DECLARE
    t text;
    g text;
BEGIN
    FOREACH t IN ARRAY ARRAY['data_change', 'data_epoch'] LOOP
        EXECUTE format('ALTER TABLE retail_mcp.%I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE retail_mcp.%I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY owner_maintains ON retail_mcp.%I TO retail_owner
            USING (true) WITH CHECK (true)', t);
        EXECUTE format('REVOKE ALL ON retail_mcp.%I FROM PUBLIC', t);
    END LOOP;
    -- As retail_domain::TableGroup has them. ALWAYS: also for a session that says it replicates.
    FOR t, g IN VALUES
        ('retail.orders', 'sales'), ('retail.order_items', 'sales'),
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
    LOOP
        EXECUTE format('CREATE TRIGGER note_data_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE
            ON %s FOR EACH STATEMENT EXECUTE FUNCTION retail_mcp.note_data_change(%L)', t, g);
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER note_data_change', t);
    END LOOP;
END $$;

GRANT EXECUTE ON FUNCTION retail_mcp.data_versions(), retail_mcp.compact_data_changes()
    TO retail_service;
