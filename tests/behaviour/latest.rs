//! Delivery classes from outside: many keys for readers who cannot take them all, and events that are now or never.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

use prost::Message as _;
use rialto::proto::rialto::v1::{Event, PublishStreamRequest, ack, event};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::harness::{Bridge, Client, json_event, publish, within};
use crate::metrics::expect;
use crate::slow::narrow;

const BOARD: &str = r#"
syntax = "proto3";
package board.v1;
import "rialto/v1/options.proto";
message BoardChannel {
  option (rialto.v1.channel) = { template: "board:{board_id}", history: 2 };
  string board_id = 1;
}
message CellSet {
  option (rialto.v1.event) = { type: "cell.set", channels: ["BoardChannel"], delivery: DELIVERY_LATEST };
  string board_id = 1;
  uint32 cell = 2 [(rialto.v1.field).key = true];
  uint32 value = 3;
  string filler = 4;
}
message NoteAdded {
  option (rialto.v1.event) = { type: "note.added", channels: ["BoardChannel"] };
  string board_id = 1;
}
message PointerMoved {
  option (rialto.v1.event) = { type: "pointer.moved", channels: ["BoardChannel"], delivery: DELIVERY_EPHEMERAL };
  string board_id = 1;
  uint32 x = 2;
}
"#;

#[derive(Clone, PartialEq, prost::Message)]
struct CellSet {
    #[prost(string, tag = "1")]
    board_id: String,
    #[prost(uint32, tag = "2")]
    cell: u32,
    #[prost(uint32, tag = "3")]
    value: u32,
    #[prost(string, tag = "4")]
    filler: String,
}

fn cell(board: &str, cell: u32, value: u32) -> Event {
    let set = CellSet { board_id: board.into(), cell, value, filler: "x".repeat(40) };
    let payload = pbjson_types::Any { type_url: "t/board.v1.CellSet".into(), value: set.encode_to_vec().into() };
    Event { body: Some(event::Body::Payload(payload)), ..Event::default() }
}

async fn board() -> (Bridge, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("board.proto"), BOARD).expect("written");
    let bridge = Bridge::with(|config| {
        config.schema = vec![folder.path().to_owned()];
        config.limits.write_timeout = Duration::from_secs(60);
        // Room for every key, also when all of them have outlived their retention.
        config.limits.max_channel_bytes = 32 << 20;
    })
    .await;
    (bridge, folder)
}

/// What a client has of a channel: every event is seen, passed over or lost, each once and in order.
#[derive(Default)]
struct Ledger {
    at: u64,
    cells: HashMap<u64, u64>,
    seen: u64,
    conflated: u64,
    lost: u64,
}

