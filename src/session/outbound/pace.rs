//! How fast old events are sent: a bucket of bytes, so that many replays do not starve live delivery. Where fields are hidden from
//! the reader, the bytes of the whole events count.
//!
//! A bucket is shared by all connections of whoever pays for them, and outlives them: who comes back finds what was left.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

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

/// A bucket, kept as one instant: when it is full again.
#[derive(Debug)]
pub struct ReplayBudget {
    full_at: Mutex<Instant>,
}

impl ReplayBudget {
    /// A full one.
    pub fn new(now: Instant) -> Self {
        ReplayBudget { full_at: Mutex::new(now) }
    }

    /// Whether it is as if nothing had ever been taken.
    pub fn is_whole(&self, now: Instant) -> bool {
        *self.full_at() <= now
    }

    /// What may be read now. A read gives at least one event, however large, and others may be reading: what is overdrawn by that
    /// is paid back before there is more.
    pub(super) fn allowance(&self, rate: ReplayRate, now: Instant) -> usize {
        let missing = self.full_at().saturating_duration_since(now).as_nanos();
        let missing = missing.saturating_mul(u128::from(rate.bytes_per_second)).div_ceil(1_000_000_000);
        let left = u128::from(rate.burst_bytes).saturating_sub(missing);
        usize::try_from(left).unwrap_or(usize::MAX)
    }

    pub(super) fn spend(&self, bytes: usize, rate: ReplayRate, now: Instant) {
        let nanos = (bytes as u128).saturating_mul(1_000_000_000).div_ceil(u128::from(rate.bytes_per_second.max(1)));
        let takes = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        let mut full_at = self.full_at();
        *full_at = (*full_at).max(now).checked_add(takes).unwrap_or(*full_at);
    }

    fn full_at(&self) -> MutexGuard<'_, Instant> {
        // One instant, sound whatever a panicking holder did.
        self.full_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Which bucket a connection takes from: said once, when it is known who is there. Clones are one.
#[derive(Clone, Debug, Default)]
pub struct Replay(Arc<OnceLock<Arc<ReplayBudget>>>);

impl Replay {
    /// Takes from this one from now on, unless it takes from another already.
    pub fn share(&self, budget: Arc<ReplayBudget>) {
        let _ = self.0.set(budget);
    }

    /// The bucket; one of the connection's own where nobody has said which.
    pub(super) fn budget(&self, now: Instant) -> &ReplayBudget {
        self.0.get_or_init(|| Arc::new(ReplayBudget::new(now)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: ReplayRate = ReplayRate { bytes_per_second: 1_000, burst_bytes: 4_000 };

    #[test]
    fn what_is_spent_comes_back_at_the_rate_and_debts_are_paid_first() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let budget = ReplayBudget::new(start);
        assert_eq!(budget.allowance(RATE, start), 4_000);
        budget.spend(3_000, RATE, start);
        assert_eq!((budget.allowance(RATE, start), budget.allowance(RATE, at(500))), (1_000, 1_500));
        budget.spend(6_500, RATE, at(500));
        assert_eq!((budget.allowance(RATE, at(5_500)), budget.allowance(RATE, at(6_000))), (0, 500));
        assert!(!budget.is_whole(at(9_499)) && budget.is_whole(at(9_500)));
        assert_eq!(budget.allowance(RATE, at(100_000)), 4_000, "never more than the burst");
        budget.spend(3_000, RATE, at(100_000));
        assert_eq!(budget.allowance(RATE, at(100_000)), 1_000, "what was not asked for is not kept");
    }

    #[test]
    fn connections_that_share_a_budget_take_from_one() {
        let now = Instant::now();
        let (one, other, own) = (Replay::default(), Replay::default(), Replay::default());
        let budget = Arc::new(ReplayBudget::new(now));
        one.clone().share(Arc::clone(&budget));
        other.share(budget);
        one.budget(now).spend(4_000, RATE, now);
        assert_eq!((other.budget(now).allowance(RATE, now), own.budget(now).allowance(RATE, now)), (0, 4_000));
        other.share(Arc::new(ReplayBudget::new(now)));
        assert_eq!(other.budget(now).allowance(RATE, now), 0, "nobody gets another one");
    }
}
