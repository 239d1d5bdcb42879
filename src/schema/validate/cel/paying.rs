//! The functions that expressions are rewritten to, which pay for what they do.

use std::borrow::Cow;
use std::sync::Arc;

use cel::common::ast::{Expr, IdedExpr, LiteralValue};
use cel::common::types::{CelBytes, CelList, CelMap, CelString};
use cel::common::value::Val;
use cel::{Context, ExecutionError, FunctionContext, Value};

use super::equality::{is_number, lookup};
use super::value::MARK;
use crate::schema::validate::budget::{self, Spent, units_of};

type Result<T = Value> = std::result::Result<T, ExecutionError>;

/// A loop's turn: its condition, the name of its item, its parts.
pub(super) const TURN: &str = "@turn";
/// A value at the end of a path: where it begins, and its steps. A text is a field, a list has an index in it.
pub(super) const GET: &str = "@get";
/// Whether a field is set: a path, the field's mark, and its name.
pub(super) const HAS: &str = "@has";
/// A sum.
pub(super) const ADD: &str = "@add";
/// `map` and `filter`: what to go through, the name of the item, the parts of the body, the condition, the value.
pub(super) const COLLECT: &str = "@collect";

/// How often the interpreter copies a value on its way to an operator or a function.
const COPIES: u64 = 3;
/// What a part of an expression costs by itself.
const PART_UNITS: u64 = 4;
/// What an entry of a map costs beside its value: its key is copied too.
const KEY_UNITS: u64 = 5;
/// Bytes that a value takes beside its text.
const VALUE_BYTES: usize = 64;

impl From<Spent> for ExecutionError {
    fn from(_: Spent) -> Self {
        ExecutionError::function_error("rule", "too much work")
    }
}

/// Adds these functions.
pub(super) fn add_to(context: &mut Context<'_>) {
    context.add_function(TURN, turn);
    context.add_function(GET, get);
    context.add_function(HAS, has);
    context.add_function(ADD, add);
    context.add_function(COLLECT, collect);
}

/// Pays for the parts of an expression.
pub(super) fn pay_parts(parts: i64) -> std::result::Result<(), Spent> {
    budget::pay(parts.unsigned_abs() * PART_UNITS)
}

/// Pays for a walk over a value.
pub(super) fn pay_value(value: &Value) -> std::result::Result<(), Spent> {
    match value {
        Value::String(text) => budget::pay_bytes(text.len()),
        Value::Bytes(bytes) => budget::pay_bytes(bytes.len()),
        Value::List(list) => {
            budget::pay(1)?;
            list.iter().try_for_each(pay_value)
        }
        Value::Map(map) => {
            budget::pay(1)?;
            map.map.values().try_for_each(|value| budget::pay(KEY_UNITS).and_then(|()| pay_value(value)))
        }
        _ => budget::pay(1),
    }
}

/// Pays for a value that was not there before.
pub(super) fn make_value(value: &Value) -> std::result::Result<(), Spent> {
    match value {
        Value::String(text) => budget::make(VALUE_BYTES + text.len()),
        Value::Bytes(bytes) => budget::make(VALUE_BYTES + bytes.len()),
        Value::List(list) => {
            budget::make(VALUE_BYTES)?;
            list.iter().try_for_each(make_value)
        }
        Value::Map(map) => {
            budget::make(VALUE_BYTES)?;
            map.map.values().try_for_each(|value| budget::make(VALUE_BYTES).and_then(|()| make_value(value)))
        }
        _ => budget::make(VALUE_BYTES),
    }
}

/// What a walk over a value costs, or anything that is more than what is left.
fn weight(value: &dyn Val) -> u64 {
    fn add(value: &dyn Val, sum: &mut u64, most: u64) {
        *sum += 1;
        if let Some(text) = value.downcast_ref::<CelString>() {
            *sum += units_of(text.inner().len());
        } else if let Some(bytes) = value.downcast_ref::<CelBytes>() {
            *sum += units_of(bytes.inner().len());
        } else if let Some(list) = value.downcast_ref::<CelList>() {
            for item in list.inner() {
                if *sum > most {
                    break;
                }
                add(item.as_ref(), sum, most);
            }
        } else if let Some(map) = value.downcast_ref::<CelMap>() {
            for value in map.inner().values() {
                if *sum > most {
                    break;
                }
                *sum += KEY_UNITS;
                add(value.as_ref(), sum, most);
            }
        }
    }
    let mut sum = 0;
    add(value, &mut sum, budget::left());
    sum
}

/// Pays for a value that is copied on its way.
fn pay_copies(value: &dyn Val) -> Result<()> {
    Ok(budget::pay(weight(value) * COPIES)?)
}

fn turn(call: &FunctionContext<'_, '_>) -> Result {
    let [condition, item, parts] = call.args else { return Err(ExecutionError::NoSuchOverload) };
    pay_parts(number(parts))?;
    // The item of the turn before: the first one has none.
    if let Some(item) = call.ptx.get_variable(name(item)) {
        pay_copies(item.as_ref())?;
    }
    Value::resolve(condition, call.ptx)
}

fn get(call: &FunctionContext<'_, '_>) -> Result {
    let Some((root, steps)) = call.args.split_first() else { return Err(ExecutionError::NoSuchOverload) };
    let root = Value::resolve_val(root, call.ptx)?;
    match follow(root.as_ref(), steps, call.ptx)? {
        Some(found) => {
            budget::pay(PART_UNITS)?;
            pay_copies(found)?;
            Value::try_from(found)
        }
        None => Ok(Value::Bool(false)),
    }
}

