//! What becomes of a client's commands.

use super::{Channels, Closed, Env, Outbound, Phase, Place};
use crate::proto::rialto::v1 as proto;
use crate::session::command::Command;
use crate::status::PeerCode;
use crate::wire::{ServerFrame, websocket};

impl<C: Channels> Outbound<C> {
    /// Takes what the read side has understood. Commands wait in order while earlier answers have not left;
    /// [`Outbound::waiting`] says how many.
    pub fn on_command(&mut self, command: Command, env: &mut Env<'_, C>) {
        if self.waiting.is_empty() && self.control.has_room(env.limits) {
            self.carry_out(command, env);
        } else {
            self.waiting.push_back(command);
        }
    }

    /// Commands that were taken and not yet carried out.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn carry_out(&mut self, command: Command, env: &mut Env<'_, C>) {
        if let Phase::Closing { answered } = &mut self.phase {
            *answered |= matches!(command, Command::PeerClosed { .. } | Command::Close { .. });
            return;
        }
        match command {
            Command::Init { init, id, party } => {
                if let Some(party) = party {
                    self.identity.party = party;
                }
                // It may have waited longer than its token lasts.
                if self.is_over(env.now) {
                    return self.close_with(PeerCode::TokenExpired, "", env);
                }
                self.open(id.as_deref(), &init, env);
            }
            Command::Refresh { id, party, .. } => self.refresh(id.as_deref(), party, env),
            Command::Subscribe { id, channels_path, channels } => {
                if self.too_many(id.as_deref(), channels_path, channels.len(), env) {
                    return;
                }
                for (index, wanted) in channels.into_iter().enumerate() {
                    self.subscribe(id.as_deref(), Place { list: channels_path, index }, wanted, env);
                }
            }
            Command::Unsubscribe { id, channels_path, channels } => {
                if self.too_many(id.as_deref(), channels_path, channels.len(), env) {
                    return;
                }
                for (index, channel) in channels.iter().enumerate() {
                    self.unsubscribe(id.as_deref(), Place { list: channels_path, index }, channel, env);
                }
            }
            Command::Heartbeat { id } => {
                self.tell(&ServerFrame::Heartbeat(proto::ConnectionHeartbeat {}), id.as_deref(), env.printer);
            }
            Command::Refuse { reply_to, error } => {
                self.refuse(error, reply_to.as_deref(), env);
            }
            Command::Pong(payload) => self.put(|out| websocket::put_pong(out, &payload)),
            Command::Close { code, reason, error } => {
                if let Some(error) = error {
                    self.tell(&ServerFrame::ConnectionError(error), None, env.printer);
                }
                // The read side has stopped understanding this peer: no answer is to be waited for.
                self.begin_close(code, &reason, PeerCode::ProtocolViolation, env);
                self.phase = Phase::Closing { answered: true };
            }
            Command::PeerClosed { code } => {
                self.closed.get_or_insert(Closed::ByPeer(code));
                self.settle(env.channels);
                self.queue.clear();
                self.control.push(|out| websocket::put_close_reply(out, code));
                self.deadlines.on_closing(env.now, PeerCode::WriteTimeout);
                self.phase = Phase::Closing { answered: true };
            }
        }
    }
}
