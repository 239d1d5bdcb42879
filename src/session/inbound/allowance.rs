//! What one user may do in a second, on all connections together.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::super::meter::{Meter, Rate, Verdict};
use super::Limits;

/// A rate that several connections share. Each counts for itself how often it was refused: what one does not heed
/// closes that one.
#[derive(Debug)]
pub struct Allowance {
    rate: Rate,
    meter: Mutex<Meter>,
}

impl Allowance {
    /// One that is whole.
    pub fn new(limits: Limits, now: Instant) -> Self {
        let (per_second, burst) = (limits.user_commands_per_second, limits.user_commands_burst);
        Allowance { rate: Rate { per_second, burst, patience: u16::MAX }, meter: Mutex::new(Meter::new(now)) }
    }

    /// Takes a command's part. `Err`: there is none before this time has passed.
    pub(super) fn take(&self, now: Instant) -> Result<(), Duration> {
        match self.meter().take(self.rate, now) {
            Verdict::Allowed => Ok(()),
            Verdict::Refused(wait) => Err(wait),
            Verdict::Ignored => Err(Duration::from_secs(1)),
        }
    }

    /// Takes for what was allowed and turned out to be costly.
    pub fn charge(&self, commands: u64, now: Instant) {
        self.meter().charge(self.rate, commands, now);
    }

    /// Commands a second.
    pub(super) fn per_second(&self) -> u32 {
        self.rate.per_second
    }

    /// Whether nothing of it is spent.
    pub fn is_whole(&self, now: Instant) -> bool {
        self.meter().is_full(now)
    }

    fn meter(&self) -> MutexGuard<'_, Meter> {
        // One instant and two counts, sound whatever a panicking holder did.
        self.meter.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
