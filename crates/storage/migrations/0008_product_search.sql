-- What the product search reads: the catalogue's texts as words and as vectors.
--
-- The vectors' type and operators live in schema public, which the query roles may not use, so that
-- nothing of an extension is in a caller's reach. They compare vectors by functions that are made with
-- each model: retail_mcp.distance_<model_id>(kept vector, real[]) and
-- retail_mcp.distance_between_<model_id>(kept vector, kept vector). Their bodies are parsed when they are
-- made, so they need no right to the schema, and PostgreSQL puts the body in place of the call, so that
-- the index of the model is used.
CREATE TABLE retail_mcp.embedding_models (
    model_id smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model_name text NOT NULL CHECK (model_name <> ''),
    dimensions integer NOT NULL CHECK (dimensions BETWEEN 1 AND 16000),
    text_recipe text NOT NULL,
    is_ready boolean NOT NULL DEFAULT false,
    is_active boolean NOT NULL DEFAULT false CHECK (is_ready OR NOT is_active),
    created_at timestamptz NOT NULL DEFAULT now(),
    ready_at timestamptz,
    UNIQUE (model_name, dimensions)
);
CREATE UNIQUE INDEX embedding_models_one_active ON retail_mcp.embedding_models ((true)) WHERE is_active;
COMMENT ON INDEX retail_mcp.embedding_models_one_active IS 'At most one model is active';
COMMENT ON TABLE retail_mcp.embedding_models IS 'Models whose vectors of the products are kept here';
COMMENT ON COLUMN retail_mcp.embedding_models.model_id IS 'Key of the model';
COMMENT ON COLUMN retail_mcp.embedding_models.model_name IS 'Name of the model, such as all-MiniLM-L6-v2';
COMMENT ON COLUMN retail_mcp.embedding_models.dimensions IS 'Numbers in each of its vectors';
COMMENT ON COLUMN retail_mcp.embedding_models.text_recipe IS
    'How the text of a product was made that the model was given';
COMMENT ON COLUMN retail_mcp.embedding_models.is_ready IS
    'Whether every product had a vector and the index was built: it can be searched';
COMMENT ON COLUMN retail_mcp.embedding_models.is_active IS
    'Whether products are compared with each other by this one';
COMMENT ON COLUMN retail_mcp.embedding_models.created_at IS 'When it was registered';
COMMENT ON COLUMN retail_mcp.embedding_models.ready_at IS 'When it was last made ready';

-- One table for all models. Each has an index of its own, made after the fill:
-- product_embeddings_<model_id>_hnsw.
CREATE TABLE retail_mcp.product_embeddings (
    model_id smallint NOT NULL REFERENCES retail_mcp.embedding_models (model_id) ON DELETE CASCADE,
    product_id integer NOT NULL
        REFERENCES retail.products (product_id) ON DELETE CASCADE ON UPDATE CASCADE,
    embedding public.vector NOT NULL,
    text_hash bytea NOT NULL,
    embedded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (model_id, product_id)
);
-- For the deletion of a product.
CREATE INDEX product_embeddings_product_id ON retail_mcp.product_embeddings (product_id);
COMMENT ON TABLE retail_mcp.product_embeddings IS 'Vectors of the products, a row for each model';
COMMENT ON COLUMN retail_mcp.product_embeddings.model_id IS 'Model that made the vector';
COMMENT ON COLUMN retail_mcp.product_embeddings.product_id IS 'Product';
COMMENT ON COLUMN retail_mcp.product_embeddings.embedding IS 'The vector';
COMMENT ON COLUMN retail_mcp.product_embeddings.text_hash IS
    'Hash of the text that it was made of; stale when product_texts has another';
COMMENT ON COLUMN retail_mcp.product_embeddings.embedded_at IS 'When it was made';

