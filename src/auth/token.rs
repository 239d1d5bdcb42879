//! The form of a token: three parts, a header that asks for nothing unusual, claims that are one object.
//!
//! What is read here is not believed yet.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use serde_json::{Map, Value};

use super::error::TokenError;
use super::strict_json;

/// The longest `kid`.
const MAX_KEY_ID_BYTES: usize = 256;
/// Kinds of token (`typ`) that say who somebody is: RFC 7519 and RFC 9068. Others are made for other ends, as log-outs and
/// proofs of possession, and RFC 8725, section 3.11, wants them kept apart.
const KINDS: [&str; 2] = ["jwt", "at+jwt"];
/// What a header may have that would change how the token is to be read: RFC 7515 and RFC 7797, RFC 7516.
const UNUSUAL: [(&str, &str); 5] = [
    ("crit", "has extensions that must be understood (crit), and none is"),
    ("b64", "says that the claims are not encoded (b64)"),
    ("zip", "says that the claims are compressed (zip)"),
    ("enc", "says that the claims are encrypted (enc)"),
    ("cty", "says that there is another token inside (cty)"),
];

/// A token as it is written, which proves nothing.
#[derive(Debug)]
pub struct Unverified<'a> {
    /// Its header.
    pub header: Map<String, Value>,
    /// Its claims.
    pub claims: Map<String, Value>,
    /// What is signed.
    pub(super) message: &'a str,
    /// The signature, encoded.
    pub(super) signature: &'a str,
}

impl<'a> Unverified<'a> {
    /// Takes a token of so many bytes at most apart.
    ///
    /// # Errors
    /// It is too long, or not three parts of canonical base64url with a JSON object in the first two.
    pub fn read(token: &'a str, max_bytes: usize) -> Result<Unverified<'a>, TokenError> {
        if token.len() > max_bytes {
            return Err(TokenError::TooLong { bytes: token.len(), max_bytes });
        }
        let parts: Vec<&str> = token.splitn(4, '.').collect();
        let [header, claims, signature] = parts[..] else {
            return Err(TokenError::Malformed("it has not three parts joined by dots"));
        };
        if signature.is_empty() {
            return Err(TokenError::Malformed("it is not signed"));
        }
        // The engine refuses padding, other alphabets, white space and bits that stand for nothing: one token, one text.
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part);
        let [Ok(header), Ok(claims), Ok(_)] = [decode(header), decode(claims), decode(signature)] else {
            return Err(TokenError::Malformed("a part is not base64url as RFC 7515 writes it"));
        };
        let header = strict_json::object(&header)
            .ok_or(TokenError::Malformed("its header is not one JSON object without duplicates"))?;
        let claims = strict_json::object(&claims)
            .ok_or(TokenError::Malformed("its claims are not one JSON object without duplicates"))?;
        let message = &token[..token.len() - signature.len() - 1];
        Ok(Unverified { header, claims, message, signature })
    }

    /// The algorithm and the `kid` of a header that asks for nothing unusual.
    pub(super) fn algorithm_and_key(&self) -> Result<(Algorithm, Option<&str>), TokenError> {
        if let Some((_, problem)) = UNUSUAL.iter().find(|(name, _)| self.header.contains_key(*name)) {
            return Err(TokenError::Header(problem));
        }
        match self.header.get("typ") {
            None => {}
            Some(Value::String(kind)) => {
                let kind = kind.to_ascii_lowercase();
                if !KINDS.contains(&kind.strip_prefix("application/").unwrap_or(&kind)) {
                    return Err(TokenError::Header("says that it is another kind of token (typ) than JWT or at+jwt"));
                }
            }
            Some(_) => return Err(TokenError::Header("has a typ that is no text")),
        }
        let key_id = match self.header.get("kid") {
            None => None,
            Some(Value::String(key_id)) if !key_id.is_empty() && key_id.len() <= MAX_KEY_ID_BYTES => Some(&**key_id),
            Some(_) => return Err(TokenError::Header("has a kid that is no text, empty or too long")),
        };
        let algorithm = self.header.get("alg").and_then(Value::as_str).and_then(|name| name.parse().ok());
        Ok((algorithm.ok_or(TokenError::Algorithm)?, key_id))
    }
}
