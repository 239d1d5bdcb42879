//! One channel: its log behind a lock, and which shards read it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::ids::ChannelKey;
use crate::log::{Contents, Extent, Position, Read, RingLog};
use crate::schema::{Retention, TypeFilter};

use super::wakeups::{ShardIndex, ShardMark};

/// A channel of this node.
///
/// The lock is held for an append, a read or an eviction, a few lines each, and never across a wake-up.
pub struct Channel {
    id: u64,
    key: ChannelKey,
    retention: Retention,
    log: Mutex<RingLog>,
    marks: Box<[ShardMark]>,
}

impl Channel {
    pub(super) fn new(id: u64, key: ChannelKey, retention: Retention, log: RingLog, shards: usize) -> Self {
        let marks = (0..shards).map(|_| ShardMark::default()).collect();
        Channel { id, key, retention, log: Mutex::new(log), marks }
    }

    /// A number that no other channel of this process ever has.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Whose channel it is, and its name.
    pub fn key(&self) -> &ChannelKey {
        &self.key
    }

    /// What its log keeps.
    pub fn retention(&self) -> Retention {
        self.retention
    }

    /// Counts a subscription of this shard. The shard reads the log after this, never before.
    pub fn subscribe(&self, shard: ShardIndex) {
        self.marks[shard.0].subscribe();
    }

    /// Takes back one [`Channel::subscribe`].
    pub fn unsubscribe(&self, shard: ShardIndex) {
        self.marks[shard.0].unsubscribe();
    }

    /// The subscriptions of all shards.
    pub fn subscriptions(&self) -> u32 {
        self.marks.iter().map(ShardMark::subscriptions).sum()
    }

    /// Clears this shard's mark: an append from now on marks the channel again.
    pub fn begin_read(&self, shard: ShardIndex) {
        self.marks[shard.0].clear();
    }

    /// What comes after `after`, and the head at that moment: a reader that has reached it need not ask again until the
    /// channel is marked.
    pub fn read(&self, after: Position, filter: &TypeFilter, max_bytes: usize) -> (Read, Position) {
        let mut log = self.log();
        let read = log.read(after, filter, max_bytes);
        let head = log.head();
        (read, head)
    }

    /// As [`Channel::read`], with what a batch holds.
    pub fn read_with_contents(
        &self,
        after: Position,
        filter: &TypeFilter,
        max_bytes: usize,
    ) -> (Read, Position, Option<Contents>) {
        let mut log = self.log();
        let read = log.read(after, filter, max_bytes);
        let contents = match &read {
            Read::Batch { first, last, frames } => log.contents(*first, *last, frames),
            _ => None,
        };
        (read, log.head(), contents)
    }

    /// What the channel keeps now.
    pub fn extent(&self) -> Extent {
        let log = self.log();
        Extent { head: log.head(), oldest: log.oldest() }
    }

    /// The position before the newest events that the filter allows.
    pub fn before_newest(&self, events: u32, filter: &TypeFilter) -> Position {
        self.log().before_newest(events, filter)
    }

    /// Memory that the log holds.
    pub fn bytes(&self) -> usize {
        self.log().bytes()
    }

    pub(super) fn log(&self) -> MutexGuard<'_, RingLog> {
        // The log restores its invariants before anything in it can panic.
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn dirty_shards(&self) -> impl Iterator<Item = ShardIndex> {
        self.marks.iter().enumerate().filter(|(_, mark)| mark.set_dirty()).map(|(index, _)| ShardIndex(index))
    }

    /// Whether nobody would miss the log: no subscriber, its newest event past its age, and idle for long enough.
    pub(super) fn is_expired(&self, now: Instant, idle: Duration) -> bool {
        self.subscriptions() == 0
            && self.log().newest_at().is_none_or(|at| {
                let age = now.saturating_duration_since(at);
                age > self.retention.age && age > idle
            })
    }
}
