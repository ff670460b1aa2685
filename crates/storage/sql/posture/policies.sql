-- Policies: exactly those that are ours apply to our roles, and say what ours say.
CREATE OR REPLACE FUNCTION retail_sec.posture_of_policies()
RETURNS TABLE (check_name text, subject text, state text, detail text, fix_sql text,
               mandatory boolean)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
WITH actual AS (
    SELECT c.oid::regclass::text AS table_name, p.polname::text AS policy_name, p.polcmd AS command,
           p.polpermissive AS permissive,
           -- Line ends and indentation differ between versions.
           regexp_replace(pg_get_expr(p.polqual, p.polrelid), '\s+', ' ', 'g') AS using_sql,
           pg_get_expr(p.polwithcheck, p.polrelid) AS check_sql,
           ARRAY(SELECT CASE WHEN r = 0 THEN 'public' ELSE r::regrole::text END
                 FROM unnest(p.polroles) AS r ORDER BY 1) AS roles
    FROM pg_policy p
    JOIN pg_class c ON c.oid = p.polrelid
    WHERE c.relnamespace IN (to_regnamespace('retail'), to_regnamespace('retail_mcp'))
      AND p.polroles && ARRAY[0::oid, 'retail_query'::regrole, 'retail_query_hq'::regrole,
                              'retail_owner'::regrole, 'retail_sec'::regrole,
                              'retail_service'::regrole]
)
SELECT 'policies', format('%s of %s', e.policy_name, e.table_name),
       CASE WHEN a.policy_name IS NULL THEN 'missing' ELSE 'unfit' END,
       CASE WHEN a.policy_name IS NULL THEN 'there is no such policy'
            ELSE 'it applies to others, or says something else, than it must' END,
       format('DROP POLICY IF EXISTS %1$I ON %2$s; CREATE POLICY %1$I ON %2$s%3$s TO %4$s USING (%5$s)%6$s',
              e.policy_name, e.table_name, CASE e.command WHEN 'r' THEN ' FOR SELECT' END,
              array_to_string(e.roles, ', '), e.using_sql,
              CASE e.command WHEN '*' THEN ' WITH CHECK (true)' END),
       true
FROM retail_sec.expected_policies() e
LEFT JOIN actual a USING (table_name, policy_name)
WHERE a.policy_name IS NULL OR a.command <> e.command OR NOT a.permissive OR a.roles <> e.roles
   OR a.using_sql IS DISTINCT FROM e.using_sql
   OR a.check_sql IS DISTINCT FROM CASE e.command WHEN '*' THEN 'true' END
UNION ALL
-- A restrictive policy shows less, never more.
SELECT 'policies', format('%s of %s', a.policy_name, a.table_name), 'unfit',
       format('it is not ours and applies to %s', array_to_string(a.roles, ', ')),
       format('DROP POLICY %I ON %s', a.policy_name, a.table_name), true
FROM actual a
WHERE a.permissive
  AND NOT EXISTS (SELECT FROM retail_sec.expected_policies() e
                  WHERE e.table_name = a.table_name AND e.policy_name = a.policy_name)
$$;
REVOKE ALL ON FUNCTION retail_sec.posture_of_policies() FROM PUBLIC;
