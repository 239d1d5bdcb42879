//! What is on its way into the socket about one subscription, and what becomes of it when the socket is full.

use std::sync::Arc;

use bytes::Bytes;

use crate::log::Contents;
use crate::wire::ServerFrame;
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
    /// What the events are, where somebody counts them.
    contents: Option<(Arc<Contents>, Pull)>,
    /// What is told between them, and where it begins.
    told: Vec<(usize, ServerFrame)>,
}

/// What the kernel has the bytes of, the last frame at least in part.
#[derive(Debug)]
pub struct Delivered {
    /// The events, where somebody counts them.
    pub contents: Option<Arc<Contents>>,
    /// How many of them from the first; more than there are: all.
    pub events: u64,
    /// Where they came from.
    pub pull: Pull,
    /// What was told between them.
    pub told: Vec<ServerFrame>,
}

/// Whether events were read as they came, or later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pull {
    /// As they came.
    Live,
    /// They are from before the subscription.
    Replay,
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
    TakenBack { slot: Slot, sequence: u64, rest: Option<Current>, delivered: Option<Delivered> },
    /// Nothing goes back.
    Dropped { slot: Slot, rest: Option<Current>, delivered: Option<Delivered> },
}

impl Current {
    /// Whole frames of the events from `first` on.
    pub(super) fn new(slot: Slot, first: u64, frames: Bytes) -> Self {
        Current::of(slot, frames, Content::Events { first })
    }

    /// Events with frames between them.
    pub(super) fn mixed(slot: Slot, steps: Vec<Step>, frames: Bytes) -> Self {
        Current::of(slot, frames, Content::Mixed(steps.into()))
    }

    /// Whole frames of ephemeral events.
    pub(super) fn ephemeral(slot: Slot, frames: Bytes) -> Self {
        Current::of(slot, frames, Content::Ephemeral)
    }

    fn of(slot: Slot, frames: Bytes, content: Content) -> Self {
        Current { slot, frames, written: 0, content, contents: None, told: Vec::new() }
    }

    /// Says what the events are.
    pub(super) fn with_contents(mut self, contents: Option<Arc<Contents>>, pull: Pull) -> Self {
        self.contents = contents.map(|contents| (contents, pull));
        self
    }

    /// Says what is told between the events, and where it begins.
    pub(super) fn with_told(mut self, told: Vec<(usize, ServerFrame)>) -> Self {
        self.told = told;
        self
    }

    /// The first events, and what was told before this place. Once: what is left afterwards is the rest of a frame.
    pub(super) fn delivered(&mut self, events: u64, end: usize) -> Option<Delivered> {
        let mut told = std::mem::take(&mut self.told);
        told.retain(|(begin, _)| *begin < end);
        let (contents, pull) = self.contents.take().filter(|_| events > 0).unzip();
        if contents.is_none() && told.is_empty() {
            return None;
        }
        let told = told.into_iter().map(|(_, frame)| frame).collect();
        Some(Delivered { contents, events, pull: pull.unwrap_or(Pull::Live), told })
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
    pub(super) fn settle(mut self) -> Settled {
        let slot = self.slot;
        let delivered = match &self.content {
            Content::Rest => None,
            _ => self.delivered(self.begun(), self.written),
        };
        match &self.content {
            Content::Rest => Settled::AsBefore(self),
            Content::Ephemeral => {
                let (_, begin, end) = self.frame_at(0);
                Settled::Dropped { slot, rest: self.rest_of(begin, end), delivered }
            }
            Content::Events { first } => {
                let (frames, begin, end) = self.frame_at(0);
                let begun = u64::from(self.written > begin);
                let sequence = first + frames + begun - 1;
                Settled::TakenBack { slot, sequence, rest: self.rest_of(begin, end), delivered }
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
                Settled::TakenBack { slot, sequence, rest: self.rest_of(begin, end), delivered }
            }
        }
    }

    /// How many events the kernel has at least a byte of.
    fn begun(&self) -> u64 {
        let whole = [Step { end: self.frames.len(), before: 0, kind: StepKind::Events { first: 0 } }];
        let steps = if let Content::Mixed(steps) = &self.content { steps } else { &whole[..] };
        let (mut events, mut begin) = (0, 0);
        for step in steps {
            while begin < step.end.min(self.written) {
                begin = self.frame_end(begin);
                events += u64::from(matches!(step.kind, StepKind::Events { .. }));
            }
        }
        events
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
