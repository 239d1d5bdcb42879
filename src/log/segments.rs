//! A stream of bytes in memory that grows at one end and is given up at the other.
//!
//! Kept in segments: sealed ones are shared and never change, so readers get slices of them without a copy; the last one is
//! open and takes what is appended. A piece never straddles two segments. Appending never moves what is there: a piece
//! that does not fit seals the open segment and begins the next.
//!
//! A new segment is as large as what is alive, between [`MIN_SEGMENT_BYTES`] and [`MAX_SEGMENT_BYTES`]: a quiet stream stays
//! small, a busy one soon has few segments. The first piece, and each large one, gets a segment of exactly its size.
//!
//! Places are offsets since the stream began; they never restart.

use std::collections::VecDeque;
use std::mem::size_of;

use bytes::Bytes;

/// The smallest segment that is left open for more, in bytes.
pub(super) const MIN_SEGMENT_BYTES: usize = 1024;
/// The largest segment that is left open for more, in bytes.
pub(super) const MAX_SEGMENT_BYTES: usize = 64 * 1024;
/// A piece of this size or more gets a segment of its own: it is worth a write by itself, and is then never copied for a
/// reader.
pub(super) const LARGE_PIECE_BYTES: usize = MAX_SEGMENT_BYTES / 4;

/// The stream. `S` is a note about each segment's content.
#[derive(Debug)]
pub(super) struct Segments<S> {
    sealed: VecDeque<Sealed<S>>,
    tail: Vec<u8>,
    tail_start: u64,
    tail_note: S,
    /// Everything before it has been given up.
    start: u64,
    /// Capacity of all segments, the open one among them.
    allocated_bytes: usize,
}

#[derive(Debug)]
struct Sealed<S> {
    start: u64,
    bytes: Bytes,
    /// What `bytes` holds in memory: its own length and the room that was left when it was sealed.
    allocated_bytes: usize,
    note: S,
}

impl<S> Sealed<S> {
    fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

/// Where a segment begins and ends, and its note.
pub(super) struct Segment<'a, S> {
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) note: &'a S,
}

impl<S: Default> Segments<S> {
    pub(super) fn new() -> Self {
        Segments {
            sealed: VecDeque::new(),
            tail: Vec::new(),
            tail_start: 0,
            tail_note: S::default(),
            start: 0,
            allocated_bytes: 0,
        }
    }

    /// The oldest byte that is kept.
    pub(super) fn start(&self) -> u64 {
        self.start
    }

    /// After the newest byte.
    pub(super) fn end(&self) -> u64 {
        self.tail_start + self.tail.len() as u64
    }

    /// Where the open segment begins; what is before it is sealed.
    pub(super) fn tail_start(&self) -> u64 {
        self.tail_start
    }

    /// Memory held, in bytes, beside the struct itself.
    pub(super) fn bytes(&self) -> usize {
        self.allocated_bytes + self.sealed.capacity() * size_of::<Sealed<S>>()
    }

    /// Appends a piece, given as its beginning and its end. Returns the note of the segment that it is in.
    #[inline]
    pub(super) fn push(&mut self, begin: &[u8], end: &[u8]) -> &mut S {
        if begin.len() + end.len() > self.tail.capacity() - self.tail.len() {
            return self.push_elsewhere(begin, end);
        }
        self.tail.extend_from_slice(begin);
        self.tail.extend_from_slice(end);
        &mut self.tail_note
    }

    fn push_elsewhere(&mut self, begin: &[u8], end: &[u8]) -> &mut S {
        let piece_bytes = begin.len() + end.len();
        self.seal();
        let alive = usize::try_from(self.end() - self.start).expect("what is alive is in memory");
        let capacity =
            if alive == 0 { 0 } else { alive.clamp(MIN_SEGMENT_BYTES, MAX_SEGMENT_BYTES).next_power_of_two() };
        if piece_bytes >= capacity.min(LARGE_PIECE_BYTES) {
            return self.push_sealed([begin, end].concat().into(), piece_bytes, S::default());
        }
        self.tail = Vec::with_capacity(capacity);
        self.allocated_bytes += self.tail.capacity();
        self.tail.extend_from_slice(begin);
        self.tail.extend_from_slice(end);
        &mut self.tail_note
    }

