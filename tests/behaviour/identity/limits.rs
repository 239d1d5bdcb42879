//! What one user may cost, on however many connections.

use serde_json::json;

use super::{Guarded, JSON, claims, note, subscribe, token};
use crate::harness::{Client, within};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_has_so_many_connections_and_gets_each_back() {
    let shop = Guarded::with(|config| config.limits.max_connections_per_user = 2).await;
    let ann = token("ann", &[]);
    let header = format!("Bearer {ann}");
    let (first, _) = shop.enter(&ann).await;
    let mut second = shop.init("", &ann).await;
    second.next_of("connection.ack").await;
    for _ in 0..3 {
        let (status, body) = shop.ask("", &[("authorization", &header)]).await.err().expect("no upgrade");
        assert_eq!((status, &body["details"][0]["reason"]), (429, &json!("overloaded")), "{body}");
        assert_eq!(shop.init("", &ann).await.close_code().await, Some(4103));
    }
    let (_bob, _) = shop.enter(&token("bob", &[])).await;
    // A refresh takes no second seat, and one upgrade whose first frame says a token again neither.
    second.send(json!({"type": "connection.refresh", "id": "r", "data": {"token": ann}})).await;
    second.next_of("connection.refreshed").await;
    first.cut();
    crate::metrics::expect(&shop.bridge, &[("rialto_connections", 2.0)]).await;
    let mut third = shop.ask("", &[("authorization", &header), JSON]).await.expect("an upgrade");
    third.send(json!({"type": "connection.init", "data": {"token": ann}})).await;
    third.next_of("connection.ack").await;
    assert_eq!(shop.init("", &ann).await.close_code().await, Some(4103));
    drop((second, third));
    crate::metrics::expect(&shop.bridge, &[("rialto_connections", 1.0)]).await;
    let again = [shop.enter(&ann).await, shop.enter(&ann).await];
    let hits = r#"rialto_limit_hits_total{limit="max-connections-per-user"}"#;
    crate::metrics::expect(&shop.bridge, &[(hits, 7.0)]).await;
    drop(again);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handshakes_that_lead_to_nothing_keep_no_seat() {
    // A seat is given back right after its connection has stopped to count, so there is room for those that are about to be.
    let shop = Guarded::with(|config| config.limits.max_connections_per_user = 4).await;
    let ann = claims("ann", std::time::Duration::from_secs(600), &json!({"sid": "s1"}));
    let header = format!("Bearer {ann}");
    for _ in 0..5 {
        // Refused behind the look at its token, for its session and for its second token.
        assert_eq!(shop.ask("?session_id=s2", &[("authorization", &header)]).await.err().expect("no upgrade").0, 403);
        let mut client = shop.ask("", &[("authorization", &header), JSON]).await.expect("an upgrade");
        client.send(json!({"type": "connection.init", "data": {"token": token("bob", &[])}})).await;
        assert_eq!(client.close_code().await, Some(4001));
        shop.ask("", &[("authorization", &header), JSON]).await.expect("an upgrade").cut();
        crate::metrics::expect(&shop.bridge, &[("rialto_connections", 0.0)]).await;
    }
    let _both = [shop.enter(&ann).await, shop.enter(&ann).await];
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_of_a_user_are_counted_over_all_its_connections() {
    let shop = Guarded::with(|config| {
        (config.limits.user_commands_per_second, config.limits.user_commands_burst) = (1, 20);
        // Nobody's own connection is in the way.
        (config.limits.commands_per_second, config.limits.commands_burst) = (100_000, 100_000);
    })
    .await;
    let ann = token("ann", &[]);
    // Whether the upgrade or the first frame says who it is.
    let mut second = shop.init("", &ann).await;
    second.next_of("connection.ack").await;
    let mut tabs = [shop.enter(&ann).await.0, second];
    let (mut bob, _) = shop.enter(&token("bob", &[])).await;
    let (mut refused, mut first) = (Vec::new(), None);
    // On a slow machine a second passes now and then, and one more is allowed.
    for round in 0..200 {
        if refused.len() == 3 {
            break;
        }
        let tab: &mut Client = &mut tabs[round % 2];
        tab.send(json!({"type": "connection.heartbeat", "id": "h", "data": {}})).await;
        let answer = loop {
            let frame = tab.next().await;
            if frame["replyTo"] == "h" {
                break frame;
            }
        };
        if answer["type"] == "error" {
            refused.push(answer["data"].clone());
            first = first.or(Some(round));
        }
    }
    assert_eq!(refused.len(), 3, "{refused:?}");
    assert!(first >= Some(20), "the burst is theirs: {first:?}");
    for error in &refused {
        assert_eq!((&error["code"], &error["reason"]), (&json!(4004), &json!("user_rate_limited")));
        assert!((1..=1_000).contains(&error["retryAfterMs"].as_u64().expect("a wait")), "{error}");
    }
    assert_eq!(subscribe(&mut bob, json!({"name": "open"})).await, None, "others are others");
    // Whoever does not heed it is closed, and the other tab is not.
    for _ in 0..201 {
        tabs[0].send(json!({"type": "connection.heartbeat", "data": {}})).await;
    }
    assert_eq!(tabs[0].close_code().await, Some(4004));
    let mut told = None;
    for _ in 0..100 {
        told = told.or(subscribe(&mut tabs[1], json!({"name": "open"})).await);
    }
    assert_eq!(told, Some(4004));
    let hits = r#"rialto_limit_hits_total{limit="user-commands-per-second"}"#;
    let counted = crate::metrics::scrape(&shop.bridge).await;
    assert!(counted[hits] > 100.0, "{}", counted[hits]);
    let connections = r#"rialto_limit_hits_total{limit="commands-per-second"}"#;
    assert_eq!(counted[connections], 0.0, "no connection's own rate was in the way");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_who_comes_back_finds_what_was_left_of_its_replays() {
    let shop = Guarded::with(|config| {
        config.limits.replay_burst_bytes = 64 << 10;
        config.limits.replay_bytes_per_second = 1;
    })
    .await;
    for number in 0..10 {
        note(&shop, "1", &format!("{number}{}", "x".repeat(8_000))).await;
    }
    let past = ["order:1:read", "order:1:past"];
    let (ann, bob) = (token("ann", &past), token("bob", &past));
    let mut replayed = Vec::new();
    for (before, user) in [&ann, &ann, &ann, &bob].into_iter().enumerate() {
        // By its upgrade, and by its first frame.
        let mut client = if before == 1 { shop.init("", user).await } else { shop.enter(user).await.0 };
        client.subscribe(json!({"name": "order:1"})).await;
        client.next_on("order:1").await;
        let least = if before < 3 { 8.0 } else { 16.0 };
        let counted = crate::metrics::replayed(&shop.bridge, (before + 1) as f64, least);
        replayed.push(within("the burst", counted).await);
        client.cut();
    }
    assert!((8.0..=9.0).contains(&replayed[0]), "{replayed:?}");
    assert_eq!(replayed, [replayed[0], replayed[0], replayed[0], 2.0 * replayed[0]]);
}
