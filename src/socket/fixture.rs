//! A front without ports around it, and connections for it, for tests.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

use super::link::Link;
use super::{Config, Front, Gate, Origins, WrongTokens};
use crate::auth::{DEFAULT_MAX_LIFE, Revocations};
use crate::hub::{self, Hub};
use crate::net::tls::Stream;
use crate::revision::{Revision, Revisions};
use crate::schema::Schema;
use crate::transcode::Options;

/// A front of one shard that lets anybody in, with the bundled catalogue.
pub(super) fn front() -> Arc<Front> {
    let gate = Gate {
        keys: None,
        session: None,
        cookie: None,
        in_query: false,
        grace: Duration::ZERO,
        tenancy: Arc::default(),
        revocations: Arc::new(Revocations::new(10, DEFAULT_MAX_LIFE, Duration::ZERO)),
        wrong: WrongTokens::new(1_000),
        metrics: Arc::default(),
    };
    let config = Config {
        origins: Origins::default(),
        gate: Arc::new(gate),
        outbound: Default::default(),
        inbound: Default::default(),
        max_connections_per_user: 9,
        node: "node".into(),
        metrics: Arc::default(),
    };
    let revision = Revision::first(Schema::bundled(), Options::default());
    let hub = Arc::new(Hub::new(7, 1, hub::Limits::default()));
    Front::start(config, hub, Arc::new(Revisions::new(revision)))
}

/// A connection past its upgrade, and its client.
pub(super) async fn link() -> (Link, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    (Link::new(Stream::Plain(stream)), client)
}
