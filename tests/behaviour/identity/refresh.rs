//! A new token on an open connection: it lasts longer, may do more or less, and is of the same user.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Guarded, SECRET, claims, note, now, signed, subscribe, token, until_closed};
use crate::harness::{Bridge, Client};

/// Brings this token. Gives the answer, and what came before it.
async fn refresh(client: &mut Client, token: &str) -> (Value, Vec<Value>) {
    client.send(json!({"type": "connection.refresh", "id": "r", "data": {"token": token}})).await;
    let mut before = Vec::new();
    loop {
        let frame = client.next().await;
        if frame["replyTo"] == "r" {
            return (frame, before);
        }
        before.push(frame);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refreshed_connection_outlives_its_first_token() {
    let shop = Guarded::with(|config| config.identity.grace = Duration::from_millis(500)).await;
    let short = claims("u7", Duration::from_secs(5), &json!({"permissions": ["order:1:read"]}));
    let (mut client, ack) = shop.enter(&short).await;
    assert!(ack["expiresInMs"].as_u64().is_some_and(|left| (1..=5_000).contains(&left)), "{ack}");
    let (mut other, _) = shop.enter(&short).await;
    assert_eq!(subscribe(&mut client, json!({"name": "order:1"})).await, None);
    let (answer, _) = refresh(&mut client, &token("u7", &["order:1:read"])).await;
    assert_eq!(answer["type"], "connection.refreshed", "{answer}");
    assert_eq!(answer["data"]["permissions"], json!(["order:1:read"]));
    let left = answer["data"]["expiresInMs"].as_u64().expect("a number");
    assert!((500_000..=600_000).contains(&left), "{left}");
    // When the one that was not refreshed has ended, the other goes on where it was.
    assert_eq!(until_closed(&mut other).await.1, Some(4002));
    let sequence = note(&shop, "1", "still there").await;
    assert_eq!(client.next_of("order.noted").await["sequence"], sequence);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_tokens_in_a_row_end_the_connection() {
    let shop = Guarded::open().await;
    let (mut client, _) = shop.enter(&token("u7", &[])).await;
    for is_last in [false, false, true] {
        for _ in 0..9 {
            assert_eq!(refresh(&mut client, "a.b.c").await.0["data"]["code"], 4001);
        }
        if !is_last {
            let (answer, _) = refresh(&mut client, &token("u7", &[])).await;
            assert_eq!(answer["type"], "connection.refreshed", "{answer}");
        }
    }
    client.send(json!({"type": "connection.refresh", "id": "r", "data": {"token": "a.b.c"}})).await;
    assert_eq!(until_closed(&mut client).await.1, Some(4001));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_new_token_does_not_grant_ends_at_once() {
    let shop = Guarded::open().await;
    let (mut client, ack) = shop.enter(&token("u7", &["order:*:read", "say:blue:u7"])).await;
    for channel in ["order:1", "order:2", "open"] {
        assert_eq!(subscribe(&mut client, json!({ "name": channel })).await, None);
    }
    let say = json!({"type": "say", "id": "e", "data": {"sessionId": ack["sessionId"], "room": "blue"}});
    client.send(say.clone()).await;
    assert_eq!(client.next_of("error").await["data"]["code"], 4007);
    let (answer, before) = refresh(&mut client, &token("u7", &["order:1:read"])).await;
    assert_eq!(answer["type"], "connection.refreshed", "{answer}");
    let ended: Vec<_> = before.iter().map(|frame| (&frame["data"]["channel"], &frame["data"]["reason"])).collect();
    assert_eq!(ended, [(&json!("order:2"), &json!("permission_lost"))]);
    note(&shop, "2", "for others").await;
    note(&shop, "1", "for it").await;
    assert_eq!(client.next_of("order.noted").await["channel"], "order:1");
    assert_eq!(subscribe(&mut client, json!({"name": "order:2"})).await, Some(4003));
    client.send(say).await;
    assert_eq!(client.next_of("error").await["data"]["code"], 4003);
    // And what it grants again is there again.
    refresh(&mut client, &token("u7", &["order:2:read"])).await;
    assert_eq!(subscribe(&mut client, json!({"name": "order:2"})).await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_stops_when_the_past_is_taken_away() {
    let (_shop, mut client) = Guarded::with_backlog().await;
    let (_, before) = refresh(&mut client, &token("u7", &["order:1:read"])).await;
    let last = before.last().expect("a word about it");
    assert_eq!((&last["type"], &last["data"]["reason"]), (&json!("channel.unsubscribed"), &json!("permission_lost")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refresh_that_is_refused_changes_nothing() {
    let shop = Guarded::open().await;
    let (mut client, _) = shop.enter(&token("u7", &["order:1:read"])).await;
    assert_eq!(subscribe(&mut client, json!({"name": "order:1"})).await, None);
    let other_session = claims("u7", Duration::from_secs(60), &json!({"sid": "s9"}));
    for (wrong, code) in [
        (token("u8", &["*"]), 4001),
        (other_session, 4003),
        (signed("u7", now() - 60, &json!({}), SECRET), 4002),
        (signed("u7", now() + 60, &json!({}), &SECRET.chars().rev().collect::<String>()), 4001),
        (String::new(), 4001),
    ] {
        let (answer, before) = refresh(&mut client, &wrong).await;
        assert_eq!((&answer["type"], &answer["data"]["code"]), (&json!("error"), &json!(code)), "{answer}");
        assert!(before.is_empty() && (wrong.is_empty() || !answer.to_string().contains(&wrong)), "{answer}");
    }
    let sequence = note(&shop, "1", "still there").await;
    assert_eq!(client.next_of("order.noted").await["sequence"], sequence);
    assert_eq!(subscribe(&mut client, json!({"name": "order:2"})).await, Some(4003), "nor does it grant anything");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nobody_is_authenticated_a_refresh_is_answered_and_means_nothing() {
    let bridge = Bridge::start().await;
    let mut client = bridge.connect().await;
    assert_eq!(client.next_of("connection.ack").await["data"]["expiresInMs"], 0);
    let (answer, _) = refresh(&mut client, "x").await;
    assert_eq!(answer["data"], json!({"permissions": ["*"], "expiresInMs": 0}));
}
