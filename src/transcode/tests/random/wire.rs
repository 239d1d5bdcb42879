//! Wire bytes at random for a message of a schema: mostly what its fields want, sometimes something else.

use buffa_descriptor::{DescriptorPool, FieldDescriptor, FieldKind, MessageDescriptor, ScalarType, SingularKind};

use super::super::notation::varint;
use super::choices::Choices;
use super::schema::MESSAGES;

const TEXTS: [&str; 8] =
    ["", "a", "b", "é\"\\\n", "\u{0}\u{7f}\u{2028}", "a_b,c", "sixteen bytes and more of text", "k"];
const DOUBLES: [f64; 12] =
    [0.0, 1.0, -0.0, 0.1, -1.5, 1e21, 1e300, 5e-324, 9_007_199_254_740_993.0, f64::NAN, f64::INFINITY, f64::MIN];
const INTEGERS: [u64; 12] = [0, 1, 2, 5, 127, 128, 300, u64::MAX, 1 << 31, u32::MAX as u64, 1 << 63, (1 << 53) + 1];

/// A message's bytes.
pub(super) fn message(
    pool: &DescriptorPool,
    message: &MessageDescriptor,
    choices: &mut Choices<'_>,
    depth: u32,
) -> Vec<u8> {
    let mut out = Vec::new();
    match message.full_name() {
        "google.protobuf.Any" => any(pool, choices, depth, &mut out),
        "google.protobuf.Timestamp" | "google.protobuf.Duration" => time(choices, &mut out),
        "google.protobuf.FieldMask" => {
            for _ in 0..choices.below(3) {
                bytes(1, choices.one(&["a", "a_b", "a_b.c", "a1", "aB", "a__b", ""]).as_bytes(), &mut out);
            }
        }
        _ => fields(pool, message, choices, depth, &mut out),
    }
    if choices.rarely(16) {
        unknown(choices, &mut out);
    }
    out
}

fn fields(
    pool: &DescriptorPool,
    message: &MessageDescriptor,
    choices: &mut Choices<'_>,
    depth: u32,
    out: &mut Vec<u8>,
) {
    let own: Vec<&FieldDescriptor> = message.fields().iter().collect();
    let extensions = pool.message_index(message.full_name()).into_iter();
    let extensions = extensions.flat_map(|index| pool.extensions_of(index)).map(|extension| extension.field());
    let all: Vec<&FieldDescriptor> = own.into_iter().chain(extensions).collect();
    if all.is_empty() {
        return;
    }
    for _ in 0..choices.below(if depth == 0 { 2 } else { 6 }) {
        let chosen = all[choices.below(all.len())];
        field(pool, chosen, choices, depth, out);
    }
}

fn field(pool: &DescriptorPool, field: &FieldDescriptor, choices: &mut Choices<'_>, depth: u32, out: &mut Vec<u8>) {
    let number = u64::from(field.number());
    if choices.rarely(6) {
        // The right number with any wire type. The other implementation takes a delimited message behind a length, too.
        let wire = [0, 1, 5, 2][choices.below(if field.is_delimited() { 3 } else { 4 })];
        varint(number << 3 | wire, out);
        return payload(wire, choices, out);
    }
    match field.kind() {
        FieldKind::Singular(kind) => single(pool, number, kind, field.is_delimited(), choices, depth, out),
        FieldKind::List(kind) => {
            let packable = match kind {
                SingularKind::Scalar(scalar) => !matches!(scalar, ScalarType::String | ScalarType::Bytes),
                SingularKind::Enum(_) => true,
                SingularKind::Message(_) => false,
            };
            if packable && choices.rarely(160) {
                let mut run = Vec::new();
                for _ in 0..choices.below(4) {
                    scalar(pool, kind, choices, &mut run);
                }
                bytes(number, &run, out);
            } else {
                for _ in 0..choices.below(3) + 1 {
                    single(pool, number, kind, field.is_delimited(), choices, depth, out);
                }
            }
        }
        FieldKind::Map { key, value } => {
            for _ in 0..choices.below(4) + 1 {
                let mut entry = Vec::new();
                let key_first = !choices.rarely(40);
                // The default of a closed enum is its first value; the other implementation takes 0.
                let must_have_value = matches!(value, SingularKind::Enum(_));
                for part in [key_first, !key_first] {
                    if choices.rarely(16) && (part || !must_have_value) {
                        continue;
                    }
                    if part {
                        single(pool, 1, SingularKind::Scalar(key), false, choices, depth, &mut entry);
                    } else {
                        single(pool, 2, value, false, choices, depth, &mut entry);
                    }
                }
                if choices.rarely(12) {
                    single(pool, 2, value, false, choices, depth, &mut entry);
                }
                bytes(number, &entry, out);
            }
        }
    }
}

