-- Who may sign in as what, and who called what. Both are the server's own: it reaches them by the login
-- retail_service, which runs no caller's statement, and the query roles reach neither.
--
-- Grants: which stores a claim of a verified token opens. No foreign key to retail.stores: a load of other
-- sample data replaces those rows. A grant to a store that is not there gives nothing.
CREATE TABLE retail_mcp.identity (
    identity_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    issuer text NOT NULL CHECK (issuer <> ''),
    claim text NOT NULL CHECK (claim <> ''),
    value text NOT NULL CHECK (value <> ''),
    store_id integer,
    all_stores boolean NOT NULL DEFAULT false,
    scopes text[] NOT NULL,
    note text,
    granted_at timestamptz NOT NULL DEFAULT now(),
    granted_by text NOT NULL DEFAULT session_user,
    CONSTRAINT identity_one_store_or_all CHECK ((store_id IS NOT NULL) <> all_stores),
    CONSTRAINT identity_once UNIQUE NULLS NOT DISTINCT (issuer, claim, value, store_id)
);
COMMENT ON TABLE retail_mcp.identity IS 'Which stores a claim of a verified token opens';
COMMENT ON COLUMN retail_mcp.identity.identity_id IS 'Key of the grant';
COMMENT ON COLUMN retail_mcp.identity.issuer IS 'Who vouches for the claim: iss of the token';
COMMENT ON COLUMN retail_mcp.identity.claim IS 'Name of the claim, such as oid, sub, groups or roles';
COMMENT ON COLUMN retail_mcp.identity.value IS 'Value of the claim, letter by letter';
COMMENT ON COLUMN retail_mcp.identity.store_id IS 'The store that it opens; none with all_stores';
COMMENT ON COLUMN retail_mcp.identity.all_stores IS 'Whether it opens all stores';
COMMENT ON COLUMN retail_mcp.identity.scopes IS 'The most that it allows, such as retail.read';
COMMENT ON COLUMN retail_mcp.identity.note IS 'Why, for people';
COMMENT ON COLUMN retail_mcp.identity.granted_at IS 'When it was granted';
COMMENT ON COLUMN retail_mcp.identity.granted_by IS 'The login that granted it';

-- Calls, in a chain: each hash covers the one before and its own row, so no row can be altered, removed,
-- added or moved without a break. Neither arguments nor answers are here: both may be personal data.
CREATE TABLE retail_mcp.audit_log (
    seq bigint PRIMARY KEY,
    entry_id uuid NOT NULL UNIQUE,
    called_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    request_id text NOT NULL,
    subject text NOT NULL,
    issuer text,
    actor text,
    store_id integer,
    view_as_reason text,
    tool text NOT NULL,
    fingerprint text,
    tables text[],
    row_count bigint,
    byte_count bigint,
    outcome text NOT NULL,
    duration_us bigint NOT NULL,
    prev_hash bytea NOT NULL,
    hash bytea NOT NULL
);
COMMENT ON TABLE retail_mcp.audit_log IS 'One row for each call of a tool, chained by hashes; only added to';
COMMENT ON COLUMN retail_mcp.audit_log.seq IS 'Place in the chain, without gaps';
COMMENT ON COLUMN retail_mcp.audit_log.entry_id IS 'Key that the server gave the entry';
COMMENT ON COLUMN retail_mcp.audit_log.called_at IS 'When the call came, by the server''s clock';
COMMENT ON COLUMN retail_mcp.audit_log.recorded_at IS 'When the row was added, by the database''s clock';
COMMENT ON COLUMN retail_mcp.audit_log.request_id IS 'The request''s id, as in the server''s log';
COMMENT ON COLUMN retail_mcp.audit_log.subject IS 'Whose rights were used';
COMMENT ON COLUMN retail_mcp.audit_log.issuer IS 'Who vouches for the subject';
COMMENT ON COLUMN retail_mcp.audit_log.actor IS 'The agent that acted for the subject';
COMMENT ON COLUMN retail_mcp.audit_log.store_id IS 'The acting store; none for all stores';
COMMENT ON COLUMN retail_mcp.audit_log.view_as_reason IS 'Why head office looked at one store';
COMMENT ON COLUMN retail_mcp.audit_log.tool IS 'Name of the tool, or unknown';
COMMENT ON COLUMN retail_mcp.audit_log.fingerprint IS
    'The same for statements that differ in literals alone, or the name of a statement of ours';
