//! A refusal says where and what to write instead.

use retail_sql_guard::RejectionCode::{self, *};
use rstest::rstest;

use crate::support::{check, refuse};

#[rstest]
#[case::table(
    "SELECT 1 FROM retail.orderz",
    UnknownRelation,
    "retail.orderz",
    "Did you mean `retail.orders`"
)]
#[case::table_list(
    "SELECT 1 FROM xyz",
    UnknownRelation,
    "xyz",
    "retail.categories, retail.customers"
)]
#[case::cte(
    "WITH monthly AS (SELECT 1) SELECT 1 FROM montly",
    UnknownRelation,
    "montly",
    "`monthly`"
)]
#[case::database("SELECT 1 FROM zava.retail.orders", UnknownRelation, "zava", "schema.table")]
#[case::column(
    "SELECT o.order_dat FROM orders o",
    UnknownColumn,
    "o.order_dat",
    "Did you mean `order_date`"
)]
#[case::column_list(
    "SELECT o.zzz FROM orders o",
    UnknownColumn,
    "o.zzz",
    "order_id, customer_id, store_id, order_date"
)]
#[case::column_elsewhere(
    "SELECT o.sku FROM orders o",
    UnknownColumn,
    "o.sku",
    "`retail.products` has it: join it"
)]
#[case::bare_column(
    "SELECT quantiy FROM order_items",
    UnknownColumn,
    "quantiy",
    "Did you mean `quantity`"
)]
#[case::bare_elsewhere(
    "SELECT store_name FROM orders",
    UnknownColumn,
    "store_name",
    "`retail.stores` has it"
)]
#[case::output_name(
    "SELECT cost * 2 AS twice FROM products WHERE twice > 1",
    UnknownColumn,
    "twice > 1",
    "name of the SELECT list"
)]
#[case::no_from("SELECT \"abc\"", UnknownColumn, "\"abc\"", "single quotes")]
#[case::qualifier(
    "SELECT orders.order_id FROM orders o",
    UnknownRelation,
    "orders.order_id",
    "`o`"
)]
#[case::hidden(
    "SELECT s.rls_user_id FROM stores s",
    HiddenColumn,
    "s.rls",
    "store_id, store_name, is_online"
)]
#[case::star("SELECT s.* FROM stores s", HiddenColumn, "s.*", "store_id, store_name, is_online")]
#[case::function("SELECT sum_all(1)", FunctionNotAllowed, "sum_all", "Near to it")]
#[case::function_near(
    "SELECT array_to_strings(1)",
    FunctionNotAllowed,
    "array_to_strings",
    "`array_to_string`"
)]
#[case::datediff(
    "SELECT datediff('day', order_date, now()) FROM orders",
    FunctionNotAllowed,
    "datediff",
    "Subtract"
)]
#[case::ifnull("SELECT ifnull(1, 2)", FunctionNotAllowed, "ifnull", "COALESCE")]
#[case::random(
    "SELECT 1 FROM orders ORDER BY random()",
    FunctionNotAllowed,
    "random",
    "repeatable"
)]
#[case::year(
    "SELECT year(order_date) FROM orders",
    FunctionNotAllowed,
    "year",
    "EXTRACT(YEAR FROM"
)]
#[case::median(
    "SELECT median(cost) FROM products",
    FunctionNotAllowed,
    "median",
    "percentile_cont(0.5)"
)]
#[case::user("SELECT current_user", FunctionNotAllowed, "current_user", "own store")]
#[case::data_type("SELECT 1::string", TypeNotAllowed, "string", "Available types")]
#[case::data_type_near("SELECT 1::varchars", TypeNotAllowed, "varchars", "Did you mean varchar")]
#[case::operator("SELECT ARRAY[1] && ARRAY[2]", OperatorNotAllowed, "&&", "ANY")]
#[case::into("SELECT 1 INTO t", UnsupportedSyntax, "t", "WITH")]
#[case::sample(
    "SELECT 1 FROM orders TABLESAMPLE SYSTEM (1)",
    UnsupportedSyntax,
    "SYSTEM",
    "order_id % 10"
)]
#[case::parameter("SELECT 1 FROM orders WHERE store_id = $1", Parameter, "$1", "the value itself")]
#[case::delete(
    "WITH d AS (DELETE FROM orders RETURNING 1) SELECT 1",
    NotASelect,
    "d AS",
    "only be read"
)]
#[case::explain("EXPLAIN SELECT 1", NotASelect, "EXPLAIN", "Send the SELECT itself")]
#[case::show("SHOW search_path", NotASelect, "SHOW", "Settings are not available")]
#[case::update("  UPDATE orders SET store_id = 1", NotASelect, "UPDATE", "only be read")]
#[case::create("CREATE TEMP TABLE t AS SELECT 1", NotASelect, "CREATE", "WITH queries")]
#[case::begin("BEGIN", NotASelect, "BEGIN", "transaction of its own")]
#[case::execute("EXECUTE p(1)", NotASelect, "EXECUTE", "values in place of parameters")]
#[case::two("SELECT 1; SELECT 2", MultipleStatements, "; SELECT 2", "one statement at a time")]
#[case::nul("SELECT \0", InvalidText, "\0", "Leave")]
#[case::repeat("SELECT repeat('a', 100000)", TooExpensive, "repeat", "10000 bytes")]
#[case::power("SELECT power(2.5, 1000)", TooExpensive, "power", "float8")]
#[case::not_ascii(
    "SELECT 'Größe', länge FROM products",
    UnknownColumn,
    "länge",
    "Columns of retail.products"
)]
#[case::fence("```sql\nSELECT 1```", SyntaxError, "```", "nothing before it")]
fn says_where_and_what_instead(
    #[case] sql: &str,
    #[case] code: RejectionCode,
    #[case] near: &str,
    #[case] hint: &str,
) {
    let rejection = refuse(sql, code);
    let at = rejection.position().unwrap_or_else(|| panic!("no position: {rejection:?}"));
    let rest: String = sql.chars().skip(at - 1).collect();
    assert!(rest.starts_with(near), "{sql}: at {at}, before {rest:?}");
    let given = rejection.hint().unwrap_or_default();
    assert!(given.contains(hint), "{sql}\n{given}");
}

