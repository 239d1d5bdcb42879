//! Two tenants that use the same channel names, on one bridge, never see each other.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::harness::{Client, Heard, publish};
use crate::identity::{Guarded, claims, subscribe};

/// A token of this tenant; an empty name is none.
fn token(tenant: &str, user: &str) -> String {
    let mut more = json!({"permissions": ["*"]});
    if !tenant.is_empty() {
        more["tenant"] = json!(tenant);
    }
    claims(user, Duration::from_secs(600), &more)
}

/// An `order.noted` for this tenant.
fn noted(tenant: &str, note: &str) -> Event {
    Event { tenant: tenant.into(), ..json_event("order.noted", &json!({"orderId": "42", "note": note})) }
}

fn in_channel(tenant: &str, channel: &str, note: &str) -> Event {
    let letter = json_event("letter", &json!({ "text": note }));
    Event { tenant: tenant.into(), channels: vec![channel.into()], ..letter }
}

/// The notes and texts of the next `count` events.
async fn notes(client: &mut Client, count: usize) -> Vec<(u64, String)> {
    let mut notes = Vec::new();
    while notes.len() < count {
        let frame = client.next().await;
        let text = frame["data"]["note"].as_str().or(frame["data"]["text"].as_str());
        if let (Some(text), Some(sequence)) = (text, frame["sequence"].as_u64()) {
            notes.push((sequence, text.to_owned()));
        }
    }
    notes
}

