//! The retained tail of one channel, and reads from it.
//!
//! A [`RingLog`] keeps at least the newest events that its retention states, by number and by age, within a cap in bytes.
//! It promises that a reader who has seen position `p` gets everything after `p`, in order and without holes, or a
//! [`Read`] variant that says why not.
//!
//! Of events with a key only the newest of each matters to a reader that lags: it passes over those that are superseded, and
//! the newest of each key is kept beyond the retention, within half of the byte cap. Ephemeral events are in a small ring of
//! their own beside the log, without a sequence and without a promise.
//!
//! Events are kept as finished frames, contiguous in memory: a reader that is k events behind gets one slice for all k.
//! Slices stay whole when what they cover is evicted, so a frame that is half written can always be finished. Each
//! [`Form`] has its own; the binary frame ends with the payload, which is stored there alone.
//!
//! A reader gets its frames through a [`View`]: who may not see all of an event gets a frame that was made without the rest, at
//! the same place in the same order. What a read has [`Found`] is made outside of the lock.
//!
//! Owned by `hub::Channel` behind its lock. Never awaits and never reads a clock: `now` is an argument. Does not know
//! who is subscribed.

use std::sync::Arc;

use bytes::Bytes;

use crate::schema::{EventKey, TypeIndex};

mod contents;
mod ephemeral;
mod evicting;
mod extent;
mod form;
mod frames;
mod keyed;
mod made;
mod past;
mod position;
mod reading;
mod reduced;
mod ring;
mod segments;
mod tombstones;
mod type_set;
mod unkey;

#[cfg(test)]
mod tests;

pub use contents::{Contents, Recent};
pub use ephemeral::{EPHEMERAL_AGE, MAX_EPHEMERAL_BYTES, MAX_EPHEMERAL_EVENTS};
pub use extent::{Extent, Heads, Resume, Snapshot};
pub use form::Form;
pub use made::{Found, Made};
pub use position::{EPOCH_TEXT_BYTES, Epoch, NotAnEpoch, Position};
pub use reduced::{Reducer, View, Whole};
pub use ring::{DEFAULT_MAX_LOG_BYTES, RingLog};
pub use tombstones::{MAX_TOMBSTONES, TOMBSTONE_AGE, Tombstones};

/// How a reader that lags may be treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// It gets every event or is told of the loss.
    Reliable,
    /// It passes over events that a newer one of this key has superseded.
    Latest(EventKey),
    /// It gets the event now or never.
    Ephemeral,
}

/// Which events a reader wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Take {
    /// All of them: it keeps pace.
    Everything,
    /// Those that no newer one of their key has superseded: it lags.
    Newest {
        /// Up to this sequence keyed ones only: what a first subscribe gets of the time before its history.
        keyed_until: u64,
    },
}

/// One event to append, without its frame.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its type.
    pub event_type: TypeIndex,
    /// How a reader that lags may be treated.
    pub class: Class,
    /// The message's wire bytes. They are copied: a publisher's request is not kept alive by its events.
    pub payload: Bytes,
    /// The schema revision that it was published under.
    pub revision: u32,
    /// The length of its payload in JSON, in bytes.
    pub data_bytes: u32,
    /// Makes frames of it for those who may not see all of it. `None`: there is nothing to hide.
    pub reducer: Option<Arc<dyn Reducer>>,
}

/// What a read found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// Finished frames of the events `first..=last`, contiguous in sequence. A filter may have skipped events between the
    /// position asked for and `first`.
    Batch {
        /// The first event's sequence.
        first: u64,
        /// The last event's sequence.
        last: u64,
        /// The frames of all of them, one behind the other.
        frames: Bytes,
    },
    /// Everything up to `sequence` has been looked at and the filter lets nothing through: move the cursor there.
    Skipped {
        /// The last event that was looked at.
        sequence: u64,
    },
    /// Events up to `sequence` are not for this reader though its filter would let them through: superseded ones, or of the
    /// time before its history. To be told before the next event; move the cursor there.
    Passed {
        /// The last event that was passed over.
        sequence: u64,
        /// How many of them were superseded. Those that are gone from the log are counted whatever their type.
        conflated: u64,
    },
    /// Nothing after this position.
    UpToDate,
    /// Events are lost to this reader. Goes on after `oldest - 1`.
    Lagged {
        /// The oldest event that is left; one past the newest when none is.
        oldest: u64,
        /// How many are gone.
        skipped: u64,
    },
    /// The position is of another life of the log.
    EpochChanged {
        /// Where to go on: everything retained comes after it.
        current: Position,
    },
    /// The position is past the newest event.
    AheadOfHead {
        /// The newest event's position.
        head: Position,
        /// Where to go on: everything retained comes after it.
        start: Position,
    },
}