    /// Gives up everything before `offset`, which is the end of a piece. Segments go as wholes.
    pub(super) fn release_before(&mut self, offset: u64) {
        debug_assert!((self.start..=self.end()).contains(&offset), "released bytes that are not there");
        self.start = offset;
        while self.sealed.front().is_some_and(|segment| segment.end() <= offset) {
            if let Some(segment) = self.sealed.pop_front() {
                self.allocated_bytes -= segment.allocated_bytes;
            }
        }
        if self.end() == offset {
            self.drop_tail();
        }
    }

    /// Lets go of room that is not used: the list's, and the open segment's where most of it is dead or empty.
    pub(super) fn trim(&mut self) {
        let alive_from = self.start.max(self.tail_start);
        let alive = (self.end() - alive_from) as usize;
        if alive < self.tail.capacity() / 2 {
            let dead = (alive_from - self.tail_start) as usize;
            let kept = self.tail[dead..].to_vec();
            self.allocated_bytes = self.allocated_bytes - self.tail.capacity() + kept.capacity();
            self.tail = kept;
            self.tail_start = alive_from;
        }
        self.sealed.shrink_to_fit();
    }

    /// The segment that holds the byte at `offset`.
    pub(super) fn segment_at(&self, offset: u64) -> Segment<'_, S> {
        match self.sealed.get(self.sealed_before(offset)) {
            Some(segment) => Segment { start: segment.start, end: segment.end(), note: &segment.note },
            None => Segment { start: self.tail_start, end: self.end(), note: &self.tail_note },
        }
    }

    /// The bytes from `from` to `to` without a copy, when they are within one sealed segment.
    pub(super) fn shared(&self, from: u64, to: u64) -> Option<Bytes> {
        let segment = self.sealed.get(self.sealed_before(from))?;
        let range = (from - segment.start) as usize..(to.checked_sub(segment.start)?) as usize;
        (to <= segment.end()).then(|| segment.bytes.slice(range))
    }

    /// The bytes from `from` to `to`, copied, however many segments they are in.
    pub(super) fn copied(&self, from: u64, to: u64) -> Bytes {
        let mut copy = Vec::with_capacity((to - from) as usize);
        self.copy_to(from, to, &mut copy);
        Bytes::from(copy)
    }

    /// Appends the bytes from `from` to `to`.
    pub(super) fn copy_to(&self, from: u64, to: u64, copy: &mut Vec<u8>) {
        if from == to {
            return;
        }
        for segment in self.sealed.range(self.sealed_before(from)..).take_while(|segment| segment.start < to) {
            let range = from.max(segment.start) - segment.start..to.min(segment.end()) - segment.start;
            copy.extend_from_slice(&segment.bytes[range.start as usize..range.end as usize]);
        }
        if to > self.tail_start {
            let range = from.max(self.tail_start) - self.tail_start..to - self.tail_start;
            copy.extend_from_slice(&self.tail[range.start as usize..range.end as usize]);
        }
    }

    /// How many sealed segments end at or before `offset`.
    fn sealed_before(&self, offset: u64) -> usize {
        if offset >= self.tail_start {
            return self.sealed.len();
        }
        self.sealed.partition_point(|segment| segment.end() <= offset)
    }

    fn seal(&mut self) {
        if self.start >= self.end() {
            return self.drop_tail();
        }
        let mut tail = std::mem::take(&mut self.tail);
        if tail.is_empty() {
            return;
        }
        self.allocated_bytes -= tail.capacity();
        // A large piece after a few small ones seals a segment that is nearly empty.
        if tail.len() < tail.capacity() / 2 {
            tail.shrink_to_fit();
        }
        let allocated_bytes = tail.capacity();
        let note = std::mem::take(&mut self.tail_note);
        self.push_sealed(Bytes::from(tail), allocated_bytes, note);
    }

    fn push_sealed(&mut self, bytes: Bytes, allocated_bytes: usize, note: S) -> &mut S {
        debug_assert!(self.tail.is_empty(), "sealed segments come before the open one");
        if self.sealed.capacity() == 0 {
            // Most channels are small: one segment, not the four that a first push makes room for.
            self.sealed.reserve_exact(1);
        }
        self.allocated_bytes += allocated_bytes;
        let start = self.tail_start;
        self.tail_start += bytes.len() as u64;
        self.sealed.push_back(Sealed { start, bytes, allocated_bytes, note });
        &mut self.sealed.back_mut().expect("it was pushed just now").note
    }

    fn drop_tail(&mut self) {
        self.tail_start = self.end();
        self.allocated_bytes -= self.tail.capacity();
        self.tail = Vec::new();
        self.tail_note = S::default();
    }
}
