//! The binary subprotocol on the real bridge: gapless, or told, and the same events as in JSON.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rialto::proto::project::v1::ProcessProgress;
use rialto::proto::rialto::v1 as proto;
use serde_json::json;
use tokio::time::{Instant, interval};

use crate::harness::{Bridge, Client, Heard, progress, publish, within};

const CHANNEL: &str = "project:cut";
/// How often the subscriber is cut; it comes back in the other form each time.
const CUTS: u32 = 60;
/// Events per second meanwhile, far below what the channel keeps.
const RATE: u64 = 500;

/// A connection in binary, behind its ack.
async fn open(bridge: &Bridge) -> Client {
    let mut client = Client::open(bridge.addresses.listen, "", Some("rialto.v1.proto")).await;
    client.send_binary("connection.init", &proto::ConnectionInit::default()).await;
    assert_eq!(next(&mut client).await.r#type, "connection.ack");
    client
}

async fn next(client: &mut Client) -> proto::Frame {
    match client.heard().await {
        Heard::Binary(frame) => *frame,
        other => panic!("expected a binary frame, got {other:?}"),
    }
}

/// The next frame about the channel; others of the connection's opening are passed over.
async fn next_on_channel(client: &mut Client) -> proto::Frame {
    loop {
        let frame = next(client).await;
        let is_about = match frame.r#type.as_str() {
            "channel.subscribed" => decode::<proto::ChannelSubscribed>(&frame).channel == CHANNEL,
            "channel.gap" | "channel.reset" | "channel.position" | "error" => true,
            _ => frame.channel == CHANNEL,
        };
        if is_about {
            return frame;
        }
    }
}

fn decode<M: prost::Message + Default>(frame: &proto::Frame) -> M {
    M::decode(frame.data.clone()).unwrap_or_else(|error| panic!("{frame:?}: {error}"))
}

async fn subscribe(client: &mut Client, after: Option<proto::Position>) -> proto::ChannelSubscribed {
    let channel = proto::Subscription { name: CHANNEL.into(), after, ..Default::default() };
    client.send_binary("channel.subscribe", &proto::ChannelSubscribe { channels: vec![channel] }).await;
    let frame = next_on_channel(client).await;
    assert_eq!(frame.r#type, "channel.subscribed", "{frame:?}");
    decode(&frame)
}

/// The number of the event that follows `last`.
fn expect(frame: &proto::Frame, last: u64) -> u64 {
    assert_eq!((frame.r#type.as_str(), frame.sequence), ("process.progress", last + 1), "{frame:?}");
    frame.sequence
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscriber_that_is_cut_and_comes_back_in_the_other_form_misses_nothing() {
    let bridge = Bridge::start().await;
    let mut witness = open(&bridge).await;
    let epoch = subscribe(&mut witness, None).await.start.expect("a start").epoch;
    let stop = Arc::new(AtomicBool::new(false));
    let publishing = {
        let (mut publisher, stop) = (bridge.publisher().await, Arc::clone(&stop));
        tokio::spawn(async move {
            let mut clock = interval(Duration::from_micros(1_000_000 / RATE));
            let mut published = 0;
            while !stop.load(Ordering::Relaxed) {
                clock.tick().await;
                published += 1;
                publish(&mut publisher, progress("cut", &published.to_string())).await;
            }
            published
        })
    };
    // Somebody who is never cut.
    let witness = tokio::spawn(async move {
        let mut last = 0;
        loop {
            let frame = next_on_channel(&mut witness).await;
            last = expect(&frame, last);
            if decode::<ProcessProgress>(&frame).message == "last" {
                return last;
            }
        }
    });

    let mut last = 0;
    for cut in 0..CUTS {
        let until = Instant::now() + Duration::from_micros(u64::from(cut * 7_919 % 60_000));
        if cut % 2 == 0 {
            let mut client = open(&bridge).await;
            let after = proto::Position { epoch: epoch.clone(), sequence: last };
            assert_eq!(subscribe(&mut client, Some(after)).await.recovered, Some(true));
            while let Ok(frame) = tokio::time::timeout_at(until, next_on_channel(&mut client)).await {
                last = expect(&frame, last);
                assert_eq!(decode::<ProcessProgress>(&frame).message, last.to_string());
            }
            client.cut();
        } else {
            let mut client = bridge.connect_with_init().await;
            client.subscribe(json!({"name": CHANNEL, "after": {"epoch": epoch, "sequence": last}})).await;
            assert_eq!(client.next_on(CHANNEL).await["data"]["recovered"], true);
            while let Ok(frame) = tokio::time::timeout_at(until, client.next_on(CHANNEL)).await {
                assert_eq!(
                    (&frame["sequence"], &frame["data"]["message"]),
                    (&json!(last + 1), &json!((last + 1).to_string()))
                );
                last += 1;
            }
            client.cut();
        }
    }
    stop.store(true, Ordering::Relaxed);
    let published = within("the publisher stops", publishing).await.expect("every event was acked");
    let mut publisher = bridge.publisher().await;
    publish(&mut publisher, progress("cut", "last")).await;
    assert_eq!(within("the witness", witness).await.expect("undisturbed"), published + 1);
    let mut client = open(&bridge).await;
    subscribe(&mut client, Some(proto::Position { epoch, sequence: last })).await;
    while last <= published {
        last = expect(&next_on_channel(&mut client).await, last);
    }
    assert!(published > 100, "only {published} events flowed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_of_both_forms_side_by_side_get_each_event_in_their_own() {
    // On one shard, at one cursor: what one reads must never be what the other gets.
    let bridge = Bridge::with(|config| config.limits.shards = 1).await;
    let mut publisher = bridge.publisher().await;
    let (mut binaries, mut texts) = (Vec::new(), Vec::new());
    for _ in 0..10 {
        let mut client = open(&bridge).await;
        subscribe(&mut client, None).await;
        binaries.push(client);
        let mut client = bridge.connect_with_init().await;
        client.subscribe(json!({"name": CHANNEL})).await;
        client.next_on(CHANNEL).await;
        texts.push(client);
    }
    for number in 1..=50_u64 {
        publish(&mut publisher, progress("cut", &number.to_string())).await;
        for (binary, text) in binaries.iter_mut().zip(&mut texts) {
            let frame = next_on_channel(binary).await;
            let progress: ProcessProgress = decode(&frame);
            let json = text.next_on(CHANNEL).await;
            assert_eq!(
                json["data"],
                json!({
                    "projectId": progress.project_id,
                    "processId": progress.process_id,
                    "progress": progress.progress,
                    "message": number.to_string(),
                })
            );
            assert_eq!((expect(&frame, number - 1), &json["sequence"]), (number, &json!(number)));
            assert_eq!((&json["id"], &progress.message), (&json!(frame.id), &number.to_string()));
        }
    }
}
