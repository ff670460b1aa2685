//! Asking the user what an argument means, where the client offers to ask.
//!
//! From 2026-07-28 an answer says what is to be asked, and the client makes the call again with what the user said and with
//! the state that it was given. A client of an older protocol is asked while its call waits, which takes a connection on
//! which it can answer: standard input and output.

use std::collections::BTreeMap;
use std::time::Duration;

use retail_domain::{Choices, Error};
use rmcp::RoleServer;
use rmcp::model::{
    ClientCapabilities, ElicitRequest, ElicitRequestParams, ElicitResult, ElicitationAction,
    ElicitationSchema, EnumSchema, InputRequest, InputRequests, InputRequiredResult,
    InputResponses, JsonObject, ProtocolVersion,
};
use rmcp::service::{ElicitationMode, Peer, RequestContext};
use serde_json::Value;

/// The arguments that may have several meanings.
const ARGUMENTS: [&str; 5] = ["store", "category", "product_type", "period", "compare_to"];
const PERIOD: &str = "period";
/// What a period can be given by as well: the one that is chosen stands for it.
const INSTEAD_OF_PERIOD: [&str; 3] = ["start_date", "end_date", "days"];
/// The argument of `chart` that has the arguments of another tool.
const INNER: &str = "arguments";
/// How long a user may think.
const PATIENCE: Duration = Duration::from_mins(5);

/// How a client can be asked.
#[derive(Debug)]
pub(crate) enum Way<'a> {
    /// By an answer, after which it calls again.
    Answer,
    /// While its call waits.
    Request(&'a Peer<RoleServer>),
}

impl<'a> Way<'a> {
    /// What the client of a request offers. `answers_come_back`: it has a connection of its own to answer on.
    pub(crate) fn of(
        context: &'a RequestContext<RoleServer>,
        answers_come_back: bool,
    ) -> Option<Self> {
        let says_all = |version: ProtocolVersion| !version.has_initialize();
        if context.meta.protocol_version().is_some_and(says_all) {
            let capabilities = context.meta.client_capabilities().unwrap_or_default();
            return offers_forms(&capabilities).then_some(Self::Answer);
        }
        let modes = context.peer.supported_elicitation_modes();
        (answers_come_back && modes.contains(&ElicitationMode::Form))
            .then_some(Self::Request(&context.peer))
    }
}

/// Whether a client can show its user a form. One that names no mode can.
pub(crate) fn offers_forms(capabilities: &ClientCapabilities) -> bool {
    capabilities
        .elicitation
        .as_ref()
        .is_some_and(|offered| offered.form.is_some() || offered.url.is_none())
}

/// What the user has said so far, by argument; `None` where they would not.
///
/// It comes from the client, as the arguments do, and is checked as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Said(BTreeMap<&'static str, Option<String>>);

impl Said {
    /// As a repeated call has it.
    pub(crate) fn read(state: Option<&str>, responses: Option<&InputResponses>) -> Self {
        let mut said = Self::default();
        let state: BTreeMap<String, String> =
            state.and_then(|state| serde_json::from_str(state).ok()).unwrap_or_default();
        for (argument, value) in state {
            said.put(&argument, Some(value).filter(|value| !value.trim().is_empty()));
        }
        for (argument, response) in responses.into_iter().flatten() {
            let result = serde_json::from_value(response.clone()).ok();
            said.put(argument, result.and_then(|result| chosen(argument, &result)));
        }
        said
    }

    fn put(&mut self, argument: &str, value: Option<String>) {
        if let Some(argument) = ARGUMENTS.into_iter().find(|known| *known == argument) {
            self.0.insert(argument, value);
        }
    }

    /// The arguments as the user means them.
    pub(crate) fn applied_to(&self, mut arguments: JsonObject) -> JsonObject {
        let own = match arguments.get_mut(INNER) {
            Some(Value::Object(inner)) => inner,
            _ => &mut arguments,
        };
        for (argument, value) in &self.0 {
            if let Some(value) = value {
                if *argument == PERIOD {
                    for instead in INSTEAD_OF_PERIOD {
                        own.remove(instead);
                    }
                }
                own.insert((*argument).to_owned(), Value::from(value.as_str()));
            }
        }
        arguments
    }

    /// What is to be asked after a failure. Nothing is asked twice.
    fn question<'a>(&self, failure: &'a Error) -> Option<(&'a Choices, ElicitRequestParams)> {
        let choices = failure.choices().filter(|choices| !self.0.contains_key(choices.argument))?;
        Some((choices, form(failure, choices)?))
    }

    /// The answer that asks, if there is something to ask.
    pub(crate) fn asking_answer(&self, failure: &Error) -> Option<InputRequiredResult> {
        let (choices, form) = self.question(failure)?;
        let request = InputRequest::Elicitation(ElicitRequest::new(form));
        let requests = InputRequests::from([(choices.argument.to_owned(), request)]);
        let known: BTreeMap<&str, &String> =
            self.0.iter().filter_map(|(name, value)| Some((*name, value.as_ref()?))).collect();
        let state = serde_json::to_string(&known).ok().filter(|_| !known.is_empty());
        Some(InputRequiredResult::new(Some(requests), state))
    }

    /// Asks while the call waits. Whether the user has said what is meant.
    pub(crate) async fn ask(&mut self, peer: &Peer<RoleServer>, failure: &Error) -> bool {
        let Some((choices, form)) = self.question(failure) else { return false };
        let answer = peer.create_elicitation_with_timeout(form, Some(PATIENCE)).await;
        let value = answer.ok().and_then(|result| chosen(choices.argument, &result));
        let is_known = value.is_some();
        self.put(choices.argument, value);
        is_known
    }
}

