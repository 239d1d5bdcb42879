//! What a subscribe and an unsubscribe do to a connection's cursors.

use crate::ids::{ChannelKey, ChannelName, MAX_CHANNEL_NAME_BYTES};
use crate::log::{Epoch, Position, Resume, Snapshot};
use crate::proto::rialto::v1 as proto;
use crate::status::PeerCode;
use crate::wire::ServerFrame;

use super::super::access::{Use, audience, may};
use super::super::party::Party;
use super::super::refusal::{peer_error, retry_after_ms};
use super::pull::everything;
use super::subscription::{Subscription, proto_position};
use super::{Channels, Env, Outbound, Wanted, slot_of};

/// Whether a subscriber may have events from before its subscribe.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Past {
    Allowed,
    Denied,
}

/// Where a subscription begins.
struct Beginning {
    cursor: Snapshot,
    /// Where delivery begins, as the client is told: after a loss, later than `cursor`.
    start: Position,
    /// `None` on a first subscribe.
    recovered: Option<bool>,
    /// A position that is not of this log.
    reset_from: Option<proto::Position>,
}

impl<C: Channels> Outbound<C> {
    /// Refuses a frame that names more channels than a connection may have: each is answered, and the answers must fit.
    pub(super) fn too_many(&mut self, id: Option<&str>, path: &str, channels: usize, env: &mut Env<'_, C>) -> bool {
        let most = usize::from(env.limits.max_subscriptions);
        if channels > most {
            let message =
                format!("a frame may name {most} channels, as many as a connection may have; this has {channels}");
            let error = peer_error(PeerCode::LimitReached, message, path);
            self.refuse(error, id, env);
        }
        channels > most
    }

    /// Queues an error that answers a frame.
    pub(super) fn refuse(&mut self, error: proto::Error, reply_to: Option<&str>, env: &mut Env<'_, C>) {
        let frame = ServerFrame::Error(error);
        env.channels.on_told(&self.identity, &frame);
        self.tell(&frame, reply_to, env.printer);
    }

    /// Subscribes one channel, or says why not.
    pub(super) fn subscribe(
        &mut self,
        id: Option<&str>,
        place: Place,
        wanted: proto::Subscription,
        env: &mut Env<'_, C>,
    ) {
        if let Err(error) = self.try_subscribe(id, place, &wanted, Wanted::ByClient, env) {
            self.refuse(*error, id, env);
        }
    }

