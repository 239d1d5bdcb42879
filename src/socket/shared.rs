//! What all shards and their read tasks work with.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use crate::hub::Hub;
use crate::metrics::Metrics;
use crate::revision::Revisions;
use crate::session::inbound::Limits as InboundLimits;
use crate::session::outbound::Limits;
use crate::wire::ControlPrinter;

use super::gate::Gate;
use super::roster::Roster;

/// What every shard is given.
pub(super) struct Shared {
    pub(super) hub: Arc<Hub>,
    /// What read tasks judge clients' frames by. A shard has its own: [`super::Front::adopt`].
    pub(super) revisions: Arc<Revisions>,
    /// Rialto's own frames are the same under every schema.
    pub(super) printer: ControlPrinter,
    pub(super) limits: Limits,
    pub(super) inbound: InboundLimits,
    pub(super) gate: Arc<Gate>,
    pub(super) roster: Arc<Roster>,
    pub(super) metrics: Arc<Metrics>,
    /// The connections of all shards.
    pub(super) connections: AtomicUsize,
    /// The subscriptions of all shards.
    pub(super) subscriptions: AtomicUsize,
}
