//! `cargo xtask golden`: what managers ask, and whether each figure of each answer is the one that the raw rows give.
//!
//! The server runs on sample data of its own. `golden/` has the questions, and computes every figure anew from the raw rows.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::json;

use crate::command::{self, CommandLine};
use crate::conformance::server::{Server, free_address, write_secret};
use crate::conformance::tools::Python;
use crate::console;
use crate::workspace::Workspace;

/// The smallest store still sells something in most weeks.
const SCALE: &str = "0.1x";
/// The most that the questions take.
const LIMIT: Duration = Duration::from_mins(5);
/// The questions need no model: products are asked for by name.
const VARIABLES: [(&str, &str); 2] =
    [("RETAIL_MCP__EMBEDDINGS__PROVIDER", "none"), ("RETAIL_MCP__LOG__LEVEL", "warn")];
/// Who asks, and with which token.
const ASKERS: [(&str, &[&str]); 4] = [
    ("seattle", &["--store", "seattle"]),
    ("spokane", &["--store", "spokane"]),
    ("online", &["--store", "online"]),
    ("head-office", &["--all-stores", "--with-costs"]),
];
/// The raw rows: the tables, and the columns that figures are computed from. No rollup is among them.
const TABLES: [(&str, &str); 8] = [
    ("stores", "store_id, store_name"),
    ("customers", "customer_id, first_name, last_name"),
    ("categories", "category_id, category_name"),
    ("product_types", "type_id, type_name"),
    ("products", "product_id, sku, product_name, category_id, type_id, cost, base_price"),
    ("inventory", "store_id, product_id, stock_level"),
    ("orders", "order_id, customer_id, store_id, order_date"),
    (
        "order_items",
        "order_item_id, order_id, store_id, product_id, quantity, unit_price, discount_amount, total_amount",
    ),
];

/// `connection.json` of an embedded PostgreSQL.
#[derive(Debug, Deserialize)]
struct Connection {
    port: u16,
    superuser: String,
    socket_dir: PathBuf,
}

/// Asks all questions, prints the table, and fails when a figure differs by a cent.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let python = Python::provide(workspace, "golden", "golden/requirements.txt")?;
    let binary = workspace.build("retail-mcp", &[])?;
    let server = Server::start_scaled(&binary, &free_address()?, SCALE, &VARIABLES)?;
    // Beside the data: removed with them.
    let folder = server.data_dir().with_file_name("golden");
    export(&server, &folder)?;
    let mut tokens = serde_json::Map::new();
    for (asker, who) in ASKERS {
        tokens.insert(asker.to_owned(), json!(server.token(who)?));
    }
    let settings = folder.join("settings.json");
    let text = json!({
        "url": format!("http://{}/mcp", server.address()),
        "tokens": tokens,
        "rows": folder,
    });
    write_secret(&settings, &text.to_string())?;
    let script = workspace.root().join("golden/ask.py");
    let ask = python.run().env("PYTHONDONTWRITEBYTECODE", "1").arg(script).arg(&settings);
    let mut child = ask.spawn(Stdio::inherit(), Stdio::inherit())?;
    let status = command::wait(&mut child, Some(LIMIT))?;
    if !status.success() {
        bail!("an answer is not what the raw rows give ({status})");
    }
    Ok(())
}

/// Writes the raw rows as CSV, read as the superuser: whom row level security does not confine.
fn export(server: &Server, folder: &Path) -> Result<()> {
    fs::create_dir(folder).with_context(|| format!("creating {}", folder.display()))?;
    let postgres = server.data_dir().join("postgres");
    let read = |path: &str| {
        let path = postgres.join(path);
        fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))
    };
    let connection: Connection = serde_json::from_str(&read("connection.json")?)?;
    let password = read("secrets/superuser-password")?.trim().to_owned();
    // psql of the very version that runs.
    let process = format!("/proc/{}/exe", server.database_process()?);
    let program = fs::read_link(process).context("finding PostgreSQL")?.with_file_name("psql");
    let mut psql = CommandLine::new(program)
        .words("-X -q -v ON_ERROR_STOP=1")
        .env("PGHOST", connection.socket_dir.to_string_lossy())
        .env("PGPORT", connection.port.to_string())
        .env("PGUSER", connection.superuser)
        .env("PGDATABASE", "zava")
        .env("PGPASSWORD", &password)
        .in_dir(folder);
    for (table, columns) in TABLES {
        psql = psql.arg("-c").arg(copy(table, columns));
    }
    if let Err(error) = psql.output() {
        bail!("{}", format!("{error:#}").replace(&password, "***"));
    }
    console::line(&format!("raw rows of {} tables exported", TABLES.len()));
    Ok(())
}

/// Writes a table to a file of its name.
fn copy(table: &str, columns: &str) -> String {
    format!(
        r"\copy (SELECT {columns} FROM retail.{table} ORDER BY 1, 2) TO '{table}.csv' CSV HEADER"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_raw() {
        assert!(TABLES.iter().all(|(table, _)| !table.starts_with("sales_by")));
        assert_eq!(
            copy("stores", "store_id, store_name"),
            r"\copy (SELECT store_id, store_name FROM retail.stores ORDER BY 1, 2) TO 'stores.csv' CSV HEADER"
        );
    }
}
