//! The limit: the same questions by pgbench, with nothing but a transaction and the identity's setting around them.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::database::{Database, Store};
use super::drive::Sample;
use super::scenario::{HEAD_OFFICE, Question, STORE_ID};
use crate::load::latencies::Latencies;

/// The scripts of a scenario, with their shares.
#[derive(Debug)]
pub(super) struct Limit {
    folder: PathBuf,
    scripts: Vec<(u32, PathBuf)>,
}

impl Limit {
    /// A limit that keeps its files in `folder`, which is made.
    pub(super) fn new(folder: PathBuf) -> Result<Self> {
        fs::create_dir(&folder).with_context(|| format!("creating {}", folder.display()))?;
        Ok(Self { folder, scripts: Vec::new() })
    }

    /// Adds a question with its share.
    pub(super) fn add(
        &mut self,
        share: u32,
        question: &Question,
        values: &[String],
        stores: &[Store],
    ) -> Result<()> {
        let path = self.folder.join(format!("{}.sql", self.scripts.len()));
        fs::write(&path, script(question, values, stores)?)?;
        self.scripts.push((share, path));
        Ok(())
    }

    /// Runs each script once, since a mistake in one should be known before anything is measured.
    pub(super) fn verify(&self, database: &Database) -> Result<()> {
        for (_, path) in &self.scripts {
            let once = database.program("pgbench").words("-n -M prepared -c 1 -t 1 -f").arg(path);
            database.lines(&once).context("limit")?;
        }
        Ok(())
    }

    /// Runs it; at a fixed rate, if one is given.
    pub(super) fn run(
        &self,
        database: &Database,
        connections: u32,
        rate: Option<f64>,
        time: Duration,
    ) -> Result<Sample> {
        let log = self.folder.join("log");
        let mut pgbench =
            database.program("pgbench").words("-n -M prepared -j 2 --random-seed=1 --log");
        pgbench = pgbench.arg(format!("--log-prefix={}", log.display()));
        pgbench = pgbench.args([
            "-c".to_owned(),
            connections.to_string(),
            "-T".to_owned(),
            time.as_secs().max(1).to_string(),
        ]);
        if let Some(rate) = rate {
            pgbench = pgbench.arg(format!("--rate={rate:.3}"));
        }
        for (share, path) in &self.scripts {
            pgbench = pgbench.arg("-f").arg(format!("{}@{share}", path.display()));
        }
        let output = database.lines(&pgbench)?;
        let times = read_logs(&self.folder)?;
        let Outcome { per_second, failures } = outcome(&output)?;
        let calls = times.len() as u64;
        // pgbench leaves the time for connecting out, and so does its throughput.
        let elapsed =
            Duration::from_secs_f64(super::drive::float(calls) / per_second.max(f64::MIN_POSITIVE));
        Ok(Sample {
            latencies: Latencies::new(times),
            calls,
            from_cache: 0,
            failures,
            failure: None,
            unsent: 0,
            elapsed,
        })
    }
}

/// What pgbench runs for one question.
fn script(question: &Question, values: &[String], stores: &[Store]) -> Result<String> {
    let callers: Vec<(String, String)> = question
        .callers
        .iter()
        .map(|caller| {
            let store = stores.iter().find(|store| store.key == *caller);
            match store {
                Some(store) => Ok((store.rls_user_id.clone(), store.id.to_string())),
                None if caller == HEAD_OFFICE => Ok((HEAD_OFFICE.to_owned(), "0".to_owned())),
                None => bail!("callers: there is no store {caller}"),
            }
        })
        .collect::<Result<_>>()?;
    let identities: Vec<String> = callers.iter().map(|(identity, _)| quoted(identity)).collect();
    let ids: Vec<String> = callers.iter().map(|(_, id)| id.clone()).collect();
    let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
    let mut script = String::new();
    for (name, choices) in [("caller", callers.len()), ("value", values.len())] {
        // Writing to a String cannot fail.
        let _ = writeln!(script, "\\set {name} random(1, {})", choices.max(1));
    }
    script.push_str("BEGIN READ ONLY;\n");
    let identity = one_of(&identities, "text", "caller");
    let _ = writeln!(script, "SELECT set_config('app.current_rls_user_id', {identity}, true);");
    for statement in &question.limit {
        // pgbench takes a semicolon at the end of a line for the statement's end.
        let line = statement.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut sql = line.replace(STORE_ID, &one_of(&ids, "int", "caller"));
        if let Some(vary) = &question.vary {
            sql = sql.replace(&format!("{{{}}}", vary.name), &one_of(&values, "text", "value"));
        }
        let _ = writeln!(script, "{};", sql.trim_end_matches(';'));
    }
    script.push_str("COMMIT;\n");
    Ok(script)
}

