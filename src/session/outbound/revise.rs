//! What a new revision of the schema, or a new token, means for the subscriptions of a connection.

use std::sync::Arc;

use crate::proto::rialto::v1 as proto;
use crate::schema::Audience;
use crate::wire::ServerFrame;

use super::super::access::{Use, audience, may};
use super::super::party::Party;
use super::{Channels, Env, Outbound, Phase, Subscription, slot_of};

/// The reason of a `channel.unsubscribed` that a new schema is the cause of.
const SCHEMA_CHANGED: &str = "schema_changed";
/// The reason of one that somebody may not have any more.
const PERMISSION_LOST: &str = "permission_lost";

impl<C: Channels> Outbound<C> {
    /// Goes on under the schema that `env` brings. A subscription that it would still accept keeps its cursor and gets its
    /// type patterns compiled anew; another one ends, and the client is told. Returns how many ended.
    pub fn on_schema(&mut self, env: &mut Env<'_, C>) -> usize {
        if matches!(self.phase, Phase::Closing { .. }) {
            return 0;
        }
        self.judge_anew(env)
    }

    /// Goes on as whom a new token is about: what it does not grant ends, and the client hears how long it is good.
    pub(super) fn refresh(&mut self, id: Option<&str>, party: Option<Arc<Party>>, env: &mut Env<'_, C>) {
        if let Some(party) = party {
            self.identity.party = party;
            self.judge_anew(env);
        }
        let refreshed = proto::ConnectionRefreshed {
            permissions: self.identity.party.principal.grants.texts().map(str::to_owned).collect(),
            expires_in_ms: self.identity.party.expires_in_ms(env.now),
        };
        self.tell(&ServerFrame::Refreshed(refreshed), id, env.printer);
    }

    /// Ends the subscriptions that would not be accepted now; the others go on. Returns how many ended.
    fn judge_anew(&mut self, env: &mut Env<'_, C>) -> usize {
        // What was read and not begun goes back to the log: who may see it, and whether, is asked again. A replay whose last part
        // was read is one again.
        self.settle(env.channels);
        let mut ended = 0;
        for index in 0..self.subscriptions.len() {
            let Some(subscription) = &self.subscriptions[index] else { continue };
            let audience = audience_of(subscription, &self.identity.party, env);
            let Some(subscription) = &mut self.subscriptions[index] else { continue };
            subscription.audience = audience;
            if let Err(reason) = goes_on(subscription, &self.identity.party, env) {
                self.end_subscription(index, reason, env);
                ended += 1;
            }
        }
        ended
    }

    /// What was read and not begun has gone back before.
    fn end_subscription(&mut self, index: usize, reason: &str, env: &mut Env<'_, C>) {
        let slot = slot_of(index);
        self.queue.retain(|queued| *queued != slot);
        if let Some(subscription) = self.subscriptions[index].take() {
            let channel = subscription.channel.to_string();
            env.channels.close(subscription.handle, slot);
            let unsubscribed = proto::ChannelUnsubscribed { channel, reason: reason.into() };
            self.tell(&ServerFrame::Unsubscribed(unsubscribed), None, env.printer);
        }
    }
}

/// What a subscription may see of its events now.
fn audience_of<C: Channels>(subscription: &Subscription<C::Handle>, party: &Party, env: &Env<'_, C>) -> Audience {
    let channel = subscription.channel.as_str();
    let template = env.schema.channel(channel);
    template.map_or(Audience::NONE, |template| audience(&party.principal, &party.session, template, channel))
}

/// Whether a subscription goes on, or the reason why not.
fn goes_on<C: Channels>(
    subscription: &mut Subscription<C::Handle>,
    party: &Party,
    env: &Env<'_, C>,
) -> Result<(), &'static str> {
    let channel = subscription.channel.as_str();
    let template = env.schema.channel(channel).ok_or(SCHEMA_CHANGED)?;
    let filter = env.schema.type_filter(&subscription.types).map_err(|_| SCHEMA_CHANGED)?;
    may(&party.principal, &party.session, Use::Subscribe, template, channel).map_err(|_| PERMISSION_LOST)?;
    if subscription.is_replaying() {
        may(&party.principal, &party.session, Use::History, template, channel).map_err(|_| PERMISSION_LOST)?;
    }
    subscription.revise(filter, template.retention);
    Ok(())
}
