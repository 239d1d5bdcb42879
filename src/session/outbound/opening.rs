//! Opening a connection: its ack, and what the bridge subscribes by itself.

use std::sync::Arc;

use crate::proto::rialto::v1 as proto;
use crate::schema::escape;
use crate::status::PeerCode;
use crate::wire::ServerFrame;

use super::super::access::{Use, may};
use super::super::party::Party;
use super::{Channels, Env, Outbound, Phase, Place, Wanted};

/// As much of a client's own name as the log has.
const MAX_CLIENT_CHARS: usize = 128;

/// The name of a session's channel.
pub fn session_channel(session_id: &str) -> String {
    format!("session:{}", escape(session_id))
}

impl<C: Channels> Outbound<C> {
    /// Acks the connection and subscribes what is subscribed on connect.
    pub(super) fn open(&mut self, id: Option<&str>, init: &proto::ConnectionInit, env: &mut Env<'_, C>) {
        if !matches!(self.phase, Phase::AwaitingInit) {
            return;
        }
        let limits = env.limits;
        let foreign = !init.fingerprint.is_empty() && init.fingerprint != env.schema.fingerprint();
        if foreign && limits.schema_policy == proto::SchemaPolicy::Refuse {
            return self.close_with(PeerCode::SchemaRefused, "", env);
        }
        self.phase = Phase::Open;
        if !init.client_id.is_empty() {
            let client: String = init.client_id.chars().take(MAX_CLIENT_CHARS).collect();
            let client = client.as_str();
            tracing::debug!(connection = %self.identity.connection, client, "connection initialised");
        }
        let party = Arc::clone(&self.identity.party);
        let Party { principal, session, .. } = &*party;
        let ack = proto::ConnectionAck {
            connection_id: self.identity.connection.to_string(),
            session_id: session.to_string(),
            user_id: principal.user_id().unwrap_or_default().to_owned(),
            permissions: principal.grants.texts().map(str::to_owned).collect(),
            limits: Some(proto::Limits {
                max_message_bytes: limits.max_message_bytes,
                max_subscriptions: u32::from(limits.max_subscriptions),
                commands_per_second: limits.commands_per_second,
                commands_burst: limits.commands_burst,
            }),
            heartbeat_ms: u32::try_from(limits.timings.heartbeat.as_millis()).unwrap_or(u32::MAX),
            capabilities: Vec::new(),
            fingerprint: env.schema.fingerprint().into(),
            schema_policy: limits.schema_policy.into(),
            node: self.identity.node.to_string(),
            expires_in_ms: party.expires_in_ms(env.now),
        };
        self.tell(&ServerFrame::Ack(ack), id, env.printer);
        for channel in env.schema.on_connect(session.as_str(), principal.user_id()) {
            let template = env.schema.channel(channel.as_str());
            let is_allowed = |template: &Arc<_>| may(principal, session, Use::Subscribe, template, channel.as_str());
            if template.is_none_or(|template| is_allowed(template).is_err()) {
                continue;
            }
            let resume = init.resume.iter().position(|resume| resume.name == channel.as_str());
            let (index, wanted) = match resume {
                Some(index) => (index, init.resume[index].clone()),
                None => (0, proto::Subscription { name: channel.to_string(), ..Default::default() }),
            };
            let place = Place { list: "data.resume", index };
            if let Err(error) = self.try_subscribe(None, place, &wanted, Wanted::OnConnect, env) {
                self.refuse(*error, None, env);
            }
        }
    }
}
