//! The end of a token is the end of its connection, a little later.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{Guarded, claims, note, now, signed, subscribe, until_closed};

/// A token that ends within some seconds.
fn short(permissions: &[&str]) -> String {
    claims("u7", Duration::from_secs(5), &json!({ "permissions": permissions }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_ends_with_its_token_and_the_grace_after_it() {
    let shop = Guarded::with(|config| config.identity.grace = Duration::from_millis(700)).await;
    let begun = Instant::now();
    let token = short(&["order:1:read"]);
    let (mut plain, _) = shop.enter(&token).await;
    let mut other = shop.init("", &token).await;
    assert_eq!(subscribe(&mut plain, json!({"name": "order:1"})).await, None);
    let (types, code) = until_closed(&mut plain).await;
    assert_eq!((types.last().map(String::as_str), code), (Some("connection.error"), Some(4002)));
    // Between four and five seconds of the token are left when it is made.
    assert!(begun.elapsed() >= Duration::from_millis(4_600), "{:?}", begun.elapsed());
    assert_eq!(until_closed(&mut other).await.1, Some(4002));
    let header = format!("Bearer {token}");
    let (status, body) = shop.ask("", &[("authorization", &header)]).await.err().expect("no upgrade");
    assert_eq!((status, &body["details"][0]["reason"]), (401, &json!("token_expired")));
    crate::metrics::expect(&shop.bridge, &[("rialto_subscriptions", 0.0)]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_has_just_ended_is_good_within_the_leeway_and_the_grace() {
    let shop = Guarded::open().await;
    let (_, ack) = shop.enter(&signed("u7", now() - 3, &json!({}), super::SECRET)).await;
    assert_eq!(ack["userId"], "u7");
    let late = signed("u7", now() - 27, &json!({}), super::SECRET);
    let header = format!("Bearer {late}");
    assert_eq!(shop.ask("", &[("authorization", &header)]).await.err().expect("it would end at once").0, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backlog_stays_behind_when_the_token_ends() {
    let shop = Guarded::with(|config| {
        config.identity.grace = Duration::ZERO;
        // Old events go out so slowly that most of them are still there when the token ends.
        config.limits.replay_bytes_per_second = 4 << 10;
        config.limits.replay_burst_bytes = 4 << 10;
    })
    .await;
    let text = "x".repeat(1_000);
    for _ in 0..100 {
        note(&shop, "1", &text).await;
    }
    let after = json!({"epoch": epoch(&shop).await, "sequence": 0});
    let (mut client, _) = shop.enter(&short(&["order:1:read", "order:1:past"])).await;
    assert_eq!(subscribe(&mut client, json!({"name": "order:1", "after": after})).await, None);
    let mut events = 0;
    let code = loop {
        match client.heard().await {
            crate::harness::Heard::Frame(frame) if frame["type"] == "order.noted" => events += 1,
            crate::harness::Heard::Frame(_) => {}
            crate::harness::Heard::Closed(close) => break close.map(|close| u16::from(close.code)),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(code, Some(4002));
    assert!((1..100).contains(&events), "{events} of 100 events came before the end");
}

/// The epoch of the channel.
async fn epoch(shop: &Guarded) -> String {
    let (mut client, _) = shop.enter(&super::token("other", &["order:1:read"])).await;
    client.subscribe(json!({"name": "order:1"})).await;
    client.next_on("order:1").await["data"]["head"]["epoch"].as_str().expect("an epoch").to_owned()
}