/// Whatever has been sent to this client is there when this comes back.
async fn nothing_more(client: &mut Client) {
    client.send(json!({"type": "connection.heartbeat", "id": "fence"})).await;
    let frame = client.next().await;
    assert_eq!(frame["replyTo"], "fence", "{frame}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tenants_with_the_same_names_share_no_event_live_by_history_or_by_replay() {
    let shop = Guarded::open().await;
    let mut publisher = shop.bridge.publisher().await;
    let (mut red, _) = shop.enter(&token("red", "ann")).await;
    let (mut blue, _) = shop.enter(&token("blue", "ann")).await;
    let (mut plain, _) = shop.enter(&token("", "ann")).await;
    for client in [&mut red, &mut blue, &mut plain] {
        assert_eq!(subscribe(client, json!({"name": "order:42"})).await, None);
    }
    let mut epoch = Value::Null;
    for (tenant, note) in [("red", "r1"), ("blue", "b1"), ("red", "r2"), ("", "p1"), ("red", "r3"), ("blue", "b2")] {
        let at = publish(&mut publisher, noted(tenant, note)).await;
        assert_eq!(at.channel, "order:42", "the ack has the plain name");
        epoch = json!(at.epoch);
    }
    let told = |list: &[(u64, &str)]| list.iter().map(|(at, note)| (*at, (*note).to_owned())).collect::<Vec<_>>();
    assert_eq!(notes(&mut red, 3).await, told(&[(1, "r1"), (2, "r2"), (3, "r3")]));
    assert_eq!(notes(&mut blue, 2).await, told(&[(1, "b1"), (2, "b2")]));
    assert_eq!(notes(&mut plain, 1).await, told(&[(1, "p1")]));
    for client in [&mut red, &mut blue, &mut plain] {
        nothing_more(client).await;
    }

    // History, and a resume with a position that the other tenant's log has.
    let (mut late, _) = shop.enter(&token("blue", "bob")).await;
    assert_eq!(subscribe(&mut late, json!({"name": "order:42"})).await, None);
    assert_eq!(notes(&mut late, 2).await, told(&[(1, "b1"), (2, "b2")]));
    nothing_more(&mut late).await;
    blue.cut();
    publish(&mut publisher, noted("blue", "b3")).await;
    publish(&mut publisher, noted("red", "r4")).await;
    let (mut back, _) = shop.enter(&token("blue", "ann")).await;
    let after = json!({"epoch": epoch, "sequence": 2});
    assert_eq!(subscribe(&mut back, json!({"name": "order:42", "after": after})).await, None);
    assert_eq!(notes(&mut back, 1).await, told(&[(3, "b3")]));
    nothing_more(&mut back).await;
    let (mut ahead, _) = shop.enter(&token("", "ann")).await;
    ahead.subscribe(json!({"name": "order:42", "after": {"epoch": epoch, "sequence": 4}})).await;
    assert_eq!(ahead.next_on("order:42").await["data"]["recovered"], false, "4 is only in red's log");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn channels_on_connect_of_users_and_of_sessions_are_a_tenants_own() {
    let shop = Guarded::open().await;
    let mut publisher = shop.bridge.publisher().await;
    // The same user, and the same session by name.
    let session = async |tenant: &str| {
        let header = format!("Bearer {}", token(tenant, "ann"));
        let mut client = shop.ask("?session_id=t1", &[("authorization", &header)]).await.expect("an upgrade");
        let ack = client.next_of("connection.ack").await;
        assert_eq!(ack["data"]["sessionId"], "ann:t1");
        // What is on connect: session, user, system and news.
        for _ in 0..4 {
            client.next_of("channel.subscribed").await;
        }
        client
    };
    let (mut red, mut blue) = (session("red").await, session("blue").await);
    for channel in ["session:ann%3At1", "user:ann"] {
        publish(&mut publisher, in_channel("red", channel, channel)).await;
        publish(&mut publisher, in_channel("blue", channel, "blue's")).await;
        assert_eq!(notes(&mut red, 1).await, [(1, channel.to_owned())]);
        assert_eq!(notes(&mut blue, 1).await, [(1, "blue's".to_owned())]);
    }
    let news = Event { tenant: "red".into(), ..json_event("wrote", &json!({})) };
    publish(&mut publisher, news).await;
    assert_eq!(red.next_of("wrote").await["channel"], "news");
    nothing_more(&mut red).await;
    nothing_more(&mut blue).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_of_retries_and_newest_values_are_a_tenants_own() {
    let bridge = Bridge::with(|config| {
        config.identity.secret = Some(rialto::config::Secret::new("kq8Zt0vLw3Xy7Rb2Nf5Jd9Hs1Gm4Pc6e"));
    })
    .await;
    let mut publisher = bridge.publisher().await;
    let keyed =
        |tenant: &str, message: &str| Event { idempotency_key: "k-1".into(), ..progress_for(tenant, "42", message) };
    let mut publish = async |event: Event| {
        let call = publisher.publish(PublishRequest { event: Some(event) });
        within("the ack", call).await.map(|response| response.into_inner().accepted.expect("accepted").duplicate)
    };
    assert!(!publish(keyed("red", "one")).await.expect("first"));
    assert!(!publish(keyed("blue", "another")).await.expect("not the same event"));
    assert!(publish(keyed("red", "one")).await.expect("a retry"));
    assert!(publish(keyed("red", "another")).await.is_err(), "the same key in the same tenant");
    assert!(publish(Event { tenant: "a/b".into(), ..beat() }).await.is_err());

    // Of `agent.status` the newest of a run counts: what blue says must not supersede red's.
    let status = |tenant: &str, message: &str| {
        let data = json!({"agentId": "a1", "runId": "r1", "message": message});
        Event { tenant: tenant.into(), ..json_event("agent.status", &data) }
    };
    for (tenant, message) in [("red", "old"), ("red", "of red"), ("blue", "of blue")] {
        publish(status(tenant, message)).await.expect("the catalogue's event");
    }
    let header = format!("Bearer {}", token("red", "ann"));
    let stream = tokio::net::TcpStream::connect(bridge.addresses.listen).await.expect("the port is open");
    let opened = Client::ask(stream, bridge.addresses.listen, "", &[("authorization", &header)]).await;
    let mut red = opened.unwrap_or_else(|refused| panic!("{refused:?}"));
    assert_eq!(subscribe(&mut red, json!({"name": "agent:a1", "history": 0})).await, None);
    let frame = red.next_of("agent.status").await;
    assert_eq!((&frame["data"]["message"], &frame["sequence"]), (&json!("of red"), &json!(2)), "{frame}");
    nothing_more(&mut red).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_tenants_flood_of_keys_makes_no_duplicates_of_anothers_retries() {
    let bridge = Bridge::with(|config| config.limits.max_idempotency_bytes = 256 << 10).await;
    let mut publisher = bridge.publisher().await;
    let mut stream = Stream::open(&mut publisher, "").await;
    let keyed = |tenant: &str, number: u32| Event {
        idempotency_key: format!("key-{number}"),
        ..progress_for(tenant, "42", &format!("{number}"))
    };
    let own = || (0..20).map(|number| keyed("blue", number)).collect::<Vec<_>>();
    assert_eq!(stream.reasons(own()).await, vec![None; 20]);
    for start in (0..5_000).step_by(500) {
        let flood = (start..start + 500).map(|number| keyed("red", number)).collect();
        assert_eq!(stream.reasons(flood).await, vec![None; 500]);
    }
    let scrape = crate::metrics::expect(&bridge, &[("rialto_events_duplicate_total", 0.0)]).await;
    let forgotten = scrape[r#"rialto_limit_hits_total{limit="max-idempotency-bytes"}"#];
    assert!(forgotten > 4_000.0, "there is no room for a tenth: {forgotten}");
    assert_eq!(stream.reasons(own()).await, vec![None; 20]);
    crate::metrics::expect(&bridge, &[("rialto_events_duplicate_total", 20.0)]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operators_see_one_tenant_at_a_time_and_metrics_name_them() {
    let shop = Guarded::open().await;
    let mut publisher = shop.bridge.publisher().await;
    let (mut red, _) = shop.enter(&token("red", "ann")).await;
    subscribe(&mut red, json!({"name": "order:42"})).await;
    publish(&mut publisher, noted("red", "r1")).await;
    notes(&mut red, 1).await;
    for (tenant, heads) in [("red", 1), ("blue", 0), ("", 0)] {
        let asked = json!({"prefix": "order:", "tenant": tenant});
        let (status, listing) = shop.bridge.admin("ListChannels", &asked).await;
        assert_eq!((status, listing["total"].as_u64()), (200, Some(heads)), "{tenant}: {listing}");
    }
    let (status, _) = shop.bridge.admin("ListChannels", &json!({"tenant": "a:b"})).await;
    assert_eq!(status, 400);
    let expected = [
        "rialto_tenant_connections{tenant=\"red\"} 1",
        "rialto_tenant_events_published_total{tenant=\"red\"} 1",
        "rialto_tenant_events_delivered_total{tenant=\"red\"} 1",
    ];
    let scraping = async {
        loop {
            // A delivery is counted at the end of its turn.
            let text = call(shop.bridge.addresses.admin, "GET", "/metrics", &[], "").await.text;
            if expected.iter().all(|line| text.contains(line)) {
                return;
            }
            assert!(!text.contains("tenant=\"blue\""));
        }
    };
    within("the counts of red", scraping).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_token_leads_into_no_other_tenant() {
    let shop = Guarded::open().await;
    let (mut red, _) = shop.enter(&token("red", "ann")).await;
    for tenant in ["blue", ""] {
        let refresh = json!({"type": "connection.refresh", "id": "r", "data": {"token": token(tenant, "ann")}});
        red.send(refresh).await;
        let answer = loop {
            let frame = red.next().await;
            if frame["replyTo"] == "r" {
                break frame;
            }
        };
        assert_eq!((&answer["type"], &answer["data"]["code"]), (&json!("error"), &json!(4001)), "{answer}");
    }
    // A cookie of one tenant and a first frame of another are a mix-up.
    let header = format!("Bearer {}", token("red", "ann"));
    let json = ("sec-websocket-protocol", "rialto.v1.json");
    let mut mixed = shop.ask("", &[("authorization", &header), json]).await.expect("an upgrade");
    mixed.send(json!({"type": "connection.init", "data": {"token": token("blue", "ann")}})).await;
    assert_eq!(mixed.close_code().await, Some(4001));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_has_so_many_connections_and_others_have_their_own() {
    let shop = Guarded::with(|config| config.limits.max_connections_per_tenant = Some(2)).await;
    let (first, _) = shop.enter(&token("red", "ann")).await;
    let mut second = shop.init("", &token("red", "bob")).await;
    second.next_of("connection.ack").await;

    let header = format!("Bearer {}", token("red", "cid"));
    let (status, body) = shop.ask("", &[("authorization", &header)]).await.err().expect("one too many");
    assert_eq!((status, &body["code"]), (429, &json!("RESOURCE_EXHAUSTED")), "{body}");
    let mut third = shop.init("", &token("red", "cid")).await;
    assert_eq!(third.close_code().await, Some(4103));
    shop.enter(&token("blue", "ann")).await;

    drop(first);
    let coming = async {
        loop {
            if shop.ask("", &[("authorization", &header)]).await.is_ok() {
                return;
            }
        }
    };
    within("the first one's place", coming).await;
    let metrics = call(shop.bridge.addresses.admin, "GET", "/metrics", &[], "").await.text;
    let hits = metrics.lines().find(|line| line.contains("limit=\"max-connections-per-tenant\"")).expect("the limit");
    assert!(!hits.ends_with(" 0"), "{hits}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bridge_of_tenants_alone_takes_nobody_and_nothing_without_one() {
    let shop = Guarded::with(|config| config.peers.require_tenant = true).await;
    let header = format!("Bearer {}", token("", "ann"));
    let (status, body) = shop.ask("", &[("authorization", &header)]).await.err().expect("no tenant");
    assert_eq!(status, 401, "{body}");
    let mut late = shop.init("", &token("", "ann")).await;
    match late.heard().await {
        Heard::Closed(Some(close)) => assert_eq!(u16::from(close.code), 4001),
        other => panic!("{other:?}"),
    }
    shop.enter(&token("red", "ann")).await;
    let answer = post(&shop.bridge, &[], &json!({"type": "order.noted", "data": {"orderId": "42"}})).await;
    assert_eq!((answer.status, answer.reason().as_str()), (400, "MISSING_TENANT"));
    let of_red = json!({"type": "order.noted", "data": {"orderId": "42"}, "tenant": "red"});
    assert_eq!(post(&shop.bridge, &[], &of_red).await.status, 200);
    for (method, call) in [("ListChannels", json!({})), ("Disconnect", json!({"user": "ann"}))] {
        for tenant in ["", "a/b"] {
            let mut call = call.clone();
            call["tenant"] = json!(tenant);
            let (status, refused) = shop.bridge.admin(method, &call).await;
            let [info, wrong] = [0, 1].map(|index| &refused["details"][index]);
            assert_eq!((status, &info["reason"]), (400, &json!("INVALID_TENANT")), "{refused}");
            assert_eq!(wrong["fieldViolations"][0]["field"], json!("tenant"), "{refused}");
        }
    }
}
