//! A set of public keys as JSON (RFC 7517).
//!
//! Keys for other ends, of other kinds or curves are passed over, as RFC 7517, section 5, asks. In a file a key that is broken, too
//! short, a secret or a private one is a mistake of whoever wrote it, and told at once ([`read`]). A set that an issuer serves is
//! nobody's here to mend, and its good keys are needed, so such a key is passed over too, and nothing that it signs is believed
//! ([`read_served`]).

use jsonwebtoken::Algorithm;
use serde_json::{Map, Value};

use super::error::KeyError;
use super::key::{Key, Public, decode};
use super::settings::Bounds;
use super::strict_json;

/// A key of a served set that is not used, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassedOver {
    /// Which one, and why.
    pub why: String,
    /// Whether something is wrong with it; otherwise it is only not for us.
    pub is_wrong: bool,
}

/// Reads a set of ours: at least one key that can be used, and none that is wrong.
pub(super) fn read(text: &str, bounds: Bounds) -> Result<Vec<Key>, KeyError> {
    read_with(text, bounds, |passed| if passed.is_wrong { Err(KeyError::Jwks(passed.why)) } else { Ok(()) })
}

/// Reads a set of somebody else's: at least one key that can be used, and what is passed over.
pub(super) fn read_served(text: &str, bounds: Bounds) -> Result<(Vec<Key>, Vec<PassedOver>), KeyError> {
    let mut passed_over = Vec::new();
    let keys = read_with(text, bounds, |passed| {
        passed_over.push(passed);
        Ok(())
    })?;
    Ok((keys, passed_over))
}

fn read_with(
    text: &str,
    bounds: Bounds,
    mut pass_over: impl FnMut(PassedOver) -> Result<(), KeyError>,
) -> Result<Vec<Key>, KeyError> {
    let wrong = |problem: String| Err(KeyError::Jwks(problem));
    let Bounds { set_bytes, set_keys, .. } = bounds;
    if text.len() > set_bytes {
        return wrong(format!("it has {} bytes, more than the limit of {set_bytes} (jwks-max-bytes)", text.len()));
    }
    let Some(set) = strict_json::object(text.as_bytes()) else {
        let is_json = serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
        let what = match () {
            () if is_json => "it is not one JSON object without duplicates",
            () if text.trim_start().starts_with('<') => "it is not JSON, but looks like a page (HTML)",
            () => "it is not JSON",
        };
        return wrong(what.to_owned());
    };
    let Some(Value::Array(listed)) = set.get("keys") else {
        return wrong("it has no list called keys".to_owned());
    };
    if listed.len() > set_keys {
        return wrong(format!("it has {} keys, more than the limit of {set_keys} (jwks-max-keys)", listed.len()));
    }
    let mut keys: Vec<Key> = Vec::new();
    for (index, entry) in listed.iter().enumerate() {
        let read = match entry {
            Value::Object(entry) => read_one(entry),
            _ => Err("is no object".into()),
        };
        let is_double = |key: &Key| {
            let is_same = |other: &Key| {
                other.id == key.id && other.algorithms().iter().any(|algorithm| key.algorithms().contains(algorithm))
            };
            key.id.is_some() && keys.iter().any(is_same)
        };
        let (problem, is_wrong) = match read {
            Ok(Entry::Key(key)) if is_double(&key) => ("has the kid of another key of its kind".into(), true),
            Ok(Entry::Key(key)) => {
                keys.push(key);
                continue;
            }
            Ok(Entry::Foreign(why)) => (why.into(), false),
            Err(problem) => (problem, true),
        };
        pass_over(PassedOver { why: format!("keys[{index}] {problem}"), is_wrong })?;
    }
    if keys.is_empty() {
        return wrong("it has no key that signatures can be verified with here".to_owned());
    }
    Ok(keys)
}

/// What a set has.
enum Entry {
    Key(Key),
    /// It is not for us.
    Foreign(&'static str),
}

fn read_one(entry: &Map<String, Value>) -> Result<Entry, String> {
    let text = |name: &str| entry.get(name).and_then(Value::as_str);
    if text("kty") == Some("oct") || entry.contains_key("k") {
        return Err("is a secret; a set is public, and a secret is given by jwt-secret-file".to_owned());
    }
    if entry.contains_key("d") {
        return Err("is a private key, which belongs to who signs".to_owned());
    }
    // What says for what a key may be used is not passed over because it cannot be understood.
    let said = |name: &str| match entry.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str())),
        Some(_) => Err(format!("has a member {name:?} that is no text")),
    };
    let is_for_others = said("use")?.is_some_and(|end| end != "sig")
        || entry
            .get("key_ops")
            .is_some_and(|ends| !ends.as_array().is_some_and(|ends| ends.iter().any(|end| end == "verify")));
    if is_for_others {
        return Ok(Entry::Foreign("is for another end than signatures"));
    }
    let only: Option<Algorithm> = match said("alg")?.map(str::parse) {
        None => None,
        Some(Ok(algorithm)) => Some(algorithm),
        Some(Err(_)) => return Ok(Entry::Foreign("is of an algorithm that is not used here")),
    };
    let id = said("kid")?.map(str::to_owned);
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
        (Some(_), _) => return Ok(Entry::Foreign("is of a kind or curve that is not used here")),
        (None, _) => return Err("has no kty".to_owned()),
    };
    let key = key.map_err(|error| format!("cannot be used: {error}"))?.ok_or("is broken")?.named(id, only);
    if key.algorithms().is_empty() {
        return Err("is not of the kind that its alg needs".to_owned());
    }
    Ok(Entry::Key(key))
}
