-- Relations: who may read which columns, row security, and what new objects will be given.
CREATE OR REPLACE FUNCTION retail_sec.posture_of_relations()
RETURNS TABLE (check_name text, subject text, state text, detail text, fix_sql text,
               mandatory boolean)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
WITH login_role (name) AS (VALUES ('retail_query'), ('retail_query_hq'), ('retail_service')),
granted AS (
    SELECT q.name AS role_name, e.schema_name, e.table_name, e.columns
    FROM (VALUES ('retail_query'), ('retail_query_hq')) AS q (name)
    CROSS JOIN retail_sec.granted_columns() e
    UNION ALL
    SELECT 'retail_service', e.schema_name, e.table_name, e.columns
    FROM retail_sec.service_columns() e
),
write_privilege (name, of_columns) AS (
    SELECT p.name, p.of_columns
    FROM (VALUES ('SELECT WITH GRANT OPTION', true), ('INSERT', true), ('UPDATE', true),
                 ('REFERENCES', true), ('DELETE', false), ('TRUNCATE', false),
                 ('TRIGGER', false), ('MAINTAIN', false)) AS p (name, of_columns)
    -- New in PostgreSQL 17; an older one does not know the word.
    WHERE p.name <> 'MAINTAIN' OR current_setting('server_version_num')::int >= 170000
),
user_schema AS (
    SELECT n.oid, n.nspname::text AS name
    FROM pg_namespace n
    WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')
      AND n.nspname !~ '^pg_(toast|temp)'
),
actual AS (
    SELECT q.name AS role_name, n.name AS schema_name, c.relname::text AS relation_name, c.relkind,
           c.oid,
           (SELECT array_agg(a.attname::text) FROM pg_attribute a
            WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
              AND has_column_privilege(q.name, c.oid, a.attnum, 'SELECT')) AS columns,
           (SELECT string_agg(p.name, ', ') FROM write_privilege p
            WHERE has_table_privilege(q.name, c.oid, p.name)
               OR (p.of_columns AND has_any_column_privilege(q.name, c.oid, p.name))) AS writes
    FROM login_role q
    CROSS JOIN user_schema n
    JOIN pg_class c ON c.relnamespace = n.oid AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
    -- A grant counts where the schema can be used, and where it names the role.
    WHERE n.name = 'retail' OR has_schema_privilege(q.name, n.oid, 'USAGE')
       OR EXISTS (SELECT FROM aclexplode(c.relacl) a WHERE a.grantee = q.name::regrole)
       OR EXISTS (SELECT FROM pg_attribute t CROSS JOIN aclexplode(t.attacl) a
                  WHERE t.attrelid = c.oid AND a.grantee = q.name::regrole)
),
compared AS (
    SELECT e.role_name, format('%I.%I', e.schema_name, e.table_name) AS table_name,
           e.columns AS expected,
           a.writes,
           ARRAY(SELECT unnest(e.columns) EXCEPT SELECT unnest(a.columns)) AS lacking,
           ARRAY(SELECT unnest(a.columns) EXCEPT SELECT unnest(e.columns)) AS surplus
    FROM granted e
    LEFT JOIN actual a ON a.role_name = e.role_name AND a.schema_name = e.schema_name
        AND a.relation_name = e.table_name
)
SELECT 'grants', format('%s for %s', x.table_name, x.role_name),
       CASE WHEN x.surplus = '{}' AND x.writes IS NULL THEN 'missing' ELSE 'unfit' END,
       concat_ws('; ',
           'it can also read ' || nullif(array_to_string(x.surplus, ', '), ''),
           'it cannot read ' || nullif(array_to_string(x.lacking, ', '), ''),
           'it has ' || x.writes),
       format('REVOKE ALL ON %1$s FROM PUBLIC, %2$I; GRANT SELECT (%3$s) ON %1$s TO %2$I',
              x.table_name, x.role_name,
              (SELECT string_agg(quote_ident(c), ', ') FROM unnest(x.expected) AS c)),
       true
FROM compared x
WHERE x.surplus <> '{}' OR x.lacking <> '{}' OR x.writes IS NOT NULL
UNION ALL
SELECT CASE a.relkind WHEN 'v' THEN 'views' WHEN 'm' THEN 'materialised views' ELSE 'grants' END,
       format('%s for %s', a.oid::regclass, a.role_name), 'unfit',
       CASE a.relkind
           WHEN 'v' THEN 'it can be reached, and without security_invoker shows what its owner sees'
           WHEN 'm' THEN 'it can be reached, and has no row security'
           ELSE 'it can be reached and is none of the tables that may be' END,
       format('REVOKE ALL ON %s FROM PUBLIC, %I', a.oid::regclass, a.role_name), true
FROM actual a
WHERE (a.columns IS NOT NULL OR a.writes IS NOT NULL)
  AND (a.role_name, a.schema_name, a.relation_name) NOT IN (
      SELECT e.role_name, e.schema_name, e.table_name FROM granted e)
