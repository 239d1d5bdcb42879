//! Which event is the newest of its key, in the log and beyond its retention.
//!
//! A log has this from its first keyed event on. Every key here has its newest event in the log or among the kept, so it is
//! bounded by both. Keys are those of the events: nothing is read off payloads here.

use std::collections::{HashMap, VecDeque};
use std::mem::size_of;

use super::past::{Kept, MAX_KEPT, Past};
use crate::schema::{EventKey, TypeIndex};

/// The keys of a log.
#[derive(Debug)]
pub(super) struct Keyed {
    /// The newest event of each key.
    newest: HashMap<EventKey, u64>,
    /// The keys of the keyed events that the log retains, ascending by sequence.
    retained: VecDeque<(u64, EventKey)>,
    pub(super) past: Past,
}

impl Keyed {
    /// For a log that has evicted everything up to `lost_until`.
    pub(super) fn new(lost_until: u64) -> Self {
        Keyed { newest: HashMap::new(), retained: VecDeque::new(), past: Past::new(lost_until) }
    }

    /// Memory that is held, in bytes: a table of keys is up to an eighth empty and has a byte of control for each.
    pub(super) fn bytes(&self) -> usize {
        let newest = self.newest.capacity() * 8 / 7 * (size_of::<(EventKey, u64)>() + 1);
        size_of::<Self>() + newest + self.retained.capacity() * size_of::<(u64, EventKey)>() + self.past.bytes()
    }

    /// What keys and kept events take of a log's cap, in bytes.
    pub(super) fn capped_bytes(&self) -> usize {
        let row = size_of::<(u64, EventKey)>();
        self.past.kept_bytes() + (2 * self.newest.len() + self.retained.len()) * row
    }

    /// Notes a keyed event that is appended. Gives the event that it supersedes in the log.
    pub(super) fn append(&mut self, key: EventKey, sequence: u64) -> Option<u64> {
        self.retained.push_back((sequence, key));
        let superseded = self.newest.insert(key, sequence)?;
        (!self.past.supersede(superseded)).then_some(superseded)
    }

    /// Takes out the key of the oldest keyed event that the log retains, because it is evicted.
    pub(super) fn pop_key(&mut self) -> Option<EventKey> {
        self.retained.pop_front().map(|(_, key)| key)
    }

    /// Keeps an evicted event, and as many of the older ones as fit into so many bytes.
    pub(super) fn keep(&mut self, sequence: u64, kept: Kept, max_bytes: usize) {
        self.past.keep(sequence, kept);
        while self.past.kept_bytes() > max_bytes || self.past.kept_count() > MAX_KEPT {
            self.lose_kept(1);
        }
    }

    /// Loses so many of the oldest kept events.
    pub(super) fn lose_kept(&mut self, count: usize) {
        for _ in 0..count {
            let Some(key) = self.past.lose_oldest_kept() else { return };
            self.newest.remove(&key);
        }
    }

    /// Loses some of the kept events, by type and revision.
    pub(super) fn lose_kept_of(&mut self, is_gone: impl Fn(TypeIndex, u32) -> bool) {
        for key in self.past.lose_kept_of(is_gone) {
            self.newest.remove(&key);
        }
    }

    /// Forgets that an event of the log has a key.
    pub(super) fn forget(&mut self, sequence: u64) {
        if let Ok(index) = self.retained.binary_search_by_key(&sequence, |(sequence, _)| *sequence)
            && let Some((_, key)) = self.retained.remove(index)
            && self.newest.get(&key) == Some(&sequence)
        {
            self.newest.remove(&key);
        }
    }

    pub(super) fn trim(&mut self) {
        self.newest.shrink_to_fit();
        self.retained.shrink_to_fit();
    }
}
