//! Numbers that many threads read and one or many write.
//!
//! Everything is a relaxed atomic: a scrape may see one counter a moment before another, and never waits for anybody.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use crate::schema::TypeIndex;

/// A count that only grows; any thread may add.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds one.
    pub fn increment(&self) {
        self.add(1);
    }

    /// Adds so many.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// Adds so many for the only thread that ever does: without a locked instruction.
    pub(super) fn add_alone(&self, count: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(count), Ordering::Relaxed);
    }

    /// The count.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A number that goes up and down; any thread may change it.
#[derive(Debug, Default)]
pub struct Gauge(AtomicI64);

impl Gauge {
    /// Changes it.
    pub fn add(&self, change: i64) {
        self.0.fetch_add(change, Ordering::Relaxed);
    }

    /// The number.
    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Event types that have a label of their own; those beyond share `other`.
pub const MAX_LABELLED_TYPES: usize = 1_024;

/// Counts by event type.
#[derive(Debug)]
pub struct ByType {
    /// By number; the last is for all others.
    counters: Box<[Counter]>,
}

impl Default for ByType {
    fn default() -> Self {
        ByType { counters: (0..=MAX_LABELLED_TYPES).map(|_| Counter::default()).collect() }
    }
}

impl ByType {
    /// Adds so many events of this type.
    pub fn add(&self, index: TypeIndex, count: u64) {
        self.of(index).add(count);
    }

    pub(super) fn add_alone(&self, index: TypeIndex, count: u64) {
        self.of(index).add_alone(count);
    }

    fn of(&self, index: TypeIndex) -> &Counter {
        &self.counters[(index.0 as usize).min(MAX_LABELLED_TYPES)]
    }

    /// The counts that are not zero, by number; [`MAX_LABELLED_TYPES`] is all others.
    pub(super) fn counted(&self) -> impl Iterator<Item = (usize, u64)> {
        self.counters.iter().map(Counter::get).enumerate().filter(|(_, count)| *count > 0)
    }
}

/// Durations, in buckets. One thread observes.
#[derive(Debug, Default)]
pub(super) struct Durations {
    buckets: [Counter; Self::BOUNDS.len() + 1],
    sum_ns: Counter,
}

impl Durations {
    /// The upper bounds, in microseconds: a loopback delivery takes some hundred, a slow network some seconds.
    pub(super) const BOUNDS: [u64; 16] = [
        100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
        5_000_000, 10_000_000,
    ];

    pub(super) fn observe_alone(&self, duration: Duration) {
        let micros = duration.as_nanos().div_ceil(1_000);
        let index = Self::BOUNDS.iter().position(|bound| micros <= u128::from(*bound)).unwrap_or(Self::BOUNDS.len());
        self.buckets[index].add_alone(1);
        self.sum_ns.add_alone(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Adds what was observed to `into`, bounds in seconds.
    pub(super) fn add_to(&self, into: &mut Histogram) {
        let bounds = Self::BOUNDS.iter().map(|micros| *micros as f64 / 1e6);
        into.add(bounds, self.buckets.iter().map(Counter::get), self.sum_ns.get() as f64 / 1e9);
    }
}

/// How many events readers were behind, in powers of four. One thread observes.
#[derive(Debug, Default)]
pub(super) struct Lags {
    buckets: [Counter; Self::BOUNDS + 1],
    sum: Counter,
}

impl Lags {
    /// 1, 4, 16 … 65,536.
    const BOUNDS: usize = 9;

    pub(super) fn observe_alone(&self, events: u64) {
        let bits = u64::BITS - events.saturating_sub(1).leading_zeros();
        let index = (bits as usize).div_ceil(2).min(Self::BOUNDS);
        self.buckets[index].add_alone(1);
        self.sum.add_alone(events);
    }

    pub(super) fn add_to(&self, into: &mut Histogram) {
        let bounds = (0..Self::BOUNDS).map(|index| f64::from(1_u32 << (2 * index)));
        into.add(bounds, self.buckets.iter().map(Counter::get), self.sum.get() as f64);
    }
}

/// A histogram as it is told: the sum, and for each upper bound what is within it and above the one before.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Histogram {
    pub(super) sum: f64,
    pub(super) buckets: Vec<(f64, u64)>,
}

impl Histogram {
    fn add(&mut self, bounds: impl Iterator<Item = f64>, counts: impl Iterator<Item = u64>, sum: f64) {
        let bounds = bounds.chain([f64::INFINITY]);
        for (index, (bound, count)) in bounds.zip(counts).enumerate() {
            match self.buckets.get_mut(index) {
                Some((_, total)) => *total += count,
                None => self.buckets.push((bound, count)),
            }
        }
        self.sum += sum;
    }

    pub(super) fn count(&self) -> u64 {
        self.buckets.iter().map(|(_, count)| count).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lag_falls_into_the_smallest_power_of_four_that_holds_it() {
        for (events, bound) in [
            (1, 1.0),
            (2, 4.0),
            (4, 4.0),
            (5, 16.0),
            (16, 16.0),
            (17, 64.0),
            (65_536, 65_536.0),
            (65_537, f64::INFINITY),
            (u64::MAX, f64::INFINITY),
        ] {
            let (lags, mut told) = (Lags::default(), Histogram::default());
            lags.observe_alone(events);
            lags.add_to(&mut told);
            let hit: Vec<f64> = told.buckets.iter().filter(|(_, count)| *count == 1).map(|(bound, _)| *bound).collect();
            assert_eq!(hit, [bound], "{events}");
        }
    }

    #[test]
    fn a_duration_falls_into_the_smallest_bucket_that_holds_it_and_shards_add_up() {
        let mut told = Histogram::default();
        for duration in [Duration::from_micros(100), Duration::from_nanos(100_001), Duration::from_secs(60)] {
            let durations = Durations::default();
            durations.observe_alone(duration);
            durations.add_to(&mut told);
        }
        let hit: Vec<f64> = told.buckets.iter().filter(|(_, count)| *count == 1).map(|(bound, _)| *bound).collect();
        assert_eq!(hit, [0.0001, 0.00025, f64::INFINITY]);
        assert_eq!(told.count(), 3);
        assert!((told.sum - 60.000_200_001).abs() < 1e-9);
    }

    #[test]
    fn types_beyond_the_cap_share_one_count() {
        let types = ByType::default();
        for index in [0, 1_023, 1_024, 60_000] {
            types.add(TypeIndex(index), 1);
        }
        assert_eq!(types.counted().collect::<Vec<_>>(), [(0, 1), (1_023, 1), (MAX_LABELLED_TYPES, 2)]);
    }
}
