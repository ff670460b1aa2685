//! From a call's JSON arguments to a tool's typed ones, with errors a model can act on.

use retail_domain::{Error, ErrorCode};
use rmcp::model::JsonObject;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Longest part of a caller's text that an error repeats, in characters.
const ECHO_CHARS: usize = 64;

/// Reads `given` as `T`, after checking it against the input schema of `T`.
///
/// The check names the argument that is wrong, which serde's own errors often do not. JSON `null`
/// counts as absent.
///
/// # Errors
/// [`ErrorCode::InvalidArgument`] for an unknown, missing or empty argument, or a wrong type.
pub(crate) fn parse<T: DeserializeOwned>(
    schema: &JsonObject,
    mut given: JsonObject,
) -> Result<T, Error> {
    given.retain(|_, value| !value.is_null());
    let no_properties = JsonObject::new();
    let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&no_properties);

    if let Some(unknown) = given.keys().find(|name| !properties.contains_key(*name)) {
        let names: Vec<&str> = properties.keys().map(String::as_str).collect();
        let hint = if names.is_empty() {
            "this tool takes no arguments".to_owned()
        } else {
            format!("the arguments are: {}", names.join(", "))
        };
        let message = format!("unknown argument '{}'", echo(unknown));
        return Err(Error::new(ErrorCode::InvalidArgument, message).with_hint(hint));
    }
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    for name in required.filter_map(Value::as_str) {
        check_present(name, given.get(name), properties.get(name))?;
    }
    for (name, value) in &mut given {
        whole_number(value, properties.get(name));
    }
    for (name, value) in &given {
        check_type(name, value, properties.get(name))?;
        check_choice(name, value, properties.get(name))?;
        check_range(name, value, properties.get(name))?;
    }
    serde_json::from_value(Value::Object(given)).map_err(|error| {
        let message = format!("the arguments do not fit the input schema: {error}");
        Error::new(ErrorCode::InvalidArgument, message)
    })
}

