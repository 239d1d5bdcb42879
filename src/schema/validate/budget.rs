//! How much work the rules of one event may make.
//!
//! Whatever a rule does is paid for before it is done: every turn of a loop, every value that is made or copied, every
//! pattern's search. When nothing is left, the rules refuse the event. One unit is in the order of 10 to 20 nanoseconds.

use std::cell::Cell;

/// What the rules of one event may spend together: one or two milliseconds.
const MAX_EVENT_UNITS: u64 = 100_000;
/// What those of a client's frame may: anybody can send these.
const MAX_FRAME_UNITS: u64 = 10_000;
/// Bytes of all values that one evaluation of a rule makes, beside what the event holds.
const MAX_MADE_BYTES: usize = 1 << 20;
/// Bytes that are looked at or copied for one unit.
const BYTES_PER_UNIT: usize = 64;

thread_local! {
    /// What is left for the event that this thread is checking.
    static LEFT: Cell<u64> = const { Cell::new(0) };
    /// What is done for every event of this size, rules or not: it counts, and refuses nothing.
    static NOTED: Cell<u64> = const { Cell::new(0) };
    /// Bytes of values that may still be made.
    static UNMADE: Cell<usize> = const { Cell::new(0) };
}

/// What checking may cost, and has cost.
#[derive(Clone, Debug)]
pub struct Spending {
    max_units: u64,
    spent_units: u64,
}

impl Spending {
    /// What each event of a publisher may cost.
    pub fn of_publisher() -> Self {
        Spending { max_units: MAX_EVENT_UNITS, spent_units: 0 }
    }

    /// What each frame of a client may cost.
    pub fn of_client() -> Self {
        Spending { max_units: MAX_FRAME_UNITS, spent_units: 0 }
    }

    /// What all that was checked has cost, in units of 10 to 20 nanoseconds.
    pub fn spent_units(&self) -> u64 {
        self.spent_units
    }

    /// Checks one event.
    pub(super) fn on<T>(&mut self, check: impl FnOnce() -> T) -> T {
        begin(self.max_units);
        let found = check();
        self.spent_units += self.max_units - LEFT.get() + NOTED.get();
        found
    }
}

fn begin(units: u64) {
    LEFT.set(units);
    NOTED.set(0);
}

/// Begins an event outside of any [`Spending`].
pub(super) fn start() {
    begin(MAX_EVENT_UNITS);
}

/// Begins an evaluation, within the event.
pub(super) fn start_evaluation() {
    UNMADE.set(MAX_MADE_BYTES);
}

/// Whether the event has had its share.
pub(super) fn is_spent() -> bool {
    LEFT.get() == 0
}

/// What is left.
pub(super) fn left() -> u64 {
    LEFT.get()
}

/// The event has had its share.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spent;

/// Pays, or says that nothing is left.
pub(super) fn pay(units: u64) -> Result<(), Spent> {
    let left = LEFT.get().saturating_sub(units);
    LEFT.set(left);
    if left == 0 { Err(Spent) } else { Ok(()) }
}

/// Notes work that grows with the event and not with its rules.
pub(super) fn note(units: u64) {
    NOTED.set(NOTED.get() + units);
}

/// What it costs to look at bytes, or to copy them.
pub(super) fn units_of(bytes: usize) -> u64 {
    (bytes / BYTES_PER_UNIT) as u64
}

/// Pays for bytes.
pub(super) fn pay_bytes(bytes: usize) -> Result<(), Spent> {
    pay(1 + units_of(bytes))
}

/// Pays for a new value. What would not fit beside the others costs everything.
pub(super) fn make(bytes: usize) -> Result<(), Spent> {
    pay_bytes(bytes)?;
    match UNMADE.get().checked_sub(bytes) {
        Some(rest) => {
            UNMADE.set(rest);
            Ok(())
        }
        None => pay(u64::MAX),
    }
}
