//! How the node is, for whoever asks.

use std::sync::Arc;
use std::time::SystemTime;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::Instant;

use super::edge::Doors;
use crate::admin::{Gauges, Health};
use crate::hub::{Hub, Listing, Query};
use crate::metrics::Observed;
use crate::revision::Revisions;
use crate::socket::Front;

/// What `/health` and `/ready` are answered from.
pub(super) struct NodeGauges {
    pub(super) node: Arc<str>,
    pub(super) revisions: Arc<Revisions>,
    pub(super) hub: Arc<Hub>,
    pub(super) front: Arc<Front>,
    pub(super) runtime: Handle,
    pub(super) started: SystemTime,
    pub(super) up_since: Instant,
    pub(super) doors: Doors,
    pub(super) ready: watch::Receiver<bool>,
}

impl Gauges for NodeGauges {
    fn health(&self) -> Health {
        Health {
            node: self.node.to_string(),
            version: env!("CARGO_PKG_VERSION").into(),
            fingerprint: self.revisions.current().schema.fingerprint().into(),
            uptime_seconds: self.up_since.elapsed().as_secs(),
            started: self.started,
            connections: self.front.connections() as u64,
            subscriptions: self.front.subscriptions() as u64,
            channels: self.hub.channel_count() as u64,
        }
    }

    fn ready(&self) -> bool {
        *self.ready.borrow()
    }

    fn list_channels(&self, query: &Query) -> Listing {
        self.hub.list(query, Instant::now().into_std())
    }

    fn observe(&self) -> Observed {
        let runtime = self.runtime.metrics();
        let revision = self.revisions.current();
        Observed {
            node: self.node.to_string(),
            version: env!("CARGO_PKG_VERSION").into(),
            started: self.started,
            ready: self.ready(),
            fingerprint: revision.schema.fingerprint().into(),
            revision: revision.number,
            earlier_revisions: revision.earlier_count() as u64,
            connections: self.front.connections() as u64,
            port_connections: self.doors.connections(),
            tenant_connections: self.front.tenants(),
            subscriptions: self.front.subscriptions() as u64,
            channels: self.hub.channel_count() as u64,
            tombstones: self.hub.tombstone_count() as u64,
            revocations: self.front.revocations() as u64,
            log_bytes: self.hub.log_bytes() as u64,
            log_limit_bytes: self.hub.max_log_bytes() as u64,
            slow_path: revision.transcoder.slow_path_count(),
            reduced: revision.transcoder.reduced_count(),
            withheld: revision.transcoder.withheld_count(),
            runtime_workers: runtime.num_workers() as u64,
            runtime_tasks: runtime.num_alive_tasks() as u64,
        }
    }
}
