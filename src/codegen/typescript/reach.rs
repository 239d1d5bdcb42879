//! What a client can meet: the messages and enums inside the events of a schema.

use std::collections::{BTreeMap, BTreeSet};

use buffa_descriptor::{EnumIndex, FieldDescriptor, FieldKind, MessageIndex, SingularKind};

use super::declared::Declared;
use crate::schema::Schema;

/// Messages and enums by full name, so that every walk over them is in one order.
#[derive(Debug, Default)]
pub(super) struct Reached {
    pub(super) messages: BTreeMap<String, MessageIndex>,
    pub(super) enums: BTreeMap<String, EnumIndex>,
}

impl Reached {
    /// Follows the fields of every event, and the parameters of every channel.
    pub(super) fn from(schema: &Schema, declared: &Declared) -> Self {
        let pool = schema.pool();
        let mut reached = Reached::default();
        let mut open: Vec<MessageIndex> =
            schema.events().iter().filter(|event| !event.own).map(|event| event.message).collect();
        for channel in schema.channels() {
            // A channel's message is its parameters, which the builder takes; only their enums are types of their own.
            let message = pool.message_by_name(&channel.message_name);
            for field in message.into_iter().flat_map(|message| message.fields()) {
                reached.field(schema, field, declared, &mut open);
            }
        }
        let mut seen: BTreeSet<MessageIndex> = BTreeSet::new();
        while let Some(index) = open.pop() {
            if !seen.insert(index) {
                continue;
            }
            let message = pool.message(index);
            if has_own_json(message.full_name()) || declared.find(message.full_name()).is_none() {
                continue;
            }
            reached.messages.insert(message.full_name().to_owned(), index);
            let extensions = pool.extensions_of(index).map(|extension| extension.field());
            for field in message.fields().iter().chain(extensions) {
                reached.field(schema, field, declared, &mut open);
            }
        }
        reached
    }

    fn field(&mut self, schema: &Schema, field: &FieldDescriptor, declared: &Declared, open: &mut Vec<MessageIndex>) {
        let (FieldKind::Singular(kind) | FieldKind::List(kind) | FieldKind::Map { value: kind, .. }) = field.kind();
        match kind {
            SingularKind::Scalar(_) => {}
            SingularKind::Message(index) => open.push(index),
            SingularKind::Enum(index) => {
                let name = schema.pool().enumeration(index).full_name();
                if name != "google.protobuf.NullValue" && declared.find(name).is_some() {
                    self.enums.insert(name.to_owned(), index);
                }
            }
        }
    }
}

/// Whether ProtoJSON has a form of its own for the message.
pub(super) fn has_own_json(full_name: &str) -> bool {
    super::message::well_known(full_name).is_some()
}
