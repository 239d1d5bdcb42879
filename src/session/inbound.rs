//! What a client sends, judged: each message becomes at most one [`Command`].
//!
//! Owned by the task that reads the socket. Promises that every frame with something to answer gets its answer or ends
//! the connection, that nothing passes before `connection.init` where that is due, and that a client's rate, its nonsense
//! and its pings are bounded here, before anything of them reaches a shard. Never writes, never reads a clock.
//!
//! | message | becomes |
//! |---|---|
//! | the first one of a subprotocol, if it is not a good `connection.init` | close 4500, or 4502 for its version |
//! | a good command | itself |
//! | JSON or protobuf, type, data or fields that are wrong, rules that are broken, what is not built | error 4005; after [`MAX_INVALID_IN_A_ROW`] close 4500 |
//! | a client event that its sender may not send | error 4003, or 4006 for a channel that no template has |
//! | a client event with a handler's route | error 4007: no handler is connected |
//! | a command over the rate | error 4004 with the wait; ignored [`MAX_REFUSED_COMMANDS`] times, close 4004 |
//! | text on a binary connection, binary on another one | close 1003 |
//! | a ping | its pong; over the rate nothing; ignored [`MAX_REFUSED_PINGS`] times, close 4004 |
//! | a pong | nothing |
//! | a close | [`Command::PeerClosed`] |

mod allowance;
mod events;
mod limits;
mod opening;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use super::command::Command;
use super::meter::{Meter, Rate, Verdict};
use super::party::Party;
use super::refusal::{connection_error, frame_error, peer_error, retry_after_ms};
use crate::log::Form;
use crate::proto::rialto::v1::Error;
use crate::schema::{Schema, Spending};
use crate::status::{Code, PeerCode};
use crate::transcode::Transcoder;
use crate::wire::websocket::{Incoming, Violation, close_code};
use crate::wire::{ClientFrame, ClientMessage, Request, client_frame_id, parse_client_frame};

pub use allowance::Allowance;
pub use limits::{Limits, MAX_INVALID_IN_A_ROW, MAX_REFUSED_COMMANDS, MAX_REFUSED_PINGS, USER_RATE_LIMITED};
pub use opening::Opening;

use events::not_taken;
use limits::{PING_RATE, UNITS_PER_COMMAND};

/// The read side of one connection.
#[derive(Debug)]
pub struct Inbound {
    phase: Phase,
    /// Who is there. `None`: `connection.init` says so.
    party: Option<Arc<Party>>,
    form: Form,
    command_rate: Rate,
    commands: Meter,
    /// What its user may do on all connections. `None`: there is no user.
    allowance: Option<Arc<Allowance>>,
    pings: Meter,
    invalid_in_a_row: u16,
    excess: Option<Excess>,
}

/// What a client sends too much of. Commands over a rate are refused each; here they are what ends the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Excess {
    /// Messages in a row that say nothing: the connection ends.
    Nonsense,
    /// Pings or pongs, which get no answer any more.
    Pings,
    /// Commands of the connection, whose rate it does not heed: it ends.
    Commands,
    /// Commands of its user on all connections: the same.
    UserCommands,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    AwaitingInit,
    Open,
    Ended,
}

impl Inbound {
    /// A connection right after its upgrade, which said who is there, or not yet. The deadline of `connection.init` is the
    /// shard's.
    pub fn new(opening: Opening, party: Option<Arc<Party>>, limits: Limits, now: Instant) -> Self {
        Inbound {
            party,
            phase: match opening {
                Opening::Plain => Phase::Open,
                Opening::Subprotocol(_) => Phase::AwaitingInit,
            },
            form: opening.form(),
            command_rate: Rate {
                per_second: limits.commands_per_second,
                burst: limits.commands_burst,
                patience: MAX_REFUSED_COMMANDS,
            },
            commands: Meter::new(now),
            allowance: None,
            pings: Meter::new(now),
            invalid_in_a_row: 0,
            excess: None,
        }
    }

    /// Notes who is there, as a token says that came in a frame.
    pub fn admit(&mut self, party: Arc<Party>) {
        self.party = Some(party);
    }

    /// Counts commands for its user, too.
    pub fn share(&mut self, allowance: Option<Arc<Allowance>>) {
        self.allowance = allowance;
    }

    /// Judges one message; `time` is what rules about time compare with. After a command that [ends the connection](Command::ends_the_connection) there is no other.
    pub fn on_incoming(
        &mut self,
        incoming: Incoming,
        schema: &Schema,
        transcoder: &Transcoder,
        now: Instant,
        time: SystemTime,
    ) -> Option<Command> {
        if self.phase == Phase::Ended {
            return None;
        }
        let command = match incoming {
            Incoming::Text(text) => Some(match self.form {
                Form::Json => self.on_message(ClientMessage::Text(&text), schema, transcoder, (now, time)),
                Form::Binary => {
                    close(close_code::UNSUPPORTED_DATA, "this subprotocol is rialto.v1.Frame in binary messages")
                }
            }),
            Incoming::Binary(bytes) => Some(match self.form {
                Form::Binary => self.on_message(ClientMessage::Binary(&bytes), schema, transcoder, (now, time)),
                Form::Json => close(close_code::UNSUPPORTED_DATA, "this subprotocol is JSON in text messages"),
            }),
            Incoming::Ping(payload) => self.on_ping(Some(payload), now),
            Incoming::Pong(_) => self.on_ping(None, now),
            Incoming::Close { code, reason: _ } => Some(Command::PeerClosed { code }),
        };
        if command.as_ref().is_some_and(Command::ends_the_connection) {
            self.phase = Phase::Ended;
        }
        command
    }

