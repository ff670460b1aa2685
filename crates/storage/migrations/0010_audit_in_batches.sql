-- append_audit() works on a batch as a whole: one insert, and a loop over hashes alone. The chain is the same as before:
-- the text of an entry is that of audit_hash(), written out, since a call of a function for each field costs more than all
-- the rest.
SET LOCAL ROLE retail_owner;

CREATE OR REPLACE FUNCTION retail_mcp.append_audit(p_entries jsonb)
RETURNS TABLE (last_seq bigint, last_hash bytea)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_head retail_mcp.audit_head;
    v_entries retail_mcp.audit_log[];
    v_texts bytea[];
    v_hashes bytea[] := '{}';
    v_text bytea;
BEGIN
    -- One writer at a time: the numbers have no gaps, and the order is the chain's.
    SELECT * INTO STRICT v_head FROM retail_mcp.audit_head FOR UPDATE;
    WITH sent AS (
        SELECT s.*, row_number() OVER (PARTITION BY s.entry_id ORDER BY s.place) AS occurrence
        FROM ROWS FROM (jsonb_to_recordset(p_entries) AS (
            entry_id uuid, called_at timestamptz, request_id text, subject text, issuer text,
            actor text, store_id integer, view_as_reason text, tool text, fingerprint text,
            tables text[], row_count bigint, byte_count bigint, outcome text, duration_us bigint
        )) WITH ORDINALITY AS s (
            entry_id, called_at, request_id, subject, issuer, actor, store_id, view_as_reason, tool,
            fingerprint, tables, row_count, byte_count, outcome, duration_us, place)
    ),
    added AS (
        SELECT v_head.last_seq + row_number() OVER (ORDER BY s.place) AS seq, s.*,
            clock_timestamp() AS recorded_at
        FROM sent s
        WHERE s.occurrence = 1
          AND NOT EXISTS (SELECT FROM retail_mcp.audit_log a WHERE a.entry_id = s.entry_id)
    )
    SELECT
        array_agg(ROW(a.seq, a.entry_id, a.called_at, a.recorded_at, a.request_id, a.subject,
            a.issuer, a.actor, a.store_id, a.view_as_reason, a.tool, a.fingerprint, a.tables,
            a.row_count, a.byte_count, a.outcome, a.duration_us, NULL, NULL
        )::retail_mcp.audit_log ORDER BY a.seq),
        array_agg(convert_to(concat('v1,',
            octet_length(a.seq::text), ':', a.seq, ',',
            octet_length(a.entry_id::text), ':', a.entry_id, ',',
            octet_length(t.called_at), ':', t.called_at, ',',
            octet_length(t.recorded_at), ':', t.recorded_at, ',',
            octet_length(a.request_id), ':', a.request_id, ',',
            octet_length(a.subject), ':', a.subject, ',',
            coalesce(octet_length(a.issuer) || ':' || a.issuer || ',', '-,'),
            coalesce(octet_length(a.actor) || ':' || a.actor || ',', '-,'),
            coalesce(octet_length(a.store_id::text) || ':' || a.store_id || ',', '-,'),
            coalesce(octet_length(a.view_as_reason) || ':' || a.view_as_reason || ',', '-,'),
            octet_length(a.tool), ':', a.tool, ',',
            coalesce(octet_length(a.fingerprint) || ':' || a.fingerprint || ',', '-,'),
            coalesce(octet_length(a.row_count::text) || ':' || a.row_count || ',', '-,'),
            coalesce(octet_length(a.byte_count::text) || ':' || a.byte_count || ',', '-,'),
            octet_length(a.outcome), ':', a.outcome, ',',
            octet_length(a.duration_us::text), ':', a.duration_us, ',',
            coalesce(octet_length(cardinality(a.tables)::text) || ':' || cardinality(a.tables) || ',', '-,'),
            (SELECT string_agg(octet_length(n.name) || ':' || n.name || ',', '' ORDER BY n.place)
             FROM unnest(a.tables) WITH ORDINALITY AS n (name, place))
        ), 'UTF8') ORDER BY a.seq)
    INTO v_entries, v_texts
    FROM added a
    CROSS JOIN LATERAL (SELECT
        ((extract(epoch FROM a.called_at) * 1000000)::bigint)::text AS called_at,
        ((extract(epoch FROM a.recorded_at) * 1000000)::bigint)::text AS recorded_at
    ) AS t;

    IF v_entries IS NOT NULL THEN
        FOREACH v_text IN ARRAY v_texts LOOP
            v_head.last_hash := sha256(v_head.last_hash || v_text);
            v_hashes := v_hashes || v_head.last_hash;
        END LOOP;
        INSERT INTO retail_mcp.audit_log
        SELECT e.seq, e.entry_id, e.called_at, e.recorded_at, e.request_id, e.subject, e.issuer,
            e.actor, e.store_id, e.view_as_reason, e.tool, e.fingerprint, e.tables, e.row_count,
            e.byte_count, e.outcome, e.duration_us,
            coalesce(lag(h.hash) OVER (ORDER BY e.seq), (SELECT a.last_hash FROM retail_mcp.audit_head a)),
            h.hash
        FROM ROWS FROM (unnest(v_entries), unnest(v_hashes)) AS e (
            seq, entry_id, called_at, recorded_at, request_id, subject, issuer, actor, store_id,
            view_as_reason, tool, fingerprint, tables, row_count, byte_count, outcome, duration_us,
            no_prev_hash, no_hash, hash)
        CROSS JOIN LATERAL (SELECT e.hash) AS h;
        v_head.last_seq := v_head.last_seq + cardinality(v_hashes);
        UPDATE retail_mcp.audit_head h
        SET last_seq = v_head.last_seq, last_hash = v_head.last_hash;
    END IF;
    RETURN QUERY SELECT v_head.last_seq, v_head.last_hash;
END $$;
