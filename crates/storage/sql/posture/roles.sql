-- Roles: what they are, whose members they are, what they own and what is set for them.
CREATE OR REPLACE FUNCTION retail_sec.posture_of_roles()
RETURNS TABLE (check_name text, subject text, state text, detail text, fix_sql text,
               mandatory boolean)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
WITH query_role (name) AS (VALUES ('retail_query'), ('retail_query_hq')),
login_role (name) AS (SELECT q.name FROM query_role q UNION ALL VALUES ('retail_service')),
-- What must be set; the limits to something, the others to just that.
wanted (role_name, setting, value, any_limit) AS (
    SELECT q.name, w.setting, w.value, w.any_limit
    FROM query_role q
    CROSS JOIN (VALUES ('default_transaction_read_only', 'on', false),
                       ('row_security', 'on', false), ('search_path', 'retail', false),
                       ('statement_timeout', '5s', true), ('lock_timeout', '1s', true),
                       ('idle_in_transaction_session_timeout', '10s', true),
                       ('temp_file_limit', '256MB', true)) AS w (setting, value, any_limit)
    UNION ALL
    VALUES ('retail_service', 'row_security', 'on', false),
           ('retail_service', 'search_path', 'pg_catalog', false),
           ('retail_service', 'statement_timeout', '15s', true),
           ('retail_service', 'lock_timeout', '10s', true),
           ('retail_service', 'idle_in_transaction_session_timeout', '10s', true)
),
role_setting AS (
    SELECT q.name AS role_name, s.setdatabase <> 0 AS of_database,
           lower(split_part(item, '=', 1)) AS setting,
           substr(item, strpos(item, '=') + 1) AS value
    FROM login_role q
    JOIN pg_roles r ON r.rolname = q.name
    JOIN pg_db_role_setting s ON s.setrole = r.oid
        AND s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
    CROSS JOIN unnest(s.setconfig) AS item
)
SELECT 'role attributes', r.rolname::text, 'unfit',
       'it has ' || concat_ws(', ', CASE WHEN r.rolsuper THEN 'SUPERUSER' END,
           CASE WHEN r.rolcreatedb THEN 'CREATEDB' END,
           CASE WHEN r.rolcreaterole THEN 'CREATEROLE' END,
           CASE WHEN r.rolreplication THEN 'REPLICATION' END,
           CASE WHEN r.rolbypassrls THEN 'BYPASSRLS' END,
           CASE WHEN r.rolcanlogin AND q.name IS NULL THEN 'LOGIN' END),
       format('ALTER ROLE %I NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS%s',
              r.rolname, CASE WHEN q.name IS NULL THEN ' NOLOGIN' END),
       true
FROM pg_roles r
LEFT JOIN login_role q ON q.name = r.rolname
WHERE r.rolname IN ('retail_query', 'retail_query_hq', 'retail_service', 'retail_owner', 'retail_sec')
  AND (r.rolsuper OR r.rolcreatedb OR r.rolcreaterole OR r.rolreplication OR r.rolbypassrls
       OR (r.rolcanlogin AND q.name IS NULL))
UNION ALL
SELECT 'connection limit', r.rolname::text, 'missing', 'it may take all connections of the server',
       format('ALTER ROLE %I CONNECTION LIMIT 40', r.rolname), true
FROM pg_roles r
JOIN login_role q ON q.name = r.rolname
WHERE r.rolconnlimit < 0
UNION ALL
SELECT 'role membership', q.name, 'unfit',
       format('it is a member of %s', m.roleid::regrole),
       format('REVOKE %s FROM %I GRANTED BY %s', m.roleid::regrole, q.name, m.grantor::regrole),
       true
