//! The session token of a bridge: one secret that whoever has it shows as it is, for a closed door without an issuer.
//!
//! It promises that the token is not kept, only its hash, and that it is compared in constant time.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use super::publishers::TokenHash;
use crate::session::grants::Grants;
use crate::session::principal::{Known, Principal};

/// The user that everybody is who shows the session token. Where there is one no other token may name this user.
pub const SESSION_TOKEN_USER: &str = "session-token";

/// The token that counts now, and who has it.
#[derive(Debug)]
pub struct SessionToken(RwLock<Current>);

#[derive(Debug)]
struct Current {
    hash: TokenHash,
    principal: Arc<Principal>,
}

impl SessionToken {
    /// This token, which counts from now on.
    pub fn new(token: &[u8], now: Instant) -> Self {
        SessionToken(RwLock::new(Current::new(TokenHash::of(token), now)))
    }

    /// Puts another in its place, unless it is the same. One that was revoked stays so.
    pub fn replace(&self, token: &[u8], now: Instant) {
        let hash = TokenHash::of(token);
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if current.hash != hash {
            *current = Current::new(hash, now);
        }
    }

    /// Who shows this. `None`: it is another text.
    pub fn recognise(&self, shown: &str) -> Option<Arc<Principal>> {
        let current = self.0.read().unwrap_or_else(PoisonError::into_inner);
        (current.hash == TokenHash::of(shown.as_bytes())).then(|| Arc::clone(&current.principal))
    }
}

impl Current {
    fn new(hash: TokenHash, now: Instant) -> Self {
        let principal = Principal {
            known: Known::ByToken,
            user: SESSION_TOKEN_USER.into(),
            shared: true,
            since: Some(now),
            grants: Grants::new(["*"]),
            ..Principal::anonymous()
        };
        Current { hash, principal: Arc::new(principal) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_shows_the_token_letter_by_letter_is_known_until_it_is_replaced() {
        let begin = Instant::now();
        let token = SessionToken::new(b"kq8Zt0vLw3Xy7Rb2Nf5Jd9Hs1Gm4Pc6e", begin);
        let who = token.recognise("kq8Zt0vLw3Xy7Rb2Nf5Jd9Hs1Gm4Pc6e").unwrap();
        assert_eq!((who.known, &*who.user, who.expires), (Known::ByToken, SESSION_TOKEN_USER, None));
        assert!(who.grants.allow("anything:at:all") && who.shared && who.tenant.is_default());
        for wrong in ["", "k", "kq8Zt0vLw3Xy7Rb2Nf5Jd9Hs1Gm4Pc6E", "kq8Zt0vLw3Xy7Rb2Nf5Jd9Hs1Gm4Pc6e "] {
            assert!(token.recognise(wrong).is_none(), "{wrong:?}");
        }
        assert!(!format!("{token:?}").contains("kq8Z"));
        let later = begin + std::time::Duration::from_secs(1);
        token.replace(b"kq8Zt0vLw3Xy7Rb2Nf5Jd9Hs1Gm4Pc6e", later);
        let same = token.recognise("kq8Zt0vLw3Xy7Rb2Nf5Jd9Hs1Gm4Pc6e").unwrap();
        assert_eq!(same.since, Some(begin), "the same token again is no new one");
        token.replace(b"another", later);
        assert!(token.recognise("kq8Zt0vLw3Xy7Rb2Nf5Jd9Hs1Gm4Pc6e").is_none() && token.recognise("another").is_some());
    }
}
