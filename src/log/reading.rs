//! Reading: what comes after a position, as one slice, or why it cannot be told.

use super::{Position, Read, RingLog};
use crate::schema::TypeFilter;

impl RingLog {
    /// What comes after `after`: at most `max_bytes`, but at least one event.
    pub fn read(&mut self, after: Position, filter: &TypeFilter, max_bytes: usize) -> Read {
        if after.epoch != self.head.epoch {
            return Read::EpochChanged { current: self.start() };
        }
        if after.sequence >= self.head.sequence {
            return match after.sequence == self.head.sequence {
                true => Read::UpToDate,
                false => Read::AheadOfHead { head: self.head, start: self.start() },
            };
        }
        let oldest = self.oldest();
        let next = after.sequence + 1;
        if next < oldest {
            return Read::Lagged { oldest, skipped: oldest - next };
        }
        let Some(first) = self.next_allowed((next - oldest) as usize, filter) else {
            return Read::Skipped { sequence: self.head.sequence };
        };
        let end = self.run_end(first, filter, max_bytes);
        let frames = self.frames.slice(self.frame_start(first), self.entries[end - 1].frames_end);
        Read::Batch { first: oldest + first as u64, last: oldest + end as u64 - 1, frames }
    }

    /// The position after which the newest `events` that the filter allows come, or as many of them as are retained.
    pub fn before_newest(&self, events: u32, filter: &TypeFilter) -> Position {
        let mut missing = events;
        let mut sequence = self.head.sequence;
        for (back, entry) in self.entries.iter().rev().enumerate() {
            if missing == 0 {
                break;
            }
            if filter.allows(entry.event_type) {
                missing -= 1;
                sequence = self.head.sequence - back as u64 - 1;
            }
        }
        Position { epoch: self.head.epoch, sequence }
    }

    fn frame_start(&self, index: usize) -> u64 {
        match index.checked_sub(1) {
            Some(before) => self.entries[before].frames_end,
            None => self.frames.start(),
        }
    }

    /// How many entries end at or before `offset`.
    fn entries_before(&self, offset: u64) -> usize {
        if offset == self.frames.end() {
            return self.entries.len();
        }
        self.entries.partition_point(|entry| entry.frames_end <= offset)
    }

    /// The first entry from `index` on that the filter allows. Passes over segments that hold nothing for it.
    fn next_allowed(&self, mut index: usize, filter: &TypeFilter) -> Option<usize> {
        if matches!(filter, TypeFilter::All) {
            return Some(index);
        }
        while index < self.entries.len() {
            let (segment_end, nothing) = self.frames.segment_end(self.frame_start(index), filter);
            let end = self.entries_before(segment_end);
            if !nothing && let Some(found) = (index..end).find(|at| filter.allows(self.entries[*at].event_type)) {
                return Some(found);
            }
            index = end;
        }
        None
    }

    /// The end of the run that begins at `first`: allowed throughout, within `max_bytes` where it is more than one event,
    /// and cheap to hand out as one slice.
    fn run_end(&self, first: usize, filter: &TypeFilter, max_bytes: usize) -> usize {
        let from = self.frame_start(first);
        let reach = self.frames.reach(from, max_bytes);
        let end = self.entries_before(reach).max(first + 1);
        if matches!(filter, TypeFilter::All) || self.frames.all_allowed(from, reach, filter) {
            return end;
        }
        (first + 1..end).find(|at| !filter.allows(self.entries[*at].event_type)).unwrap_or(end)
    }
}
