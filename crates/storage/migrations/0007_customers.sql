-- No index on what identifies a person.
--
-- A comparison of text may run before the policy of retail.customers, and an index finds the row even
-- earlier. Whoever can look at a clock could so learn whether an address exists in another store,
-- whichever column leads the index. So e-mail, phone and names have no index that a comparison can use;
-- sql/lockdown.sql sees to it that the policy comes first. The policy itself stays as it is:
-- docs/decisions/0008-customers-by-exists.md has the figures.
DO $$
DECLARE
    r record;
BEGIN
    -- By the catalogue and not by name: an adopted database may have indexes of its own.
    FOR r IN
        SELECT i.indexrelid::regclass AS index_name, k.conname
        FROM pg_index i
        LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.conrelid = i.indrelid
        WHERE i.indrelid = 'retail.customers'::regclass
          AND EXISTS (
              SELECT FROM pg_depend d
              JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
              WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = i.indrelid
                AND a.attname IN ('first_name', 'last_name', 'email', 'phone')
                AND ((d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid)
                     OR (d.classid = 'pg_constraint'::regclass AND d.objid = k.oid)))
    LOOP
        IF r.conname IS NULL THEN
            EXECUTE format('DROP INDEX %s', r.index_name);
        ELSE
            EXECUTE format('ALTER TABLE retail.customers DROP CONSTRAINT %I', r.conname);
        END IF;
    END LOOP;
END $$;

-- Still no address twice. PostgreSQL does not trust reverse() with hidden rows (it is not LEAKPROOF;
-- md5() is), so no statement under row security can search this index.
CREATE UNIQUE INDEX customers_email_once ON retail.customers (reverse(email));
COMMENT ON INDEX retail.customers_email_once IS
    'No e-mail address twice; reversed, so that row security keeps searches away from it';
