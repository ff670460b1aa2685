//! What `doctor` prints.

use std::fmt::Write as _;

use retail_storage::{Finding, FindingState, Posture};
use serde::Serialize;

/// How something is, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    /// As it must be.
    Pass,
    /// A server serves, and an operator should know.
    Warn,
    /// A server does not serve, or answers no call.
    Fail,
}

impl Verdict {
    fn of(finding: &Finding) -> Self {
        match (finding.state, finding.mandatory) {
            (FindingState::Good, _) => Self::Pass,
            (_, false) => Self::Warn,
            (_, true) => Self::Fail,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// The document of `--json`.
#[derive(Debug, Serialize)]
struct Document<'a> {
    /// The version of the program.
    version: &'static str,
    /// The worst of all.
    verdict: Verdict,
    findings: Vec<Entry<'a>>,
}

#[derive(Debug, Serialize)]
struct Entry<'a> {
    verdict: Verdict,
    #[serde(flatten)]
    finding: &'a Finding,
}

/// For programs.
pub(super) fn json(posture: &Posture) -> serde_json::Result<String> {
    let findings: Vec<_> = posture
        .findings
        .iter()
        .map(|finding| Entry { verdict: Verdict::of(finding), finding })
        .collect();
    let verdict = findings.iter().map(|entry| entry.verdict).max().unwrap_or(Verdict::Pass);
    let document = Document { version: env!("CARGO_PKG_VERSION"), verdict, findings };
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

/// For people: a line a finding, what mends it below, and the verdict.
pub(super) fn table(posture: &Posture) -> Result<String, std::fmt::Error> {
    let width = posture.findings.iter().map(|finding| finding.check.len()).max().unwrap_or(0);
    let mut text = String::new();
    for finding in &posture.findings {
        let parts = [finding.subject.as_str(), finding.detail.as_str()];
        let about = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>();
        let verdict = Verdict::of(finding).word();
        let line = format!("{verdict}  {:width$}  {}", finding.check, about.join(": "));
        writeln!(text, "{}", line.trim_end())?;
        if let Some(sql) = &finding.fix_sql {
            writeln!(text, "      {:width$}  mend: {sql}", "")?;
        }
    }
    let (faults, remarks) = (posture.faults().count(), posture.remarks().count());
    if faults == 0 {
        writeln!(text, "\nfit to be served from; {remarks} warnings")?;
    } else {
        writeln!(
            text,
            "\nnot fit to be served from: {faults} faults; a server refuses to start, or answers no call"
        )?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn posture() -> Posture {
        let good = Finding::new("views", "", None, true);
        let grants = |mandatory| {
            let problem = Some("it has INSERT".to_owned());
            Finding::new("grants", "retail.orders for retail_query", problem, mandatory)
        };
        let (mut unfit, advice) = (grants(true), grants(false));
        unfit.fix_sql = Some("REVOKE ALL".to_owned());
        Posture::new(vec![good, unfit, advice])
    }

    #[test]
    fn the_table_names_the_fault_and_what_mends_it() {
        assert_eq!(
            table(&posture()).unwrap(),
            "pass  views\n\
             fail  grants  retail.orders for retail_query: it has INSERT\n\
             \x20             mend: REVOKE ALL\n\
             warn  grants  retail.orders for retail_query: it has INSERT\n\
             \nnot fit to be served from: 1 faults; a server refuses to start, or answers no call\n"
        );
    }

    /// Programs read these names.
    #[test]
    fn the_document_keeps_its_names() {
        let document: serde_json::Value = serde_json::from_str(&json(&posture()).unwrap()).unwrap();
        assert_eq!(document["verdict"], "fail");
        let names = |value: &serde_json::Value| -> Vec<String> {
            value.as_object().unwrap().keys().cloned().collect()
        };
        assert_eq!(names(&document), ["version", "verdict", "findings"]);
        let entry = &document["findings"][2];
        assert_eq!(
            names(entry),
            ["verdict", "check", "subject", "state", "detail", "fix_sql", "mandatory"]
        );
        assert_eq!(entry["verdict"], "warn");
    }
}
