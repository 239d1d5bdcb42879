//! What a scrape says after known traffic, number by number.

use std::collections::BTreeMap;
use std::time::Duration;

use rialto::proto::rialto::v1::PublishRequest;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{Bridge, Client, json_event, patience, progress, publish, within};

/// Every series of a scrape, as it stands in the text, with its value.
pub(crate) type Scrape = BTreeMap<String, f64>;

pub(crate) async fn scrape(bridge: &Bridge) -> Scrape {
    let text = get(bridge, "GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await;
    let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert!(head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"), "{head}");
    let samples = body.lines().filter(|line| !line.starts_with('#'));
    let sample = |line: &str| {
        let (series, value) = line.rsplit_once(' ').expect("a series and its value");
        (series.to_owned(), value.parse().expect("a number"))
    };
    samples.map(sample).collect()
}

async fn get(bridge: &Bridge, request: &str) -> String {
    let mut stream = TcpStream::connect(bridge.addresses.admin).await.expect("the port is open");
    stream.write_all(request.as_bytes()).await.expect("the port reads");
    let mut answer = String::new();
    within("the answer", stream.read_to_string(&mut answer)).await.expect("text");
    answer
}

/// Scrapes until all these series have these values; what a shard does shows a moment later.
pub(crate) async fn expect(bridge: &Bridge, expected: &[(&str, f64)]) -> Scrape {
    let mut pause = tokio::time::interval(Duration::from_millis(10));
    let told = async {
        loop {
            let scrape = scrape(bridge).await;
            let wrong: Vec<String> = expected
                .iter()
                .filter(|(series, value)| scrape.get(*series).copied().unwrap_or(0.0) != *value)
                .map(|(series, value)| format!("{series} is {:?}, not {value}", scrape.get(*series)))
                .collect();
            if wrong.is_empty() {
                return scrape;
            }
            pause.tick().await;
        }
    };
    let Ok(scrape) = tokio::time::timeout(patience(), told).await else {
        panic!("expected {expected:?}, found {:#?}", scrape(bridge).await);
    };
    scrape
}

/// How many events were replayed when so many replays wait for their pace. A shard counts events at the end of its turn, a limit at
/// once: so there are `least`, or its turn has not ended.
pub(crate) async fn replayed(bridge: &Bridge, waiting: f64, least: f64) -> f64 {
    loop {
        let told = expect(bridge, &[("rialto_limit_hits_total{limit=\"replay-bytes-per-second\"}", waiting)]).await;
        let replayed = told["rialto_replay_events_total"];
        if replayed >= least {
            return replayed;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn known_traffic_is_counted_exactly() {
    let bridge = Bridge::start().await;
    let mut clients = Vec::new();
    for _ in 0..3 {
        let mut client = bridge.connect().await;
        client.subscribe(json!({"name": "project:42"})).await;
        client.next_on("project:42").await;
        clients.push(client);
    }
    let mut publisher = bridge.publisher().await;
    for number in 0..10 {
        publish(&mut publisher, progress("42", &number.to_string())).await;
    }
    let mut keyed = progress("nobody reads this", "x");
    keyed.idempotency_key = "k".into();
    for _ in 0..2 {
        publish(&mut publisher, keyed.clone()).await;
    }
    let refused = json_event("no.such.type", &json!({}));
    publisher.publish(PublishRequest { event: Some(refused) }).await.expect_err("an unknown type");
    for client in &mut clients {
        for sequence in 1..=10 {
            assert_eq!(client.next_on("project:42").await["sequence"], sequence);
        }
    }
    let told = expect(
        &bridge,
        &[
            ("rialto_connections", 3.0),
            ("rialto_connections_opened_total", 3.0),
            ("rialto_events_published_total{type=\"process.progress\"}", 11.0),
            ("rialto_events_duplicate_total", 1.0),
            ("rialto_events_appended_total", 11.0),
            ("rialto_events_delivered_total{type=\"process.progress\"}", 30.0),
            ("rialto_acks_total{code=\"OK\"}", 12.0),
            ("rialto_acks_total{code=\"INVALID_ARGUMENT\"}", 1.0),
            ("rialto_publish_refused_total{reason=\"unknown_event_type\"}", 1.0),
            ("rialto_gaps_total", 0.0),
            ("rialto_ready", 1.0),
        ],
    )
    .await;
    // Some channels are subscribed on connect.
    let subscriptions = told["rialto_subscriptions"];
    assert!(subscriptions >= 6.0 && subscriptions % 3.0 == 0.0, "{subscriptions}");
    assert_eq!(told["rialto_subscribed_total{start=\"fresh\"}"], subscriptions);
    let latencies = told["rialto_delivery_latency_seconds_count"];
    assert!((1.0..=30.0).contains(&latencies), "{latencies} samples");
    assert_eq!(told["rialto_delivery_latency_seconds_bucket{le=\"+Inf\"}"], latencies);
    assert!(told["rialto_socket_sent_bytes_total"] > 30.0 * 100.0);
    assert!(told["rialto_socket_received_bytes_total"] > 3.0 * 50.0);
    assert!(told["rialto_publish_received_bytes_total"] > 12.0 * 50.0);
    assert!(told["rialto_log_bytes"] < told["rialto_log_limit_bytes"]);

    let mut client = clients.pop().expect("three");
    client.send(json!({"type": "channel.subscribe", "data": {"channels": [{"name": "nothing matches this"}]}})).await;
    assert_eq!(client.next_of("error").await["data"]["code"], 4006);
    client.cut();
    drop(clients);
    expect(
        &bridge,
        &[
            ("rialto_errors_sent_total{code=\"4006\"}", 1.0),
            ("rialto_connections", 0.0),
            ("rialto_subscriptions", 0.0),
            ("rialto_connections_closed_total{code=\"1006\",by=\"network\"}", 3.0),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_replayed_is_counted_apart_from_what_is_live() {
    let bridge = Bridge::start().await;
    let mut publisher = bridge.publisher().await;
    let first = publish(&mut publisher, progress("42", "1")).await;
    for number in 2..=10 {
        publish(&mut publisher, progress("42", &number.to_string())).await;
    }
    let mut client = bridge.connect().await;
    client.subscribe(json!({"name": "project:42", "after": {"epoch": first.epoch, "sequence": 4}})).await;
    assert_eq!(client.next_on("project:42").await["data"]["recovered"], true);
    for sequence in 5..=10 {
        assert_eq!(client.next_on("project:42").await["sequence"], sequence);
    }
    let replayed = |live: f64| {
        [
            ("rialto_events_delivered_total{type=\"process.progress\"}", 6.0 + live),
            ("rialto_replay_events_total", 6.0),
            ("rialto_subscribed_total{start=\"resumed\"}", 1.0),
            // Whoever was away is not slow, and what waited for it was not.
            ("rialto_reader_lag_events_count", live),
            ("rialto_delivery_latency_seconds_count", live),
        ]
    };
    expect(&bridge, &replayed(0.0)).await;
    for sequence in 11..=13 {
        publish(&mut publisher, progress("42", &sequence.to_string())).await;
        assert_eq!(client.next_on("project:42").await["sequence"], sequence);
    }
    expect(&bridge, &replayed(3.0)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_that_has_to_wait_is_counted_as_held_back() {
    let bridge = Bridge::with(|config| {
        config.limits.replay_burst_bytes = 4 << 10;
        config.limits.replay_bytes_per_second = 64 << 10;
    })
    .await;
    let mut publisher = bridge.publisher().await;
    let filler = "x".repeat(1 << 10);
    let first = publish(&mut publisher, progress("42", &filler)).await;
    for _ in 2..=20 {
        publish(&mut publisher, progress("42", &filler)).await;
    }
    let mut client = bridge.connect().await;
    client.subscribe(json!({"name": "project:42", "after": {"epoch": first.epoch, "sequence": 0}})).await;
    client.next_on("project:42").await;
    for sequence in 1..=20 {
        assert_eq!(client.next_on("project:42").await["sequence"], sequence);
    }
    let told = expect(&bridge, &[("rialto_replay_events_total", 20.0)]).await;
    assert!(told["rialto_limit_hits_total{limit=\"replay-bytes-per-second\"}"] >= 1.0, "{told:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_position_of_another_log_is_counted_as_lost_and_reset() {
    let bridge = Bridge::start().await;
    let mut client = bridge.connect().await;
    client.subscribe(json!({"name": "project:42", "after": {"epoch": "of another life", "sequence": 4}})).await;
    assert_eq!(client.next_on("project:42").await["data"]["recovered"], false);
    assert_eq!(client.next_on("project:42").await["type"], "channel.reset");
    let told = [
        ("rialto_resets_total", 1.0),
        ("rialto_subscribed_total{start=\"lost\"}", 1.0),
        ("rialto_subscribed_total{start=\"resumed\"}", 0.0),
    ];
    expect(&bridge, &told).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_that_is_hit_is_counted_under_its_name() {
    let bridge = Bridge::with(|config| {
        config.limits.max_subscriptions = 2;
        config.limits.commands_burst = 3;
        // So few that none comes back while the test is slow.
        config.limits.commands_per_second = 1;
        config.limits.max_event_bytes = 1_000;
        config.limits.max_elements = 10;
        config.limits.init_timeout = Duration::from_millis(50);
        config.limits.max_message_bytes = 1_000;
    })
    .await;
    let mut client = bridge.connect().await;
    for channel in ["project:1", "project:2"] {
        client.subscribe(json!({"name": channel})).await;
    }
    for _ in 0..2 {
        client.send(json!({"type": "connection.heartbeat"})).await;
    }
    // Some of those that are subscribed on connect do not fit either.
    let mut too_many = 0.0;
    while client.next_of("error").await["data"]["code"] == 4008 {
        too_many += 1.0;
    }
    assert!(too_many >= 2.0, "{too_many}");
    client.send(json!({"type": "connection.heartbeat", "id": "x".repeat(1_000)})).await;
    assert_eq!(client.close_code().await, Some(1009));
    let mut silent = Client::open(bridge.addresses.listen, "", Some("rialto.v1.json")).await;
    assert_eq!(silent.close_code().await, Some(4501));

    let mut publisher = bridge.publisher().await;
    let large = progress("1", &"x".repeat(2_000));
    publisher.publish(PublishRequest { event: Some(large) }).await.expect_err("too large");
    expect(
        &bridge,
        &[
            ("rialto_limit_hits_total{limit=\"max-subscriptions\"}", too_many),
            ("rialto_errors_sent_total{code=\"4008\"}", too_many),
            ("rialto_errors_sent_total{code=\"4004\"}", 1.0),
            ("rialto_limit_hits_total{limit=\"commands-per-second\"}", 1.0),
            ("rialto_limit_hits_total{limit=\"max-message-bytes\"}", 1.0),
            ("rialto_limit_hits_total{limit=\"init-timeout\"}", 1.0),
            ("rialto_limit_hits_total{limit=\"max-event-bytes\"}", 1.0),
            ("rialto_limit_hits_total{limit=\"max-connections\"}", 0.0),
            ("rialto_connections_closed_total{code=\"1009\",by=\"bridge\"}", 1.0),
            ("rialto_connections_closed_total{code=\"4501\",by=\"bridge\"}", 1.0),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_peers_say_never_becomes_a_label() {
    let bridge = Bridge::start().await;
    let before = scrape(&bridge).await;
    let mut publisher = bridge.publisher().await;
    let mut client = bridge.connect().await;
    for number in 0..50 {
        let secret = format!("sesame{number}");
        let mut event = progress(&secret, &secret);
        event.metadata.insert(secret.clone(), secret.clone());
        event.idempotency_key.clone_from(&secret);
        publish(&mut publisher, event).await;
        let refused = json_event(&format!("sesame.type{number}"), &json!({"sesame": secret}));
        publisher.publish(PublishRequest { event: Some(refused) }).await.expect_err("an unknown type");
        client.subscribe(json!({"name": format!("project:{secret}"), "types": ["process.*"]})).await;
        client.next_on(&format!("project:{secret}")).await;
    }
    let request = "GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    let text = get(&bridge, request).await;
    assert!(!text.contains("sesame"), "{text}");
    let after = scrape(&bridge).await;
    let new: Vec<&String> = after.keys().filter(|series| !before.contains_key(*series)).collect();
    assert!(new.len() <= 7, "{new:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_web_page_cannot_read_the_metrics() {
    let bridge = Bridge::start().await;
    for (headers, status) in [
        ("host: localhost\r\n", "200"),
        ("host: evil.example\r\n", "421"),
        ("host: localhost\r\norigin: http://evil.example\r\n", "403"),
        ("host: localhost\r\naccept: application/openmetrics-text;version=1.0.0\r\n", "200"),
    ] {
        let text = get(&bridge, &format!("GET /metrics HTTP/1.1\r\n{headers}connection: close\r\n\r\n")).await;
        assert!(text.starts_with(&format!("HTTP/1.1 {status}")), "{headers}: {text}");
        let is_open_metrics = text.contains("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8");
        assert_eq!(is_open_metrics, headers.contains("accept"), "{text}");
        assert_eq!(text.ends_with("# EOF\n"), is_open_metrics, "{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn channels_are_listed_the_busiest_first_or_page_by_page() {
    let bridge = Bridge::start().await;
    let mut client = bridge.connect().await;
    client.subscribe(json!({"name": "project:quiet ä"})).await;
    client.next_on("project:quiet ä").await;
    let mut publisher = bridge.publisher().await;
    for (project, events) in [("busy", 40), ("quiet ä", 1), ("medium", 10)] {
        for number in 0..events {
            publish(&mut publisher, progress(project, &number.to_string())).await;
        }
    }
    let names = |answer: &Value| -> Vec<String> {
        let channels = answer["channels"].as_array().expect("channels");
        channels.iter().map(|channel| channel["name"].as_str().expect("a name").to_owned()).collect()
    };
    let (status, answer) = bridge.admin("ListChannels", &json!({"prefix": "project:", "limit": 2})).await;
    assert_eq!((status, &answer["total"]), (200, &json!(3)), "{answer}");
    assert_eq!(names(&answer), ["project:busy", "project:medium"], "{answer}");
    let busy = &answer["channels"][0];
    assert_eq!((&busy["head"]["sequence"], &busy["oldest"]), (&json!(40), &json!(1)), "{answer}");
    assert_eq!(
        (&busy["subscriptions"], &busy["template"]),
        (&json!(0), &json!("project.v1.ProjectChannel")),
        "{answer}"
    );
    assert!(busy["eventsPerSecond"].as_f64().is_some_and(|rate| rate > 0.0 && rate <= 8.0), "{answer}");
    assert!(busy["logBytes"].as_u64().is_some_and(|bytes| bytes > 40 * 100), "{answer}");

    let page = |after: String| json!({"prefix": "project:", "limit": 2, "order": "CHANNEL_ORDER_NAME", "after": after});
    let (_, first) = bridge.admin("ListChannels", &page(String::new())).await;
    assert_eq!(names(&first), ["project:busy", "project:medium"], "{first}");
    let (_, second) = bridge.admin("ListChannels", &page(first["next"].as_str().expect("a name").to_owned())).await;
    assert_eq!(names(&second), ["project:quiet ä"], "{second}");
    assert_eq!((&second["next"], &second["channels"][0]["subscriptions"]), (&json!(""), &json!(1)), "{second}");
    let (status, answer) = bridge.admin("ListChannels", &json!({"limit": "many"})).await;
    assert_eq!((status, &answer["code"]), (400, &json!("INVALID_ARGUMENT")), "{answer}");
}