CREATE TABLE retail_mcp.product_texts (
    product_id integer PRIMARY KEY
        REFERENCES retail.products (product_id) ON DELETE CASCADE ON UPDATE CASCADE,
    text text NOT NULL,
    text_hash bytea NOT NULL,
    document tsvector NOT NULL
);
CREATE INDEX product_texts_document ON retail_mcp.product_texts USING gin (document);
COMMENT ON TABLE retail_mcp.product_texts IS
    'The searched text of each product; triggers on the catalogue keep it current';
COMMENT ON COLUMN retail_mcp.product_texts.product_id IS 'Product';
COMMENT ON COLUMN retail_mcp.product_texts.text IS
    'What a model is given: recipe name-type-category-description/1';
COMMENT ON COLUMN retail_mcp.product_texts.text_hash IS
    'SHA-256 of the name of the recipe, a line feed, and the text';
COMMENT ON COLUMN retail_mcp.product_texts.document IS
    'Its words: name and article number (A), type and category (B), description (C)';

CREATE TABLE retail_mcp.search_words (
    word text PRIMARY KEY,
    lexeme text NOT NULL,
    products integer NOT NULL
);
CREATE INDEX search_words_lexeme ON retail_mcp.search_words (lexeme);
COMMENT ON TABLE retail_mcp.search_words IS
    'The words of the catalogue, to correct spelling by and to weigh; refresh_search_words() counts them';
COMMENT ON COLUMN retail_mcp.search_words.word IS 'The word in lower case, as it stands in the catalogue';
COMMENT ON COLUMN retail_mcp.search_words.lexeme IS 'Its stem, as product_texts.document has it';
COMMENT ON COLUMN retail_mcp.search_words.products IS 'In how many products it occurs';

CREATE TABLE retail_mcp.search_synonyms (
    term text NOT NULL,
    synonym text NOT NULL,
    PRIMARY KEY (term, synonym),
    CONSTRAINT search_synonyms_term_of_one_or_two_words
        CHECK (term ~ '^\S+( \S+)?$' AND term = lower(term)),
    CONSTRAINT search_synonyms_synonym_of_one_or_two_words
        CHECK (synonym ~ '^\S+( \S+)?$' AND synonym = lower(synonym) AND synonym <> term)
);
COMMENT ON TABLE retail_mcp.search_synonyms IS
    'Other words for what customers ask for; the chain''s own to edit. A row works in one direction';
COMMENT ON COLUMN retail_mcp.search_synonyms.term IS 'What is asked for: one or two words in lower case';
COMMENT ON COLUMN retail_mcp.search_synonyms.synonym IS 'What is looked for as well: one or two words in lower case';

-- The texts as they should be. Only the functions below read it.
CREATE VIEW retail_mcp.product_text_source AS
SELECT p.product_id, r.text,
       sha256(convert_to(E'name-type-category-description/1\n' || r.text, 'UTF8')) AS text_hash,
       setweight(to_tsvector('pg_catalog.english', p.product_name || ' ' || p.sku), 'A')
       || setweight(to_tsvector('pg_catalog.english', y.type_name || ' ' || c.category_name), 'B')
       || setweight(to_tsvector('pg_catalog.english', p.product_description), 'C') AS document
FROM retail.products p
JOIN retail.product_types y ON y.type_id = p.type_id
JOIN retail.categories c ON c.category_id = p.category_id
CROSS JOIN LATERAL (
    SELECT p.product_name || '. ' || y.type_name || ', ' || c.category_name || '. '
           || p.product_description AS text) AS r;
COMMENT ON VIEW retail_mcp.product_text_source IS 'What product_texts must hold';

-- The stem of a word, as the text search configuration 'english' makes it, which stems words of letters
-- and leaves numbers, sizes and the like. NULL for a stop word.
CREATE FUNCTION retail_mcp.stem_of(word text)
RETURNS text LANGUAGE sql IMMUTABLE
RETURN CASE WHEN word ~ '^[[:alpha:]]+(-[[:alpha:]]+)*$'
            THEN (ts_lexize('pg_catalog.english_stem', word))[1] ELSE word END;

