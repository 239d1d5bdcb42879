//! The channels as one shard sees them: who of its connections reads which, and the last reads, shared.

use std::collections::HashMap;
use std::sync::Arc;

use slab::Slab;

use crate::hub::{Channel, Hub, ShardIndex, SharedReads};
use crate::ids::ChannelKey;
use crate::log::{Contents, Extent, Heads, Position, Read, Resume, Snapshot, Take, View};
use crate::schema::{Retention, TypeFilter};
use crate::session::outbound::{Channels, Delivered, Identity, Slot, Wanted};
use crate::status::Status;
use crate::wire::ServerFrame;

use super::counting::Counting;

/// One subscription of the shard: a connection's index, and the slot in it.
#[derive(Clone, Copy)]
pub(super) struct Subscriber {
    pub(super) connection: u32,
    pub(super) slot: Slot,
}

/// The shard's side of every channel that its connections read.
pub(super) struct Readers {
    hub: Arc<Hub>,
    shard: ShardIndex,
    by_channel: HashMap<u64, Slab<Subscriber>>,
    /// The connection that is being served: whose subscriptions are opened and closed now.
    pub(super) serving: u32,
    /// What the next subscriber most likely asks for too.
    reads: SharedReads,
    subscriptions: usize,
    /// What the shard counts.
    pub(super) counting: Counting,
}

/// A channel that a subscription holds open, and where it stands among the channel's subscribers.
pub(super) struct Handle {
    channel: Arc<Channel>,
    entry: usize,
}

impl Readers {
    pub(super) fn new(hub: Arc<Hub>, shard: ShardIndex, counting: Counting) -> Self {
        Readers {
            hub,
            shard,
            by_channel: HashMap::new(),
            serving: 0,
            reads: SharedReads::default(),
            subscriptions: 0,
            counting,
        }
    }

    /// The subscribers of a channel, by a number that stays while they do.
    pub(super) fn of(&self, channel: u64) -> Option<&Slab<Subscriber>> {
        self.by_channel.get(&channel)
    }

    /// The subscriptions of the shard.
    pub(super) fn subscriptions(&self) -> usize {
        self.subscriptions
    }

    /// Forgets the shared reads, so that the next subscriber sees what has come since.
    pub(super) fn refresh(&mut self) {
        self.reads.forget();
    }
}

impl Channels for Readers {
    type Handle = Handle;

    fn open(&mut self, key: &ChannelKey, retention: Retention, slot: Slot, wanted: Wanted) -> Result<Handle, Status> {
        let channel = match wanted {
            Wanted::ByClient => self.hub.join(key, retention)?,
            Wanted::OnConnect => self.hub.channel(key, retention),
        };
        channel.subscribe(self.shard);
        // Nobody may have read here since the last one left: what was appended meanwhile has marked nothing.
        self.reads.forget();
        let subscriber = Subscriber { connection: self.serving, slot };
        let entry = self.by_channel.entry(channel.id()).or_default().insert(subscriber);
        self.subscriptions += 1;
        Ok(Handle { channel, entry })
    }

    fn close(&mut self, handle: Handle, _slot: Slot) {
        handle.channel.unsubscribe(self.shard);
        let id = handle.channel.id();
        if let Some(subscribers) = self.by_channel.get_mut(&id) {
            subscribers.remove(handle.entry);
            if subscribers.is_empty() {
                self.by_channel.remove(&id);
            }
        }
        self.subscriptions -= 1;
        self.hub.leave(handle.channel);
    }

    fn extent(&mut self, handle: &Handle) -> Extent {
        handle.channel.extent()
    }

    fn heads(&mut self, handle: &Handle) -> Heads {
        handle.channel.heads()
    }

    fn snapshot(&mut self, handle: &Handle, history: u32, filter: &TypeFilter) -> Snapshot {
        handle.channel.snapshot(history, filter)
    }

    fn resume(&mut self, handle: &Handle, after: Position) -> Resume {
        handle.channel.resume(after)
    }

    fn read(
        &mut self,
        handle: &Handle,
        after: Position,
        filter: &TypeFilter,
        take: Take,
        max_bytes: usize,
        view: View,
    ) -> (Read, Heads) {
        self.reads.read(&handle.channel, after, filter, take, max_bytes, view)
    }

    fn read_ephemeral(
        &mut self,
        handle: &Handle,
        after: u64,
        filter: &TypeFilter,
        max_bytes: usize,
        view: View,
    ) -> (Read, Heads) {
        self.reads.read_ephemeral(&handle.channel, after, filter, max_bytes, view)
    }

    fn on_batch(&mut self, behind: Option<u64>) -> Option<Arc<Contents>> {
        if let Some(behind) = behind {
            self.counting.on_lag(behind);
        }
        self.reads.contents()
    }

    fn on_delivered(&mut self, identity: &Identity, delivered: Delivered) {
        self.counting.on_delivered(identity, delivered);
    }

    fn on_told(&mut self, identity: &Identity, frame: &ServerFrame) {
        self.counting.on_told(identity, frame);
    }

    fn on_paced(&mut self, identity: &Identity) {
        self.counting.on_paced(identity);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::Limits;
    use crate::hub::fixture::{RETENTION, key};

    #[test]
    fn a_channel_that_nobody_asked_for_is_never_refused_for_room() {
        let hub = Arc::new(Hub::new(1, 1, Limits { total_bytes: 1_000, ..Limits::default() }));
        let shard = hub.shards().next().unwrap();
        let mut readers = Readers::new(hub, shard, Counting::new(Arc::default()));
        let mut open = |name, wanted| readers.open(&key(name), RETENTION, Slot(0), wanted).map(drop);
        assert_eq!(open("session:a", Wanted::ByClient).unwrap_err().reason, "empty_channels");
        assert_eq!(open("session:a", Wanted::OnConnect), Ok(()));
        assert_eq!(open("session:a", Wanted::ByClient), Ok(()), "now it is there");
    }
}
