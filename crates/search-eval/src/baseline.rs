//! What hybrid search reached when it was last accepted.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// The largest loss of nDCG@10 that is let through: less is chance and rounding.
pub const TOLERANCE: f64 = 0.02;

/// The largest loss of silence that is let through: one query of the thirty.
pub const SILENT_TOLERANCE: f64 = 0.04;

/// The accepted measure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// nDCG@10 of hybrid search over all queries that have an answer.
    pub hybrid_ndcg_at_10: f64,
    /// The part of the queries without an answer that hybrid search answers with nothing.
    pub hybrid_silent: f64,
}

/// What a new measure is beside the accepted one.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// It is as good, or better.
    Good(String),
    /// It dropped by more than the tolerance.
    Dropped(String),
}

impl Baseline {
    /// The file in this crate's folder.
    pub fn path() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("baseline.toml")
    }

    /// Reads the accepted measure.
    ///
    /// # Errors
    /// When the file is not there or is not a baseline.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("reading {}; --accept writes it", path.display()))?;
        toml::from_str(&text).with_context(|| format!("reading {}", path.display()))
    }

    /// Writes this as the accepted measure.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        // Three decimals, so that the file changes only with what the table shows.
        let rounded = |value: f64| (value * 1000.0).round() / 1000.0;
        let text = toml::to_string(&Self {
            hybrid_ndcg_at_10: rounded(self.hybrid_ndcg_at_10),
            hybrid_silent: rounded(self.hybrid_silent),
        })?;
        let text =
            format!("# Written by `cargo xtask search-eval --accept`; CI fails below it.\n{text}");
        std::fs::write(path, text).with_context(|| format!("writing {}", path.display()))
    }

    /// Compares a new measure with this one.
    pub fn judge(&self, new: &Self) -> Verdict {
        let ndcg = new.hybrid_ndcg_at_10 - self.hybrid_ndcg_at_10;
        let silent = new.hybrid_silent - self.hybrid_silent;
        let words = format!(
            "nDCG@10 of hybrid search is {:.3}, {ndcg:+.3} against the accepted {:.3} (at most {TOLERANCE} may \
             be lost); {:.3} of the queries without an answer get none, {silent:+.3} against {:.3} (at most \
             {SILENT_TOLERANCE})",
            new.hybrid_ndcg_at_10, self.hybrid_ndcg_at_10, new.hybrid_silent, self.hybrid_silent,
        );
        // Written so that NaN is a drop.
        if ndcg >= -TOLERANCE && silent >= -SILENT_TOLERANCE {
            Verdict::Good(words)
        } else {
            Verdict::Dropped(words)
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(0.85, 0.6, true)]
    #[case(0.781, 0.47, true)]
    #[case(0.779, 0.5, false)]
    #[case(0.8, 0.45, false)]
    #[case(f64::NAN, 0.5, false)]
    fn a_drop_of_more_than_the_tolerance_fails(
        #[case] ndcg: f64,
        #[case] silent: f64,
        #[case] good: bool,
    ) {
        let baseline = Baseline { hybrid_ndcg_at_10: 0.8, hybrid_silent: 0.5 };
        let new = Baseline { hybrid_ndcg_at_10: ndcg, hybrid_silent: silent };
        assert_eq!(matches!(baseline.judge(&new), Verdict::Good(_)), good);
    }

    #[test]
    fn it_is_read_as_it_was_written() {
        let path = std::env::temp_dir().join(format!("baseline-{}.toml", std::process::id()));
        let baseline = Baseline { hybrid_ndcg_at_10: 0.8125, hybrid_silent: 0.5 };
        baseline.write(&path).unwrap();
        let read = Baseline::read(&path).unwrap();
        let _ = std::fs::remove_file(&path);
        assert!((read.hybrid_ndcg_at_10 - 0.813).abs() < 1e-9);
    }
}
