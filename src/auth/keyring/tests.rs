//! Keys come and go, and what cannot be used changes nothing.

use std::time::UNIX_EPOCH;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::*;
use crate::auth::Issuer;

const TOKENS: &str = include_str!("../../../tests/vectors/keys/tokens.json");
const SET: &str = include_str!("../../../tests/vectors/keys/jwks.json");
const ISSUER: &str = "https://id.example";
const COOL_DOWN: Duration = Duration::from_secs(30);

fn settings() -> Settings {
    let url = Some("https://id.example/jwks".to_owned());
    let (name, audiences) = (Some(ISSUER.to_owned()), vec!["rialto".to_owned()]);
    let issuer = Issuer { name, audiences, url, ..Issuer::default() };
    Settings::of(vec![issuer])
}

fn ring() -> (Keyring, Arc<Remote>) {
    let ring = Keyring::new(settings(), COOL_DOWN).unwrap();
    let remote = Arc::clone(&ring.remotes()[0]);
    (ring, remote)
}

fn verified(ring: &Keyring, algorithm: &str) -> Result<String, TokenError> {
    let vectors: Value = serde_json::from_str(TOKENS).unwrap();
    let now = UNIX_EPOCH + Duration::from_secs(vectors["now"].as_u64().unwrap());
    let token = vectors["tokens"][algorithm].as_str().unwrap();
    ring.verify(token, now).map(|principal| principal.user.to_string())
}

/// The set without the keys of this kind.
fn without(kind: &str) -> String {
    let mut set: Value = serde_json::from_str(SET).unwrap();
    set["keys"].as_array_mut().unwrap().retain(|key| key["kty"] != kind);
    set.to_string()
}

#[test]
fn a_set_that_is_given_up_is_awaited_again() {
    let (ring, remote) = ring();
    assert!(!ring.forget(&remote), "there is none");
    ring.fetched(&remote, Ok(SET.to_owned())).unwrap();
    assert!(verified(&ring, "RS256").is_ok() && ring.is_complete());
    assert!(ring.forget(&remote) && !ring.forget(&remote) && !ring.is_complete());
    assert_eq!(verified(&ring, "RS256").unwrap_err().code().number(), 4104);
    ring.fetched(&remote, Ok(SET.to_owned())).unwrap();
    assert!(verified(&ring, "RS256").is_ok());
}

