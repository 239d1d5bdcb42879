//! What a new revision of the schema means for the subscriptions of a connection.

use crate::proto::rialto::v1 as proto;
use crate::wire::ServerFrame;

use super::{Channels, Env, Outbound, Phase, Subscription, slot_of};

/// The reason of a `channel.unsubscribed` that a new schema is the cause of.
const SCHEMA_CHANGED: &str = "schema_changed";

impl<C: Channels> Outbound<C> {
    /// Goes on under the schema that `env` brings. A subscription that it would still accept keeps its cursor and gets its
    /// type patterns compiled anew; another one ends, and the client is told. Returns how many ended.
    pub fn on_schema(&mut self, env: &mut Env<'_, C>) -> usize {
        let mut ended = 0;
        if matches!(self.phase, Phase::Closing { .. }) {
            return ended;
        }
        for index in 0..self.subscriptions.len() {
            let Some(subscription) = &mut self.subscriptions[index] else { continue };
            if !goes_on(subscription, env) {
                self.end_subscription(index, env);
                ended += 1;
            }
        }
        ended
    }

    fn end_subscription(&mut self, index: usize, env: &mut Env<'_, C>) {
        let slot = slot_of(index);
        self.settle(env.channels);
        self.queue.retain(|queued| *queued != slot);
        if let Some(subscription) = self.subscriptions[index].take() {
            let channel = subscription.channel.to_string();
            env.channels.close(subscription.handle, slot);
            let unsubscribed = proto::ChannelUnsubscribed { channel, reason: SCHEMA_CHANGED.into() };
            self.tell(&ServerFrame::Unsubscribed(unsubscribed), None, env.printer);
        }
    }
}

fn goes_on<C: Channels>(subscription: &mut Subscription<C::Handle>, env: &Env<'_, C>) -> bool {
    let Some(template) = env.schema.channel(subscription.channel.as_str()) else { return false };
    let Ok(filter) = env.schema.type_filter(&subscription.types) else { return false };
    subscription.revise(filter, template.retention);
    true
}
