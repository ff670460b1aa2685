//! What processes cost: processor time and memory, as Linux counts them.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

/// The unit of times in `/proc`: `USER_HZ`, which is 100 on every architecture that Rust's standard library
/// supports Linux on.
const TICK: Duration = Duration::from_millis(10);

/// Processor time of one process so far.
pub(super) fn own_time(process: u32) -> Result<Duration> {
    Ok(stat(process)?.own)
}

/// Processor time of a process, of its children, and of those of them that have ended.
pub(super) fn family_time(parent: u32) -> Result<Duration> {
    let own = stat(parent)?;
    let mut all = own.own + own.ended_children;
    for entry in fs::read_dir("/proc").context("listing /proc")?.flatten() {
        let Some(process) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // One that ends while it is looked at is counted by its parent.
        if let Ok(child) = stat(process)
            && child.parent == parent
        {
            all += child.own;
        }
    }
    Ok(all)
}

/// A line of `/proc/PID/status` such as `VmRSS` or `VmHWM`, in KiB.
pub(super) fn memory_kib(process: u32, line: &str) -> Result<u64> {
    let path = format!("/proc/{process}/status");
    let status = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
    memory_line(&status, line).with_context(|| format!("{path} has no {line}"))
}

fn memory_line(status: &str, line: &str) -> Option<u64> {
    let value = status.lines().find_map(|one| one.strip_prefix(line)?.strip_prefix(':'))?;
    value.split_whitespace().next()?.parse().ok()
}

#[derive(Debug, PartialEq)]
struct Stat {
    parent: u32,
    own: Duration,
    ended_children: Duration,
}

fn stat(process: u32) -> Result<Stat> {
    let path = format!("/proc/{process}/stat");
    let text = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
    parse_stat(&text).with_context(|| format!("{path} is not understood"))
}

fn parse_stat(text: &str) -> Option<Stat> {
    // The name before it may have blanks and brackets.
    let (_, fields) = text.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks = |first: usize| -> Option<Duration> {
        let user: u32 = fields.get(first)?.parse().ok()?;
        let system: u32 = fields.get(first + 1)?.parse().ok()?;
        Some(TICK * (user + system))
    };
    // Fields 4, 14 and 16 of proc(5); these begin with the third.
    Some(Stat { parent: fields.get(1)?.parse().ok()?, own: ticks(11)?, ended_children: ticks(13)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_a_process_with_an_odd_name() {
        let text = "12 (a b) c) S 7 12 1 0 -1 4 39 47 0 2 3 4 99 24 20 0 1 0 61 17 50";
        let stat = parse_stat(text).unwrap();
        let expected = Stat {
            parent: 7,
            own: Duration::from_millis(70),
            ended_children: Duration::from_millis(1230),
        };
        assert_eq!(stat, expected);
        assert_eq!(parse_stat("12 (a) S 7"), None);
    }

    #[test]
    fn this_process_has_used_memory() {
        let own = std::process::id();
        let peak = memory_kib(own, "VmHWM").unwrap();
        assert!(peak >= memory_kib(own, "VmRSS").unwrap() / 2 && peak > 100);
        assert!(own_time(own).unwrap() <= family_time(own).unwrap());
        assert_eq!(memory_line("VmRSSx: 1\nVmRSS:\t  12 kB\n", "VmRSS"), Some(12));
    }
}
