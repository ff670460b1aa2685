//! What became of each fault, for people.

use std::fmt::Write as _;
use std::time::Duration;

use crate::callers::Seen;

/// What was seen around one fault.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) fault: &'static str,
    pub(crate) lasted: Duration,
    pub(crate) seen: Seen,
    /// From the fault's end until nothing was amiss any more; none where that did not come.
    pub(crate) normal_after: Option<Duration>,
}

impl Row {
    /// Whether something came of it that may not.
    pub(crate) fn is_bad(&self) -> bool {
        // Without calls, or without kept answers, nothing was tried.
        !self.seen.wrong.is_empty() || self.normal_after.is_none() || self.seen.from_cache == 0
    }

    fn cells(&self) -> [String; 8] {
        let seen = &self.seen;
        let seconds = |time: Duration| format!("{:.1}", time.as_secs_f64());
        let listed = seen.failed.iter().map(|(why, count)| format!("{count} {why}"));
        let wrong: u64 = seen.wrong.values().sum();
        let kinds = seen.wrong.iter().map(|(wrong, count)| format!("{count} {wrong:?}"));
        let kinds = kinds.collect::<Vec<_>>().join(", ");
        [
            self.fault.to_owned(),
            seconds(self.lasted),
            seen.calls.to_string(),
            seen.from_cache.to_string(),
            if wrong == 0 { "0".to_owned() } else { format!("{wrong} ({kinds})") },
            format!("{:.0}", seen.slowest.as_secs_f64() * 1e3),
            self.normal_after.map_or_else(|| "never".to_owned(), seconds),
            if seen.errors() == 0 { "0".to_owned() } else { listed.collect::<Vec<_>>().join(", ") },
        ]
    }
}

/// The table, in Markdown.
pub(crate) fn table(rows: &[Row]) -> String {
    let heads = [
        "fault",
        "for, s",
        "calls",
        "from the cache",
        "wrong",
        "slowest, ms",
        "normal after, s",
        "errors",
    ];
    let lines: Vec<[String; 8]> =
        [heads.map(ToOwned::to_owned)].into_iter().chain(rows.iter().map(Row::cells)).collect();
    let mut widths = [0; 8];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut text = String::new();
    for (number, line) in lines.iter().enumerate() {
        for (cell, width) in line.iter().zip(widths) {
            let _ = write!(text, "| {cell:width$} ");
        }
        text.push_str("|\n");
        if number == 0 {
            for width in widths {
                let _ = write!(text, "|{}", "-".repeat(width + 2));
            }
            text.push_str("|\n");
        }
    }
    text
}
