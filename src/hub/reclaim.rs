//! What makes room: the regular sweep by age, the expiry of unused channels, and taking from those that were idle longest.

use std::sync::Arc;
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
                let after = after + channel.overhead_bytes();
                self.account(after, 0);
                self.ends_waiting(channel);
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
        self.account(channel.bytes(), 0);
        self.ends_waiting(&channel);
    }

    /// Frees memory until all logs are under nine tenths of the budget, from the channels that were idle longest.
    pub(super) fn reclaim(&self, now: Instant) {
        self.sweep(now);
        let target = self.budget.target_bytes();
        let mut channels: Vec<(Option<Instant>, Arc<Channel>)> = Vec::new();
        for bucket in &self.buckets {
            // Of a log with one event nothing can go: with made-up names that is most of them.
            let bucket = lock(bucket);
            channels.extend(bucket.values().filter_map(|channel| {
                let log = channel.log();
                log.can_shrink().then(|| (log.newest_at(), Arc::clone(channel)))
            }));
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
    }
}
