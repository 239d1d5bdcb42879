//! Frames that are made for those who may not see all of an event, outside of the log's lock.
//!
//! A read says under the lock what is to be made, and of what: bytes that nobody changes any more. Making it can take
//! milliseconds for a large event, in which publishers and other readers have the log. Whoever needs the same frame meanwhile
//! waits for it and makes none.
//!
//! Promises: a frame is made once for each event, form and set of what is hidden, as long as the log remembers it; what a
//! [`Found`] holds comes out of it as its reader may see it, and in no other way.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use super::{Read, Reducer, View, Whole};
use crate::schema::Audience;

/// Where a frame is, or will be as soon as somebody has made it.
pub(super) type Cell = Arc<OnceLock<Bytes>>;

/// What a read has found, of which frames may still have to be made.
#[derive(Debug)]
#[must_use]
pub struct Found {
    /// A batch's frames are whole ones here, and not for the reader where something is to be changed.
    read: Read,
    /// Ascending by place.
    changes: Vec<Change>,
}

/// Another frame in the place of a whole one.
#[derive(Debug)]
pub(super) struct Change {
    /// Where the whole one stands.
    pub(super) range: Range<usize>,
    /// The event.
    pub(super) sequence: u64,
    /// What is hidden of it.
    pub(super) hidden: Audience,
    /// For whom.
    pub(super) view: View,
    pub(super) cell: Cell,
    /// Makes it.
    pub(super) reducer: Arc<dyn Reducer>,
    /// The event's binary frame. Empty where the frame is there already.
    pub(super) binary: Bytes,
    /// The length of its payload in JSON.
    pub(super) data_bytes: usize,
}

/// A frame that was made now: the log is to remember it.
#[derive(Debug)]
pub struct Made {
    pub(super) sequence: u64,
    pub(super) hidden: Audience,
    pub(super) view: View,
    pub(super) cell: Cell,
}

impl From<Read> for Found {
    fn from(read: Read) -> Found {
        Found { read, changes: Vec::new() }
    }
}

impl Found {
    /// A batch of whole frames, to be changed so.
    pub(super) fn batch(first: u64, last: u64, whole: Bytes, changes: Vec<Change>) -> Found {
        Found { read: Read::Batch { first, last, frames: whole }, changes }
    }

    /// What was found, without any frame.
    pub fn outline(&self) -> Read {
        match self.read {
            Read::Batch { first, last, .. } => Read::Batch { first, last, frames: Bytes::new() },
            ref other => other.clone(),
        }
    }

    /// The bytes that were looked at for it: the whole frames', however little is left of them.
    pub fn work_bytes(&self) -> usize {
        if let Read::Batch { frames, .. } = &self.read { frames.len() } else { 0 }
    }

    /// What the reader gets, and what was made for it just now. Takes its time: hold no lock.
    pub fn make(self) -> (Read, Vec<Made>) {
        let Found { read, mut changes } = self;
        let Read::Batch { first, last, frames: whole } = read else { return (read, Vec::new()) };
        let mut made = Vec::new();
        let frames = match &mut changes[..] {
            [] => whole,
            [only] if only.range == (0..whole.len()) => only.frame(&whole, &mut made),
            changes => {
                let mut out = Vec::with_capacity(whole.len());
                let mut at = 0;
                for change in changes {
                    out.extend_from_slice(&whole[at..change.range.start]);
                    out.extend_from_slice(&change.frame(&whole, &mut made));
                    at = change.range.end;
                }
                out.extend_from_slice(&whole[at..]);
                Bytes::from(out)
            }
        };
        (Read::Batch { first, last, frames }, made)
    }
}

impl Change {
    fn frame(&self, whole: &Bytes, made: &mut Vec<Made>) -> Bytes {
        let mut is_new = false;
        let frame = self.cell.get_or_init(|| {
            is_new = true;
            let frame = &whole[self.range.clone()];
            let mut out = Vec::with_capacity(frame.len());
            let whole = Whole { frame, form: self.view.form, data_bytes: self.data_bytes, binary: &self.binary };
            self.reducer.reduce(&whole, self.view.audience, &mut out);
            out.shrink_to_fit();
            Bytes::from(out)
        });
        if is_new {
            let Change { sequence, hidden, view, ref cell, .. } = *self;
            made.push(Made { sequence, hidden, view, cell: Arc::clone(cell) });
        }
        frame.clone()
    }
}