/// An expression for one of these: pgbench's variables are numbers, so they are the place in a list.
fn one_of(values: &[String], pg_type: &str, variable: &str) -> String {
    match values {
        [] => "NULL".to_owned(),
        [one] => one.clone(),
        _ => format!("('{{{}}}'::{pg_type}[])[:{variable}]", array(values)),
    }
}

/// The elements of an array in PostgreSQL's text form, inside a string.
fn array(literals: &[String]) -> String {
    let elements = literals.iter().map(|literal| {
        let plain = literal.trim_matches('\'');
        // Quotes are doubled already, for the string around the array.
        format!("\"{}\"", plain.replace('\\', "\\\\").replace('"', "\\\""))
    });
    elements.collect::<Vec<_>>().join(",")
}

fn quoted(text: &str) -> String {
    // A colon and a letter would be one of pgbench's variables.
    format!("'{}'", text.replace('\'', "''").replace(':', " "))
}

#[derive(Debug, PartialEq)]
struct Outcome {
    per_second: f64,
    failures: u64,
}

/// Reads pgbench's summary.
fn outcome(lines: &[String]) -> Result<Outcome> {
    let after = |start: &str| {
        let rest = lines.iter().find_map(|line| line.strip_prefix(start))?;
        rest.split_whitespace().next()
    };
    let per_second = after("tps = ").and_then(|number| number.parse().ok());
    let failures = after("number of failed transactions: ").and_then(|number| number.parse().ok());
    match (per_second, failures) {
        (Some(per_second), failures) => Ok(Outcome { per_second, failures: failures.unwrap_or(0) }),
        (None, _) => bail!("pgbench's answer is not understood:\n{}", lines.join("\n")),
    }
}

/// Reads the times of all transactions, and removes the logs.
fn read_logs(folder: &Path) -> Result<Vec<Duration>> {
    let mut times = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("log.")) {
            let text = fs::read_to_string(&path)?;
            for line in text.lines() {
                times.push(
                    log_time(line).with_context(|| format!("a line of pgbench's log: {line}"))?,
                );
            }
            fs::remove_file(&path)?;
        }
    }
    Ok(times)
}

/// The third column: microseconds from when the transaction was due.
fn log_time(line: &str) -> Option<Duration> {
    line.split(' ').nth(2)?.parse().ok().map(Duration::from_micros)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::run::scenario::{Call, Vary};

    fn question(callers: &[&str]) -> Question {
        Question {
            call: Call { tool: "t".to_owned(), arguments: serde_json::Map::new() },
            callers: callers.iter().map(|caller| (*caller).to_owned()).collect(),
            vary: Some(Vary { name: "sku".to_owned(), values: Vec::new(), sql: None }),
            limit: vec!["SELECT {sku}\n  WHERE store_id = {store_id};".to_owned()],
            shown_by: None,
            peer: std::collections::BTreeMap::new(),
            needs_embeddings: false,
        }
    }

    fn stores() -> Vec<Store> {
        let store =
            |id, key: &str| Store { id, key: key.to_owned(), rls_user_id: format!("u{id}") };
        vec![store(1, "seattle"), store(2, "tacoma")]
    }

    #[test]
    fn a_script_chooses_among_values_and_callers() {
        let values = ["a'b".to_owned(), "c\"d: e".to_owned()];
        let script = script(&question(&["tacoma", "seattle"]), &values, &stores()).unwrap();
        let expected = "\\set caller random(1, 2)\n\\set value random(1, 2)\nBEGIN READ ONLY;\n\
            SELECT set_config('app.current_rls_user_id', ('{\"u2\",\"u1\"}'::text[])[:caller], true);\n\
            SELECT ('{\"a''b\",\"c\\\"d  e\"}'::text[])[:value] WHERE store_id = ('{\"2\",\"1\"}'::int[])[:caller];\n\
            COMMIT;\n";
        assert_eq!(script, expected);
    }

    #[test]
    fn one_choice_is_a_literal_and_a_wrong_caller_is_an_error() {
        let one = script(&question(&["tacoma"]), &["x".to_owned()], &stores()).unwrap();
        assert!(one.contains("SELECT 'x' WHERE store_id = 2;\n"), "{one}");
        assert!(script(&question(&["head-office"]), &[], &stores()).is_ok());
        assert!(script(&question(&["nowhere"]), &[], &stores()).is_err());
    }

    #[test]
    fn the_summary_and_the_log_are_read() {
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let text = "pgbench (18.4)\nnumber of failed transactions: 3 (0.1%)\n\
                    tps = 4321.5 (without initial connection time)";
        assert_eq!(outcome(&lines(text)).unwrap(), Outcome { per_second: 4321.5, failures: 3 });
        assert!(outcome(&lines("pgbench: error")).is_err());
        assert_eq!(
            log_time("0 199 2241 0 1175850568 995598 1020"),
            Some(Duration::from_micros(2241))
        );
        assert_eq!(log_time("0 199"), None);
    }
}