    pub(super) fn try_subscribe(
        &mut self,
        id: Option<&str>,
        place: Place,
        wanted: &proto::Subscription,
        by: Wanted,
        env: &mut Env<'_, C>,
    ) -> Result<(), Box<proto::Error>> {
        let name = wanted.name.as_str();
        let refuse =
            |code: PeerCode, message: String, field: &str| Box::new(refusal(code, message, place.path(field), name));
        check_length(name).map_err(|message| refuse(PeerCode::InvalidMessage, message, "name"))?;
        let Some(template) = env.schema.channel(name) else {
            return Err(refuse(PeerCode::ChannelNotFound, env.schema.unknown_channel(name).to_string(), "name"));
        };
        let Party { principal, session, .. } = &*self.identity.party;
        let may = |how: Use| may(principal, session, how, template, name);
        may(Use::Subscribe).map_err(|denied| refuse(PeerCode::PermissionDenied, denied.to_string(), "name"))?;
        let may_have_past = may(Use::History);
        if let Err(denied) = &may_have_past
            && wanted.after.is_none()
            && wanted.history.is_some_and(|events| events > 0)
        {
            return Err(refuse(PeerCode::PermissionDenied, denied.to_string(), "history"));
        }
        let past = if may_have_past.is_ok() { Past::Allowed } else { Past::Denied };
        let filter = env
            .schema
            .type_filter(&wanted.types)
            .map_err(|unknown| refuse(PeerCode::InvalidMessage, unknown.to_string(), "types"))?;
        let history = wanted.history.unwrap_or(u32::MAX).min(template.history);
        let retention = template.retention;
        let audience = audience(principal, session, template, name);
        let channel = ChannelName::from(name);

        let existing = self.subscriptions.iter().position(|subscription| {
            subscription.as_ref().is_some_and(|subscription| subscription.channel.as_str() == name)
        });
        let index = match existing {
            Some(index) => index,
            None => self.free_slot(env.limits.max_subscriptions).ok_or_else(|| {
                let most = env.limits.max_subscriptions;
                refuse(PeerCode::LimitReached, format!("this connection has {most} subscriptions, the most it may"), "")
            })?,
        };
        let slot = slot_of(index);
        // A frame that is half written belongs to the old subscription and goes out; what was only read is read again.
        self.settle(env.channels);
        let (handle, current) = match self.subscriptions[index].take() {
            Some(mut old) => {
                let keyed_until = old.keyed_until.max(old.cursor.sequence);
                let untold = old.reset_from.take();
                let current = (Snapshot { start: old.cursor, keyed_until }, old.ephemeral, untold, old.replay_until);
                (old.handle, Some(current))
            }
            None => {
                let tenant = self.identity.party.principal.tenant.clone();
                let key = ChannelKey { tenant, channel: channel.clone() };
                let opened = env.channels.open(&key, retention, slot, by).map_err(|full| {
                    let retry_after_ms = full.retry_after.map_or(0, retry_after_ms);
                    let error = *refuse(PeerCode::Overloaded, full.message, "name");
                    Box::new(proto::Error { retry_after_ms, ..error })
                })?;
                (opened, None)
            }
        };
        let beginning = match (&wanted.after, &current) {
            (Some(after), _) => resume(after, &handle, past, env.channels),
            (None, Some((cursor, ..))) => {
                Beginning { cursor: *cursor, start: cursor.start, recovered: None, reset_from: None }
            }
            (None, None) => {
                let cursor = match past {
                    Past::Allowed => env.channels.snapshot(&handle, history, &filter),
                    Past::Denied => exactly(env.channels.heads(&handle).head),
                };
                Beginning { cursor, start: cursor.start, recovered: None, reset_from: None }
            }
        };
        let heads = env.channels.heads(&handle);
        let filter = (wanted.types.as_slice().into(), filter, audience);
        let mut subscription = Subscription::new(handle, channel, filter, beginning.cursor, heads, retention);
        if let Some((_, ephemeral, untold, replay_until)) = current {
            subscription.ephemeral = ephemeral;
            // What was promised about the old subscription holds for the new one that goes on there.
            if wanted.after.is_none() {
                subscription.reset_from = untold;
                // Nor does what came live become the past because its reader asks again.
                subscription.replay_until = replay_until;
            }
        }
        if let Some(previous) = beginning.reset_from {
            subscription.reset(beginning.cursor, previous);
        }
        // Marked below: it may have been in the queue under its old self already.
        self.queue.retain(|queued| *queued != slot);
        self.subscriptions[index] = Some(subscription);
        let subscribed = ServerFrame::Subscribed(proto::ChannelSubscribed {
            channel: name.into(),
            start: Some(proto_position(beginning.start)),
            head: Some(proto_position(heads.head)),
            recovered: beginning.recovered,
            presence: None,
            metadata: None,
        });
        env.channels.on_told(&self.identity, &subscribed);
        self.tell(&subscribed, id, env.printer);
        self.mark(slot);
        Ok(())
    }

