//! One channel: its log behind a lock, and which shards read it.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use crate::ids::ChannelKey;
use crate::log::{Contents, Extent, Found, Heads, Made, Position, Read, Resume, RingLog, Snapshot, Take, View};
use crate::schema::{Retention, TypeFilter};

use super::budget::overhead_bytes;
use super::now;
use super::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use super::sync::{Mutex, MutexGuard};
use super::waiting::Waits;
use super::wakeups::{ShardIndex, ShardMark};

/// A channel of this node.
///
/// The lock is held for an append, a read or an eviction, a few lines each, and never across a wake-up. What has to be made
/// for who may not see all is made without it.
pub struct Channel {
    id: u64,
    key: ChannelKey,
    log: Mutex<RingLog>,
    /// The schema revision that said what the log keeps; 0 until an event or a reload has said it.
    retention_of: AtomicU32,
    marks: Box<[ShardMark]>,
    pub(super) waits: Waits,
    /// What all logs of the node take, in bytes.
    total_bytes: Arc<AtomicUsize>,
}

impl Channel {
    pub(super) fn new(id: u64, key: ChannelKey, log: RingLog, shards: usize, total_bytes: Arc<AtomicUsize>) -> Self {
        let marks = (0..shards).map(|_| ShardMark::default()).collect();
        Channel {
            id,
            key,
            log: Mutex::new(log),
            retention_of: AtomicU32::new(0),
            marks,
            waits: Waits::default(),
            total_bytes,
        }
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
        self.log().retention()
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

    /// What comes after `after` of what the reader takes, what it holds, and the newest events at that moment.
    pub fn read(
        &self,
        after: Position,
        filter: &TypeFilter,
        take: Take,
        max_bytes: usize,
        view: View,
    ) -> (Read, Heads, Option<Contents>) {
        self.finish(
            |log| {
                let found = log.find(after, filter, take, max_bytes, view);
                let contents = log.contents(&found.outline());
                (found, contents)
            },
            RingLog::settle,
        )
    }

    /// The ephemeral events after `after`.
    pub fn read_ephemeral(
        &self,
        after: u64,
        filter: &TypeFilter,
        max_bytes: usize,
        view: View,
    ) -> (Read, Heads, Option<Contents>) {
        let now = now();
        self.finish(
            |log| {
                let found = log.find_ephemeral(after, filter, max_bytes, view, now);
                let contents = log.ephemeral_contents(&found.outline());
                (found, contents)
            },
            RingLog::settle_ephemeral,
        )
    }

    /// Finds under the lock, makes what is to be made without it, and then has the log remember that.
    fn finish(
        &self,
        find: impl FnOnce(&mut RingLog) -> (Found, Option<Contents>),
        settle: impl FnOnce(&mut RingLog, &[Made]),
    ) -> (Read, Heads, Option<Contents>) {
        let ((found, contents), heads) = {
            let mut log = self.log();
            (self.counting_made(&mut log, find), log.heads())
        };
        let work_bytes = found.work_bytes();
        let (read, made) = found.make();
        if !made.is_empty() {
            self.counting_made(&mut self.log(), |log| settle(log, &made));
        }
        let contents = contents.map(|contents| match &read {
            Read::Batch { frames, .. } => Contents { frames: frames.clone(), work_bytes, ..contents },
            _ => contents,
        });
        (read, heads, contents)
    }

    /// Counts the frames that are made in this, or let go, among the bytes of all logs. The log is the channel's own, locked:
    /// nobody takes them off again before they are counted.
    fn counting_made<T>(&self, log: &mut RingLog, act: impl FnOnce(&mut RingLog) -> T) -> T {
        let before = log.made_bytes();
        let done = act(log);
        let after = log.made_bytes();
        if after >= before {
            self.total_bytes.fetch_add(after - before, Ordering::Relaxed);
        } else {
            self.total_bytes.fetch_sub(before - after, Ordering::Relaxed);
        }
        done
    }

    /// The newest events, of both kinds.
    pub fn heads(&self) -> Heads {
        self.log().heads()
    }

    /// What the channel keeps now.
    pub fn extent(&self) -> Extent {
        self.log().extent()
    }

    /// Where a first read begins, with so many events of history.
    pub fn snapshot(&self, history: u32, filter: &TypeFilter) -> Snapshot {
        self.log().snapshot(history, filter)
    }

    /// What a reader finds that has everything up to `after`.
    pub fn resume(&self, after: Position) -> Resume {
        self.log().resume(after)
    }

    /// Memory that the channel takes, its log with it.
    pub fn bytes(&self) -> usize {
        self.log().bytes() + self.overhead_bytes()
    }

    /// Memory that it takes beside the log.
    pub(super) fn overhead_bytes(&self) -> usize {
        overhead_bytes(&self.key, self.marks.len())
    }

    /// Keeps what this revision of the schema says, unless a later one has spoken: publishers that began under the one
    /// before may come last. The log is the channel's own, locked.
    pub(super) fn retain(&self, log: &mut RingLog, retention: Retention, revision: u32) {
        // Ordered by the log's lock.
        if self.retention_of.load(Ordering::Relaxed) < revision {
            self.retention_of.store(revision, Ordering::Relaxed);
            log.set_retention(retention);
        }
    }

    pub(super) fn log(&self) -> MutexGuard<'_, RingLog> {
        // The log restores its invariants before anything in it can panic.
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn dirty_shards(&self) -> impl Iterator<Item = ShardIndex> {
        self.marks.iter().enumerate().filter(|(_, mark)| mark.set_dirty()).map(|(index, _)| ShardIndex(index))
    }

    /// Whether it has no subscriber and never had an event that is to be remembered.
    pub(super) fn is_untouched(&self) -> bool {
        let log = self.log();
        self.subscriptions() == 0 && log.newest_at().is_none() && log.head().sequence == 0
    }

    /// Whether nobody would miss the log: no subscriber, its newest event past its age, and idle for long enough.
    pub(super) fn is_expired(&self, now: Instant, idle: Duration) -> bool {
        let log = self.log();
        self.subscriptions() == 0
            && log.newest_at().is_none_or(|at| {
                let age = now.saturating_duration_since(at);
                age > log.retention().age && age > idle
            })
    }
}
