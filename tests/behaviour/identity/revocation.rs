//! What an administrator ends has ended, and stays out as long as that was meant.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Guarded, JSON, claims, note, now, subscribe, token, until_closed};
use crate::harness::{Bridge, Client, Heard};

async fn admin(bridge: &Bridge, method: &str, request: Value) -> Value {
    let (status, answer) = bridge.admin(method, &request).await;
    assert_eq!(status, 200, "{method} {request}: {answer}");
    answer
}

/// A token with this `jti`, made so many seconds ago.
fn named(user: &str, id: &str, ago: u64) -> String {
    let more = json!({"jti": id, "iat": now() - ago, "permissions": ["*"]});
    claims(user, Duration::from_secs(600), &more)
}

/// The status and reason of an upgrade's refusal, and the code of a first frame's.
async fn refused(shop: &Guarded, token: &str) -> (u16, Value, Option<u16>) {
    let header = format!("Bearer {token}");
    let (status, body) = shop.ask("", &[("authorization", &header)]).await.err().expect("no upgrade");
    (status, body["details"][0]["reason"].clone(), shop.init("", token).await.close_code().await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_user_is_gone_at_once_and_in_again_with_a_new_token() {
    let shop = Guarded::open().await;
    let old = named("ann", "t1", 60);
    let (mut plain, _) = shop.enter(&old).await;
    let mut other = shop.init("", &named("ann", "t2", 5)).await;
    other.next_of("connection.ack").await;
    let (mut bob, _) = shop.enter(&token("bob", &["*"])).await;
    for client in [&mut plain, &mut bob] {
        assert_eq!(subscribe(client, json!({"name": "order:1"})).await, None);
    }
    let answer = admin(&shop.bridge, "Revoke", json!({"user": "ann"})).await;
    assert_eq!(answer["connections"], 2);
    note(&shop, "1", "after it").await;
    for client in [&mut plain, &mut other] {
        let (types, code) = until_closed(client).await;
        assert_eq!((types.last().map(String::as_str), code), (Some("connection.error"), Some(4504)), "{types:?}");
        assert!(!types.contains(&"order.noted".to_owned()), "{types:?}");
    }
    assert_eq!(bob.next_of("order.noted").await["data"]["note"], "after it");
    let expected = (401, json!("revoked"), Some(4504));
    assert_eq!(refused(&shop, &old).await, expected);
    assert_eq!(refused(&shop, &token("ann", &[])).await, expected, "who knows when it was made");
    // Clocks may differ, so a bridge takes what was made a moment ahead.
    let new = claims("ann", Duration::from_secs(600), &json!({"iat": now() + 10}));
    assert_eq!(shop.enter(&new).await.1["userId"], "ann");
    crate::metrics::expect(&shop.bridge, &[("rialto_revocations", 1.0)]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_is_remembered_for_as_long_as_a_token_may_live_by_two_clocks() {
    let shop = Guarded::with(|config| {
        (config.identity.max_life, config.identity.leeway) = (Duration::from_secs(7_200), Duration::from_secs(20));
    })
    .await;
    let before = now();
    let answer = admin(&shop.bridge, "Revoke", json!({"user": "ann"})).await;
    let until = answer["until"].as_str().and_then(|until| chrono::DateTime::parse_from_rfc3339(until).ok());
    let until = until.and_then(|until| u64::try_from(until.timestamp()).ok()).expect("a time");
    assert!((before + 7_240..=now() + 7_240).contains(&until), "{answer} at {before}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_revoked_for_itself_also_while_it_lives_on_as_a_refresh() {
    let shop = Guarded::open().await;
    let (first, second) = (named("ann", "t1", 60), named("ann", "t2", 60));
    let (mut client, _) = shop.enter(&first).await;
    let (mut other, _) = shop.enter(&first).await;
    client.send(json!({"type": "connection.refresh", "id": "r", "data": {"token": second}})).await;
    client.next_of("connection.refreshed").await;
    assert_eq!(admin(&shop.bridge, "Revoke", json!({"tokenId": "t1"})).await["connections"], 1);
    assert_eq!(other.close_code().await, Some(4504));
    // Nor does it come back as a refresh, and the connection goes on by the one it has.
    client.send(json!({"type": "connection.refresh", "id": "r", "data": {"token": first}})).await;
    let error = client.next_of("error").await;
    assert_eq!((&error["data"]["code"], &error["data"]["reason"]), (&json!(4504), &json!("revoked")));
    assert_eq!(subscribe(&mut client, json!({"name": "order:1"})).await, None);
    assert_eq!(refused(&shop, &first).await, (401, json!("revoked"), Some(4504)));
    assert_eq!(admin(&shop.bridge, "Revoke", json!({"tokenId": "t2"})).await["connections"], 1);
    assert_eq!(client.close_code().await, Some(4504));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_tokens_on_the_way_in_the_second_one_is_the_connections() {
    let shop = Guarded::open().await;
    let (first, second) = (named("ann", "t1", 60), named("ann", "t2", 60));
    let header = format!("Bearer {first}");
    let mut client = shop.ask("", &[JSON, ("authorization", &header)]).await.expect("an upgrade");
    client.send(json!({"type": "connection.init", "id": "i", "data": {"token": second}})).await;
    client.next_of("connection.ack").await;
    assert_eq!(admin(&shop.bridge, "Revoke", json!({"tokenId": "t1"})).await["connections"], 0);
    assert_eq!(subscribe(&mut client, json!({"name": "order:1"})).await, None);
    assert_eq!(admin(&shop.bridge, "Revoke", json!({"tokenId": "t2"})).await["connections"], 1);
    assert_eq!(client.close_code().await, Some(4504));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disconnect_ends_connections_and_forbids_nothing() {
    let shop = Guarded::open().await;
    let ann = token("ann", &[]);
    let mut tab = shop.init("?session_id=t1", &ann).await;
    let mut other = shop.init("?session_id=t2", &ann).await;
    let mut waiting = shop.ask("", &[JSON]).await.expect("an upgrade");
    for client in [&mut tab, &mut other] {
        client.next_of("connection.ack").await;
    }
    assert_eq!(admin(&shop.bridge, "Disconnect", json!({"session": "ann:t1"})).await["connections"], 1);
    assert_eq!(tab.close_code().await, Some(4504));
    assert_eq!(subscribe(&mut other, json!({"name": "open"})).await, None);
    assert_eq!(admin(&shop.bridge, "Disconnect", json!({"user": "ann", "tenant": "acme"})).await["connections"], 0);
    assert_eq!(admin(&shop.bridge, "Disconnect", json!({"user": "ann"})).await["connections"], 1);
    assert_eq!(other.close_code().await, Some(4504));
    waiting.send(json!({"type": "connection.init", "data": {"token": ann}})).await;
    assert_eq!(waiting.next_of("connection.ack").await["data"]["userId"], "ann", "who was nobody was not meant");

    let open = Bridge::start().await;
    let mut client = Client::open(open.addresses.listen, "?session_id=t1", None).await;
    client.next_of("connection.ack").await;
    assert_eq!(admin(&open, "Disconnect", json!({"session": "t1"})).await["connections"], 1);
    assert_eq!(client.close_code().await, Some(4504));
    for wrong in [json!({}), json!({"user": ""}), json!({"user": "a\u{7}"}), json!({"user": "x".repeat(256)})] {
        for method in ["Disconnect", "Revoke"] {
            let (status, answer) = open.admin(method, &wrong).await;
            assert_eq!((status, &answer["code"]), (400, &json!("INVALID_ARGUMENT")), "{wrong}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backlog_stays_behind_when_somebody_is_revoked() {
    let (shop, mut client) = Guarded::with_backlog().await;
    admin(&shop.bridge, "Revoke", json!({"user": "u7"})).await;
    let mut events = 1;
    let code = loop {
        match client.heard().await {
            Heard::Frame(frame) if frame["type"] == "order.noted" => events += 1,
            Heard::Frame(_) => {}
            Heard::Closed(close) => break close.map(|close| u16::from(close.code)),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(code, Some(4504));
    assert!(events < 50, "{events} of 110 events came before the end");
    crate::metrics::expect(&shop.bridge, &[("rialto_subscriptions", 0.0)]).await;
}

/// Asked again and again while somebody comes in, the end comes at every step of an upgrade: it is found at each.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_in_the_middle_of_an_upgrade_is_ended_too() {
    let shop = Guarded::open().await;
    for round in 0..100 {
        let user = format!("u{round}");
        let header = format!("Bearer {}", token(&user, &[]));
        let credential = [("authorization", header.as_str())];
        let ending =
            async { while admin(&shop.bridge, "Disconnect", json!({"user": user})).await["connections"] == 0 {} };
        let (client, ()) = tokio::join!(shop.ask("", &credential), ending);
        assert_eq!(client.expect("an upgrade").close_code().await, Some(4504), "{round}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_table_refuses_to_revoke_and_forgets_nobody() {
    let shop = Guarded::with(|config| config.limits.max_revocations = 1).await;
    let (mut bob, _) = shop.enter(&token("bob", &[])).await;
    admin(&shop.bridge, "Revoke", json!({"user": "ann"})).await;
    let (status, answer) = shop.bridge.admin("Revoke", &json!({"user": "bob"})).await;
    assert_eq!((status, &answer["code"]), (429, &json!("RESOURCE_EXHAUSTED")), "{answer}");
    assert!(answer["message"].as_str().is_some_and(|text| text.contains("--max-revocations")), "{answer}");
    assert_eq!(subscribe(&mut bob, json!({"name": "open"})).await, None, "nothing was done");
    assert_eq!(refused(&shop, &token("ann", &[])).await.0, 401);
    let hit = r#"rialto_limit_hits_total{limit="max-revocations"}"#;
    crate::metrics::expect(&shop.bridge, &[(hit, 1.0)]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_are_ended_and_others_hear_on() {
    let shop = Guarded::with(|config| config.limits.max_connections_per_user = 1_000).await;
    let (ann, bob) = (named("ann", "t1", 60), token("bob", &["*"]));
    let mut many = Vec::new();
    for _ in 0..200 {
        many.push(shop.enter(&ann).await.0);
    }
    let (mut bob, _) = shop.enter(&bob).await;
    assert_eq!(subscribe(&mut bob, json!({"name": "order:1"})).await, None);
    assert_eq!(admin(&shop.bridge, "Revoke", json!({"tokenId": "t1"})).await["connections"], 200);
    let sequence = note(&shop, "1", "for bob").await;
    assert_eq!(bob.next_of("order.noted").await["sequence"], sequence);
    for client in &mut many {
        assert_eq!(client.close_code().await, Some(4504));
    }
}
