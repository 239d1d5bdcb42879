//! Whether a client's event may be sent, and who takes it.

use super::Inbound;
use crate::ids::MAX_CHANNEL_NAME_BYTES;
use crate::proto::rialto::v1::Error;
use crate::schema::{EventType, Route, Schema};
use crate::session::access::may_send;
use crate::session::party::Party;
use crate::session::refusal::peer_error;
use crate::status::{Code, PeerCode};

impl Inbound {
    /// Why this client event may not be sent from here, if it may not.
    pub(super) fn denied(
        &self,
        schema: &Schema,
        event: &EventType,
        payload: &[u8],
        channel: Option<&str>,
    ) -> Option<Error> {
        if let Some(name) = channel.filter(|name| schema.channel(name).is_none()) {
            let message = schema.unknown_channel(name).to_string();
            let channel = name.chars().take(MAX_CHANNEL_NAME_BYTES).collect();
            return Some(Error { channel, ..peer_error(PeerCode::ChannelNotFound, message, "channel") });
        }
        let Some(Party { principal, session, .. }) = self.party.as_deref() else {
            return Some(peer_error(PeerCode::PermissionDenied, "nobody has said who is on this connection", ""));
        };
        let denied = may_send(principal, session, schema, event, payload, channel).err()?;
        let channel = denied.channel().unwrap_or_default().to_owned();
        Some(Error { channel, ..peer_error(PeerCode::PermissionDenied, denied.to_string(), "") })
    }
}

/// Why nobody takes this client event: there are no handlers yet, and no way to a channel.
pub(super) fn not_taken(event: &EventType) -> Error {
    let name = &event.name;
    match event.route {
        Some(Route::Handler) => {
            peer_error(PeerCode::HandlerUnavailable, format!("no handler for {name} is connected"), "")
        }
        Some(Route::Channel) | None => Error {
            status: Code::Unimplemented.name().into(),
            reason: "not_built".into(),
            ..peer_error(PeerCode::InvalidMessage, format!("sending {name} to its channels is not built yet"), "type")
        },
    }
}
