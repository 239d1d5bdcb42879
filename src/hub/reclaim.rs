//! What makes room: the regular sweep by age, the expiry of unused channels, and the budget of all logs.

use std::sync::{Arc, TryLockError};
use std::time::Instant;

use super::{Channel, Hub, lock};
use crate::metrics::Limit;

/// What one sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Channels that went.
    pub expired: usize,
    /// Bytes that went.
    pub freed_bytes: usize,
}

impl Hub {
    /// Evicts by age, drops channels that nobody needs, forgets old tombstones.
    pub fn sweep(&self, now: Instant) -> Swept {
        let mut swept = Swept::default();
        for bucket in &self.buckets {
            // Whoever looks a channel up waits for a copy of handles, not for all the logs.
            let channels: Vec<Arc<Channel>> = lock(bucket).values().cloned().collect();
            for channel in channels {
                let mut log = channel.log();
                let before = log.bytes();
                log.evict(now);
                let after = log.bytes();
                drop(log);
                self.account(before, after);
                swept.freed_bytes += before.saturating_sub(after);
            }
            lock(bucket).retain(|key, channel| {
                // Whoever could append or subscribe holds a handle, and gets one only under this bucket's lock.
                if Arc::strong_count(channel) > 1 || !channel.is_expired(now, self.limits.idle) {
                    return true;
                }
                let log = channel.log();
                let (head, after) = (log.head(), log.bytes());
                drop(log);
                let mut tombstones = self.tombstones();
                if tombstones.len() >= self.limits.tombstones {
                    self.metrics.limits.hit(Limit::MaxTombstones, "all channels");
                }
                tombstones.bury(key.clone(), head, now);
                self.account(after, 0);
                swept.freed_bytes += after;
                swept.expired += 1;
                false
            });
        }
        self.tombstones().expire(now);
        swept
    }

    /// Takes a handle back from whoever subscribed by it. A channel without events goes with its last subscriber: whoever
    /// subscribes to ever new names leaves nothing.
    pub fn leave(&self, channel: Arc<Channel>) {
        if channel.subscriptions() > 0 {
            return;
        }
        let mut bucket = self.bucket(channel.key());
        // Under the bucket's lock nobody gets a handle: the map's and this one are all, or the next sweep looks again.
        if Arc::strong_count(&channel) > 2 || !channel.is_untouched() {
            return;
        }
        bucket.remove(channel.key());
        self.account(channel.log().bytes(), 0);
    }

    /// Frees memory until all logs are under nine tenths of the budget, from the channels that were idle longest.
    /// `false`: nothing could be freed, though somebody must.
    pub(super) fn reclaim(&self, now: Instant) -> bool {
        let _guard = match self.reclaiming.try_lock() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // Somebody is at it; the budget is passed by what comes meanwhile, which the publishers' windows bound.
            Err(TryLockError::WouldBlock) => return true,
        };
        self.metrics.limits.hit(Limit::MaxLogBytes, "all channels");
        self.sweep(now);
        let target = self.limits.total_bytes / 10 * 9;
        let mut channels: Vec<(Option<Instant>, Arc<Channel>)> = Vec::new();
        for bucket in &self.buckets {
            channels.extend(lock(bucket).values().map(|channel| (channel.log().newest_at(), Arc::clone(channel))));
        }
        channels.sort_by_key(|(newest_at, _)| *newest_at);
        for (_, channel) in channels {
            let held = self.log_bytes();
            if held <= target {
                break;
            }
            let mut log = channel.log();
            let before = log.bytes();
            log.shrink_to(before.saturating_sub(held - target));
            let after = log.bytes();
            drop(log);
            self.account(before, after);
        }
        self.log_bytes() <= self.limits.total_bytes
    }
}