    /// Ends one subscription, or says that there is none.
    pub(super) fn unsubscribe(&mut self, id: Option<&str>, place: Place, name: &str, env: &mut Env<'_, C>) {
        let found = self.subscriptions.iter().position(|subscription| {
            subscription.as_ref().is_some_and(|subscription| subscription.channel.as_str() == name)
        });
        let Some(found) = found else {
            let (code, message) = match check_length(name) {
                Ok(()) => (PeerCode::ChannelNotFound, "this connection has not subscribed to that channel".to_owned()),
                Err(message) => (PeerCode::InvalidMessage, message),
            };
            return self.refuse(refusal(code, message, place.path(""), name), id, env);
        };
        let index = found;
        let slot = slot_of(index);
        self.settle(env.channels);
        self.queue.retain(|queued| *queued != slot);
        if let Some(subscription) = self.subscriptions[index].take() {
            env.channels.close(subscription.handle, slot);
        }
        let unsubscribed = proto::ChannelUnsubscribed { channel: name.into(), reason: "requested".into() };
        self.tell(&ServerFrame::Unsubscribed(unsubscribed), id, env.printer);
    }

    fn free_slot(&mut self, most: u16) -> Option<usize> {
        if let Some(index) = self.subscriptions.iter().position(Option::is_none) {
            return Some(index);
        }
        if self.subscriptions.len() >= usize::from(most) {
            return None;
        }
        if self.subscriptions.len() == self.subscriptions.capacity() {
            // Most connections have two or three: a vector would begin with room for four.
            self.subscriptions.reserve_exact(self.subscriptions.len().div_ceil(2).max(1));
        }
        self.subscriptions.push(None);
        Some(self.subscriptions.len() - 1)
    }
}

/// Where in a client's frame a subscription stands.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) list: &'static str,
    pub(super) index: usize,
}

impl Place {
    fn path(self, field: &str) -> String {
        let Place { list, index } = self;
        if field.is_empty() { format!("{list}[{index}]") } else { format!("{list}[{index}].{field}") }
    }
}

/// Why a channel is refused, with as much of its name as a name may have.
fn refusal(code: PeerCode, message: String, path: String, name: &str) -> proto::Error {
    let most = name.len().min(MAX_CHANNEL_NAME_BYTES);
    let end = (0..=most).rev().find(|end| name.is_char_boundary(*end)).unwrap_or_default();
    let channel = name[..end].to_owned();
    proto::Error { channel, ..peer_error(code, message, path) }
}

/// Whether a name may be a channel's, by its length.
fn check_length(name: &str) -> Result<(), String> {
    match name.len() <= MAX_CHANNEL_NAME_BYTES {
        true => Ok(()),
        false => Err(format!("a channel name of {} bytes exceeds the limit of {MAX_CHANNEL_NAME_BYTES}", name.len())),
    }
}

/// A cursor from which everything is wanted.
fn exactly(start: Position) -> Snapshot {
    Snapshot { start, keyed_until: start.sequence }
}

/// Where a client goes on that comes back with a position.
fn resume<C: Channels>(after: &proto::Position, handle: &C::Handle, past: Past, channels: &mut C) -> Beginning {
    // A text that no bridge has ever sent is as foreign as another bridge's epoch.
    let epoch = after.epoch.parse().unwrap_or(Epoch::FOREIGN);
    let position = Position { epoch, sequence: after.sequence };
    let head = channels.heads(handle).head;
    if past == Past::Denied && position != head {
        // A position that a client names proves nothing: whoever may not have the past goes on with what comes.
        return Beginning {
            cursor: exactly(head),
            start: head,
            recovered: Some(false),
            reset_from: Some(after.clone()),
        };
    }
    match channels.resume(handle, position) {
        Resume::Whole => {
            Beginning { cursor: exactly(position), start: position, recovered: Some(true), reset_from: None }
        }
        // The gap itself is told when the cursor is read, with what is lost by then.
        Resume::Lost { start } => {
            Beginning { cursor: exactly(position), start, recovered: Some(false), reset_from: None }
        }
        Resume::Foreign => {
            let cursor = everything(channels, handle);
            Beginning { cursor, start: cursor.start, recovered: Some(false), reset_from: Some(after.clone()) }
        }
    }
}
