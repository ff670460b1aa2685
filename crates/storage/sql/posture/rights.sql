-- What tables are and who may see what in them, as one hash: servers that keep answers forget all of them when it
-- changes (docs/decisions/0017). In plpgsql, so that each session keeps the plan. Migration 0012 has the data's part.
CREATE OR REPLACE FUNCTION retail_sec.rights_version()
RETURNS text LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN (
        WITH ours AS MATERIALIZED (
            SELECT n.oid, n.nspacl FROM pg_namespace n
            WHERE n.nspname IN ('retail', 'retail_mcp', 'retail_sec')
        ),
        relation AS MATERIALIZED (
            SELECT c.oid, c.relname, c.relkind, c.relowner, c.relacl, c.relrowsecurity,
                   c.relforcerowsecurity
            FROM pg_class c
            WHERE c.relnamespace IN (SELECT o.oid FROM ours o) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
        ),
        part (kind, number, value) AS (
            SELECT 'schema', o.oid::bigint, coalesce(o.nspacl::text, '') FROM ours o
            UNION ALL
            SELECT 'relation', r.oid::bigint, r::text FROM relation r
            UNION ALL
            SELECT 'column', a.attrelid::bigint * 2000 + a.attnum,
                   concat_ws('|', a.attname, a.atttypid, a.atttypmod, a.attnotnull, a.attisdropped, a.attacl)
            FROM relation r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0
            UNION ALL
            SELECT 'comment', d.objoid::bigint * 2000 + d.objsubid, d.description
            FROM relation r JOIN pg_description d ON d.objoid = r.oid AND d.classoid = 'pg_class'::regclass
            UNION ALL
            SELECT 'constraint', k.oid::bigint, concat_ws('|', k.contype, k.conkey, k.confrelid, k.confkey)
            FROM relation r JOIN pg_constraint k ON k.conrelid = r.oid
            UNION ALL
            SELECT 'policy', p.oid::bigint, p::text FROM relation r JOIN pg_policy p ON p.polrelid = r.oid
            UNION ALL
            SELECT 'function', f.oid::bigint,
                   concat_ws('|', f.proname, f.proowner, f.prosecdef, f.proconfig, f.proacl, f.prosrc)
            FROM pg_proc f WHERE f.pronamespace IN (SELECT o.oid FROM ours o)
            UNION ALL
            SELECT 'role', g.oid::bigint, concat_ws('|', g.rolname, g.rolsuper, g.rolinherit, g.rolbypassrls,
                   ARRAY(SELECT m.roleid FROM pg_auth_members m WHERE m.member = g.oid ORDER BY 1))
            FROM pg_roles g WHERE g.rolname IN ('retail_query', 'retail_query_hq')
            UNION ALL
            -- A key that ends ends what was read under it.
            SELECT 'key', 0, i.key_id FROM retail_sec.identity_key i WHERE i.not_after > now()
        )
        SELECT encode(sha256(convert_to(
            string_agg(concat_ws('|', p.kind, p.number, length(p.value), p.value), ','
                       ORDER BY p.kind COLLATE "C", p.number, p.value COLLATE "C"), 'UTF8')), 'hex')
        FROM part p);
END $$;
REVOKE ALL ON FUNCTION retail_sec.rights_version() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION retail_sec.rights_version() TO retail_service;
