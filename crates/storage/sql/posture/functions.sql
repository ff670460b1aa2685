-- Functions, languages, extensions, and the lockdown of the catalogue.
CREATE OR REPLACE FUNCTION retail_sec.posture_of_functions()
RETURNS TABLE (check_name text, subject text, state text, detail text, fix_sql text,
               mandatory boolean)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
WITH login_role (name) AS (VALUES ('retail_query'), ('retail_query_hq'), ('retail_service')),
-- By itself, so that rights are asked for the functions of these alone: a new connection looks each function up.
usable_schema AS MATERIALIZED (
    SELECT q.name AS role_name, n.oid, n.nspname::text AS schema_name
    FROM login_role q
    CROSS JOIN pg_namespace n
    WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')
      AND has_schema_privilege(q.name, n.oid, 'USAGE')
),
callable AS (
    SELECT s.role_name, p.oid, p.proname::text AS name, s.schema_name,
           oidvectortypes(p.proargtypes) AS arguments,
           p.provolatile = 'v' AS is_volatile, p.prosecdef AS is_definer, p.proleakproof AS is_leakproof,
           p.prorettype IN ('trigger'::regtype, 'event_trigger'::regtype) AS is_trigger
    FROM usable_schema s
    JOIN pg_proc p ON p.pronamespace = s.oid
    WHERE has_function_privilege(s.role_name, p.oid, 'EXECUTE')
),
-- Those whose rights the login roles have: themselves, and what they are members of. 0 is PUBLIC.
grantee (oid) AS MATERIALIZED (
    SELECT 0::oid
    UNION
    SELECT r.oid FROM pg_roles r JOIN login_role q ON pg_has_role(q.name, r.oid, 'USAGE')
),
-- What the lockdown takes away and a query role has all the same.
unlocked AS (
    SELECT 'function' AS kind, l.oid::regprocedure::text AS name,
           format('REVOKE EXECUTE ON ROUTINE %s FROM PUBLIC, retail_query, retail_query_hq, retail_service',
                  l.oid::regprocedure) AS fix_sql,
           retail_sec.initially_public('pg_proc', l.oid) AS initially_public
    FROM retail_sec.locked_functions() AS l (oid)
    -- As has_function_privilege() would say, for all of them at once.
    WHERE EXISTS (
        SELECT FROM pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
        WHERE p.oid = l.oid AND a.grantee IN (SELECT g.oid FROM grantee g))
    UNION ALL
    SELECT 'relation', l.oid::regclass::text,
           format('REVOKE ALL ON %s FROM PUBLIC, retail_query, retail_query_hq, retail_service', l.oid::regclass),
           retail_sec.initially_public('pg_class', l.oid)
    FROM retail_sec.locked_relations() AS l (oid)
    -- As has_any_column_privilege() and has_table_privilege() would say.
    WHERE EXISTS (
        SELECT FROM (
            SELECT coalesce(c.relacl, acldefault('r', c.relowner)) FROM pg_class c WHERE c.oid = l.oid
            UNION ALL
            SELECT t.attacl FROM pg_attribute t WHERE t.attrelid = l.oid AND t.attacl IS NOT NULL
        ) AS given (acl), aclexplode(given.acl) a
        WHERE a.privilege_type IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE')
          AND a.grantee IN (SELECT g.oid FROM grantee g))
    UNION ALL
    SELECT 'language', l.lanname::text,
           format('REVOKE USAGE ON LANGUAGE %I FROM PUBLIC, retail_query, retail_query_hq, retail_service',
                  l.lanname),
           l.lanname IN ('sql', 'plpgsql')
    FROM pg_language l
    WHERE l.lanpltrusted
      AND EXISTS (SELECT FROM login_role q WHERE has_language_privilege(q.name, l.oid, 'USAGE'))
    UNION ALL
    SELECT 'schema', n.nspname::text,
           'REVOKE USAGE ON SCHEMA information_schema FROM PUBLIC, retail_query, retail_query_hq, retail_service',
           true
    FROM pg_namespace n
    WHERE n.nspname = 'information_schema'
      AND EXISTS (SELECT FROM login_role q WHERE has_schema_privilege(q.name, n.oid, 'USAGE'))
)
SELECT 'catalogue lockdown', 'catalogue',
       CASE WHEN retail_sec.layer_is_recorded('catalogue lockdown') THEN 'unfit' ELSE 'missing' END,
       format('callers'' statements can use %s objects that they should not: %s%s', count(*),
              array_to_string((array_agg(u.kind || ' ' || u.name ORDER BY u.kind, u.name))[1:5], ', '),
              CASE WHEN count(*) > 5 THEN ', …' ELSE '' END),
       CASE WHEN count(*) <= 20 THEN string_agg(u.fix_sql, '; ' ORDER BY u.kind, u.name)
            ELSE '-- run `retail-mcp migrate` as a superuser of PostgreSQL' END,
       retail_sec.layer_is_recorded('catalogue lockdown')
