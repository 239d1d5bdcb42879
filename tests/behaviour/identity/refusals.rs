//! Who does not get in, and what it is told: never a token.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Guarded, JSON, ORIGIN, SECRET, claims, now, signed, token, until_closed};
use crate::metrics::expect;

const REFUSED_UPGRADES: &str = "rialto_upgrades_refused_total{status=\"401\"}";
const INIT_TIMEOUTS: &str = "rialto_limit_hits_total{limit=\"init-timeout\"}";

/// Headers, query, and the reason of the refusal.
type Wrong<'a> = (Vec<(&'static str, String)>, String, &'a str);

fn all_ways(config: &mut rialto::config::Config) {
    config.identity.cookie = Some("app".to_owned());
    config.allowed_origins = vec![ORIGIN.1.to_owned()];
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_token_at_the_upgrade_is_401_whatever_comes_later() {
    let shop = Guarded::with(all_ways).await;
    let good = token("u7", &[]);
    let other = signed("u7", now() + 60, &json!({}), &SECRET.chars().rev().collect::<String>());
    let old = signed("u7", now() - 60, &json!({}), SECRET);
    let tenant = claims("u7", Duration::from_secs(60), &json!({"tenant": "a:b"}));
    let bearer = |token: &str| format!("Bearer {token}");
    let cookie = |token: &str| format!("app={token}");
    let twice = format!("app={good}; app={other}");
    let mut wrong: Vec<Wrong<'_>> = vec![
        (vec![], String::new(), "no_credentials"),
        (vec![("authorization", "Basic eDp5".into())], String::new(), "no_credentials"),
        (vec![("authorization", bearer("x"))], String::new(), "invalid_token"),
        (vec![("authorization", bearer(""))], String::new(), "invalid_token"),
        (vec![("authorization", bearer(&other))], String::new(), "invalid_token"),
        (vec![("authorization", bearer(&old))], String::new(), "token_expired"),
        (vec![("authorization", bearer(&tenant))], String::new(), "invalid_token"),
        (vec![("authorization", bearer(&good)), ("authorization", bearer(&other))], String::new(), "invalid_token"),
        // What is said on purpose counts, not what a browser adds.
        (
            vec![("authorization", bearer(&other)), ("cookie", cookie(&good)), ("origin", ORIGIN.1.into())],
            String::new(),
            "invalid_token",
        ),
        (vec![("cookie", cookie(&other)), ("origin", ORIGIN.1.into())], String::new(), "invalid_token"),
        (vec![("cookie", cookie(&good))], String::new(), "invalid_token"),
        (vec![("cookie", twice), ("origin", ORIGIN.1.into())], String::new(), "invalid_token"),
        (vec![], format!("?token={good}"), "invalid_token"),
    ];
    let with_subprotocol: Vec<_> = wrong
        .iter()
        .filter(|(.., reason)| *reason != "no_credentials")
        .map(|(headers, query, reason)| {
            let headers = headers.iter().cloned().chain([(JSON.0, JSON.1.to_owned())]).collect();
            (headers, query.clone(), *reason)
        })
        .collect();
    wrong.extend(with_subprotocol);
    for (headers, query, reason) in &wrong {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let (status, body) = shop.ask(query, &headers).await.err().unwrap_or_else(|| panic!("{headers:?} got in"));
        assert_eq!((status, &body["details"][0]["reason"]), (401, &json!(reason)), "{headers:?}: {body}");
        assert_eq!(body["code"], "UNAUTHENTICATED");
        let said = body.to_string();
        assert!([&good, &other, &old].iter().all(|token| !said.contains(*token)), "{said}");
    }
    expect(&shop.bridge, &[(REFUSED_UPGRADES, wrong.len() as f64)]).await;
    // A page of another site does not even get that far, cookie or not.
    let cookie = cookie(&good);
    let evil = [("cookie", cookie.as_str()), ("origin", "https://evil.example")];
    assert_eq!(shop.ask("", &evil).await.err().expect("no upgrade").0, 403);
    // With tokens asked for, a page of this machine is a page like any other.
    let local = [("origin", "http://localhost:5173"), JSON];
    assert_eq!(shop.ask("", &local).await.err().expect("no upgrade").0, 403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_token_in_the_first_frame_is_a_close_and_nothing_before_it() {
    let shop = Guarded::with(all_ways).await;
    let good = token("u7", &[]);
    let other = signed("u7", now() + 60, &json!({}), &SECRET.chars().rev().collect::<String>());
    let old = signed("u7", now() - 60, &json!({}), SECRET);
    for (data, code) in [
        (json!({"token": "x"}), 4001),
        (json!({"token": other}), 4001),
        (json!({"token": old}), 4002),
        (json!({}), 4501),
        (json!({"token": "x".repeat(9_000)}), 4001),
        (json!({"token": 7}), 4500),
    ] {
        let mut client = shop.ask("", &[JSON]).await.expect("an upgrade");
        client.send(json!({"type": "connection.init", "data": data})).await;
        assert_eq!(until_closed(&mut client).await, (vec![], Some(code)), "{data}");
    }
    // Anything else than an init does not get a word either.
    let mut client = shop.ask("", &[JSON]).await.expect("an upgrade");
    client.send(json!({"type": "channel.subscribe", "data": {"channels": [{"name": "open"}]}})).await;
    assert_eq!(until_closed(&mut client).await, (vec![], Some(4500)));
    // A cookie's user and a frame's are one.
    let cookie = format!("app={good}");
    let mut client = shop.ask("", &[("cookie", &cookie), ORIGIN, JSON]).await.expect("an upgrade");
    client.send(json!({"type": "connection.init", "data": {"token": token("u8", &["*"])}})).await;
    assert_eq!(until_closed(&mut client).await, (vec![], Some(4001)));
    // Nobody got as far as a session.
    expect(&shop.bridge, &[("rialto_subscriptions", 0.0)]).await;
    expect(&shop.bridge, &[(INIT_TIMEOUTS, 0.0)]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_says_nothing_is_closed_in_time_and_holds_nothing_meanwhile() {
    let shop = Guarded::with(|config| config.limits.init_timeout = Duration::from_millis(300)).await;
    let mut client = shop.ask("?session_id=t1", &[JSON]).await.expect("an upgrade");
    expect(&shop.bridge, &[("rialto_subscriptions", 0.0)]).await;
    assert_eq!(until_closed(&mut client).await, (vec![], Some(4501)));
    expect(&shop.bridge, &[(INIT_TIMEOUTS, 1.0)]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_lasts_as_long_as_it_says_and_no_longer_than_a_day() {
    let shop = Guarded::open().await;
    let (_, ack) = shop.enter(&claims("u7", Duration::from_secs(60 * 60 * 24 * 365), &json!({"iat": now()}))).await;
    assert_eq!(ack["userId"], "u7");
    for more in [json!({"nbf": now() + 120}), json!({"iat": now() + 120}), json!({"iat": now() - 90_000}), Value::Null]
    {
        let mut made = more.as_object().cloned().unwrap_or_default();
        if made.is_empty() {
            made.insert("aud".to_owned(), json!("others"));
        }
        let wrong = claims("u7", Duration::from_secs(600), &Value::Object(made));
        let header = format!("Bearer {wrong}");
        assert_eq!(shop.ask("", &[("authorization", &header)]).await.err().expect("no upgrade").0, 401, "{more}");
    }
}
