//! The key of a `DELIVERY_LATEST` event: which of them replaces which.
//!
//! A key is read off the event's wire bytes, from the fields that are marked with `key`, in the order of their numbers. What
//! is not set counts as its type's default. Events of different types never have the same key.

use std::fmt;

use sha2::{Digest as _, Sha256};

use super::route::{Extractor, RouteError};
use super::{EventType, Schema, TypeIndex};

/// What a `DELIVERY_LATEST` event is about: 128 bits of SHA-256 over its type's name and its key fields, as publishers
/// choose the input.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct EventKey([u8; 16]);

impl EventKey {
    /// The key of an event of this type whose key fields print so.
    pub fn new<'a>(event_type: &'a str, values: impl IntoIterator<Item = &'a str>) -> EventKey {
        let mut hash = Sha256::new();
        for part in std::iter::once(event_type).chain(values) {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let mut key = [0; 16];
        key.copy_from_slice(&hash.finalize()[..16]);
        EventKey(key)
    }
}

impl fmt::Debug for EventKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventKey({:032x})", u128::from_be_bytes(self.0))
    }
}

/// How events of a type are delivered to a reader that lags.
#[derive(Debug)]
pub enum Delivery {
    /// Every event, in order, or a notice of what was lost.
    Reliable,
    /// Events that a newer one of the same key has superseded are passed over.
    Latest(KeyFields),
    /// Now or never.
    Ephemeral,
}

/// Where in an event its key is: one extractor for each field.
#[derive(Debug)]
pub struct KeyFields(pub(super) Box<[Extractor]>);

impl Schema {
    /// The types of the schema before that this one gives no key any more, or another one.
    pub fn unkeyed_since<'a>(&'a self, before: &'a Schema) -> impl Iterator<Item = TypeIndex> + 'a {
        let keyed = before.events().iter().filter_map(|event| match &event.delivery {
            Delivery::Latest(key) => Some((event, key)),
            Delivery::Reliable | Delivery::Ephemeral => None,
        });
        keyed
            .filter(|(event, before)| match self.event(&event.name).map(|event| &event.delivery) {
                Some(Delivery::Latest(key)) => !key.is_same(before),
                _ => true,
            })
            .map(|(event, _)| event.index)
    }
}

impl KeyFields {
    /// Whether the same events have the same key by both.
    fn is_same(&self, other: &KeyFields) -> bool {
        self.0.len() == other.0.len()
            && self.0.iter().zip(&other.0).all(|(left, right)| {
                let numbers =
                    |extractor: &Extractor| extractor.steps.iter().map(|step| step.number).collect::<Vec<_>>();
                numbers(left) == numbers(right)
            })
    }

    /// The key of an event, from its wire bytes.
    ///
    /// # Errors
    /// The bytes are no message of the event's type.
    pub fn key(&self, event: &EventType, payload: &[u8]) -> Result<EventKey, RouteError> {
        let values: Result<Vec<String>, _> = self.0.iter().map(|field| field.text(payload)).collect();
        let values = values.map_err(|_| RouteError::Malformed { event: event.name.clone() })?;
        Ok(EventKey::new(&event.name, values.iter().map(String::as_str)))
    }
}
