//! Values that complete what a user begins to type: arguments of prompts, and variables of resource templates.

use std::collections::BTreeSet;
use std::time::Instant;

use chrono::{Datelike as _, Months};
use retail_analytics::Analyst;
use retail_analytics::calendar::{docs_comparisons, docs_phrases};
use retail_domain::{Error, ErrorCode, Principal, RetailTable, StatementSummary, Visibility};
use rmcp::model::{ArgumentInfo, CompleteRequestParams, CompletionInfo, ErrorData, Reference};

use crate::prompts::{self, Kind};
use crate::resources::{
    self, CALENDAR_TEMPLATE, Found, METRIC_TEMPLATE, Reading, TABLE_TEMPLATE, hint, to_error_data,
    visible_metrics,
};
use crate::server::Shared;

/// The method: the name in the audit log, too.
const COMPLETE: &str = "completion/complete";

/// Years before this one that are offered.
const YEARS_BEFORE: i32 = 10;

/// What most people ask about, the most usual first. The calendar's own list of phrases follows.
const USUAL_PERIODS: [&str; 15] = [
    "last week",
    "last 30 days",
    "last month",
    "this month",
    "last quarter",
    "this quarter",
    "season to date",
    "last season",
    "year to date",
    "last year",
    "last 12 weeks",
    "last 12 months",
    "last 90 days",
    "month to date",
    "yesterday",
];

/// What is completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subject {
    Argument(Kind),
    Table,
    Metric,
    Year,
}

/// The values that fit, as the caller may see them, unless `given_up` ends before.
///
/// Names of stores, categories and product types are read as the caller, and recorded as reads are. Nothing is kept
/// for another caller.
///
/// # Errors
/// Those of [`prompts::find`], [`ErrorCode::InvalidArgument`] for what has no completions, and what the database said.
pub(crate) async fn complete(
    shared: &Shared,
    principal: &Principal,
    request: &CompleteRequestParams,
    request_id: Option<&str>,
    given_up: impl Future<Output = ()>,
) -> Result<CompletionInfo, ErrorData> {
    let started = Instant::now();
    let subject = subject(shared, principal, request);
    let values = match subject {
        Ok(Subject::Argument(kind @ (Kind::Store | Kind::Category | Kind::ProductType))) => {
            let statement = Some(names_statement());
            let reading = Reading { shared, principal, method: COMPLETE, request_id, statement };
            let work = names(shared, principal, kind, request);
            reading.make(work, given_up, |(_, found)| found).await.map(|(values, _)| values)
        }
        Ok(subject) => {
            let values = fixed(shared, principal, subject);
            shared.observed(COMPLETE, None, None, started);
            Ok(values)
        }
        Err(error) => {
            shared.observed(COMPLETE, None, Some(error.code()), started);
            Err(error)
        }
    };
    match values {
        Ok(values) => Ok(fitting(&request.argument.value, values)),
        Err(error) => Err(to_error_data(&error, request_id)),
    }
}

/// What the request asks to complete.
fn subject(
    shared: &Shared,
    principal: &Principal,
    request: &CompleteRequestParams,
) -> Result<Subject, Error> {
    let ArgumentInfo { name, .. } = &request.argument;
    match &request.r#ref {
        Reference::Prompt(reference) => {
            let prompt = prompts::find(&shared.tools, principal, &reference.name)?;
            match prompt.argument(name) {
                Some(argument) => Ok(Subject::Argument(argument.kind)),
                None => Err(no_such("argument", name, &prompt.argument_names(principal))),
            }
        }
        Reference::Resource(reference) => {
            resources::check_right_to_read(principal)?;
            let (subject, variable) = match reference.uri.as_str() {
                TABLE_TEMPLATE => (Subject::Table, "table"),
                METRIC_TEMPLATE => (Subject::Metric, "name"),
                CALENDAR_TEMPLATE => (Subject::Year, "year"),
                uri => {
                    let templates = [TABLE_TEMPLATE, METRIC_TEMPLATE, CALENDAR_TEMPLATE];
                    return Err(no_such("resource template", uri, &templates));
                }
            };
            if name == variable { Ok(subject) } else { Err(no_such("variable", name, &[variable])) }
        }
        _ => Err(Error::new(ErrorCode::InvalidArgument, "'ref' must be a prompt or a resource")),
    }
}

fn no_such(what: &str, asked: &str, names: &[&str]) -> Error {
    let error = Error::new(ErrorCode::InvalidArgument, format!("there is no such {what}"));
    error.with_hint(hint(asked, names))
}

/// Values that are the same for all, but for rights.
fn fixed(shared: &Shared, principal: &Principal, subject: Subject) -> Vec<String> {
    let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
    match subject {
        Subject::Table => owned(&RetailTable::ALL.map(RetailTable::name)),
        Subject::Metric => visible_metrics(principal).map(|one| one.name.to_owned()).collect(),
        Subject::Year => {
            let analyst = shared.library.analyst();
            let this_year = analyst.calendar().retail_year_of(analyst.today()).number();
            // This year first: it is what most ask for.
            let earlier = (1..=YEARS_BEFORE).map(|back| this_year - back);
            [this_year, this_year + 1].into_iter().chain(earlier).map(|y| y.to_string()).collect()
        }
        Subject::Argument(Kind::Period) => periods(shared.library.analyst()),
        Subject::Argument(Kind::Comparison) => {
            docs_comparisons().iter().map(|(phrase, _)| (*phrase).to_owned()).collect()
        }
        Subject::Argument(Kind::OneOf(words)) => owned(words),
        Subject::Argument(_) => Vec::new(),
    }
}

