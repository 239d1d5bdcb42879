//! What the channels of a node are doing, for people who look at it.
//!
//! A listing is bounded by what is asked for, however many channels there are. Each is looked at under its own lock for a
//! moment; a rate comes from the times of the events that its log retains, so nothing is counted for it beforehand.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Channel, Hub, lock};
use crate::ids::{ChannelName, Tenant};
use crate::log::{Position, RingLog};

/// Rates are of so many last seconds.
pub const RATE_WINDOW: Duration = Duration::from_secs(5);
/// The most channels of one listing.
pub const MAX_LISTED: usize = 1_000;

/// In which order, and so which channels of many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Those with the most events a second first.
    Rate,
    /// By name.
    Name,
}

/// Which channels to list.
#[derive(Clone, Debug)]
pub struct Query {
    /// Whose channels.
    pub tenant: Tenant,
    /// Their names begin so.
    pub prefix: String,
    /// Their names come after this one, where they are listed by name.
    pub after: String,
    /// The first so many, at most [`MAX_LISTED`].
    pub limit: usize,
    /// In this order.
    pub order: Order,
}

/// The channels that were asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listing {
    /// In the order that was asked for.
    pub channels: Vec<Summary>,
    /// How many there are whose names begin so.
    pub total: usize,
}

/// One channel at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Its name.
    pub name: ChannelName,
    /// The subscriptions of all connections.
    pub subscriptions: u32,
    /// Events a second, over [`RATE_WINDOW`] or what of it is retained.
    pub events_per_second: f64,
    /// The newest event's position.
    pub head: Position,
    /// The oldest event that is retained; head + 1 when none is.
    pub oldest: u64,
    /// Memory of its log, in bytes.
    pub bytes: usize,
}

impl Hub {
    /// The channels that the query asks for.
    pub fn list(&self, query: &Query, now: Instant) -> Listing {
        let limit = query.limit.min(MAX_LISTED);
        let mut total = 0;
        let mut first: BinaryHeap<Ranked> = BinaryHeap::with_capacity(limit + 1);
        for bucket in &self.buckets {
            // Cloned, so that nobody waits for a bucket while its logs are looked at.
            let named = |channel: &&Arc<Channel>| {
                let key = channel.key();
                key.tenant == query.tenant && key.channel.as_str().starts_with(&query.prefix)
            };
            let channels: Vec<Arc<Channel>> = lock(bucket).values().filter(named).map(Arc::clone).collect();
            total += channels.len();
            for channel in channels {
                if query.order == Order::Name && channel.key().channel.as_str() <= query.after.as_str() {
                    continue;
                }
                first.push(Ranked { order: query.order, summary: channel.summary(now) });
                if first.len() > limit {
                    first.pop();
                }
            }
        }
        let channels = first.into_sorted_vec().into_iter().map(|ranked| ranked.summary).collect();
        Listing { channels, total }
    }
}

impl Channel {
    fn summary(&self, now: Instant) -> Summary {
        let log = self.log();
        Summary {
            name: self.key().channel.clone(),
            subscriptions: self.subscriptions(),
            events_per_second: rate(&log, now),
            head: log.head(),
            oldest: log.oldest(),
            bytes: log.bytes(),
        }
    }
}

/// Events a second.
fn rate(log: &RingLog, now: Instant) -> f64 {
    let recent = log.since(now.checked_sub(RATE_WINDOW).unwrap_or(now));
    let window = match recent.covered_from {
        // Less is retained than the window is long: what is there came in this time.
        Some(from) => now.saturating_duration_since(from).clamp(Duration::from_millis(1), RATE_WINDOW),
        None => RATE_WINDOW,
    };
    recent.events as f64 / window.as_secs_f64()
}

/// A channel that goes behind another the greater it is.
struct Ranked {
    order: Order,
    summary: Summary,
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_name = || self.summary.name.cmp(&other.summary.name);
        match self.order {
            Order::Name => by_name(),
            Order::Rate => {
                let rate = |ranked: &Self| ranked.summary.events_per_second;
                let busiest = rate(other).total_cmp(&rate(self));
                let watched = other.summary.subscriptions.cmp(&self.summary.subscriptions);
                busiest.then(watched).then_with(by_name)
            }
        }
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Ranked {}
