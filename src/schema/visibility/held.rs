//! Which messages a schema has in which something can be hidden, and where they stand.

use std::collections::BTreeMap;
use std::sync::Arc;

use buffa_descriptor::{DescriptorPool, FieldDescriptor, FieldKind, MessageIndex};

use super::super::EventType;
use super::{ANY, message_of};

/// The package of messages that are the same in every schema: nothing in them can be hidden, so that to whoever looks for
/// what is, they are values like any text.
const GIVEN: &str = "google.protobuf.";

/// How a field has messages on the wire. What has them in another way says nothing of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Way {
    /// As the values of a map, one level further down.
    map: bool,
    /// In an `Any`, below the name of their type.
    any: bool,
}

/// The messages of a schema, and where its events begin.
pub(super) struct Shape<'a> {
    pool: &'a DescriptorPool,
    /// The types of events, and their messages. Rialto's own are not among them.
    pub(super) events: Vec<(&'a Arc<str>, MessageIndex)>,
}

impl<'a> Shape<'a> {
    pub(super) fn new(pool: &'a DescriptorPool, events: impl Iterator<Item = &'a EventType>) -> Shape<'a> {
        let foreign = events.filter(|event| !event.own);
        Shape { pool, events: foreign.map(|event| (&event.name, event.message)).collect() }
    }

    /// The messages in which something can be hidden.
    pub(super) fn messages(&self) -> impl Iterator<Item = MessageIndex> {
        let names = self.pool.messages().iter().map(|message| message.full_name());
        names.filter(|name| !name.starts_with(GIVEN)).filter_map(|name| self.pool.message_index(name))
    }

    pub(super) fn find(&self, name: &str) -> Option<MessageIndex> {
        self.pool.message_index(name)
    }

    pub(super) fn name(&self, message: MessageIndex) -> Arc<str> {
        self.pool.message(message).full_name().into()
    }

    /// The numbers of a message's fields, and what they hold in which something can be hidden.
    pub(super) fn fields(&self, message: MessageIndex) -> BTreeMap<u32, Option<(Way, MessageIndex)>> {
        fields(self.pool, message).map(|field| (field.number(), self.held(field))).collect()
    }

    /// What the field of a number holds in which something can be hidden.
    pub(super) fn held_by(&self, message: MessageIndex, number: u32) -> Option<(Way, MessageIndex)> {
        self.held(fields(self.pool, message).find(|field| field.number() == number)?)
    }

    fn held(&self, field: &FieldDescriptor) -> Option<(Way, MessageIndex)> {
        let inner = message_of(field.kind())?;
        let name = self.pool.message(inner).full_name();
        let way = Way { map: matches!(field.kind(), FieldKind::Map { .. }), any: name == ANY };
        (way.any || !name.starts_with(GIVEN)).then_some((way, inner))
    }
}

/// A message's fields and the extensions of it.
pub(super) fn fields(pool: &DescriptorPool, message: MessageIndex) -> impl Iterator<Item = &FieldDescriptor> {
    let extensions = pool.extensions_of(message).map(|extension| extension.field());
    pool.message(message).fields().iter().chain(extensions)
}
