//! The fields of one message as protobuf would merge them, without building the message.
//!
//! A value of another wire type than its field's is an unknown field, and so is a closed enum's unknown number; a member
//! of a oneof unsets its siblings; the last value of a field counts, and occurrences of a sub-message are merged.

use std::collections::{HashMap, HashSet};

use buffa::editions::EnumType;
use buffa_descriptor::{DescriptorPool, EnumIndex, FieldKind, MessageDescriptor, ScalarType, SingularKind};

use super::budget::note;
use crate::schema::scan::{Fields, Wire, varint};

/// Values that are sorted to their fields for one unit.
pub(super) const WIRES_PER_UNIT: u64 = 4;

/// A value that is no message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::schema) enum Scalar<'a> {
    /// Signed integers and enums.
    Int(i64),
    Uint(u64),
    Float(f64),
    Bool(bool),
    Text(&'a str),
    Bytes(&'a [u8]),
}

impl Scalar<'_> {
    /// Whether it is its type's default.
    pub(super) fn is_zero(&self) -> bool {
        match self {
            Scalar::Int(value) => *value == 0,
            Scalar::Uint(value) => *value == 0,
            // The negative zero is a value.
            Scalar::Float(value) => value.to_bits() == 0,
            Scalar::Bool(value) => !value,
            Scalar::Text(text) => text.is_empty(),
            Scalar::Bytes(bytes) => bytes.is_empty(),
        }
    }

    /// The default of a type.
    pub(super) fn zero(kind: SingularKind, pool: &DescriptorPool) -> Scalar<'static> {
        match kind {
            SingularKind::Enum(index) => {
                Scalar::Int(pool.enumeration(index).values().first().map_or(0, |value| value.number().into()))
            }
            SingularKind::Message(_) => Scalar::Bytes(&[]),
            SingularKind::Scalar(scalar) => match scalar {
                ScalarType::Double | ScalarType::Float => Scalar::Float(0.0),
                ScalarType::Bool => Scalar::Bool(false),
                ScalarType::String => Scalar::Text(""),
                ScalarType::Bytes => Scalar::Bytes(&[]),
                ScalarType::Uint32 | ScalarType::Fixed32 | ScalarType::Uint64 | ScalarType::Fixed64 => Scalar::Uint(0),
                _ => Scalar::Int(0),
            },
        }
    }
}

/// A map's entry.
pub(super) struct Entry<'a> {
    pub(super) key: Scalar<'a>,
    /// What makes its value: scalars have at most one part.
    pub(super) value: Vec<Wire<'a>>,
}

/// The values of every field of one message, by the fields' places in its descriptor.
pub(super) struct Occurrences<'a> {
    fields: Vec<Vec<Wire<'a>>>,
}

/// The places of a message's fields by number, sorted.
pub(super) fn numbers(message: &MessageDescriptor) -> Vec<(u32, usize)> {
    let mut numbers: Vec<(u32, usize)> =
        message.fields().iter().enumerate().map(|(place, field)| (field.number(), place)).collect();
    numbers.sort_unstable();
    numbers
}

