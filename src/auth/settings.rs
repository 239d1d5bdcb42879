//! What an authenticator is made of: plain values, read by somebody else.

use std::fmt;
use std::time::Duration;

use jsonwebtoken::Algorithm;

use super::error::KeyError;
use super::key::Key;
use super::{jwks, pem};
use crate::ids::Tenant;

/// How far clocks may differ. Default 30 s.
pub const DEFAULT_LEEWAY: Duration = Duration::from_secs(30);
/// The longest that one token is believed, unless said otherwise.
pub const DEFAULT_MAX_LIFE: Duration = Duration::from_secs(24 * 3_600);
/// The longest token unless said otherwise: what fits into a request's headers beside everything else.
pub const DEFAULT_MAX_TOKEN_BYTES: usize = 8 << 10;

/// Everything about whom to believe.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whose tokens are believed: each with its own keys, which verify no other's.
    pub issuers: Vec<Issuer>,
    /// Which claims say what.
    pub claims: ClaimNames,
    /// How far clocks may differ.
    pub leeway: Duration,
    /// The longest that one token is believed: from its `iat`, or from when it is shown where it has none.
    pub max_life: Duration,
    /// How large tokens and sets of keys may be.
    pub bounds: Bounds,
}

impl Settings {
    /// Tokens of these issuers, and nothing said of everything else.
    pub fn of(issuers: Vec<Issuer>) -> Self {
        Settings {
            issuers,
            claims: ClaimNames::default(),
            leeway: DEFAULT_LEEWAY,
            max_life: DEFAULT_MAX_LIFE,
            bounds: Bounds::default(),
        }
    }
}

/// How large what is read may be, before anything in it is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of a token. Default 8 KiB.
    pub token_bytes: usize,
    /// Bytes of a JWKS. Default 256 KiB.
    pub set_bytes: usize,
    /// Keys of a JWKS. Default 100.
    pub set_keys: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds { token_bytes: DEFAULT_MAX_TOKEN_BYTES, set_bytes: 256 << 10, set_keys: 100 }
    }
}

/// Somebody who makes tokens.
#[derive(Clone, Debug, Default)]
pub struct Issuer {
    /// Its `iss`, compared as it is. `None`: tokens of any other issuer or without one; only with secrets.
    pub name: Option<String>,
    /// What `aud` must name one of. Empty: tokens with an `aud` are refused; only with secrets.
    pub audiences: Vec<String>,
    /// What may be signed with. Empty: what the keys are made for.
    pub algorithms: Vec<Algorithm>,
    /// Its keys.
    pub keys: Vec<KeySource>,
    /// The tenants that it may speak for. `None`: every one.
    pub tenants: Option<Vec<Tenant>>,
    /// Where it serves a set of further keys, which somebody fetches: until then it may have none.
    pub url: Option<String>,
}

/// Where keys come from.
#[derive(Clone)]
pub enum KeySource {
    /// A shared secret, for HS256, HS384 and HS512.
    Secret(Vec<u8>),
    /// The PEM of one public key.
    Pem(String),
    /// The JSON of a JWKS (RFC 7517) of ours.
    Jwks(String),
    /// The JSON of a JWKS that its issuer serves: what cannot be used in it is passed over.
    Served(String),
}

impl KeySource {
    /// Says why it is no key.
    ///
    /// # Errors
    /// It cannot be used, whatever else is set.
    pub fn check(&self, bounds: Bounds) -> Result<(), KeyError> {
        self.read(bounds).map(|_| ())
    }

    /// The keys that it is: at least one.
    pub(super) fn read(&self, bounds: Bounds) -> Result<Vec<Key>, KeyError> {
        match self {
            KeySource::Secret(secret) => Key::from_secret(secret).map(|key| vec![key]),
            KeySource::Pem(text) => pem::read(text).map(|key| vec![key]),
            KeySource::Jwks(text) => jwks::read(text, bounds),
            KeySource::Served(text) => jwks::read_served(text, bounds).map(|(keys, _)| keys),
        }
    }
}

/// A secret is never printed.
impl fmt::Debug for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            KeySource::Secret(_) => "Secret(..)",
            KeySource::Pem(_) => "Pem(..)",
            KeySource::Jwks(_) => "Jwks(..)",
            KeySource::Served(_) => "Served(..)",
        })
    }
}

/// Which claims say what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimNames {
    /// Whose channels it sees, a text. Default `tenant`. Without that claim: the tenant without a name.
    pub tenant: String,
    /// The session that it is bound to, a text. Default `sid`.
    pub session: String,
    /// What it grants, a list of texts or one text with spaces. `None`: `permissions`, or else `scope`.
    pub permissions: Option<String>,
}

impl Default for ClaimNames {
    fn default() -> Self {
        ClaimNames { tenant: "tenant".to_owned(), session: "sid".to_owned(), permissions: None }
    }
}
