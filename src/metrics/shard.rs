//! What one shard counts. The shard alone writes, so counting costs an addition and no other core waits for it.

use std::time::Duration;

use super::counters::{ByType, Counter, Durations, Lags};
use super::named::{ByPlace, TenantPlace};
use crate::schema::TypeIndex;

/// The counters of one shard. Every method is for the shard's own task.
#[derive(Debug, Default)]
pub struct ShardCounters {
    pub(super) delivered: ByType,
    pub(super) by_tenant: ByPlace,
    pub(super) latency: Durations,
    pub(super) lag: Lags,
    pub(super) sent_bytes: Counter,
    pub(super) blocked: Counter,
    pub(super) unblocked: Counter,
    pub(super) gaps: Counter,
    pub(super) gap_lost_events: Counter,
    pub(super) resets: Counter,
    pub(super) conflated_events: Counter,
    pub(super) fresh: Counter,
    pub(super) resumed: Counter,
    pub(super) lost: Counter,
    pub(super) replay_events: Counter,
}

/// How a subscription began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Without a position: at the head, or with the channel's history.
    Fresh,
    /// After a position, and everything since is there.
    Resumed,
    /// After a position that is gone: a gap or a reset follows.
    Lost,
}

impl Start {
    /// The word for it, `fresh`.
    pub fn name(self) -> &'static str {
        match self {
            Start::Fresh => "fresh",
            Start::Resumed => "resumed",
            Start::Lost => "lost",
        }
    }
}

impl ShardCounters {
    /// So many events of a type went to sockets.
    pub fn on_delivered(&self, index: TypeIndex, count: u64) {
        self.delivered.add_alone(index, count);
    }

    /// So many of a tenant's events went to sockets.
    pub fn on_delivered_to(&self, place: TenantPlace, count: u64) {
        self.by_tenant.add_alone(place, count);
    }

    /// An event's bytes were taken by the kernel so long after the bridge had accepted it.
    pub fn on_latency(&self, latency: Duration) {
        self.latency.observe_alone(latency);
    }

    /// A reader was so many events behind when it read.
    pub fn on_lag(&self, events: u64) {
        self.lag.observe_alone(events);
    }

    /// The kernel took so many bytes.
    pub fn on_sent(&self, bytes: usize) {
        self.sent_bytes.add_alone(bytes as u64);
    }

    /// A socket is full.
    pub fn on_blocked(&self) {
        self.blocked.add_alone(1);
    }

    /// A socket that was full takes bytes again, or its connection is gone.
    pub fn on_unblocked(&self) {
        self.unblocked.add_alone(1);
    }

    /// A reader was told of a gap of so many events.
    pub fn on_gap(&self, lost_events: u64) {
        self.gaps.add_alone(1);
        self.gap_lost_events.add_alone(lost_events);
    }

    /// A reader was told that its position is not of this log.
    pub fn on_reset(&self) {
        self.resets.add_alone(1);
    }

    /// So many events were skipped because a newer one of their key was sent.
    pub fn on_conflated(&self, events: u64) {
        self.conflated_events.add_alone(events);
    }

    /// So many events from before a subscription went into its socket.
    pub fn on_replayed(&self, events: u64) {
        self.replay_events.add_alone(events);
    }

    /// A subscription began.
    pub fn on_subscribed(&self, start: Start) {
        let counter = match start {
            Start::Fresh => &self.fresh,
            Start::Resumed => &self.resumed,
            Start::Lost => &self.lost,
        };
        counter.add_alone(1);
    }

    /// The sockets that are full now.
    pub(super) fn blocked_now(&self) -> u64 {
        // Read in this order, so that a race shows one too many and never less than none.
        let unblocked = self.unblocked.get();
        self.blocked.get().saturating_sub(unblocked)
    }
}