FROM login_role q
JOIN pg_roles r ON r.rolname = q.name
JOIN pg_auth_members m ON m.member = r.oid
UNION ALL
-- The role itself may change these outside of a read-only transaction, so they are looked at.
SELECT 'role settings', q.name || ' ' || e.setting,
       CASE WHEN s.value IS NULL THEN 'missing' ELSE 'unfit' END,
       coalesce('it is ' || s.value, 'it is not set') || ', not ' || e.value,
       concat_ws('; ',
           CASE WHEN s.of_database
               THEN format('ALTER ROLE %I IN DATABASE %I RESET %I', q.name, current_database(),
                           e.setting) END,
           format('ALTER ROLE %I SET %I = %L', q.name, e.setting, e.value)),
       e.setting <> 'temp_file_limit' OR retail_sec.layer_is_recorded('temp_file_limit')
FROM wanted e
JOIN login_role q ON q.name = e.role_name
LEFT JOIN LATERAL (
    SELECT rs.value, rs.of_database
    FROM role_setting rs
    WHERE rs.role_name = q.name AND rs.setting = e.setting
    ORDER BY rs.of_database DESC
    LIMIT 1) AS s ON true
WHERE s.value IS NULL
   OR (NOT e.any_limit AND s.value <> e.value)
   OR (e.any_limit AND s.value ~ '^(-1|0)')
UNION ALL
SELECT 'parameters', p.parname, 'unfit',
       format('%s may be set by %s', p.parname,
              CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END),
       format('REVOKE ALL ON PARAMETER %I FROM %s', p.parname,
              CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END),
       true
FROM pg_parameter_acl p
CROSS JOIN aclexplode(p.paracl) AS a
WHERE a.grantee IN (0, 'retail_query'::regrole, 'retail_query_hq'::regrole, 'retail_service'::regrole)
UNION ALL
SELECT 'ownership', 'schema ' || n.nspname, 'unfit',
       format('it is owned by %s, not %s', n.nspowner::regrole, e.owner),
       format('ALTER SCHEMA %I OWNER TO %I', n.nspname, e.owner), true
FROM (VALUES ('retail', 'retail_owner'), ('retail_mcp', 'retail_owner'),
             ('retail_sec', 'retail_sec')) AS e (schema_name, owner)
JOIN pg_namespace n ON n.nspname = e.schema_name
WHERE n.nspowner <> e.owner::regrole
UNION ALL
SELECT 'ownership', c.oid::regclass::text, 'unfit',
       format('it is owned by %s, not %s', c.relowner::regrole, e.owner),
       format('ALTER TABLE %s OWNER TO %I', c.oid::regclass, e.owner), true
FROM (VALUES ('retail', 'retail_owner'), ('retail_mcp', 'retail_owner'),
             ('retail_sec', 'retail_sec')) AS e (schema_name, owner)
JOIN pg_namespace n ON n.nspname = e.schema_name
JOIN pg_class c ON c.relnamespace = n.oid AND c.relkind IN ('r', 'p')
WHERE c.relowner <> e.owner::regrole
UNION ALL
-- A definer function has its owner's rights.
SELECT 'ownership', p.oid::regprocedure::text, 'unfit',
       format('it is owned by %s, not %s', p.proowner::regrole, e.owner),
       format('ALTER ROUTINE %s OWNER TO %I', p.oid::regprocedure, e.owner), true
FROM (VALUES ('retail_mcp', 'retail_owner'), ('retail_sec', 'retail_sec')) AS e (schema_name, owner)
JOIN pg_proc p ON p.pronamespace = to_regnamespace(e.schema_name)
WHERE p.proowner <> e.owner::regrole
UNION ALL
SELECT 'ownership', q.name, 'unfit', 'it owns something in this database, or the database itself',
       format('REASSIGN OWNED BY %I TO retail_owner', q.name), true
FROM login_role q
WHERE EXISTS (
    SELECT FROM pg_shdepend d
    WHERE d.deptype = 'o' AND d.refobjid = q.name::regrole
      AND d.dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database())))
$$;
REVOKE ALL ON FUNCTION retail_sec.posture_of_roles() FROM PUBLIC;
