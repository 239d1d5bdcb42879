//! The subscriber front: `/ws`, from the upgrade to the last close frame.
//!
//! hyper does HTTP and the upgrade; then the socket is ours. A connection has two owners that share nothing but the socket
//! and a few atomics: its read task ([`reader`]), which parks without a buffer, and its shard ([`shard`]), which owns
//! everything about writing. What is said to whom is decided in [`crate::session`], without I/O.
//!
//! [`reader`]: self::Reader
//! [`shard`]: self::Shard

mod counting;
mod entrance;
mod expel;
#[cfg(test)]
mod fixture;
mod gate;
pub mod link;
mod mailbox;
mod origin;
pub mod pump;
mod query;
mod reader;
mod readers;
mod refusals;
mod replays;
mod roster;
mod shard;
mod shards;
mod shared;
pub mod stream;
mod tenancy;
mod trace;
pub mod upgrade;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use axum::Router;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::hub::{Hub, ShardIndex};
use crate::ids::Tenant;
use crate::metrics::Metrics;
use crate::revision::{Revision, Revisions};
use crate::session::inbound::Limits as InboundLimits;
use crate::session::outbound::Limits;
use crate::wire::ControlPrinter;

use mailbox::{Mailbox, Message};
use refusals::Refusals;
use roster::Roster;
use shard::Shard;
use shared::Shared;

pub use gate::{Gate, WrongTokens};
pub use origin::Origins;
pub use shards::Shards;
pub use tenancy::Tenancy;

#[cfg(doc)]
use reader::Reader;

/// How the front behaves.
#[derive(Clone, Debug)]
pub struct Config {
    /// Whose pages may connect.
    pub origins: Origins,
    /// Who may.
    pub gate: Arc<Gate>,
    /// The bounds of a connection's write side.
    pub outbound: Limits,
    /// The bounds of a connection's read side.
    pub inbound: InboundLimits,
    /// Connections of one user.
    pub max_connections_per_user: usize,
    /// The name of this process in acks.
    pub node: Arc<str>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// The subscriber front of one node.
pub struct Front {
    config: Config,
    shared: Arc<Shared>,
    refusals: Refusals,
    mailboxes: Box<[Arc<Mailbox>]>,
    next_shard: AtomicUsize,
}

impl Front {
    /// Starts the shards, one for each of the hub's, as tasks of the current runtime. The front serves as long as those are kept.
    pub fn start(config: Config, hub: Arc<Hub>, revisions: Arc<Revisions>) -> (Arc<Self>, Shards) {
        let shards: Vec<ShardIndex> = hub.shards().collect();
        let mailboxes: Box<[_]> =
            shards.iter().map(|shard| Arc::new(Mailbox::new(Arc::clone(hub.wakeups(*shard))))).collect();
        let first = revisions.current();
        let shared = Arc::new(Shared {
            hub,
            printer: ControlPrinter::new(Arc::clone(&first.transcoder), first.schema.pool())
                .expect("a schema's pool always has Rialto's own frames"),
            revisions,
            limits: config.outbound,
            inbound: config.inbound,
            gate: Arc::clone(&config.gate),
            roster: Roster::new(config.max_connections_per_user, config.inbound),
            metrics: Arc::clone(&config.metrics),
            connections: AtomicUsize::new(0),
            subscriptions: AtomicUsize::new(0),
        });
        let mut tasks = JoinSet::new();
        for (shard, mailbox) in shards.into_iter().zip(&mailboxes) {
            tasks.spawn(Shard::new(Arc::clone(&shared), shard, Arc::clone(mailbox)).run());
        }
        let refusals = Refusals::default();
        let front = Front { config, shared, refusals, mailboxes, next_shard: AtomicUsize::new(0) };
        (Arc::new(front), Shards::new(tasks))
    }

    /// The routes of the public port: `/ws`.
    pub fn router(self: &Arc<Self>) -> Router {
        Router::new().route("/ws", axum::routing::any(upgrade::upgrade)).with_state(Arc::clone(self))
    }

    /// The open connections.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Those of each tenant.
    pub fn tenants(&self) -> Vec<(Tenant, u64)> {
        self.config.gate.tenancy.connections()
    }

    /// The subscriptions of all connections.
    pub fn subscriptions(&self) -> usize {
        self.shared.subscriptions.load(Ordering::Relaxed)
    }

    /// Users, sessions and tokens that are revoked.
    pub fn revocations(&self) -> usize {
        self.config.gate.revocations.count(SystemTime::now())
    }

    /// Takes every connection to another revision of the schema, and returns when all are there, with how many
    /// subscriptions ended: those on channels and to types that the schema does not have.
    ///
    /// Publishers come after that: an event of a type that is new finds no filter that does not know it.
    pub async fn adopt(&self, revision: &Arc<Revision>) -> usize {
        let adopting: Vec<_> = self
            .mailboxes
            .iter()
            .map(|mailbox| {
                let (done, is_done) = oneshot::channel();
                mailbox.push(Message::Adopt(Arc::clone(revision), done));
                is_done
            })
            .collect();
        let mut ended = 0;
        for is_done in adopting {
            // One that has ended has no connections.
            ended += is_done.await.unwrap_or(0);
        }
        ended
    }

    /// Asks every client to come back elsewhere and closes, in batches spread over this time.
    pub fn drain(&self, over: Duration) {
        for mailbox in &self.mailboxes {
            mailbox.push(Message::Drain(over));
        }
    }

    fn mailbox(&self) -> &Arc<Mailbox> {
        let next = self.next_shard.fetch_add(1, Ordering::Relaxed);
        &self.mailboxes[next % self.mailboxes.len()]
    }
}
