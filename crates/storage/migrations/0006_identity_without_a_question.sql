-- The signature of an identity no longer names the start of the transaction, which only the database
-- knows, but the connection and an end. So the server computes it without asking first
-- (docs/decisions/0009). The message of the HMAC is now
--     v2|who|connection|end
-- where `connection` is retail_sec.connection_id() and `end` is in microseconds since 1970 of the
-- database's clock, 16 digits. A transaction that began after the end is refused.
-- app.rls_signature is `key.end.mac`, the mac in hexadecimal.
SET LOCAL ROLE retail_sec;

-- A key's name can be computed from the key: the first 16 hexadecimal digits of its SHA-256. The pads
-- do not tell it, so keys are put anew; `migrate` does that right after this.
DROP TABLE retail_sec.identity_key;
DROP FUNCTION retail_sec.put_identity_key(smallint, bytea, timestamptz);
CREATE TABLE retail_sec.identity_key (
    key_id text PRIMARY KEY CHECK (key_id ~ '^[0-9a-f]{16}$'),
    inner_key bytea NOT NULL CHECK (length(inner_key) = 64),
    outer_key bytea NOT NULL CHECK (length(outer_key) = 64),
    not_after timestamptz NOT NULL DEFAULT 'infinity'
);
REVOKE ALL ON retail_sec.identity_key FROM PUBLIC;
COMMENT ON TABLE retail_sec.identity_key IS
    'Keys that sign identities. Several may be valid at once, for rotation.';
COMMENT ON COLUMN retail_sec.identity_key.key_id IS 'First 16 hexadecimal digits of the SHA-256 of the key';
COMMENT ON COLUMN retail_sec.identity_key.inner_key IS 'HMAC inner pad of the key, 64 bytes';
COMMENT ON COLUMN retail_sec.identity_key.outer_key IS 'HMAC outer pad of the key, 64 bytes';
COMMENT ON COLUMN retail_sec.identity_key.not_after IS 'Signatures by this key count until then';

-- What tells one connection from another, and cannot be set: process id, port of the client (0 on a
-- Unix socket), start of the server. A process id returns at the earliest when the kernel has given
-- out all others, long after a signature's end.
CREATE FUNCTION retail_sec.connection_id()
RETURNS text LANGUAGE sql STABLE PARALLEL RESTRICTED SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    SELECT pg_backend_pid() || '.' || coalesce(inet_client_port(), 0) || '.'
        || (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint
$$;

CREATE OR REPLACE FUNCTION retail_sec.signed_identity()
RETURNS text LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_who text := current_setting('app.current_rls_user_id', true);
    v_signature text := current_setting('app.rls_signature', true);
    v_end text := substr(v_signature, 18, 16);
    v_key retail_sec.identity_key;
    v_now bigint;
    -- retail_sec.connection_id(), written out: a call costs as much as the rest of this function.
    v_connection text := pg_backend_pid() || '.' || coalesce(inet_client_port(), 0) || '.'
        || (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint;
BEGIN
    SELECT * INTO v_key FROM retail_sec.identity_key k
    WHERE k.key_id = left(v_signature, 16) AND k.not_after > transaction_timestamp();
    IF FOUND AND v_who <> ''
        AND v_signature = v_key.key_id || '.' || v_end || '.' || encode(
            sha256(v_key.outer_key || sha256(v_key.inner_key || convert_to(
                'v2|' || v_who || '|' || v_connection || '|' || v_end, 'UTF8'))),
            'hex')
    THEN
        v_now := extract(epoch FROM transaction_timestamp()) * 1000000;
        -- Not past its end, and no signer can make one that lasts.
        IF v_now <= v_end::bigint AND v_end::bigint <= v_now + 60000000 THEN
            RETURN v_who;
        END IF;
    END IF;
    RAISE EXCEPTION 'there is no valid identity for row level security'
        USING ERRCODE = 'insufficient_privilege';
END $$;

DROP FUNCTION retail_sec.transaction_challenge();

-- Until when a key counts; NULL if there is no such key. The name of a key is no secret.
CREATE FUNCTION retail_sec.key_not_after(p_key_id text)
RETURNS timestamptz LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT k.not_after FROM retail_sec.identity_key k WHERE k.key_id = p_key_id
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA retail_sec FROM PUBLIC;
GRANT EXECUTE ON FUNCTION retail_sec.connection_id(), retail_sec.key_not_after(text)
    TO retail_query, retail_query_hq;

-- The list of migrations is the owner's.
SET LOCAL ROLE retail_owner;
