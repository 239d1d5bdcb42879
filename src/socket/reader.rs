//! The read side of one connection: a task that parks without a buffer, understands frames, and tells its shard.
//!
//! It sends the commands of one read and then waits until the shard has carried them out, so a client that talks faster
//! than it listens is held back by TCP. It never writes.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use crate::auth::Coming;
use crate::metrics::Limit;
use crate::revision::Revision;
use crate::session::command::Command;
use crate::session::inbound::{Excess, Inbound};
use crate::wire::websocket::{Incoming, Parser, Violation};

use super::entrance::{Door, Entrance};
use super::gate::KeysMay;
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
    pub(super) judge: Judge,
}

/// What becomes of the messages.
pub(super) struct Judge {
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
    /// How much was thrown away.
    pub(super) discarded_bytes: usize,
}

/// What waits for a key.
pub(super) struct Paused {
    coming: Coming,
    command: Command,
    /// What came behind it in the same read.
    behind: Vec<Result<Incoming, Violation>>,
}

impl Reader {
    /// Reads until the peer's end, an error, or the shard's end of the connection. `early` came with the handshake.
    ///
    /// In a box, and with what is rare in one of its own: a task is as large as all that it may ever hold at once, what is
    /// moved into it twice, and there are as many tasks as connections.
    pub(super) async fn run(mut self: Box<Self>, early: bytes::Bytes) {
        self.judge.shared.metrics.front.received_bytes.add(early.len() as u64);
        self.take(&early);
        drop(early);
        // The handshake of TLS may have read more than its own.
        let mut holds_more = true;
        loop {
            while let Some(paused) = self.judge.paused.take() {
                Box::pin(self.judge.resume(*paused)).await;
            }
            self.judge.state.all_done().await;
            if !holds_more && self.link.stream().readable().await.is_err() {
                break;
            }
            match self.pull() {
                Pulled::Ended => break,
                pulled => holds_more = pulled == Pulled::More,
            }
            if self.judge.discarded_bytes > MAX_DISCARDED_BYTES {
                break;
            }
        }
    }

    fn pull(&mut self) -> Pulled {
        let link = Arc::clone(&self.link);
        pump::pull(&link, |bytes| {
            self.judge.shared.metrics.front.received_bytes.add(bytes.len() as u64);
            self.take(bytes);
        })
    }

    /// Understands what came. After the last command of a connection the rest is thrown away.
    fn take(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let now = now();
        let Reader { parser, judge, .. } = self;
        if judge.ended {
            judge.discarded_bytes += bytes.len();
        } else {
            let revision = judge.shared.revisions.current();
            pump::understand(parser, bytes, |came| {
                // Also of what waits behind a token: the clock is about what comes, not about what becomes of it.
                if let Ok(Incoming::Text(_) | Incoming::Binary(_)) = came {
                    judge.state.on_message();
                }
                judge.on(came, &revision, now)
            });
        }
        judge.state.on_read(now, !judge.ended && parser.mid_message());
    }
}

impl Judge {
    /// One message, or the end of all understanding.
    fn on(&mut self, came: Result<Incoming, Violation>, revision: &Revision, now: Instant) -> Open {
        if let Some(paused) = &mut self.paused {
            paused.behind.push(came);
            return Open::Yes;
        }
        let command = match came {
            Ok(incoming) => {
                let time = SystemTime::now();
                let command = self.inbound.on_incoming(incoming, &revision.schema, &revision.transcoder, now, time);
                if let Some(excess) = self.inbound.excess() {
                    let limit = match excess {
                        Excess::Nonsense => Limit::InvalidFrames,
                        Excess::Pings => Limit::PingsPerSecond,
                        Excess::Commands => Limit::CommandsPerSecond,
                        Excess::UserCommands => Limit::UserCommandsPerSecond,
                    };
                    self.shared.metrics.limits.hit(limit, "a client");
                }
                command.and_then(|command| self.look(command, now, time, KeysMay::Come))
            }
            Err(violation) => Some(self.inbound.on_violation(violation)),
        };
        if let Some(command) = command {
            self.send(command);
        }
        if self.ended { Open::No } else { Open::Yes }
    }

    /// Lets a command's token be looked at. `None`: its key may be on its way, and it is kept until then.
    fn look(&mut self, command: Command, now: Instant, time: SystemTime, keys: KeysMay) -> Option<Command> {
        let Shared { gate, roster, metrics, .. } = &*self.shared;
        let place = Place { mailbox: Arc::clone(&self.mailbox), key: self.key };
        let command = match self.entrance.judge(command, Door { gate, roster, metrics, now, time }, &place, keys) {
            Ok(command) => command,
            Err(waits) => {
                let (coming, command) = *waits;
                self.paused = Some(Box::new(Paused { coming, command, behind: Vec::new() }));
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
    async fn resume(&mut self, paused: Paused) {
        let Paused { coming, command, behind } = paused;
        coming.over().await;
        let now = now();
        if let Some(command) = self.look(command, now, SystemTime::now(), KeysMay::BeMissing) {
            self.send(command);
        }
        let revision = self.shared.revisions.current();
        for came in behind {
            if self.ended || self.on(came, &revision, now) == Open::No {
                break;
            }
        }
    }

    /// Tells the shard.
    fn send(&mut self, command: Command) {
        self.ended = command.ends_the_connection();
        self.state.on_sent();
        self.mailbox.push(Message::Command(self.key, command));
    }
}

impl Drop for Judge {
    /// The read side has ended: as it should, or by a panic. Its seat goes with it, so nobody would find the connection any more
    /// to end it, and the shard must not go on writing there.
    fn drop(&mut self) {
        self.mailbox.push(Message::Gone(self.key));
    }
}

#[cfg(test)]
mod tests;
