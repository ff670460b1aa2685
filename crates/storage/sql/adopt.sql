-- Takes over an existing Zava database, before the migrations. Touches no row.
--
-- Views of the schema show every row to whoever may read them, so PUBLIC may no longer.
--
-- The tables go to retail_owner. Policies of the former system let whoever can set a setting see
-- other stores, and they are OR-ed with ours: each one that would apply to our roles is narrowed to
-- the former system's own login role, or dropped where that role does not exist. Re-runs change
-- nothing more.
DO $$
DECLARE
    r record;
    former CONSTANT text := 'store_manager';
    has_former CONSTANT boolean := EXISTS (SELECT FROM pg_roles WHERE rolname = former);
BEGIN
    ALTER SCHEMA retail OWNER TO retail_owner;
    REVOKE ALL ON ALL TABLES IN SCHEMA retail FROM PUBLIC;
    REVOKE ALL ON ALL ROUTINES IN SCHEMA retail FROM PUBLIC;
    FOR r IN
        SELECT c.oid::regclass AS relation
        FROM pg_class c
        WHERE c.relnamespace = 'retail'::regnamespace AND c.relkind IN ('r', 'p')
          AND c.relowner <> 'retail_owner'::regrole
    LOOP
        EXECUTE format('ALTER TABLE %s OWNER TO retail_owner', r.relation);
    END LOOP;
    IF has_former THEN
        -- It lost what PUBLIC had, and goes on working with what its own policies show.
        EXECUTE format('GRANT USAGE ON SCHEMA retail, public TO %I', former);
    END IF;
    FOR r IN
        SELECT p.polname, p.polrelid::regclass AS relation
        FROM pg_policy p
        JOIN pg_class c ON c.oid = p.polrelid
        WHERE c.relnamespace = 'retail'::regnamespace
          AND p.polname NOT IN ('owner_maintains', 'store_sees_own', 'head_office_sees_all',
                                'catalogue_is_shared', 'identity_lookup', 'service_reads')
          AND p.polroles && ARRAY[0::oid, 'retail_query'::regrole, 'retail_query_hq'::regrole,
                                  'retail_owner'::regrole, 'retail_sec'::regrole,
                                  'retail_service'::regrole]
    LOOP
        IF has_former THEN
            EXECUTE format('ALTER POLICY %I ON %s TO %I', r.polname, r.relation, former);
        ELSE
            EXECUTE format('DROP POLICY %I ON %s', r.polname, r.relation);
        END IF;
    END LOOP;
END $$;
