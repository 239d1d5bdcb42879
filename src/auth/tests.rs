//! Tokens of other makers, good and forged, against authenticators of every kind.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{EncodingKey, crypto};
use serde_json::{Value, json};

use super::*;
use crate::session::principal::Principal;

mod accepted;
mod forged;
mod settings;
mod times;

/// Made by Python's `cryptography`: see the README beside it.
const TOKENS: &str = include_str!("../../tests/vectors/keys/tokens.json");
const JWKS: &str = include_str!("../../tests/vectors/keys/jwks.json");
/// When the tokens of the vectors are valid, in seconds.
const NOW: u64 = 1_790_000_000;
const SECRET: &str = "kq8Zt0vLw3Xy7Rb2Nf5Jd9Hs1Gm4Pc6eTu0Ya5Wi3Lo8Zx1CVb6Qe2Mk9Dj4Fr7G";
const ISSUER: &str = "https://id.example";
const AUDIENCE: &str = "rialto";

macro_rules! pem {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/keys/", $name, ".pem"))
    };
}
use pem;

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

/// The token of the vectors that is signed with this algorithm.
fn vector(algorithm: &str) -> String {
    let vectors: Value = serde_json::from_str(TOKENS).unwrap();
    assert_eq!((&vectors["now"], &vectors["secret"]), (&json!(NOW), &json!(SECRET)));
    vectors["tokens"][algorithm].as_str().unwrap_or_else(|| panic!("no token of {algorithm}")).to_owned()
}

fn issuer(keys: Vec<KeySource>) -> Issuer {
    Issuer { name: Some(ISSUER.to_owned()), audiences: vec![AUDIENCE.to_owned()], keys, ..Issuer::default() }
}

fn settings(issuers: Vec<Issuer>) -> Settings {
    Settings::of(issuers)
}

fn authenticator(issuers: Vec<Issuer>) -> Authenticator {
    Authenticator::new(&settings(issuers)).unwrap_or_else(|mistakes| panic!("{mistakes:?}"))
}

fn secret(text: &str) -> KeySource {
    KeySource::Secret(text.into())
}

/// Believes the secret for HS256 to HS512, and the set's keys, of one issuer.
fn usual() -> Authenticator {
    authenticator(vec![issuer(vec![secret(SECRET), KeySource::Jwks(JWKS.to_owned())])])
}

fn claims() -> Value {
    json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "u7", "iat": NOW - 60, "exp": NOW + 600})
}

/// The claims with other members; `null` takes one away.
fn claims_with(changes: Value) -> Value {
    let mut claims = claims();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => _ = claims.as_object_mut().unwrap().remove(name),
            value => claims[name] = value.clone(),
        }
    }
    claims
}

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A token of these texts, whatever they say, with a right signature.
fn signed(header: &str, claims: &str, key: &EncodingKey, algorithm: Algorithm) -> String {
    let message = format!("{}.{}", b64(header), b64(claims));
    let signature = crypto::sign(message.as_bytes(), key, algorithm).unwrap();
    format!("{message}.{signature}")
}

/// A token of these texts, signed with the usual secret.
fn hs256(header: &str, claims: &str) -> String {
    signed(header, claims, &EncodingKey::from_secret(SECRET.as_bytes()), Algorithm::HS256)
}

fn with_claims(claims: &Value) -> String {
    hs256(r#"{"alg":"HS256"}"#, &claims.to_string())
}

fn with_header(header: &str) -> String {
    hs256(header, &claims().to_string())
}

fn verify(token: &str) -> Result<Principal, TokenError> {
    usual().verify(token, at(NOW))
}
