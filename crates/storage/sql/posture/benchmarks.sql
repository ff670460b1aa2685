-- The peer comparison: what computes it, and so decides what each store is told of the others.
CREATE OR REPLACE FUNCTION retail_sec.posture_of_benchmarks()
RETURNS TABLE (check_name text, subject text, state text, detail text, fix_sql text,
               mandatory boolean)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
SELECT 'store benchmarks', format('retail_mcp.%s(%s)', e.function_name, e.arguments), 'unfit',
       'it does not do what this version''s does: a store may be told of single other stores',
       '-- put the function of this version''s migration 0017 back', true
FROM retail_sec.benchmark_functions() e
WHERE NOT EXISTS (SELECT FROM pg_proc p
                  WHERE p.pronamespace = to_regnamespace('retail_mcp')
                    AND p.proname = e.function_name
                    AND oidvectortypes(p.proargtypes) = e.arguments
                    AND p.prosecdef = e.is_definer
                    AND encode(sha256(convert_to(p.prosrc, 'UTF8')), 'hex') = e.body_sha256)
$$;
REVOKE ALL ON FUNCTION retail_sec.posture_of_benchmarks() FROM PUBLIC;
