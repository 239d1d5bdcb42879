//! What a batch holds, for whoever counts and watches. Made once for a batch, however many readers get it.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::{Read, RingLog};
use crate::schema::TypeIndex;

/// What a batch holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// The batch's frames.
    pub frames: Bytes,
    /// The types of its events: runs of one type, in order, with their lengths.
    pub runs: Vec<(TypeIndex, u64)>,
    /// When its first event was appended, where that is known.
    pub first_at: Option<Instant>,
    /// The bytes of the whole frames that its frames were made of: where something is hidden, more than are left.
    pub work_bytes: usize,
}

impl Contents {
    /// Several batches as one: their frames were joined with others between them.
    pub fn joined(frames: Bytes, parts: &[Arc<Contents>]) -> Self {
        let runs = parts.iter().flat_map(|part| part.runs.iter().copied()).collect();
        let work_bytes = parts.iter().map(|part| part.work_bytes).sum();
        Contents { frames, runs, first_at: parts.first().and_then(|part| part.first_at), work_bytes }
    }

    /// The types of the first `events`, each once, with how many there are.
    pub fn types(&self, events: u64) -> Vec<(TypeIndex, u64)> {
        let mut left = events;
        let mut types: Vec<(TypeIndex, u64)> = Vec::with_capacity(1);
        for (index, length) in &self.runs {
            let count = left.min(*length);
            if count == 0 {
                break;
            }
            left -= count;
            match types.iter_mut().find(|(known, _)| known == index) {
                Some((_, total)) => *total += count,
                None => types.push((*index, count)),
            }
        }
        types
    }
}

/// What came lately.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recent {
    /// How many events.
    pub events: usize,
    /// Where the log does not reach back so far: from when on it does.
    pub covered_from: Option<Instant>,
}

impl RingLog {
    /// The events that came after `since`, ephemeral ones among them.
    pub fn since(&self, since: Instant) -> Recent {
        let before = self.entries.partition_point(|entry| entry.at <= since);
        // Nothing is missing where an older event is there too, or none was ever evicted.
        let is_cut = before == 0 && self.oldest() > 1;
        let ephemeral = self.ephemeral.as_ref().map_or(0, |ephemeral| ephemeral.since(since).events);
        Recent {
            events: self.entries.len() - before + ephemeral,
            covered_from: self.entries.front().filter(|_| is_cut).map(|entry| entry.at),
        }
    }

    /// What a batch holds that was read just now, under the same lock.
    pub fn contents(&self, read: &Read) -> Option<Contents> {
        let Read::Batch { first, last, frames } = read else { return None };
        if *first < self.oldest() {
            // The newest of its key, kept beyond the retention: it comes alone.
            let kept = self.keyed.as_ref()?.past.get(*first)?;
            let runs = vec![(kept.event_type, 1)];
            return Some(Contents { frames: frames.clone(), runs, first_at: None, work_bytes: frames.len() });
        }
        self.contents_of(*first, *last, frames)
    }

    /// As [`RingLog::contents`], of a batch of ephemeral events.
    pub fn ephemeral_contents(&self, read: &Read) -> Option<Contents> {
        self.ephemeral.as_ref()?.contents(read)
    }

    fn contents_of(&self, first: u64, last: u64, frames: &Bytes) -> Option<Contents> {
        let begin = usize::try_from(first.checked_sub(self.oldest())?).ok()?;
        let end = usize::try_from(last.checked_sub(self.oldest())?).ok()?;
        let entries = self.entries.range(begin..=end.min(self.entries.len().checked_sub(1)?));
        let mut runs: Vec<(TypeIndex, u64)> = Vec::with_capacity(1);
        for entry in entries {
            match runs.last_mut() {
                Some((index, length)) if *index == entry.event_type => *length += 1,
                _ => runs.push((entry.event_type, 1)),
            }
        }
        let first_at = self.entries.get(begin).map(|entry| entry.at);
        Some(Contents { frames: frames.clone(), runs, first_at, work_bytes: frames.len() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_types_of_a_part_are_those_of_its_first_events() {
        let [a, b] = [TypeIndex(3), TypeIndex(7)];
        let contents =
            Contents { frames: Bytes::new(), runs: vec![(a, 2), (b, 1), (a, 3)], first_at: None, work_bytes: 0 };
        assert_eq!(contents.types(0), []);
        assert_eq!(contents.types(1), [(a, 1)]);
        assert_eq!(contents.types(3), [(a, 2), (b, 1)]);
        assert_eq!(contents.types(5), [(a, 4), (b, 1)]);
        assert_eq!(contents.types(u64::MAX), [(a, 5), (b, 1)]);
    }
}
