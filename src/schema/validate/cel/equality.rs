//! Equality as CEL has it: numbers are equal by their values, whatever their types; so are lists and maps of them.
//!
//! The interpreter holds an int, a uint and a double for different values that only `<` and its like can compare, so a
//! rule `this != 0` over a uint32 would accept 0. Here nothing is rounded: 9007199254740993 is not 9007199254740992.0.
//! What is compared has been paid for.

use std::borrow::Cow;

use cel::common::types::{CelDouble, CelInt, CelList, CelMap, CelUInt};
use cel::common::value::Val;
use cel::{Context, ExecutionError, FunctionContext, Value};

type Result<T = Value> = std::result::Result<T, ExecutionError>;

/// `==`.
pub(super) const EQUAL: &str = "@equal";
/// `!=`.
pub(super) const UNEQUAL: &str = "@unequal";
/// `in`, by a name that the interpreter does not take for its own operator.
pub(super) const IN: &str = "@among";

/// The largest double whose whole part is looked at: larger ones are no integer of 64 bits.
const MAX_WHOLE: f64 = 18_446_744_073_709_551_616.0;

/// Adds these functions.
pub(super) fn add_to(context: &mut Context<'_>) {
    context.add_function(EQUAL, |call: &FunctionContext<'_, '_>| -> Result {
        both(call, |left, right| Ok(is_equal(left, right)))
    });
    context.add_function(UNEQUAL, |call: &FunctionContext<'_, '_>| -> Result {
        both(call, |left, right| Ok(!is_equal(left, right)))
    });
    context.add_function(IN, |call: &FunctionContext<'_, '_>| -> Result { both(call, is_in) });
}

fn both(call: &FunctionContext<'_, '_>, test: impl Fn(&dyn Val, &dyn Val) -> Result<bool>) -> Result {
    let [left, right] = call.args else { return Err(ExecutionError::NoSuchOverload) };
    let (left, right) = (Value::resolve_val(left, call.ptx)?, Value::resolve_val(right, call.ptx)?);
    Ok(Value::Bool(test(left.as_ref(), right.as_ref())?))
}

fn is_equal(left: &dyn Val, right: &dyn Val) -> bool {
    if let (Some(left), Some(right)) = (left.downcast_ref::<CelList>(), right.downcast_ref::<CelList>()) {
        let (left, right) = (left.inner(), right.inner());
        return left.len() == right.len()
            && left.iter().zip(right).all(|(left, right)| is_equal(left.as_ref(), right.as_ref()));
    }
    if let (Some(left), Some(right)) = (left.downcast_ref::<CelMap>(), right.downcast_ref::<CelMap>()) {
        return left.inner().len() == right.inner().len()
            && left
                .inner()
                .iter()
                .all(|(key, value)| lookup(right, key.inner()).is_some_and(|found| is_equal(value.as_ref(), found)));
    }
    match (whole(left), whole(right)) {
        (Some(left), Some(right)) => left == right,
        _ => left.equals(right),
    }
}

fn is_in(item: &dyn Val, container: &dyn Val) -> Result<bool> {
    if let Some(list) = container.downcast_ref::<CelList>() {
        return Ok(list.inner().iter().any(|known| is_equal(known.as_ref(), item)));
    }
    let map = container.downcast_ref::<CelMap>().ok_or(ExecutionError::NoSuchOverload)?;
    if is_number(item) {
        return Ok(lookup(map, item).is_some());
    }
    container.as_container().ok_or(ExecutionError::NoSuchOverload)?.contains(item)
}

/// The value under a key, or under a number of another type that is equal to it.
pub(super) fn lookup<'a>(map: &'a CelMap, key: &dyn Val) -> Option<&'a dyn Val> {
    let get = |key: &dyn Val| match (map as &'a dyn Val).as_indexer()?.get(key) {
        Ok(Cow::Borrowed(found)) => Some(found),
        _ => None,
    };
    if !is_number(key) {
        return get(key);
    }
    let number = whole(key)?;
    let as_int = i64::try_from(number).ok().and_then(|number| get(&CelInt::from(number)));
    as_int.or_else(|| u64::try_from(number).ok().and_then(|number| get(&CelUInt::from(number))))
}

/// Whether a value is of one of the three types of numbers.
pub(super) fn is_number(value: &dyn Val) -> bool {
    value.downcast_ref::<CelInt>().is_some()
        || value.downcast_ref::<CelUInt>().is_some()
        || value.downcast_ref::<CelDouble>().is_some()
}

/// A number that is whole, exactly. `None`: a fraction, nothing that an integer of 64 bits could equal, or no number.
fn whole(value: &dyn Val) -> Option<i128> {
    if let Some(number) = value.downcast_ref::<CelInt>() {
        Some((*number.inner()).into())
    } else if let Some(number) = value.downcast_ref::<CelUInt>() {
        Some((*number.inner()).into())
    } else {
        value.downcast_ref::<CelDouble>().and_then(|number| whole_of(*number.inner()))
    }
}

/// A double that is whole, exactly.
pub(super) fn whole_of(number: f64) -> Option<i128> {
    // A double of this size is a whole number that 128 bits hold.
    (number.abs() < MAX_WHOLE && number.fract() == 0.0).then_some(number as i128)
}
