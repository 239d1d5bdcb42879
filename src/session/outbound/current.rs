//! What is on its way into the socket about one subscription, and what becomes of it when the socket is full.

use bytes::Bytes;

use crate::wire::websocket;

use super::Slot;

/// The rest of a frame up to this size is copied, so that it does not keep a whole segment of the log alive.
const COPY_BELOW_BYTES: usize = 16 << 10;

/// Frames that are being written.
#[derive(Debug)]
pub(super) struct Current {
    slot: Slot,
    frames: Bytes,
    written: usize,
    content: Content,
}

/// What the frames are.
#[derive(Debug)]
enum Content {
    /// Events, contiguous in sequence from this one.
    Events { first: u64 },
    /// Runs of events, and frames that tell what is between them.
    Mixed(Box<[Step]>),
    /// Ephemeral events: those that were not begun are gone.
    Ephemeral,
    /// The rest of a frame that the socket has a part of, and must not be looked into again.
    Rest,
}

/// A part of mixed frames. It begins where the one before it ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    /// Where it ends.
    pub(super) end: usize,
    /// The sequence that a reader is at before it.
    pub(super) before: u64,
    /// What it is.
    pub(super) kind: StepKind,
}

/// What a part of mixed frames is.
#[derive(Clone, Copy, Debug)]
pub(super) enum StepKind {
    /// Events, contiguous from this one.
    Events { first: u64 },
    /// One frame that moves the reader on to this sequence.
    Told { to: u64 },
}

/// What is left when the socket takes no more.
#[derive(Debug)]
pub(super) enum Settled {
    /// Only the rest of one frame is: the log was settled with before.
    AsBefore(Current),
    /// What comes after `sequence` goes back to the log.
    TakenBack { slot: Slot, sequence: u64, rest: Option<Current> },
    /// Nothing goes back.
    Dropped { slot: Slot, rest: Option<Current> },
}

impl Current {
    /// Whole frames of the events from `first` on.
    pub(super) fn new(slot: Slot, first: u64, frames: Bytes) -> Self {
        Current { slot, frames, written: 0, content: Content::Events { first } }
    }

    /// Events with frames between them.
    pub(super) fn mixed(slot: Slot, steps: Vec<Step>, frames: Bytes) -> Self {
        Current { slot, frames, written: 0, content: Content::Mixed(steps.into()) }
    }

    /// Whole frames of ephemeral events.
    pub(super) fn ephemeral(slot: Slot, frames: Bytes) -> Self {
        Current { slot, frames, written: 0, content: Content::Ephemeral }
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

    /// Keeps only the rest of the frame that the socket has a part of.
    pub(super) fn settle(self) -> Settled {
        let slot = self.slot;
        match &self.content {
            Content::Rest => Settled::AsBefore(self),
            Content::Ephemeral => {
                let (_, begin, end) = self.frame_at(0);
                Settled::Dropped { slot, rest: self.rest_of(begin, end) }
            }
            Content::Events { first } => {
                let (frames, begin, end) = self.frame_at(0);
                let begun = u64::from(self.written > begin);
                let sequence = first + frames + begun - 1;
                Settled::TakenBack { slot, sequence, rest: self.rest_of(begin, end) }
            }
            Content::Mixed(steps) => {
                let index = steps.partition_point(|step| step.end <= self.written);
                let start = if index == 0 { 0 } else { steps[index - 1].end };
                let Step { before, kind, .. } = steps[index];
                let (frames, begin, end) = self.frame_at(start);
                let sequence = match kind {
                    _ if self.written == start => before,
                    StepKind::Told { to } => to,
                    StepKind::Events { first } => first + frames + u64::from(self.written > begin) - 1,
                };
                Settled::TakenBack { slot, sequence, rest: self.rest_of(begin, end) }
            }
        }
    }

    /// The frame in which the socket stopped, or before which: how many whole ones from `start` on are before it, where it
    /// begins and ends.
    fn frame_at(&self, start: usize) -> (u64, usize, usize) {
        let (mut frames, mut begin) = (0, start);
        let mut end = self.frame_end(begin);
        while end <= self.written {
            frames += 1;
            begin = end;
            end = self.frame_end(begin);
        }
        (frames, begin, end)
    }

    fn rest_of(mut self, begin: usize, end: usize) -> Option<Current> {
        if self.written == begin {
            return None;
        }
        let rest = self.frames.slice(self.written..end);
        self.frames = if rest.len() < COPY_BELOW_BYTES { Bytes::copy_from_slice(&rest) } else { rest };
        self.written = 0;
        self.content = Content::Rest;
        Some(self)
    }

    fn frame_end(&self, begin: usize) -> usize {
        let length = websocket::frame_len(&self.frames[begin..]);
        begin + length.expect("these are whole frames, and not all of them are written")
    }
}