impl<'a> Occurrences<'a> {
    /// Sorts what the parts of a message hold.
    pub(super) fn of(
        pool: &DescriptorPool,
        message: &MessageDescriptor,
        numbers: &[(u32, usize)],
        parts: &[&'a [u8]],
    ) -> Self {
        let mut fields: Vec<Vec<Wire<'a>>> = vec![Vec::new(); message.fields().len()];
        // The member of each oneof that is there: only that one can have anything to unset.
        let mut present: Vec<Option<usize>> = vec![None; message.oneofs().len()];
        let mut count = 0;
        let mut reader = Reader::new(pool);
        for (number, wire) in parts.iter().flat_map(|part| Fields::new(part)).map_while(Result::ok) {
            count += 1;
            let Ok(at) = numbers.binary_search_by_key(&number, |(number, _)| *number) else { continue };
            let place = numbers[at].1;
            let field = &message.fields()[place];
            if !is_value(&mut reader, field.kind(), wire) {
                continue;
            }
            let oneof = field.oneof_index().and_then(|index| present.get_mut(usize::from(index)));
            if let Some(sibling) = oneof.and_then(|member| member.replace(place)).filter(|member| *member != place) {
                fields[sibling].clear();
            }
            fields[place].push(wire);
        }
        note(count / WIRES_PER_UNIT);
        Occurrences { fields }
    }

    /// Everything that the wire has of a field.
    pub(super) fn all(&self, place: usize) -> &[Wire<'a>] {
        &self.fields[place]
    }
}

/// Whether a wire value is one of the field, or of its packed or map form.
fn is_value(reader: &mut Reader<'_>, kind: FieldKind, wire: Wire<'_>) -> bool {
    match kind {
        FieldKind::Singular(kind) => reader.scalar(kind, wire).is_some() || is_message(kind, wire),
        FieldKind::List(kind) => {
            let is_packed = matches!(wire, Wire::Bytes(_)) && is_packable(kind);
            is_packed || reader.scalar(kind, wire).is_some() || is_message(kind, wire)
        }
        FieldKind::Map { .. } => matches!(wire, Wire::Bytes(_)),
    }
}

fn is_message(kind: SingularKind, wire: Wire<'_>) -> bool {
    matches!((kind, wire), (SingularKind::Message(_), Wire::Bytes(_) | Wire::Group(_)))
}

fn is_packable(kind: SingularKind) -> bool {
    !matches!(kind, SingularKind::Message(_) | SingularKind::Scalar(ScalarType::String | ScalarType::Bytes))
}

/// The bytes of a sub-message.
pub(super) fn message_bytes(wire: Wire<'_>) -> Option<&[u8]> {
    match wire {
        Wire::Bytes(bytes) | Wire::Group(bytes) => Some(bytes),
        _ => None,
    }
}

/// A scalar of this kind. `None`: it is none.
pub(in crate::schema) fn scalar<'a>(pool: &DescriptorPool, kind: SingularKind, wire: Wire<'a>) -> Option<Scalar<'a>> {
    scalar_among(kind, wire, |index, number| {
        let descriptor = pool.enumeration(index);
        descriptor.enum_type() == EnumType::Open || descriptor.value(number).is_some()
    })
}

/// Reads many scalars: a closed enum's numbers are looked up, not searched for.
struct Reader<'p> {
    pool: &'p DescriptorPool,
    /// The numbers of the closed enums that were met; `None` for an open one.
    enums: HashMap<EnumIndex, Option<HashSet<i32>>>,
}

impl<'p> Reader<'p> {
    fn new(pool: &'p DescriptorPool) -> Self {
        Reader { pool, enums: HashMap::new() }
    }

    fn scalar<'a>(&mut self, kind: SingularKind, wire: Wire<'a>) -> Option<Scalar<'a>> {
        let (pool, enums) = (self.pool, &mut self.enums);
        scalar_among(kind, wire, |index, number| {
            let numbers = enums.entry(index).or_insert_with(|| {
                let descriptor = pool.enumeration(index);
                let is_closed = descriptor.enum_type() == EnumType::Closed;
                is_closed.then(|| descriptor.values().iter().map(|value| value.number()).collect())
            });
            numbers.as_ref().is_none_or(|numbers| numbers.contains(&number))
        })
    }
}

