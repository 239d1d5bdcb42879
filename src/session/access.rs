//! What a principal may do with a channel.
//!
//! One pure question, [`may`], asked wherever a channel is named: at a subscribe, on connect, when an event is sent, when a
//! token is refreshed. The schema says what is needed, the token what is granted.
//!
//! Rialto's own channels of a session and a user belong to that session and that user alone: no grant, `*` included, opens
//! those of others.

use crate::ids::SessionId;
use crate::schema::{Audience, ChannelTemplate, EventType, MissingClaim, Schema};

use super::principal::{Known, Principal};

/// What is shown of a permission: more than most have.
const MAX_SHOWN_BYTES: usize = 512;

/// Something that is done with a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Getting its events.
    Subscribe,
    /// Sending client events to it.
    Send,
    /// Seeing who is in it. Needs what subscribing needs, too.
    Presence,
    /// Getting events from before the subscribe. Needs what subscribing needs, too.
    History,
}

impl Use {
    fn verb(self) -> &'static str {
        match self {
            Use::Subscribe => "subscribe to",
            Use::Send => "send to",
            Use::Presence => "see who is in",
            Use::History => "get the history of",
        }
    }
}

/// Why somebody may not: code 4003. The text is for the client, who knows the channel's name already.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The channel is another session's or user's.
    #[error("{channel:?} belongs to another session or user; a connection may {} its own only", .how.verb())]
    NotOwn {
        /// The channel.
        channel: Box<str>,
        /// What was tried.
        how: Use,
    },
    /// It is not known yet who asks.
    #[error("nobody has said who is on this connection, so it may not use {channel:?}")]
    NotKnown {
        /// The channel.
        channel: Box<str>,
    },
    /// The channel is a user's, and there are no users.
    #[error("{channel:?} is a user's channel, and nobody is signed in on this connection")]
    NoUser {
        /// The channel.
        channel: Box<str>,
    },
    /// The token grants something else.
    #[error("to {} {channel:?} a token needs the permission {permission:?}", .how.verb())]
    NotGranted {
        /// The channel.
        channel: Box<str>,
        /// What was tried.
        how: Use,
        /// The permission, filled in.
        permission: Box<str>,
    },
    /// The token has not the claims to ask with.
    #[error("to {} {channel:?}: {missing}", .how.verb())]
    NoClaim {
        /// The channel.
        channel: Box<str>,
        /// What was tried.
        how: Use,
        /// What is missing.
        missing: MissingClaim,
    },
    /// The token does not grant sending events of this type.
    #[error("to send {event} a token needs the permission {permission:?}")]
    NotSendable {
        /// The event's type.
        event: Box<str>,
        /// The permission, filled in.
        permission: Box<str>,
    },
    /// The token has not the claims to ask with for sending events of this type.
    #[error("to send {event}: {missing}")]
    NoClaimToSend {
        /// The event's type.
        event: Box<str>,
        /// What is missing.
        missing: MissingClaim,
    },
}

impl Denied {
    /// The channel that it is about.
    pub fn channel(&self) -> Option<&str> {
        match self {
            Denied::NotOwn { channel, .. }
            | Denied::NoUser { channel }
            | Denied::NotKnown { channel }
            | Denied::NotGranted { channel, .. }
            | Denied::NoClaim { channel, .. } => Some(channel),
            Denied::NotSendable { .. } | Denied::NoClaimToSend { .. } => None,
        }
    }
}

/// Whether this principal, on a connection that is bound to `session`, may do this with `channel`, a name of `template`.
///
/// # Errors
/// It may not.
pub fn may(
    principal: &Principal,
    session: &SessionId,
    how: Use,
    template: &ChannelTemplate,
    channel: &str,
) -> Result<(), Denied> {
    if principal.known == Known::Nobody {
        return Err(Denied::NotKnown { channel: channel.into() });
    }
    if template.own && !template.is_single() {
        return own(principal, session, how, template, channel);
    }
    let stated = &template.permissions;
    let needed = match how {
        Use::Subscribe => [stated.subscribe.as_deref(), None],
        Use::Send => [stated.send.as_deref(), None],
        Use::Presence => [stated.subscribe.as_deref(), stated.presence.as_deref()],
        Use::History => [stated.subscribe.as_deref(), stated.history.as_deref()],
    };
    // There is no token whose claims could be asked for.
    if principal.known == Known::Anonymous {
        return Ok(());
    }
    for text in needed.into_iter().flatten() {
        let claim = |name: &str| claim(principal, session, name);
        let permission = template.fill_permission(text, channel, claim).map_err(|missing| Denied::NoClaim {
            channel: channel.into(),
            how,
            missing,
        })?;
        if !principal.grants.allow(&permission) {
            return Err(Denied::NotGranted { channel: channel.into(), how, permission: shown(permission) });
        }
    }
    Ok(())
}

