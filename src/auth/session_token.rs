//! The session token of a bridge: one secret that whoever has it shows as it is, for a closed door without an issuer.
//!
//! It promises that the token is not kept, only its hash, and that it is compared in constant time.

use std::sync::{Arc, PoisonError, RwLock};

use super::publishers::TokenHash;
use crate::session::grants::Grants;
use crate::session::principal::{Known, Principal};

/// The user that everybody is who shows the session token. Where there is one no other token may name this user.
pub const SESSION_TOKEN_USER: &str = "session-token";

/// The token that counts now, and who has it.
#[derive(Debug)]
pub struct SessionToken {
    hash: RwLock<TokenHash>,
    principal: Arc<Principal>,
}

impl SessionToken {
    /// This token.
    pub fn new(token: &[u8]) -> Self {
        let principal = Principal {
            known: Known::ByToken,
            user: SESSION_TOKEN_USER.into(),
            shared: true,
            grants: Grants::new(["*"]),
            ..Principal::anonymous()
        };
        SessionToken { hash: RwLock::new(TokenHash::of(token)), principal: Arc::new(principal) }
    }

    /// Puts another in its place.
    pub fn replace(&self, token: &[u8]) {
        *self.hash.write().unwrap_or_else(PoisonError::into_inner) = TokenHash::of(token);
    }

    /// Who shows this. `None`: it is another text.
    pub fn recognise(&self, shown: &str) -> Option<Arc<Principal>> {
        let own = *self.hash.read().unwrap_or_else(PoisonError::into_inner);
        (own == TokenHash::of(shown.as_bytes())).then(|| Arc::clone(&self.principal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_shows_the_token_letter_by_letter_is_known_until_it_is_replaced() {
        let token = SessionToken::new(b"kq8Zt0vLw3Xy7Rb2Nf5Jd9Hs1Gm4Pc6e");
        let who = token.recognise("kq8Zt0vLw3Xy7Rb2Nf5Jd9Hs1Gm4Pc6e").unwrap();
        assert_eq!((who.known, &*who.user, who.expires), (Known::ByToken, SESSION_TOKEN_USER, None));
        assert!(who.grants.allow("anything:at:all") && who.shared && who.tenant.is_default());
        for wrong in ["", "k", "kq8Zt0vLw3Xy7Rb2Nf5Jd9Hs1Gm4Pc6E", "kq8Zt0vLw3Xy7Rb2Nf5Jd9Hs1Gm4Pc6e "] {
            assert!(token.recognise(wrong).is_none(), "{wrong:?}");
        }
        assert!(!format!("{token:?}").contains("kq8Z"));
        token.replace(b"another");
        assert!(token.recognise("kq8Zt0vLw3Xy7Rb2Nf5Jd9Hs1Gm4Pc6e").is_none() && token.recognise("another").is_some());
    }
}
