-- What the query roles can reach and should not, a line each. Nothing is the right answer.
SELECT format('%s can be read or written by %s', c.oid::regclass, r.rolname)
FROM pg_class c
CROSS JOIN (VALUES ('retail_query'), ('retail_query_hq')) AS r (rolname)
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND c.relnamespace::regnamespace::text !~ '^(pg_.*|information_schema)$'
  AND has_schema_privilege(r.rolname, c.relnamespace, 'USAGE')
  AND (has_table_privilege(r.rolname, c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')
       OR has_any_column_privilege(r.rolname, c.oid, 'SELECT, INSERT, UPDATE'))
  AND (c.relnamespace <> 'retail'::regnamespace
       OR c.relname NOT IN ('stores', 'customers', 'categories', 'product_types', 'products',
                            'inventory', 'orders', 'order_items')
       OR has_table_privilege(r.rolname, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
       OR has_any_column_privilege(r.rolname, c.oid, 'INSERT, UPDATE'))
UNION ALL
SELECT format('retail.stores.rls_user_id can be read by %s', r.rolname)
FROM (VALUES ('retail_query'), ('retail_query_hq')) AS r (rolname)
WHERE has_column_privilege(r.rolname, 'retail.stores', 'rls_user_id', 'SELECT')
UNION ALL
SELECT format('row security of %s is not forced', c.oid::regclass)
FROM pg_class c
WHERE c.relnamespace = 'retail'::regnamespace AND c.relkind IN ('r', 'p')
  AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
  AND has_any_column_privilege('retail_query', c.oid, 'SELECT')
UNION ALL
SELECT format('policy %I of %s is not ours and applies to the query roles', p.polname,
              p.polrelid::regclass)
FROM pg_policy p
JOIN pg_class c ON c.oid = p.polrelid
WHERE c.relnamespace = 'retail'::regnamespace AND p.polpermissive
  AND p.polname NOT IN ('owner_maintains', 'store_sees_own', 'head_office_sees_all',
                        'catalogue_is_shared', 'identity_lookup')
  AND p.polroles && ARRAY[0::oid, 'retail_query'::regrole, 'retail_query_hq'::regrole]
UNION ALL
SELECT format('function %s runs with its owner''s rights and can be called by %s',
              p.oid::regprocedure, r.rolname)
FROM pg_proc p
CROSS JOIN (VALUES ('retail_query'), ('retail_query_hq')) AS r (rolname)
WHERE p.prosecdef
  AND p.pronamespace::regnamespace::text !~ '^(pg_.*|information_schema|retail_sec)$'
  AND has_schema_privilege(r.rolname, p.pronamespace, 'USAGE')
  AND has_function_privilege(r.rolname, p.oid, 'EXECUTE')
