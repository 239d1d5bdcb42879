//! The finished frames of a log in one form, and slices of them.
//!
//! A slice is contiguous whatever it covers. Sealed segments are handed out as they are; what is in the open segment, or
//! reaches over its beginning, is copied once and shared: readers in step get the same bytes, and between two appends there
//! are at most two copies however the readers are spread.

use std::ops::Range;

use bytes::Bytes;

use super::segments::Segments;
use super::type_set::TypeSet;
use crate::schema::{TypeFilter, TypeIndex};

/// Up to so many bytes, frames on both sides of a segment's end are joined by a copy, to save a write.
const JOIN_BYTES: u64 = 16 * 1024;

/// The frames.
#[derive(Debug)]
pub(super) struct Frames {
    segments: Segments<TypeSet>,
    copy: Option<Copy>,
}

/// What was copied last.
#[derive(Debug)]
struct Copy {
    from: u64,
    bytes: Bytes,
    /// Where the frames ended when it was made.
    head: u64,
}

impl Copy {
    fn end(&self) -> u64 {
        self.from + self.bytes.len() as u64
    }
}

impl Frames {
    pub(super) fn new() -> Self {
        Frames { segments: Segments::new(), copy: None }
    }

    pub(super) fn start(&self) -> u64 {
        self.segments.start()
    }

    pub(super) fn end(&self) -> u64 {
        self.segments.end()
    }

    /// Memory of the frames; the copy is not counted.
    pub(super) fn bytes(&self) -> usize {
        self.segments.bytes()
    }

    /// Appends a frame, given as its beginning and its end.
    #[inline]
    pub(super) fn push(&mut self, begin: &[u8], end: &[u8], event_type: TypeIndex) {
        self.segments.push(begin, end).insert(event_type);
    }

    pub(super) fn release_before(&mut self, offset: u64) {
        self.segments.release_before(offset);
        if self.copy.as_ref().is_some_and(|copy| copy.end() <= offset) {
            self.copy = None;
        }
    }

    /// Lets go of the copy; a reader who needs it makes it again.
    pub(super) fn forget_copy(&mut self) {
        self.copy = None;
    }

    /// Lets go of room that nobody needs now.
    pub(super) fn trim(&mut self) {
        self.forget_copy();
        self.segments.trim();
    }

    /// How far a slice from `from` may reach: at most `max_bytes`, to the end of its segment, or beyond where that is near.
    pub(super) fn reach(&self, from: u64, max_bytes: usize) -> u64 {
        let max_bytes = max_bytes as u64;
        let segment_end = self.segments.segment_at(from).end;
        let worth = max_bytes.min(JOIN_BYTES);
        if segment_end - from >= worth {
            return segment_end.min(from.saturating_add(max_bytes));
        }
        self.end().min(from + worth)
    }

    /// The segment that holds `at`, and whether the filter lets nothing in it through.
    pub(super) fn segment(&self, at: u64, filter: &TypeFilter) -> (Range<u64>, bool) {
        let segment = self.segments.segment_at(at);
        (segment.start..segment.end, segment.note.is_disjoint(filter))
    }

    /// Whether the filter lets through all that the segments between `from` and `to` hold.
    pub(super) fn all_allowed(&self, mut from: u64, to: u64, filter: &TypeFilter) -> bool {
        while from < to {
            let segment = self.segments.segment_at(from);
            if !segment.note.is_within(filter) {
                return false;
            }
            from = segment.end;
        }
        true
    }

    /// The bytes from `from` to `to`, in memory of their own.
    pub(super) fn copied(&self, from: u64, to: u64) -> Bytes {
        self.segments.copied(from, to)
    }

    /// The bytes from `from` to `to`: as they are where they lie in one sealed segment, else in memory of their own.
    pub(super) fn part(&self, from: u64, to: u64) -> Bytes {
        self.segments.shared(from, to).unwrap_or_else(|| self.segments.copied(from, to))
    }

    /// The bytes from `from` to `to`, contiguous.
    pub(super) fn slice(&mut self, from: u64, to: u64) -> Bytes {
        if let Some(bytes) = self.segments.shared(from, to) {
            return bytes;
        }
        if to <= self.segments.tail_start() {
            // A reader that catches up, over a boundary: few are at the same place, and the copy near the head is worth more.
            return self.segments.copied(from, to);
        }
        let mut copy_from = from;
        let mut copy_to = to;
        if let Some(copy) = &self.copy {
            if copy.from <= from && to <= copy.end() {
                return copy.bytes.slice((from - copy.from) as usize..(to - copy.from) as usize);
            }
            if copy.head == self.end() {
                // A second range since the last append: readers are spread. Serve all of them from one copy.
                let crossing = self.segments.tail_start().saturating_sub(JOIN_BYTES);
                copy_from = crossing.max(self.start());
                copy_to = self.end();
            }
        }
        let bytes = self.segments.copied(copy_from, copy_to);
        let slice = bytes.slice((from - copy_from) as usize..(to - copy_from) as usize);
        self.copy = Some(Copy { from: copy_from, bytes, head: self.end() });
        slice
    }
}
