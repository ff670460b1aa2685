-- Foreign keys of one column between tables of the schema.
SELECT c.relname::text, a.attname::text, fc.relname::text, fa.attname::text
FROM pg_catalog.pg_constraint k
JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
JOIN pg_catalog.pg_class fc ON fc.oid = k.confrelid
JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
JOIN pg_catalog.pg_attribute fa ON fa.attrelid = k.confrelid AND fa.attnum = k.confkey[1]
WHERE k.contype = 'f' AND pg_catalog.array_length(k.conkey, 1) = 1
  AND c.relnamespace = 'retail'::pg_catalog.regnamespace
  AND fc.relnamespace = 'retail'::pg_catalog.regnamespace
ORDER BY c.relname, a.attnum