/// A scalar of this kind; of an enum, if the enum may hold the number.
fn scalar_among<'a>(
    kind: SingularKind,
    wire: Wire<'a>,
    may_hold: impl FnOnce(EnumIndex, i32) -> bool,
) -> Option<Scalar<'a>> {
    let zigzag = |value: u64| (value >> 1) as i64 ^ -((value & 1) as i64);
    Some(match (kind, wire) {
        (SingularKind::Enum(index), Wire::Varint(value)) => {
            let number = value as i32;
            if !may_hold(index, number) {
                return None;
            }
            Scalar::Int(number.into())
        }
        (SingularKind::Scalar(scalar), wire) => match (scalar, wire) {
            (ScalarType::Double, Wire::Fixed64(bits)) => Scalar::Float(f64::from_bits(bits)),
            (ScalarType::Float, Wire::Fixed32(bits)) => Scalar::Float(f32::from_bits(bits).into()),
            (ScalarType::Int32, Wire::Varint(value)) => Scalar::Int((value as i32).into()),
            (ScalarType::Int64, Wire::Varint(value)) => Scalar::Int(value as i64),
            (ScalarType::Uint32, Wire::Varint(value)) => Scalar::Uint((value as u32).into()),
            (ScalarType::Uint64, Wire::Varint(value)) => Scalar::Uint(value),
            (ScalarType::Sint32, Wire::Varint(value)) => Scalar::Int(zigzag((value as u32).into())),
            (ScalarType::Sint64, Wire::Varint(value)) => Scalar::Int(zigzag(value)),
            (ScalarType::Fixed32, Wire::Fixed32(value)) => Scalar::Uint(value.into()),
            (ScalarType::Fixed64, Wire::Fixed64(value)) => Scalar::Uint(value),
            (ScalarType::Sfixed32, Wire::Fixed32(value)) => Scalar::Int((value as i32).into()),
            (ScalarType::Sfixed64, Wire::Fixed64(value)) => Scalar::Int(value as i64),
            (ScalarType::Bool, Wire::Varint(value)) => Scalar::Bool(value != 0),
            (ScalarType::String, Wire::Bytes(bytes)) => Scalar::Text(std::str::from_utf8(bytes).ok()?),
            (ScalarType::Bytes, Wire::Bytes(bytes)) => Scalar::Bytes(bytes),
            _ => return None,
        },
        _ => return None,
    })
}

/// Whether a list has an item: a packed run may be empty.
pub(super) fn has_items(pool: &DescriptorPool, kind: SingularKind, wires: &[Wire<'_>]) -> bool {
    let mut reader = Reader::new(pool);
    wires.iter().any(|wire| match *wire {
        Wire::Bytes(run) if is_packable(kind) => packed(kind, run).any(|wire| reader.scalar(kind, wire).is_some()),
        _ => true,
    })
}

/// The items of a list of scalars, packed or not.
pub(super) fn items<'a>(pool: &DescriptorPool, kind: SingularKind, wires: &[Wire<'a>]) -> Vec<Scalar<'a>> {
    let mut items = Vec::with_capacity(wires.len());
    let mut reader = Reader::new(pool);
    for wire in wires {
        match *wire {
            Wire::Bytes(run) if is_packable(kind) => {
                items.extend(packed(kind, run).filter_map(|wire| reader.scalar(kind, wire)));
            }
            wire => items.extend(reader.scalar(kind, wire)),
        }
    }
    items
}

fn packed(kind: SingularKind, run: &[u8]) -> impl Iterator<Item = Wire<'_>> {
    let width = match kind {
        SingularKind::Scalar(ScalarType::Double | ScalarType::Fixed64 | ScalarType::Sfixed64) => Some(8),
        SingularKind::Scalar(ScalarType::Float | ScalarType::Fixed32 | ScalarType::Sfixed32) => Some(4),
        _ => None,
    };
    let mut rest = run;
    std::iter::from_fn(move || {
        let Some(width) = width else {
            let (value, after) = varint(rest)?;
            rest = after;
            return Some(Wire::Varint(value));
        };
        let (taken, after) = rest.split_at_checked(width)?;
        rest = after;
        match width {
            8 => Some(Wire::Fixed64(u64::from_le_bytes(taken.try_into().ok()?))),
            _ => Some(Wire::Fixed32(u32::from_le_bytes(taken.try_into().ok()?))),
        }
    })
}

/// An entry of a map.
pub(super) fn entry<'a>(pool: &DescriptorPool, key: ScalarType, value: SingularKind, entry: &'a [u8]) -> Entry<'a> {
    let kind = SingularKind::Scalar(key);
    let mut found = Entry { key: Scalar::zero(kind, pool), value: Vec::new() };
    for (number, wire) in Fields::new(entry).map_while(Result::ok) {
        match number {
            1 => found.key = scalar(pool, kind, wire).unwrap_or(found.key),
            2 if is_message(value, wire) => found.value.push(wire),
            2 if scalar(pool, value, wire).is_some() => found.value = vec![wire],
            _ => {}
        }
    }
    found
}
