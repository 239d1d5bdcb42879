//! What the process costs, from `/proc`. On systems without it there is nothing to tell.

use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What the kernel says of this process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usage {
    pub(super) cpu: Duration,
    pub(super) resident_bytes: u64,
    pub(super) virtual_bytes: u64,
    pub(super) threads: u64,
    pub(super) open_fds: u64,
    pub(super) max_fds: Option<u64>,
}

impl Usage {
    /// Now.
    pub(super) fn read() -> Option<Usage> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        let ticks = rustix::param::clock_ticks_per_second();
        let page = rustix::param::page_size() as u64;
        let mut usage = parse(&stat, ticks, page)?;
        usage.open_fds = fs::read_dir("/proc/self/fd").map_or(0, |descriptors| descriptors.count() as u64);
        usage.max_fds = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        Some(usage)
    }
}

/// Reads `/proc/self/stat` (proc_pid_stat(5)). The command's name may hold spaces and parentheses.
fn parse(stat: &str, ticks_per_second: u64, page_bytes: u64) -> Option<Usage> {
    let (_, rest) = stat.rsplit_once(')')?;
    // The first of these is field 3, the state.
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    let ticks = field(14)? + field(15)?;
    Some(Usage {
        cpu: Duration::from_secs_f64(ticks as f64 / ticks_per_second.max(1) as f64),
        resident_bytes: field(24)? * page_bytes,
        virtual_bytes: field(23)?,
        threads: field(20)?,
        open_fds: 0,
        max_fds: None,
    })
}

/// A moment as a scrape tells it.
pub(super) fn unix_seconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_proc_is_read_whatever_the_command_is_called() {
        let stat = "42 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 250 50 13 14 15 16 9 18 19 4096000 25 22";
        let usage = parse(stat, 100, 4096).unwrap();
        assert_eq!(usage.cpu, Duration::from_secs(3));
        assert_eq!((usage.resident_bytes, usage.virtual_bytes, usage.threads), (102_400, 4_096_000, 9));
        assert!(parse("42 (short) S 1 2", 100, 4096).is_none());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_uses_memory_and_file_descriptors() {
        let usage = Usage::read().unwrap();
        assert!(usage.resident_bytes > 1 << 20 && usage.virtual_bytes >= usage.resident_bytes, "{usage:?}");
        assert!(usage.open_fds >= 3 && usage.threads >= 1, "{usage:?}");
    }
}
