//! Issuers that serve their keys: rotation, rubbish, silence, floods.

use std::time::Duration;

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rialto::config::{Config, JwksUrl};
use serde_json::{Value, json};
use tokio::net::TcpStream;

use self::server::{Answer, Issuer};
use super::{JSON, now};
use crate::harness::{Bridge, Client, within};
use crate::metrics::expect;

mod server;
mod sets;

const SET: &str = include_str!("../../vectors/keys/jwks.json");
const NAME: &str = "https://id.example";
const FETCHED: &str = r#"rialto_key_fetches_total{result="fetched"}"#;
const FAILED: &str = r#"rialto_key_fetches_total{result="failed"}"#;

/// The keys of these names.
fn set(names: &[&str]) -> Answer {
    Answer::Set(text_of(names))
}

fn text_of(names: &[&str]) -> String {
    let mut set: Value = serde_json::from_str(SET).expect("JSON");
    set["keys"].as_array_mut().expect("keys").retain(|key| names.iter().any(|name| key["kid"] == *name));
    set.to_string()
}

/// A token of this issuer, signed with the P-256 or the RSA key under this name.
fn signed(issuer: &str, key: &str, name: &str) -> String {
    let claims = json!({"iss": issuer, "aud": "rialto", "sub": "ann", "exp": now() + 600, "iat": now() - 5});
    let (algorithm, key) = match key {
        "p256" => (Algorithm::ES256, EncodingKey::from_ec_pem(include_bytes!("../../vectors/keys/p256.pem"))),
        _ => (Algorithm::RS256, EncodingKey::from_rsa_pem(include_bytes!("../../vectors/keys/rsa.pem"))),
    };
    let header = Header { kid: Some(name.to_owned()), ..Header::new(algorithm) };
    encode(&header, &claims, &key.expect("a key")).expect("a token")
}

fn ann(key: &str) -> String {
    signed(NAME, key, key)
}

async fn bridge(issuer: &Issuer, change: impl FnOnce(&mut Config)) -> Bridge {
    Bridge::with(|config| {
        config.identity.jwks_urls = vec![JwksUrl { issuer: None, url: issuer.url.clone() }];
        config.identity.jwks_ca = Some(issuer.authority.clone());
        config.identity.issuer = Some(NAME.to_owned());
        config.identity.audiences = vec!["rialto".to_owned()];
        change(config);
    })
    .await
}

/// 0, or the status of the refusal.
async fn upgrade(bridge: &Bridge, token: &str) -> u16 {
    let address = bridge.addresses.listen;
    let stream = within("the TCP connection", TcpStream::connect(address)).await.expect("the port is open");
    let header = format!("Bearer {token}");
    Client::ask(stream, address, "", &[("authorization", &header)]).await.map_or_else(|(status, _)| status, |_| 0)
}

/// 0, or the close code.
async fn init(bridge: &Bridge, token: &str) -> u16 {
    let address = bridge.addresses.listen;
    let mut client = Client::open(address, "", Some(JSON.1)).await;
    client.send(json!({"type": "connection.init", "data": {"token": token}})).await;
    // What came behind it waits for it.
    client.send(json!({"type": "connection.heartbeat", "id": "h", "data": {}})).await;
    loop {
        match client.heard().await {
            crate::harness::Heard::Frame(frame) if frame["replyTo"] == "h" => return 0,
            crate::harness::Heard::Frame(_) => {}
            crate::harness::Heard::Closed(close) => return close.map_or(1, |close| close.code.into()),
            other => panic!("{other:?}"),
        }
    }
}

