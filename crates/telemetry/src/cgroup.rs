//! What the control groups of the process allow, as Linux tells it (cgroup v2).

use std::fs;
use std::path::Path;

/// Where the hierarchy is, and the process's place in it is told.
const ROOT: &str = "/sys/fs/cgroup";
const OWN: &str = "/proc/self/cgroup";

/// Limits of the group and of all groups above it. None: there is none, or it is not known.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Limits {
    /// Processors at once; half of one is 0.5.
    pub(crate) cpus: Option<f64>,
    pub(crate) memory_bytes: Option<u64>,
}

impl Limits {
    /// Those of this process.
    pub(crate) fn own() -> Self {
        let own = fs::read_to_string(OWN).unwrap_or_default();
        Self::of(Path::new(ROOT), &own)
    }

    fn of(root: &Path, own: &str) -> Self {
        let Some(group) = own.lines().find_map(|line| line.strip_prefix("0::/")) else {
            return Self::default();
        };
        let mut limits = Self::default();
        let mut path = root.join(group);
        // In a container the place is the host's, and the hierarchy begins at the container's own group.
        if !path.is_dir() {
            root.clone_into(&mut path);
        }
        loop {
            limits.cpus = least(limits.cpus, cpus(&path));
            limits.memory_bytes = least(limits.memory_bytes, number(&path.join("memory.max")));
            if path == root || !path.pop() {
                return limits;
            }
        }
    }
}

fn least<T: PartialOrd>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(if other < one { other } else { one }),
        (one, other) => one.or(other),
    }
}

/// `max` is no number.
fn number(file: &Path) -> Option<u64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

/// The quota and the period, in microseconds.
fn cpus(group: &Path) -> Option<f64> {
    let text = fs::read_to_string(group.join("cpu.max")).ok()?;
    let (quota, period) = text.trim().split_once(' ')?;
    let (quota, period): (f64, f64) = (quota.parse().ok()?, period.parse().ok()?);
    (period > 0.0).then_some(quota / period)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(root: &Path, path: &str, cpu: &str, memory: &str) {
        let folder = root.join(path);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("cpu.max"), format!("{cpu}\n")).unwrap();
        fs::write(folder.join("memory.max"), format!("{memory}\n")).unwrap();
    }

    #[test]
    fn the_narrowest_group_counts() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        group(root, "a", "150000 100000", "max");
        group(root, "a/b", "50000 100000", "268435456");
        group(root, "a/c", "max 100000", "max");
        let of = |own: &str| Limits::of(root, own);
        let narrow = Limits { cpus: Some(0.5), memory_bytes: Some(256 << 20) };
        assert_eq!(of("0::/a/b\n"), narrow);
        assert_eq!(of("0::/a/c\n"), Limits { cpus: Some(1.5), memory_bytes: None });
        assert_eq!(of("1:name=x:/a\n0::/\n"), Limits::default());
        // cgroup v1 alone.
        assert_eq!(of("3:memory:/a/b\n"), Limits::default());
        // As inside a container: the group itself is the root.
        group(root, "", "25000 100000", "1048576");
        let inside = Limits { cpus: Some(0.25), memory_bytes: Some(1 << 20) };
        assert_eq!(of("0::/kubepods/pod1/x\n"), inside);
    }
}