UNION ALL
SELECT 'grants', format('sequence %s for %s', c.oid::regclass, q.name), 'unfit',
       'it can be read or moved',
       format('REVOKE ALL ON SEQUENCE %s FROM PUBLIC, %I', c.oid::regclass, q.name), true
FROM login_role q
CROSS JOIN user_schema n
JOIN pg_class c ON c.relnamespace = n.oid AND c.relkind = 'S'
WHERE has_schema_privilege(q.name, n.oid, 'USAGE')
  -- A CASE, since the planner may ask this of a relation that is no sequence.
  AND CASE WHEN c.relkind = 'S'
      THEN has_sequence_privilege(q.name, c.oid, 'USAGE, SELECT, UPDATE') END
UNION ALL
SELECT 'schemas', format('%s for %s', n.name, q.name), 'unfit', 'it may create objects there',
       format('REVOKE CREATE ON SCHEMA %I FROM PUBLIC, %I', n.name, q.name), true
FROM login_role q
CROSS JOIN user_schema n
WHERE has_schema_privilege(q.name, n.oid, 'CREATE')
UNION ALL
SELECT 'schemas', format('%s for %s', n.name, q.name), 'missing', 'it may not use the schema',
       format('GRANT USAGE ON SCHEMA %I TO %I', n.name, q.name), true
FROM login_role q
JOIN user_schema n ON n.name IN ('retail', 'retail_mcp', 'retail_sec')
WHERE NOT has_schema_privilege(q.name, n.oid, 'USAGE')
UNION ALL
SELECT 'database', format('%s for %s', current_database(), q.name), 'unfit',
       'it may make schemas or temporary tables',
       format('REVOKE CREATE, TEMPORARY ON DATABASE %I FROM PUBLIC, %I', current_database(), q.name),
       true
FROM login_role q
WHERE has_database_privilege(q.name, current_database(), 'CREATE, TEMPORARY')
UNION ALL
SELECT 'row security', e.t, CASE WHEN c.oid IS NULL THEN 'missing' ELSE 'unfit' END,
       CASE WHEN c.oid IS NULL THEN 'there is no such table'
            WHEN NOT c.relrowsecurity THEN 'row security is off' ELSE 'it does not bind the owner' END,
       CASE WHEN c.oid IS NOT NULL THEN
           format('ALTER TABLE %1$s ENABLE ROW LEVEL SECURITY; ALTER TABLE %1$s FORCE ROW LEVEL SECURITY',
                  e.t) END,
       true
FROM (SELECT DISTINCT p.table_name FROM retail_sec.expected_policies() p) AS e (t)
-- Not to_regclass(), which fails in a schema that retail_sec may not use.
LEFT JOIN user_schema n ON n.name = split_part(e.t, '.', 1)
LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = split_part(e.t, '.', 2)
WHERE c.oid IS NULL OR NOT (c.relrowsecurity AND c.relforcerowsecurity)
UNION ALL
-- An index that can be searched for what names a person tells by its speed who exists.
SELECT 'indexes', i.indexrelid::regclass::text, 'unfit',
       format('it can be searched for %s of other stores'' customers',
              string_agg(a.attname, ', ' ORDER BY a.attnum)),
       format('DROP INDEX %s', i.indexrelid::regclass), true
FROM pg_index i
JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
WHERE i.indrelid = to_regclass('retail.customers')
  AND a.attname IN ('first_name', 'last_name', 'email', 'phone')
GROUP BY i.indexrelid
UNION ALL
-- For functions and types a row without a schema repeats PostgreSQL's own default for PUBLIC.
SELECT 'default privileges', d.defaclrole::regrole::text, 'unfit',
       format('new %s%s are given to %s', o.kind, ' of schema ' || d.defaclnamespace::regnamespace,
              g.grantee),
       format('ALTER DEFAULT PRIVILEGES FOR ROLE %s%s REVOKE ALL ON %s FROM %s',
              d.defaclrole::regrole, ' IN SCHEMA ' || n.nspname, upper(o.kind), g.grantee),
       true
FROM pg_default_acl d
LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace
JOIN (VALUES ('r', 'tables'), ('S', 'sequences'), ('f', 'functions'), ('T', 'types'),
             ('n', 'schemas')) AS o (letter, kind) ON o.letter = d.defaclobjtype::text
CROSS JOIN LATERAL (
    SELECT DISTINCT CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END
    FROM aclexplode(d.defaclacl) a
    WHERE a.grantee IN ('retail_query'::regrole, 'retail_query_hq'::regrole,
                        'retail_service'::regrole)
       OR (a.grantee = 0 AND (d.defaclnamespace <> 0 OR o.kind NOT IN ('functions', 'types')))
) AS g (grantee)
UNION ALL
SELECT 'default privileges', 'retail_sec', 'missing', 'new functions of its own are given to PUBLIC',
       'ALTER DEFAULT PRIVILEGES FOR ROLE retail_sec REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC', true
