//! The log itself: appending, and the bounds of what is kept.

use std::cell::Cell;
use std::collections::VecDeque;
use std::mem::size_of;
use std::time::Instant;

use super::frames::Frames;
use super::segments::Segments;
use super::{Class, Epoch, Position, Record};
use crate::schema::{Retention, TypeIndex};

/// What one log may keep, in bytes of frames, payloads and index, unless the owner says otherwise.
pub const DEFAULT_MAX_LOG_BYTES: usize = 8 * 1024 * 1024;

/// A frame is made in a buffer of the thread's before its size is known; larger ones are not kept for the next.
const MAX_IDLE_SCRATCH_BYTES: usize = 64 * 1024;

thread_local! {
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// The log of one channel.
#[derive(Debug)]
pub struct RingLog {
    pub(super) head: Position,
    retention: Retention,
    max_bytes: usize,
    /// The newest is `head`; sequences are contiguous.
    pub(super) entries: VecDeque<Entry>,
    pub(super) frames: Frames,
    payloads: Segments<()>,
    newest_at: Option<Instant>,
}

/// One row of the index. It begins where the row before it ends.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) frames_end: u64,
    payloads_end: u64,
    pub(super) at: Instant,
    pub(super) event_type: TypeIndex,
    revision: u32,
    class: Class,
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
            frames: Frames::new(),
            payloads: Segments::new(),
            newest_at: None,
        }
    }

    /// Caps what the retained events take, in bytes of frames, payloads and index. Memory held may be more by the dead part
    /// of the oldest and the empty part of the newest segments, each at most 64 KiB.
    #[must_use]
    pub fn with_max_bytes(mut self, max_bytes: usize) -> Self {
        self.max_bytes = max_bytes;
        self
    }

    /// Appends an event and evicts what the bounds no longer keep; never the event itself. `write_frame` gets the sequence
    /// and an empty buffer, and writes the finished frame.
    pub fn append(&mut self, record: Record, now: Instant, write_frame: impl FnOnce(u64, &mut Vec<u8>)) -> Position {
        let sequence = self.head.sequence + 1;
        let mut frame = SCRATCH.take();
        frame.clear();
        write_frame(sequence, &mut frame);
        self.frames.push(&frame, record.event_type);
        if frame.capacity() <= MAX_IDLE_SCRATCH_BYTES {
            SCRATCH.set(frame);
        }
        self.payloads.push(&record.payload);
        if self.entries.capacity() == 0 {
            // Most channels are small: one row, not the four that a first push makes room for.
            self.entries.reserve_exact(1);
        }
        self.entries.push_back(Entry {
            frames_end: self.frames.end(),
            payloads_end: self.payloads.end(),
            at: now,
            event_type: record.event_type,
            revision: record.revision,
            class: record.class,
        });
        self.head.sequence = sequence;
        self.newest_at = Some(now);
        self.drop_oldest(self.count_outlived(now)); // never the new one: it has no age
        while self.entries.len() > 1 && self.retained_bytes() > self.max_bytes {
            self.drop_oldest(1);
        }
        self.head
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

    /// The position after which everything retained comes.
    pub fn start(&self) -> Position {
        Position { epoch: self.head.epoch, sequence: self.oldest() - 1 }
    }

    /// A retained event as it was appended, its payload copied: what other forms of it are made from.
    pub fn record(&self, sequence: u64) -> Option<Record> {
        let index = usize::try_from(sequence.checked_sub(self.oldest())?).ok()?;
        let entry = self.entries.get(index)?;
        let from = if index == 0 { self.payloads.start() } else { self.entries[index - 1].payloads_end };
        let payload = self.payloads.copied(from, entry.payloads_end);
        Some(Record { event_type: entry.event_type, class: entry.class, payload, revision: entry.revision })
    }

    /// Evicts what is beyond both the number and the age of the retention, and lets a log that is idle for as long give its
    /// spare room back. Returns the bytes that were freed.
    pub fn evict(&mut self, now: Instant) -> usize {
        let before = self.bytes();
        self.frames.forget_copy();
        self.drop_oldest(self.count_outlived(now));
        if self.newest_at.is_none_or(|newest| now.saturating_duration_since(newest) > self.retention.age) {
            self.trim();
        }
        before.saturating_sub(self.bytes())
    }

    /// Evicts the oldest events until no more than `budget_bytes` are held, or only the newest is left. Returns the bytes
    /// that were freed.
    pub fn shrink_to(&mut self, budget_bytes: usize) -> usize {
        let before = self.bytes();
        if before > budget_bytes {
            self.trim();
        }
        while self.bytes() > budget_bytes && self.entries.len() > 1 {
            // A quarter at a time: what is freed is known only after the room is given back.
            self.drop_oldest(self.entries.len().div_ceil(4).min(self.entries.len() - 1));
            self.trim();
        }
        before.saturating_sub(self.bytes())
    }

    /// Evicts every event; epoch and head stay. Returns the bytes that were freed.
    pub fn clear(&mut self) -> usize {
        let before = self.bytes();
        self.drop_oldest(self.entries.len());
        self.trim();
        before.saturating_sub(self.bytes())
    }

    /// Memory held, in bytes: frames, payloads and index, with the room that is free in them, and the struct itself.
    /// Reading never changes it: the copy that readers near the head share, of at most 80 KiB and gone with the next
    /// [`RingLog::evict`], is not counted.
    pub fn bytes(&self) -> usize {
        size_of::<Self>() + self.frames.bytes() + self.payloads.bytes() + self.entries.capacity() * size_of::<Entry>()
    }

    /// When the newest event was appended, though it may be evicted; none since the log was made.
    pub fn newest_at(&self) -> Option<Instant> {
        self.newest_at
    }

    fn retained_bytes(&self) -> usize {
        let stored = (self.frames.end() - self.frames.start()) + (self.payloads.end() - self.payloads.start());
        stored as usize + self.entries.len() * size_of::<Entry>()
    }

    /// How many of the oldest entries neither the number nor the age of the retention keeps.
    fn count_outlived(&self, now: Instant) -> usize {
        let surplus = self.entries.len().saturating_sub(self.retention.events as usize);
        self.entries
            .iter()
            .take(surplus)
            .take_while(|entry| now.saturating_duration_since(entry.at) > self.retention.age)
            .count()
    }

    fn drop_oldest(&mut self, count: usize) {
        if let Some(newest) = self.entries.drain(..count).next_back() {
            self.frames.release_before(newest.frames_end);
            self.payloads.release_before(newest.payloads_end);
        }
    }

    fn trim(&mut self) {
        self.frames.trim();
        self.payloads.trim();
        self.entries.shrink_to_fit();
    }
}
