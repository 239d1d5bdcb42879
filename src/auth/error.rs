//! Why a token is not believed, and why settings make no authenticator. None of it holds a token's or a key's text.

use std::time::Duration;

use super::key::MIN_RSA_BITS;
use super::secret::MIN_SECRET_BYTES;
use crate::status::PeerCode;

/// Why a token is not believed. The text may be shown to the peer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is not even looked at.
    #[error("the token has {bytes} bytes, more than the limit of {max_bytes}")]
    TooLong {
        /// Its own.
        bytes: usize,
        /// The most.
        max_bytes: usize,
    },
    /// It is no token.
    #[error("the token is not a signed JWT: {0}")]
    Malformed(&'static str),
    /// Its header asks for what is not done here.
    #[error("the token's header {0}")]
    Header(&'static str),
    /// Its algorithm is none, unknown, or not one that its issuer is listed for.
    #[error("the token's algorithm is not accepted")]
    Algorithm,
    /// No key of its issuer has its `kid`, or fits its algorithm.
    #[error("no key of the token's issuer fits it")]
    UnknownKey,
    /// No key of its issuer fits it, and the issuer's set is at a URL, where there may be another by now.
    #[error("{}", if *.has_keys { "no key of the token's issuer fits it" } else { "the keys of the token's issuer could not be fetched yet; try again" })]
    KeyAwaited {
        /// Its `iss`, which is one of our settings.
        issuer: Box<str>,
        /// Whether there are any keys of it.
        has_keys: bool,
    },
    /// Too many keys would have to be tried.
    #[error("the token does not say which of its issuer's keys it is signed with (kid)")]
    NoKeyId,
    /// Nobody whom we trust has signed it.
    #[error("the token's signature is wrong")]
    Signature,
    /// Its `iss` is not trusted here.
    #[error("the token's issuer (iss) is not one of this bridge's: --jwt-issuer, --jwks-url")]
    Issuer,
    /// It has no `iss`, and one is asked for.
    #[error("the token has no issuer (iss), and this bridge asks for one: --jwt-issuer, --jwks-url")]
    NoIssuer,
    /// Its `aud` does not name this bridge.
    #[error("the token's audience (aud) is not this bridge: --jwt-audience")]
    Audience,
    /// It has no `aud`, and one is asked for.
    #[error("the token has no audience (aud), and this bridge asks for one: --jwt-audience")]
    NoAudience,
    /// It has an `aud`, and there is nothing to compare it with.
    #[error("the token has an audience (aud), and this bridge was given none: --jwt-audience")]
    UnaskedAudience,
    /// It is of a tenant that its issuer may not speak for.
    #[error("the token's issuer (iss) may not speak for its tenant")]
    Tenant,
    /// A claim is missing that must be there.
    #[error("the token has no claim {0:?}")]
    Missing(Box<str>),
    /// A claim is not what it must be.
    #[error("the token's claim {claim:?} is not {expected}")]
    Claim {
        /// Its name, from our settings.
        claim: Box<str>,
        /// What it must be.
        expected: &'static str,
    },
    /// Its time is over.
    #[error("the token expired {} s ago", .ago.as_secs())]
    Expired {
        /// Since when.
        ago: Duration,
    },
    /// It is older than a token may become, whatever it says about its end.
    #[error("the token was made more than {} s ago, the longest that one is believed here", .most.as_secs())]
    TooOld {
        /// The longest.
        most: Duration,
    },
    /// Its time has not come: `nbf` or `iat` is ahead.
    #[error("the token is not valid before {} s from now", .wait.as_secs())]
    NotYet {
        /// Until then.
        wait: Duration,
    },
}

impl TokenError {
    /// The code that a browser sees.
    pub fn code(&self) -> PeerCode {
        match self {
            TokenError::Expired { .. } | TokenError::TooOld { .. } => PeerCode::TokenExpired,
            TokenError::KeyAwaited { has_keys: false, .. } => PeerCode::InternalError,
            _ => PeerCode::InvalidToken,
        }
    }
}

/// Why a key cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The secret can be guessed by trying.
    #[error("the secret has {0} bytes; at least {MIN_SECRET_BYTES} are needed: make one with `openssl rand -hex 32`")]
    ShortSecret(usize),
    /// The secret can be guessed by knowing.
    #[error("the secret {0}; make one with `openssl rand -hex 32`")]
    WeakSecret(&'static str),
    /// The PEM is no public key that we know.
    #[error("it is not the PEM of one RSA, P-256, P-384 or Ed25519 public key: {0}")]
    Pem(&'static str),
    /// The RSA key is short.
    #[error("the RSA key has {0} bits; at least {MIN_RSA_BITS} are needed")]
    ShortRsa(usize),
    /// The set is no JWKS, or has what must not be in it.
    #[error("it is not a JWKS of public keys: {0}")]
    Jwks(String),
}

/// Why settings make no authenticator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// There is nothing to verify with.
    #[error("there is no key")]
    NoKey,
    /// Anybody's keys would do.
    #[error("public keys need the issuer (iss) that they are of: others sign with keys of the same service, too")]
    NoIssuer,
    /// Anybody's tokens would do.
    #[error(
        "public keys need the audience (aud) that tokens for this bridge have: the issuer makes some for others, too"
    )]
    NoAudience,
    /// Two issuers have one name.
    #[error("the issuer {0:?} is there twice")]
    RepeatedIssuer(String),
    /// A listed algorithm has no key.
    #[error("no key can be used with the algorithm {algorithm}; the keys that are there are for {}", .fitting.join(", "))]
    IdleAlgorithm {
        /// Its name.
        algorithm: String,
        /// Those that the keys are made for.
        fitting: Vec<String>,
    },
    /// A listed algorithm asks for a longer secret.
    #[error(
        "the algorithm {algorithm} needs a secret of at least {least_bytes} bytes (RFC 7518, section 3.2); make one with `openssl rand -hex 32`"
    )]
    ShortFor {
        /// Its name.
        algorithm: String,
        /// The shortest.
        least_bytes: usize,
    },
    /// A key has no listed algorithm.
    #[error("a key can be used with none of the listed algorithms")]
    IdleKey,
}
