//! The log itself: appending, and the bounds of what is kept.

use std::cell::Cell;
use std::collections::VecDeque;
use std::mem::size_of;
use std::time::Instant;

use super::form::PerForm;
use super::frames::Frames;
use super::keyed::Keyed;
use super::reduced::Reduced;
use super::{Class, Epoch, Extent, Form, Heads, Position, Record};
use crate::schema::{EventKey, Retention, TypeIndex};

/// What one log may keep, in bytes of frames and index, unless the owner says otherwise.
pub const DEFAULT_MAX_LOG_BYTES: usize = 8 * 1024 * 1024;

/// Frames are made in buffers of the thread's before their size is known; larger ones are not kept for the next.
const MAX_IDLE_SCRATCH_BYTES: usize = 64 * 1024;

thread_local! {
    static SCRATCH: Cell<PerForm<Vec<u8>>> = const { Cell::new(PerForm::EMPTY) };
}

/// The log of one channel.
#[derive(Debug)]
pub struct RingLog {
    pub(super) head: Position,
    pub(super) retention: Retention,
    pub(super) max_bytes: usize,
    /// The newest is `head`; sequences are contiguous.
    pub(super) entries: VecDeque<Entry>,
    pub(super) frames: PerForm<Frames>,
    pub(super) newest_at: Option<Instant>,
    /// From the first keyed event on.
    pub(super) keyed: Option<Box<Keyed>>,
    /// From the first ephemeral event on: a small log of its own, whose sequence no client sees.
    pub(super) ephemeral: Option<Box<RingLog>>,
    /// From the first event on that not everybody may see all of.
    pub(super) reduced: Option<Box<Reduced>>,
}

/// How an event in the log stands to the others of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It has no key.
    Plain,
    /// The newest of its key.
    Newest,
    /// A newer one of its key has come.
    Superseded,
}

/// One row of the index. It begins where the row before it ends.
#[derive(Debug)]
pub(super) struct Entry {
    /// Where its frames end.
    pub(super) ends: PerForm<u64>,
    pub(super) at: Instant,
    pub(super) event_type: TypeIndex,
    pub(super) revision: u32,
    /// The length of its payload in JSON.
    pub(super) data_bytes: u32,
    pub(super) standing: Standing,
}

impl RingLog {
    /// An empty log.
    pub fn new(epoch: Epoch, retention: Retention) -> Self {
        Self::resurrect(Position { epoch, sequence: 0 }, retention)
    }

    /// A log that goes on after its tombstone: empty, its next event is `head + 1`.
    pub fn resurrect(head: Position, retention: Retention) -> Self {
        RingLog {
            head,
            retention,
            max_bytes: DEFAULT_MAX_LOG_BYTES,
            entries: VecDeque::new(),
            frames: PerForm::of(|_| Frames::new()),
            newest_at: None,
            keyed: None,
            ephemeral: None,
            reduced: None,
        }
    }

    /// Caps what the retained events take, in bytes of frames and index. Memory held may be more by the dead part
    /// of the oldest and the empty part of the newest segments, each at most 64 KiB.
    #[must_use]
    pub fn with_max_bytes(mut self, max_bytes: usize) -> Self {
        self.max_bytes = max_bytes;
        self
    }

    /// Appends an event and evicts what the bounds no longer keep; never the event itself. `write_frame` gets the sequence
    /// and an empty buffer for each form, and writes the finished frame: of the binary one all that comes before the payload.
    /// An ephemeral event has no sequence: it is written with 0, and 0 is the sequence of the answer.
    pub fn append(
        &mut self,
        record: Record,
        now: Instant,
        mut write_frame: impl FnMut(u64, Form, &mut Vec<u8>),
    ) -> Position {
        let is_ephemeral = record.class == Class::Ephemeral;
        let sequence = if is_ephemeral { 0 } else { self.head.sequence + 1 };
        let mut frames = SCRATCH.take();
        for form in Form::ALL {
            let frame = &mut frames[form];
            frame.clear();
            write_frame(sequence, form, frame);
        }
        if is_ephemeral {
            self.append_ephemeral(record, &frames, now);
        } else {
            self.append_frames(record, &frames, now);
        }
        if frames.iter().all(|frame| frame.capacity() <= MAX_IDLE_SCRATCH_BYTES) {
            SCRATCH.set(frames);
        }
        Position { sequence, ..self.head }
    }

