//! How appends reach shards: a list of dirty channels and one wake-up, never a payload.
//!
//! A channel is on a shard's list at most once (its mark says so), so the list is bounded by the channels that the shard
//! has subscribers on.

use std::sync::{Arc, PoisonError};

use tokio::sync::Notify;

use super::Channel;
use super::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use super::sync::{Mutex, MutexGuard};

/// A shard's number, dense from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ShardIndex(pub usize);

/// One shard's list of dirty channels.
#[derive(Default)]
pub struct Wakeups {
    dirty: Mutex<Vec<Arc<Channel>>>,
    notify: Notify,
}

impl Wakeups {
    /// Wakes the shard without a channel, for a message of another kind.
    pub fn wake(&self) {
        self.notify.notify_one();
    }

    /// Waits until something has happened since the last call returned.
    ///
    /// # Cancel safety
    /// A wake-up is not lost when the future is dropped before it is ready.
    pub async fn woken(&self) {
        self.notify.notified().await;
    }

    /// Moves the dirty channels to the end of `into`. Their marks stay until the shard clears each with
    /// [`Channel::begin_read`].
    pub fn take(&self, into: &mut Vec<Arc<Channel>>) {
        into.append(&mut self.list());
    }

    pub(super) fn add(&self, channel: Arc<Channel>) {
        self.list().push(channel);
        self.notify.notify_one();
    }

    fn list(&self) -> MutexGuard<'_, Vec<Arc<Channel>>> {
        // A list of handles is whole whatever a panicking holder did.
        self.dirty.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one channel knows of one shard.
#[derive(Default)]
pub(super) struct ShardMark {
    /// The shard's subscriptions on the channel.
    subscriptions: AtomicU32,
    /// Whether the channel is on the shard's list.
    dirty: AtomicBool,
}

impl ShardMark {
    pub(super) fn subscribe(&self) {
        self.subscriptions.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn unsubscribe(&self) {
        self.subscriptions.fetch_sub(1, Ordering::SeqCst);
    }

    pub(super) fn subscriptions(&self) -> u32 {
        self.subscriptions.load(Ordering::SeqCst)
    }

    /// Whether the caller must put the channel on the shard's list.
    ///
    /// Called after the append is visible. A shard that subscribes counts itself first and reads the log second, so
    /// either this sees the count or that read sees the event.
    pub(super) fn set_dirty(&self) -> bool {
        self.subscriptions() > 0 && !self.dirty.swap(true, Ordering::SeqCst)
    }

    /// Called before the shard reads, so that an append during the read marks anew.
    pub(super) fn clear(&self) {
        self.dirty.store(false, Ordering::SeqCst);
    }
}