/// The text, cut when it is long.
pub(crate) fn echo(text: &str) -> String {
    let mut shown: String = text.chars().take(ECHO_CHARS).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

/// Refuses a required argument that is absent or empty, in the reference system's words.
fn check_present(name: &str, value: Option<&Value>, property: Option<&Value>) -> Result<(), Error> {
    let keyword = |key: &str| property.and_then(|property| property.get(key));
    let is_list = json_type(property) == Some("array");
    let may_be_empty = keyword("minItems").or(keyword("minLength")).is_none();
    let usable = match value {
        None => false,
        Some(Value::Array(items)) => may_be_empty || !items.is_empty(),
        Some(Value::String(text)) => may_be_empty || !text.trim().is_empty(),
        Some(_) => true,
    };
    if usable {
        return Ok(());
    }
    let and_not_empty = if is_list { " and cannot be empty" } else { "" };
    let message = format!("Error: {name} parameter is required{and_not_empty}");
    let error = Error::new(ErrorCode::InvalidArgument, message);
    Err(match keyword("description").and_then(Value::as_str) {
        Some(description) => error.with_hint(description),
        None => error,
    })
}

/// Writes 20.0 as 20 where an integer is due: JSON Schema has them the same, serde does not.
fn whole_number(value: &mut Value, property: Option<&Value>) {
    /// Beyond, a float does not hold every integer.
    const MAX_EXACT: f64 = 9_007_199_254_740_992.0;
    if json_type(property) != Some("integer") {
        return;
    }
    if let Some(number) = value.as_f64().filter(|_| value.is_f64())
        && number.fract() == 0.0
        && number.abs() <= MAX_EXACT
    {
        #[expect(clippy::cast_possible_truncation, reason = "a whole number that i64 holds")]
        let whole = number as i64;
        *value = whole.into();
    }
}

/// Refuses a value, or an item of a list, that is of another JSON type than the schema says.
fn check_type(name: &str, value: &Value, property: Option<&Value>) -> Result<(), Error> {
    let refuse = |what: String, expected: &str, given: &Value| {
        let message = format!("{what} must be {}, not {}", article(expected), kind(given));
        Err(Error::new(ErrorCode::InvalidArgument, message))
    };
    let Some(expected) = json_type(property) else {
        return Ok(());
    };
    if !is_of(value, expected) {
        return refuse(format!("'{name}'"), expected, value);
    }
    let item_type = json_type(property.and_then(|property| property.get("items")));
    if let (Some(expected), Some(items)) = (item_type, value.as_array())
        && let Some(wrong) = items.iter().find(|item| !is_of(item, expected))
    {
        return refuse(format!("each item of '{name}'"), expected, wrong);
    }
    Ok(())
}

/// Refuses a text that is none of the words that the schema lists.
fn check_choice(name: &str, value: &Value, property: Option<&Value>) -> Result<(), Error> {
    let choices = property.and_then(|property| property.get("enum")).and_then(Value::as_array);
    let Some(choices) = choices.filter(|choices| !choices.contains(value)) else {
        return Ok(());
    };
    let words: Vec<&str> = choices.iter().filter_map(Value::as_str).collect();
    let given = echo(value.as_str().unwrap_or_default());
    let message = format!("'{name}' must be one of {}, and is '{given}'", words.join(", "));
    Err(Error::new(ErrorCode::InvalidArgument, message))
}

/// Refuses a number that is outside of the schema's bounds.
fn check_range(name: &str, value: &Value, property: Option<&Value>) -> Result<(), Error> {
    let keyword = |key: &str| property.and_then(|property| property.get(key));
    let (min, max) =
        (keyword("minimum").and_then(Value::as_f64), keyword("maximum").and_then(Value::as_f64));
    let Some(number) = value.as_f64() else {
        return Ok(());
    };
    // Written so that a number that compares with nothing fails as well.
    if min.is_none_or(|min| number >= min) && max.is_none_or(|max| number <= max) {
        return Ok(());
    }
    let range = match (min, max) {
        (Some(min), Some(max)) => format!("from {min} to {max}"),
        (Some(min), None) => format!("at least {min}"),
        (None, max) => format!("at most {}", max.unwrap_or(f64::MAX)),
    };
    let message = format!("'{name}' must be {range}, and is {}", echo(&value.to_string()));
    let hint = match keyword("default") {
        Some(default) => format!("give a number {range}, or leave it out for {default}"),
        None => format!("give a number {range}"),
    };
    Err(Error::new(ErrorCode::InvalidArgument, message).with_hint(hint))
}

/// The one type that a schema allows beside null, if it allows one.
fn json_type(schema: Option<&Value>) -> Option<&str> {
    match schema?.get("type")? {
        Value::String(only) => Some(only),
        Value::Array(types) => types.iter().filter_map(Value::as_str).find(|one| *one != "null"),
        _ => None,
    }
}

fn is_of(value: &Value, json_type: &str) -> bool {
    match json_type {
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        _ => true,
    }
}

fn article(json_type: &str) -> String {
    let an = matches!(json_type, "array" | "object" | "integer");
    format!("{} {json_type}", if an { "an" } else { "a" })
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a number with a decimal point",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use rmcp::handler::server::tool::schema_for_input;
    use rstest::rstest;
    use schemars::JsonSchema;
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        /// Names to look up.
        #[schemars(length(min = 1))]
        names: Vec<String>,
        /// How many.
        #[schemars(range(min = 1, max = 9))]
        limit: Option<u32>,
        /// How near.
        #[serde(default)]
        #[schemars(range(min = 0, max = 100))]
        threshold: f64,
        /// Which.
        #[serde(default)]
        kind: Kind,
    }

    #[derive(Debug, Default, Deserialize, JsonSchema)]
    #[serde(rename_all = "snake_case")]
    #[schemars(inline)]
    enum Kind {
        #[default]
        Near,
        Far,
    }

    fn read(arguments: &Value) -> Result<Sample, Error> {
        let schema = schema_for_input::<Sample>().unwrap();
        parse(&schema, arguments.as_object().unwrap().clone())
    }

    #[test]
    fn good_arguments_pass_and_null_is_absent() {
        let sample = read(&json!({ "names": ["a"], "limit": null })).unwrap();
        assert_eq!((sample.names, sample.limit), (vec!["a".to_owned()], None));
        assert!(matches!(sample.kind, Kind::Near) && sample.threshold.abs() < f64::EPSILON);
        assert!(matches!(read(&json!({ "names": ["a"], "kind": "far" })).unwrap().kind, Kind::Far));
    }

    #[rstest]
    #[case(json!({}), "Error: names parameter is required and cannot be empty")]
    #[case(json!({ "names": [] }), "Error: names parameter is required and cannot be empty")]
    #[case(json!({ "names": null }), "Error: names parameter is required and cannot be empty")]
    #[case(json!({ "names": ["a"], "nmaes": 1 }), "unknown argument 'nmaes'")]
    #[case(json!({ "names": "a" }), "'names' must be an array, not a string")]
    #[case(json!({ "names": ["a", 1] }), "each item of 'names' must be a string, not a number")]
    #[case(json!({ "names": ["a"], "limit": -1 }), "'limit' must be from 1 to 9, and is -1")]
    #[case(json!({ "names": ["a"], "limit": 10 }), "'limit' must be from 1 to 9, and is 10")]
    #[case(
        json!({ "names": ["a"], "limit": 2.5 }),
        "'limit' must be an integer, not a number with a decimal point"
    )]
    #[case(json!({ "names": ["a"], "limit": "2" }), "'limit' must be an integer, not a string")]
    #[case(
        json!({ "names": ["a"], "threshold": 1e308 }),
        "'threshold' must be from 0 to 100, and is 1e+308"
    )]
    #[case(
        json!({ "names": ["a"], "threshold": -0.1 }),
        "'threshold' must be from 0 to 100, and is -0.1"
    )]
    #[case(
        json!({ "names": ["a"], "threshold": "NaN" }),
        "'threshold' must be a number, not a string"
    )]
    #[case(json!({ "names": ["a"], "kind": "x" }), "'kind' must be one of near, far, and is 'x'")]
    fn wrong_arguments_are_named(#[case] given: Value, #[case] message: &str) {
        let error = read(&given).unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidArgument);
        assert_eq!(error.public_message(), message);
    }

    #[test]
    fn an_echo_is_short() {
        assert_eq!(echo(&"é".repeat(100)).chars().count(), ECHO_CHARS + 1);
        assert_eq!(echo("short"), "short");
    }
}
