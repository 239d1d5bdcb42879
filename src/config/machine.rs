//! What the machine has, for the defaults that depend on it.

use std::num::NonZero;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Above this many file descriptors a process is not limited by them; some containers claim a thousand million.
const MAX_FILE_DESCRIPTORS: u64 = 1 << 20;
/// What is assumed where the machine does not say how much memory it has.
const ASSUMED_MEMORY_BYTES: u64 = 4 << 30;

/// The size of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    /// The file descriptors that this process may have after [`raise_file_descriptors`].
    pub file_descriptors: u64,
    /// Its memory in bytes; that of the container where it is less.
    pub memory_bytes: u64,
    /// The processors that this process may use.
    pub processors: usize,
}

impl Machine {
    /// The machine that this process runs on.
    pub fn read() -> Self {
        Machine {
            file_descriptors: hard_limit(getrlimit(Resource::Nofile)),
            memory_bytes: memory_bytes(),
            processors: std::thread::available_parallelism().map_or(1, NonZero::get),
        }
    }
}

/// Raises the process's soft limit of file descriptors to what it may have, and returns that.
///
/// # Errors
/// The system's refusal.
pub fn raise_file_descriptors() -> std::io::Result<u64> {
    let limit = getrlimit(Resource::Nofile);
    let wanted = hard_limit(limit);
    if limit.current.is_some_and(|current| current < wanted) {
        setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum })?;
    }
    Ok(wanted)
}

fn hard_limit(limit: Rlimit) -> u64 {
    limit.maximum.unwrap_or(MAX_FILE_DESCRIPTORS).min(MAX_FILE_DESCRIPTORS)
}

/// The least of what the kernel and the control group allow.
fn memory_bytes() -> u64 {
    let file = |path| std::fs::read_to_string(path).ok();
    let machine = file("/proc/meminfo").and_then(|text| total_memory(&text));
    let group = file("/sys/fs/cgroup/memory.max")
        .or_else(|| file("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
        .and_then(|text| text.trim().parse().ok());
    machine.into_iter().chain(group).min().unwrap_or(ASSUMED_MEMORY_BYTES)
}

/// `MemTotal` of Linux's meminfo, in bytes.
fn total_memory(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::total_memory;

    #[test]
    fn total_memory_is_read_in_bytes() {
        assert_eq!(total_memory("MemTotal:       24675476 kB\nMemFree: 1 kB\n"), Some(24_675_476 * 1024));
        assert_eq!(total_memory("MemFree: 1 kB\n"), None);
    }
}
