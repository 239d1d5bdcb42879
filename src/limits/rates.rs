//! A rate for each key, and what those are told who are over it.
//!
//! What is over the rate is refused, and costs its key nothing. The time that is told grows for a key that comes back
//! before it has passed, up to [`LONGEST_WAIT`]; the rate itself stays the same. A key whose bucket is full again is like
//! one that was never there, and is forgotten when room is needed; when all of [`MAX_KEYS`] are busy, further keys share
//! one bucket.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::session::meter::{Meter, Rate, Verdict};

/// Keys that have a bucket of their own.
pub const MAX_KEYS: usize = 10_000;
/// The longest wait that is told for coming back too early.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// The shortest one.
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// What comes so soon after a refusal was on its way already.
const IN_FLIGHT: Duration = Duration::from_millis(250);
/// Between two looks for keys that can be forgotten.
const FORGET_EVERY: Duration = Duration::from_secs(1);

/// Holds each key to a rate.
#[derive(Debug)]
pub struct Rates<K> {
    state: Mutex<State<K>>,
    max_keys: usize,
}

#[derive(Debug)]
struct State<K> {
    buckets: HashMap<K, Bucket>,
    /// For keys that have none of their own.
    shared: Option<Bucket>,
    looked_at: Option<Instant>,
}

impl<K: Eq + Hash> Default for Rates<K> {
    fn default() -> Self {
        Rates::with_max_keys(MAX_KEYS)
    }
}

impl<K: Eq + Hash> Rates<K> {
    fn with_max_keys(max_keys: usize) -> Self {
        let state = State { buckets: HashMap::new(), shared: None, looked_at: None };
        Rates { state: Mutex::new(state), max_keys }
    }

    /// One more for this key.
    ///
    /// # Errors
    /// It is over the rate: how long to wait.
    pub fn take(&self, key: K, rate: Rate, now: Instant) -> Result<(), Duration> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bucket) = state.buckets.get_mut(&key) {
            return bucket.take(rate, now);
        }
        if state.buckets.len() >= self.max_keys {
            let is_due = state.looked_at.is_none_or(|at| now.saturating_duration_since(at) >= FORGET_EVERY);
            if is_due {
                state.looked_at = Some(now);
                state.buckets.retain(|_, bucket| !bucket.is_idle(now));
            }
        }
        if state.buckets.len() >= self.max_keys {
            return state.shared.get_or_insert_with(|| Bucket::new(now)).take(rate, now);
        }
        state.buckets.entry(key).or_insert_with(|| Bucket::new(now)).take(rate, now)
    }
}

impl<K: Eq + Hash> Rates<K> {
    /// The last one of this key did not happen, for another reason.
    pub fn give_back(&self, key: &K, rate: Rate) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let State { buckets, shared, .. } = &mut *state;
        if let Some(bucket) = buckets.get_mut(key).or(shared.as_mut()) {
            bucket.meter.give_back(rate);
        }
    }
}

/// One key's rate, and what it was told.
#[derive(Debug)]
struct Bucket {
    meter: Meter,
    told: Option<Told>,
}

/// The last refusal that was meant to be heard.
#[derive(Clone, Copy, Debug)]
struct Told {
    at: Instant,
    until: Instant,
    /// How often in a row the key came back too early.
    early: u32,
}

impl Bucket {
    fn new(now: Instant) -> Self {
        Bucket { meter: Meter::new(now), told: None }
    }

    fn is_idle(&self, now: Instant) -> bool {
        self.meter.is_full(now) && self.told.is_none_or(|told| told.until <= now)
    }

