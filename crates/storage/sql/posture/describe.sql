-- What the schema tool asks, since the query roles cannot read the catalogue: nothing but the twelve
-- tables' readable columns, and of these only the asking role's own. SECURITY DEFINER, so the asking
-- role is session_user: a query role cannot take another.
CREATE OR REPLACE FUNCTION retail_sec.describe_columns()
RETURNS TABLE (table_name text, column_name text, pg_type text, nullable boolean, comment text,
               key_role text, purpose text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod),
           NOT a.attnotnull, col_description(c.oid, a.attnum),
           (SELECT CASE WHEN bool_or(i.indisprimary) THEN 'primary'
                        WHEN count(*) > 0 THEN 'unique' ELSE '' END
            FROM pg_index i
            WHERE i.indrelid = c.oid AND i.indisunique AND a.attnum = ANY (i.indkey)
              AND (i.indisprimary OR i.indnkeyatts = 1)),
           obj_description(c.oid, 'pg_class')
    FROM retail_sec.readable_columns() e
    JOIN pg_class c ON c.relname = e.table_name AND c.relnamespace = 'retail'::regnamespace
    JOIN pg_attribute a
        ON a.attrelid = c.oid AND a.attname = ANY (e.columns) AND NOT a.attisdropped
    WHERE has_column_privilege(session_user, c.oid, a.attnum, 'SELECT')
    ORDER BY c.relname, a.attnum
$$;

-- Foreign keys of one column, from a readable column to a readable one.
CREATE OR REPLACE FUNCTION retail_sec.describe_foreign_keys()
RETURNS TABLE (table_name text, column_name text, references_table text, references_column text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT c.relname::text, a.attname::text, fc.relname::text, fa.attname::text
    FROM pg_constraint k
    JOIN pg_class c ON c.oid = k.conrelid
    JOIN pg_class fc ON fc.oid = k.confrelid
    JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
    JOIN pg_attribute fa ON fa.attrelid = k.confrelid AND fa.attnum = k.confkey[1]
    JOIN retail_sec.readable_columns() e
        ON e.table_name = c.relname AND a.attname = ANY (e.columns)
    JOIN retail_sec.readable_columns() fe
        ON fe.table_name = fc.relname AND fa.attname = ANY (fe.columns)
    WHERE k.contype = 'f' AND array_length(k.conkey, 1) = 1
      AND c.relnamespace = 'retail'::regnamespace
      AND fc.relnamespace = 'retail'::regnamespace
      AND has_column_privilege(session_user, c.oid, a.attnum, 'SELECT')
      AND has_column_privilege(session_user, fc.oid, fa.attnum, 'SELECT')
    ORDER BY c.relname, a.attnum
$$;

-- The planner's number of rows of each table. It counts all stores' rows, so it is head office's.
CREATE OR REPLACE FUNCTION retail_sec.estimated_rows()
RETURNS TABLE (table_name text, row_count bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT c.relname::text, c.reltuples::bigint
    FROM retail_sec.readable_columns() e
    JOIN pg_class c ON c.relname = e.table_name AND c.relnamespace = 'retail'::regnamespace
$$;

REVOKE ALL ON FUNCTION retail_sec.describe_columns(), retail_sec.describe_foreign_keys(),
    retail_sec.estimated_rows() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION retail_sec.describe_columns(), retail_sec.describe_foreign_keys()
    TO retail_query, retail_query_hq;
GRANT EXECUTE ON FUNCTION retail_sec.estimated_rows() TO retail_query_hq;
