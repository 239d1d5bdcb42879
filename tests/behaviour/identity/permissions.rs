//! What a token grants, and what happens without.

use serde_json::json;

use super::{Guarded, SCHEMA, note, subscribe, token};
use crate::harness::{Bridge, progress, publish};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_needs_what_its_template_says() {
    let shop = Guarded::open().await;
    let grants = ["order:1:read", "order:2:*", "order:a%3Ab:read", "mine:u7:*", "mine:u8:u8"];
    let (mut client, _) = shop.enter(&token("u7", &grants)).await;
    for (channel, code) in [
        ("order:1", None),
        ("order:2", None),
        ("order:a%3Ab", None),
        ("order:3", Some(4003)),
        ("order:a", Some(4003)),
        ("order:%2A", Some(4003)),
        ("mine:u7", None),
        ("mine:u8", None),
        ("open", None),
        ("news", Some(4003)),
        ("system", None),
        ("user:u7", None),
        ("user:u8", Some(4003)),
        ("session:u7", Some(4003)),
        ("nothing", Some(4006)),
    ] {
        assert_eq!(subscribe(&mut client, json!({ "name": channel })).await, code, "{channel}");
    }
    let refused = json!({"type": "channel.subscribe", "id": "x", "data": {"channels": [{"name": "order:3"}]}});
    client.send(refused).await;
    let error = client.next_of("error").await;
    assert_eq!(error["replyTo"], "x");
    let said = error["data"]["message"].as_str().unwrap_or_default();
    assert_eq!(said, "to subscribe to \"order:3\" a token needs the permission \"order:3:read\"");
    assert_eq!(error["data"]["path"], "data.channels[0].name");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_subscribed_on_connect_needs_its_permission_too() {
    let shop = Guarded::open().await;
    for (grants, expected) in [(vec!["news:read"], true), (vec!["news:write"], false)] {
        let mut client = shop.init("", &token("u7", &grants)).await;
        client.send(json!({"type": "connection.heartbeat", "id": "h"})).await;
        let mut channels = Vec::new();
        loop {
            let frame = client.next().await;
            match frame["type"].as_str() {
                Some("channel.subscribed") => channels.push(frame["data"]["channel"].clone()),
                Some("connection.heartbeat") => break,
                Some("connection.ack") => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(channels.contains(&json!("news")), expected, "{grants:?}: {channels:?}");
        assert!(channels.contains(&json!("user:u7")) && channels.contains(&json!("system")), "{channels:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_have_the_past_gets_what_comes_however_it_asks() {
    let shop = Guarded::open().await;
    for number in 1..=3 {
        note(&shop, "1", &number.to_string()).await;
    }
    let (mut reader, _) = shop.enter(&token("ann", &["order:1:read", "order:1:past"])).await;
    reader.subscribe(json!({"name": "order:1"})).await;
    let head = reader.next_on("order:1").await["data"]["head"].clone();
    assert_eq!(reader.next_of("order.noted").await["data"]["note"], "1");

    let (mut client, _) = shop.enter(&token("bob", &["order:1:read"])).await;
    assert_eq!(subscribe(&mut client, json!({"name": "order:1", "history": 2})).await, Some(4003));
    for subscription in [
        json!({"name": "order:1"}),
        json!({"name": "order:1", "history": 0}),
        json!({"name": "order:1", "after": {"epoch": head["epoch"], "sequence": 0}}),
        json!({"name": "order:1", "after": {"epoch": "AAAA", "sequence": 1}}),
        json!({"name": "order:1", "after": {"epoch": head["epoch"], "sequence": 1}}),
    ] {
        let (mut client, _) = shop.enter(&token("bob", &["order:1:read"])).await;
        assert_eq!(subscribe(&mut client, subscription.clone()).await, None);
        let sequence = note(&shop, "1", "new").await;
        let mut frame = client.next_on("order:1").await;
        if !subscription["after"].is_null() {
            // What it does not get is told.
            assert_eq!(frame["type"], "channel.reset", "{subscription}: {frame}");
            assert_eq!(frame["data"]["start"]["sequence"], sequence - 1);
            frame = client.next_on("order:1").await;
        }
        assert_eq!((&frame["type"], &frame["sequence"]), (&json!("order.noted"), &json!(sequence)), "{subscription}");
    }
    // Who has missed nothing goes on.
    let (mut client, _) = shop.enter(&token("bob", &["order:1:read"])).await;
    client.subscribe(json!({"name": "order:1", "after": {"epoch": head["epoch"], "sequence": 8}})).await;
    assert_eq!(client.next_on("order:1").await["data"]["recovered"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sending_needs_what_the_event_and_its_channel_say() {
    let shop = Guarded::open().await;
    let (mut client, ack) = shop.enter(&token("u7", &["say:blue:u7", "say:red:u8"])).await;
    let session = ack["sessionId"].clone();
    for (data, code) in [
        // It may be sent; that nobody handles it is another matter.
        (json!({"sessionId": session, "room": "blue"}), 4007),
        (json!({"sessionId": session, "room": "red"}), 4003),
        (json!({"sessionId": session, "room": "blue:u7"}), 4003),
        (json!({"sessionId": session}), 4003),
        (json!({"sessionId": "u8:t1", "room": "blue"}), 4003),
    ] {
        client.send(json!({"type": "say", "id": "e", "data": data})).await;
        let error = client.next_of("error").await;
        assert_eq!((&error["replyTo"], &error["data"]["code"]), (&json!("e"), &json!(code)), "{data}: {error}");
    }
    for (channel, code) in [("session:u8", 4003), ("nothing:1", 4006)] {
        client.send(json!({"type": "say", "channel": channel, "data": {"room": "blue"}})).await;
        let error = client.next_of("error").await["data"].clone();
        assert_eq!((&error["code"], &error["channel"]), (&json!(code), &json!(channel)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_that_takes_a_permission_ends_what_it_carried() {
    let shop = Guarded::open().await;
    let (mut client, _) = shop.enter(&token("u7", &["order:1:read"])).await;
    for channel in ["order:1", "open"] {
        assert_eq!(subscribe(&mut client, json!({ "name": channel })).await, None);
    }
    let stricter = SCHEMA.replace("order:{order_id}:read", "order:{order_id}:see");
    std::fs::write(shop.folder.path().join("shop.proto"), stricter).expect("the folder is there");
    let (status, answer) = shop.bridge.admin("ReloadSchema", &json!({"allowBreaking": true})).await;
    assert_eq!(status, 200, "{answer}");
    let ended = client.next_on("order:1").await;
    assert_eq!((&ended["type"], &ended["data"]["reason"]), (&json!("channel.unsubscribed"), &json!("permission_lost")));
    note(&shop, "1", "for others").await;
    assert_eq!(subscribe(&mut client, json!({"name": "order:1"})).await, Some(4003));
    assert_eq!(subscribe(&mut client, json!({"name": "open"})).await, None, "the other one goes on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn permissions_are_not_asked_for_where_nobody_is_authenticated() {
    let bridge = Bridge::start().await;
    let mut client = bridge.connect().await;
    assert_eq!(subscribe(&mut client, json!({"name": "project:42", "history": 5})).await, None);
    let mut publisher = bridge.publisher().await;
    publish(&mut publisher, progress("42", "for everybody")).await;
    assert_eq!(client.next_of("process.progress").await["data"]["message"], "for everybody");
    client.send(json!({"type": "message", "id": "m", "content": "Hi"})).await;
    assert_eq!(client.next_of("error").await["data"]["code"], 4007);
}