FROM unlocked u
WHERE u.initially_public
HAVING count(*) > 0
UNION ALL
-- PostgreSQL gives these to nobody, so somebody did.
SELECT CASE u.kind WHEN 'function' THEN 'functions' WHEN 'language' THEN 'languages'
            ELSE 'grants' END,
       u.name, 'unfit', 'callers'' statements can use it', u.fix_sql, true
FROM unlocked u
WHERE NOT u.initially_public
UNION ALL
SELECT 'functions', format('%s for %s', c.oid::regprocedure, c.role_name), 'unfit',
       concat_ws(' and ', CASE WHEN c.is_definer THEN 'it runs with its owner''s rights' END,
                 CASE WHEN c.is_volatile THEN 'it may have effects' END,
                 CASE WHEN c.is_leakproof THEN 'it is shown rows before their policy is asked' END,
                 'callers'' statements can call it')
       || coalesce(' (extension ' || x.extname || ')', ''),
       format('REVOKE EXECUTE ON ROUTINE %s FROM PUBLIC, %I', c.oid::regprocedure, c.role_name), true
FROM callable c
LEFT JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = c.oid AND d.deptype = 'e'
LEFT JOIN pg_extension x ON x.oid = d.refobjid
WHERE CASE WHEN c.schema_name = 'retail_sec'
    THEN NOT EXISTS (SELECT FROM retail_sec.callable_functions() f
                     WHERE f.function_name = c.name AND f.role_name = c.role_name
                       -- Not another one that bears the name.
                       AND c.arguments = CASE f.function_name WHEN 'key_not_after' THEN 'text'
                                                              ELSE '' END)
    WHEN c.schema_name = 'retail_mcp' AND c.role_name = 'retail_service'
        AND EXISTS (SELECT FROM retail_sec.service_functions() f
                    WHERE f.function_name = c.name AND f.arguments = c.arguments) THEN false
    ELSE NOT c.is_trigger
         AND (c.is_definer OR c.is_volatile OR c.is_leakproof
              OR c.name ~ '^(pg_|lo_|dblink)') END
UNION ALL
SELECT 'functions', format('retail_sec.%s for %s', f.function_name, f.role_name), 'missing',
       'it cannot be called',
       format('GRANT EXECUTE ON FUNCTION retail_sec.%I TO %I', f.function_name, f.role_name), true
FROM retail_sec.callable_functions() f
WHERE f.needed
  AND NOT EXISTS (SELECT FROM pg_proc p
                  WHERE p.pronamespace = to_regnamespace('retail_sec')
                    AND p.proname = f.function_name
                    AND has_function_privilege(f.role_name, p.oid, 'EXECUTE'))
UNION ALL
SELECT 'functions', p.oid::regprocedure::text, 'unfit',
       'it runs with its owner''s rights and its caller''s search_path',
       format('ALTER ROUTINE %s SET search_path = pg_catalog, pg_temp', p.oid::regprocedure), true
FROM pg_proc p
WHERE p.pronamespace IN (to_regnamespace('retail_sec'), to_regnamespace('retail_mcp')) AND p.prosecdef
  AND NOT coalesce(p.proconfig @> ARRAY['search_path=pg_catalog, pg_temp'], false)
UNION ALL
SELECT 'functions', p.oid::regprocedure::text, 'unfit',
       'it does not run with its owner''s rights, so it cannot look the identity up',
       format('ALTER ROUTINE %s SECURITY DEFINER', p.oid::regprocedure), true
FROM pg_proc p
WHERE p.pronamespace = to_regnamespace('retail_sec') AND NOT p.prosecdef
  AND p.proname IN ('current_store_id', 'sees_all_stores')
UNION ALL
-- What they decide is not told by who may call them.
SELECT 'functions', 'retail_sec.' || e.function_name || '()', 'unfit',
       'it does not do what this version''s does: it may believe an identity that nobody signed',
       '-- put the function of this version''s migrations 0002, 0006 and 0011 back', true
FROM retail_sec.identity_functions() e
WHERE NOT EXISTS (SELECT FROM pg_proc p
                  WHERE p.oid = to_regprocedure('retail_sec.' || e.function_name || '()')
                    AND encode(sha256(convert_to(p.prosrc, 'UTF8')), 'hex') = e.body_sha256)
UNION ALL
SELECT 'audit log', format('retail_mcp.%s(%s)', e.function_name, e.arguments), 'unfit',
       'it does not do what this version''s does: the log may leave out or let through what it must not',
       '-- put the function of this version''s migrations 0009, 0015 and 0016 back', true
FROM retail_sec.audit_functions() e
WHERE NOT EXISTS (SELECT FROM pg_proc p
                  WHERE p.pronamespace = to_regnamespace('retail_mcp')
                    AND p.proname = e.function_name
                    AND oidvectortypes(p.proargtypes) = e.arguments
                    AND p.prosecdef = (e.function_name IN ('append_audit', 'recent_audit'))
                    AND encode(sha256(convert_to(p.prosrc, 'UTF8')), 'hex') = e.body_sha256)
