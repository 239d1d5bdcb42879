//! How the node is, for whoever asks.

use std::sync::Arc;
use std::time::SystemTime;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::admin::{Gauges, Health};
use crate::hub::Hub;
use crate::metrics::Observed;
use crate::schema::Schema;
use crate::socket::Front;
use crate::transcode::Transcoder;

/// What `/health` and `/ready` are answered from.
pub(super) struct NodeGauges {
    pub(super) node: Arc<str>,
    pub(super) schema: Arc<Schema>,
    pub(super) hub: Arc<Hub>,
    pub(super) front: Arc<Front>,
    pub(super) transcoder: Arc<Transcoder>,
    pub(super) runtime: Handle,
    pub(super) started: SystemTime,
    pub(super) up_since: Instant,
    pub(super) ready: watch::Receiver<bool>,
}

impl Gauges for NodeGauges {
    fn health(&self) -> Health {
        Health {
            node: self.node.to_string(),
            version: env!("CARGO_PKG_VERSION").into(),
            fingerprint: self.schema.fingerprint().into(),
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

    fn observe(&self) -> Observed {
        let runtime = self.runtime.metrics();
        Observed {
            node: self.node.to_string(),
            version: env!("CARGO_PKG_VERSION").into(),
            started: self.started,
            ready: self.ready(),
            fingerprint: self.schema.fingerprint().into(),
            revision: 1,
            connections: self.front.connections() as u64,
            subscriptions: self.front.subscriptions() as u64,
            channels: self.hub.channel_count() as u64,
            log_bytes: self.hub.log_bytes() as u64,
            log_limit_bytes: self.hub.max_log_bytes() as u64,
            slow_path: self.transcoder.slow_path_count(),
            runtime_workers: runtime.num_workers() as u64,
            runtime_tasks: runtime.num_alive_tasks() as u64,
        }
    }
}