/// Phrases for days. Each is understood today: what lies in the future is left out.
fn periods(analyst: &Analyst) -> Vec<String> {
    let today = analyst.today();
    let years = [today.year(), today.year() - 1];
    let months = (0..12).filter_map(|back| today.checked_sub_months(Months::new(back)));
    let quarters = years.iter().flat_map(|year| (1..=4).rev().map(move |q| format!("Q{q} {year}")));
    let phrases = USUAL_PERIODS.iter().map(|&phrase| phrase.to_owned());
    let phrases = phrases
        .chain(quarters)
        .chain(months.map(|month| month.format("%B %Y").to_string()))
        .chain(years.iter().flat_map(|year| [format!("FY{year}"), year.to_string()]))
        .chain(docs_phrases().iter().map(|(phrase, _)| (*phrase).to_owned()));
    phrases.filter(|phrase| analyst.period(phrase).is_ok()).collect()
}

/// Names in the data that the caller may see.
async fn names(
    shared: &Shared,
    principal: &Principal,
    kind: Kind,
    request: &CompleteRequestParams,
) -> Result<(Vec<String>, Found), Error> {
    let names = shared.library.analyst().names(principal).await?;
    let values: Vec<String> = match kind {
        Kind::Store => {
            // Row security has left out the others already.
            let own = match principal.visibility() {
                Visibility::Store(store) => Some(&store.name),
                Visibility::AllStores => None,
            };
            names.stores.into_iter().filter(|name| own.is_none_or(|own| own == name)).collect()
        }
        Kind::ProductType => {
            let context = request.context.as_ref();
            let category = context.and_then(|context| context.get_argument("category"));
            let is_asked = |of: &String| {
                category.is_none_or(|asked| words(asked) == words(of) || asked.trim().is_empty())
            };
            let types = names.product_types.into_iter();
            types.filter(|(_, category)| is_asked(category)).map(|(name, _)| name).collect()
        }
        _ => names.categories,
    };
    let mut found = Found::text(values.join("\n"));
    (found.rows, found.statement) = (Some(values.len()), Some(names_statement()));
    Ok((values, found))
}

/// What the audit log says of the statement that gives the names.
fn names_statement() -> StatementSummary {
    let tables = ["retail.categories", "retail.product_types", "retail.stores"];
    StatementSummary { fingerprint: "names".to_owned(), tables: tables.map(str::to_owned).into() }
}

/// The values that fit what was typed: those that begin with it, then those with words that do. Each once.
fn fitting(typed: &str, values: Vec<String>) -> CompletionInfo {
    let typed = words(typed);
    let mut known = BTreeSet::new();
    let mut ranked: Vec<(u8, String)> = values
        .into_iter()
        .filter_map(|value| rank(&typed, &words(&value)).map(|rank| (rank, value)))
        .filter(|(_, value)| known.insert(value.clone()))
        .collect();
    // Stable: within a rank they stay in the order that they are listed in.
    ranked.sort_by_key(|(rank, _)| *rank);
    let total = u32::try_from(ranked.len()).unwrap_or(u32::MAX);
    let has_more = ranked.len() > CompletionInfo::MAX_VALUES;
    let values = ranked.into_iter().take(CompletionInfo::MAX_VALUES).map(|(_, value)| value);
    CompletionInfo::with_pagination(values.collect(), Some(total), has_more).unwrap_or_default()
}

/// How well a value fits: 0 is best. None if it does not.
fn rank(typed: &[String], value: &[String]) -> Option<u8> {
    let begins = |word: &String, part: &String| word.starts_with(part.as_str());
    if typed.len() <= value.len() && typed.iter().zip(value).all(|(part, word)| begins(word, part))
    {
        return Some(0);
    }
    typed.iter().all(|part| value.iter().any(|word| begins(word, part))).then_some(1)
}

/// The words of a text in lower case. `order_items` has two.
fn words(text: &str) -> Vec<String> {
    text.split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn fits(typed: &str, values: &[&str]) -> Vec<String> {
        fitting(typed, values.iter().map(|&value| value.to_owned()).collect()).values
    }

    #[rstest]
    #[case("", &["POWER TOOLS", "HAND TOOLS", "GARDEN & OUTDOOR"])]
    #[case("ha", &["HAND TOOLS"])]
    #[case("Tools", &["POWER TOOLS", "HAND TOOLS"])]
    #[case("tools hand", &["HAND TOOLS"])]
    #[case("garden & out", &["GARDEN & OUTDOOR"])]
    #[case("ools", &[])]
    #[case("' OR 1=1 --", &[])]
    fn words_and_beginnings_of_words_fit(#[case] typed: &str, #[case] expected: &[&str]) {
        assert_eq!(fits(typed, &["POWER TOOLS", "HAND TOOLS", "GARDEN & OUTDOOR"]), expected);
    }

    #[test]
    fn what_begins_with_it_comes_first_and_each_comes_once() {
        let values = ["order_items", "items", "order_items", "stock_items"];
        assert_eq!(fits("item", &values), ["items", "order_items", "stock_items"]);
    }

    #[test]
    fn there_are_at_most_a_hundred() {
        let values: Vec<String> = (0..250).map(|number| format!("type {number}")).collect();
        let all = fitting("type", values);
        assert_eq!((all.values.len(), all.total, all.has_more), (100, Some(250), Some(true)));
    }
}
