//! The read side of one connection: a task that parks without a buffer, understands frames, and tells its shard.
//!
//! It sends the commands of one read and then waits until the shard has carried them out, so a client that talks faster
//! than it listens is held back by TCP. It never writes.

use std::sync::Arc;
use std::time::SystemTime;

use crate::session::command::Command;
use crate::session::inbound::Inbound;
use crate::wire::websocket::Parser;

use super::entrance::{Door, Entrance};
use super::link::Link;
use super::mailbox::{ConnectionKey, Mailbox, Message, ReadState};
use super::pump::{self, Open, Pulled};
use super::roster::Place;
use super::shared::Shared;
use super::stream::now;

/// What is thrown away of a connection that is over before it is cut: a client that has not read its close frame yet may
/// still be sending a large message, and closing under it would lose that frame. Who sends more is not reading.
const MAX_DISCARDED_BYTES: usize = 4 << 20;

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
    /// How much was thrown away.
    pub(super) discarded_bytes: usize,
}

impl Reader {
    /// Reads until the peer's end, an error, or the shard's end of the connection. `early` came with the handshake.
    pub(super) async fn run(mut self, early: bytes::Bytes) {
        self.shared.metrics.front.received_bytes.add(early.len() as u64);
        self.take(&early);
        drop(early);
        // The handshake of TLS may have read more than its own.
        let mut holds_more = true;
        loop {
            self.state.all_done().await;
            if !holds_more && self.link.stream().readable().await.is_err() {
                break;
            }
            match self.pull() {
                Pulled::Ended => break,
                pulled => holds_more = pulled == Pulled::More,
            }
            if self.discarded_bytes > MAX_DISCARDED_BYTES {
                break;
            }
        }
        self.mailbox.push(Message::Gone(self.key));
    }

    fn pull(&mut self) -> Pulled {
        let link = Arc::clone(&self.link);
        pump::pull(&link, |bytes| {
            self.shared.metrics.front.received_bytes.add(bytes.len() as u64);
            self.take(bytes);
        })
    }

    /// Understands what came. After the last command of a connection the rest is thrown away.
    fn take(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let now = now();
        if self.ended {
            self.discarded_bytes += bytes.len();
        } else {
            let Reader { parser, inbound, entrance, shared, state, mailbox, key, .. } = self;
            let Shared { gate, roster, metrics, .. } = &**shared;
            let place = Place { mailbox: Arc::clone(mailbox), key: *key };
            let revision = shared.revisions.current();
            let open = pump::understand(parser, bytes, |came| {
                let command = match came {
                    Ok(incoming) => {
                        state.on_message();
                        let time = SystemTime::now();
                        let command = inbound.on_incoming(incoming, &revision.schema, &revision.transcoder, now, time);
                        let door = Door { gate, roster, metrics, now, time };
                        command.map(|command| entrance.judge(command, door, &place))
                    }
                    Err(violation) => Some(inbound.on_violation(violation)),
                };
                let Some(command) = command else { return Open::Yes };
                if let Command::Init { party: Some(party), .. } | Command::Refresh { party: Some(party), .. } = &command
                {
                    inbound.admit(Arc::clone(party));
                    inbound.share(entrance.seat.as_ref().and_then(|seat| seat.allowance.clone()));
                }
                let open = if command.ends_the_connection() { Open::No } else { Open::Yes };
                state.on_sent();
                mailbox.push(Message::Command(*key, command));
                open
            });
            self.ended = open == Open::No;
        }
        self.state.on_read(now, !self.ended && self.parser.mid_message());
    }
}
