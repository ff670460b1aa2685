//! The searched texts and words follow the catalogue.

use retail_testkit::TestDatabase;

use crate::isolation::connect;

/// Texts that are not what the recipe says, counted without the view that the triggers use.
const AMISS: &str = "SELECT count(*) FROM retail.products p
    JOIN retail.product_types y ON y.type_id = p.type_id
    JOIN retail.categories c ON c.category_id = p.category_id
    FULL JOIN retail_mcp.product_texts t ON t.product_id = p.product_id
    WHERE t.text IS DISTINCT FROM format('%s. %s, %s. %s', p.product_name, y.type_name,
                                         c.category_name, p.product_description)
       OR t.text_hash IS DISTINCT FROM sha256(
              ('name-type-category-description/1' || chr(10) || t.text)::bytea)
       OR NOT coalesce(t.document @@ plainto_tsquery('english', p.sku || ' ' || p.product_name), false)";

#[tokio::test]
async fn the_texts_follow_every_change_of_the_catalogue() {
    let database = TestDatabase::seeded().await;
    let check = |what: &str, sql: &str| {
        database.psql(sql);
        assert_eq!(database.psql(AMISS).trim(), "0", "{what}");
    };
    assert_eq!(
        database.psql("SELECT count(*) > 400 FROM retail_mcp.product_texts").trim(),
        "t",
        "the load fills them"
    );
    check("loaded", "SELECT 1");
    check(
        "one more",
        "INSERT INTO retail.products (product_id, sku, product_name, category_id, type_id, cost,
             base_price, product_description)
         SELECT 900001, 'NEW1', 'Novel thing', category_id, type_id, 1, 2, 'It is new'
         FROM retail.product_types LIMIT 1",
    );
    check("a name", "UPDATE retail.products SET product_name = 'Other' WHERE product_id = 900001");
    check("an article number", "UPDATE retail.products SET sku = 'NEW2' WHERE product_id = 900001");
    check("descriptions", "UPDATE retail.products SET product_description = 'x' || product_id");
    check("types", "UPDATE retail.product_types SET type_name = type_name || ' 2'");
    check("categories", "UPDATE retail.categories SET category_name = category_name || ' 2'");
    check(
        "another type",
        "UPDATE retail.products SET type_id = (SELECT max(type_id) FROM retail.product_types)
         WHERE product_id = 900001",
    );
    check("a key", "UPDATE retail.products SET product_id = 900002 WHERE product_id = 900001");
    check("gone", "DELETE FROM retail.products WHERE product_id = 900002");
}

/// A price list comes in every night; it must not rewrite every text.
#[tokio::test]
async fn a_change_of_prices_rewrites_no_text() {
    let database = TestDatabase::seeded().await;
    let version = "SELECT sum(xmin::text::bigint) FROM retail_mcp.product_texts";
    let before = database.psql(version);
    database.psql("UPDATE retail.products SET base_price = base_price + 1");
    assert_eq!(database.psql(version), before);
}

/// Whoever may write to the catalogue needs no right to the texts.
#[tokio::test]
async fn a_writer_of_the_catalogue_needs_no_right_to_the_texts() {
    let database = TestDatabase::seeded().await;
    let writer = format!("writer_of_{}", database.name);
    database.psql(&format!(
        "CREATE ROLE {writer}; GRANT USAGE ON SCHEMA retail TO {writer};
         GRANT SELECT, UPDATE ON retail.products TO {writer};
         CREATE POLICY theirs ON retail.products TO {writer} USING (true);
         SET ROLE {writer}; UPDATE retail.products SET product_name = 'Renamed' WHERE product_id = 1;
         RESET ROLE"
    ));
    let text = database.psql("SELECT text FROM retail_mcp.product_texts WHERE product_id = 1");
    database.psql(&format!("DROP OWNED BY {writer}; DROP ROLE {writer}"));
    assert!(text.starts_with("Renamed. "), "{text}");
}

#[tokio::test]
async fn the_words_have_the_stems_of_the_documents_and_are_counted() {
    let database = TestDatabase::seeded().await;
    let lost = database.psql(
        "SELECT string_agg(DISTINCT lexeme, ' ') FROM retail_mcp.product_texts t
         CROSS JOIN LATERAL unnest(t.document) AS d
         JOIN retail.products p USING (product_id)
         WHERE lexeme <> lower(p.sku) AND lexeme NOT IN (SELECT lexeme FROM retail_mcp.search_words)",
    );
    assert_eq!(lost.trim(), "", "stems of documents that no word has");
    let idle = database.psql(
        "SELECT string_agg(word, ' ') FROM retail_mcp.search_words w WHERE NOT EXISTS (
             SELECT FROM retail_mcp.product_texts t, unnest(t.document) d WHERE d.lexeme = w.lexeme)",
    );
    assert_eq!(idle.trim(), "", "words whose stem no document has");
    let counted = database.psql(
        "SELECT products = (SELECT count(*) FROM retail_mcp.product_texts
                            WHERE text ~* '\\mhammer\\M'), lexeme
         FROM retail_mcp.search_words WHERE word = 'hammer'",
    );
    assert_eq!(counted.trim(), "t|hammer");
    let stop_words = database
        .psql("SELECT count(*) FROM retail_mcp.search_words WHERE word IN ('and', 'the', 'for')");
    assert_eq!(stop_words.trim(), "0");
}

