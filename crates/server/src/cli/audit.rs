//! `retail-mcp audit`

use std::fmt::Write;
use std::process::ExitCode;

use chrono::SecondsFormat;
use clap::{Args, Subcommand};
use retail_storage::{Admin, AuditAnchor, AuditRecord};

use super::grants::with_admin;
use super::print;
use crate::config::Config;

/// The record of calls.
#[derive(Debug, Args)]
pub(super) struct Audit {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Look for an entry that was altered, removed, added or moved: exit code 0 if there is none
    Verify {
        /// An entry as the server's log told it in a line `audit chain head`; without one, a chain that a
        /// superuser made anew looks good
        #[arg(long, value_name = "SEQ:HASH")]
        anchor: Option<AuditAnchor>,
    },
    /// Show the last entries
    List {
        /// How many
        #[arg(long, value_name = "N", default_value_t = 20)]
        last: u32,
        /// Print JSON, one entry a line
        #[arg(long)]
        json: bool,
    },
}

impl Audit {
    pub(super) async fn run(self, config: &Config) -> anyhow::Result<ExitCode> {
        with_admin(config, async |admin| match self.command {
            Command::Verify { anchor } => verify(admin, anchor).await,
            Command::List { last, json } => {
                let entries = admin.audit_entries(last).await?;
                print(&if json { lines(&entries)? } else { table(&entries)? });
                Ok(ExitCode::SUCCESS)
            }
        })
        .await
    }
}

async fn verify(admin: &mut Admin, anchor: Option<AuditAnchor>) -> anyhow::Result<ExitCode> {
    let report = admin.verify_audit(anchor).await?;
    let (entries, start, end) = (report.entries, report.start.seq, report.end);
    let after =
        if start > 0 { format!(" after entry {start}, which was archived") } else { String::new() };
    Ok(match report.first_break {
        None => {
            print(&format!("good: {entries} entries{after}\nanchor: {end}\n"));
            ExitCode::SUCCESS
        }
        Some(found) => {
            print(&format!("not good: {found}\n{entries} entries{after} before it are good\n"));
            ExitCode::FAILURE
        }
    })
}

fn lines(entries: &[AuditRecord]) -> anyhow::Result<String> {
    let mut text = String::new();
    for entry in entries {
        writeln!(text, "{}", serde_json::to_string(entry)?)?;
    }
    Ok(text)
}

fn table(entries: &[AuditRecord]) -> anyhow::Result<String> {
    let mut text = String::new();
    for entry in entries {
        let store = entry.store_id.map_or_else(|| "all".to_owned(), |id| id.to_string());
        let rows = entry.row_count.map_or_else(|| "-".to_owned(), |rows| rows.to_string());
        let (whole_ms, micros) = (entry.duration_us / 1000, entry.duration_us % 1000);
        writeln!(
            text,
            "{}  {}  {}  store {store}  {}  {}  rows {rows}  {whole_ms}.{micros:03} ms  {}",
            entry.seq,
            entry.called_at.to_rfc3339_opts(SecondsFormat::Millis, true),
            // From a token: it must not write to the terminal as it likes.
            entry.subject.escape_debug(),
            entry.tool,
            entry.outcome,
            entry.fingerprint.as_deref().unwrap_or("-"),
        )?;
    }
    if text.is_empty() {
        text.push_str("no entries\n");
    }
    Ok(text)
}
