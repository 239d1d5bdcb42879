//! What a publisher shows: a bearer token, of which only the hash is kept, and the names of its client certificate.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use sha2::{Digest as _, Sha256};

/// The SHA-256 of a token.
#[derive(Clone, Copy)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The hash of this token.
    pub fn of(token: &[u8]) -> Self {
        TokenHash(Sha256::digest(token).into())
    }

    /// The hash that these 64 hexadecimal digits say.
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(TokenHash(bytes))
    }
}

/// In constant time.
impl PartialEq for TokenHash {
    fn eq(&self, other: &Self) -> bool {
        verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

impl Eq for TokenHash {}

/// As a file has it.
impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(..)")
    }
}

/// What a call shows of who makes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Credential {
    /// The hash of its bearer token.
    pub token: Option<TokenHash>,
    /// The names of its verified client certificate.
    pub certificate: Option<Arc<[Box<str>]>>,
}

/// Why the `authorization` of a call is not a bearer token. The text is for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BearerError {
    /// There are several.
    #[error("authorization is there more than once; send one")]
    Repeated,
    /// It is something else.
    #[error("authorization is not \"Bearer\" and a token of visible ASCII characters")]
    NotBearer,
}

/// The token of `authorization: Bearer` (RFC 6750, section 2.1). Other schemes have no business on an internal port, so they are
/// not passed over, as they are on the browsers' port, where they are a proxy's: two readers, on purpose.
///
/// # Errors
/// There is an `authorization` that is not one bearer token.
pub fn bearer(headers: &HeaderMap) -> Result<Option<&str>, BearerError> {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let Some(header) = all.next() else { return Ok(None) };
    if all.next().is_some() {
        return Err(BearerError::Repeated);
    }
    let token = header.to_str().ok().and_then(|text| {
        let (scheme, token) = text.trim().split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    let is_token = |token: &&str| !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    token.filter(is_token).map(Some).ok_or(BearerError::NotBearer)
}
