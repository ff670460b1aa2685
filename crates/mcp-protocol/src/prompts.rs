//! Prompts: what people ask again and again, as a plan of calls that a model can follow.
//!
//! A prompt is one file in `prompts/` with a [`Prompt`], and one line in [`PROMPTS`].

mod argument;
mod given;
mod onboarding;
mod prepare_a_promotion;
mod script;
mod weekly_store_review;
mod what_should_i_reorder;
mod why_are_sales_down;

use retail_analytics::Analyst;
use retail_domain::{Error, ErrorCode, Principal};
use rmcp::model::{GetPromptResult, JsonObject, PromptMessage, Role};

pub(crate) use argument::{Argument, Kind};
use given::Given;
use script::Script;

use crate::error;
use crate::resources::hint;
use crate::server::Shared;
use crate::tools::{ToolEntry, ToolSet};

/// All prompts, in the order in which they are listed.
const PROMPTS: [&Prompt; 5] = [
    &weekly_store_review::PROMPT,
    &why_are_sales_down::PROMPT,
    &what_should_i_reorder::PROMPT,
    &prepare_a_promotion::PROMPT,
    &onboarding::PROMPT,
];

/// A plan for a question.
#[derive(Debug)]
pub(crate) struct Prompt {
    name: &'static str,
    title: &'static str,
    description: &'static str,
    arguments: &'static [Argument],
    /// Tools without which the plan is none. Steps with other tools are left out where a caller lacks those.
    needs: &'static [&'static str],
    script: fn(&Given) -> Script,
}

impl Prompt {
    /// The argument of a name, whoever asks.
    pub(crate) fn argument(&self, name: &str) -> Option<&'static Argument> {
        self.arguments.iter().find(|argument| argument.name == name)
    }

    /// The names of the arguments that the caller may give.
    pub(crate) fn argument_names(&self, principal: &Principal) -> Vec<&'static str> {
        self.arguments_for(principal).map(|argument| argument.name).collect()
    }

    fn arguments_for(&self, principal: &Principal) -> impl Iterator<Item = &'static Argument> {
        let sees_all = argument::sees_all(principal);
        self.arguments.iter().filter(move |argument| sees_all || argument.kind != Kind::Store)
    }

    /// Whether this server has the tools that it needs.
    fn is_there(&self, tools: &ToolSet) -> bool {
        self.needs.iter().all(|tool| tools.find(tool).is_some())
    }

    fn check_rights(&self, tools: &ToolSet, principal: &Principal) -> Result<(), Error> {
        let needed = self.needs.iter().filter_map(|tool| tools.find(tool));
        match needed.into_iter().find(|tool| !principal.has_scope(tool.scope())) {
            Some(tool) => Err(error::missing_scope(tool.name(), tool.scope())),
            None => Ok(()),
        }
    }

    fn listed(&self, principal: &Principal) -> rmcp::model::Prompt {
        let arguments = self.arguments_for(principal).map(Argument::listed).collect();
        rmcp::model::Prompt::new(self.name, Some(self.description), Some(arguments))
            .with_title(self.title)
    }
}

/// The prompts that the caller can follow.
pub(crate) fn listed(shared: &Shared, principal: &Principal) -> Vec<rmcp::model::Prompt> {
    visible(&shared.tools, principal).map(|prompt| prompt.listed(principal)).collect()
}

fn visible(tools: &ToolSet, principal: &Principal) -> impl Iterator<Item = &'static Prompt> {
    PROMPTS
        .into_iter()
        .filter(|prompt| prompt.is_there(tools) && prompt.check_rights(tools, principal).is_ok())
}

/// The prompt of a name, for a caller who may call its tools.
///
/// # Errors
/// [`ErrorCode::InvalidArgument`] with the nearest name, [`ErrorCode::Forbidden`] with the right that is missing.
pub(crate) fn find(
    tools: &ToolSet,
    principal: &Principal,
    name: &str,
) -> Result<&'static Prompt, Error> {
    let there = PROMPTS.into_iter().find(|prompt| prompt.name == name && prompt.is_there(tools));
    let Some(prompt) = there else {
        let names: Vec<&str> = visible(tools, principal).map(|prompt| prompt.name).collect();
        let error = Error::new(ErrorCode::InvalidArgument, "there is no such prompt");
        return Err(error.with_hint(hint(name, &names)));
    };
    prompt.check_rights(tools, principal)?;
    Ok(prompt)
}

/// A prompt, filled in for the caller.
///
/// # Errors
/// Those of [`find`], and [`ErrorCode::InvalidArgument`] for an argument that is unknown, missing or unusable.
pub(crate) fn get(
    shared: &Shared,
    principal: &Principal,
    name: &str,
    arguments: JsonObject,
) -> Result<GetPromptResult, Error> {
    let prompt = find(&shared.tools, principal, name)?;
    let analyst = shared.library.analyst();
    let may_call = |tool: &str| {
        shared.tools.find(tool).is_some_and(|tool| principal.has_scope(ToolEntry::scope(tool)))
    };
    let text = filled_in(prompt, analyst, principal, arguments, may_call)?;
    Ok(GetPromptResult::new(vec![PromptMessage::new_text(Role::User, text)])
        .with_description(prompt.description))
}

fn filled_in(
    prompt: &Prompt,
    analyst: &Analyst,
    principal: &Principal,
    arguments: JsonObject,
    may_call: impl Fn(&str) -> bool,
) -> Result<String, Error> {
    let expected: Vec<&Argument> = prompt.arguments_for(principal).collect();
    let given = Given::read(&expected, arguments, analyst, principal)?;
    let script = (prompt.script)(&given);
    Ok(script.text(&given, analyst, principal, may_call))
}

#[cfg(test)]
mod tests;
