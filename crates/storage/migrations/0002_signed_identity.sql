-- Who is asking, proved by a signature that SQL text cannot make.
--
-- The server sets two settings LOCAL to its transaction: who (a store's rls_user_id, or
-- 'all-stores'), and a signature: HMAC-SHA256, with a key that is kept here and by the server, over
--     v1|who|process id of the backend|start of the transaction in microseconds
-- So it holds in one transaction of one connection and is worth nothing in any other.
SET LOCAL ROLE retail_sec;

CREATE TABLE retail_sec.identity_key (
    key_id smallint PRIMARY KEY,
    inner_key bytea NOT NULL,
    outer_key bytea NOT NULL,
    not_after timestamptz NOT NULL DEFAULT 'infinity'
);
REVOKE ALL ON retail_sec.identity_key FROM PUBLIC;

-- Keeps the key as its two HMAC pads, so that a check needs no more than the builtin sha256().
-- RFC 2104: inner pad = key XOR 0x36, outer pad = key XOR 0x5c, both 64 bytes long.
CREATE FUNCTION retail_sec.put_identity_key(p_key_id smallint, p_key bytea, p_not_after timestamptz)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_inner bytea;
    v_outer bytea;
    v_byte integer;
BEGIN
    IF length(p_key) NOT BETWEEN 32 AND 64 THEN
        RAISE EXCEPTION 'an identity key has 32 to 64 bytes';
    END IF;
    v_inner := p_key || decode(repeat('00', 64 - length(p_key)), 'hex');
    v_outer := v_inner;
    FOR i IN 0..63 LOOP
        v_byte := get_byte(v_inner, i);
        v_inner := set_byte(v_inner, i, v_byte # 54);
        v_outer := set_byte(v_outer, i, v_byte # 92);
    END LOOP;
    INSERT INTO retail_sec.identity_key VALUES (p_key_id, v_inner, v_outer, p_not_after)
    ON CONFLICT (key_id) DO UPDATE
        SET inner_key = EXCLUDED.inner_key, outer_key = EXCLUDED.outer_key,
            not_after = EXCLUDED.not_after;
END $$;

-- What a signature must name: process id and start of the transaction. No secret.
CREATE FUNCTION retail_sec.transaction_challenge()
RETURNS text LANGUAGE sql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp AS $$
    SELECT pg_backend_pid() || '|' || (extract(epoch FROM transaction_timestamp()) * 1000000)::bigint
$$;

-- Gives who is asking, or fails. Fails also when nothing was set: no identity is no rows.
CREATE FUNCTION retail_sec.signed_identity()
RETURNS text LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_who text := current_setting('app.current_rls_user_id', true);
    v_signature text := current_setting('app.rls_signature', true);
    v_message bytea;
BEGIN
    IF v_who <> '' AND v_signature <> '' THEN
        v_message := convert_to(
            'v1|' || v_who || '|' || retail_sec.transaction_challenge(), 'UTF8');
        IF EXISTS (
            SELECT FROM retail_sec.identity_key k
            WHERE k.not_after > transaction_timestamp()
              AND encode(sha256(k.outer_key || sha256(k.inner_key || v_message)), 'hex')
                  = v_signature)
        THEN
            RETURN v_who;
        END IF;
    END IF;
    RAISE EXCEPTION 'there is no valid identity for row level security'
        USING ERRCODE = 'insufficient_privilege';
END $$;

-- The two questions that policies ask. SECURITY DEFINER, since the asking role may read neither the
-- keys nor stores.rls_user_id. Policies must write (SELECT f()), so that it runs once a query.
CREATE FUNCTION retail_sec.current_store_id()
RETURNS integer LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER COST 10000
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_who text := retail_sec.signed_identity();
BEGIN
    IF v_who = 'all-stores' THEN
        RETURN NULL;
    END IF;
    RETURN (SELECT s.store_id FROM retail.stores s WHERE s.rls_user_id = v_who::uuid);
END $$;

CREATE FUNCTION retail_sec.sees_all_stores()
RETURNS boolean LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER COST 10000
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN retail_sec.signed_identity() = 'all-stores';
END $$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA retail_sec FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE retail_sec REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
-- The owner names the functions in its policies.
GRANT USAGE ON SCHEMA retail_sec TO retail_query, retail_query_hq, retail_owner;
GRANT EXECUTE ON FUNCTION retail_sec.transaction_challenge() TO retail_query, retail_query_hq;
GRANT EXECUTE ON FUNCTION retail_sec.current_store_id() TO retail_query;
GRANT EXECUTE ON FUNCTION retail_sec.sees_all_stores() TO retail_query_hq;

COMMENT ON TABLE retail_sec.identity_key IS
    'Keys that sign identities. Several may be valid at once, for rotation.';
COMMENT ON COLUMN retail_sec.identity_key.key_id IS 'Number of the key';
COMMENT ON COLUMN retail_sec.identity_key.inner_key IS 'HMAC inner pad of the key, 64 bytes';
COMMENT ON COLUMN retail_sec.identity_key.outer_key IS 'HMAC outer pad of the key, 64 bytes';
COMMENT ON COLUMN retail_sec.identity_key.not_after IS 'Signatures by this key count until then';

SET LOCAL ROLE retail_owner;
GRANT USAGE ON SCHEMA retail TO retail_sec;
GRANT SELECT (store_id, rls_user_id) ON retail.stores TO retail_sec;
