//! A set of public keys as JSON (RFC 7517).
//!
//! Keys for other ends, of other kinds or curves are passed over, as RFC 7517, section 5, asks. What must never be in a public
//! set is refused: secrets and private keys.

use jsonwebtoken::Algorithm;
use serde_json::{Map, Value};

use super::error::KeyError;
use super::key::{Key, Public, decode};
use super::strict_json;

/// The longest set.
const MAX_SET_BYTES: usize = 256 * 1024;
/// The most keys in a set.
const MAX_KEYS: usize = 100;

/// Reads a set: at least one key that can be used.
pub(super) fn read(text: &str) -> Result<Vec<Key>, KeyError> {
    let wrong = |problem: String| Err(KeyError::Jwks(problem));
    if text.len() > MAX_SET_BYTES {
        return wrong(format!("it has {} bytes, more than the limit of {MAX_SET_BYTES}", text.len()));
    }
    let Some(set) = strict_json::object(text.as_bytes()) else {
        return wrong("it is not one JSON object without duplicates".to_owned());
    };
    let Some(Value::Array(listed)) = set.get("keys") else {
        return wrong("it has no list called keys".to_owned());
    };
    if listed.len() > MAX_KEYS {
        return wrong(format!("it has {} keys, more than the limit of {MAX_KEYS}", listed.len()));
    }
    let mut keys: Vec<Key> = Vec::new();
    for (index, entry) in listed.iter().enumerate() {
        let Value::Object(entry) = entry else { return wrong(format!("keys[{index}] is no object")) };
        let Some(key) = read_one(entry).map_err(|problem| KeyError::Jwks(format!("keys[{index}] {problem}")))? else {
            continue;
        };
        let is_double = |other: &Key| {
            other.id == key.id && other.algorithms().iter().any(|algorithm| key.algorithms().contains(algorithm))
        };
        if key.id.is_some() && keys.iter().any(is_double) {
            return wrong(format!("keys[{index}] has the kid of another key of its kind"));
        }
        keys.push(key);
    }
    if keys.is_empty() {
        return wrong("it has no key that signatures can be verified with here".to_owned());
    }
    Ok(keys)
}

/// `Ok(None)`: a key that is not for us.
fn read_one(entry: &Map<String, Value>) -> Result<Option<Key>, String> {
    let text = |name: &str| entry.get(name).and_then(Value::as_str);
    if text("kty") == Some("oct") || entry.contains_key("k") {
        return Err("is a secret; a set is public, and a secret is given by jwt-secret-file".to_owned());
    }
    if entry.contains_key("d") {
        return Err("is a private key, which belongs to who signs".to_owned());
    }
    let is_for_others = text("use").is_some_and(|end| end != "sig")
        || entry
            .get("key_ops")
            .is_some_and(|ends| !ends.as_array().is_some_and(|ends| ends.iter().any(|end| end == "verify")));
    if is_for_others {
        return Ok(None);
    }
    let only: Option<Algorithm> = match text("alg").map(str::parse) {
        None => None,
        Some(Ok(algorithm)) => Some(algorithm),
        Some(Err(_)) => return Ok(None),
    };
    let id = match entry.get("kid") {
        None => None,
        Some(Value::String(id)) => Some(id.clone()),
        Some(_) => return Err("has a kid that is no text".to_owned()),
    };
    let number = |name: &str| text(name).and_then(decode).ok_or_else(|| format!("has no {name} in base64url"));
    let key = match (text("kty"), text("crv")) {
        (Some("RSA"), _) => {
            let (modulus, exponent) = (number("n")?, number("e")?);
            Key::from_public(&Public::Rsa { modulus: &modulus, exponent: &exponent })
        }
        (Some("EC"), Some(curve @ ("P-256" | "P-384"))) => {
            let size = if curve == "P-256" { 32 } else { 48 };
            let (x, y) = (number("x")?, number("y")?);
            if (x.len(), y.len()) != (size, size) {
                return Err(format!("is no point of {curve}"));
            }
            Key::from_public(&Public::Ec { point: &[&[4], &x[..], &y[..]].concat() })
        }
        (Some("OKP"), Some("Ed25519")) => Key::from_public(&Public::Ed { point: &number("x")? }),
        (Some(_), _) => return Ok(None),
        (None, _) => return Err("has no kty".to_owned()),
    };
    let key = key.map_err(|error| format!("cannot be used: {error}"))?.ok_or("is broken")?.named(id, only);
    if key.algorithms().is_empty() {
        return Err("is not of the kind that its alg needs".to_owned());
    }
    Ok(Some(key))
}
