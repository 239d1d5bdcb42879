//! Channels that somebody subscribes to and nobody has published to yet.
//!
//! Whoever may subscribe makes them, under any name that a template matches, and nothing of them can go while the subscription
//! lives. Promises that they take no more than a part of what all logs may take, so that they keep nobody from publishing,
//! and that all of it is given back when they get an event or go.

use std::mem::size_of;
use std::sync::Arc;
use std::time::Duration;

use super::sync::atomic::{AtomicUsize, Ordering};
use super::{Channel, Hub};
use crate::ids::ChannelKey;
use crate::log::RingLog;
use crate::metrics::Limit;
use crate::schema::Retention;
use crate::status::{Code, Status};

/// They may take one part in so many of what all logs may take.
const WAITING_SHARE: usize = 4;
/// When whoever was refused may ask again.
const AGAIN_AFTER: Duration = Duration::from_secs(5);

/// What channels take that wait for their first event.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    bytes: AtomicUsize,
}

/// What one channel was counted with while it waits; 0 when it does not.
#[derive(Debug, Default)]
pub(super) struct Waits {
    bytes: AtomicUsize,
}

impl Hub {
    /// The channel, for a subscriber: made when it is not there and there is room. While the caller holds it, it does not
    /// expire.
    ///
    /// # Errors
    /// It would be made, and channels without events take what they may, or all logs do.
    pub fn join(&self, key: &ChannelKey, retention: Retention) -> Result<Arc<Channel>, Status> {
        let mut bucket = self.bucket(key);
        if let Some(channel) = bucket.get(key) {
            return Ok(Arc::clone(channel));
        }
        let bytes = Channel::empty_bytes(key, self.shards.len());
        let waiting = self.waiting.bytes.load(Ordering::Relaxed) + bytes;
        if waiting > self.limits.total_bytes / WAITING_SHARE || self.log_bytes() + bytes > self.limits.total_bytes {
            drop(bucket);
            self.metrics.limits.hit(Limit::EmptyChannels, key.channel.as_str());
            let message = "this node has no room for another channel without events; subscribe to one that has some, to fewer, \
                           or ask again later";
            return Err(Status::new(Code::ResourceExhausted, "empty_channels", message).with_retry_after(AGAIN_AFTER));
        }
        let channel = self.insert(&mut bucket, key, retention);
        channel.waits.bytes.store(bytes, Ordering::Relaxed);
        self.waiting.bytes.fetch_add(bytes, Ordering::Relaxed);
        Ok(channel)
    }

    /// A channel waits no more: it has an event, or goes.
    pub(super) fn ends_waiting(&self, channel: &Channel) {
        // Once in its life, and asked at every event.
        if channel.waits.bytes.load(Ordering::Relaxed) > 0 {
            let bytes = channel.waits.bytes.swap(0, Ordering::Relaxed);
            self.waiting.bytes.fetch_sub(bytes, Ordering::Relaxed);
        }
    }
}

impl Channel {
    /// What a channel takes without events.
    fn empty_bytes(key: &ChannelKey, shards: usize) -> usize {
        size_of::<RingLog>() + super::budget::overhead_bytes(key, shards)
    }
}
