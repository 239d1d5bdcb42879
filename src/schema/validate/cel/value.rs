//! Values for rules in CEL, made from wire bytes.
//!
//! A message is a map of all its fields by their proto names, unset ones with their defaults, as CEL asks. Beside each
//! field that is set stands a mark, by which `has(m.f)` knows. Whatever is made is paid for.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use buffa::editions::FieldPresence;
use buffa_descriptor::{DescriptorPool, FieldKind, MessageIndex, ScalarType, SingularKind};
use cel::Value;
use cel::objects::{Key, Map};
use chrono::{DateTime, FixedOffset, TimeDelta, Utc};

use crate::schema::scan::Wire;
use crate::schema::validate::budget::{pay, pay_bytes};
use crate::schema::validate::occurrences::{
    Occurrences, Scalar, WIRES_PER_UNIT, entry, has_items, items, message_bytes, numbers, scalar as read,
};

/// Before a field's name it says that the field is set; alone, that the map is a message.
pub(super) const MARK: &str = "\0";

/// What a field costs, and an item: the interpreter copies them once for itself.
const FIELD_UNITS: u64 = 8;
const ITEM_UNITS: u64 = 3;
/// How deep messages are followed. The transcoder refuses what is deeper.
const MAX_DEPTH: u32 = 100;
/// How deep the defaults of messages that are not there are made.
const DEFAULT_DEPTH: u32 = 2;

/// Whether messages of this name are maps of their fields here, and not values of another kind.
pub(super) fn is_plain(full_name: &str) -> bool {
    !full_name
        .strip_prefix("google.protobuf.")
        .is_some_and(|name| name.ends_with("Value") || matches!(name, "Timestamp" | "Duration" | "Struct"))
}

/// A scalar.
pub(in crate::schema::validate) fn scalar(value: Scalar<'_>) -> Value {
    match value {
        Scalar::Int(number) => Value::Int(number),
        Scalar::Uint(number) => Value::UInt(number),
        Scalar::Float(number) => Value::Float(number),
        Scalar::Bool(value) => Value::Bool(value),
        Scalar::Text(text) => {
            // Whether there is anything left is asked where the value is used.
            let _ = pay_bytes(text.len());
            Value::String(Arc::new(text.to_owned()))
        }
        Scalar::Bytes(bytes) => {
            let _ = pay_bytes(bytes.len());
            Value::Bytes(Arc::new(bytes.to_vec()))
        }
    }
}

