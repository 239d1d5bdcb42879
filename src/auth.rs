//! Tokens become principals.
//!
//! An [`Authenticator`] is made once of plain [`Settings`] and never changed; [`Authenticator::verify`] says who a token is
//! about, or why nobody should believe it. It knows no network and no clock: keys come from settings, the time is an
//! argument.
//!
//! # What is believed
//! JSON Web Tokens (RFC 7519) in compact form (RFC 7515), signed with one of an issuer's own keys by an algorithm that this
//! issuer is listed for. Signatures are checked by the `jsonwebtoken` crate; the form, the header and every claim by us,
//! since the library lets through what RFC 7515 and RFC 8725 refuse. Nothing of a token chooses where keys come from: `kid`
//! picks among those that are there, `jku`, `jwk`, `x5u` and `x5c` are not looked at.

mod authenticator;
mod claims;
mod error;
mod jwks;
mod key;
mod keyring;
mod mint;
mod pem;
pub mod publishers;
mod revocations;
mod secret;
mod session_token;
mod settings;
mod strict_json;
mod token;

#[cfg(test)]
mod tests;

pub use authenticator::Authenticator;
pub use claims::{MAX_NAME_BYTES, is_name};
pub use error::{KeyError, SettingsError, TokenError};
pub use jsonwebtoken::Algorithm;
pub use jwks::PassedOver;
pub use keyring::{Coming, Keyring, Remote};
pub use mint::mint;
pub use revocations::{Full, Revocations, Subject};
pub use session_token::{SESSION_TOKEN_USER, SessionToken};
pub use settings::{
    Bounds, ClaimNames, DEFAULT_LEEWAY, DEFAULT_MAX_LIFE, DEFAULT_MAX_TOKEN_BYTES, Issuer, KeySource, Settings,
};
pub use token::Unverified;
