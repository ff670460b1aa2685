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
SELECT format('function %s runs with its owner''s rights and can be called by %s',
              p.oid::regprocedure, r.rolname)
FROM pg_proc p
CROSS JOIN (VALUES ('retail_query'), ('retail_query_hq')) AS r (rolname)
WHERE p.prosecdef
  AND p.pronamespace::regnamespace::text !~ '^(pg_.*|information_schema|retail_sec)$'
  AND has_schema_privilege(r.rolname, p.pronamespace, 'USAGE')
  AND has_function_privilege(r.rolname, p.oid, 'EXECUTE')
