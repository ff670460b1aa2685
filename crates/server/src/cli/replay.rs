//! `retail-mcp replay`

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::Args;
use retail_domain::{StoreId, Visibility};
use retail_mcp_protocol::{AnswerReceipt, Replayed};
use serde_json::Value;

use super::print;
use super::stdio::LocalUser;
use crate::access::DatabaseAccess;
use crate::app::App;
use crate::config::{Config, Purpose};
use crate::lifecycle;
use crate::local::{self, LocalDatabase};

/// Ask the question of a receipt again, as the identity that asked it, and show what has changed.
///
/// The receipt is the text of `provenance.receipt` in an answer of an analytics tool. The call stands in the record of calls with the
/// subject `replay`. Exit code 0: the answer is the same; 3: it is not.
#[derive(Debug, Args)]
pub(super) struct Replay {
    /// The receipt
    receipt: String,
    /// Print the new answer, too
    #[arg(long)]
    answer: bool,
}

/// Of a command that found a difference.
const DRIFTED: u8 = 3;

impl Replay {
    pub(super) async fn run(self, config: &Config) -> anyhow::Result<ExitCode> {
        let data_dir = local::data_dir(config.data_dir.as_deref());
        if config.database.host.is_some() {
            config.validate(Purpose::Stdio)?;
            let access = DatabaseAccess::from_config(&config.database)?;
            return self.ask(App::new(config, access, &data_dir, None)?).await;
        }
        let local = LocalDatabase::attach_or_start(&data_dir).await?;
        let asked = match App::new(config, local.access.clone(), &data_dir, None) {
            Ok(app) => self.ask(app).await,
            Err(error) => Err(error),
        };
        local.stop_after(asked).await
    }

    async fn ask(self, app: App) -> anyhow::Result<ExitCode> {
        app.check_posture().await?;
        let receipt = app.mcp.open_receipt(&self.receipt)?;
        let visibility = match receipt.store() {
            None => Visibility::AllStores,
            Some(StoreId(id)) => {
                let store = app.stores.store_named(&id.to_string()).await?;
                Visibility::Store(store.ok_or_else(|| {
                    anyhow::anyhow!("the store of the receipt is not there any more")
                })?)
            }
        };
        let user = LocalUser::new("replay", visibility, receipt.with_costs());
        let principal = user.principal().await?;
        let replayed = app.mcp.replay(&principal, &receipt).await;
        let replayed =
            lifecycle::flush_audit(&app.audit, replayed.map_err(anyhow::Error::from)).await?;
        print(&report(&receipt, &replayed, principal.visibility().label()));
        if self.answer {
            print(&format!("{}\n", replayed.text));
        }
        Ok(if replayed.drift.is_same { ExitCode::SUCCESS } else { ExitCode::from(DRIFTED) })
    }
}

fn report(receipt: &AnswerReceipt, replayed: &Replayed, seen_by: &str) -> String {
    let mut text = String::new();
    let arguments = Value::Object(receipt.arguments().clone());
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{} {arguments}", receipt.tool());
    let _ = writeln!(text, "as {seen_by}; data as of {}", receipt.as_of().unwrap_or("?"));
    let now = replayed.structured.pointer("/provenance/as_of").and_then(Value::as_str);
    let now = now.unwrap_or("?");
    let _ = writeln!(text, "asked again: data as of {now}");
    if replayed.drift.is_same {
        let _ = writeln!(text, "the same in every figure");
        return text;
    }
    if replayed.drift.changed.is_empty() {
        let _ = writeln!(text, "the totals are the same, and something below them is not");
    }
    for (column, then, now) in &replayed.drift.changed {
        let _ = writeln!(text, "{column}: {then} then, {now} now");
    }
    text
}
