-- The sales rollups: what writes them, and that it does.
CREATE OR REPLACE FUNCTION retail_sec.posture_of_rollups()
RETURNS TABLE (check_name text, subject text, state text, detail text, fix_sql text,
               mandatory boolean)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
SELECT 'sales rollups', format('retail_mcp.%s()', e.function_name), 'unfit',
       'it does not do what this version''s does: figures may be wrong, or those of another store',
       '-- put the function of this version''s migration 0013 or 0019 back', true
FROM retail_sec.rollup_functions() e
WHERE NOT EXISTS (SELECT FROM pg_proc p
                  WHERE p.pronamespace = to_regnamespace('retail_mcp')
                    AND p.proname = e.function_name AND p.pronargs = 0 AND p.prosecdef
                    AND encode(sha256(convert_to(p.prosrc, 'UTF8')), 'hex') = e.body_sha256)
UNION ALL
SELECT 'sales rollups', format('trigger %s of %s', e.trigger_name, e.table_name),
       CASE WHEN t.oid IS NULL THEN 'missing' ELSE 'unfit' END,
       'changes of orders do not reach the rollups',
       format('DROP TRIGGER IF EXISTS %I ON %s; %s; SELECT retail_mcp.rebuild_sales_rollups()',
              e.trigger_name, e.table_name, e.create_sql),
       true
FROM retail_sec.rollup_triggers() e
JOIN pg_namespace n ON n.nspname = split_part(e.table_name, '.', 1)
LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = split_part(e.table_name, '.', 2)
LEFT JOIN pg_trigger t ON t.tgrelid = c.oid AND t.tgname = e.trigger_name
LEFT JOIN pg_proc p ON p.oid = t.tgfoid
WHERE t.oid IS NULL OR t.tgtype <> e.bits OR t.tgenabled NOT IN ('O', 'A')
   OR p.pronamespace <> to_regnamespace('retail_mcp') OR p.proname <> e.function_name
   OR (t.tgnewtable IS NOT NULL) <> (e.bits IN (4, 16)) OR (t.tgoldtable IS NOT NULL) <> (e.bits IN (8, 16))
   OR (t.tgqual IS NOT NULL) <> (e.bits = 5) OR t.tginitdeferred <> (e.bits = 5)
$$;
REVOKE ALL ON FUNCTION retail_sec.posture_of_rollups() FROM PUBLIC;
