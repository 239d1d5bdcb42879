//! How often somebody may do something, and how long it may ignore that it was told to stop.
//!
//! A token bucket by the generic cell rate algorithm: one instant, and `now` is an argument.

use std::time::{Duration, Instant};

/// Without a refusal for this long, a client is taken to have calmed down.
const CALM: Duration = Duration::from_secs(1);
/// So many refusals that were not heeded make the wait longer by as much again.
const UNHEEDED_PER_STEP: u32 = 10;
/// The longest that a wait grows to.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// A rate with a burst, and what happens to those who do not care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Over time.
    pub per_second: u32,
    /// At once.
    pub burst: u32,
    /// Refusals without a calm second between them, after which the client is given up.
    pub patience: u16,
}

/// Whether one more is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is.
    Allowed,
    /// Not now; after this time.
    Refused(Duration),
    /// It is not, and the client has been told so often enough.
    Ignored,
}

/// A token bucket kept as one instant: when it will be full again.
#[derive(Clone, Copy, Debug)]
pub struct Meter {
    full_at: Instant,
    refused: u16,
    refused_at: Instant,
}

impl Meter {
    /// A full bucket.
    pub fn new(now: Instant) -> Self {
        Meter { full_at: now, refused: 0, refused_at: now }
    }

    /// Takes one token, if there is one.
    pub fn take(&mut self, rate: Rate, now: Instant) -> Verdict {
        let interval = Duration::from_secs(1) / rate.per_second.max(1);
        let allowance = interval * rate.burst.max(1);
        let full_at = self.full_at.max(now) + interval;
        let wait = full_at.saturating_duration_since(now + allowance);
        if wait.is_zero() {
            self.full_at = full_at;
            return Verdict::Allowed;
        }
        self.refuse(rate, wait, now)
    }

    /// Puts one token back that was taken for what did not happen.
    pub fn give_back(&mut self, rate: Rate) {
        let interval = Duration::from_secs(1) / rate.per_second.max(1);
        self.full_at = self.full_at.checked_sub(interval).unwrap_or(self.full_at);
    }

    /// Counts a refusal, for whatever reason.
    pub(super) fn refuse(&mut self, rate: Rate, wait: Duration, now: Instant) -> Verdict {
        if now.saturating_duration_since(self.refused_at) >= CALM {
            self.refused = 0;
        }
        self.refused = self.refused.saturating_add(1);
        self.refused_at = now;
        if self.refused > rate.patience { Verdict::Ignored } else { Verdict::Refused(wait) }
    }

    /// A wait that grows with the refusals that were not heeded. What was under way when the first of them went out is not
    /// punished much.
    pub(super) fn grown(&self, wait: Duration) -> Duration {
        let unheeded = u32::from(self.refused.saturating_sub(1)) / UNHEEDED_PER_STEP;
        wait.saturating_mul(1 + unheeded).min(wait.max(LONGEST_WAIT))
    }

    /// Whether it is as if nothing had ever been taken.
    pub fn is_full(&self, now: Instant) -> bool {
        self.full_at <= now
    }

    /// Takes more tokens for what was allowed and turned out to be costly, also such that are not there yet.
    pub fn charge(&mut self, rate: Rate, tokens: u64, now: Instant) {
        let tokens = u32::try_from(tokens).unwrap_or(u32::MAX);
        self.full_at = self.full_at.max(now) + Duration::from_secs(1) / rate.per_second.max(1) * tokens;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { per_second: 50, burst: 200, patience: 3 };
    const MS: Duration = Duration::from_millis(1);

    fn allowed(meter: &mut Meter, tries: u32, now: Instant) -> u32 {
        (0..tries).map(|_| u32::from(meter.take(RATE, now) == Verdict::Allowed)).sum()
    }

    #[test]
    fn a_burst_passes_at_once_and_then_the_rate() {
        let start = Instant::now();
        let mut meter = Meter::new(start);
        assert_eq!(allowed(&mut meter, 200, start), 200);
        assert_eq!(meter.take(RATE, start), Verdict::Refused(20 * MS));
        assert_eq!(meter.take(RATE, start + 5 * MS), Verdict::Refused(15 * MS));
        assert_eq!(meter.take(RATE, start + 20 * MS), Verdict::Allowed);
        assert_eq!(meter.take(RATE, start + 20 * MS), Verdict::Refused(20 * MS));
        assert_eq!(allowed(&mut meter, 60, start + 1020 * MS), 50, "a second fills fifty");
        assert_eq!(allowed(&mut Meter::new(start), 1_000, start + 60_000 * MS), 200, "never more than the burst");
    }

    #[test]
    fn a_wait_is_what_it_takes_to_be_allowed() {
        let start = Instant::now();
        let mut meter = Meter::new(start);
        allowed(&mut meter, 200, start);
        let Verdict::Refused(wait) = meter.take(RATE, start + 7 * MS) else { panic!("allowed") };
        assert_eq!(meter.take(RATE, start + 7 * MS + wait), Verdict::Allowed);
    }

    #[test]
    fn who_ignores_refusals_is_given_up_and_a_calm_second_forgives() {
        let start = Instant::now();
        let mut meter = Meter::new(start);
        allowed(&mut meter, 200, start);
        for _ in 0..3 {
            assert!(matches!(meter.take(RATE, start), Verdict::Refused(_)));
        }
        assert_eq!(meter.take(RATE, start), Verdict::Ignored);

        let later = start + CALM;
        assert_eq!(allowed(&mut meter, 50, later), 50);
        for _ in 0..3 {
            assert!(matches!(meter.take(RATE, later), Verdict::Refused(_)));
        }
        assert_eq!(meter.take(RATE, later), Verdict::Ignored);
    }

    #[test]
    fn who_does_not_heed_refusals_is_told_to_wait_longer() {
        let start = Instant::now();
        let rate = Rate { patience: 60, ..RATE };
        let mut meter = Meter::new(start);
        allowed(&mut meter, 200, start);
        let waits: Vec<_> = (0..60)
            .map(|_| match meter.take(rate, start) {
                Verdict::Refused(wait) => meter.grown(wait),
                other => panic!("{other:?}"),
            })
            .collect();
        for (index, times) in [(0, 1), (9, 1), (10, 2), (35, 4), (59, 6)] {
            assert_eq!(waits[index], times * 20 * MS, "{index}");
        }
        assert_eq!(meter.take(rate, start), Verdict::Ignored);
        assert_eq!(meter.grown(Duration::from_secs(25)), LONGEST_WAIT);
        assert_eq!(meter.grown(2 * LONGEST_WAIT), 2 * LONGEST_WAIT);
    }

    #[test]
    fn what_was_costly_is_paid_for_before_there_is_more() {
        let start = Instant::now();
        let mut meter = Meter::new(start);
        assert_eq!(meter.take(RATE, start), Verdict::Allowed);
        meter.charge(RATE, 250, start);
        assert_eq!(meter.take(RATE, start), Verdict::Refused(52 * 20 * MS));
        assert_eq!(meter.take(RATE, start + 52 * 20 * MS), Verdict::Allowed);
    }

    #[test]
    fn a_clock_that_stands_still_or_steps_back_is_no_reason_to_panic() {
        let start = Instant::now() + Duration::from_secs(10);
        let mut meter = Meter::new(start);
        assert_eq!(allowed(&mut meter, 201, start), 200);
        assert!(matches!(meter.take(RATE, start - 5 * MS), Verdict::Refused(_)));
    }
}
