-- The columns that the asking role may read, in order.
SELECT c.relname::text, a.attname::text,
       pg_catalog.format_type(a.atttypid, a.atttypmod),
       NOT a.attnotnull,
       pg_catalog.col_description(c.oid, a.attnum),
       (SELECT CASE WHEN bool_or(i.indisprimary) THEN 'primary'
                    WHEN count(*) > 0 THEN 'unique' ELSE '' END
        FROM pg_catalog.pg_index i
        WHERE i.indrelid = c.oid AND i.indisunique AND a.attnum = ANY (i.indkey)
          AND (i.indisprimary OR i.indnkeyatts = 1)),
       pg_catalog.obj_description(c.oid, 'pg_class')
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'retail'::pg_catalog.regnamespace AND c.relkind IN ('r', 'p')
  AND pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT')
ORDER BY c.relname, a.attnum
