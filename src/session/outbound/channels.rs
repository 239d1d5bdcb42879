//! What the write side of a connection asks of the channels that it reads.

use crate::ids::ChannelKey;
use crate::log::{Extent, Position, Read};
use crate::schema::{Retention, TypeFilter};

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
}