/// The value of a singular field from its parts; of a scalar the last one counts.
pub(in crate::schema::validate) fn singular(pool: &DescriptorPool, kind: SingularKind, parts: &[Wire<'_>]) -> Value {
    one(pool, kind, parts, MAX_DEPTH)
}

/// A list.
pub(in crate::schema::validate) fn list(pool: &DescriptorPool, kind: SingularKind, wires: &[Wire<'_>]) -> Value {
    many(pool, kind, wires, MAX_DEPTH)
}

/// A map.
pub(in crate::schema::validate) fn map(
    pool: &DescriptorPool,
    key: ScalarType,
    value: SingularKind,
    wires: &[Wire<'_>],
) -> Value {
    entries(pool, key, value, wires, MAX_DEPTH)
}

/// A message from its parts, with the fields that are asked for.
pub(in crate::schema::validate) fn message(
    pool: &DescriptorPool,
    index: MessageIndex,
    parts: &[&[u8]],
    wanted: &dyn Fn(&str) -> bool,
) -> Value {
    fields(pool, index, parts, wanted, MAX_DEPTH)
}

fn fields(
    pool: &DescriptorPool,
    index: MessageIndex,
    parts: &[&[u8]],
    wanted: &dyn Fn(&str) -> bool,
    depth: u32,
) -> Value {
    let descriptor = pool.message(index);
    let occurrences = Occurrences::of(pool, descriptor, &numbers(descriptor), parts);
    let count: usize = (0..descriptor.fields().len()).map(|place| occurrences.all(place).len()).sum();
    let bytes: usize = parts.iter().map(|part| part.len()).sum();
    // Whether there is anything left is asked below, and where the value is used.
    let _ = pay_bytes(bytes).and_then(|()| pay(count as u64 / WIRES_PER_UNIT));
    let mut made: HashMap<Key, Value> = HashMap::new();
    made.insert(Key::from(MARK), Value::Bool(true));
    for (place, field) in descriptor.fields().iter().enumerate().filter(|(_, field)| wanted(field.name())) {
        if pay(FIELD_UNITS).is_err() {
            break;
        }
        let wires = occurrences.all(place);
        let (value, is_set) = match field.kind() {
            FieldKind::List(kind) => (many(pool, kind, wires, depth), has_items(pool, kind, wires)),
            FieldKind::Map { key, value } => (entries(pool, key, value, wires, depth), !wires.is_empty()),
            FieldKind::Singular(kind) => {
                let is_default = || {
                    let value = wires.last().and_then(|wire| read(pool, kind, *wire));
                    value.is_none_or(|value| value.is_zero())
                };
                let is_set = match field.presence() {
                    FieldPresence::Implicit => !is_default(),
                    _ => !wires.is_empty(),
                };
                (one(pool, kind, wires, depth), is_set)
            }
        };
        if is_set {
            made.insert(Key::from(format!("{MARK}{}", field.name())), Value::Bool(true));
        }
        made.insert(Key::from(field.name()), value);
    }
    Value::Map(Map { map: Arc::new(made) })
}

fn one(pool: &DescriptorPool, kind: SingularKind, wires: &[Wire<'_>], depth: u32) -> Value {
    let SingularKind::Message(index) = kind else {
        let value = wires.last().and_then(|wire| read(pool, kind, *wire));
        return scalar(value.unwrap_or_else(|| Scalar::zero(kind, pool)));
    };
    let parts: Vec<&[u8]> = wires.iter().filter_map(|wire| message_bytes(*wire)).collect();
    let name = pool.message(index).full_name();
    if let Some(value) = well_known(pool, index, name, &parts, depth) {
        return value;
    }
    let depth = if parts.is_empty() { depth.min(DEFAULT_DEPTH) } else { depth };
    match depth.checked_sub(1) {
        Some(depth) if pay(1).is_ok() => fields(pool, index, &parts, &|_| true, depth),
        _ => Value::Null,
    }
}

fn many(pool: &DescriptorPool, kind: SingularKind, wires: &[Wire<'_>], depth: u32) -> Value {
    let made: Vec<Value> = match kind {
        SingularKind::Message(_) => wires
            .iter()
            .take_while(|_| pay(ITEM_UNITS).is_ok())
            .map(|wire| one(pool, kind, std::slice::from_ref(wire), depth))
            .collect(),
        _ => items(pool, kind, wires).into_iter().take_while(|_| pay(ITEM_UNITS).is_ok()).map(scalar).collect(),
    };
    Value::List(Arc::new(made))
}

fn entries(pool: &DescriptorPool, key: ScalarType, value: SingularKind, wires: &[Wire<'_>], depth: u32) -> Value {
    let mut made: HashMap<Key, Value> = HashMap::new();
    for bytes in wires.iter().filter_map(|wire| message_bytes(*wire)).take_while(|_| pay(ITEM_UNITS).is_ok()) {
        let entry = entry(pool, key, value, bytes);
        let key = match entry.key {
            Scalar::Int(number) => Key::Int(number),
            Scalar::Uint(number) => Key::Uint(number),
            Scalar::Bool(value) => Key::Bool(value),
            Scalar::Text(text) => Key::from(text),
            Scalar::Float(_) | Scalar::Bytes(_) => continue,
        };
        made.insert(key, one(pool, value, &entry.value, depth));
    }
    Value::Map(Map { map: Arc::new(made) })
}

/// The messages that are values of their own kind in CEL.
fn well_known(
    pool: &DescriptorPool,
    index: MessageIndex,
    full_name: &str,
    parts: &[&[u8]],
    depth: u32,
) -> Option<Value> {
    let name = full_name.strip_prefix("google.protobuf.").filter(|_| !is_plain(full_name))?;
    let descriptor = pool.message(index);
    let occurrences = Occurrences::of(pool, descriptor, &numbers(descriptor), parts);
    let place = |name: &str| descriptor.fields().iter().position(|field| field.name() == name);
    let field = |name: &str| -> Value {
        let Some((place, depth)) = place(name).zip(depth.checked_sub(1)) else { return Value::Null };
        match descriptor.fields()[place].kind() {
            FieldKind::Singular(kind) => one(pool, kind, occurrences.all(place), depth),
            FieldKind::List(kind) => many(pool, kind, occurrences.all(place), depth),
            FieldKind::Map { key, value } => entries(pool, key, value, occurrences.all(place), depth),
        }
    };
    let number = |name: &str| if let Value::Int(number) = field(name) { number } else { 0 };
    let nanos = || u32::try_from(number("nanos")).unwrap_or(0);
    Some(match name {
        "Timestamp" => DateTime::<Utc>::from_timestamp(number("seconds"), nanos()).map_or(Value::Null, timestamp),
        "Duration" => {
            let whole = TimeDelta::try_seconds(number("seconds"));
            let span = whole.and_then(|whole| whole.checked_add(&TimeDelta::nanoseconds(number("nanos"))));
            span.map_or(Value::Null, Value::Duration)
        }
        "Struct" => field("fields"),
        "ListValue" => field("values"),
        "Value" => {
            let kinds = ["number_value", "string_value", "bool_value", "struct_value", "list_value"];
            let set = |name: &&str| place(name).is_some_and(|place| !occurrences.all(place).is_empty());
            kinds.iter().copied().find(|name| set(name)).map_or(Value::Null, field)
        }
        _ if parts.is_empty() => Value::Null,
        _ => field("value"),
    })
}

fn timestamp(time: DateTime<Utc>) -> Value {
    Value::Timestamp(time.with_timezone(&FixedOffset::east_opt(0).expect("no offset is in range")))
}

/// A point in time as a value.
pub(super) fn timestamp_at(time: SystemTime) -> Value {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
    DateTime::<Utc>::from_timestamp(seconds, since.subsec_nanos()).map_or(Value::Null, timestamp)
}