fn single(
    pool: &DescriptorPool,
    number: u64,
    kind: SingularKind,
    delimited: bool,
    choices: &mut Choices<'_>,
    depth: u32,
    out: &mut Vec<u8>,
) {
    let SingularKind::Message(index) = kind else {
        varint(number << 3 | wire_type(kind), out);
        return scalar(pool, kind, choices, out);
    };
    let body = if depth == 0 { Vec::new() } else { message(pool, pool.message(index), choices, depth - 1) };
    if delimited {
        varint(number << 3 | 3, out);
        out.extend(body);
        varint(number << 3 | 4, out);
    } else {
        bytes(number, &body, out);
    }
}

fn wire_type(kind: SingularKind) -> u64 {
    match kind {
        SingularKind::Scalar(ScalarType::String | ScalarType::Bytes) | SingularKind::Message(_) => 2,
        SingularKind::Scalar(ScalarType::Fixed32 | ScalarType::Sfixed32 | ScalarType::Float) => 5,
        SingularKind::Scalar(ScalarType::Fixed64 | ScalarType::Sfixed64 | ScalarType::Double) => 1,
        _ => 0,
    }
}

fn scalar(pool: &DescriptorPool, kind: SingularKind, choices: &mut Choices<'_>, out: &mut Vec<u8>) {
    match kind {
        SingularKind::Scalar(ScalarType::String) => text(choices, out),
        SingularKind::Scalar(ScalarType::Bytes) => {
            let length = choices.below(6);
            varint(length as u64, out);
            out.extend((0..length).map(|_| choices.byte()));
        }
        SingularKind::Scalar(ScalarType::Float) => out.extend((*choices.one(&DOUBLES) as f32).to_le_bytes()),
        SingularKind::Scalar(ScalarType::Double) => out.extend(choices.one(&DOUBLES).to_le_bytes()),
        // Any other number of it would print as null, too, and null is read as 0.
        SingularKind::Enum(index) if pool.enumeration(index).full_name() == "google.protobuf.NullValue" => out.push(0),
        SingularKind::Enum(_) => {
            let number: i64 = *choices.one(&[0, 1, 2, 5, -1, 300, 7, i64::from(i32::MAX), i64::from(i32::MIN)]);
            varint(number as u64, out);
        }
        kind => payload(wire_type(kind), choices, out),
    }
}

/// Any value of a wire type.
fn payload(wire: u64, choices: &mut Choices<'_>, out: &mut Vec<u8>) {
    let integer = if choices.rarely(40) { choices.word() } else { *choices.one(&INTEGERS) };
    match wire {
        0 if integer < 0x80 && choices.rarely(10) => out.extend([integer as u8 | 0x80, 0x80, 0]),
        0 => varint(integer, out),
        1 => out.extend(integer.to_le_bytes()),
        2 => text(choices, out),
        _ => out.extend((integer as u32).to_le_bytes()),
    }
}

fn text(choices: &mut Choices<'_>, out: &mut Vec<u8>) {
    let text = choices.one(&TEXTS).as_bytes();
    varint(text.len() as u64, out);
    out.extend_from_slice(text);
}

fn bytes(number: u64, body: &[u8], out: &mut Vec<u8>) {
    varint(number << 3 | 2, out);
    varint(body.len() as u64, out);
    out.extend_from_slice(body);
}

/// Fields that no message has, a group among them.
fn unknown(choices: &mut Choices<'_>, out: &mut Vec<u8>) {
    let inside = choices.below(3) as u64;
    varint(90 << 3 | 3, out);
    for _ in 0..inside {
        varint(91 << 3, out);
        varint(choices.word(), out);
    }
    varint(90 << 3 | 4, out);
}

fn time(choices: &mut Choices<'_>, out: &mut Vec<u8>) {
    let seconds: i64 =
        *choices.one(&[0, 1, -1, 1_700_000_000, -62_135_596_800, 253_402_300_799, 315_576_000_000, i64::MAX]);
    let nanos: i64 = *choices.one(&[0, 1, 500_000_000, 999_999_999, -1, -500_000_000, 1_000_000_000]);
    varint(1 << 3, out);
    varint(seconds as u64, out);
    if nanos != 0 {
        varint(2 << 3, out);
        varint(nanos as u64, out);
    }
}

fn any(pool: &DescriptorPool, choices: &mut Choices<'_>, depth: u32, out: &mut Vec<u8>) {
    let own = format!("r.M{}", choices.below(MESSAGES));
    // The other implementation does not print the extensions of what is in an Any.
    let extended = pool.message_index(&own).is_some_and(|index| pool.extensions_of(index).next().is_some());
    let own = if extended { "google.protobuf.Empty" } else { own.as_str() };
    let inner = [own, "google.protobuf.Duration", "google.protobuf.Any", "google.protobuf.Struct", "r.Gone"];
    let name = *choices.one(&inner);
    bytes(1, format!("type.googleapis.com/{name}").as_bytes(), out);
    if let (Some(inner), true) = (pool.message_by_name(name), depth > 0) {
        bytes(2, &message(pool, inner, choices, depth - 1), out);
    }
}
