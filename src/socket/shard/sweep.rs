//! Walks over the subscribers of channels that have something new, in turns that let others run between them.

use std::sync::Arc;

use crate::hub::Channel;

use super::{ConnectionKey, Shard, Subscriber, Writing};

/// Subscribers that one turn of a sweep visits: with a write of some microseconds each, under a millisecond.
const TURN_SUBSCRIBERS: usize = 128;

/// A walk over a dirty channel's subscribers, from the last to the first: one that comes meanwhile has read for itself,
/// and one that takes a leaver's number is visited at most once too often.
pub(super) struct ChannelSweep {
    channel: Arc<Channel>,
    next: usize,
}

impl Shard {
    pub(super) fn on_dirty(&mut self, channel: Arc<Channel>) {
        channel.begin_read(self.index);
        if let Some(subscribers) = self.readers.of(channel.id()) {
            let next = subscribers.capacity();
            self.sweeps.push_back(ChannelSweep { channel, next });
        }
    }

    /// One bounded piece of work: a part of an adoption, a part of a sweep, and one busy connection.
    pub(super) fn turn(&mut self) {
        self.adopt();
        if let Some(mut sweep) = self.sweeps.pop_front() {
            self.readers.refresh();
            let mut visits = 0;
            while sweep.next > 0 && visits < TURN_SUBSCRIBERS {
                sweep.next -= 1;
                let subscriber = self.readers.of(sweep.channel.id()).and_then(|all| all.get(sweep.next)).copied();
                if let Some(Subscriber { connection, slot }) = subscriber {
                    visits += 1;
                    let Some(entry) = self.connections.get_mut(connection as usize) else { continue };
                    entry.outbound.mark(slot);
                    let key = ConnectionKey { index: connection as usize, serial: entry.serial };
                    self.visit(key);
                }
            }
            if sweep.next > 0 {
                self.sweeps.push_back(sweep);
            }
        }
        if let Some(key) = self.busy.pop_front()
            && let Some(connection) = self.connection(key)
        {
            connection.writing = Writing::Free;
            self.visit(key);
        }
    }
}
