//! A front without ports around it, and connections for it, for tests.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};

use super::entrance::Entrance;
use super::link::Link;
use super::mailbox::{ConnectionKey, Message, NewConnection};
use super::roster::{Place, Seat};
use super::{Config, Front, Gate, Origins, Shards, WrongTokens};
use crate::auth::{DEFAULT_MAX_LIFE, Revocations};
use crate::hub::{self, Hub};
use crate::ids::ConnectionId;
use crate::net::admission::ConnectionLimits;
use crate::net::tls::Stream;
use crate::revision::{Revision, Revisions};
use crate::schema::Schema;
use crate::session::inbound::Opening;
use crate::session::outbound::Identity;
use crate::session::party::Party;
use crate::session::principal::{Known, Principal};
use crate::transcode::Options;

/// Who has the seat of [`seat`].
pub(super) const USER: &str = "ann";
const PATIENCE: Duration = Duration::from_secs(30);

/// A front of one shard that lets anybody in, with the bundled catalogue.
pub(super) fn front() -> (Arc<Front>, Shards) {
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

/// What should happen at once.
pub(super) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it should happen at once")
}

/// A seat of [`USER`] on the first shard, without a connection.
pub(super) fn seat(front: &Front) -> Seat {
    let principal = Principal { known: Known::ByToken, user: USER.into(), ..Principal::anonymous() };
    let party = Arc::new(Party { principal: Arc::new(principal), session: "s".into(), ends: None });
    let place = Place { mailbox: Arc::clone(&front.mailboxes[0]), key: ConnectionKey { index: 7, serial: 1 } };
    front.shared.roster.sit(&party, Some(place)).unwrap()
}

/// A connection that the first shard is told of.
pub(super) struct Opened {
    pub(super) client: Client,
    /// Of which it is the only one.
    pub(super) limits: Arc<ConnectionLimits>,
}

/// Opens one, plainly.
pub(super) async fn open(front: &Front) -> Opened {
    let (new, opened) = new_connection().await;
    front.mailboxes[0].push(Message::Open(Box::new(new)));
    opened
}

/// One that no shard is told of yet.
pub(super) async fn new_connection() -> (NewConnection, Opened) {
    let (link, client) = link().await;
    let limits = ConnectionLimits::new(1, 1);
    let peer = link.stream().peer_addr().unwrap();
    let session = "made".into();
    let party = Arc::new(Party { principal: Arc::new(Principal::anonymous()), session, ends: None });
    let connection = ConnectionId::new("conn-1".to_owned());
    let identity = Identity { connection, party, node: "node".into(), replay: Default::default() };
    let entrance = Entrance::new(peer.ip(), None, "made".into());
    let (opening, permit) = (Opening::Plain, limits.admit(peer).unwrap());
    let new = NewConnection { link, early: Default::default(), opening, identity, entrance, peer, permit };
    (new, Opened { client: Client(client), limits })
}

/// The other end of a connection.
pub(super) struct Client(TcpStream);

impl Client {
    /// Waits for the first frame.
    pub(super) async fn acked(&mut self) {
        let mut buffer = [0; 1 << 10];
        assert!(within(self.0.read(&mut buffer)).await.unwrap() > 2, "it is let in");
    }

    /// Waits for the end.
    pub(super) async fn ended(&mut self) {
        let mut rest = Vec::new();
        // Cut or closed.
        let _ = within(self.0.read_to_end(&mut rest)).await;
    }
}

/// A connection past its upgrade, and its client.
pub(super) async fn link() -> (Link, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    (Link::new(Stream::Plain(stream)), client)
}
