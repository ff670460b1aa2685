//! From the arguments about time to periods.

use retail_analytics::Analyst;
use retail_analytics::calendar::Period;
use retail_domain::{Error, ErrorCode};

/// The arguments about time, as a tool has them.
#[derive(Debug, Clone, Default)]
pub(crate) struct PeriodArguments {
    pub(crate) period: Option<String>,
    pub(crate) start_date: Option<String>,
    pub(crate) end_date: Option<String>,
    pub(crate) days: Option<u32>,
    pub(crate) compare_to: Option<String>,
}

/// The periods that a question is about.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) period: Period,
    pub(crate) compared_with: Option<Period>,
}

impl PeriodArguments {
    /// Resolves the phrases. Without any, the period is `default`.
    pub(crate) fn resolve(&self, analyst: &Analyst, default: &str) -> Result<Asked, Error> {
        let given = |text: &Option<String>| {
            text.as_ref().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
        };
        let dates = match (given(&self.start_date), given(&self.end_date)) {
            (None, None) => None,
            (Some(from), Some(to)) => Some(format!("{from}..{to}")),
            (Some(from), None) => Some(format!("since {from}")),
            (None, Some(_)) => {
                return Err(refused("'end_date' needs a 'start_date'", "give both, or a 'period'"));
            }
        };
        let days = self.days.map(|days| format!("last {days} days"));
        let mut phrases = [given(&self.period), dates, days].into_iter().flatten();
        let phrase = phrases.next();
        if phrases.next().is_some() {
            let message = "the period is given twice";
            return Err(refused(message, "give 'period', or dates, or 'days'"));
        }
        let period = analyst.period(phrase.as_deref().unwrap_or(default))?;
        let compared_with = match given(&self.compare_to) {
            Some(phrase) => Some(analyst.compared(&period, &phrase)?),
            None => None,
        };
        Ok(Asked { period, compared_with })
    }
}

fn refused(message: &str, hint: &str) -> Error {
    Error::new(ErrorCode::InvalidArgument, message).with_hint(hint)
}
