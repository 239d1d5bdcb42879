//! The read side of one connection: a task that parks without a buffer, understands frames, and tells its shard.
//!
//! It sends the commands of one read and then waits until the shard has carried them out, so a client that talks faster
//! than it listens is held back by TCP. It never writes.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use tokio::net::TcpStream;

use crate::session::command::Command;
use crate::session::inbound::Inbound;
use crate::wire::websocket::Parser;

use super::entrance::{Door, Entrance};
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
    /// The connection is over for this side; what still comes is thrown away.
    pub(super) ended: bool,
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

    /// Lets a command's token be looked at.
    fn judge(&mut self, command: Command, now: Instant, time: SystemTime) -> Command {
        let Shared { gate, roster, metrics, .. } = &*self.shared;
        let place = Place { mailbox: Arc::clone(&self.mailbox), key: self.key };
        let command = self.entrance.judge(command, Door { gate, roster, metrics, now, time }, &place);
        if let Command::Init { party: Some(party), .. } | Command::Refresh { party: Some(party), .. } = &command {
            self.inbound.admit(Arc::clone(party));
            self.inbound.share(self.entrance.seat.as_ref().and_then(|seat| seat.allowance.clone()));
        }
        command
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
                    command.map(|command| self.judge(command, now, time))
                }
                Err(violation) => Some(self.inbound.on_violation(violation)),
            };
            if let Some(command) = command {
                self.ended = command.ends_the_connection();
                self.state.on_sent();
                self.mailbox.push(Message::Command(self.key, command));
            }
        }
        self.state.on_read(now, !self.ended && self.parser.mid_message());
    }
}