-- Keeps product_texts current. SECURITY DEFINER: whoever may write to the catalogue need not have a
-- right to the texts. A change of a price touches nothing.
--
-- New words are added to search_words at once, since a word that is not there is not found. Their counts
-- are roughly right until refresh_search_words() counts anew: a product that is gone or has lost a word
-- stays counted, a frequent word is counted now and then and by more, and one that another transaction is
-- counting is left to it. So an import in one transaction does not write the same rows over and over, and
-- writers wait for each other only when both bring the same new word.
CREATE FUNCTION retail_mcp.keep_product_texts()
RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_changed integer[];
    v_words text[];
    v_products integer[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO retail_mcp.product_texts (product_id, text, text_hash, document)
        SELECT s.product_id, s.text, s.text_hash, s.document
        FROM retail_mcp.product_text_source s
        WHERE s.product_id IN (SELECT n.product_id FROM new_rows n);
        SELECT array_agg(w.word), array_agg(w.products) INTO v_words, v_products
        FROM (SELECT u.word, count(*)::integer AS products
              FROM retail_mcp.product_texts t
              CROSS JOIN LATERAL unnest(tsvector_to_array(to_tsvector('pg_catalog.simple', t.text)))
                  AS u (word)
              WHERE t.product_id IN (SELECT n.product_id FROM new_rows n)
              GROUP BY u.word) AS w;
    ELSE
        CASE TG_TABLE_NAME
        WHEN 'products' THEN
            v_changed := ARRAY(
                SELECT n.product_id FROM new_rows n JOIN old_rows o USING (product_id)
                WHERE (n.sku, n.product_name, n.category_id, n.type_id, n.product_description)
                    IS DISTINCT FROM (o.sku, o.product_name, o.category_id, o.type_id, o.product_description));
        WHEN 'product_types' THEN
            v_changed := ARRAY(
                SELECT p.product_id FROM new_rows n JOIN old_rows o USING (type_id)
                JOIN retail.products p USING (type_id) WHERE n.type_name IS DISTINCT FROM o.type_name);
        ELSE
            v_changed := ARRAY(
                SELECT p.product_id FROM new_rows n JOIN old_rows o USING (category_id)
                JOIN retail.products p USING (category_id)
                WHERE n.category_name IS DISTINCT FROM o.category_name);
        END CASE;
        IF cardinality(v_changed) = 0 THEN
            RETURN NULL;
        END IF;
        -- The words that the former text did not have.
        SELECT array_agg(w.word), array_agg(w.products) INTO v_words, v_products
        FROM (SELECT u.word, count(*)::integer AS products
              FROM retail_mcp.product_text_source s
              LEFT JOIN retail_mcp.product_texts t ON t.product_id = s.product_id
              CROSS JOIN LATERAL unnest(tsvector_to_array(ts_delete(
                  to_tsvector('pg_catalog.simple', s.text),
                  tsvector_to_array(to_tsvector('pg_catalog.simple', coalesce(t.text, ''))))))
                  AS u (word)
              WHERE s.product_id = ANY (v_changed)
              GROUP BY u.word) AS w;
        INSERT INTO retail_mcp.product_texts AS t (product_id, text, text_hash, document)
        SELECT s.product_id, s.text, s.text_hash, s.document
        FROM retail_mcp.product_text_source s
        WHERE s.product_id = ANY (v_changed)
        ON CONFLICT (product_id) DO UPDATE
            SET text = EXCLUDED.text, text_hash = EXCLUDED.text_hash, document = EXCLUDED.document;
    END IF;

    -- From 32 products on a word is counted by a sixteenth more, and so much more seldom.
    WITH chosen AS MATERIALIZED (
        SELECT k.word, greatest(a.products, k.products / 16) AS step
        FROM unnest(v_words, v_products) AS a (word, products)
        JOIN retail_mcp.search_words k ON k.word = a.word
        WHERE random() * greatest(a.products, k.products / 16) < a.products
        FOR NO KEY UPDATE OF k SKIP LOCKED)
    UPDATE retail_mcp.search_words w SET products = w.products + c.step
    FROM chosen c WHERE w.word = c.word;
    -- In order, so that two who bring the same words wait for each other and not in a circle.
    INSERT INTO retail_mcp.search_words (word, lexeme, products)
    SELECT a.word, retail_mcp.stem_of(a.word), a.products
    FROM unnest(v_words, v_products) AS a (word, products)
    WHERE retail_mcp.stem_of(a.word) IS NOT NULL
      AND NOT EXISTS (SELECT FROM retail_mcp.search_words k WHERE k.word = a.word)
    ORDER BY a.word
    ON CONFLICT (word) DO NOTHING;
    RETURN NULL;
END $$;

CREATE TRIGGER keep_product_texts_of_new AFTER INSERT ON retail.products
    REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION retail_mcp.keep_product_texts();
CREATE TRIGGER keep_product_texts_of_changed AFTER UPDATE ON retail.products
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION retail_mcp.keep_product_texts();
CREATE TRIGGER keep_product_texts_of_changed AFTER UPDATE ON retail.product_types
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION retail_mcp.keep_product_texts();
CREATE TRIGGER keep_product_texts_of_changed AFTER UPDATE ON retail.categories
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION retail_mcp.keep_product_texts();

-- Counts the words anew. Too dear for each change of a product, so it is called after a migration and a
-- fill of vectors. Stop words are left out. Writers of the catalogue wait meanwhile, so that no new word
-- is lost; readers do not.
CREATE FUNCTION retail_mcp.refresh_search_words()
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET work_mem = '128MB' AS $$
BEGIN
    LOCK TABLE retail_mcp.search_words IN SHARE ROW EXCLUSIVE MODE;
    DELETE FROM retail_mcp.search_words;
    INSERT INTO retail_mcp.search_words (word, lexeme, products)
    SELECT w.word, retail_mcp.stem_of(w.word), w.products
    FROM (SELECT u.word, count(*) AS products
          FROM retail_mcp.product_texts t
          CROSS JOIN LATERAL unnest(tsvector_to_array(to_tsvector('pg_catalog.simple', t.text))) AS u (word)
          GROUP BY u.word) AS w
    WHERE retail_mcp.stem_of(w.word) IS NOT NULL;
END $$;

REVOKE ALL ON FUNCTION retail_mcp.keep_product_texts(), retail_mcp.refresh_search_words(),
    retail_mcp.stem_of(text) FROM PUBLIC;

DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['embedding_models', 'product_embeddings', 'product_texts',
        'search_words', 'search_synonyms']
    LOOP
        EXECUTE format('ALTER TABLE retail_mcp.%I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE retail_mcp.%I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY owner_maintains ON retail_mcp.%I TO retail_owner
            USING (true) WITH CHECK (true)', t);
        EXECUTE format('CREATE POLICY catalogue_is_shared ON retail_mcp.%I FOR SELECT
            TO retail_query, retail_query_hq USING (true)', t);
        EXECUTE format('REVOKE ALL ON retail_mcp.%I FROM PUBLIC', t);
        EXECUTE format('GRANT SELECT ON retail_mcp.%I TO retail_query, retail_query_hq', t);
    END LOOP;
END $$;
GRANT USAGE ON SCHEMA retail_mcp TO retail_query, retail_query_hq;

INSERT INTO retail_mcp.product_texts (product_id, text, text_hash, document)
SELECT s.product_id, s.text, s.text_hash, s.document FROM retail_mcp.product_text_source s;
SELECT retail_mcp.refresh_search_words();

-- Words for one thing in two countries or two trades, each in both directions.
WITH pair (one, other) AS (VALUES
    ('spanner', 'wrench'), ('adjustable spanner', 'adjustable wrench'), ('monkey wrench', 'adjustable wrench'),
    ('crescent wrench', 'adjustable wrench'), ('vice grips', 'locking pliers'), ('torch', 'work light'), ('loft', 'attic'),
    ('allen key', 'hex key'), ('allen wrench', 'hex key'), ('stanley knife', 'utility knife'),
    ('box cutter', 'utility knife'), ('craft knife', 'utility knife'), ('spirit level', 'level'),
    ('crowbar', 'pry bar'), ('vice', 'vise'), ('tin snips', 'metal shears'), ('cramp', 'clamp'),
    ('ratchet wrench', 'socket wrench'), ('tape measure', 'measuring tape'), ('fretsaw', 'coping saw'),
    ('nail gun', 'nailer'), ('staple gun', 'stapler'), ('skilsaw', 'circular saw'), ('saber saw', 'jigsaw'),
    ('sawzall', 'reciprocating saw'), ('dremel', 'rotary tool'), ('grinder', 'angle grinder'),
    ('electric screwdriver', 'power screwdriver'), ('shop vac', 'vacuum'), ('hoover', 'vacuum'),
    ('torch', 'flashlight'), ('light bulb', 'lamp'), ('bulb', 'lamp'), ('lead', 'cord'),
    ('extension lead', 'extension cord'), ('power strip', 'surge protector'), ('socket', 'outlet'),
    ('receptacle', 'outlet'), ('plug socket', 'outlet'), ('fuse box', 'breaker panel'),
    ('consumer unit', 'breaker panel'), ('trip switch', 'circuit breaker'), ('breaker', 'circuit breaker'),
    ('junction box', 'electrical box'), ('wire nut', 'wire connector'), ('earth', 'ground'),
    ('flex', 'cable'), ('wire', 'cable'), ('cable tie', 'zip tie'), ('wall plug', 'wall anchor'),
    ('rawlplug', 'wall anchor'), ('drywall plug', 'drywall anchor'), ('plasterboard', 'drywall'),
    ('sheetrock', 'drywall'), ('gypsum board', 'drywall'), ('skirting board', 'baseboard'),
    ('timber', 'lumber'), ('chipboard', 'particle board'), ('glasspaper', 'sandpaper'),
    ('abrasive paper', 'sandpaper'), ('emulsion', 'latex'), ('gloss', 'enamel'), ('undercoat', 'primer'),
    ('varnish', 'polyurethane'), ('white spirit', 'mineral spirits'), ('turps', 'paint thinner'),
    ('mineral spirits', 'paint thinner'), ('masking tape', 'painters tape'), ('dust sheet', 'drop cloth'),
    ('filler', 'spackle'), ('spackling', 'spackle'), ('mastic', 'sealant'), ('caulk', 'sealant'),
    ('caulking gun', 'caulk gun'), ('gaffer tape', 'duct tape'), ('duck tape', 'duct tape'),
    ('plumbers tape', 'teflon tape'), ('ptfe tape', 'teflon tape'), ('tap', 'faucet'), ('basin', 'sink'),
    ('washbasin', 'sink'), ('loo', 'toilet'), ('lavatory', 'toilet'), ('ballcock', 'fill valve'),
    ('stopcock', 'shutoff valve'), ('waste pipe', 'drain pipe'), ('drain snake', 'drain auger'),
    ('hosepipe', 'hose'), ('secateurs', 'pruner'), ('pruning shears', 'pruner'), ('strimmer', 'trimmer'),
    ('weed whacker', 'trimmer'), ('weed eater', 'trimmer'), ('spade', 'shovel'), ('compost', 'soil'),
    ('weedkiller', 'herbicide'), ('bug spray', 'insecticide'), ('bin', 'trash can'),
    ('rubbish', 'trash'), ('bucket', 'pail'), ('stepladder', 'ladder'), ('goggles', 'safety glasses'),
    ('ear defenders', 'earmuffs'), ('dust mask', 'respirator'), ('letterbox', 'mailbox'),
    ('doorknob', 'door knob'), ('keyhole', 'lock'), ('bolt cutters', 'bolt cutter'))
INSERT INTO retail_mcp.search_synonyms (term, synonym)
SELECT one, other FROM pair UNION SELECT other, one FROM pair;