COMMENT ON COLUMN retail_mcp.audit_log.tables IS 'Tables that the statement reads';
COMMENT ON COLUMN retail_mcp.audit_log.row_count IS 'Rows in the answer';
COMMENT ON COLUMN retail_mcp.audit_log.byte_count IS 'Bytes of the answer''s text';
COMMENT ON COLUMN retail_mcp.audit_log.outcome IS 'ok, or the code of the failure';
COMMENT ON COLUMN retail_mcp.audit_log.duration_us IS 'From the call to its answer, in microseconds';
COMMENT ON COLUMN retail_mcp.audit_log.prev_hash IS 'hash of the row before';
COMMENT ON COLUMN retail_mcp.audit_log.hash IS 'SHA-256 over prev_hash and this row';

-- Where the chain ends, so that a missing tail is found, and where it begins once old rows were archived.
CREATE TABLE retail_mcp.audit_head (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    last_seq bigint NOT NULL,
    last_hash bytea NOT NULL,
    pruned_seq bigint NOT NULL CHECK (pruned_seq <= last_seq),
    pruned_hash bytea NOT NULL
);
COMMENT ON TABLE retail_mcp.audit_head IS 'Both ends of the chain of retail_mcp.audit_log; one row';
COMMENT ON COLUMN retail_mcp.audit_head.only_row IS 'Always true';
COMMENT ON COLUMN retail_mcp.audit_head.last_seq IS 'seq of the last entry';
COMMENT ON COLUMN retail_mcp.audit_head.last_hash IS 'hash of the last entry';
COMMENT ON COLUMN retail_mcp.audit_head.pruned_seq IS 'seq of the last entry that was archived and removed; 0 for none';
COMMENT ON COLUMN retail_mcp.audit_head.pruned_hash IS 'Its hash, from which the chain goes on';
INSERT INTO retail_mcp.audit_head
VALUES (true, 0, decode(repeat('00', 32), 'hex'), 0, decode(repeat('00', 32), 'hex'));

-- A value as it is hashed: its length in bytes, a colon, itself, a comma; or `-,` for none. So no two lists
-- of values give the same text, whatever is in them.
CREATE FUNCTION retail_mcp.audit_field(p_value text)
RETURNS text LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(octet_length(convert_to(p_value, 'UTF8')) || ':' || p_value || ',', '-,')
$$;

-- What `retail-mcp audit verify` computes too (crates/storage/src/audit/chain.rs).
CREATE FUNCTION retail_mcp.audit_hash(p_prev_hash bytea, p_entry retail_mcp.audit_log)
RETURNS bytea LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_text text := 'v1,';
    v_value text;
BEGIN
    FOREACH v_value IN ARRAY ARRAY[
        p_entry.seq::text,
        p_entry.entry_id::text,
        (extract(epoch FROM p_entry.called_at) * 1000000)::bigint::text,
        (extract(epoch FROM p_entry.recorded_at) * 1000000)::bigint::text,
        p_entry.request_id, p_entry.subject, p_entry.issuer, p_entry.actor,
        p_entry.store_id::text, p_entry.view_as_reason, p_entry.tool, p_entry.fingerprint,
        p_entry.row_count::text, p_entry.byte_count::text, p_entry.outcome,
        p_entry.duration_us::text, cardinality(p_entry.tables)::text
    ] || coalesce(p_entry.tables, '{}') LOOP
        v_text := v_text || retail_mcp.audit_field(v_value);
    END LOOP;
    RETURN sha256(p_prev_hash || convert_to(v_text, 'UTF8'));
END $$;

-- Adds entries to the end of the chain, in their order, and gives its new end. One that is there already is
-- passed over, so a batch can be sent again when its answer was lost.
CREATE FUNCTION retail_mcp.append_audit(p_entries jsonb)
RETURNS TABLE (last_seq bigint, last_hash bytea)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_item jsonb;
    v_head retail_mcp.audit_head;
    v_entry retail_mcp.audit_log;
BEGIN
    -- One writer at a time: the numbers have no gaps, and the order is the chain's.
    SELECT * INTO STRICT v_head FROM retail_mcp.audit_head FOR UPDATE;
    FOR v_item IN SELECT j.item FROM jsonb_array_elements(p_entries) WITH ORDINALITY AS j (item, place)
                  ORDER BY j.place
    LOOP
        CONTINUE WHEN EXISTS (SELECT FROM retail_mcp.audit_log a
                              WHERE a.entry_id = (v_item ->> 'entry_id')::uuid);
        v_entry := jsonb_populate_record(NULL::retail_mcp.audit_log, v_item);
        v_entry.seq := v_head.last_seq + 1;
        v_entry.recorded_at := clock_timestamp();
        v_entry.prev_hash := v_head.last_hash;
        v_entry.hash := retail_mcp.audit_hash(v_head.last_hash, v_entry);
        INSERT INTO retail_mcp.audit_log SELECT v_entry.*;
        v_head.last_seq := v_entry.seq;
        v_head.last_hash := v_entry.hash;
    END LOOP;
    UPDATE retail_mcp.audit_head h SET last_seq = v_head.last_seq, last_hash = v_head.last_hash;
    RETURN QUERY SELECT v_head.last_seq, v_head.last_hash;
