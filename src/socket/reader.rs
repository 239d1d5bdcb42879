//! The read side of one connection: a task that parks without a buffer, understands frames, and tells its shard.
//!
//! It sends the commands of one read and then waits until the shard has carried them out, so a client that talks faster
//! than it listens is held back by TCP. It never writes.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use tokio::net::TcpStream;

use crate::auth::Coming;
use crate::session::command::Command;
use crate::session::inbound::Inbound;
use crate::wire::websocket::Parser;

use super::entrance::{Door, Entrance, KeysMay};
use super::mailbox::{ConnectionKey, Mailbox, Message, ReadState};
use super::roster::Place;
use super::shared::Shared;
use super::stream::{is_temporary, now};

/// What one read takes from the socket; it lives on the stack for the moment of the read.
const READ_BYTES: usize = 4 << 10;

/// What the read task owns.
pub(super) struct Reader {
    pub(super) stream: Arc<TcpStream>,
    pub(super) parser: Parser,
    pub(super) inbound: Inbound,
    pub(super) entrance: Entrance,
    pub(super) shared: Arc<Shared>,
    pub(super) state: Arc<ReadState>,
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) key: ConnectionKey,
    /// A command whose token's key may be on its way.
    pub(super) paused: Option<Box<Paused>>,
    /// The connection is over for this side; what still comes is thrown away.
    pub(super) ended: bool,
}

/// What waits for a key.
pub(super) struct Paused {
    coming: Coming,
    command: Command,
    /// What came behind it.
    rest: Vec<u8>,
}

/// Whether there may be more to read.
#[derive(PartialEq, Eq)]
enum Open {
    Yes,
    No,
}

impl Reader {
    /// Reads until the peer's end, an error, or the shard's end of the connection. `early` came with the handshake.
    pub(super) async fn run(mut self, early: bytes::Bytes) {
        self.shared.metrics.front.received_bytes.add(early.len() as u64);
        self.take(&early);
        drop(early);
        loop {
            self.resume().await;
            self.state.all_done().await;
            if self.stream.readable().await.is_err() || self.pull() == Open::No {
                break;
            }
        }
        self.mailbox.push(Message::Gone(self.key));
    }

    fn pull(&mut self) -> Open {
        let mut buffer = [0; READ_BYTES];
        match self.stream.try_read(&mut buffer) {
            Ok(0) => Open::No,
            Ok(count) => {
                self.shared.metrics.front.received_bytes.add(count as u64);
                self.take(&buffer[..count]);
                Open::Yes
            }
            Err(error) if is_temporary(&error) => Open::Yes,
            Err(_) => Open::No,
        }
    }

    /// Lets a command's token be looked at. `None`: its key may be on its way, and it is kept until then.
    fn judge(&mut self, command: Command, now: Instant, time: SystemTime, keys: KeysMay) -> Option<Command> {
        let Shared { gate, roster, metrics, .. } = &*self.shared;
        let place = Place { mailbox: Arc::clone(&self.mailbox), key: self.key };
        let command = match self.entrance.judge(command, Door { gate, roster, metrics, now, time }, &place, keys) {
            Ok(command) => command,
            Err((coming, command)) => {
                self.paused = Some(Box::new(Paused { coming, command, rest: Vec::new() }));
                return None;
            }
        };
        if let Command::Init { party: Some(party), .. } | Command::Refresh { party: Some(party), .. } = &command {
            self.inbound.admit(Arc::clone(party));
            self.inbound.share(self.entrance.seat.as_ref().and_then(|seat| seat.allowance.clone()));
        }
        Some(command)
    }

    /// Goes on with what waited for a key.
    async fn resume(&mut self) {
        while let Some(paused) = self.paused.take() {
            let Paused { coming, command, rest } = *paused;
            coming.over().await;
            if let Some(command) = self.judge(command, now(), SystemTime::now(), KeysMay::BeMissing) {
                self.send(command);
            }
            self.take(&rest);
        }
    }

    /// Tells the shard.
    fn send(&mut self, command: Command) {
        self.ended = command.ends_the_connection();
        self.state.on_sent();
        self.mailbox.push(Message::Command(self.key, command));
    }

    /// Understands what came. After the last command of a connection the rest is thrown away.
    fn take(&mut self, mut bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let now = now();
        let revision = self.shared.revisions.current();
        while !self.ended && !bytes.is_empty() {
            let command = match self.parser.push(bytes) {
                Ok((used, incoming)) => {
                    bytes = &bytes[used..];
                    let Some(incoming) = incoming else { continue };
                    self.state.on_message();
                    let time = SystemTime::now();
                    let command = self.inbound.on_incoming(incoming, &revision.schema, &revision.transcoder, now, time);
                    command.and_then(|command| self.judge(command, now, time, KeysMay::Come))
                }
                Err(violation) => Some(self.inbound.on_violation(violation)),
            };
            if let Some(command) = command {
                self.send(command);
            }
            if let Some(paused) = &mut self.paused {
                // At most what one read brought.
                paused.rest = bytes.to_vec();
                break;
            }
        }
        self.state.on_read(now, !self.ended && self.parser.mid_message());
    }
}