fn form(failure: &Error, choices: &Choices) -> Option<ElicitRequestParams> {
    let values = EnumSchema::builder(choices.values.clone()).build();
    let schema = ElicitationSchema::builder().required_enum_schema(choices.argument, values);
    Some(ElicitRequestParams::FormElicitationParams {
        meta: None,
        message: format!("{}. Which one is meant?", failure.public_message()),
        requested_schema: schema.build().ok()?,
    })
}

fn chosen(argument: &str, result: &ElicitResult) -> Option<String> {
    let content = result.content.as_ref().filter(|_| result.action == ElicitationAction::Accept);
    let value = content?.get(argument)?.as_str()?.trim();
    // Nothing would be everything.
    (!value.is_empty()).then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use retail_domain::ErrorCode;
    use serde_json::json;

    use super::*;

    fn failure(argument: &'static str) -> Error {
        let values = ["HAND TOOLS", "POWER TOOLS"].map(str::to_owned).to_vec();
        Error::new(ErrorCode::InvalidArgument, "'category' may mean two")
            .with_choices(argument, values)
    }

    fn object(value: Value) -> JsonObject {
        serde_json::from_value(value).unwrap()
    }

    fn accepted(argument: &str, value: &str) -> InputResponses {
        let result = json!({ "action": "accept", "content": { argument: value } });
        InputResponses::from([(argument.to_owned(), result)])
    }

    #[test]
    fn what_was_said_goes_round_until_all_is_known() {
        let first =
            serde_json::to_value(Said::default().asking_answer(&failure("category"))).unwrap();
        let form = &first["inputRequests"]["category"]["params"];
        assert_eq!(form["message"], "'category' may mean two. Which one is meant?");
        let offered = &form["requestedSchema"]["properties"]["category"]["enum"];
        assert_eq!(*offered, json!(["HAND TOOLS", "POWER TOOLS"]));
        assert!(first.get("requestState").is_none(), "{first}");

        let said = Said::read(None, Some(&accepted("category", "HAND TOOLS")));
        let second = serde_json::to_value(said.asking_answer(&failure("period"))).unwrap();
        let state = second["requestState"].as_str();
        let said = Said::read(state, Some(&accepted("period", "2026-04-07")));
        let arguments = said.applied_to(object(json!({ "category": "tools", "limit": 3 })));
        let meant = json!({ "category": "HAND TOOLS", "limit": 3, "period": "2026-04-07" });
        assert_eq!(Value::Object(arguments), meant);
    }

    #[test]
    fn nobody_is_asked_again_who_would_not_say() {
        for response in [
            json!({ "action": "decline" }),
            json!({ "action": "cancel", "content": { "category": "HAND TOOLS" } }),
            json!({ "action": "accept", "content": { "category": 7 } }),
            json!({ "action": "accept", "content": { "category": " " } }),
            json!("nonsense"),
        ] {
            let responses = InputResponses::from([("category".to_owned(), response)]);
            let said = Said::read(Some("{nonsense"), Some(&responses));
            assert!(said.asking_answer(&failure("category")).is_none());
            assert!(said.asking_answer(&failure("store")).is_some());
            let arguments = object(json!({ "category": "tools" }));
            assert_eq!(said.applied_to(arguments.clone()), arguments);
        }
    }

    #[test]
    fn a_period_stands_for_the_dates_that_were_unclear() {
        let said = Said::read(None, Some(&accepted("period", "2026-07-04..2026-08-04")));
        let dates = json!({ "start_date": "7/4/2026", "end_date": "8/4/2026", "by": "day" });
        let meant = json!({ "period": "2026-07-04..2026-08-04", "by": "day" });
        assert_eq!(Value::Object(said.applied_to(object(dates))), meant);
    }

    #[test]
    fn other_arguments_than_those_asked_for_are_not_taken() {
        let said = Said::read(Some(r#"{"sql":"x"}"#), Some(&accepted("limit", "9")));
        assert_eq!(said, Said::default());
    }

    #[test]
    fn what_a_chart_is_drawn_of_has_the_arguments() {
        let said = Said::read(None, Some(&accepted("category", "HAND TOOLS")));
        let chart =
            object(json!({ "tool": "analyze_sales", "arguments": { "category": "tools" } }));
        let arguments = said.applied_to(chart);
        assert_eq!(arguments["arguments"], json!({ "category": "HAND TOOLS" }));
    }

    #[test]
    fn a_form_is_shown_by_those_who_say_so_or_name_no_mode() {
        let cases = [
            (json!({}), false),
            (json!({ "elicitation": {} }), true),
            (json!({ "elicitation": { "form": {} } }), true),
            (json!({ "elicitation": { "url": {} } }), false),
            (json!({ "elicitation": { "url": {}, "form": {} } }), true),
        ];
        for (capabilities, offered) in cases {
            let text = capabilities.to_string();
            let capabilities = serde_json::from_value(capabilities).unwrap();
            assert_eq!(offers_forms(&capabilities), offered, "{text}");
        }
    }
}
