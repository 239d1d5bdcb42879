//! Events that are on their way into the socket, and what becomes of them when it is full.

use std::sync::Arc;

use bytes::Bytes;

use crate::log::Contents;
use crate::wire::websocket;

use super::Slot;

/// The rest of a frame up to this size is copied, so that it does not keep a whole segment of the log alive.
const COPY_BELOW_BYTES: usize = 16 << 10;

/// Events that are being written.
#[derive(Debug)]
pub(super) struct Current {
    slot: Slot,
    first: u64,
    frames: Bytes,
    written: usize,
    begins: Begins,
    /// What they are, where somebody counts them.
    contents: Option<(Arc<Contents>, Pull)>,
}

/// Events that the kernel has the bytes of, the last one at least in part.
#[derive(Debug)]
pub struct Delivered {
    /// The batch that they are of.
    pub contents: Arc<Contents>,
    /// How many from its beginning; more than it has: all.
    pub events: u64,
    /// Where they came from.
    pub pull: Pull,
}

/// Whether events were read as they came, or later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pull {
    /// As they came.
    Live,
    /// They are from before the subscription.
    Replay,
}

/// Where the bytes begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begins {
    AtAFrame,
    /// They are the rest of a frame that the socket has a part of, and must not be looked into again.
    InsideAFrame,
}

/// What is left when the socket takes no more.
#[derive(Debug)]
pub(super) enum Settled {
    /// Only the rest of one frame is: the log was settled with before.
    AsBefore(Current),
    /// The events after `last` go back to the log.
    TakenBack { slot: Slot, last: u64, rest: Option<Current>, delivered: Option<Delivered> },
}

impl Current {
    /// Whole frames of the events from `first` on.
    pub(super) fn new(slot: Slot, first: u64, frames: Bytes) -> Self {
        Current { slot, first, frames, written: 0, begins: Begins::AtAFrame, contents: None }
    }

    /// Says what the bytes are.
    pub(super) fn with_contents(mut self, contents: Option<Arc<Contents>>, pull: Pull) -> Self {
        self.contents = contents.map(|contents| (contents, pull));
        self
    }

    /// The first events of the batch, where somebody counts them. Once: what is left afterwards is the rest of a frame.
    pub(super) fn delivered(&mut self, events: u64) -> Option<Delivered> {
        let (contents, pull) = self.contents.take().filter(|_| events > 0)?;
        Some(Delivered { contents, events, pull })
    }

    /// What is left to write.
    pub(super) fn rest(&self) -> &[u8] {
        &self.frames[self.written..]
    }

    /// Notes that the kernel took so many bytes. `true`: nothing is left.
    pub(super) fn wrote(&mut self, count: usize) -> bool {
        self.written += count;
        self.written == self.frames.len()
    }

    /// Keeps only the rest of the event that the socket has a part of.
    pub(super) fn settle(mut self) -> Settled {
        if self.begins == Begins::InsideAFrame {
            return Settled::AsBefore(self);
        }
        let mut sequence = self.first;
        let mut begin = 0;
        let mut end = self.frame_end(begin);
        while end <= self.written {
            begin = end;
            end = self.frame_end(begin);
            sequence += 1;
        }
        let slot = self.slot;
        if self.written == begin {
            let delivered = self.delivered(sequence - self.first);
            return Settled::TakenBack { slot, last: sequence - 1, rest: None, delivered };
        }
        let delivered = self.delivered(sequence - self.first + 1);
        let rest = self.frames.slice(self.written..end);
        self.frames = if rest.len() < COPY_BELOW_BYTES { Bytes::copy_from_slice(&rest) } else { rest };
        self.written = 0;
        self.begins = Begins::InsideAFrame;
        Settled::TakenBack { slot, last: sequence, rest: Some(self), delivered }
    }

    fn frame_end(&self, begin: usize) -> usize {
        let length = websocket::frame_len(&self.frames[begin..]);
        begin + length.expect("a batch holds whole frames, and not all of them are written")
    }
}