impl Ledger {
    fn take(&mut self, frame: &Value) {
        let data = &frame["data"];
        let number = |value: &Value| value.as_u64().unwrap_or_else(|| panic!("a number: {frame}"));
        match frame["type"].as_str().expect("a type") {
            "channel.subscribed" => self.at = number(&data["start"]["sequence"]),
            "channel.position" => {
                let to = number(&data["position"]["sequence"]);
                assert!(to > self.at, "{frame} at {}", self.at);
                self.conflated += number(&data["conflated"]);
                self.at = to;
            }
            "channel.gap" => {
                assert_eq!(number(&data["first"]), self.at + 1);
                self.lost += number(&data["last"]) - self.at;
                self.at = number(&data["last"]);
            }
            _ => {
                assert_eq!(number(&frame["sequence"]), self.at + 1, "a jump without a word");
                self.at += 1;
                self.seen += 1;
                if frame["type"] == "cell.set" {
                    self.cells.insert(number(&data["cell"]), number(&data["value"]));
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_readers_of_ten_thousand_keys_converge_to_the_newest_of_each() {
    const KEYS: u32 = 10_000;
    const UPDATES: u32 = 40_000;
    let (bridge, _folder) = board().await;
    let mut slow = Vec::new();
    for _ in 0..2 {
        let mut client = Client::on(narrow(&bridge).await, bridge.addresses.listen, "", None).await;
        client.subscribe(json!({"name": "board:b"})).await;
        let mut ledger = Ledger::default();
        ledger.take(&client.next_on("board:b").await);
        slow.push((client, ledger));
    }

    // Every key once, and then some more often than others.
    let key = |update: u32| if update < KEYS { update } else { update.wrapping_mul(2_654_435_761) % KEYS };
    let mut newest = HashMap::new();
    let mut requests = Vec::new();
    for first in (0..UPDATES).step_by(500) {
        let updates = first..first + 500;
        newest.extend(updates.clone().map(|update| (u64::from(key(update)), u64::from(update))));
        requests.push(PublishStreamRequest { events: updates.map(|update| cell("b", key(update), update)).collect() });
    }
    let mut publisher = bridge.publisher().await;
    let (sender, receiver) = mpsc::channel(4);
    let publishing = tokio::spawn(async move {
        let sending = tokio::spawn(async move {
            for request in requests {
                sender.send(request).await.expect("the stream is open");
            }
        });
        let mut acks = publisher.publish_stream(ReceiverStream::new(receiver)).await.expect("a stream").into_inner();
        let mut accepted = 0;
        while let Some(response) = within("acks", acks.message()).await.expect("acks") {
            accepted += response.acks.iter().filter(|ack| matches!(ack.result, Some(ack::Result::Accepted(_)))).count();
        }
        sending.await.expect("sent");
        accepted
    });

    let mut pause = tokio::time::interval(Duration::from_millis(5));
    while !publishing.is_finished() {
        pause.tick().await;
        for (client, ledger) in &mut slow {
            let mut turn = 0..5;
            while turn.next().is_some() && ledger.at < u64::from(UPDATES) {
                ledger.take(&client.next_on("board:b").await);
            }
        }
    }
    assert_eq!(publishing.await.expect("published"), UPDATES as usize);
    let mut late = bridge.connect().await;
    late.subscribe(json!({"name": "board:b"})).await;
    slow.push((late, Ledger::default()));
    for (index, (client, ledger)) in slow.iter_mut().enumerate() {
        while ledger.at < u64::from(UPDATES) {
            ledger.take(&client.next_on("board:b").await);
        }
        assert_eq!(ledger.lost, 0, "reader {index}: every key fits");
        assert!(ledger.cells == newest, "reader {index} has the newest value of each of {} keys", newest.len());
        if index < 2 {
            assert_eq!(ledger.seen + ledger.conflated, u64::from(UPDATES), "reader {index}");
            assert!(ledger.conflated > u64::from(KEYS), "reader {index} never fell behind: nothing was shown");
        } else {
            assert_eq!(ledger.seen, u64::from(KEYS), "a first subscribe gets each key once");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_keeps_pace_gets_every_update_of_one_key() {
    let (bridge, _folder) = board().await;
    let mut client = bridge.connect().await;
    client.subscribe(json!({"name": "board:b"})).await;
    let mut ledger = Ledger::default();
    ledger.take(&client.next_on("board:b").await);
    let mut publisher = bridge.publisher().await;
    for value in 1..=50 {
        publish(&mut publisher, cell("b", 7, value)).await;
        ledger.take(&client.next_on("board:b").await);
        assert_eq!((ledger.cells[&7], ledger.seen), (u64::from(value), u64::from(value)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resume_over_superseded_updates_is_recovered_and_told_once() {
    let (bridge, _folder) = board().await;
    let mut publisher = bridge.publisher().await;
    let first = publish(&mut publisher, cell("b", 1, 1)).await;
    for value in 2..=100 {
        publish(&mut publisher, cell("b", 7, value)).await;
    }
    let mut client = bridge.connect().await;
    client.subscribe(json!({"name": "board:b", "after": {"epoch": first.epoch, "sequence": first.sequence}})).await;
    assert_eq!(client.next_on("board:b").await["data"]["recovered"], true);
    let position = client.next_on("board:b").await;
    assert_eq!((&position["type"], &position["data"]["conflated"]), (&json!("channel.position"), &json!(98)));
    let event = client.next_on("board:b").await;
    assert_eq!((&event["sequence"], &event["data"]["value"]), (&json!(100), &json!(100)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_first_subscribe_gets_of_each_key_is_counted_and_not_the_distance() {
    let (bridge, _folder) = board().await;
    let mut publisher = bridge.publisher().await;
    publish(&mut publisher, cell("b", 1, 1)).await;
    for value in 2..=100 {
        publish(&mut publisher, cell("b", 7, value)).await;
    }
    let mut client = bridge.connect().await;
    client.subscribe(json!({"name": "board:b"})).await;
    let mut ledger = Ledger::default();
    while ledger.at < 100 {
        ledger.take(&client.next_on("board:b").await);
    }
    assert_eq!((ledger.seen, ledger.conflated), (2, 98));
    let told = [
        ("rialto_events_delivered_total{type=\"cell.set\"}", 2.0),
        ("rialto_replay_events_total", 2.0),
        ("rialto_conflated_events_total", 98.0),
        ("rialto_reader_lag_events_count", 0.0),
        ("rialto_delivery_latency_seconds_count", 0.0),
    ];
    expect(&bridge, &told).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ephemeral_events_reach_who_is_there_without_a_sequence_and_nobody_later() {
    let (bridge, _folder) = board().await;
    let mut publisher = bridge.publisher().await;
    let pointer = |x: u32| json_event("pointer.moved", &json!({"boardId": "b", "x": x}));
    let unheard = publish(&mut publisher, pointer(1)).await;
    assert_eq!((unheard.channel.as_str(), unheard.sequence, unheard.epoch.len()), ("board:b", 0, 16));

    let mut there = bridge.connect().await;
    let mut elsewhere = bridge.connect().await;
    there.subscribe(json!({"name": "board:b"})).await;
    elsewhere.subscribe(json!({"name": "board:b", "types": ["note.*"]})).await;
    assert_eq!(there.next_on("board:b").await["data"]["start"]["sequence"], 0);
    elsewhere.next_on("board:b").await;
    let heard = publish(&mut publisher, pointer(2)).await;
    assert_eq!((heard.sequence, &heard.epoch), (0, &unheard.epoch));
    let frame = there.next_on("board:b").await;
    assert_eq!((&frame["type"], &frame["data"]["x"]), (&json!("pointer.moved"), &json!(2)));
    assert!(frame.get("sequence").is_none() && frame["id"].is_string(), "{frame}");

    let note = json_event("note.added", &json!({"boardId": "b"}));
    assert_eq!(publish(&mut publisher, note).await.sequence, 1, "an ephemeral event takes no number");
    assert_eq!(there.next_on("board:b").await["sequence"], 1);
    assert_eq!(elsewhere.next_on("board:b").await["type"], "note.added", "the filter holds");
    let mut late = bridge.connect().await;
    late.subscribe(json!({"name": "board:b", "after": {"epoch": heard.epoch, "sequence": 0}})).await;
    assert_eq!(late.next_on("board:b").await["data"]["recovered"], true);
    assert_eq!(late.next_on("board:b").await["type"], "note.added");
    late.send(json!({"type": "connection.heartbeat", "id": "last"})).await;
    assert_eq!(late.next().await["replyTo"], "last", "nothing more");
}