END $$;

-- Removes the entries up to one, after they were copied elsewhere. The chain then begins with that one's
-- hash. For the owner; nothing of ours calls it.
CREATE FUNCTION retail_mcp.prune_audit(p_through_seq bigint)
RETURNS bigint LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_hash bytea;
    v_removed bigint;
BEGIN
    PERFORM FROM retail_mcp.audit_head FOR UPDATE;
    SELECT a.hash INTO v_hash FROM retail_mcp.audit_log a WHERE a.seq = p_through_seq;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no entry % in the audit log', p_through_seq;
    END IF;
    UPDATE retail_mcp.audit_head h SET pruned_seq = p_through_seq, pruned_hash = v_hash;
    DELETE FROM retail_mcp.audit_log a WHERE a.seq <= p_through_seq;
    GET DIAGNOSTICS v_removed = ROW_COUNT;
    RETURN v_removed;
END $$;

-- Binds the owner, and superusers until they switch it off: entries are added, and removed only from the
-- beginning, behind a checkpoint; the ends of the chain only go forward.
CREATE FUNCTION retail_mcp.keep_audit()
RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_TABLE_NAME = 'audit_log' AND TG_OP = 'DELETE' THEN
        IF OLD.seq <= (SELECT h.pruned_seq FROM retail_mcp.audit_head h) THEN
            RETURN OLD;
        END IF;
    ELSIF TG_TABLE_NAME = 'audit_head' AND TG_OP = 'UPDATE' THEN
        IF NEW.last_seq >= OLD.last_seq AND NEW.pruned_seq >= OLD.pruned_seq THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'the audit log is only added to' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER keep_audit BEFORE UPDATE OR DELETE ON retail_mcp.audit_log
    FOR EACH ROW EXECUTE FUNCTION retail_mcp.keep_audit();
CREATE TRIGGER keep_audit_whole BEFORE TRUNCATE ON retail_mcp.audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION retail_mcp.keep_audit();
CREATE TRIGGER keep_audit BEFORE UPDATE OR DELETE ON retail_mcp.audit_head
    FOR EACH ROW EXECUTE FUNCTION retail_mcp.keep_audit();
CREATE TRIGGER keep_audit_whole BEFORE TRUNCATE ON retail_mcp.audit_head
    FOR EACH STATEMENT EXECUTE FUNCTION retail_mcp.keep_audit();
-- ALWAYS: also for a session that says it replicates.
ALTER TABLE retail_mcp.audit_log ENABLE ALWAYS TRIGGER keep_audit, ENABLE ALWAYS TRIGGER keep_audit_whole;
ALTER TABLE retail_mcp.audit_head ENABLE ALWAYS TRIGGER keep_audit, ENABLE ALWAYS TRIGGER keep_audit_whole;

REVOKE ALL ON FUNCTION retail_mcp.audit_field(text),
    retail_mcp.audit_hash(bytea, retail_mcp.audit_log), retail_mcp.append_audit(jsonb),
    retail_mcp.prune_audit(bigint), retail_mcp.keep_audit() FROM PUBLIC;

DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['identity', 'audit_log', 'audit_head'] LOOP
        EXECUTE format('ALTER TABLE retail_mcp.%I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE retail_mcp.%I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY owner_maintains ON retail_mcp.%I TO retail_owner
            USING (true) WITH CHECK (true)', t);
        EXECUTE format('REVOKE ALL ON retail_mcp.%I FROM PUBLIC', t);
    END LOOP;
END $$;

-- All that the service login may do.
GRANT USAGE ON SCHEMA retail, retail_mcp TO retail_service;
GRANT SELECT (store_id, store_name, rls_user_id) ON retail.stores TO retail_service;
CREATE POLICY service_reads ON retail.stores FOR SELECT TO retail_service USING (true);
GRANT SELECT (issuer, claim, value, store_id, all_stores, scopes) ON retail_mcp.identity
    TO retail_service;
CREATE POLICY service_reads ON retail_mcp.identity FOR SELECT TO retail_service USING (true);
GRANT EXECUTE ON FUNCTION retail_mcp.append_audit(jsonb) TO retail_service;
