//! What the write side of a connection asks of the channels that it reads.

use std::sync::Arc;

use crate::ids::ChannelKey;
use crate::log::{Contents, Extent, Heads, Position, Read, Resume, Snapshot, Take, View};
use crate::schema::{Retention, TypeFilter};
use crate::status::Status;
use crate::wire::ServerFrame;

use super::{Delivered, Identity};

/// A subscription's number within its connection. Free numbers are used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Slot(pub u16);

/// Who wants a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The client, under any name that it may have.
    ByClient,
    /// The schema, for every connection: there are no more of them than connections.
    OnConnect,
}

/// The channels, as one connection sees them.
pub trait Channels {
    /// A channel that is held open.
    type Handle;

    /// Opens a channel for the subscription `slot`: from now on an append is announced to it. Reads come after this.
    ///
    /// # Errors
    /// A client wants it, it is not there, and there is no room for another; when to ask again.
    fn open(
        &mut self,
        key: &ChannelKey,
        retention: Retention,
        slot: Slot,
        wanted: Wanted,
    ) -> Result<Self::Handle, Status>;

    /// Ends what [`Channels::open`] began.
    fn close(&mut self, handle: Self::Handle, slot: Slot);

    /// What the channel keeps now.
    fn extent(&mut self, handle: &Self::Handle) -> Extent;

    /// The newest events, of both kinds.
    fn heads(&mut self, handle: &Self::Handle) -> Heads;

    /// Where a first read begins, with so many events of history.
    fn snapshot(&mut self, handle: &Self::Handle, history: u32, filter: &TypeFilter) -> Snapshot;

    /// What a reader finds that has everything up to `after`.
    fn resume(&mut self, handle: &Self::Handle, after: Position) -> Resume;

    /// What comes after `after` of what the reader takes, as it may see it, and the newest events at that moment.
    fn read(
        &mut self,
        handle: &Self::Handle,
        after: Position,
        filter: &TypeFilter,
        take: Take,
        max_bytes: usize,
        view: View,
    ) -> (Read, Heads);

    /// The ephemeral events after `after`, and the newest events at that moment.
    fn read_ephemeral(
        &mut self,
        handle: &Self::Handle,
        after: u64,
        filter: &TypeFilter,
        max_bytes: usize,
        view: View,
    ) -> (Read, Heads);

    /// The events that were read just now go to the socket, for a reader of live events that was so many behind
    /// (`None`: it is replaying): what they are, where somebody counts them.
    fn on_batch(&mut self, _behind: Option<u64>) -> Option<Arc<Contents>> {
        None
    }

    /// Events went into the socket.
    fn on_delivered(&mut self, _identity: &Identity, _delivered: Delivered) {}

    /// This is being told to a client.
    fn on_told(&mut self, _identity: &Identity, _frame: &ServerFrame) {}

    /// A replay waits for its pace, from now until it reads again.
    fn on_paced(&mut self, _identity: &Identity) {}
}
