//! Policies: layers, and faults in them.

use std::collections::BTreeSet;

use retail_sql_guard::{Guard, GuardPolicy, PolicyError, RejectionCode};
use rstest::rstest;

use crate::support::guard;

fn policy(text: &str) -> GuardPolicy {
    GuardPolicy::from_toml(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

#[test]
fn the_default_has_no_relation() {
    let guard = Guard::new(GuardPolicy::default());
    assert_eq!(guard.policy().relations().count(), 0);
    assert!(guard.check("SELECT 1").is_ok());
    let rejection = guard.check("SELECT 1 FROM t").unwrap_err();
    assert_eq!(rejection.code(), RejectionCode::UnknownRelation);
}

#[test]
fn the_retail_policy_has_the_tables_of_the_model() {
    let relations: Vec<&str> = guard().policy().relations().collect();
    assert_eq!(
        relations,
        [
            "retail.categories",
            "retail.customers",
            "retail.inventory",
            "retail.order_items",
            "retail.orders",
            "retail.product_types",
            "retail.products",
            "retail.sales_by_day",
            "retail.sales_by_order",
            "retail.sales_by_product_day",
            "retail.store_benchmark",
            "retail.stores"
        ]
    );
    let stores: Vec<&str> = guard().policy().columns("retail", "stores").collect();
    assert_eq!(stores, ["store_id", "store_name", "is_online"]);
}

#[test]
fn the_retail_policy_is_that_of_the_migrations() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../storage/migrations");
    let files = std::fs::read_dir(folder).expect("the migrations");
    let files: BTreeSet<_> = files.map(|entry| entry.expect("an entry").path()).collect();
    let migrations: String =
        files.iter().map(|file| std::fs::read_to_string(file).expect("a text")).collect();
    let migrations = migrations.replace("CREATE TABLE IF NOT EXISTS", "CREATE TABLE");
    for relation in guard().policy().relations() {
        let (_, after) =
            migrations.split_once(&format!("CREATE TABLE {relation} (\n")).expect(relation);
        let (body, _) = after.split_once("\n)").expect("an end");
        let columns: Vec<&str> = body
            .lines()
            .filter_map(|line| line.split_whitespace().next())
            .filter(|word| !["PRIMARY", "rls_user_id"].contains(word))
            .collect();
        let (schema, name) = relation.split_once('.').expect("a schema");
        let known: Vec<&str> = guard().policy().columns(schema, name).collect();
        assert_eq!(known, columns, "{relation}");
    }
}

#[test]
fn a_text_adds_and_removes() {
    let text = r#"
        unqualified_relations = false
        [relations."app.t"]
        columns = ["id", "name"]
        hidden = ["secret"]
        [functions]
        add = ["my_function", "app.theirs"]
        remove = ["lower"]
        [operators]
        add = ["&&"]
        remove = ["||"]
        [types]
        add = ["bytea"]
        remove = ["money"]
        [collations]
        add = ["de_DE"]
        remove = ["POSIX"]
        [limits]
        max_relations = 2
    "#;
    let guard = Guard::new(policy(text));
    for sql in [
        "SELECT id FROM app.t",
        "SELECT my_function(1), pg_catalog.my_function(1), app.theirs(2)",
        "SELECT ARRAY[1] && ARRAY[2], 'a'::bytea, 'a' COLLATE \"de_DE\"",
        "SELECT 1 FROM app.t a, app.t b",
    ] {
        assert!(guard.check(sql).is_ok(), "{sql}: {:?}", guard.check(sql));
    }
    for sql in [
        "SELECT id FROM t",
        "SELECT secret FROM app.t",
        "SELECT theirs(2)",
        "SELECT lower('a')",
        "SELECT 'a' || 'b'",
        "SELECT 1::money",
        "SELECT 'a' COLLATE \"POSIX\"",
        "SELECT 1 FROM app.t a, app.t b, app.t c",
    ] {
        assert!(guard.check(sql).is_err(), "{sql}");
    }
}

#[test]
fn layers_come_on_top_of_each_other() {
    let one = "[relations.\"app.a\"]\ncolumns = [\"x\"]\n[relations.\"app.b\"]\ncolumns = [\"y\"]";
    let two = "remove_relations = [\"app.a\"]\n[relations.\"app.b\"]\ncolumns = [\"z\"]";
    let built = GuardPolicy::builder().toml(one).unwrap().toml(two).unwrap().build().unwrap();
    assert_eq!(built.relations().collect::<Vec<_>>(), ["app.b"]);
    assert_eq!(built.columns("app", "b").collect::<Vec<_>>(), ["z"]);
}

#[test]
fn a_builder_adds_and_removes() {
    let built = GuardPolicy::builder()
        .relation("app.t", ["id"])
        .relation_with_hidden("app.u", ["id"], ["secret"])
        .relation("app.v", ["id"])
        .without_relation("app.v")
        .function("f")
        .without_function("md5")
        .operator("@@")
        .without_operator("^")
        .data_type("uuid_v7")
        .without_data_type("money")
        .unqualified_relations(false)
        .limits(|limits| limits.max_ctes = 0)
        .build()
        .unwrap();
    assert!(
        built.functions().any(|name| name == "f") && !built.functions().any(|name| name == "md5")
    );
    assert!(built.operators().any(|name| name == "@@"));
    let guard = Guard::new(built);
    assert!(guard.check("SELECT f(1), 1 @@ 2, '1'::uuid_v7, u.id FROM app.t, app.u").is_ok());
    for sql in [
        "SELECT 2 ^ 2",
        "SELECT md5('a')",
        "SELECT 1::money",
        "SELECT id FROM t",
        "SELECT id FROM app.v",
        "SELECT u.secret FROM app.u u",
        "WITH x AS (SELECT 1) SELECT 1",
    ] {
        assert!(guard.check(sql).is_err(), "{sql}");
    }
}

#[rstest]
#[case::top("relatons = 1", "relatons")]
#[case::relation("[relations.\"a.b\"]\ncolumns = [\"x\"]\nhiden = []", "hiden")]
#[case::list("[functions]\nadds = []", "adds")]
#[case::limit("[limits]\nmax_bytess = 1", "max_bytess")]
#[case::kind("[limits]\nmax_bytes = \"x\"", "max_bytes")]
#[case::negative("[limits]\nmax_bytes = -1", "max_bytes")]
#[case::no_columns_key("[relations.\"a.b\"]\nhidden = []", "columns")]
#[case::no_columns("[relations.\"a.b\"]\ncolumns = []", "relations.a.b.columns")]
#[case::no_schema("[relations.b]\ncolumns = [\"x\"]", "relations.b")]
#[case::both("[relations.\"a.b\"]\ncolumns = [\"x\"]\nhidden = [\"x\"]", "relations.a.b.hidden")]
#[case::remove_unknown("[functions]\nremove = [\"lowr\"]", "functions.remove")]
#[case::remove_unknown_relation("remove_relations = [\"a.b\"]", "a.b")]
#[case::not_toml("= =", "guard policy")]
fn faults_name_the_key(#[case] text: &str, #[case] key: &str) {
    let error = GuardPolicy::from_toml(text).unwrap_err();
    assert!(error.to_string().contains(key), "{error}");
}

#[test]
fn the_first_fault_of_a_builder_is_kept() {
    let error = GuardPolicy::builder().without_function("nope").relation("x", ["a"]).build();
    let nope = PolicyError::NotOnTheList { list: "functions", name: "nope".to_owned() };
    assert_eq!(error.unwrap_err(), nope);
}

/// The lists of what is volatile or reads the server, which must stay off the list.
#[test]
fn nothing_dangerous_is_on_the_default_list() {
    let policy = GuardPolicy::default();
    let dangerous = |name: &&str| {
        name.starts_with("pg_")
            || name.starts_with("lo_")
            || name.starts_with("has_")
            || name.starts_with("query_to")
            || name.contains("advisory")
            || name.contains("xml")
            || name.contains("setting")
            || [
                "set_config",
                "nextval",
                "setval",
                "currval",
                "lastval",
                "random",
                "setseed",
                "dblink",
                "clock_timestamp",
                "timeofday",
                "version",
                "current_user",
                "current_database",
                "current_schema",
                "ts_stat",
                "txid_current",
                "row_security_active",
                "array_fill",
                "factorial",
                "gen_random_uuid",
                "convert_from",
                "encode",
                "decode",
                "currtid2",
            ]
            .contains(name)
    };
    assert_eq!(policy.functions().filter(dangerous).collect::<Vec<_>>(), Vec::<&str>::new());
    assert!(!policy.operators().any(|name| ["&&", "@>", "<@", "@@", "<->"].contains(&name)));
}
