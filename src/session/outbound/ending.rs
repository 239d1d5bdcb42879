//! How the bridge ends a connection: a word first where the client can understand one, then a close frame.

use std::time::{Instant, SystemTime};

use crate::proto::rialto::v1 as proto;
use crate::status::PeerCode;
use crate::wire::{ServerFrame, websocket};

use super::super::refusal::connection_error;
use super::{Channels, Env, Outbound, Phase};

/// Who ended a connection with which code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// The bridge.
    ByBridge(u16),
    /// The peer; `None` when it gave no code.
    ByPeer(Option<u16>),
}

impl<C: Channels> Outbound<C> {
    /// Who has begun to end the connection, if anybody.
    pub fn closed(&self) -> Option<Closed> {
        self.closed
    }

    /// Whether the token has ended, and the grace after it, and the connection has not.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        !matches!(self.phase, Phase::Closing { .. })
            && self.identity.party.ends.is_some_and(|ends| ends.connection <= now)
    }

    /// Closes the connection if its token has ended by the wall clock: a machine that slept has a monotonic clock that did, too.
    pub fn on_wall_clock(&mut self, time: SystemTime, env: &mut Env<'_, C>) {
        let ends = self.identity.party.ends;
        if ends.is_some_and(|ends| ends.wall <= time) {
            self.close_with(PeerCode::TokenExpired, "", env);
        }
    }

    /// Asks the client to come back in `delay_ms`, and closes.
    pub fn drain(&mut self, delay_ms: u32, env: &mut Env<'_, C>) {
        if matches!(self.phase, Phase::Closing { .. }) {
            return;
        }
        if matches!(self.phase, Phase::Open) {
            let frame = proto::ConnectionReconnect { reason: PeerCode::Draining.row().reason.into(), delay_ms };
            self.tell(&ServerFrame::Reconnect(frame), None, env.printer);
        }
        self.begin_close(PeerCode::Draining.number(), "draining", PeerCode::Draining, env);
    }

    /// Closes for a reason of the bridge's own, with a `connection.error` before the close frame.
    pub fn close_with(&mut self, code: PeerCode, message: &str, env: &mut Env<'_, C>) {
        if matches!(self.phase, Phase::Closing { .. }) {
            return;
        }
        // Before the ack a client expects nothing but a close.
        if matches!(self.phase, Phase::Open) {
            let error = connection_error(code, message);
            self.tell(&ServerFrame::ConnectionError(error), None, env.printer);
        }
        self.begin_close(code.number(), code.row().reason, code, env);
    }

    pub(super) fn begin_close(&mut self, code: u16, reason: &str, why: PeerCode, env: &mut Env<'_, C>) {
        self.settle(env.channels);
        self.queue.clear();
        self.waiting.clear();
        self.control.push(|out| websocket::put_close(out, code, reason));
        self.deadlines.on_closing(env.now, why);
        self.closed.get_or_insert(Closed::ByBridge(code));
        self.phase = Phase::Closing { answered: false };
    }
}