/// What this principal sees of the fields that ask for permissions, in the events of `channel`, a name of `template`: those
/// permissions that it has. Whoever is nobody, or lacks a claim or a parameter that a permission names, has none of them.
pub fn audience(principal: &Principal, session: &SessionId, template: &ChannelTemplate, channel: &str) -> Audience {
    match principal.known {
        Known::Nobody => Audience::NONE,
        // There is no token that could grant less.
        Known::Anonymous => Audience::ALL,
        Known::ByToken => {
            let claim = |name: &str| claim(principal, session, name);
            let has = |text: &str| {
                let filled = template.fill_permission(text, channel, claim);
                filled.is_ok_and(|permission| principal.grants.allow(&permission))
            };
            let had = template.field_permissions.iter().filter(|(_, text)| has(text));
            had.fold(Audience::NONE, |all, (permission, _)| all.with(*permission))
        }
    }
}

/// Whether this principal may send this client event: what the event itself asks for, and what its channels do, those that
/// it names or else those that its fields name. A channel without a template is not this question's.
///
/// # Errors
/// It may not.
pub fn may_send(
    principal: &Principal,
    session: &SessionId,
    schema: &Schema,
    event: &EventType,
    payload: &[u8],
    named: Option<&str>,
) -> Result<(), Denied> {
    if principal.known != Known::Anonymous {
        let name = || -> Box<str> { (&*event.name).into() };
        let needed = event
            .fill_send_permission(payload, |name| claim(principal, session, name))
            .map_err(|missing| Denied::NoClaimToSend { event: name(), missing })?;
        if let Some(permission) = needed.filter(|needed| !principal.grants.allow(needed)) {
            return Err(Denied::NotSendable { event: name(), permission: shown(permission) });
        }
    }
    let derived = match named {
        Some(_) => Vec::new(),
        // What has no channels reaches nobody.
        None => schema.route(event, payload).unwrap_or_default(),
    };
    for channel in named.into_iter().chain(derived.iter().map(|channel| channel.as_str())) {
        if let Some(template) = schema.channel(channel) {
            may(principal, session, Use::Send, template, channel)?;
        }
    }
    Ok(())
}

/// A permission as an error shows it: with a token's claims in it, it may be as long as a token.
fn shown(permission: String) -> Box<str> {
    if permission.len() <= MAX_SHOWN_BYTES {
        return permission.into();
    }
    let end = (0..=MAX_SHOWN_BYTES).rev().find(|end| permission.is_char_boundary(*end)).unwrap_or_default();
    format!("{}…", &permission[..end]).into()
}

fn claim(principal: &Principal, session: &SessionId, name: &str) -> Option<String> {
    if name == "session" { Some(session.as_str().to_owned()) } else { principal.claim(name) }
}

/// Channels of sessions and users: everybody has its own.
fn own(
    principal: &Principal,
    session: &SessionId,
    how: Use,
    template: &ChannelTemplate,
    channel: &str,
) -> Result<(), Denied> {
    let named =
        |session: &str, user: Option<&str>| template.name_for(session, user).is_some_and(|own| own.as_str() == channel);
    match named(session.as_str(), principal.user_id()) {
        true => Ok(()),
        // A user's channel needs a user, a session's does not.
        false if principal.user_id().is_none() && template.name_for("any", None).is_none() => {
            Err(Denied::NoUser { channel: channel.into() })
        }
        false => Err(Denied::NotOwn { channel: channel.into(), how }),
    }
}

#[cfg(test)]
mod tests;
