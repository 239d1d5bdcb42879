//! The channels of this node: who has a log, who reads it, and what all of it costs.
//!
//! Promises: an append is in the ring before any shard is woken for it; a shard that subscribed before the append is
//! woken; memory of all logs stays within one budget, taken from idle channels first; a channel that nobody needs goes,
//! and leaves a tombstone so that its sequence never restarts within an epoch.
//!
//! Owned by everybody behind an `Arc`. The map is split by hash; locks are held for lookups and appends only.

mod budget;
mod channel;
#[cfg(test)]
pub(crate) mod fixture;
mod listing;
mod reads;
mod reclaim;
mod revise;
mod sync;
mod waiting;
mod wakeups;

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use crate::engine::{Append, Appender};
use crate::ids::ChannelKey;
use crate::log::{Class, Epoch, MAX_TOMBSTONES, Position, Record, RingLog, TOMBSTONE_AGE, Tombstones};
use crate::metrics::{Limit, Metrics};
use crate::schema::Retention;
use crate::status::Status;
use crate::wire::EventFrame;
use budget::Budget;
use revise::Revised;
use sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use sync::{Mutex, MutexGuard, RwLock, RwLockWriteGuard};
use waiting::Waiting;

pub use channel::Channel;
pub use listing::{Listing, MAX_LISTED, Order, Query, RATE_WINDOW, Summary};
pub use reads::{MAX_READS, SharedReads};
pub use reclaim::Swept;
pub use wakeups::{ShardIndex, Wakeups};

/// How many parts the map has: enough that publishers on a few dozen cores rarely meet.
const BUCKETS: usize = 64;

/// The bounds of all logs of this node.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Memory of one channel's log. Default 8 MiB.
    pub channel_bytes: usize,
    /// Memory of all logs. Default: a quarter of the machine's, at most 4 GiB.
    pub total_bytes: usize,
    /// How long a channel without subscribers keeps its log after its newest event, beyond its age. Default 5 min.
    pub idle: Duration,
    /// Channels whose last position is remembered after that. Default 1,000,000.
    pub tombstones: usize,
    /// How long it is remembered. Default 1 h.
    pub tombstone_age: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            channel_bytes: 8 << 20,
            total_bytes: 1 << 30,
            idle: Duration::from_secs(300),
            tombstones: MAX_TOMBSTONES,
            tombstone_age: TOMBSTONE_AGE,
        }
    }
}

type Bucket = HashMap<ChannelKey, Arc<Channel>>;

/// The channels of this node.
pub struct Hub {
    buckets: Box<[Mutex<Bucket>]>,
    hasher: RandomState,
    /// Taken after a bucket's lock, never before one. Events that leave nothing only look.
    tombstones: RwLock<Tombstones<ChannelKey>>,
    shards: Box<[Arc<Wakeups>]>,
    next_id: AtomicU64,
    /// Shared with the channels: reading may add to it.
    bytes: Arc<AtomicUsize>,
    budget: Budget,
    waiting: Waiting,
    /// What the last reload has said. Its lock is taken under a channel's, and only by publishers of an older revision.
    revised: Mutex<Option<Arc<Revised>>>,
    /// The number in there, 0 before the first reload.
    revision: AtomicU32,
    limits: Limits,
    metrics: Arc<Metrics>,
}

