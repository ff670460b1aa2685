-- What a fresh PostgreSQL lets PUBLIC do and callers' statements must not: the one list that
-- lockdown.sql takes away by, and that the posture is judged by. Run as retail_sec, at each migrate.
CREATE TABLE IF NOT EXISTS retail_sec.layer_record (
    layer text PRIMARY KEY,
    applied_at timestamptz NOT NULL DEFAULT now()
);
REVOKE ALL ON retail_sec.layer_record FROM PUBLIC;
COMMENT ON TABLE retail_sec.layer_record IS
    'Layers that a superuser has put in place here; from then on the server refuses to go without';
COMMENT ON COLUMN retail_sec.layer_record.layer IS 'Name of the layer, as the posture calls it';
COMMENT ON COLUMN retail_sec.layer_record.applied_at IS 'When it was first put in place';

-- Volatile functions and those that look at, or reach out of, the database; and those with their
-- owner's rights, of which PostgreSQL brings none. What is kept: pure functions, and the input and
-- output of types.
CREATE OR REPLACE FUNCTION retail_sec.locked_functions()
RETURNS SETOF oid LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT p.oid
    FROM pg_proc p
    WHERE p.pronamespace = 'pg_catalog'::regnamespace
      AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)
      AND p.proname NOT IN ('random', 'clock_timestamp', 'gen_random_uuid', 'pg_typeof')
      -- LIKE: regular expressions took most of the time of a server's start.
      AND (p.provolatile = 'v' OR p.prosecdef OR p.proname LIKE ANY (ARRAY[
          'pg\_%', 'lo\_%', 'has\_%', 'to\_reg%', 'inet\_%', 'txid\_%', 'mxid\_age%', 'age',
          'current\_setting%', 'currtid%', 'col\_description%', 'obj\_description%',
          'shobj\_description%', 'query\_to\_xml%', 'table\_to\_xml%', 'schema\_to\_xml%',
          'database\_to\_xml%', 'cursor\_to\_xml%', 'xml%', 'xpath%', 'ts\_stat%', 'ts\_debug%',
          'ts\_parse%', 'ts\_token\_type%', 'row\_security\_active%', 'aclexplode%', 'version',
          'system\_user%', 'plpgsql\_%', 'binary\_upgrade%', 'brin\_%', 'gin\_%', 'dblink%']))
      AND p.proname NOT LIKE ALL (ARRAY['pg\_snapshot%', 'pg\_lsn%', 'pg\_node\_tree%',
          'pg\_ndistinct%', 'pg\_dependencies%', 'pg\_mcv\_list%', 'pg\_brin%', 'pg\_ddl%'])
      AND CASE WHEN p.proname = 'age' THEN p.oid::regprocedure::text NOT LIKE 'age(timestamp%'
               ELSE true END
$$;

-- The catalogue, but for what drivers need to name a type.
CREATE OR REPLACE FUNCTION retail_sec.locked_relations()
RETURNS SETOF oid LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT c.oid
    FROM pg_class c
    WHERE c.relnamespace IN ('pg_catalog'::regnamespace, to_regnamespace('information_schema'))
      AND c.relkind IN ('r', 'v')
      AND c.oid NOT IN ('pg_catalog.pg_type'::regclass, 'pg_catalog.pg_range'::regclass,
                        'pg_catalog.pg_namespace'::regclass, 'pg_catalog.pg_enum'::regclass)
$$;

-- Whether PostgreSQL itself, or the extension that brought it, gives an object to PUBLIC. What it
-- does not give, nobody but an operator can have given.
CREATE OR REPLACE FUNCTION retail_sec.initially_public(p_class regclass, p_object oid)
RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(
        -- One note for the whole, and one for each column.
        (SELECT bool_or(EXISTS (SELECT FROM aclexplode(i.initprivs) a WHERE a.grantee = 0))
         FROM pg_init_privs i
         WHERE i.classoid = p_class AND i.objoid = p_object),
        -- Nothing noted: the default, which is EXECUTE for functions and nothing for relations. Those
        -- of the information schema are granted without a note.
        p_class = 'pg_proc'::regclass
        OR EXISTS (SELECT FROM pg_class c
                   WHERE p_class = 'pg_class'::regclass AND c.oid = p_object
                     AND c.relnamespace = to_regnamespace('information_schema')))
$$;

REVOKE ALL ON FUNCTION retail_sec.locked_functions(), retail_sec.locked_relations(),
    retail_sec.initially_public(regclass, oid) FROM PUBLIC;
