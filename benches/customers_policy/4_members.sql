-- The maintained membership, for what it costs to write. The triggers count reasons; the naive ones
-- look whether another order is left, which is wrong under concurrency: see members.sh.
\set ON_ERROR_STOP on
CREATE FUNCTION retail.members_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP IN ('DELETE', 'UPDATE') THEN
        UPDATE retail.customer_store m SET reasons = m.reasons - gone.n
        FROM (SELECT customer_id, store_id, count(*) n FROM former GROUP BY 1, 2) gone
        WHERE m.store_id = gone.store_id AND m.customer_id = gone.customer_id;
        DELETE FROM retail.customer_store m USING former f
        WHERE m.store_id = f.store_id AND m.customer_id = f.customer_id AND m.reasons = 0;
    END IF;
    IF TG_OP IN ('INSERT', 'UPDATE') THEN
        INSERT INTO retail.customer_store AS m
        SELECT customer_id, store_id, count(*) FROM latter GROUP BY 1, 2 ORDER BY 2, 1
        ON CONFLICT (store_id, customer_id) DO UPDATE SET reasons = m.reasons + EXCLUDED.reasons;
    END IF;
    RETURN NULL;
END $$;
ALTER FUNCTION retail.members_change() OWNER TO retail_owner;
CREATE FUNCTION retail.members_look() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        DELETE FROM retail.customer_store m USING former f
        WHERE m.store_id = f.store_id AND m.customer_id = f.customer_id
          AND NOT EXISTS (SELECT FROM retail.customers c WHERE c.customer_id = f.customer_id
                                                          AND c.primary_store_id = f.store_id)
          AND NOT EXISTS (SELECT FROM retail.orders o WHERE o.customer_id = f.customer_id
                                                       AND o.store_id = f.store_id);
    ELSE
        INSERT INTO retail.customer_store SELECT DISTINCT customer_id, store_id, 1 FROM latter
        ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END $$;
ALTER FUNCTION retail.members_look() OWNER TO retail_owner;
CREATE FUNCTION bench.triggers(p_function text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DROP TRIGGER IF EXISTS i ON retail.orders;
    DROP TRIGGER IF EXISTS d ON retail.orders;
    IF p_function IS NOT NULL THEN
        EXECUTE format('CREATE TRIGGER i AFTER INSERT ON retail.orders REFERENCING NEW TABLE AS latter
            FOR EACH STATEMENT EXECUTE FUNCTION retail.%I()', p_function);
        EXECUTE format('CREATE TRIGGER d AFTER DELETE ON retail.orders REFERENCING OLD TABLE AS former
            FOR EACH STATEMENT EXECUTE FUNCTION retail.%I()', p_function);
    END IF;
END $$;
