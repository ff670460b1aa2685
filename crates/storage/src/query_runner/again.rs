//! A statement that ran before: it is executed as prepared, in one round trip.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use futures_util::{StreamExt, pin_mut};
use retail_domain::{JsonRows, QueryLimits, Truncation};
use tokio_postgres::{SimpleQueryMessage, SimpleQueryRow, SimpleQueryStream};
use tracing::debug;

use super::failure::Failure;
use crate::capped::Sent;
use crate::prepared::Preparation;
use crate::statements::Learned;
use crate::tenant::{DATABASE_TIME, READ_BACK, TenantTransaction};
use crate::values::RowsWriter;

/// How long we believe our idea of the database's clock. Clocks drift by milliseconds in this time.
const BELIEVE_CLOCK: Duration = Duration::from_secs(30);

/// What a known statement gave. The transaction is over in the database.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) rows: JsonRows,
    pub(super) truncation: Option<Truncation>,
    /// The settings of the identity, as they were after the statement.
    pub(super) read_back: Vec<Option<String>>,
}

/// Begins the transaction, executes the statement, reads the identity back and rolls back: one message, since
/// PostgreSQL answers each with a write of its own. Where this connection has not prepared the statement yet, that goes
/// before it, without waiting.
///
/// The caller's text stands in PREPARE alone, which is sent by the extended protocol: PostgreSQL takes no second statement
/// there.
///
/// Gives none where the statement cannot be executed as prepared any more. The transaction has failed then; as if it
/// were new, the statement may run, or fail with an error that says more.
pub(super) async fn run(
    transaction: &mut TenantTransaction,
    learned: &Learned,
    limits: &QueryLimits,
) -> Result<Option<Answered>, Failure> {
    let preparation = transaction
        .prepared()
        .map_or(Preparation::Needed { forget: None }, |prepared| prepared.uses(learned.id));
    // The signature is made by what we know of the database's clock, and so is the time of the answer.
    let asks_time = transaction.place().clock_age() > BELIEVE_CLOCK;
    let mut message = transaction.begin_and_sign(limits.statement_timeout);
    if asks_time {
        message.push_str("; ");
        message.push_str(DATABASE_TIME);
    }
    // Writing to a String cannot fail.
    let _ = write!(message, "; EXECUTE {}; {READ_BACK}", learned.id);
    transaction.assume_started_now().map_err(Failure::Ours)?;
    let asked_at = Instant::now();
    let (forget, prepare) = match preparation {
        Preparation::Ready => (None, None),
        Preparation::Needed { forget } => (
            forget.map(|id| format!("DEALLOCATE {id}")),
            Some(format!("PREPARE {} AS {}", learned.id, learned.capped)),
        ),
    };
    let client = transaction.client();
    // Each is sent when it is polled first, so in this order.
    let (forgotten, prepared, answer) = tokio::join!(
        biased;
        async {
            match &forget {
                Some(forget) => client.batch_execute(forget).await,
                None => Ok(()),
            }
        },
        async {
            match &prepare {
                Some(prepare) => client.query_typed(prepare, &[]).await.map(drop),
                None => Ok(()),
            }
        },
        async {
            let messages = client.simple_query_raw(&message).await?;
            Answer::new(learned, limits).read(messages, asks_time).await
        },
    );
    if let Err(error) = forgotten.and(prepared) {
        debug!(error = %error, "a statement that ran before cannot be prepared");
        if let Some(prepared) = transaction.prepared() {
            prepared.remove(learned.id);
        }
        return Ok(None);
    }
    let answer = match answer {
        Err(error) if may_be_outdated(&error) => return Ok(None),
        answer => answer.map_err(Failure::Capped)?,
    };
    if let Some(micros) = answer.micros {
        transaction.began(micros, asked_at).map_err(Failure::Ours)?;
    }
    Ok(Some(Answered {
        rows: answer.rows.finish().map_err(Failure::Ours)?,
        truncation: answer.truncation,
        read_back: answer.read_back,
    }))
}

/// Tables, columns and rights may have changed since the statement was parsed, and the clock since it was read
/// (SQLSTATE classes 42, 26 and 0A).
fn may_be_outdated(error: &tokio_postgres::Error) -> bool {
    error.code().is_some_and(|state| ["42", "26", "0A"].contains(&&state.code()[..2]))
}

/// What arrives, one result after the other.
struct Answer<'a> {
    rows: RowsWriter,
    first_value: usize,
    sent: Sent<'a>,
    truncation: Option<Truncation>,
    read_back: Vec<Option<String>>,
    /// When the transaction began, if that was asked.
    micros: Option<i64>,
}

/// Which result a row is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Before,
    Time,
    Rows,
    ReadBack,
}

impl<'a> Answer<'a> {
    fn new(learned: &Learned, limits: &'a QueryLimits) -> Self {
        Self {
            rows: RowsWriter::new(&learned.columns),
            first_value: learned.cap.first_value(),
            sent: Sent::new(learned.cap, limits),
            truncation: None,
            read_back: Vec::with_capacity(2),
            micros: None,
        }
    }

    async fn read(
        mut self,
        messages: SimpleQueryStream,
        asks_time: bool,
    ) -> Result<Self, tokio_postgres::Error> {
        pin_mut!(messages);
        let mut part = Part::Before;
        while let Some(message) = messages.next().await {
            match message? {
                SimpleQueryMessage::RowDescription(_) => {
                    part = match part {
                        Part::Before if asks_time => Part::Time,
                        Part::Before | Part::Time => Part::Rows,
                        Part::Rows | Part::ReadBack => Part::ReadBack,
                    };
                }
                SimpleQueryMessage::Row(row) => self.take(part, &row)?,
                _ => {}
            }
        }
        Ok(self)
    }

    fn take(&mut self, part: Part, row: &SimpleQueryRow) -> Result<(), tokio_postgres::Error> {
        match part {
            Part::Time => self.micros = row.try_get(0)?.and_then(|text| text.parse().ok()),
            // After the cut the rest is read and thrown away; LIMIT bounds it.
            Part::Rows if self.truncation.is_none() => {
                self.truncation =
                    self.sent.cut(self.rows.count(), row.len(), |i| row.try_get(i))?;
                if self.truncation.is_none() {
                    let first = self.first_value;
                    self.rows.row(|i| row.try_get(first + i))?;
                }
            }
            Part::Before | Part::Rows => {}
            Part::ReadBack => self.read_back.push(row.try_get(0)?.map(ToOwned::to_owned)),
        }
        Ok(())
    }
}