    pub(super) fn append_frames(&mut self, record: Record, frames: &PerForm<Vec<u8>>, now: Instant) {
        let sequence = self.head.sequence + 1;
        let standing = match record.class {
            Class::Latest(key) => self.supersede(key, sequence),
            Class::Reliable | Class::Ephemeral => Standing::Plain,
        };
        self.frames[Form::Json].push(&frames[Form::Json], &[], record.event_type);
        self.frames[Form::Binary].push(&frames[Form::Binary], &record.payload, record.event_type);
        if let Some(reducer) = record.reducer {
            self.reduced.get_or_insert_default().append(sequence, reducer);
        }
        if self.entries.capacity() == 0 {
            // Most channels are small: one row, not the four that a first push makes room for.
            self.entries.reserve_exact(1);
        }
        self.entries.push_back(Entry {
            ends: PerForm::of(|form| self.frames[form].end()),
            at: now,
            event_type: record.event_type,
            revision: record.revision,
            data_bytes: record.data_bytes,
            standing,
        });
        self.head.sequence = sequence;
        self.newest_at = Some(now);
        self.drop_oldest(self.count_outlived(now)); // never the new one: it has no age
        while self.entries.len() > 1 && self.retained_bytes() > self.max_bytes {
            self.drop_oldest(1);
        }
    }

    /// Marks the event in the log that one of this key supersedes.
    fn supersede(&mut self, key: EventKey, sequence: u64) -> Standing {
        let oldest = self.oldest();
        let keyed = self.keyed.get_or_insert_with(|| Box::new(Keyed::new(oldest - 1)));
        if let Some(index) = keyed.append(key, sequence).and_then(|superseded| superseded.checked_sub(oldest)) {
            self.entries[index as usize].standing = Standing::Superseded;
        }
        Standing::Newest
    }

    /// The newest position; sequence 0 before the first event.
    pub fn head(&self) -> Position {
        self.head
    }

    /// How many events are retained.
    pub fn retained(&self) -> usize {
        self.entries.len()
    }

    /// The oldest event that is retained; head + 1 when none is.
    pub fn oldest(&self) -> u64 {
        self.head.sequence + 1 - self.entries.len() as u64
    }

    /// The newest events, of both kinds.
    pub fn heads(&self) -> Heads {
        Heads { head: self.head, ephemeral: self.ephemeral_head() }
    }

    /// Both ends of what is retained, and of what is kept beyond.
    pub fn extent(&self) -> Extent {
        let oldest = self.oldest();
        let kept = self.keyed.as_ref().and_then(|keyed| keyed.past.kept().next());
        Extent { head: self.head, oldest, first: kept.map_or(oldest, |(sequence, _)| sequence) }
    }

    /// The position after which everything retained comes, what is kept beyond the retention included.
    pub fn start(&self) -> Position {
        self.extent().start()
    }

    /// What is kept at least.
    pub fn retention(&self) -> Retention {
        self.retention
    }

    /// Keeps at least this from now on. What outlives it goes with the next append or [`RingLog::evict`].
    pub fn set_retention(&mut self, retention: Retention) {
        self.retention = retention;
    }

    /// Memory held, in bytes: frames and index, with the room that is free in them, and the struct itself. Reading changes it
    /// only by the frames that it makes for those who may not see all: the copies that readers near the head share, one a
    /// form, of at most 80 KiB and gone with the next [`RingLog::evict`], are not counted.
    pub fn bytes(&self) -> usize {
        let index = self.entries.capacity() * size_of::<Entry>();
        let keyed = self.keyed.as_ref().map_or(0, |keyed| keyed.bytes());
        let ephemeral = self.ephemeral.as_ref().map_or(0, |ephemeral| ephemeral.bytes());
        let frames: usize = self.frames.iter().map(Frames::bytes).sum();
        let reduced = self.reduced.as_ref().map_or(0, |reduced| reduced.bytes());
        size_of::<Self>() + frames + index + keyed + ephemeral + reduced
    }

    /// When the newest event was appended, though it may be evicted; none since the log was made.
    pub fn newest_at(&self) -> Option<Instant> {
        self.newest_at
    }

    pub(super) fn retained_bytes(&self) -> usize {
        let stored: u64 = self.frames.iter().map(|frames| frames.end() - frames.start()).sum();
        let keyed = self.keyed.as_ref().map_or(0, |keyed| keyed.capped_bytes());
        let reduced = self.reduced.as_ref().map_or(0, |reduced| reduced.capped_bytes());
        stored as usize + self.entries.len() * size_of::<Entry>() + keyed + reduced
    }
}