fn has(call: &FunctionContext<'_, '_>) -> Result {
    let [root, steps @ .., marked, field] = call.args else { return Err(ExecutionError::NoSuchOverload) };
    let root = Value::resolve_val(root, call.ptx)?;
    let found = follow(root.as_ref(), steps, call.ptx)?.and_then(|found| found.downcast_ref::<CelMap>());
    budget::pay(PART_UNITS)?;
    let asked = |field: &dyn Val| found.map_or(Ok(false), |map| contains(map, field));
    // A message, or a map.
    let is_message = asked(&CelString::from(MARK))?;
    let field = if is_message { marked } else { field };
    let Expr::Literal(LiteralValue::String(field)) = &field.expr else { return Err(ExecutionError::NoSuchOverload) };
    Ok(Value::Bool(asked(field)?))
}

fn contains(map: &CelMap, field: &dyn Val) -> Result<bool> {
    map.as_container().map_or(Ok(false), |map| map.contains(field))
}

/// What is at the end of a path. `None`: a field of something that has none, which is false to the interpreter.
fn follow<'a>(root: &'a dyn Val, steps: &[IdedExpr], context: &Context<'_>) -> Result<Option<&'a dyn Val>> {
    let mut at = root;
    for step in steps {
        let index;
        let key: &dyn Val = match &step.expr {
            Expr::Literal(LiteralValue::String(_)) if at.downcast_ref::<CelMap>().is_none() => return Ok(None),
            Expr::Literal(LiteralValue::String(field)) => field,
            Expr::List(list) => {
                let expression = list.elements.first().ok_or(ExecutionError::NoSuchOverload)?;
                index = Value::resolve_val(expression, context)?;
                index.as_ref()
            }
            _ => return Err(ExecutionError::NoSuchOverload),
        };
        let equal = at.downcast_ref::<CelMap>().filter(|_| is_number(key)).and_then(|map| lookup(map, key));
        if let Some(found) = equal {
            at = found;
            continue;
        }
        at = match at.as_indexer().ok_or(ExecutionError::NoSuchOverload)?.get(key)? {
            Cow::Borrowed(found) => found,
            Cow::Owned(_) => return Err(ExecutionError::NoSuchOverload),
        };
    }
    Ok(Some(at))
}

fn add(call: &FunctionContext<'_, '_>) -> Result {
    let [left, right] = call.args else { return Err(ExecutionError::NoSuchOverload) };
    let (left, right) = (Value::resolve_val(left, call.ptx)?, Value::resolve_val(right, call.ptx)?);
    let (left, right) = (left.as_ref(), right.as_ref());
    budget::pay(PART_UNITS)?;
    pay_copies(left)?;
    pay_copies(right)?;
    budget::make(size(left) + size(right))?;
    let adder = left.as_adder();
    let adder = adder.ok_or_else(|| {
        let shown = |value: &dyn Val| Value::try_from(value).unwrap_or(Value::Null);
        ExecutionError::UnsupportedBinaryOperator("add", shown(left), shown(right))
    })?;
    Value::try_from(adder.add(right)?.as_ref())
}

/// Bytes of a value that may be a part of a new one.
fn size(value: &dyn Val) -> usize {
    if let Some(text) = value.downcast_ref::<CelString>() {
        VALUE_BYTES + text.inner().len()
    } else if let Some(bytes) = value.downcast_ref::<CelBytes>() {
        VALUE_BYTES + bytes.inner().len()
    } else if let Some(list) = value.downcast_ref::<CelList>() {
        list.inner().iter().fold(VALUE_BYTES, |sum, item| sum + size(item.as_ref()))
    } else if let Some(map) = value.downcast_ref::<CelMap>() {
        map.inner().values().fold(VALUE_BYTES, |sum, value| sum + VALUE_BYTES + size(value.as_ref()))
    } else {
        0
    }
}

fn collect(call: &FunctionContext<'_, '_>) -> Result {
    let [range, item, parts, condition, value] = call.args else { return Err(ExecutionError::NoSuchOverload) };
    let range = Value::resolve_val(range, call.ptx)?;
    let mut items = range.as_iterable().ok_or(ExecutionError::NoSuchOverload)?.iter();
    let mut scope = call.ptx.new_inner_scope();
    let mut collected = Vec::new();
    while let Some(next) = items.next() {
        pay_parts(number(parts))?;
        pay_copies(next)?;
        scope.add_variable_from_value(name(item), Value::try_from(next)?);
        match Value::resolve(condition, &scope)? {
            Value::Bool(true) => {}
            Value::Bool(false) => continue,
            _ => return Err(ExecutionError::NoSuchOverload),
        }
        let value = Value::resolve_val(value, &scope)?;
        pay_copies(value.as_ref())?;
        let value = Value::try_from(value.as_ref())?;
        make_value(&value)?;
        collected.push(value);
    }
    Ok(Value::List(Arc::new(collected)))
}

fn name(expression: &IdedExpr) -> &str {
    if let Expr::Ident(name) = &expression.expr { name } else { "" }
}

fn number(expression: &IdedExpr) -> i64 {
    if let Expr::Literal(LiteralValue::Int(number)) = &expression.expr { *number.inner() } else { 0 }
}