    fn take(&mut self, rate: Rate, now: Instant) -> Result<(), Duration> {
        let wait = match self.meter.take(rate, now) {
            Verdict::Allowed => return Ok(()),
            Verdict::Refused(wait) => wait,
            Verdict::Ignored => LONGEST_WAIT,
        };
        let told = match self.told {
            // Sent before the refusal could be heard: the same answer.
            Some(told) if now.saturating_duration_since(told.at) < IN_FLIGHT => {
                Told { until: told.until.max(now + wait), ..told }
            }
            Some(told) if now < told.until => {
                let early = told.early.saturating_add(1);
                let longer = FIRST_WAIT.saturating_mul(1_u32.checked_shl(early).unwrap_or(u32::MAX)).min(LONGEST_WAIT);
                Told { at: now, until: now + wait.max(longer), early }
            }
            _ => Told { at: now, until: now + wait, early: 0 },
        };
        self.told = Some(told);
        Err(told.until.saturating_duration_since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const RATE: Rate = Rate { per_second: 10, burst: 5, patience: u16::MAX };

    fn allowed(rates: &Rates<&'static str>, key: &'static str, tries: u32, now: Instant) -> u32 {
        (0..tries).map(|_| u32::from(rates.take(key, RATE, now).is_ok())).sum()
    }

    #[test]
    fn a_key_has_its_burst_and_then_its_rate_whatever_others_do() {
        let (rates, start) = (Rates::default(), Instant::now());
        assert_eq!(allowed(&rates, "flood", 1_000, start), 5);
        assert_eq!(allowed(&rates, "quiet", 5, start), 5);
        assert_eq!(rates.take("flood", RATE, start), Err(100 * MS));
        assert_eq!(allowed(&rates, "flood", 1_000, start + 300 * MS), 3);
        assert_eq!(allowed(&rates, "flood", 1_000, start + 60_000 * MS), 5, "never more than the burst");
    }

    #[test]
    fn who_comes_back_too_early_is_told_longer_and_longer_waits_but_keeps_its_rate() {
        let (rates, start) = (Rates::default(), Instant::now());
        let slow = Rate { per_second: 1, burst: 1, patience: u16::MAX };
        rates.take("a", slow, start).unwrap();
        assert_eq!(rates.take("a", slow, start), Err(1_000 * MS));
        assert_eq!(rates.take("a", slow, start + 200 * MS), Err(800 * MS), "it was on its way");
        let mut waits = Vec::new();
        let mut now = start;
        for _ in 0..12 {
            now += 300 * MS;
            match rates.take("a", slow, now) {
                Err(wait) => waits.push(wait),
                Ok(()) => waits.push(Duration::ZERO),
            }
        }
        let served = waits.iter().filter(|wait| wait.is_zero()).count();
        assert_eq!(served, 3, "once a second: {waits:?}");
        let told: Vec<_> = waits.iter().copied().filter(|wait| !wait.is_zero()).collect();
        assert!(told.last() >= Some(&(10_000 * MS)) && told[1..].is_sorted(), "{told:?}");
        assert!(told.iter().all(|wait| *wait <= LONGEST_WAIT));
        let later = now + LONGEST_WAIT;
        rates.take("a", slow, later).unwrap();
        assert_eq!(rates.take("a", slow, later), Err(1_000 * MS), "who has waited begins anew");
    }

    #[test]
    fn what_did_not_happen_costs_nothing() {
        let (rates, start) = (Rates::default(), Instant::now());
        for _ in 0..100 {
            rates.take("a", RATE, start).unwrap();
            rates.give_back(&"a", RATE);
        }
        assert_eq!(allowed(&rates, "a", 9, start), 5);
    }

    #[test]
    fn keys_are_bounded_idle_ones_go_and_the_rest_share() {
        let (rates, start) = (Rates::with_max_keys(2), Instant::now());
        assert_eq!(allowed(&rates, "a", 9, start), 5);
        assert_eq!(allowed(&rates, "b", 9, start), 5);
        assert_eq!(allowed(&rates, "c", 4, start) + allowed(&rates, "d", 4, start), 5, "together");
        let later = start + 2_000 * MS;
        assert_eq!(allowed(&rates, "c", 9, later), 5, "the others have gone");
        assert_eq!(rates.state.lock().unwrap().buckets.len(), 1);
    }

    #[test]
    fn who_was_told_to_wait_is_remembered_until_then_though_its_bucket_is_full_again() {
        let (rates, mut now) = (Rates::with_max_keys(1), Instant::now());
        let slow = Rate { per_second: 1, burst: 1, patience: u16::MAX };
        assert_eq!((rates.take("a", slow, now), rates.take("a", slow, now)), (Ok(()), Err(1_000 * MS)));
        // It comes back too early again and again, and has to wait for some seconds.
        let tries = (0..100).map(|_| {
            now += 300 * MS;
            rates.take("a", slow, now).err()
        });
        let told = tries.flatten().find(|told| *told > 3_000 * MS).unwrap();
        let full = now + 1_000 * MS;
        assert_eq!(rates.take("b", slow, full), Ok(()), "from what all share");
        assert_eq!(rates.take("a", slow, full), Ok(()));
        assert!(rates.take("a", slow, full).unwrap_err() > told, "{told:?}");
        let later = full + LONGEST_WAIT;
        assert_eq!(rates.take("b", slow, later), Ok(()));
        assert!(rates.state.lock().unwrap().buckets.contains_key("b"), "and then it is forgotten");
    }
}