/// Tries until it is answered so.
async fn until(bridge: &Bridge, token: &str, expected: u16) {
    within("another answer", async {
        let mut pause = tokio::time::interval(Duration::from_millis(10));
        while upgrade(bridge, token).await != expected {
            pause.tick().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_added_used_and_removed_and_no_good_token_is_refused() {
    let issuer = Issuer::start(set(&["rsa"])).await;
    let bridge = bridge(&issuer, |config| {
        config.limits.jwks_refresh = Duration::from_millis(300);
        config.limits.jwks_cooldown = Duration::from_millis(1);
    })
    .await;
    let (old, new) = (ann("rsa"), ann("p256"));
    let (mut tries, mut refused) = (0, 0);
    let mut load = async |token: &str, rounds: usize| {
        for _ in 0..rounds {
            tries += 2;
            refused += usize::from(upgrade(&bridge, token).await != 0) + usize::from(init(&bridge, token).await != 0);
        }
    };
    load(&old, 10).await;
    assert_eq!(upgrade(&bridge, &new).await, 401);
    // The issuer uses its new key the moment it has it.
    issuer.answer(set(&["rsa", "p256"]));
    load(&new, 10).await;
    load(&old, 10).await;
    issuer.answer(set(&["p256"]));
    until(&bridge, &old, 401).await;
    load(&new, 10).await;
    assert_eq!((tries, refused), (80, 0));
    assert_eq!(init(&bridge, &old).await, 4001);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_an_issuer_answers_the_keys_that_are_there_stay() {
    let issuer = Issuer::start(set(&["rsa"])).await;
    let bridge = bridge(&issuer, |config| {
        config.limits.jwks_refresh = Duration::from_millis(50);
        config.limits.jwks_timeout = Duration::from_millis(500);
    })
    .await;
    let many = json!({"keys": vec![json!({"kty": "RSA", "kid": "x"}); 10_000]}).to_string();
    for answer in [
        Answer::HangUp,
        Answer::Redirect("http://169.254.169.254/latest/meta-data"),
        Answer::Redirect("file:///etc/passwd"),
        Answer::Slow,
        Answer::Huge,
        Answer::Set("{\"keys\":[".to_owned()),
        Answer::Set(many),
        Answer::Set("{\"keys\":[]}".to_owned()),
        // Each of these has a good set, without the key that is there.
        Answer::SetAs("302 Found", text_of(&["p256"])),
        Answer::SetAs("203 Non-Authoritative Information", text_of(&["p256"])),
        Answer::SetAs("500 Internal Server Error", text_of(&["p256"])),
        Answer::Set(text_of(&["p256"]) + &" ".repeat(256 << 10)),
    ] {
        issuer.answer(answer.clone());
        let before = crate::metrics::scrape(&bridge).await[FAILED];
        within("a failed fetch", async {
            while crate::metrics::scrape(&bridge).await[FAILED] < before + 2.0 {
                assert_eq!(upgrade(&bridge, &ann("rsa")).await, 0, "{answer:?}");
            }
        })
        .await;
    }
    issuer.answer(set(&["p256"]));
    until(&bridge, &ann("p256"), 0).await;
    assert_eq!(upgrade(&bridge, &ann("rsa")).await, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_set_with_more_bytes_or_keys_than_it_may_have_changes_nothing() {
    let issuer = Issuer::start(set(&["p256"])).await;
    let bridge = bridge(&issuer, |config| {
        config.limits.jwks_refresh = Duration::from_millis(50);
        (config.identity.bounds.set_bytes, config.identity.bounds.set_keys) = (2 << 10, 1);
    })
    .await;
    for set in [text_of(&["rsa"]) + &" ".repeat(2 << 10), text_of(&["rsa", "p384"])] {
        issuer.answer(Answer::Set(set));
        let before = crate::metrics::scrape(&bridge).await[FAILED];
        within("a failed fetch", async {
            while crate::metrics::scrape(&bridge).await[FAILED] < before + 2.0 {
                assert_eq!(upgrade(&bridge, &ann("p256")).await, 0);
            }
        })
        .await;
    }
    issuer.answer(set(&["rsa"]));
    until(&bridge, &ann("rsa"), 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_nobody_confirms_for_too_long_are_not_believed() {
    let issuer = Issuer::start(set(&["rsa"])).await;
    let bridge = bridge(&issuer, |config| {
        config.limits.jwks_refresh = Duration::from_millis(50);
        config.limits.jwks_max_stale = Duration::from_secs(1);
    })
    .await;
    until(&bridge, &ann("rsa"), 0).await;
    issuer.answer(Answer::HangUp);
    until(&bridge, &ann("rsa"), 503).await;
    issuer.answer(set(&["rsa"]));
    until(&bridge, &ann("rsa"), 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bridge_without_keys_yet_says_try_again() {
    let issuer = Issuer::start(Answer::HangUp).await;
    let bridge = bridge(&issuer, |config| config.limits.jwks_refresh = Duration::from_millis(50)).await;
    assert_eq!(upgrade(&bridge, &ann("rsa")).await, 503);
    assert_eq!(init(&bridge, &ann("rsa")).await, 4104);
    assert_eq!(upgrade(&bridge, &signed("https://evil.example", "rsa", "rsa")).await, 401, "who is no issuer of ours");
    issuer.answer(set(&["rsa"]));
    until(&bridge, &ann("rsa"), 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_issuer_that_nobody_vouches_for_is_not_asked() {
    let issuer = Issuer::start(set(&["rsa"])).await;
    let other = Issuer::start(set(&["rsa"])).await;
    let bridge = bridge(&issuer, |config| config.identity.jwks_ca = Some(other.authority.clone())).await;
    expect(&bridge, &[(FAILED, 1.0), (FETCHED, 0.0)]).await;
    assert_eq!((issuer.asked(), upgrade(&bridge, &ann("rsa")).await), (0, 503));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_unknown_keys_is_worth_one_fetch() {
    let issuer = Issuer::start(set(&["rsa"])).await;
    let bridge = bridge(&issuer, |_| ()).await;
    let good = ann("rsa");
    assert_eq!(upgrade(&bridge, &good).await, 0);
    let flood = (0..60).map(|number| signed(NAME, "p256", &format!("k{number}"))).collect::<Vec<_>>();
    let answered = futures_util::future::join_all(flood.iter().map(|token| upgrade(&bridge, token))).await;
    assert_eq!(answered, [401; 60]);
    assert_eq!(init(&bridge, &flood[0]).await, 4001);
    assert_eq!((issuer.asked(), upgrade(&bridge, &good).await), (2, 0), "one at the start, one for all of them");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_of_one_issuer_verify_no_tokens_of_another() {
    let (one, other) = (Issuer::start(set(&["rsa", "p256"])).await, Issuer::start(set(&["p256"])).await);
    let authorities = [&one, &other].map(|issuer| std::fs::read_to_string(&issuer.authority).expect("a file"));
    std::fs::write(&one.authority, authorities.concat()).expect("a file");
    let second = "https://id2.example";
    let bridge = bridge(&one, |config| {
        config.identity.jwks_urls.push(JwksUrl { issuer: Some(second.to_owned()), url: other.url.clone() });
    })
    .await;
    for (issuer, key, expected) in [(NAME, "rsa", 0), (NAME, "p256", 0), (second, "p256", 0), (second, "rsa", 401)] {
        assert_eq!(upgrade(&bridge, &signed(issuer, key, key)).await, expected, "{issuer} {key}");
    }
}
