//! How fast old events are sent: a bucket of bytes for each connection, so that many replays do not starve live delivery. Where
//! fields are hidden from the reader, the bytes of the whole events count.

use std::time::Instant;

/// The rate of replay.
#[derive(Clone, Copy, Debug)]
pub struct ReplayRate {
    /// Bytes per second, over time. Default 4 MiB.
    pub bytes_per_second: u64,
    /// Bytes at once. Default 16 MiB.
    pub burst_bytes: u64,
}

impl Default for ReplayRate {
    fn default() -> Self {
        ReplayRate { bytes_per_second: 4 << 20, burst_bytes: 16 << 20 }
    }
}

/// The bucket of one connection.
#[derive(Debug)]
pub(super) struct Pace {
    rate: ReplayRate,
    bytes: u64,
    refilled: Instant,
}

impl Pace {
    pub(super) fn new(rate: ReplayRate, now: Instant) -> Self {
        Pace { rate, bytes: rate.burst_bytes, refilled: now }
    }

    /// What may be read now. A read gives at least one event, however large, so a turn may overdraw by one.
    pub(super) fn allowance(&self) -> usize {
        usize::try_from(self.bytes).unwrap_or(usize::MAX)
    }

    pub(super) fn spend(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_sub(bytes as u64);
    }

    pub(super) fn refill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.refilled);
        let earned = (passed.as_millis() as u64).saturating_mul(self.rate.bytes_per_second) / 1000;
        if earned > 0 {
            self.bytes = self.bytes.saturating_add(earned).min(self.rate.burst_bytes);
            self.refilled = now;
        }
    }
}
