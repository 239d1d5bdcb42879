//! The read side of one connection: a task that parks without a buffer, understands frames, and tells its shard.
//!
//! It sends the commands of one read and then waits until the shard has carried them out, so a client that talks faster
//! than it listens is held back by TCP. It never writes.

use std::sync::Arc;
use std::time::SystemTime;

use crate::session::command::Command;
use crate::session::inbound::Inbound;
use crate::wire::websocket::Parser;

use super::entrance::Entrance;
use super::link::Link;
use super::mailbox::{ConnectionKey, Mailbox, Message, ReadState};
use super::shared::Shared;
use super::stream::{is_temporary, now};

/// What one read takes from the socket; it lives on the stack for the moment of the read.
const READ_BYTES: usize = 4 << 10;

/// What the read task owns.
pub(super) struct Reader {
    pub(super) link: Arc<Link>,
    pub(super) parser: Parser,
    pub(super) inbound: Inbound,
    pub(super) entrance: Entrance,
    pub(super) shared: Arc<Shared>,
    pub(super) state: Arc<ReadState>,
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) key: ConnectionKey,
    /// The connection is over for this side; what still comes is thrown away.
    pub(super) ended: bool,
    /// Whether there may be something to read that the socket does not tell of.
    pub(super) holds_more: bool,
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
        // The handshake may have read more than its own.
        self.holds_more = self.link.may_hold(READ_BYTES, READ_BYTES);
        loop {
            self.state.all_done().await;
            if !self.holds_more && self.link.stream().readable().await.is_err() {
                break;
            }
            if self.pull() == Open::No {
                break;
            }
        }
        self.mailbox.push(Message::Gone(self.key));
    }

    fn pull(&mut self) -> Open {
        let mut buffer = [0; READ_BYTES];
        let read = self.link.try_read(&mut buffer);
        self.holds_more = read.as_ref().is_ok_and(|count| self.link.may_hold(*count, READ_BYTES));
        match read {
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
                    command.map(|command| self.entrance.judge(command, &self.shared.gate, now, time))
                }
                Err(violation) => Some(self.inbound.on_violation(violation)),
            };
            if let Some(command) = command {
                if let Command::Init { party: Some(party), .. } | Command::Refresh { party: Some(party), .. } = &command
                {
                    self.inbound.admit(Arc::clone(party));
                }
                self.ended = command.ends_the_connection();
                self.state.on_sent();
                self.mailbox.push(Message::Command(self.key, command));
            }
        }
        self.state.on_read(now, !self.ended && self.parser.mid_message());
    }
}
