//! Events that are now or never: a few of the last seconds, for the readers who are there.
//!
//! They are in a small log beside the channel's. Its sequence counts in this process alone and reaches no client; readers go
//! by it and are told of no loss.

use std::time::{Duration, Instant};

use super::form::PerForm;
use super::frames::Frames;
use super::{Class, Found, Made, Position, Read, Record, RingLog, Take, View};
use crate::schema::{Retention, TypeFilter};

/// The most ephemeral events that one channel holds.
pub const MAX_EPHEMERAL_EVENTS: u32 = 1_024;
/// The most bytes of them, in both forms. As many as one publish request brings in usual sizes: they are evicted as they
/// are appended, before any reader has had a turn.
pub const MAX_EPHEMERAL_BYTES: usize = 512 * 1024;
/// After so long nobody gets them any more.
pub const EPHEMERAL_AGE: Duration = Duration::from_secs(5);

impl RingLog {
    /// The newest ephemeral event; 0 before the first. What a new reader begins after.
    pub fn ephemeral_head(&self) -> u64 {
        self.ephemeral.as_ref().map_or(0, |log| log.head.sequence)
    }

    /// The ephemeral events after `after`, with all frames made at once: for whoever has the log alone.
    pub fn read_ephemeral(
        &mut self,
        after: u64,
        filter: &TypeFilter,
        max_bytes: usize,
        view: impl Into<View>,
        now: Instant,
    ) -> Read {
        let (read, made) = self.find_ephemeral(after, filter, max_bytes, view.into(), now).make();
        self.settle_ephemeral(&made);
        read
    }

    /// The ephemeral events after `after`: a batch, or up to where there is nothing for this reader. `first` and `last` are
    /// numbers of these events only. Nothing goes by reading: what is too old is passed over.
    pub fn find_ephemeral(
        &mut self,
        after: u64,
        filter: &TypeFilter,
        max_bytes: usize,
        view: View,
        now: Instant,
    ) -> Found {
        let Some(log) = &mut self.ephemeral else { return Read::UpToDate.into() };
        let start = log.oldest() - 1 + log.count_old(now) as u64;
        log.find(Position { sequence: after.max(start), ..log.head }, filter, Take::Everything, max_bytes, view)
    }

    /// Remembers frames that were made for [`RingLog::find_ephemeral`].
    pub fn settle_ephemeral(&mut self, made: &[Made]) {
        if let Some(log) = &mut self.ephemeral {
            log.settle(made);
        }
    }

    pub(super) fn append_ephemeral(&mut self, record: Record, frames: &PerForm<Vec<u8>>, now: Instant) {
        let epoch = self.head.epoch;
        let log = self.ephemeral.get_or_insert_with(|| {
            let retention = Retention { events: 0, age: EPHEMERAL_AGE };
            Box::new(RingLog::new(epoch, retention).with_max_bytes(MAX_EPHEMERAL_BYTES))
        });
        log.append_frames(Record { class: Class::Reliable, ..record }, frames, now);
        log.drop_oldest(log.entries.len().saturating_sub(MAX_EPHEMERAL_EVENTS as usize));
    }

    /// Evicts what is too old, the newest too.
    pub(super) fn evict_ephemeral(&mut self, now: Instant) {
        self.frames.iter_mut().for_each(Frames::forget_copy);
        self.drop_oldest(self.count_old(now));
        self.sweep_reduced();
        if self.entries.is_empty() {
            self.trim();
        }
    }

    fn count_old(&self, now: Instant) -> usize {
        self.entries.partition_point(|entry| now.saturating_duration_since(entry.at) > EPHEMERAL_AGE)
    }
}
