//! What the process takes of its machine.

use std::fmt;
use std::time::Duration;

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

use crate::cgroup::Limits;

/// What the process has taken, and may take.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub struct ProcessSample {
    /// Processor time since its start.
    pub cpu_time: Duration,
    /// Processors that it may use at once.
    pub cpu_limit: f64,
    /// Resident memory, in bytes.
    pub memory_bytes: u64,
    /// Memory that it may use, in bytes.
    pub memory_limit_bytes: u64,
}

/// Looks at the process. It reads a few files of `/proc`, which takes microseconds and never waits for a disk.
pub(crate) struct ProcessProbe {
    /// None on systems that it does not know.
    system: Option<System>,
    pid: Option<Pid>,
    cpu_limit: f64,
    memory_limit_bytes: u64,
}

impl fmt::Debug for ProcessProbe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessProbe").field("pid", &self.pid).finish_non_exhaustive()
    }
}

impl ProcessProbe {
    pub(crate) fn new() -> Self {
        let mut system = System::new().ok();
        let memory_limit_bytes = system.as_mut().map(memory_limit).unwrap_or_default();
        let limits = Limits::own();
        let memory_limit_bytes =
            limits.memory_bytes.map_or(memory_limit_bytes, |limit| limit.min(memory_limit_bytes));
        // A quota is in it too, but as whole processors, and one at least.
        #[expect(clippy::cast_precision_loss, reason = "a number of processors")]
        let there_are = || std::thread::available_parallelism().map_or(1.0, |n| n.get() as f64);
        let cpu_limit = limits.cpus.unwrap_or_else(there_are);
        Self { system, pid: sysinfo::get_current_pid().ok(), cpu_limit, memory_limit_bytes }
    }

    pub(crate) fn sample(&mut self) -> ProcessSample {
        let mut sample = ProcessSample {
            cpu_limit: self.cpu_limit,
            memory_limit_bytes: self.memory_limit_bytes,
            ..ProcessSample::default()
        };
        if let (Some(system), Some(pid)) = (&mut self.system, self.pid) {
            let what = ProcessRefreshKind::nothing().with_cpu().with_memory().without_tasks();
            system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), false, what);
            if let Some(process) = system.process(pid) {
                sample.cpu_time = Duration::from_millis(process.accumulated_cpu_time());
                sample.memory_bytes = process.memory();
            }
        }
        sample
    }
}

/// The name of this machine or container. Empty where it has none.
pub(crate) fn host_name() -> String {
    System::host_name().unwrap_or_default()
}

/// What the cgroup allows, or else all that there is.
fn memory_limit(system: &mut System) -> u64 {
    system.refresh_memory();
    let machine_bytes = system.total_memory();
    system.cgroup_limits().map_or(machine_bytes, |limits| limits.total_memory.min(machine_bytes))
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;
    use std::time::Instant;

    use super::*;

    #[test]
    fn work_and_memory_show() {
        let mut probe = ProcessProbe::new();
        let before = probe.sample();
        assert!(before.cpu_limit >= 1.0);
        assert!(before.memory_bytes > 100_000, "{before:?}");
        assert!(before.memory_limit_bytes > before.memory_bytes, "{before:?}");
        let memory = black_box(vec![1_u8; 64 << 20]);
        let started = Instant::now();
        let mut after = probe.sample();
        while after.cpu_time < before.cpu_time + Duration::from_millis(50) {
            assert!(started.elapsed() < Duration::from_mins(1), "{before:?} {after:?}");
            black_box(memory.iter().map(|byte| u64::from(*byte)).sum::<u64>());
            after = probe.sample();
        }
        assert!(after.memory_bytes > before.memory_bytes + (32 << 20), "{before:?} {after:?}");
    }
}
