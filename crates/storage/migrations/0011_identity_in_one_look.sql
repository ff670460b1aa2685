-- current_store_id() asks once, for the key and the store together, and calls no other function. It runs once for each
-- tenant table of a statement, and both took longer than the hashes.
SET LOCAL ROLE retail_sec;

CREATE OR REPLACE FUNCTION retail_sec.current_store_id()
RETURNS integer LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER COST 10000
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_who text := current_setting('app.current_rls_user_id', true);
    v_signature text := current_setting('app.rls_signature', true);
    v_end text := substr(v_signature, 18, 16);
    v_key_id text;
    v_inner bytea;
    v_outer bytea;
    v_store_id integer;
    v_now bigint;
BEGIN
    -- The store counts only where the signature does. 'all-stores' has none.
    SELECT k.key_id, k.inner_key, k.outer_key,
        (SELECT s.store_id FROM retail.stores s
         WHERE s.rls_user_id = CASE length(v_who) WHEN 36 THEN v_who::uuid END)
    INTO v_key_id, v_inner, v_outer, v_store_id
    FROM retail_sec.identity_key k
    WHERE k.key_id = left(v_signature, 16) AND k.not_after > transaction_timestamp();
    -- As in signed_identity().
    IF FOUND AND v_who <> ''
        AND v_signature = v_key_id || '.' || v_end || '.' || encode(
            sha256(v_outer || sha256(v_inner || convert_to(
                'v2|' || v_who || '|' || pg_backend_pid() || '.' || coalesce(inet_client_port(), 0) || '.'
                || (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint || '|' || v_end,
                'UTF8'))),
            'hex')
    THEN
        v_now := extract(epoch FROM transaction_timestamp()) * 1000000;
        IF v_now <= v_end::bigint AND v_end::bigint <= v_now + 60000000 THEN
            RETURN v_store_id;
        END IF;
    END IF;
    RAISE EXCEPTION 'there is no valid identity for row level security'
        USING ERRCODE = 'insufficient_privilege';
END $$;

-- The list of migrations is the owner's.
SET LOCAL ROLE retail_owner;