#[rstest]
#[case::keyword(
    "SELECT store_id FORM orders WHERE x = 1",
    "syntax error at or near \"orders\"",
    Some("orders")
)]
#[case::second_of_its_kind(
    "SELECT a, a a a FROM orders",
    "syntax error at or near \"a\"",
    Some("a FROM")
)]
#[case::at_the_end("SELECT 1 +", "syntax error at end of input", Some(""))]
#[case::at_the_end_with_remark("SELECT 1 + -- x", "syntax error at end of input", None)]
#[case::closing_parenthesis("SELECT 1)", "syntax error at or near \")\"", Some(")"))]
#[case::open_quote("SELECT 'abc", "unterminated quoted string at or near \"'abc\"", Some("'abc"))]
#[case::open_remark("SELECT 1 /* x", "unterminated /* comment at or near \"/* x\"", Some("/* x"))]
#[case::open_name(
    "SELECT \"abc",
    "unterminated quoted identifier at or near \"\"abc\"",
    Some("\"abc")
)]
#[case::not_ascii("SELECT 'ä' 'ö'", "syntax error at or near \"'ö'\"", Some("'ö'"))]
#[case::number("SELECT 1a", "trailing junk after numeric literal at or near \"1a\"", Some("1a"))]
fn syntax_errors_are_postgresqls(
    #[case] sql: &str,
    #[case] message: &str,
    #[case] rest: Option<&str>,
) {
    let rejection = refuse(sql, SyntaxError);
    assert_eq!(rejection.message(), message);
    if let Some(rest) = rest {
        let at = rejection.position().unwrap_or_else(|| panic!("no position: {sql}"));
        let found: String = sql.chars().skip(at - 1).collect();
        assert!(found.starts_with(rest) && (!rest.is_empty() || found.is_empty()), "{found:?}");
    }
}

#[test]
fn long_texts_are_not_repeated() {
    let name = "x".repeat(5000);
    for sql in [
        format!("SELECT {name}()"),
        format!("SELECT 1 FROM {name}"),
        format!("SELECT {name} FROM orders"),
        format!("SELECT \"{name}"),
        format!("SELECT '{name}"),
        format!("SELECT 1::{name}"),
        format!("SELECT 1 OPERATOR({name}.+) 1"),
        format!("{name} 1"),
        format!("SELECT 1 1 '{name}'"),
        format!("SELECT {name}.a FROM orders"),
        format!("SELECT 1 FROM {name}.b.c"),
    ] {
        let Err(rejection) = check(&sql) else { panic!("accepted") };
        assert!(rejection.message().chars().count() < 160, "{}", rejection.message());
        assert!(rejection.hint().unwrap_or_default().chars().count() < 1200);
    }
}

#[test]
fn codes_have_names_of_their_own() {
    assert_eq!(FunctionNotAllowed.as_str(), "function_not_allowed");
    assert_eq!(TooExpensive.as_str(), "too_expensive");
}
