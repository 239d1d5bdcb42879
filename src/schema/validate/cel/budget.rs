//! How much work the rules in CEL may make of one event.
//!
//! Every turn of a loop is paid for before it is made, with what it can cost at most, and so is every value that is built
//! or given to a function. One unit is in the order of 10 to 30 nanoseconds.

use std::cell::Cell;

use cel::{ExecutionError, Value};

/// What the rules of one event may spend together: some tenths of a second at the very most.
const MAX_UNITS: u64 = 4_000_000;
/// How often the interpreter copies a part of a value on its way to an operator or a function.
const COPIES: u64 = 3;
/// Bytes that are looked at or copied for one unit.
const BYTES_PER_UNIT: u64 = 64;

thread_local! {
    /// What is left for the event that this thread is checking.
    static LEFT: Cell<u64> = const { Cell::new(0) };
    /// What one walk over the whole of `this` costs.
    static WALK: Cell<u64> = const { Cell::new(0) };
}

/// Begins an event.
pub(in crate::schema::validate) fn start() {
    LEFT.set(MAX_UNITS);
}

/// Makes a value, and takes what it cost for what a walk over it costs.
pub(super) fn measure(make: &dyn Fn() -> Value) -> Value {
    let before = LEFT.get();
    let value = make();
    WALK.set((before - LEFT.get()) * COPIES + 1);
    value
}

/// Whether the event has had its share.
pub(super) fn is_spent() -> bool {
    LEFT.get() == 0
}

/// Pays, or says that nothing is left.
pub(super) fn pay(units: u64) -> Result<(), ExecutionError> {
    let left = LEFT.get().saturating_sub(units);
    LEFT.set(left);
    if left == 0 { Err(ExecutionError::function_error("rule", "too much work")) } else { Ok(()) }
}

/// Pays for one turn of a loop whose body has so many parts. A body that looks at what is outside of the loop may walk over
/// all of it.
pub(super) fn pay_turn(parts: u64, looks_outside: bool) -> Result<(), ExecutionError> {
    pay(parts + if looks_outside { WALK.get() } else { 0 })
}

/// Pays for bytes.
pub(super) fn pay_bytes(bytes: usize) -> Result<(), ExecutionError> {
    pay(1 + bytes as u64 / BYTES_PER_UNIT)
}

/// Pays for a walk over a value.
pub(super) fn pay_value(value: &Value) -> Result<(), ExecutionError> {
    match value {
        Value::String(text) => pay_bytes(text.len()),
        Value::Bytes(bytes) => pay_bytes(bytes.len()),
        Value::List(list) => list.iter().try_for_each(pay_value),
        Value::Map(map) => map.map.values().try_for_each(pay_value),
        _ => pay(1),
    }
}
