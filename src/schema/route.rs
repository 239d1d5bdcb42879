//! The channels of an event, read off its own fields.
//!
//! Parameters are taken straight from the wire bytes, with protobuf's rules: the last value of a field wins, occurrences of
//! a sub-message are merged, a member of a oneof unsets its siblings. Nothing is allocated but the names.

use std::borrow::Cow;
use std::sync::Arc;

use buffa_descriptor::{ScalarType, SingularKind};

use super::escape::escape_into;
use super::scan::{Fields, Malformed, Wire};
use super::template::{ParameterKind, Segment};
use super::{ChannelTemplate, EventType, Schema};
use crate::ids::{ChannelName, MAX_CHANNEL_NAME_BYTES};

/// Why an event's channels cannot be worked out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// A parameter's field is empty: not set, or holding its type's default where that means "not set".
    #[error("{field} is empty, and it names the channel {template}")]
    EmptyParameter {
        /// The field's path in JSON names, `project.id`.
        field: String,
        /// The template that it should have filled.
        template: Arc<str>,
    },
    /// The channel's name would be too long.
    #[error("{field} makes the name of the channel {template} longer than {MAX_CHANNEL_NAME_BYTES} bytes")]
    NameTooLong {
        /// The field's path in JSON names.
        field: String,
        /// The template that it fills.
        template: Arc<str>,
    },
    /// The payload is no message of the event's type.
    #[error("the payload of {event} is not a well-formed message")]
    Malformed {
        /// The event's type.
        event: Arc<str>,
    },
}

impl RouteError {
    /// The field at fault, in JSON names; empty when it is the payload as a whole.
    pub fn path(&self) -> &str {
        match self {
            RouteError::EmptyParameter { field, .. } | RouteError::NameTooLong { field, .. } => field,
            RouteError::Malformed { .. } => "",
        }
    }
}

/// How an event fills one template.
#[derive(Debug)]
pub(super) struct Binding {
    /// The template's place in [`Schema::channels`].
    pub(super) channel: usize,
    /// One for each parameter of the template, in order.
    pub(super) parameters: Box<[Extractor]>,
}

/// Where in an event a parameter's value is.
#[derive(Debug)]
pub(super) struct Extractor {
    /// The fields to go through; the last one holds the value.
    pub(super) steps: Box<[Step]>,
    /// The last field's type.
    pub(super) field: SingularKind,
    /// What it holds.
    pub(super) kind: ParameterKind,
    /// Whether a default value on the wire was put there on purpose.
    pub(super) explicit_presence: bool,
    /// The path in JSON names.
    pub(super) json_path: Box<str>,
}

/// One field on the way to a parameter's value.
#[derive(Debug)]
pub(super) struct Step {
    /// The field's number.
    pub(super) number: u32,
    /// A message between start and end tags, not behind its length.
    pub(super) delimited: bool,
    /// The other members of its oneof.
    pub(super) siblings: Box<[u32]>,
}

impl Extractor {
    /// The numbers of the fields to go through: what the value is, whatever the fields are called.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u32> {
        self.steps.iter().map(|step| step.number)
    }

    fn find<'a>(&self, payload: &'a [u8]) -> Result<Option<Wire<'a>>, Malformed> {
        let mut found = None;
        walk(payload, &self.steps, &|wire| self.accepts(wire), &mut found)?;
        Ok(found)
    }

    /// The value's text, escaped; what is not set, or is no value of the field, prints as its type's default.
    pub(super) fn text(&self, payload: &[u8]) -> Result<String, Malformed> {
        let mut text = String::new();
        if let Some(wire) = self.find(payload)?
            && !is_zero(wire)
        {
            self.write(wire, &mut text)?;
        }
        Ok(text)
    }

    /// Appends the value's text, escaped. A field that is not set adds nothing.
    pub(super) fn append(&self, payload: &[u8], text: &mut String) -> Result<(), Malformed> {
        match self.find(payload)? {
            Some(wire) => self.write(wire, text).map(|_| ()),
            None => Ok(()),
        }
    }

    /// Whether this value is one of the field's. Others are unknown fields, as protobuf has it.
    fn accepts(&self, wire: Wire<'_>) -> bool {
        match (self.field, wire) {
            (SingularKind::Scalar(ScalarType::String), Wire::Bytes(_)) => true,
            (SingularKind::Scalar(ScalarType::Fixed32 | ScalarType::Sfixed32), Wire::Fixed32(_)) => true,
            (SingularKind::Scalar(ScalarType::Fixed64 | ScalarType::Sfixed64), Wire::Fixed64(_)) => true,
            (
                SingularKind::Scalar(
                    ScalarType::Int32
                    | ScalarType::Int64
                    | ScalarType::Uint32
                    | ScalarType::Uint64
                    | ScalarType::Sint32
                    | ScalarType::Sint64
                    | ScalarType::Bool,
                ),
                Wire::Varint(_),
            ) => true,
            (SingularKind::Enum(_), Wire::Varint(value)) => match &self.kind {
                ParameterKind::Enum(names) => names.text(value as i32).is_some(),
                _ => false,
            },
            _ => false,
        }
    }

    /// Appends the value's text, escaped. `false`: the field is empty.
    fn write(&self, wire: Wire<'_>, name: &mut String) -> Result<bool, Malformed> {
        let text: Cow<'_, str> = match (self.field, wire) {
            (_, Wire::Bytes(bytes)) => {
                let value = std::str::from_utf8(bytes).map_err(|_| Malformed)?;
                escape_into(value, name);
                return Ok(!value.is_empty());
            }
            (_, value) if !self.explicit_presence && is_zero(value) => return Ok(false),
            // The numbers' narrowing is protobuf's: a parser of an int32 keeps the low 32 bits of the varint.
            (SingularKind::Scalar(ScalarType::Bool), Wire::Varint(value)) => Cow::Borrowed(match value {
                0 => "false",
                _ => "true",
            }),
            (SingularKind::Scalar(ScalarType::Int32), Wire::Varint(value)) => (value as i32).to_string().into(),
            (SingularKind::Scalar(ScalarType::Int64), Wire::Varint(value)) => (value as i64).to_string().into(),
            (SingularKind::Scalar(ScalarType::Uint32), Wire::Varint(value)) => (value as u32).to_string().into(),
            (SingularKind::Scalar(ScalarType::Sint32), Wire::Varint(value)) => {
                let value = value as u32;
                ((value >> 1) as i32 ^ -((value & 1) as i32)).to_string().into()
            }
            (SingularKind::Scalar(ScalarType::Sint64), Wire::Varint(value)) => {
                ((value >> 1) as i64 ^ -((value & 1) as i64)).to_string().into()
            }
            (SingularKind::Enum(_), Wire::Varint(value)) => match &self.kind {
                ParameterKind::Enum(names) => names.text(value as i32).ok_or(Malformed)?,
                _ => return Err(Malformed),
            },
            (SingularKind::Scalar(ScalarType::Sfixed32), Wire::Fixed32(value)) => (value as i32).to_string().into(),
            (SingularKind::Scalar(ScalarType::Sfixed64), Wire::Fixed64(value)) => (value as i64).to_string().into(),
            (_, Wire::Fixed32(value)) => value.to_string().into(),
            (_, Wire::Varint(value) | Wire::Fixed64(value)) => value.to_string().into(),
            (_, Wire::Group(_)) => return Err(Malformed),
        };
        name.push_str(&text);
        Ok(true)
    }
}

