//! What the write side of a connection asks of the channels that it reads.

use std::sync::Arc;

use crate::ids::ChannelKey;
use crate::log::{Contents, Extent, Position, Read};
use crate::schema::{Retention, TypeFilter};
use crate::wire::json::ServerFrame;

use super::Identity;

/// A subscription's number within its connection. Free numbers are used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Slot(pub u16);

/// The channels, as one connection sees them.
pub trait Channels {
    /// A channel that is held open.
    type Handle;

    /// Opens a channel for the subscription `slot`: from now on an append is announced to it. Reads come after this.
    fn open(&mut self, key: &ChannelKey, retention: Retention, slot: Slot) -> Self::Handle;

    /// Ends what [`Channels::open`] began.
    fn close(&mut self, handle: Self::Handle, slot: Slot);

    /// What the channel keeps now.
    fn extent(&mut self, handle: &Self::Handle) -> Extent;

    /// The position before the newest events that the filter allows.
    fn before_newest(&mut self, handle: &Self::Handle, events: u32, filter: &TypeFilter) -> Position;

    /// What comes after `after`, and the head at that moment.
    fn read(
        &mut self,
        handle: &Self::Handle,
        after: Position,
        filter: &TypeFilter,
        max_bytes: usize,
    ) -> (Read, Position);

    /// The batch that was read just now goes to the socket, for a reader that was so many events behind: what it holds,
    /// where somebody counts that.
    fn on_batch(&mut self, _handle: &Self::Handle, _behind: u64) -> Option<Arc<Contents>> {
        None
    }

    /// This is being told to a client.
    fn on_told(&mut self, _identity: &Identity, _frame: &ServerFrame) {}

    /// A replay waits for its pace.
    fn on_paced(&mut self, _identity: &Identity) {}
}
