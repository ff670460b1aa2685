-- Roles, extension and schemas. Run by an administrator, before the migrations, as often as wanted.
-- Six roles, each with one job:
--   retail_owner      owns the tables; nobody logs in as it
--   retail_sec        owns the identity check and its keys; nobody logs in as it
--   retail_migrator   may become the two above; logs in to migrate and load, once it has a password
--   retail_query      logs in for store managers' statements: SELECT only
--   retail_query_hq   logs in for head office's statements: SELECT only
--   retail_service    logs in for the server's own needs: reads who is whose, adds to the audit log
DO $$
DECLARE
    me CONSTANT text := current_user;
    superuser CONSTANT boolean := (SELECT rolsuper FROM pg_roles WHERE rolname = current_user);
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['retail_owner', 'retail_sec'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
        END IF;
    END LOOP;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'retail_migrator') THEN
        CREATE ROLE retail_migrator LOGIN;
    END IF;
    FOREACH role_name IN ARRAY ARRAY['retail_query', 'retail_query_hq'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
            EXECUTE format('CREATE ROLE %I LOGIN', role_name);
        END IF;
        IF superuser THEN
            EXECUTE format(
                'ALTER ROLE %I NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS NOINHERIT',
                role_name);
            -- Only a superuser may set this one, so the role cannot raise it.
            EXECUTE format('ALTER ROLE %I SET temp_file_limit = %L', role_name, '256MB');
        END IF;
        -- So that one role's connections never fill the server. A limit that an operator chose stays.
        IF (SELECT rolconnlimit < 0 FROM pg_roles WHERE rolname = role_name) THEN
            EXECUTE format('ALTER ROLE %I CONNECTION LIMIT 40', role_name);
        END IF;
        -- Defaults for the case that a client forgets them; the server sets them again each time.
        EXECUTE format('ALTER ROLE %I SET default_transaction_read_only = on', role_name);
        EXECUTE format('ALTER ROLE %I SET statement_timeout = %L', role_name, '5s');
        EXECUTE format('ALTER ROLE %I SET lock_timeout = %L', role_name, '1s');
        EXECUTE format('ALTER ROLE %I SET idle_in_transaction_session_timeout = %L', role_name, '10s');
        EXECUTE format('ALTER ROLE %I SET work_mem = %L', role_name, '16MB');
        EXECUTE format('ALTER ROLE %I SET hash_mem_multiplier = 1', role_name);
        EXECUTE format('ALTER ROLE %I SET max_parallel_workers_per_gather = 0', role_name);
        EXECUTE format('ALTER ROLE %I SET jit = off', role_name);
        EXECUTE format('ALTER ROLE %I SET row_security = on', role_name);
        EXECUTE format('ALTER ROLE %I SET search_path = retail', role_name);
        IF current_setting('server_version_num')::int >= 170000 THEN
            EXECUTE format('ALTER ROLE %I SET transaction_timeout = %L', role_name, '65s');
        END IF;
    END LOOP;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'retail_service') THEN
        CREATE ROLE retail_service LOGIN;
    END IF;
    IF superuser THEN
        ALTER ROLE retail_service
            NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS NOINHERIT;
    END IF;
    IF (SELECT rolconnlimit < 0 FROM pg_roles WHERE rolname = 'retail_service') THEN
        ALTER ROLE retail_service CONNECTION LIMIT 40;
    END IF;
    ALTER ROLE retail_service SET statement_timeout = '15s';
    ALTER ROLE retail_service SET lock_timeout = '10s';
    ALTER ROLE retail_service SET idle_in_transaction_session_timeout = '10s';
    ALTER ROLE retail_service SET row_security = on;
    ALTER ROLE retail_service SET search_path = pg_catalog;
    EXECUTE 'GRANT retail_owner, retail_sec TO retail_migrator';
    IF NOT superuser AND NOT pg_has_role(me, 'retail_owner', 'SET') THEN
        EXECUTE format('GRANT retail_owner, retail_sec TO %I', me);
    END IF;
    EXECUTE format('REVOKE CREATE, TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format(
        'GRANT CONNECT ON DATABASE %I TO retail_query, retail_query_hq, retail_service, retail_migrator',
        current_database());
    EXECUTE format('GRANT CREATE ON DATABASE %I TO retail_owner', current_database());
END $$;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
CREATE EXTENSION IF NOT EXISTS vector WITH SCHEMA public;
-- The embedding tables name the type; nobody else needs the schema.
GRANT USAGE ON SCHEMA public TO retail_owner;

CREATE SCHEMA IF NOT EXISTS retail AUTHORIZATION retail_owner;
CREATE SCHEMA IF NOT EXISTS retail_mcp AUTHORIZATION retail_owner;
CREATE SCHEMA IF NOT EXISTS retail_sec AUTHORIZATION retail_sec;
