//! `get_current_utc_date`: what day it is.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::SecondsFormat;
use retail_domain::ports::Clock;
use retail_domain::{Error, Principal, Scope};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Answered, RetailTool};

pub(crate) struct GetCurrentUtcDate {
    clock: Arc<dyn Clock>,
}

impl GetCurrentUtcDate {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock }
    }
}

/// There are no arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Answer {
    /// Date and time in UTC, RFC 3339 with microseconds.
    utc: String,
    /// Date in UTC, YYYY-MM-DD.
    date: String,
}

#[async_trait]
impl RetailTool for GetCurrentUtcDate {
    const NAME: &'static str = "get_current_utc_date";
    const TITLE: &'static str = "Current date";
    const SCOPE: Scope = Scope::Read;
    type Arguments = Arguments;
    type Answer = Answer;

    fn description(&self) -> String {
        "Get the current date and time in UTC. Call it before you answer a question with a \
         relative date, such as last month or this year."
            .to_owned()
    }

    async fn call(
        &self,
        _principal: &Principal,
        _arguments: Arguments,
    ) -> Result<Answered<Answer>, Error> {
        let now = self.clock.now();
        let utc = now.to_rfc3339_opts(SecondsFormat::Micros, true);
        let date = now.date_naive().to_string();
        let text = format!("Current UTC Date/Time: {utc}");
        Ok(Answered::new(text, Answer { utc, date }))
    }
}
