//! An echo server made of the front's own code: its handshake, its parser and read loop, what it makes of pings, closes and
//! violations, its write queue and write loop. Only what becomes of a whole message is different: it is sent back.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use rialto::ids::{ChannelKey, ConnectionId, SessionId};
use rialto::log::{Extent, Form, Heads, Position, Read, Resume, Snapshot, Take, View};
use rialto::net::Peer;
use rialto::net::http::Server;
use rialto::revision::Revision;
use rialto::schema::{Retention, TypeFilter};
use rialto::session::inbound::{self, Inbound, Opening};
use rialto::session::outbound::{Channels, Env, Identity, Limits, Outbound, Slot, Wanted};
use rialto::session::party::Party;
use rialto::session::principal::Principal;
use rialto::socket::link::Link;
use rialto::socket::pump::{self, Open, Pulled, Stopped};
use rialto::socket::stream::linger;
use rialto::socket::upgrade::{switch, take_over};
use rialto::status::Status;
use rialto::wire::ControlPrinter;
use rialto::wire::websocket::{self, Incoming, Opcode, Parser, handshake};
use tokio::sync::watch;

/// What the write loop takes before others have their turn.
const SHARE_BYTES: usize = 256 << 10;

/// What all connections work with.
pub(crate) struct Echo {
    revision: Arc<Revision>,
    printer: ControlPrinter,
    max_message_bytes: usize,
}

impl Echo {
    pub(crate) fn new(revision: Arc<Revision>, max_message_bytes: usize) -> Arc<Self> {
        let printer = ControlPrinter::new(Arc::clone(&revision.transcoder), revision.schema.pool());
        Arc::new(Echo { printer: printer.expect("Rialto's own frames are there"), revision, max_message_bytes })
    }

    /// Serves until the test ends; gives the address.
    pub(crate) fn start(self: Arc<Self>, stop: watch::Receiver<bool>) -> Result<SocketAddr, String> {
        let listener = rialto::net::listen(SocketAddr::from(([127, 0, 0, 1], 0)), "--listen");
        let listener = listener.map_err(|error| error.to_string())?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let router = Router::new().route("/", axum::routing::any(upgrade)).with_state(self);
        tokio::spawn(Server::new(listener, router).serve(stop));
        Ok(address)
    }
}

async fn upgrade(State(echo): State<Arc<Echo>>, mut request: Request) -> Response {
    let asked = match handshake::upgrade(request.method(), request.version(), request.headers()) {
        Ok(asked) => asked,
        Err(refusal) => return (http::StatusCode::BAD_REQUEST, refusal.message.into_owned()).into_response(),
    };
    let Some(Peer(peer)) = request.extensions().get::<Peer>().copied() else {
        return http::StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let on_upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        if let Some((link, early)) = take_over(on_upgrade, peer).await {
            Connection::new(&echo, link).run(&early).await;
        }
    });
    switch(&asked)
}

/// One connection with both halves in one task.
struct Connection<'a> {
    echo: &'a Echo,
    link: Arc<Link>,
    parser: Parser,
    inbound: Inbound,
    outbound: Outbound<NoChannels>,
    limits: Limits,
    ended: bool,
}

impl<'a> Connection<'a> {
    fn new(echo: &'a Echo, link: Link) -> Self {
        let limits = Limits::default();
        let principal = Arc::new(Principal::nobody());
        let party = Arc::new(Party { principal, session: SessionId::new("echo".to_owned()), ends: None });
        let identity = Identity {
            connection: ConnectionId::new("echo".to_owned()),
            party,
            node: "echo".into(),
            replay: Default::default(),
        };
        // A connection that waits for its first frame says nothing by itself.
        let opening = Opening::Subprotocol(Form::Json);
        let now = Instant::now();
        let revision = &echo.revision;
        let mut channels = NoChannels;
        let mut env =
            Env { channels: &mut channels, schema: &revision.schema, printer: &echo.printer, limits: &limits, now };
        let outbound = Outbound::new(opening, identity, &mut env);
        Connection {
            echo,
            link: Arc::new(link),
            parser: Parser::new(echo.max_message_bytes),
            inbound: Inbound::new(opening, None, inbound::Limits::default(), now),
            outbound,
            limits,
            ended: false,
        }
    }

