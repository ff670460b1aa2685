-- Entries come as arrays and not as JSON, and texts, hashes and rows are made in one statement, in which an aggregate carries
-- the hash from row to row: half the time of 0010. What is hashed of a new entry is the text of its row. Entries
-- from before keep version 1, the list of fields with their lengths.
SET LOCAL ROLE retail_owner;

ALTER TABLE retail_mcp.audit_log ADD COLUMN hash_version smallint NOT NULL DEFAULT 1;
COMMENT ON COLUMN retail_mcp.audit_log.hash_version IS
    'What hash is computed from; crates/storage/src/audit/chain.rs has each';

DROP FUNCTION retail_mcp.append_audit(jsonb);
DROP FUNCTION retail_mcp.audit_hash(bytea, retail_mcp.audit_log);
DROP FUNCTION retail_mcp.audit_field(text);

CREATE FUNCTION retail_mcp.audit_link(p_hash bytea, p_first bytea, p_text text)
RETURNS bytea LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    -- Names in full and no search_path of its own: to set one for each row costs more than the hash.
    RETURN pg_catalog.sha256(coalesce(p_hash, p_first)
        OPERATOR(pg_catalog.||) pg_catalog.convert_to(p_text, 'UTF8'));
END $$;
COMMENT ON FUNCTION retail_mcp.audit_link(bytea, bytea, text) IS
    'The hash of a text behind a hash, or behind the first one';

CREATE AGGREGATE retail_mcp.audit_chain(bytea, text) (
    SFUNC = retail_mcp.audit_link, STYPE = bytea
);
COMMENT ON AGGREGATE retail_mcp.audit_chain(bytea, text) IS
    'The hash of the last of some texts, chained behind a first hash';

-- Adds entries to the end of the chain, in their order, and gives its new end. One that is there already is passed
-- over, so a batch can be sent again when its answer was lost. p_tables has an array literal for each entry.
-- The settings: whether an entry is there is looked up in the index in any case; a plan from when the log was short
-- would read all of it. What is switched off counts as expensive before PostgreSQL 18, and would be compiled.
CREATE FUNCTION retail_mcp.append_audit(
    p_entry_id uuid[], p_called_us bigint[], p_request_id text[], p_subject text[], p_issuer text[],
    p_actor text[], p_store_id integer[], p_view_as_reason text[], p_tool text[],
    p_fingerprint text[], p_tables text[], p_row_count bigint[], p_byte_count bigint[],
    p_outcome text[], p_duration_us bigint[])
RETURNS TABLE (last_seq bigint, last_hash bytea)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
DECLARE
    v_head retail_mcp.audit_head;
    v_now timestamptz;
    v_now_us bigint;
    v_added bigint;
BEGIN
    -- One writer at a time: the numbers have no gaps, and the order is the chain's.
    SELECT * INTO STRICT v_head FROM retail_mcp.audit_head FOR UPDATE;
    -- After the wait for the lock, so that these times do not go back along the chain.
    v_now := clock_timestamp();
    v_now_us := (extract(epoch FROM v_now) * 1000000)::bigint;
    WITH sent AS (
        SELECT s.entry_id, s.called_us, s.request_id, s.subject, s.issuer, s.actor, s.store_id,
            s.view_as_reason, s.tool, s.fingerprint, s.tables::text[] AS tables, s.row_count,
            s.byte_count, s.outcome, s.duration_us,
            v_head.last_seq + row_number() OVER (ORDER BY s.place) AS seq
        FROM unnest(p_entry_id, p_called_us, p_request_id, p_subject, p_issuer, p_actor, p_store_id,
            p_view_as_reason, p_tool, p_fingerprint, p_tables, p_row_count, p_byte_count, p_outcome,
            p_duration_us) WITH ORDINALITY AS s (
            entry_id, called_us, request_id, subject, issuer, actor, store_id, view_as_reason, tool,
            fingerprint, tables, row_count, byte_count, outcome, duration_us, place)
        WHERE NOT EXISTS (SELECT FROM retail_mcp.audit_log a WHERE a.entry_id = s.entry_id)
    ),
    chained AS (
        SELECT s.*, retail_mcp.audit_chain(v_head.last_hash, 'v2,' || ROW(
                s.seq, s.entry_id, s.called_us, v_now_us, s.request_id, s.subject, s.issuer, s.actor,
                s.store_id, s.view_as_reason, s.tool, s.fingerprint, s.tables, s.row_count,
                s.byte_count, s.outcome, s.duration_us)::text)
            OVER (ORDER BY s.seq ROWS UNBOUNDED PRECEDING) AS hash
        FROM sent s
    )
    INSERT INTO retail_mcp.audit_log
    SELECT c.seq, c.entry_id, timestamptz 'epoch' + c.called_us * interval '1 microsecond', v_now,
        c.request_id, c.subject, c.issuer, c.actor, c.store_id, c.view_as_reason, c.tool,
        c.fingerprint, c.tables, c.row_count, c.byte_count, c.outcome, c.duration_us,
        lag(c.hash, 1, v_head.last_hash) OVER (ORDER BY c.seq), c.hash, 2
    FROM chained c;
    GET DIAGNOSTICS v_added = ROW_COUNT;
    IF v_added > 0 THEN
        v_head.last_seq := v_head.last_seq + v_added;
        SELECT a.hash INTO STRICT v_head.last_hash
        FROM retail_mcp.audit_log a WHERE a.seq = v_head.last_seq;
        UPDATE retail_mcp.audit_head h
        SET last_seq = v_head.last_seq, last_hash = v_head.last_hash;
    END IF;
    RETURN QUERY SELECT v_head.last_seq, v_head.last_hash;
END $$;

REVOKE ALL ON FUNCTION retail_mcp.audit_link(bytea, bytea, text),
    retail_mcp.audit_chain(bytea, text),
    retail_mcp.append_audit(uuid[], bigint[], text[], text[], text[], text[], integer[], text[],
        text[], text[], text[], bigint[], bigint[], text[], bigint[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION retail_mcp.append_audit(uuid[], bigint[], text[], text[], text[], text[],
    integer[], text[], text[], text[], text[], bigint[], bigint[], text[], bigint[])
    TO retail_service;