#[tokio::test]
async fn synonyms_go_both_ways() {
    let database = TestDatabase::seeded().await;
    let one_way = database.psql(
        "SELECT count(*), (SELECT count(*) > 150 FROM retail_mcp.search_synonyms)
         FROM retail_mcp.search_synonyms s WHERE NOT EXISTS (
             SELECT FROM retail_mcp.search_synonyms o WHERE (o.term, o.synonym) = (s.synonym, s.term))",
    );
    assert_eq!(one_way.trim(), "0|t");
}

const INSERT: &str =
    "INSERT INTO retail.products (sku, product_name, category_id, type_id, cost, base_price,
    product_description)
    SELECT 'NEW' || n, 'Zorbific Glimmer', category_id, type_id, 1, 2, 'Of steel'
    FROM (SELECT * FROM retail.product_types ORDER BY type_id LIMIT 1) AS y, generate_series";

/// What the search knows of a word: its stem, and in how many products it is.
fn known(database: &TestDatabase, word: &str) -> String {
    let sql = format!(
        "SELECT lexeme || ' ' || products FROM retail_mcp.search_words WHERE word = '{word}'"
    );
    database.psql(&sql).trim().to_owned()
}

#[tokio::test]
async fn the_words_of_a_new_product_are_known_at_once() {
    let database = TestDatabase::seeded().await;
    assert_eq!(known(&database, "zorbific"), "");
    database.psql(&format!("{INSERT}(1, 3) AS n"));
    assert_eq!(known(&database, "zorbific"), "zorbif 3");
    database.psql(&format!("{INSERT}(4, 5) AS n"));
    assert_eq!(known(&database, "zorbific"), "zorbif 5", "a known word is counted on");
    assert_eq!(known(&database, "of"), "", "a stop word");
}

#[tokio::test]
async fn the_words_of_a_changed_product_are_known_at_once() {
    let database = TestDatabase::seeded().await;
    let rename = "UPDATE retail.products SET product_name = 'Quenchable ' || product_name
                  WHERE product_id IN (7, 8)";
    database.psql(rename);
    assert_eq!(known(&database, "quenchable"), "quenchabl 2");
    database.psql(rename);
    assert_eq!(known(&database, "quenchable"), "quenchabl 2", "they had the word already");
    database.psql("UPDATE retail.product_types SET type_name = type_name || ' florblets'");
    assert_ne!(known(&database, "florblets"), "");
}

/// One product at a time, in one transaction. A frequent word is not written for each of them.
#[tokio::test]
async fn counts_are_roughly_right_after_many_single_inserts() {
    let database = TestDatabase::seeded().await;
    database.psql(
        "DO $$ DECLARE v record; BEGIN
             SELECT category_id, type_id INTO v FROM retail.product_types LIMIT 1;
             FOR n IN 1..2000 LOOP
                 INSERT INTO retail.products (sku, product_name, category_id, type_id, cost, base_price,
                     product_description)
                 VALUES ('NEW' || n, 'Zorbific', v.category_id, v.type_id, 1, 2, '');
             END LOOP;
         END $$",
    );
    let counted = known(&database, "zorbific");
    let products: i64 = counted.strip_prefix("zorbif ").unwrap().parse().unwrap();
    assert!((500..8000).contains(&products), "{products} of 2000");
}

/// Whoever writes to the catalogue does not wait for others who do, unless both bring the same new word.
#[tokio::test]
async fn writers_of_the_catalogue_do_not_wait_for_each_others_counts() {
    let database = TestDatabase::seeded().await;
    database.psql(&format!("{INSERT}(1, 3) AS n"));
    let one = connect(&database, &database.superuser()).await;
    one.batch_execute(&format!("BEGIN; {INSERT}(4, 4) AS n")).await.unwrap();
    database.psql(&format!("SET lock_timeout = '5s'; {INSERT}(5, 5) AS n"));
    one.batch_execute("COMMIT").await.unwrap();
    assert_eq!(known(&database, "zorbific"), "zorbif 4", "one of the two was not counted");
}
