-- The answer to "is this database fit to be served from?", for a role that cannot look for itself.
-- One row a finding, and one for each check that found nothing.
CREATE OR REPLACE FUNCTION retail_sec.posture()
RETURNS TABLE (check_name text, subject text, state text, detail text, fix_sql text,
               mandatory boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
WITH finding AS MATERIALIZED (
    SELECT * FROM retail_sec.posture_of_roles()
    UNION ALL SELECT * FROM retail_sec.posture_of_relations()
    UNION ALL SELECT * FROM retail_sec.posture_of_policies()
    UNION ALL SELECT * FROM retail_sec.posture_of_functions()
    UNION ALL SELECT * FROM retail_sec.posture_of_rollups()
    UNION ALL SELECT * FROM retail_sec.posture_of_benchmarks()
    UNION ALL
    SELECT 'identity key', 'retail_sec.identity_key', 'missing',
           CASE WHEN k.newest IS NULL THEN 'there is no key'
                ELSE 'the newest key was valid until ' || k.newest END,
           '-- run `retail-mcp migrate` with the key that the server has', true
    FROM (SELECT max(i.not_after) AS newest FROM retail_sec.identity_key i) AS k
    WHERE coalesce(k.newest <= now(), true)
    UNION ALL
    -- There the catalogue is open and other sessions can be seen. No statement can get there from
    -- here, so it is advice.
    SELECT 'other databases', 'retail_query, retail_query_hq, retail_service', 'unfit',
           format('with their passwords one could connect to %s other databases: %s%s', count(*),
                  array_to_string((array_agg(d.datname::text ORDER BY d.datname))[1:3], ', '),
                  CASE WHEN count(*) > 3 THEN ', …' ELSE '' END),
           string_agg(format('REVOKE CONNECT ON DATABASE %I FROM PUBLIC', d.datname), '; '
                      ORDER BY d.datname),
           false
    FROM pg_database d
    WHERE d.datallowconn AND d.datname <> current_database()
      AND (has_database_privilege('retail_query', d.oid, 'CONNECT')
           OR has_database_privilege('retail_query_hq', d.oid, 'CONNECT')
           OR has_database_privilege('retail_service', d.oid, 'CONNECT'))
    HAVING count(*) > 0
)
SELECT coalesce(f.check_name, c.name),
       -- Which version's functions these are: a program asks for its own or a later one.
       coalesce(f.subject, CASE c.name WHEN 'schema version' THEN '19' ELSE '' END), coalesce(f.state, 'good'),
       coalesce(f.detail, ''), f.fix_sql, coalesce(f.mandatory, c.name <> 'other databases')
FROM unnest(ARRAY['schema version', 'role attributes', 'role membership', 'connection limit', 'role settings',
             'parameters', 'ownership', 'database', 'schemas', 'grants', 'views',
             'materialised views', 'row security', 'policies', 'indexes',
             'default privileges', 'functions', 'languages', 'extensions',
             'catalogue lockdown', 'audit log', 'data versions', 'sales rollups', 'store benchmarks', 'servers', 'identity key',
             'other databases'])
    WITH ORDINALITY AS c (name, position)
-- FULL: a finding of a check that is missing in this list must not get lost.
FULL JOIN finding f ON f.check_name = c.name
ORDER BY c.position, f.subject
$$;

-- Whether the role that logged in is a query role and no more than one. Asked on each connection.
CREATE OR REPLACE FUNCTION retail_sec.login_is_fit()
RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(
        (SELECT NOT (r.rolsuper OR r.rolbypassrls OR r.rolcreaterole OR r.rolcreatedb
                     OR r.rolreplication
                     OR EXISTS (SELECT FROM pg_auth_members m WHERE m.member = r.oid))
         FROM pg_roles r
         WHERE r.rolname = session_user AND r.rolname IN ('retail_query', 'retail_query_hq')),
        false)
$$;

-- How many connections there may be: of all together, and of each login.
CREATE OR REPLACE FUNCTION retail_sec.connection_limits()
RETURNS TABLE (usable integer, stores integer, head_office integer, service integer)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer
               - current_setting('reserved_connections')::integer,
           max(r.rolconnlimit) FILTER (WHERE r.rolname = 'retail_query'),
           max(r.rolconnlimit) FILTER (WHERE r.rolname = 'retail_query_hq'),
           max(r.rolconnlimit) FILTER (WHERE r.rolname = 'retail_service')
    FROM pg_roles r
$$;

-- Whether the service login is what it must be.
CREATE OR REPLACE FUNCTION retail_sec.service_login_is_fit()
RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(
        (SELECT NOT (r.rolsuper OR r.rolbypassrls OR r.rolcreaterole OR r.rolcreatedb
                     OR r.rolreplication
                     OR EXISTS (SELECT FROM pg_auth_members m WHERE m.member = r.oid))
         FROM pg_roles r
         WHERE r.rolname = session_user AND r.rolname = 'retail_service'),
        false)
$$;

REVOKE ALL ON FUNCTION retail_sec.posture(), retail_sec.login_is_fit(),
    retail_sec.service_login_is_fit(), retail_sec.connection_limits() FROM PUBLIC;
GRANT USAGE ON SCHEMA retail_sec TO retail_service;
GRANT EXECUTE ON FUNCTION retail_sec.service_login_is_fit(), retail_sec.connection_limits() TO retail_service;
GRANT EXECUTE ON FUNCTION retail_sec.posture(), retail_sec.login_is_fit()
    TO retail_query, retail_query_hq;
