//! What a principal may do with a channel.
//!
//! One pure question, [`may`], asked wherever a channel is named: at a subscribe, on connect, when an event is sent, when a
//! token is refreshed. The schema says what is needed, the token what is granted.
//!
//! Rialto's own channels of a session and a user belong to that session and that user alone: no grant, `*` included, opens
//! those of others.

use crate::ids::SessionId;
use crate::schema::{ChannelTemplate, MissingClaim, unescape};

use super::principal::{Known, Principal};

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
        let claim = |name: &str| match name {
            "session" => Some(session.as_str().to_owned()),
            _ => principal.claim(name),
        };
        let permission = template.fill_permission(text, channel, claim).map_err(|missing| Denied::NoClaim {
            channel: channel.into(),
            how,
            missing,
        })?;
        if !principal.grants.allow(&permission) {
            return Err(Denied::NotGranted { channel: channel.into(), how, permission: permission.into() });
        }
    }
    Ok(())
}

/// Channels of sessions and users: everybody has its own.
fn own(
    principal: &Principal,
    session: &SessionId,
    how: Use,
    template: &ChannelTemplate,
    channel: &str,
) -> Result<(), Denied> {
    let is_own = match principal.known {
        Known::ByToken => is_named(template, channel, session.as_str(), principal.user_id()),
        // Users are names without anybody behind them here, so that their channels can be tried out; sessions are not.
        Known::Anonymous => {
            let user = channel.rsplit(':').next().and_then(unescape);
            is_named(template, channel, session.as_str(), user.as_deref())
        }
    };
    if is_own { Ok(()) } else { Err(Denied::NotOwn { channel: channel.into(), how }) }
}

fn is_named(template: &ChannelTemplate, channel: &str, session: &str, user: Option<&str>) -> bool {
    template.name_for(session, user).is_some_and(|own| own.as_str() == channel)
}

#[cfg(test)]
mod tests;
