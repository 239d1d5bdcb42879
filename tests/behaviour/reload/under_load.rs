//! Reloads while events flow: nothing is lost, nothing comes twice, and a broken schema changes nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rialto::proto::rialto::v1::publisher_service_client::PublisherServiceClient;
use rialto::proto::rialto::v1::{Event, PublishRequest};
use serde_json::json;
use tokio::task::JoinHandle;
use tokio::time::interval;
use tonic::Code;
use tonic::transport::Channel;

use super::{Shop, event_of, first_schema, noted};
use crate::harness::{Client, Heard, json_event, publish, within};

const SUBSCRIBERS: usize = 200;
const CHANNELS: usize = 10;
/// Events a second over all channels, each to twenty subscribers.
const RATE: u64 = 100;
/// How often the schema changes; before each change a broken one is refused.
const RELOADS: usize = 100;

/// What a subscriber has seen: the notes of its channel in order, by event type.
type Seen = BTreeMap<String, Vec<String>>;

/// Reads without a hole until the last word of its channel. Filtered subscribers see jumps, so their events are told apart
/// by their notes.
fn follow(mut client: Client, channel: usize, jumps: bool) -> JoinHandle<(Seen, Client)> {
    let name = format!("order:{channel}");
    tokio::spawn(async move {
        let (mut seen, mut last) = (Seen::new(), 0);
        loop {
            let frame = match client.heard().await {
                Heard::Frame(frame) => frame,
                other => panic!("{name}: {other:?}"),
            };
            if frame["channel"] != json!(name) {
                assert!(
                    !["channel.gap", "channel.reset", "channel.unsubscribed", "error"]
                        .contains(&frame["type"].as_str().unwrap_or_default()),
                    "{frame}"
                );
                continue;
            }
            let sequence = frame["sequence"].as_u64().expect("events have one");
            assert!(sequence == last + 1 || (jumps && sequence > last), "after {last} came {frame}");
            last = sequence;
            let note = frame["data"]["note"].as_str().expect("a note").to_owned();
            let is_last = note == "last";
            seen.entry(frame["type"].as_str().expect("a type").to_owned()).or_default().push(note);
            if is_last {
                return (seen, client);
            }
        }
    })
}

/// Publishes an event of a type that the bridge is about to learn.
async fn publish_once_known(publisher: &mut PublisherServiceClient<Channel>, event: Event) {
    let publishing = async {
        loop {
            match publisher.publish(PublishRequest { event: Some(event.clone()) }).await {
                Ok(_) => return,
                Err(status) => assert_eq!(status.code(), Code::InvalidArgument, "{status}"),
            }
        }
    };
    within("the new type is known", publishing).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reloads_under_load_lose_nothing_repeat_nothing_and_broken_schemas_change_nothing() {
    let shop = Shop::open(&first_schema()).await;
    // Each channel has subscribers to everything, to what begins with `order.`, and to `added.`, of which there is none yet.
    let patterns = [json!([]), json!(["order.*"]), json!(["added.*", "order.noted"])];
    let mut following = Vec::new();
    for number in 0..SUBSCRIBERS {
        let (channel, types) = (number % CHANNELS, number / CHANNELS % patterns.len());
        let mut client = shop.bridge.connect().await;
        let name = format!("order:{channel}");
        client.subscribe(json!({ "name": name, "types": patterns[types] })).await;
        client.next_on(&name).await;
        following.push((channel, types, follow(client, channel, types > 0)));
    }

    let stop = Arc::new(AtomicBool::new(false));
    let publishing = {
        let (mut publisher, stop) = (shop.bridge.publisher().await, Arc::clone(&stop));
        tokio::spawn(async move {
            let mut clock = interval(Duration::from_micros(1_000_000 / RATE));
            let mut notes = vec![Vec::new(); CHANNELS];
            for number in 0.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                clock.tick().await;
                let channel = number % CHANNELS;
                publish(&mut publisher, noted(channel, &number.to_string())).await;
                notes[channel].push(number.to_string());
            }
            notes
        })
    };

    let mut publisher = shop.bridge.publisher().await;
    let mut schema = first_schema();
    for reload in 1..=RELOADS {
        let broken = format!("{schema}{}", event_of("Broken", "order.noted"));
        let (status, answer) = shop.reload(&broken, json!({ "allowBreaking": true })).await;
        assert_eq!(status, 400, "{answer}");
        let mistake = &answer["details"][1]["mistakes"][0];
        let file = shop.folder.path().join("shop.proto").display().to_string();
        assert_eq!((mistake["file"].as_str(), mistake["column"].as_u64()), (Some(&*file), Some(38)), "{answer}");
        assert!(mistake["line"].as_u64().is_some_and(|line| line > 10), "{answer}");

        schema.push_str(&event_of(&format!("Added{reload}"), &format!("added.n{reload}")));
        // Published as soon as the bridge takes it, to subscriptions that were there before the type was.
        let adding = async {
            for channel in 0..CHANNELS {
                let data = json!({ "orderId": channel.to_string(), "note": reload.to_string() });
                publish_once_known(&mut publisher, json_event(&format!("added.n{reload}"), &data)).await;
            }
        };
        let ((status, answer), ()) = tokio::join!(shop.reload(&schema, json!({})), adding);
        assert_eq!((status, answer["revision"].as_u64()), (200, Some(reload as u64 + 1)), "{answer}");
    }
    stop.store(true, Ordering::Relaxed);
    let notes = within("the publisher stops", publishing).await.expect("every event was acked");
    for channel in 0..CHANNELS {
        publish(&mut publisher, noted(channel, "last")).await;
    }

    for (channel, types, following) in following {
        let (mut seen, _client) = within("a subscriber", following).await.expect("undisturbed");
        let noted = seen.remove("order.noted").expect("noted events");
        assert_eq!(noted[..noted.len() - 1], notes[channel], "subscriber of order:{channel} to {types}");
        let expected = (1..=RELOADS).map(|reload| (format!("added.n{reload}"), vec![reload.to_string()]));
        let expected: Seen = if types == 1 { Seen::new() } else { expected.collect() };
        assert_eq!(seen, expected, "subscriber of order:{channel} to {types}");
    }
    let published: usize = notes.iter().map(Vec::len).sum();
    assert!(published > RELOADS, "only {published} events flowed");
}
