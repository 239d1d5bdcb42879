//! Whether an event's payload is what its schema asks for.
//!
//! Stands after decoding (a payload that comes here is well-formed) and before routing. What a schema can ask for today
//! is that proto2's `required` fields are there; rules of `buf.validate` are refused when the schema is loaded, until
//! they are checked here.

use std::collections::HashSet;

use buffa::editions::FieldPresence;
use buffa_descriptor::{DescriptorPool, FieldDescriptor, FieldKind, MessageDescriptor, MessageIndex, SingularKind};

use super::scan::{Fields, Wire};
use super::{EventType, Schema};

/// How many violations of one event are told.
const MAX_VIOLATIONS: usize = 32;
/// How deep sub-messages are followed. The transcoder refuses what is deeper.
const MAX_DEPTH: usize = 100;

/// One field that is not as the schema asks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {message}")]
pub struct Violation {
    /// The field's path in JSON names, `file.tags[2]`.
    pub path: String,
    /// What is wrong.
    pub message: String,
}

/// What there is to check, worked out once.
#[derive(Debug)]
pub(super) struct Rules {
    /// Messages that have required fields, or lead to one that has.
    checked: HashSet<MessageIndex>,
}

impl Rules {
    pub(super) fn new(pool: &DescriptorPool) -> Rules {
        let indexes = || pool.messages().iter().filter_map(|message| pool.message_index(message.full_name()));
        let mut checked: HashSet<MessageIndex> =
            indexes().filter(|index| required(pool.message(*index)).next().is_some()).collect();
        loop {
            let before = checked.len();
            let leads = |index: &MessageIndex| {
                pool.message(*index).fields().iter().filter_map(inner).any(|inner| checked.contains(&inner))
            };
            let more: Vec<MessageIndex> = indexes().filter(|index| !checked.contains(index) && leads(index)).collect();
            checked.extend(more);
            if checked.len() == before {
                return Rules { checked };
            }
        }
    }
}

fn required(message: &MessageDescriptor) -> impl Iterator<Item = &FieldDescriptor> {
    message.fields().iter().filter(|field| field.presence() == FieldPresence::LegacyRequired)
}

/// The message that a field holds, one or many of.
fn inner(field: &FieldDescriptor) -> Option<MessageIndex> {
    match field.kind() {
        FieldKind::Singular(SingularKind::Message(index)) | FieldKind::List(SingularKind::Message(index)) => {
            Some(index)
        }
        FieldKind::Map { value: SingularKind::Message(index), .. } => Some(index),
        _ => None,
    }
}

impl Schema {
    /// Whether an event is what its schema asks for. The payload is already known to be well-formed.
    ///
    /// # Errors
    /// The fields that are not, at most 32.
    pub fn validate(&self, event: &EventType, payload: &[u8]) -> Result<(), Vec<Violation>> {
        let mut violations = Vec::new();
        if self.rules.checked.contains(&event.message) {
            self.check_message(event.message, &[payload], &mut Vec::new(), &mut violations);
        }
        if violations.is_empty() { Ok(()) } else { Err(violations) }
    }

    /// Checks one message, given as the parts that protobuf would merge into it.
    fn check_message(
        &self,
        index: MessageIndex,
        parts: &[&[u8]],
        path: &mut Vec<String>,
        violations: &mut Vec<Violation>,
    ) {
        let message = self.pool.message(index);
        let fields = || parts.iter().flat_map(|part| Fields::new(part)).map_while(Result::ok);
        for field in required(message).filter(|field| fields().all(|(number, _)| number != field.number())) {
            if violations.len() == MAX_VIOLATIONS {
                return;
            }
            let path = path.iter().map(String::as_str).chain([field.json_name()]).collect::<Vec<_>>().join(".");
            violations.push(Violation { path, message: "is required".to_owned() });
        }
        if path.len() == MAX_DEPTH {
            return;
        }
        for field in message.fields() {
            let Some(inner) = inner(field).filter(|inner| self.rules.checked.contains(inner)) else { continue };
            let values = fields().filter(|(number, _)| *number == field.number()).filter_map(|(_, wire)| match wire {
                Wire::Bytes(bytes) | Wire::Group(bytes) => Some(bytes),
                _ => None,
            });
            match field.kind() {
                FieldKind::Singular(_) => {
                    let parts: Vec<&[u8]> = values.collect();
                    if !parts.is_empty() {
                        self.check_inside(field.json_name().to_owned(), inner, &parts, path, violations);
                    }
                }
                // Map entries by place as well: a key is the payload's text, which errors do not repeat.
                kind => {
                    for (place, value) in values.enumerate() {
                        let step = format!("{}[{place}]", field.json_name());
                        let parts = if let FieldKind::Map { .. } = kind { entry_value(value) } else { vec![value] };
                        self.check_inside(step, inner, &parts, path, violations);
                    }
                }
            }
        }
    }

    fn check_inside(
        &self,
        step: String,
        inner: MessageIndex,
        parts: &[&[u8]],
        path: &mut Vec<String>,
        violations: &mut Vec<Violation>,
    ) {
        path.push(step);
        self.check_message(inner, parts, path, violations);
        path.pop();
    }
}

/// A map entry's value, as the parts that make it.
fn entry_value(entry: &[u8]) -> Vec<&[u8]> {
    let values = Fields::new(entry).map_while(Result::ok).filter(|(number, _)| *number == 2);
    values.filter_map(|(_, wire)| if let Wire::Bytes(bytes) = wire { Some(bytes) } else { None }).collect()
}
