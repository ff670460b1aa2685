//! A scenario turned into requests and scripts, for each that is measured.

use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::database::{Database, Store};
use super::drive::Plan;
use super::pgbench::Limit;
use super::request::{Endpoint, Request, filled};
use super::scenario::{Call, Kind, Question, SERIAL, Scenario, question};
use super::shown;
use super::wire::{Connection, json_of};

/// The most values that calls differ by: pgbench has all of them in one statement.
const MAX_VALUES: usize = 100;

/// A header for each caller, by name.
pub(super) type Callers = Vec<(String, String)>;

/// A scenario with its values.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) name: String,
    pub(super) description: String,
    parts: Vec<Part>,
}

#[derive(Debug)]
struct Part {
    share: u32,
    question: Question,
    values: Vec<String>,
}

impl Prepared {
    /// Reads the values that calls differ by.
    pub(super) fn new(scenario: &Scenario, all: &[Scenario], database: &Database) -> Result<Self> {
        let part = |share: u32, question: &Question| {
            Ok(Part { share, question: question.clone(), values: values(question, database)? })
        };
        let parts = match &scenario.kind {
            Kind::Question(question) => vec![part(1, question)?],
            Kind::Mix(mix) => mix
                .iter()
                .map(|(name, share)| part(*share, question(all, name)?))
                .collect::<Result<_>>()?,
        };
        let (name, description) = (scenario.name.clone(), scenario.description.clone());
        Ok(Self { name, description, parts })
    }

    /// Whether it asks one question alone, so that a constant answer is like it.
    pub(super) fn is_one_question(&self) -> bool {
        self.parts.len() == 1
    }

    /// Whether no two calls are alike, so that no answer can be kept.
    pub(super) fn never_repeats(&self) -> bool {
        self.parts.iter().any(|part| {
            Value::Object(part.question.call.arguments.clone()).to_string().contains(SERIAL)
        })
    }

    /// Who calls.
    pub(super) fn callers(&self) -> impl Iterator<Item = &String> {
        self.parts.iter().flat_map(|part| &part.question.callers)
    }

    /// Takes the statements that answers show as the limit of those who have none.
    pub(super) fn learn_limits(&mut self, endpoint: &Endpoint, callers: &Callers) -> Result<()> {
        for part in &mut self.parts {
            let question = &mut part.question;
            let Some(Call { tool, arguments }) = question.shown_by.take() else { continue };
            let caller = question.callers.first().context("callers: nobody is named")?;
            let header = callers.iter().find(|(name, _)| name == caller).map(|(_, header)| header);
            let request =
                endpoint.call(&tool, &Value::Object(arguments), header.map(String::as_str));
            let plan =
                Plan { address: endpoint.address.clone(), questions: vec![(1, vec![request])] };
            let answer = json_of(&verify(&plan)?)?;
            question.limit = shown::statements(&answer, caller)?;
        }
        Ok(())
    }

    /// pgbench's scripts.
    pub(super) fn limit(&self, folder: &Path, stores: &[Store]) -> Result<Limit> {
        let mut limit = Limit::new(folder.join(format!("pgbench-{}", self.name)))?;
        for part in &self.parts {
            limit.add(part.share, &part.question, &part.values, stores)?;
        }
        Ok(limit)
    }

    /// Requests to our server, or to one that takes the same.
    pub(super) fn plan(&self, endpoint: &Endpoint, callers: &Callers) -> Result<Plan> {
        self.plan_by(endpoint, callers, |question| &question.call)
    }

    /// Requests to a peer, which may have other tools.
    pub(super) fn peer_plan(&self, endpoint: &Endpoint, peer: &str) -> Result<Plan> {
        self.plan_by(endpoint, &Callers::new(), |question| {
            question.peer.get(peer).unwrap_or(&question.call)
        })
    }

    fn plan_by(
        &self,
        endpoint: &Endpoint,
        callers: &Callers,
        call: impl Fn(&Question) -> &Call,
    ) -> Result<Plan> {
        let questions = self.parts.iter().map(|part| {
            let mut requests: Vec<Request> = Vec::new();
            for name in &part.question.callers {
                let header = callers.iter().find(|(caller, _)| caller == name);
                if header.is_none() && !callers.is_empty() {
                    bail!("callers: nobody is called {name}");
                }
                let header = header.map(|(_, header)| header.as_str());
                let Call { tool, arguments } = call(&part.question);
                match &part.question.vary {
                    None => requests.push(endpoint.call(
                        tool,
                        &Value::Object(arguments.clone()),
                        header,
                    )),
                    Some(vary) => requests.extend(part.values.iter().map(|value| {
                        endpoint.call(tool, &filled(arguments, &vary.name, value), header)
                    })),
                }
            }
            Ok((part.share, requests))
        });
        Ok(Plan { address: endpoint.address.clone(), questions: questions.collect::<Result<_>>()? })
    }
}

fn values(question: &Question, database: &Database) -> Result<Vec<String>> {
    let Some(vary) = &question.vary else {
        return Ok(Vec::new());
    };
    let mut values = match &vary.sql {
        Some(sql) => database.query(sql).context("vary.sql")?,
        None => vary.values.clone(),
    };
    values.truncate(MAX_VALUES);
    if values.is_empty() {
        bail!("vary.sql: it gives no value");
    }
    Ok(values)
}

/// Asks each question once, and reads the answers as JSON: the body of the first.
pub(super) fn verify(plan: &Plan) -> Result<Vec<u8>> {
    let mut first = None;
    let mut connection = Connection::new(&plan.address);
    for (_, requests) in &plan.questions {
        let mut request = requests.first().context("no request")?.clone();
        let answer = connection.exchange(request.bytes(0))?;
        if !answer.is_good() {
            bail!("{}: {:.500}", answer.status, String::from_utf8_lossy(answer.body));
        }
        let json = json_of(answer.body)?;
        let content = json.pointer("/result/content").and_then(Value::as_array);
        if content.is_none_or(Vec::is_empty) {
            bail!("an answer without content: {json:.500}");
        }
        first.get_or_insert_with(|| answer.body.to_vec());
    }
    first.context("no question")
}