#[test]
fn a_set_that_comes_is_believed_and_a_key_that_goes_is_not() {
    let (ring, remote) = ring();
    assert!(!ring.is_complete());
    let awaited = |has_keys| Err(TokenError::KeyAwaited { issuer: ISSUER.into(), has_keys });
    assert_eq!(verified(&ring, "RS256"), awaited(false));
    assert_eq!(verified(&ring, "RS256").unwrap_err().code().number(), 4104);
    ring.fetched(&remote, Ok(without("EC"))).unwrap();
    assert!(ring.is_complete());
    assert!(verified(&ring, "RS256").is_ok());
    assert_eq!(verified(&ring, "ES256"), awaited(true), "another kind of key may come, too");
    assert!(matches!(verified(&ring, "HS256"), Err(TokenError::Algorithm | TokenError::UnknownKey)), "no secret does");
    for rubbish in [
        Err("it is down".to_owned()),
        Ok(String::new()),
        Ok("{\"keys\":[]}".to_owned()),
        Ok("<html>".to_owned()),
        Ok(json!({"keys": vec![json!({"kty": "RSA"}); 10_000]}).to_string()),
        Ok(json!({"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}).to_string()),
    ] {
        assert!(ring.fetched(&remote, rubbish.clone()).is_err(), "{rubbish:?}");
        assert!(verified(&ring, "RS256").is_ok(), "{rubbish:?}");
    }
    ring.fetched(&remote, Ok(without("RSA"))).unwrap();
    assert_eq!(verified(&ring, "RS256"), awaited(true));
    assert!(verified(&ring, "ES256").is_ok());
}

#[test]
fn what_is_passed_over_in_a_set_is_told_once() {
    let (ring, remote) = ring();
    let mut set: Value = serde_json::from_str(SET).unwrap();
    set["keys"].as_array_mut().unwrap().push(json!({"kty": "new"}));
    assert!(!ring.fetched(&remote, Ok(set.to_string())).unwrap().is_empty());
    assert_eq!(ring.fetched(&remote, Ok(set.to_string())).unwrap(), []);
}

#[test]
fn files_are_taken_beside_what_was_fetched() {
    let (ring, remote) = ring();
    ring.fetched(&remote, Ok(without("EC"))).unwrap();
    let mut with_secret = settings();
    with_secret.issuers[0].keys =
        vec![KeySource::Secret(b"kq8Zt0vLw3Xy7Rb2Nf5Jd9Hs1Gm4Pc6eTu0Ya5Wi3Lo8Zx1CVb6Qe2Mk9Dj4Fr7G".into())];
    ring.reread(with_secret).unwrap();
    assert!(verified(&ring, "HS256").is_ok() && verified(&ring, "RS256").is_ok());
    let mut broken = settings();
    broken.issuers[0].keys = vec![KeySource::Secret(b"short".into())];
    assert!(ring.reread(broken).is_err());
    assert!(verified(&ring, "HS256").is_ok() && verified(&ring, "RS256").is_ok());
    // What could not be used is not tried again with the next set.
    ring.fetched(&remote, Ok(without("RSA"))).unwrap();
    assert!(verified(&ring, "HS256").is_ok() && verified(&ring, "ES256").is_ok());
}

#[test]
fn only_a_token_that_a_key_may_come_for_is_awaited() {
    let (ring, remote) = ring();
    ring.fetched(&remote, Ok(SET.to_owned())).unwrap();
    let vectors: Value = serde_json::from_str(TOKENS).unwrap();
    let now = UNIX_EPOCH + Duration::from_secs(vectors["now"].as_u64().unwrap());
    let claims = vectors["tokens"]["RS256"].as_str().unwrap().split('.').nth(1).unwrap();
    let refused = |header: Value, signature: &str| {
        let token = format!("{}.{claims}.{signature}", URL_SAFE_NO_PAD.encode(header.to_string()));
        ring.verify(&token, now).unwrap_err()
    };
    let awaited = TokenError::KeyAwaited { issuer: ISSUER.into(), has_keys: true };
    assert_eq!(refused(json!({"alg": "RS256", "kid": "new"}), "AAAA"), awaited);
    assert_eq!(refused(json!({"alg": "RS256", "kid": "rsa"}), "AAAA"), TokenError::Signature);
    for header in [json!({"alg": "HS256", "kid": "new"}), json!({"alg": "HS512", "kid": "rsa"})] {
        assert_ne!(refused(header.clone(), "AAAA"), awaited, "no set has secrets: {header}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_key_is_worth_one_fetch_in_a_while() {
    let (ring, remote) = ring();
    ring.fetched(&remote, Ok(SET.to_owned())).unwrap();
    let now = Instant::now();
    let ask = |after: Duration| ring.coming(ISSUER, Duration::from_secs(2), now + after);
    assert!(ring.coming("https://evil.example", Duration::from_secs(2), now).is_none());
    let (first, second) = (ask(Duration::ZERO).unwrap(), ask(Duration::ZERO).unwrap());
    remote.wanted().await;
    ring.fetched(&remote, Err("it is down".to_owned())).unwrap_err();
    let begun = tokio::time::Instant::now();
    first.over().await;
    second.over().await;
    assert_eq!(begun.elapsed(), Duration::ZERO, "they are told at once");
    assert!(ask(COOL_DOWN / 2).is_none());
    remote.begin();
    assert!(ask(COOL_DOWN / 2).is_some(), "one is under way that nobody has asked for");
    ring.fetched(&remote, Err("it is down".to_owned())).unwrap_err();
    let third = ask(COOL_DOWN).unwrap();
    let begun = tokio::time::Instant::now();
    third.over().await;
    assert_eq!(begun.elapsed(), Duration::from_secs(2), "nobody waits for ever");
    let wanted = tokio::time::timeout(Duration::from_millis(1), async {
        remote.wanted().await;
        remote.wanted().await;
    });
    assert!(wanted.await.is_err(), "one wish for one fetch");
}