UNION ALL
SELECT 'audit log', 'retail_mcp.audit_chain(bytea, text)', 'unfit', 'it does not chain by retail_mcp.audit_link',
       'CREATE OR REPLACE AGGREGATE retail_mcp.audit_chain(bytea, text)
            (SFUNC = retail_mcp.audit_link, STYPE = bytea)', true
WHERE NOT EXISTS (
    SELECT FROM pg_aggregate g
    JOIN pg_proc c ON c.oid = g.aggfnoid
    JOIN pg_proc l ON l.oid = g.aggtransfn
    WHERE c.pronamespace = to_regnamespace('retail_mcp') AND c.proname = 'audit_chain'
      AND oidvectortypes(c.proargtypes) = 'bytea, text'
      AND l.pronamespace = to_regnamespace('retail_mcp') AND l.proname = 'audit_link'
      AND g.aggfinalfn::oid = 0 AND g.agginitval IS NULL)
UNION ALL
SELECT f.check_name, format('%s for retail_service', p.oid::regprocedure), 'missing',
       'it cannot be called',
       format('GRANT EXECUTE ON FUNCTION %s TO retail_service', p.oid::regprocedure), true
FROM pg_proc p
JOIN retail_sec.service_functions() f ON f.function_name = p.proname
WHERE p.pronamespace = to_regnamespace('retail_mcp')
  AND NOT has_function_privilege('retail_service', p.oid, 'EXECUTE')
UNION ALL
SELECT 'data versions', format('retail_mcp.%s()', e.function_name), 'unfit',
       'it does not do what this version''s does: kept answers may outlive what they were read from',
       '-- put the function of this version''s migration 0012 back', true
FROM retail_sec.data_version_functions() e
WHERE NOT EXISTS (SELECT FROM pg_proc p
                  WHERE p.pronamespace = to_regnamespace('retail_mcp')
                    AND p.proname = e.function_name AND p.pronargs = 0 AND p.prosecdef
                    AND encode(sha256(convert_to(p.prosrc, 'UTF8')), 'hex') = e.body_sha256)
UNION ALL
-- See lockdown.sql: a leakproof comparison runs before a policy.
SELECT 'catalogue lockdown', 'comparisons of text',
       CASE WHEN retail_sec.layer_is_recorded('catalogue lockdown') THEN 'unfit' ELSE 'missing' END,
       'they are leakproof: the time of a statement can tell of other stores'' customers',
       CASE WHEN count(*) <= 20
            THEN string_agg(format('ALTER FUNCTION %s NOT LEAKPROOF', p.oid::regprocedure), '; ')
            ELSE '-- run `retail-mcp migrate` as a superuser of PostgreSQL' END,
       retail_sec.layer_is_recorded('catalogue lockdown')
FROM pg_proc p
WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.proleakproof
  AND p.proargtypes::oid[]
      && ARRAY['text'::regtype, 'bpchar'::regtype, 'name'::regtype, '"char"'::regtype]::oid[]
HAVING count(*) > 0
UNION ALL
SELECT 'extensions', 'vector', 'missing', 'it is not installed',
       'CREATE EXTENSION vector WITH SCHEMA public', true
WHERE NOT EXISTS (SELECT FROM pg_extension x WHERE x.extname = 'vector')
UNION ALL
-- The searches set hnsw.iterative_scan, which it has since 0.8.
SELECT 'extensions', 'vector', 'unfit', format('it is %s, and searches need 0.8 or later', x.extversion),
       'ALTER EXTENSION vector UPDATE', true
FROM pg_extension x
WHERE x.extname = 'vector'
  AND string_to_array(substring(x.extversion FROM '^[0-9]+(?:[.][0-9]+)*'), '.')::int[] < ARRAY[0, 8]
UNION ALL
SELECT 'extensions', format('%s for %s', x.extname, q.name), 'unfit',
       format('its schema %I can be used', n.nspname),
       format('REVOKE USAGE ON SCHEMA %I FROM PUBLIC, %I', n.nspname, q.name), true
FROM pg_extension x
JOIN pg_namespace n ON n.oid = x.extnamespace
CROSS JOIN login_role q
-- Those two must be used; a function that is wrong there is named above.
WHERE n.nspname NOT IN ('pg_catalog', 'retail', 'retail_sec')
  AND has_schema_privilege(q.name, n.oid, 'USAGE')
UNION ALL
SELECT 'extensions', format('foreign server %I for %s', s.srvname, q.name), 'unfit',
       'it can be used', format('REVOKE ALL ON FOREIGN SERVER %I FROM PUBLIC, %I', s.srvname, q.name),
       true
FROM pg_foreign_server s
CROSS JOIN login_role q
WHERE has_server_privilege(q.name, s.oid, 'USAGE')
$$;
REVOKE ALL ON FUNCTION retail_sec.posture_of_functions() FROM PUBLIC;