fn is_zero(wire: Wire<'_>) -> bool {
    matches!(wire, Wire::Varint(0) | Wire::Fixed32(0) | Wire::Fixed64(0))
}

fn walk<'a>(
    message: &'a [u8],
    steps: &[Step],
    accepts: &dyn Fn(Wire<'a>) -> bool,
    found: &mut Option<Wire<'a>>,
) -> Result<(), Malformed> {
    let Some((step, deeper)) = steps.split_first() else { return Ok(()) };
    for field in Fields::new(message) {
        let (number, wire) = field?;
        if step.siblings.contains(&number) {
            *found = None;
        } else if number == step.number {
            match wire {
                _ if deeper.is_empty() && !accepts(wire) => {}
                _ if deeper.is_empty() => *found = Some(wire),
                Wire::Bytes(inner) if !step.delimited => walk(inner, deeper, accepts, found)?,
                Wire::Group(inner) if step.delimited => walk(inner, deeper, accepts, found)?,
                _ => {}
            }
        }
    }
    Ok(())
}

impl Schema {
    /// The channels of an event, worked out from its own fields (wire bytes, already known to be well-formed). Empty for
    /// a private event.
    ///
    /// # Errors
    /// A parameter's field is empty, or a name would be longer than 255 bytes.
    pub fn route(&self, event: &EventType, payload: &[u8]) -> Result<Vec<ChannelName>, RouteError> {
        let mut channels = Vec::with_capacity(event.bindings.len());
        let mut name = String::new();
        for binding in &event.bindings {
            name.clear();
            self.fill(&self.channels[binding.channel], &binding.parameters, event, payload, &mut name)?;
            channels.push(ChannelName::from(name.as_str()));
        }
        Ok(channels)
    }

    fn fill(
        &self,
        channel: &ChannelTemplate,
        parameters: &[Extractor],
        event: &EventType,
        payload: &[u8],
        name: &mut String,
    ) -> Result<(), RouteError> {
        let malformed = |_| RouteError::Malformed { event: event.name.clone() };
        let mut parameters = parameters.iter();
        for (index, segment) in channel.parsed.segments.iter().enumerate() {
            if index > 0 {
                name.push(':');
            }
            let extractor = match segment {
                Segment::Literal(literal) => {
                    name.push_str(literal);
                    continue;
                }
                Segment::Parameter(_) => parameters.next().expect("a binding has an extractor for every parameter"),
            };
            let (field, template) = (|| extractor.json_path.to_string(), || channel.template.clone());
            let value = extractor.find(payload).map_err(malformed)?;
            let filled = match value {
                // Escaping never shortens: what is too long already is not worth copying.
                Some(Wire::Bytes(text)) if text.len() > MAX_CHANNEL_NAME_BYTES => {
                    return Err(RouteError::NameTooLong { field: field(), template: template() });
                }
                Some(wire) => extractor.write(wire, name).map_err(malformed)?,
                None => false,
            };
            if !filled {
                return Err(RouteError::EmptyParameter { field: field(), template: template() });
            }
            if name.len() > MAX_CHANNEL_NAME_BYTES {
                return Err(RouteError::NameTooLong { field: field(), template: template() });
            }
        }
        Ok(())
    }
}