impl Hub {
    /// An empty hub for so many shards. `boot` is random: it tells this process's epochs from all others'.
    pub fn new(boot: u64, shards: usize, limits: Limits) -> Self {
        Hub {
            buckets: (0..BUCKETS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            tombstones: RwLock::new(Tombstones::with_bounds(
                Epoch::first(boot),
                limits.tombstones,
                limits.tombstone_age,
            )),
            shards: (0..shards).map(|_| Arc::new(Wakeups::default())).collect(),
            next_id: AtomicU64::new(1),
            bytes: Arc::default(),
            budget: Budget::new(limits.total_bytes),
            waiting: Waiting::default(),
            revised: Mutex::new(None),
            revision: AtomicU32::new(0),
            limits,
            metrics: Arc::default(),
        }
    }

    /// Counts in these metrics.
    #[must_use]
    pub fn with_metrics(mut self, metrics: Arc<Metrics>) -> Self {
        self.metrics = metrics;
        self
    }

    /// Where this shard hears of dirty channels.
    pub fn wakeups(&self, shard: ShardIndex) -> &Arc<Wakeups> {
        &self.shards[shard.0]
    }

    /// The shards, by number.
    pub fn shards(&self) -> impl Iterator<Item = ShardIndex> + use<> {
        (0..self.shards.len()).map(ShardIndex)
    }

    /// The channel, for a publisher or for whom the bridge subscribes by itself: made when it is not there. While the caller
    /// holds it, it does not expire.
    pub fn channel(&self, key: &ChannelKey, retention: Retention) -> Arc<Channel> {
        let mut bucket = self.bucket(key);
        let channel = match bucket.get(key) {
            Some(channel) => Arc::clone(channel),
            None => self.insert(&mut bucket, key, retention),
        };
        self.ends_waiting(&channel);
        channel
    }

    /// Makes a channel that is not there.
    fn insert(&self, bucket: &mut Bucket, key: &ChannelKey, retention: Retention) -> Arc<Channel> {
        let begin = self.tombstones().revive(key, now());
        let log = RingLog::resurrect(begin, retention).with_max_bytes(self.limits.channel_bytes);
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let channel = Arc::new(Channel::new(id, key.clone(), log, self.shards.len(), Arc::clone(&self.bytes)));
        self.account(0, channel.bytes());
        bucket.insert(key.clone(), Arc::clone(&channel));
        channel
    }

    fn find(&self, key: &ChannelKey) -> Option<Arc<Channel>> {
        self.bucket(key).get(key).map(Arc::clone)
    }

    /// The position of an event that has none: 0, of the epoch that the channel has or would have.
    fn no_sequence(&self, key: &ChannelKey, found: Option<Arc<Channel>>) -> Position {
        let head = match found {
            Some(channel) => channel.heads().head,
            None => self.tombstones.read().unwrap_or_else(PoisonError::into_inner).peek(key),
        };
        Position { sequence: 0, ..head }
    }

    /// How many channels have a log or a subscriber.
    pub fn channel_count(&self) -> usize {
        self.buckets.iter().map(|bucket| lock(bucket).len()).sum()
    }

    /// How many channels are remembered that have no log any more.
    pub fn tombstone_count(&self) -> usize {
        self.tombstones.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Memory of all logs and their channels, in bytes.
    pub fn log_bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// What all logs may take, in bytes.
    pub fn max_log_bytes(&self) -> usize {
        self.limits.total_bytes
    }

    fn bucket(&self, key: &ChannelKey) -> MutexGuard<'_, Bucket> {
        let hash = self.hasher.hash_one(key);
        lock(&self.buckets[hash as usize % BUCKETS])
    }

    fn tombstones(&self) -> RwLockWriteGuard<'_, Tombstones<ChannelKey>> {
        self.tombstones.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the total right after a log went from `before` to `after` bytes.
    fn account(&self, before: usize, after: usize) {
        if after >= before {
            self.bytes.fetch_add(after - before, Ordering::Relaxed);
        } else {
            self.bytes.fetch_sub(before - after, Ordering::Relaxed);
        }
    }
}

/// Maps and logs restore their invariants before anything in them can panic, so a poisoned lock is as good as any.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn now() -> Instant {
    // tokio's clock, so that a test may own it.
    tokio::time::Instant::now().into_std()
}

impl Appender for Hub {
    fn make_room(&self) {
        self.look_for_room(now());
    }

    fn append(&self, append: &Append) -> Result<Position, Status> {
        let event = &append.event;
        let channel = match event.class {
            Class::Reliable | Class::Latest(_) => {
                self.check_room(&append.key)?;
                self.channel(&append.key, append.retention)
            }
            // Nobody there now means nobody ever: nothing is kept, and a channel never touched costs nothing.
            Class::Ephemeral => match self.find(&append.key) {
                Some(channel) if channel.subscriptions() > 0 => {
                    self.check_room(&append.key)?;
                    self.ends_waiting(&channel);
                    channel
                }
                found => return Ok(self.no_sequence(&append.key, found)),
            },
        };
        let mut record = Record {
            event_type: event.event_type.index,
            class: event.class,
            payload: event.payload.clone(),
            revision: event.revision,
            // JSON is bounded far below.
            data_bytes: u32::try_from(event.data.len()).unwrap_or(u32::MAX),
            reducer: event.reducer.clone(),
        };
        let frame = EventFrame {
            event_type: &event.event_type.name,
            channel: append.key.channel.as_str(),
            unix_ms: event.timestamp_ms,
            id: event.id,
            reply_to: event.reply_to.as_deref(),
            metadata: &event.metadata,
            metadata_wire: &event.metadata_wire,
            data: &event.data,
            payload: &event.payload,
        };
        let mut log = channel.log();
        self.settle(&channel, &mut log, append.retention, &mut record);
        let before = log.bytes();
        let retained = log.retained();
        let position = log.append(record, now(), |sequence, form, out| frame.write(sequence, form, out));
        let after = log.bytes();
        // An append that does not make the log longer, though it holds fewer than its retention states.
        let is_capped = position.sequence > 0
            && log.retained() <= retained.min((append.retention.events as usize).saturating_sub(1));
        drop(log);
        self.account(before, after);
        if is_capped {
            self.metrics.limits.hit(Limit::MaxChannelBytes, append.key.channel.as_str());
        }
        for shard in channel.dirty_shards() {
            self.shards[shard.0].add(Arc::clone(&channel));
        }
        Ok(position)
    }
}

#[cfg(test)]
mod tests;
