//! Who is on a connection, in which session, and for how long.
//!
//! A session belongs to whoever opened it: with [`bind`] the id that a client asks for is one of its own user's, or the
//! one that its token names. No text that a client chooses leads into the session of somebody else.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use super::principal::{Known, Principal};
use crate::ids::{MAX_CHANNEL_NAME_BYTES, MAX_SESSION_ID_BYTES, SessionId};
use crate::schema::escape;

/// Users up to this size, escaped, stand in their session's ids as they are; others by their hash.
const MAX_PLAIN_USER_BYTES: usize = 64;
/// Before the hash of a user.
const HASHED: char = '~';
/// Between a user and the name of its session. No escaped user has one.
const SEPARATOR: char = ':';

/// Who is at the other end of one connection.
#[derive(Clone, Debug, PartialEq)]
pub struct Party {
    /// Who it is.
    pub principal: Arc<Principal>,
    /// The session that the connection is bound to.
    pub session: SessionId,
    /// When it ends. `None`: never by itself.
    pub ends: Option<Ends>,
}

impl Party {
    /// How long the token is still good, in milliseconds; at least one for a token that ends, as 0 says that none does.
    pub fn expires_in_ms(&self, now: Instant) -> u32 {
        let left = self.ends.map(|ends| ends.token.saturating_duration_since(now).as_millis().max(1));
        left.map_or(0, |left| u32::try_from(left).unwrap_or(u32::MAX))
    }
}

/// When a token ends, by this machine's monotonic clock; and by the other one, where that is earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// The token itself: what its user is told.
    pub token: Instant,
    /// The connection, some grace later: from then on nothing is delivered.
    pub connection: Instant,
    /// The same by the wall clock, which goes on while a machine sleeps.
    pub wall: SystemTime,
}

/// Why a connection cannot be bound to the session that it asks for. The text is for the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BindError {
    /// The token says which session is its own.
    #[error("the token is for another session than the one that session_id asks for")]
    NotOwn,
    /// The token says a session that looks like one of another user's.
    #[error("the token's session has a ':' and is not of its user")]
    Foreign,
    /// There is no room for what makes it the user's own.
    #[error("the session id {0:?} is too long; ask for a shorter one, or for none")]
    TooLong(Box<str>),
}

/// The session of a connection: the one that the token names, or else the one that was asked for or `made`, within those
/// of its user. Where nobody is authenticated sessions have nobody behind them, and are what is asked for.
///
/// # Errors
/// It asks for a session that is not its own, or that cannot be named.
pub fn bind(principal: &Principal, asked: Option<&SessionId>, made: &SessionId) -> Result<SessionId, BindError> {
    if let Some(own) = &principal.session {
        if asked.is_some_and(|asked| asked != own) {
            return Err(BindError::NotOwn);
        }
        // Nor does it name a session that another user was given.
        let is_foreign = own.as_str().split_once(SEPARATOR).is_some_and(|(user, _)| user != scope_of(&principal.user));
        return if is_foreign { Err(BindError::Foreign) } else { fitting(own.clone()) };
    }
    let name = asked.unwrap_or(made);
    if principal.known != Known::ByToken {
        return Ok(name.clone());
    }
    let scope = scope_of(&principal.user);
    // Who comes back names the session as it was told, with the user before it.
    let scoped = match name.as_str().split_once(SEPARATOR) {
        Some((user, _)) if user == scope => name.clone(),
        _ => SessionId::new(format!("{scope}{SEPARATOR}{name}")),
    };
    fitting(scoped)
}

/// A session whose channel has a name, and that a client can ask for when it comes back.
fn fitting(session: SessionId) -> Result<SessionId, BindError> {
    let name_bytes = "session:".len() + escape(session.as_str()).len();
    if session.as_str().len() > MAX_SESSION_ID_BYTES || name_bytes > MAX_CHANNEL_NAME_BYTES {
        return Err(BindError::TooLong(session.as_str().into()));
    }
    Ok(session)
}

/// What stands for a user in the ids of its sessions: of two users never the same, and without a separator.
fn scope_of(user: &str) -> String {
    let plain = escape(user).into_owned();
    if plain.len() <= MAX_PLAIN_USER_BYTES && !plain.starts_with(HASHED) {
        return plain;
    }
    format!("{HASHED}{}", URL_SAFE_NO_PAD.encode(Sha256::digest(user)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn user(user: &str) -> Principal {
        Principal { known: Known::ByToken, user: user.into(), ..Principal::anonymous() }
    }

    fn bound(principal: &Principal, asked: &str) -> Result<String, BindError> {
        let asked = Some(SessionId::from(asked)).filter(|asked| !asked.as_str().is_empty());
        bind(principal, asked.as_ref(), &SessionId::from("made")).map(|session| session.to_string())
    }

    #[test]
    fn a_session_is_the_users_own_whatever_is_asked_for() {
        let long = "x".repeat(100);
        let hashed = format!("~{}", URL_SAFE_NO_PAD.encode(Sha256::digest(&long)));
        let table = [
            ("u7", "", "u7:made"),
            ("u7", "t1", "u7:t1"),
            ("u7", "u7:t1", "u7:t1"),
            ("u7", "u8:t1", "u7:u8:t1"),
            ("u7", "u7", "u7:u7"),
            ("u7", ":", "u7::"),
            ("a:b", "c", "a%3Ab:c"),
            ("a", "b:c", "a:b:c"),
            ("a", "a%3Ab:c", "a:a%3Ab:c"),
        ];
        for (who, asked, expected) in table {
            assert_eq!(bound(&user(who), asked).as_deref(), Ok(expected), "{who} asks for {asked}");
        }
        assert_eq!(bound(&user(&long), "t1"), Ok(format!("{hashed}:t1")));
        assert_ne!(bound(&user(&hashed), "t1"), bound(&user(&long), "t1"), "nobody is called like another's hash");
        assert!(matches!(bound(&user("u7"), &"x".repeat(126)), Err(BindError::TooLong(_))));
        assert!(matches!(bound(&user("u7"), &":".repeat(90)), Err(BindError::TooLong(_))));
        assert!(bound(&user(&":".repeat(21)), "").is_ok(), "what the bridge makes always fits");
    }

    #[test]
    fn a_token_with_a_session_has_that_one_alone() {
        let own = Principal { session: Some("s1".into()), ..user("u7") };
        assert_eq!(bound(&own, "").as_deref(), Ok("s1"));
        assert_eq!(bound(&own, "s1").as_deref(), Ok("s1"));
        assert_eq!(bound(&own, "s2"), Err(BindError::NotOwn));
        assert_eq!(bound(&own, "u7:s1"), Err(BindError::NotOwn));
        let named = |session: &str| bound(&Principal { session: Some(session.into()), ..user("u7") }, "");
        assert_eq!((named("u8:t1"), named("u7:t1").as_deref()), (Err(BindError::Foreign), Ok("u7:t1")));
        assert_eq!(bound(&Principal::anonymous(), "s2").as_deref(), Ok("s2"));
        assert_eq!(bound(&Principal::anonymous(), "").as_deref(), Ok("made"));
    }

    proptest! {
        #[test]
        fn no_two_users_share_a_session(one in "[ab:%~]{1,4}", other in "[ab:%~]{1,4}", asked in "[ab:%~]{0,9}", too in "[ab:%~]{0,9}") {
            let (left, right) = (bound(&user(&one), &asked), bound(&user(&other), &too));
            prop_assert!(left.is_ok());
            prop_assert!(one == other || left != right);
            prop_assert_eq!(bound(&user(&one), left.as_deref().unwrap_or("")), left.clone(), "it can come back");
        }
    }
}
