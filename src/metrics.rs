//! What a bridge counts about itself, and how it tells.
//!
//! [`Metrics`] is made once for a bridge and handed to every part that has something to count; [`Metrics::open_metrics`]
//! and [`Metrics::prometheus`] print it together with what is [observed](Observed) at that moment. It promises that
//! counting never waits for anybody, that what a shard counts costs no other core anything ([`ShardCounters`]), and that
//! the number of time series is bounded: event types come from the schema and are [capped](MAX_LABELLED_TYPES), codes,
//! reasons and limits are the program's, tenants and publishers are [capped](MAX_LABELLED_NAMES) too, and nothing else that a
//! peer sends becomes a label.

mod classic;
mod codes;
mod counters;
mod exposition;
mod limit;
mod named;
mod paced;
mod process;
mod shard;
mod table;

#[cfg(test)]
pub(crate) mod tests;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use crate::ids::Tenant;
use crate::schema::{Schema, TypeIndex};

pub use codes::{Acks, Close, Closes, Errors, Reasons, Upgrades};
pub use counters::{ByType, Counter, Gauge, MAX_LABELLED_TYPES};
pub use limit::{Effect, LOG_EVERY, Limit, LimitHits};
pub use named::{ByPublisher, MAX_LABELLED_NAMES, TenantPlace, Tenants};
pub use paced::Paced;
pub use shard::{ShardCounters, Start};
pub use table::{ALL, Kind, Metric, markdown};

/// Everything that one bridge counts.
#[derive(Debug, Default)]
pub struct Metrics {
    /// What publishers do.
    pub publishing: Publishing,
    /// What happens to connections of browsers.
    pub front: FrontCounters,
    /// Limits that were hit.
    pub limits: LimitHits,
    /// Connections that did not get into TLS.
    pub tls_failed: Counter,
    /// Connections that should have begun with the PROXY protocol.
    pub proxy_failed: Counter,
    /// Requests to the internal port that were refused for who sent them.
    pub internal_refused: Reasons,
    /// Connections in their PROXY header or their TLS handshake.
    pub entering: Gauge,
    /// Reloads of the schema.
    pub reloads: Reloads,
    /// Fetches of issuers' keys.
    pub keys: Keys,
    /// What tenants use.
    pub tenants: Tenants,
    /// What the publishers do that a list names.
    pub publishers: ByPublisher,
    shards: RwLock<Vec<Arc<ShardCounters>>>,
    /// Names of event types, by number.
    types: RwLock<Vec<Option<Arc<str>>>>,
}

/// What publishers do.
#[derive(Debug, Default)]
pub struct Publishing {
    /// Accepted events, each once; duplicates are not among them.
    pub events: ByType,
    /// Duplicates.
    pub duplicates: Counter,
    /// Events times their channels.
    pub appends: Counter,
    /// Bytes of bodies.
    pub received_bytes: Counter,
    /// What publishers were answered.
    pub acks: Acks,
    /// Open streams.
    pub streams: Gauge,
}

/// What happens to connections of browsers.
#[derive(Debug, Default)]
pub struct FrontCounters {
    /// Upgrades.
    pub opened: Counter,
    /// Ends.
    pub closed: Closes,
    /// Refused upgrades.
    pub refused: Upgrades,
    /// Error frames.
    pub errors: Errors,
    /// Bytes that came.
    pub received_bytes: Counter,
}

/// Reloads of the schema, by their result.
#[derive(Debug, Default)]
pub struct Reloads {
    /// Another schema is served.
    pub applied: Counter,
    /// It was the same.
    pub unchanged: Counter,
    /// The new one has mistakes, or breaks what is in use.
    pub refused: Counter,
}

/// Fetches of issuers' keys, by their result.
#[derive(Debug, Default)]
pub struct Keys {
    /// They came, and can be used.
    pub fetched: Counter,
    /// They did not.
    pub failed: Counter,
}

/// What is read at the moment of a scrape.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    /// The process's name.
    pub node: String,
    /// The version of Rialto.
    pub version: String,
    /// When the process started.
    pub started: SystemTime,
    /// Whether new connections should be sent here.
    pub ready: bool,
    /// The fingerprint of the schema that is served.
    pub fingerprint: String,
    /// Which of this process's revisions it is.
    pub revision: u32,
    /// How many earlier revisions are remembered for events of theirs.
    pub earlier_revisions: u64,
    /// Open connections of browsers.
    pub connections: u64,
    /// Connections of each port that count in its limits.
    pub port_connections: [(&'static str, u64); 3],
    /// Those of each tenant.
    pub tenant_connections: Vec<(Tenant, u64)>,
    /// Their subscriptions.
    pub subscriptions: u64,
    /// Users, sessions and tokens that are revoked.
    pub revocations: u64,
    /// Channels that have a log or a subscriber.
    pub channels: u64,
    /// Channels whose last position is remembered.
    pub tombstones: u64,
    /// Memory of all logs.
    pub log_bytes: u64,
    /// What they may take.
    pub log_limit_bytes: u64,
    /// Events that went through the transcoder's slow path.
    pub slow_path: u64,
    /// Payloads that were reduced for those who may not see all of them.
    pub reduced: u64,
    /// Payloads that were sent empty because they could not be reduced.
    pub withheld: u64,
    /// Threads of the bridge's runtime.
    pub runtime_workers: u64,
    /// Its tasks.
    pub runtime_tasks: u64,
}

impl Metrics {
    /// Counters for one more shard.
    pub fn shard(&self) -> Arc<ShardCounters> {
        let counters = Arc::new(ShardCounters::default());
        self.shards.write().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&counters));
        counters
    }

    /// Learns the names of a schema's event types. Names that are known stay: their events may be in a log.
    pub fn learn(&self, schema: &Schema) {
        let mut types = self.types.write().unwrap_or_else(PoisonError::into_inner);
        for event in schema.events() {
            let TypeIndex(number) = event.index;
            let place = number as usize;
            if place < MAX_LABELLED_TYPES {
                if types.len() <= place {
                    types.resize(place + 1, None);
                }
                types[place] = Some(Arc::clone(&event.name));
            }
        }
    }

    fn shards(&self) -> Vec<Arc<ShardCounters>> {
        self.shards.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn types(&self) -> Vec<Option<Arc<str>>> {
        self.types.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
