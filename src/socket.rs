//! The subscriber front: `/ws`, from the upgrade to the last close frame.
//!
//! hyper does HTTP and the upgrade; then the socket is ours. A connection has two owners that share nothing but the socket
//! and a few atomics: its read task ([`reader`]), which parks without a buffer, and its shard ([`shard`]), which owns
//! everything about writing. What is said to whom is decided in [`crate::session`], without I/O.
//!
//! [`reader`]: self::Reader
//! [`shard`]: self::Shard

mod mailbox;
mod origin;
mod reader;
mod readers;
mod shard;
mod shared;
mod stream;
mod upgrade;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;

use crate::hub::{Hub, ShardIndex};
use crate::schema::Schema;
use crate::session::inbound::Limits as InboundLimits;
use crate::session::outbound::Limits;
use crate::transcode::Transcoder;
use crate::wire::ControlPrinter;

use mailbox::{Mailbox, Message};
use shard::Shard;
use shared::Shared;

pub use origin::Origins;

#[cfg(doc)]
use reader::Reader;

/// How the front behaves.
#[derive(Clone, Debug)]
pub struct Config {
    /// Whose pages may connect.
    pub origins: Origins,
    /// The bounds of a connection's write side.
    pub outbound: Limits,
    /// The bounds of a connection's read side.
    pub inbound: InboundLimits,
    /// The name of this process in acks.
    pub node: Arc<str>,
}

/// The subscriber front of one node.
pub struct Front {
    config: Config,
    shared: Arc<Shared>,
    mailboxes: Box<[Arc<Mailbox>]>,
    next_shard: AtomicUsize,
}

impl Front {
    /// Starts the shards, one for each of the hub's, as tasks of the current runtime.
    pub fn start(config: Config, hub: Arc<Hub>, schema: Arc<Schema>, transcoder: Arc<Transcoder>) -> Arc<Self> {
        let shards: Vec<ShardIndex> = hub.shards().collect();
        let mailboxes: Box<[_]> =
            shards.iter().map(|shard| Arc::new(Mailbox::new(Arc::clone(hub.wakeups(*shard))))).collect();
        let shared = Arc::new(Shared {
            hub,
            printer: ControlPrinter::new(Arc::clone(&transcoder), schema.pool())
                .expect("a schema's pool always has Rialto's own frames"),
            transcoder,
            schema,
            limits: config.outbound,
            inbound: config.inbound,
            connections: AtomicUsize::new(0),
            subscriptions: AtomicUsize::new(0),
        });
        for (shard, mailbox) in shards.into_iter().zip(&mailboxes) {
            tokio::spawn(Shard::new(Arc::clone(&shared), shard, Arc::clone(mailbox)).run());
        }
        Arc::new(Front { config, shared, mailboxes, next_shard: AtomicUsize::new(0) })
    }

    /// The routes of the public port: `/ws`.
    pub fn router(self: &Arc<Self>) -> Router {
        Router::new().route("/ws", axum::routing::any(upgrade::upgrade)).with_state(Arc::clone(self))
    }

    /// The open connections.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// The subscriptions of all connections.
    pub fn subscriptions(&self) -> usize {
        self.shared.subscriptions.load(Ordering::Relaxed)
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