    /// What the last message was too much of, if that is not told by its own answer.
    pub fn excess(&mut self) -> Option<Excess> {
        self.excess.take()
    }

    /// The client broke RFC 6455: closes with the code that says how.
    pub fn on_violation(&mut self, violation: Violation) -> Command {
        self.phase = Phase::Ended;
        close(violation.close_code, violation.reason)
    }

    fn on_message(
        &mut self,
        message: ClientMessage<'_>,
        schema: &Schema,
        transcoder: &Transcoder,
        (now, time): (Instant, SystemTime),
    ) -> Command {
        if self.phase == Phase::AwaitingInit {
            return self.on_first(message, schema, transcoder, time);
        }
        if let Some(refused) = self.meter(message, now) {
            return refused;
        }
        let mut spending = Spending::of_client();
        let parsed = parse_client_frame(message, schema, transcoder, time, &mut spending);
        let extra = spending.spent_units() / UNITS_PER_COMMAND;
        self.commands.charge(self.command_rate, extra, now);
        if let Some(allowance) = self.allowance.as_deref().filter(|_| extra > 0) {
            allowance.charge(extra, now);
        }
        let command = match parsed {
            Ok(frame) => self.command(frame, schema),
            Err(error) => Command::Refuse { reply_to: error.reply_to, error: frame_error(&error.problem) },
        };
        let is_invalid = matches!(&command, Command::Refuse { error, .. } if is_nonsense(error));
        self.invalid_in_a_row = if is_invalid { self.invalid_in_a_row + 1 } else { 0 };
        if self.invalid_in_a_row >= MAX_INVALID_IN_A_ROW {
            self.excess = Some(Excess::Nonsense);
            return give_up(PeerCode::ProtocolViolation, "too many invalid messages in a row");
        }
        command
    }

    /// Counts a command for the connection and for its user. What is too much of it comes back as the answer.
    fn meter(&mut self, message: ClientMessage<'_>, now: Instant) -> Option<Command> {
        let (verdict, reason, text) = match self.commands.take(self.command_rate, now) {
            Verdict::Allowed => {
                let allowance = self.allowance.as_deref()?;
                let wait = allowance.take(now).err()?;
                // The connection has not had it: when the user may again, so may this.
                self.commands.give_back(self.command_rate);
                let text = format!("more than {} commands per second of this user", allowance.per_second());
                (self.commands.refuse(self.command_rate, wait, now), USER_RATE_LIMITED, text)
            }
            verdict => {
                let text = format!("more than {} commands per second", self.command_rate.per_second);
                (verdict, PeerCode::RateLimited.row().reason, text)
            }
        };
        Some(match verdict {
            Verdict::Allowed => return None,
            Verdict::Refused(wait) => {
                let error = Error {
                    retry_after_ms: retry_after_ms(self.commands.grown(wait)),
                    reason: reason.into(),
                    ..peer_error(PeerCode::RateLimited, text, "")
                };
                Command::Refuse { reply_to: client_frame_id(message), error }
            }
            Verdict::Ignored => {
                self.excess = Some(if reason == USER_RATE_LIMITED { Excess::UserCommands } else { Excess::Commands });
                give_up(PeerCode::RateLimited, "commands keep coming over their rate")
            }
        })
    }

    /// A ping with its payload, or a pong.
    fn on_ping(&mut self, ping: Option<Vec<u8>>, now: Instant) -> Option<Command> {
        let verdict = self.pings.take(PING_RATE, now);
        if !matches!(verdict, Verdict::Allowed) {
            self.excess = Some(Excess::Pings);
        }
        match verdict {
            Verdict::Allowed => ping.map(Command::Pong),
            Verdict::Refused(_) => None,
            Verdict::Ignored => Some(match self.phase {
                Phase::AwaitingInit => close(PeerCode::RateLimited.number(), "too many pings"),
                _ => give_up(PeerCode::RateLimited, "too many pings"),
            }),
        }
    }

    /// What an open connection's frame becomes.
    fn command(&self, ClientFrame { id, channels_path, request }: ClientFrame, schema: &Schema) -> Command {
        match request {
            Request::Subscribe(subscribe) => Command::Subscribe { id, channels_path, channels: subscribe.channels },
            Request::Unsubscribe(unsubscribe) => {
                Command::Unsubscribe { id, channels_path, channels: unsubscribe.channels }
            }
            Request::Heartbeat => Command::Heartbeat { id },
            Request::Refresh(token) => Command::Refresh { id, token, party: None },
            Request::Init(_) => {
                let advice = "connection.init is the first frame of a connection with a subprotocol, and only that; \
                              resume by subscribing";
                Command::Refuse { reply_to: id, error: peer_error(PeerCode::InvalidMessage, advice, "type") }
            }
            Request::Event { event, channel, payload, .. } => {
                let error = self.denied(schema, &event, &payload, channel.as_deref());
                Command::Refuse { reply_to: id, error: error.unwrap_or_else(|| not_taken(&event)) }
            }
        }
    }
}

/// Whether an error says that the client does not know the protocol, and not merely that something is missing here.
fn is_nonsense(error: &Error) -> bool {
    error.code == u32::from(PeerCode::InvalidMessage.number()) && error.status != Code::Unimplemented.name()
}

fn close(code: u16, reason: impl Into<Cow<'static, str>>) -> Command {
    Command::Close { code, reason: reason.into(), error: None }
}

/// A close that a `connection.error` explains: there is an ack behind us.
fn give_up(code: PeerCode, message: &'static str) -> Command {
    Command::Close { code: code.number(), reason: message.into(), error: Some(connection_error(code, message)) }
}

#[cfg(test)]
mod tests;