    async fn run(mut self, early: &[u8]) {
        self.take(early);
        loop {
            match self.write() {
                Stopped::Idle => {
                    if self.link.stream().readable().await.is_err() || self.pull() == Pulled::Ended {
                        return;
                    }
                }
                Stopped::Share => tokio::task::yield_now().await,
                Stopped::Full => {
                    if self.link.stream().writable().await.is_err() {
                        return;
                    }
                }
                Stopped::Finished => break,
                Stopped::Broken => return,
            }
        }
        self.link.hang_up(std::net::Shutdown::Write);
        tokio::spawn(linger(Arc::downgrade(&self.link), Duration::from_secs(5)));
        while self.link.stream().readable().await.is_ok() && self.pull() != Pulled::Ended {}
    }

    fn pull(&mut self) -> Pulled {
        let link = Arc::clone(&self.link);
        pump::pull(&link, |bytes| self.take(bytes))
    }

    fn take(&mut self, bytes: &[u8]) {
        if self.ended {
            return;
        }
        let (now, time) = (Instant::now(), SystemTime::now());
        let Connection { echo, parser, inbound, outbound, limits, .. } = self;
        let revision = &echo.revision;
        let mut channels = NoChannels;
        let mut env = Env { channels: &mut channels, schema: &revision.schema, printer: &echo.printer, limits, now };
        let open = pump::understand(parser, bytes, |came| {
            let command = match came {
                Ok(Incoming::Text(text)) => {
                    outbound.put(|out| websocket::put_text(out, &text));
                    None
                }
                Ok(Incoming::Binary(bytes)) => {
                    outbound.put(|out| {
                        websocket::put_header(out, Opcode::Binary, bytes.len());
                        out.extend_from_slice(&bytes);
                    });
                    None
                }
                Ok(other) => inbound.on_incoming(other, &revision.schema, &revision.transcoder, now, time),
                Err(violation) => Some(inbound.on_violation(violation)),
            };
            let Some(command) = command else { return Open::Yes };
            let open = if command.ends_the_connection() { Open::No } else { Open::Yes };
            outbound.on_command(command, &mut env);
            open
        });
        self.ended = open == Open::No;
    }

    fn write(&mut self) -> Stopped {
        let revision = &self.echo.revision;
        let mut channels = NoChannels;
        let mut env = Env {
            channels: &mut channels,
            schema: &revision.schema,
            printer: &self.echo.printer,
            limits: &self.limits,
            now: Instant::now(),
        };
        pump::write(&mut self.outbound, &mut env, SHARE_BYTES, &self.link).1
    }
}

/// Nothing to subscribe to.
struct NoChannels;

impl Channels for NoChannels {
    type Handle = Infallible;

    fn open(&mut self, _: &ChannelKey, _: Retention, _: Slot, _: Wanted) -> Result<Infallible, Status> {
        unreachable!("nothing is subscribed before connection.init")
    }

    fn close(&mut self, handle: Infallible, _: Slot) {
        match handle {}
    }

    fn extent(&mut self, handle: &Infallible) -> Extent {
        match *handle {}
    }

    fn heads(&mut self, handle: &Infallible) -> Heads {
        match *handle {}
    }

    fn snapshot(&mut self, handle: &Infallible, _: u32, _: &TypeFilter) -> Snapshot {
        match *handle {}
    }

    fn resume(&mut self, handle: &Infallible, _: Position) -> Resume {
        match *handle {}
    }

    fn read(&mut self, handle: &Infallible, _: Position, _: &TypeFilter, _: Take, _: usize, _: View) -> (Read, Heads) {
        match *handle {}
    }

    fn read_ephemeral(&mut self, handle: &Infallible, _: u64, _: &TypeFilter, _: usize, _: View) -> (Read, Heads) {
        match *handle {}
    }
}
