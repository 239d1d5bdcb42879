//! What all shards and their read tasks work with.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use crate::hub::Hub;
use crate::schema::Schema;
use crate::session::inbound::Limits as InboundLimits;
use crate::session::outbound::Limits;
use crate::transcode::Transcoder;
use crate::wire::ControlPrinter;

/// What every shard is given.
pub(super) struct Shared {
    pub(super) hub: Arc<Hub>,
    pub(super) schema: Arc<Schema>,
    pub(super) transcoder: Arc<Transcoder>,
    pub(super) printer: ControlPrinter,
    pub(super) limits: Limits,
    pub(super) inbound: InboundLimits,
    /// The connections of all shards.
    pub(super) connections: AtomicUsize,
    /// The subscriptions of all shards.
    pub(super) subscriptions: AtomicUsize,
}
