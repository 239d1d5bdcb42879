//! Where channel logs live. An engine owns order and storage; what it has appended leaves by the [`Appender`] that it was
//! given at construction, into the ring that readers see.
//!
//! An engine promises: sequences of a channel count from 1 without holes within an epoch; a batch keeps its order; an
//! event whose append failed is in no log and under no key; a key's event is in each channel once; what is ephemeral has
//! no sequence, and of what has a class the appender hears, keys included. One suite,
//! `conformance`, holds every engine to it. Knows nothing of subscribers, nor of who owns the rings.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;

use crate::ids::{ChannelKey, EventId};
use crate::log::{Class, Position, Reducer};
use crate::schema::{EventType, Retention};
use crate::status::Status;

mod idempotency;
mod memory;

#[cfg(test)]
pub(crate) mod conformance;

pub use idempotency::Idempotency;
pub use memory::MemoryEngine;

/// A checked, printed event, ready for every channel's log.
#[derive(Clone, Debug)]
pub struct EventRecord {
    /// Its id, the same in every channel.
    pub id: EventId,
    /// Its type.
    pub event_type: Arc<EventType>,
    /// When the bridge accepted it, in milliseconds since the Unix epoch.
    pub timestamp_ms: u64,
    /// The publisher's metadata as a JSON object; empty when there is none.
    pub metadata: Bytes,
    /// The same metadata as its binary frame holds it; empty when there is none.
    pub metadata_wire: Bytes,
    /// The frame that this event answers.
    pub reply_to: Option<Arc<str>>,
    /// The message as ProtoJSON.
    pub data: Bytes,
    /// The message's wire bytes.
    pub payload: Bytes,
    /// The schema revision that it was published under.
    pub revision: u32,
    /// How a reader that lags may be treated, with the event's key where that is a matter of keys.
    pub class: Class,
    /// Makes frames of it for those who may not see all of it. `None`: there is nothing to hide.
    pub reducer: Option<Arc<dyn Reducer>>,
}

/// One event for one channel.
#[derive(Clone, Debug)]
pub struct Append {
    /// Which log.
    pub key: ChannelKey,
    /// What that log keeps.
    pub retention: Retention,
    /// Which event.
    pub event: Arc<EventRecord>,
    /// Makes a retry safe. Scope: tenant, publisher, key, channel.
    pub idempotency_key: Option<Arc<str>>,
    /// Who publishes it, where publishers have names: nobody finds, or takes, the keys of another.
    pub publisher: Option<Arc<str>>,
}

/// Where an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Its position.
    pub position: Position,
    /// The id of the event that holds it: on a duplicate, that of the first publish.
    pub event_id: EventId,
    /// Whether an earlier append with the same key had put it there.
    pub duplicate: bool,
}

/// The way from an engine into a node's rings.
pub trait Appender: Send + Sync {
    /// Makes room for what will be appended where there is little. May take long, so an engine says it before it takes a lock
    /// that others wait for; [`Appender::append`] never does it.
    fn make_room(&self);

    /// Writes the event into the channel's ring under the next sequence, and wakes its readers. An ephemeral event gets no
    /// sequence: its position is 0 of the channel's epoch.
    ///
    /// # Errors
    /// `RESOURCE_EXHAUSTED` when the byte budget cannot take it.
    fn append(&self, append: &Append) -> Result<Position, Status>;
}

/// Order and storage of channel logs.
pub trait Engine: Send + Sync {
    /// Appends each event, in order; one result each.
    ///
    /// Neighbours in the batch with one event id are one publish to several channels: under an idempotency key all of them
    /// are checked before the first is appended, so the event goes to none of them when one holds another event under
    /// that key (`ALREADY_EXISTS` for each). A retry appends where the event is missing, under the id of the first
    /// publish, and finds the first position elsewhere.
    ///
    /// # Cancel safety
    /// A future that is dropped may have appended, or not: a retry with the same key finds out.
    fn append(&self, batch: Vec<Append>) -> BoxFuture<'_, Vec<Result<Appended, Status>>>;
}
