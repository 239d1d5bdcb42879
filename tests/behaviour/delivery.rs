//! Gapless, or told: what a subscriber gets over cuts, and what publishers are promised.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, interval};

use crate::harness::{Bridge, Client, Heard, progress, publish, within};

/// How often the subscriber is cut.
const CUTS: u32 = 200;
/// Events per second meanwhile. The channel keeps 1,000 events and 30 s, so no cut here outlasts its retention.
const RATE: u64 = 500;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acked_event_is_seen_by_whoever_subscribes_after_the_ack() {
    let bridge = Bridge::start().await;
    let mut publisher = bridge.publisher().await;
    for round in 1..=20_u64 {
        let position = publish(&mut publisher, progress("äö:1", &round.to_string())).await;
        assert_eq!((position.channel.as_str(), position.sequence), ("project:äö%3A1", round));
        let mut client = bridge.connect().await;
        client
            .subscribe(json!({"name": "project:äö%3A1", "after": {"epoch": position.epoch, "sequence": round - 1}}))
            .await;
        let subscribed = client.next_on("project:äö%3A1").await;
        assert_eq!(subscribed["data"]["recovered"], true);
        assert_eq!(subscribed["data"]["head"]["sequence"], round);
        assert_eq!(client.next_on("project:äö%3A1").await["data"]["message"], round.to_string());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_published_while_nobody_was_subscribed_come_with_the_next_subscribe() {
    let bridge = Bridge::start().await;
    let mut publisher = bridge.publisher().await;
    let mut client = bridge.connect().await;
    client.subscribe(json!({"name": "project:9"})).await;
    client.next_on("project:9").await;
    client.send(json!({"type": "channel.unsubscribe", "data": {"channels": ["project:9"]}})).await;
    client.next_of("channel.unsubscribed").await;
    publish(&mut publisher, progress("9", "unseen")).await;
    client.subscribe(json!({"name": "project:9"})).await;
    assert_eq!(client.next_on("project:9").await["data"]["head"]["sequence"], 1);
    assert_eq!(client.next_on("project:9").await["data"]["message"], "unseen");
}

/// A publisher at a fixed rate, until it is stopped; then it says how many were acked.
fn spawn_publisher(bridge: &Bridge, stop: Arc<AtomicBool>, acked: Arc<AtomicU64>) -> tokio::task::JoinHandle<u64> {
    let address = format!("http://{}", bridge.addresses.grpc);
    tokio::spawn(async move {
        use rialto::proto::rialto::v1::publisher_service_client::PublisherServiceClient;
        let mut publisher = PublisherServiceClient::connect(address).await.expect("gRPC is up");
        let mut clock = interval(Duration::from_micros(1_000_000 / RATE));
        while !stop.load(Ordering::Relaxed) {
            clock.tick().await;
            let number = acked.load(Ordering::Relaxed) + 1;
            let position = publish(&mut publisher, progress("cut", &number.to_string())).await;
            assert_eq!(position.sequence, number);
            acked.store(number, Ordering::Release);
        }
        acked.load(Ordering::Acquire)
    })
}

/// Reads until `until`, then cuts. Returns the last sequence seen.
async fn read_and_cut(mut client: Client, epoch: &str, last: u64, until: Instant) -> u64 {
    client.subscribe(json!({"name": "project:cut", "after": {"epoch": epoch, "sequence": last}})).await;
    let subscribed = client.next_on("project:cut").await;
    assert_eq!(subscribed["data"]["recovered"], true, "{subscribed}");
    let mut last = last;
    while let Ok(heard) = tokio::time::timeout_at(until, client.heard()).await {
        let Heard::Frame(frame) = heard else { panic!("{heard:?}") };
        if frame["channel"] == "project:cut" {
            assert_eq!(frame["sequence"], last + 1, "after {last} came {frame}");
            assert_eq!(frame["data"]["message"], (last + 1).to_string());
            last += 1;
        } else {
            assert_ne!(frame["type"], "channel.gap", "{frame}");
        }
    }
    client.cut();
    last
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscriber_that_is_cut_two_hundred_times_misses_nothing_and_sees_nothing_twice() {
    let bridge = Bridge::start().await;
    let (stop, acked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut first = bridge.connect().await;
    first.subscribe(json!({"name": "project:cut"})).await;
    let subscribed = first.next_on("project:cut").await;
    let epoch = subscribed["data"]["start"]["epoch"].as_str().expect("an epoch").to_owned();
    let publishing = spawn_publisher(&bridge, Arc::clone(&stop), Arc::clone(&acked));

    // Somebody who is never cut, to see that nobody else is disturbed.
    let witness = tokio::spawn(async move {
        let mut last = 0;
        loop {
            match first.heard().await {
                Heard::Frame(frame) if frame["channel"] == "project:cut" => {
                    assert_eq!(frame["sequence"], last + 1);
                    last += 1;
                    if frame["data"]["message"] == "last" {
                        return last;
                    }
                }
                Heard::Frame(frame) => assert_ne!(frame["type"], "channel.gap"),
                other => panic!("{other:?}"),
            }
        }
    });

    let mut last = 0;
    for cut in 0..CUTS {
        let client = bridge.connect().await;
        // From "at once" to 60 ms, never in step with the publisher.
        let open = Duration::from_micros(u64::from(cut * 7_919 % 60_000));
        last = read_and_cut(client, &epoch, last, Instant::now() + open).await;
    }
    stop.store(true, Ordering::Relaxed);
    let published = within("the publisher stops", publishing).await.expect("every event was acked");
    let mut publisher = bridge.publisher().await;
    publish(&mut publisher, progress("cut", "last")).await;

    let mut client = bridge.connect().await;
    client.subscribe(json!({"name": "project:cut", "after": {"epoch": epoch, "sequence": last}})).await;
    assert_eq!(client.next_on("project:cut").await["data"]["recovered"], true);
    while last <= published {
        let frame = client.next_on("project:cut").await;
        assert_eq!(frame["sequence"], last + 1);
        last += 1;
    }
    assert_eq!(within("the witness", witness).await.expect("undisturbed"), published + 1);
    assert!(published > 500, "only {published} events flowed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subscribers_of_one_channel_see_one_order_whoever_publishes() {
    const PUBLISHERS: u32 = 8;
    const EACH: u32 = 250;
    let bridge = Bridge::start().await;
    let mut clients = Vec::new();
    for _ in 0..20 {
        let mut client = bridge.connect_with_init().await;
        client.subscribe(json!({"name": "project:order"})).await;
        client.next_on("project:order").await;
        clients.push(client);
    }
    let mut publishers = Vec::new();
    for publisher in 0..PUBLISHERS {
        let mut client = bridge.publisher().await;
        publishers.push(tokio::spawn(async move {
            for event in 0..EACH {
                publish(&mut client, progress("order", &format!("{publisher}/{event}"))).await;
            }
        }));
    }
    // All at once: one that is not read while the others are would be taken for stuck on a busy machine.
    let mut readers = tokio::task::JoinSet::new();
    for mut client in clients {
        readers.spawn(async move {
            let mut order = Vec::new();
            while order.len() < (PUBLISHERS * EACH) as usize {
                let frame = client.next_on("project:order").await;
                assert_eq!(frame["sequence"], order.len() + 1);
                order.push(frame["data"]["message"].as_str().expect("text").to_owned());
            }
            order
        });
    }
    let orders = readers.join_all().await;
    assert!(orders.windows(2).all(|pair| pair[0] == pair[1]));
    for publisher in 0..PUBLISHERS {
        let own: Vec<_> = orders[0].iter().filter(|event| event.starts_with(&format!("{publisher}/"))).collect();
        assert_eq!(
            own,
            (0..EACH).map(|event| format!("{publisher}/{event}")).collect::<Vec<_>>().iter().collect::<Vec<_>>()
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_event_of_a_session_reaches_another() {
    let bridge = Bridge::start().await;
    let mut publisher = bridge.publisher().await;
    let mut ours = Client::open(bridge.addresses.listen, "?session_id=t1", None).await;
    let mut ours_too = Client::open(bridge.addresses.listen, "?session_id=t1", None).await;
    let mut other = Client::open(bridge.addresses.listen, "?session_id=t1%3A2", None).await;
    for client in [&mut ours, &mut ours_too] {
        client.next_on("session:t1").await;
    }
    other.next_on("session:t1%3A2").await;
    other.subscribe(json!({"name": "session:t1"})).await;
    let refused = other.next_of("error").await;
    assert_eq!(refused["data"]["code"], 4003, "{refused}");
    let event = |session: &str| {
        crate::harness::json_event("assistant", &json!({"sessionId": session, "content": format!("for {session}")}))
    };
    publish(&mut publisher, event("t1")).await;
    publish(&mut publisher, event("t1:2")).await;
    for client in [&mut ours, &mut ours_too] {
        assert_eq!(client.next_on("session:t1").await["data"]["content"], "for t1");
    }
    let first = other.next_of("assistant").await;
    assert_eq!((&first["channel"], &first["data"]["content"]), (&json!("session:t1%3A2"), &json!("for t1:2")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_one_of_many_subscribers_gets_every_event() {
    // More than a shard visits in one turn, on one shard, so that a sweep is interrupted and goes on.
    const SUBSCRIBERS: usize = 300;
    const EVENTS: u64 = 3;
    let bridge = Bridge::with(|config| config.limits.shards = 1).await;
    let mut clients = Vec::new();
    for _ in 0..SUBSCRIBERS {
        let mut client = bridge.connect().await;
        client.subscribe(json!({"name": "project:many"})).await;
        client.next_on("project:many").await;
        clients.push(client);
    }
    let mut publisher = bridge.publisher().await;
    for number in 1..=EVENTS {
        publish(&mut publisher, progress("many", &number.to_string())).await;
        for client in &mut clients {
            assert_eq!(client.next_on("project:many").await["sequence"], number);
        }
    }
}
