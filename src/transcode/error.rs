//! What can be wrong with a payload, and where.
//!
//! Promises that no payload text gets into an error: field names, indices and bounds, never values or map keys. The one
//! exception is the name of a JSON member that the schema does not know, shortened and cleaned, because a publisher
//! cannot find its typing mistake without it.

use std::fmt::Write as _;

/// Why a payload cannot be printed or read, and where. Never holds payload text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{problem}", if path.is_empty() { String::new() } else { format!("{path}: ") })]
pub struct TranscodeError {
    /// The field's path in JSON names, `file.tags[2]`. Empty: the message as a whole. Entries of a map are numbered as
    /// they come, since a key is payload.
    pub path: String,
    /// Where in the input, in bytes: the tag of the innermost field (wire), or where the parser stood (JSON).
    pub offset: usize,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong with a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The bytes end inside a field.
    #[error("the bytes end in the middle of a field")]
    Truncated,
    /// A varint of more than ten bytes or 64 bits.
    #[error("a varint is longer than 64 bits")]
    VarintTooLong,
    /// Field number 0, wire type 6 or 7, or a tag beyond 32 bits.
    #[error("not a protobuf tag")]
    InvalidTag,
    /// An end of group without its start, or of another group.
    #[error("a group ends that was not begun")]
    StrayEndGroup,
    /// A string that is not UTF-8.
    #[error("a string is not UTF-8")]
    InvalidUtf8,
    /// Nesting beyond [`super::Options::max_depth`].
    #[error("nested deeper than {max_depth} levels")]
    TooDeep {
        /// The bound.
        max_depth: u32,
    },
    /// More elements than [`super::Options::max_elements`].
    #[error("more than {max_elements} elements (repeated items, map entries, list and struct members)")]
    TooManyElements {
        /// The bound.
        max_elements: u32,
    },
    /// More JSON than [`super::Options::max_json_bytes`].
    #[error("more than {max_json_bytes} bytes of JSON")]
    JsonTooLarge {
        /// The bound.
        max_json_bytes: usize,
    },
    /// A required field (proto2, `LEGACY_REQUIRED`) is missing.
    #[error("a required field is missing")]
    RequiredMissing,
    /// NaN or an infinity where it is refused.
    #[error("NaN and the infinities are not allowed")]
    NonFinite,
    /// A `[jstype = JS_NUMBER]` integer that a JavaScript number cannot hold.
    #[error("beyond 2^53 - 1, which the field's JS_NUMBER does not allow")]
    BeyondJsNumber,
    /// Outside years 0001 to 9999, or nanoseconds outside a second.
    #[error("not a timestamp of the years 0001 to 9999")]
    TimestampRange,
    /// Outside ±315,576,000,000 s, or seconds and nanoseconds of different sign.
    #[error("not a duration within 10000 years")]
    DurationRange,
    /// A field mask path that does not survive camelCase and back.
    #[error("a field mask path that has no JSON form")]
    FieldMaskPath,
    /// An `Any` whose type URL has no slash or is missing.
    #[error("an Any without a valid type URL")]
    AnyUrl,
    /// An `Any` whose type is not in the schema.
    #[error("an Any of a type that the schema does not know")]
    AnyUnknownType,
    /// Not JSON.
    #[error("not valid JSON")]
    JsonSyntax,
    /// A member that the message does not have.
    #[error("no such field in the message")]
    UnknownField,
    /// The same field twice in one object.
    #[error("the field is given twice")]
    DuplicateField,
    /// Two members of one oneof.
    #[error("another member of the same oneof is given too")]
    SecondOneofMember,
    /// Null where there is no absence: a repeated element or map value.
    #[error("null is not allowed in a list or map")]
    NullElement,
    /// Something else than the field takes.
    #[error("expected {expected}")]
    Expected {
        /// What the field takes.
        expected: &'static str,
    },
}

/// Why the interpreter stopped; one byte, so that results travel in a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// Not an error: this level needs the slow path.
    Conflict,
    /// Not an error: the event is to start again on the slow path.
    Restart,
    Truncated,
    Varint,
    Tag,
    EndGroup,
    Utf8,
    Depth,
    Elements,
    Size,
    Required,
    NonFinite,
    JsNumber,
    Timestamp,
    Duration,
    Mask,
    AnyUrl,
    AnyType,
}

impl Stop {
    /// The public problem, with the bounds that were hit.
    pub(super) fn problem(self, options: &super::Options) -> Problem {
        match self {
            // The first two never get out: a level catches a conflict, and the slow path knows neither.
            Self::Conflict | Self::Restart | Self::Truncated => Problem::Truncated,
            Self::Varint => Problem::VarintTooLong,
            Self::Tag => Problem::InvalidTag,
            Self::EndGroup => Problem::StrayEndGroup,
            Self::Utf8 => Problem::InvalidUtf8,
            Self::Depth => Problem::TooDeep { max_depth: options.max_depth },
            Self::Elements => Problem::TooManyElements { max_elements: options.max_elements },
            Self::Size => Problem::JsonTooLarge { max_json_bytes: options.max_json_bytes },
            Self::Required => Problem::RequiredMissing,
            Self::NonFinite => Problem::NonFinite,
            Self::JsNumber => Problem::BeyondJsNumber,
            Self::Timestamp => Problem::TimestampRange,
            Self::Duration => Problem::DurationRange,
            Self::Mask => Problem::FieldMaskPath,
            Self::AnyUrl => Problem::AnyUrl,
            Self::AnyType => Problem::AnyUnknownType,
        }
    }
}

/// One step of a path.
#[derive(Clone, Copy, Debug)]
pub(super) enum Segment<'p> {
    /// A field by its JSON name.
    Field(&'p str),
    /// An element of a list, or an entry of a map by its place.
    Index(u32),
}

/// `a.b[2].c` from segments, outermost first.
pub(super) fn join_path<'p>(segments: impl Iterator<Item = Segment<'p>>) -> String {
    let mut path = String::new();
    for segment in segments {
        match segment {
            Segment::Field(name) => {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(name);
            }
            Segment::Index(index) => {
                // Writing to a String cannot fail.
                let _ = write!(path, "[{index}]");
            }
        }
    }
    path
}
