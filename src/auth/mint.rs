//! Tokens for development, signed with a shared secret.

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Map, Value};

use super::error::KeyError;
use super::secret;

/// A token with these claims, signed by HS256.
///
/// # Errors
/// The secret is none that a bridge would take.
pub fn mint(claims: &Map<String, Value>, key: &[u8]) -> Result<String, KeyError> {
    secret::check(key)?;
    let token = encode(&Header::new(Algorithm::HS256), claims, &EncodingKey::from_secret(key));
    Ok(token.expect("an object becomes JSON, and a secret of any length signs"))
}
