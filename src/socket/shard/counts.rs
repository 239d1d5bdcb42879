//! What a shard tells the metrics about its connections.

use std::sync::atomic::Ordering;

use super::{Connection, End, Ending, Shard, Writing};

impl Shard {
    pub(super) fn count_end(&self, connection: &Connection, end: End) {
        let ending = Ending {
            dropped: if let End::Cut(code) = end { Some(code) } else { None },
            message_since: connection.state.inbound().message_began,
            message_timeout: self.shared.limits.timings.message,
        };
        if connection.writing == Writing::Blocked {
            self.readers.counting.on_unblocked();
        }
        self.readers.counting.on_closed(connection.outbound.identity(), connection.outbound.closed(), &ending);
    }

    pub(super) fn count_subscriptions(&mut self) {
        let count = self.readers.subscriptions();
        let before = std::mem::replace(&mut self.counted_subscriptions, count);
        if count >= before {
            self.shared.subscriptions.fetch_add(count - before, Ordering::Relaxed);
        } else {
            self.shared.subscriptions.fetch_sub(before - count, Ordering::Relaxed);
        }
    }
}