WHERE NOT EXISTS (
    SELECT FROM pg_default_acl d
    WHERE d.defaclrole = 'retail_sec'::regrole AND d.defaclnamespace = 0 AND d.defaclobjtype = 'f'
      AND NOT EXISTS (SELECT FROM aclexplode(d.defaclacl) a WHERE a.grantee = 0))
UNION ALL
-- Nobody but the owner, whoever it is: who can read it knows what everybody asked.
SELECT 'audit log', format('%s for %s', c.oid::regclass, g.grantee), 'unfit',
       'somebody else than the owner may use it',
       format('REVOKE ALL ON %s FROM %s', c.oid::regclass, g.grantee), true
FROM pg_class c
CROSS JOIN LATERAL (
    SELECT DISTINCT CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(r.rolname) END
    FROM (SELECT c.relacl AS acl
          UNION ALL
          SELECT t.attacl FROM pg_attribute t WHERE t.attrelid = c.oid) AS l
    CROSS JOIN aclexplode(l.acl) a
    LEFT JOIN pg_roles r ON r.oid = a.grantee
    WHERE a.grantee <> c.relowner
) AS g (grantee)
WHERE c.relnamespace = to_regnamespace('retail_mcp') AND c.relname IN ('audit_log', 'audit_head')
UNION ALL
SELECT 'audit log', format('trigger %s of retail_mcp.%s', e.trigger_name, e.table_name),
       CASE WHEN t.oid IS NULL THEN 'missing' ELSE 'unfit' END, 'rows could be changed or removed',
       CASE WHEN t.oid IS NULL
            THEN format('CREATE TRIGGER %I BEFORE %s ON retail_mcp.%I FOR EACH %s '
                        'EXECUTE FUNCTION retail_mcp.keep_audit(); ',
                        e.trigger_name, e.events, e.table_name, e.level) ELSE '' END
       || format('ALTER TABLE retail_mcp.%I ENABLE ALWAYS TRIGGER %I', e.table_name, e.trigger_name),
       true
FROM (VALUES ('keep_audit', 'UPDATE OR DELETE', 'ROW', 27),
             ('keep_audit_whole', 'TRUNCATE', 'STATEMENT', 34)) AS k (trigger_name, events, level, bits)
CROSS JOIN (VALUES ('audit_log'), ('audit_head')) AS n (table_name)
CROSS JOIN LATERAL (SELECT k.*, n.table_name) AS e
LEFT JOIN pg_class c ON c.relnamespace = to_regnamespace('retail_mcp') AND c.relname = e.table_name
-- tgtype tells before, for what, and for each what.
LEFT JOIN pg_trigger t ON t.tgrelid = c.oid AND t.tgname = e.trigger_name AND t.tgtype = e.bits
    AND t.tgqual IS NULL
    AND t.tgfoid IN (SELECT p.oid FROM pg_proc p
                     WHERE p.pronamespace = to_regnamespace('retail_mcp') AND p.proname = 'keep_audit')
WHERE t.oid IS NULL OR t.tgenabled <> 'A'
UNION ALL
SELECT 'data versions', format('trigger note_data_change of %s', e.table_name),
       CASE WHEN t.oid IS NULL THEN 'missing' ELSE 'unfit' END,
       'kept answers outlive writes to the table',
       CASE WHEN t.oid IS NULL
            THEN format('DROP TRIGGER IF EXISTS note_data_change ON %1$s; CREATE TRIGGER note_data_change '
                        'AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON %1$s FOR EACH STATEMENT '
                        'EXECUTE FUNCTION retail_mcp.note_data_change(%2$L); ', e.table_name, e.table_group)
            ELSE '' END
       || format('ALTER TABLE %s ENABLE ALWAYS TRIGGER note_data_change', e.table_name),
       true
FROM retail_sec.noted_tables() e
JOIN user_schema n ON n.name = split_part(e.table_name, '.', 1)
JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = split_part(e.table_name, '.', 2)
-- tgtype: after, for each statement, for all four.
LEFT JOIN pg_trigger t ON t.tgrelid = c.oid AND t.tgname = 'note_data_change' AND t.tgtype = 60
    AND t.tgqual IS NULL AND t.tgattr = ''::int2vector AND t.tgargs = convert_to(e.table_group, 'UTF8') || '\x00'::bytea
    AND t.tgfoid IN (SELECT p.oid FROM pg_proc p
                     WHERE p.pronamespace = to_regnamespace('retail_mcp')
                       AND p.proname = 'note_data_change')
WHERE t.oid IS NULL OR t.tgenabled <> 'A'
$$;
REVOKE ALL ON FUNCTION retail_sec.posture_of_relations() FROM PUBLIC;
