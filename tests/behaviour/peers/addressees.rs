//! An event gets to whom it is for: one session, one user on all devices, a channel, everybody. And to nobody else.

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::harness::{Client, publish};
use crate::identity::{Guarded, claims, subscribe};

/// A letter to these channels.
fn letter(tenant: &str, channel: &str, text: &str) -> Event {
    let letter = json_event("letter", &json!({ "text": text }));
    Event { tenant: tenant.into(), channels: vec![channel.into()], ..letter }
}

/// Every letter that has come to this client, in the order of sending.
async fn letters(client: &mut Client) -> Vec<String> {
    client.send(json!({"type": "connection.heartbeat", "id": "fence"})).await;
    let mut letters = Vec::new();
    loop {
        let frame = client.next().await;
        if frame["replyTo"] == "fence" {
            return letters;
        }
        if let Some(text) = frame["data"]["text"].as_str() {
            letters.push(text.to_owned());
        }
    }
}

/// So many letters, sorted: of two channels each has its own order. Then there are no more.
async fn exactly(client: &mut Client, count: usize) -> Vec<String> {
    let mut all = Vec::new();
    while all.len() < count {
        let frame = client.next_of("letter").await;
        all.push(frame["data"]["text"].as_str().expect("a text").to_owned());
    }
    all.extend(letters(client).await);
    all.sort();
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_tokens_each_gets_what_is_for_it() {
    let shop = Guarded::open().await;
    let mut publisher = shop.bridge.publisher().await;
    let enter = async |tenant: &str, user: &str, session: &str| {
        let more = match tenant {
            "" => json!({"permissions": ["order:*:read"]}),
            tenant => json!({"permissions": ["order:*:read"], "tenant": tenant}),
        };
        let header = format!("Bearer {}", claims(user, Duration::from_secs(600), &more));
        let query = format!("?session_id={session}");
        let mut client = shop.ask(&query, &[("authorization", &header)]).await.expect("an upgrade");
        client.next_of("connection.ack").await;
        client
    };
    let mut phone = enter("", "ann", "phone").await;
    let mut phone_too = enter("", "ann", "phone").await;
    let mut desk = enter("", "ann", "desk").await;
    let mut bob = enter("", "bob", "phone").await;
    let mut namesake = enter("acme", "ann", "phone").await;
    for (tenant, channel, text) in [
        ("", "session:ann%3Aphone", "to a session"),
        ("", "user:ann", "to ann"),
        ("", "user:bob", "to bob"),
        ("acme", "user:ann", "to acme's ann"),
        ("acme", "session:ann%3Aphone", "to acme's session"),
        ("", "session:phone", "to nobody's session"),
        // The end for everybody.
        ("", "user:ann", "end"),
        ("", "user:bob", "end"),
        ("acme", "user:ann", "end"),
    ] {
        publish(&mut publisher, letter(tenant, channel, text)).await;
    }
    for (client, expected) in [
        (&mut phone, ["end", "to a session", "to ann"].as_slice()),
        (&mut phone_too, &["end", "to a session", "to ann"]),
        (&mut desk, &["end", "to ann"]),
        (&mut bob, &["end", "to bob"]),
        (&mut namesake, &["end", "to acme's ann", "to acme's session"]),
    ] {
        assert_eq!(exactly(client, expected.len()).await, expected);
    }

    // A channel: who has subscribed. Everybody: who is subscribed by the bridge, in that tenant.
    assert_eq!(subscribe(&mut desk, json!({"name": "order:42"})).await, None);
    let noted = json_event("order.noted", &json!({"orderId": "42", "note": "n"}));
    publish(&mut publisher, noted).await;
    assert_eq!(desk.next_of("order.noted").await["channel"], "order:42");
    for client in [&mut phone, &mut bob, &mut namesake] {
        assert_eq!(letters(client).await, Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_tokens_sessions_and_everybody_can_be_reached_and_users_cannot() {
    let bridge = Bridge::start().await;
    let mut publisher = bridge.publisher().await;
    let mut one = Client::open(bridge.addresses.listen, "?session_id=t1", None).await;
    let mut same = Client::open(bridge.addresses.listen, "?session_id=t1", None).await;
    let mut other = Client::open(bridge.addresses.listen, "?session_id=t2", None).await;
    let say = |channel: &str| {
        let event = json_event("assistant", &json!({"sessionId": "t1", "content": "Hello"}));
        Event { channels: vec![channel.into()], ..event }
    };
    for client in [&mut one, &mut same, &mut other] {
        client.next_of("connection.ack").await;
    }
    publish(&mut publisher, say("session:t1")).await;
    publish(&mut publisher, beat()).await;
    for client in [&mut one, &mut same] {
        let mut types = vec![client.next_of_any(&["assistant", "system.heartbeat"]).await];
        types.push(client.next_of_any(&["assistant", "system.heartbeat"]).await);
        types.sort();
        assert_eq!(types, ["assistant", "system.heartbeat"]);
    }
    assert_eq!(other.next_of_any(&["assistant", "system.heartbeat"]).await, "system.heartbeat");
    assert_eq!(subscribe(&mut other, json!({"name": "session:t1"})).await, Some(4003));
    assert_eq!(subscribe(&mut other, json!({"name": "user:ann"})).await, Some(4003));
    // Without `channels` the event's own field says which session.
    publish(&mut publisher, json_event("assistant", &json!({"sessionId": "t2", "content": "Derived"}))).await;
    assert_eq!(other.next_of("assistant").await["data"]["content"], "Derived");
}
