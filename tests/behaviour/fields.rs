//! Who sees which field: every principal, every event, every field, in both forms and on every way by which an event comes.

use std::collections::BTreeMap;

use prost::Message as _;
use rialto::config::Limits;
use rialto::proto::rialto::v1 as proto;
use rialto::proto::rialto::v1::Event;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{Client, Heard, json_event, publish};
use crate::identity::{Guarded, token};
use crate::metrics::{expect, scrape};

mod changes;
mod costs;
mod messages;

use messages::{Moved, Placed, Typing, placed};

pub(crate) const SCHEMA: &str = r#"syntax = "proto3";
package shop.v1;
import "google/protobuf/any.proto";
import "rialto/v1/options.proto";
message OrderChannel {
  option (rialto.v1.channel) = { template: "order:{order_id}" history: 100 };
  string order_id = 1;
}
message ShortChannel {
  option (rialto.v1.channel) = { template: "short:{order_id}" retention: { events: 1 age: { nanos: 1 } } };
  string order_id = 1;
}
message Contact {
  string name = 1;
  string email = 2 [(rialto.v1.field) = { visible_to: "order:{order_id}:staff" masked_in_logs: true }];
  map<string, Contact> others = 3;
}
message Placed {
  option (rialto.v1.event) = { type: "order.placed" channels: ["OrderChannel"] };
  string order_id = 1;
  Contact buyer = 2;
  repeated Contact copies = 3;
  oneof how {
    string card = 4 [(rialto.v1.field).visible_to = "money"];
    string cash = 5;
  }
  google.protobuf.Any extra = 6;
  int64 cents = 7 [(rialto.v1.field).visible_to = "money"];
  string note = 8 [(rialto.v1.field).visible_to = "own:{@sub}"];
  string iban = 9 [(rialto.v1.field).masked_in_logs = true];
}
message Moved {
  option (rialto.v1.event) = { type: "order.moved" channels: ["OrderChannel", "ShortChannel"] delivery: DELIVERY_LATEST };
  string order_id = 1;
  string part = 2 [(rialto.v1.field).key = true];
  Contact by = 3;
}
message Typing {
  option (rialto.v1.event) = { type: "order.typing" channels: ["OrderChannel"] delivery: DELIVERY_EPHEMERAL };
  string order_id = 1;
  Contact who = 2;
}
message Plain {
  option (rialto.v1.event) = { type: "order.plain" channels: ["OrderChannel", "ShortChannel"] };
  string order_id = 1;
}
message Letter { option (rialto.v1.event) = { type: "letter" }; string text = 1; string seal = 2 [(rialto.v1.field).visible_to = "own:{@sub}"]; }
"#;

/// What somebody may see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sees {
    pub(crate) staff: bool,
    pub(crate) money: bool,
    pub(crate) own: bool,
}

pub(crate) const ALL: Sees = Sees { staff: true, money: true, own: true };

/// Users, what their tokens grant, and what they see of `order:1`.
const PRINCIPALS: [(&str, &[&str], Sees); 8] = [
    ("nobody", &[], Sees { staff: false, money: false, own: false }),
    ("all", &["*"], ALL),
    ("staff", &["order:1:staff"], Sees { staff: true, money: false, own: false }),
    (
        "others",
        &["order:2:staff", "order:1:staf", "money:x", "own:ann"],
        Sees { staff: false, money: false, own: false },
    ),
    ("everywhere", &["order:*:staff"], Sees { staff: true, money: false, own: false }),
    ("money", &["money"], Sees { staff: false, money: true, own: false }),
    ("ann", &["own:ann", "money"], Sees { staff: false, money: true, own: true }),
    ("eve:x", &["own:eve:x", "own:*:x", "order:1:*"], Sees { staff: true, money: false, own: false }),
];

/// A bridge for the schema.
pub(crate) struct Shop {
    pub(crate) guarded: Guarded,
    pub(crate) folder: TempDir,
}

impl Shop {
    pub(crate) async fn open() -> Shop {
        Shop::open_with(SCHEMA).await
    }

    pub(crate) async fn open_with(schema: &str) -> Shop {
        // Whoever reads later finds all.
        Shop::open_as(schema, |limits| limits.replay_bytes_per_second = 64 << 20).await
    }

    pub(crate) async fn open_as(schema: &str, limit: impl FnOnce(&mut Limits)) -> Shop {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("shop.proto"), schema).expect("the folder is there");
        let path = folder.path().to_owned();
        let guarded = Guarded::with(|config| {
            config.schema = vec![path];
            limit(&mut config.limits);
        })
        .await;
        Shop { guarded, folder }
    }

    /// Serves another schema from now on, whatever that breaks.
    pub(crate) async fn reload(&self, schema: &str) {
        std::fs::write(self.folder.path().join("shop.proto"), schema).expect("the folder is there");
        let (status, answer) = self.guarded.bridge.admin("ReloadSchema", &json!({"allowBreaking": true})).await;
        assert_eq!(status, 200, "{answer}");
    }

    /// A connection of this user in this form, and what it has subscribed.
    pub(crate) async fn reader(&self, form: Form, user: &str, grants: &[&str]) -> Reader {
        let token = token(user, grants);
        let subprotocol =
            ("sec-websocket-protocol", if form == Form::Json { "rialto.v1.json" } else { "rialto.v1.proto" });
        let bearer = format!("Bearer {token}");
        let mut client = self.guarded.ask("", &[("authorization", &bearer), subprotocol]).await.expect("an upgrade");
        match form {
            Form::Json => client.send(json!({"type": "connection.init", "data": {}})).await,
            Form::Binary => client.send_binary("connection.init", &proto::ConnectionInit::default()).await,
        }
        Reader { client, form }
    }

    pub(crate) async fn publish(&self, event: Event) -> u64 {
        publish(&mut self.guarded.bridge.publisher().await, event).await.sequence
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Json,
    Binary,
}

/// A subscriber.
pub(crate) struct Reader {
    pub(crate) client: Client,
    form: Form,
}

/// An event as it came, whatever its form.
#[derive(Debug)]
pub(crate) enum Got {
    Json(Value),
    Binary(Box<proto::Frame>),
}

impl Got {
    pub(crate) fn event_type(&self) -> &str {
        match self {
            Got::Json(frame) => frame["type"].as_str().unwrap_or_default(),
            Got::Binary(frame) => &frame.r#type,
        }
    }

    /// All its bytes.
    fn bytes(&self) -> Vec<u8> {
        match self {
            Got::Json(frame) => frame.to_string().into_bytes(),
            Got::Binary(frame) => frame.encode_to_vec(),
        }
    }
}

impl Reader {
    pub(crate) async fn subscribe(
        &mut self,
        channel: &str,
        after: Option<proto::Position>,
    ) -> proto::ChannelSubscribed {
        let subscription = proto::Subscription { name: channel.into(), after: after.clone(), ..Default::default() };
        match self.form {
            Form::Binary => {
                let subscribe = proto::ChannelSubscribe { channels: vec![subscription] };
                self.client.send_binary("channel.subscribe", &subscribe).await;
            }
            Form::Json => {
                let after = after.map(|after| json!({"epoch": after.epoch, "sequence": after.sequence}));
                self.client.subscribe(json!({"name": channel, "after": after})).await;
            }
        }
        loop {
            let got = self.next_of("channel.subscribed").await;
            let subscribed = match got {
                Got::Json(frame) => {
                    let position = |value: &Value| proto::Position {
                        epoch: value["epoch"].as_str().unwrap_or_default().into(),
                        sequence: value["sequence"].as_u64().unwrap_or_default(),
                    };
                    let data = &frame["data"];
                    proto::ChannelSubscribed {
                        channel: data["channel"].as_str().unwrap_or_default().into(),
                        start: Some(position(&data["start"])),
                        head: Some(position(&data["head"])),
                        ..Default::default()
                    }
                }
                Got::Binary(frame) => proto::ChannelSubscribed::decode(frame.data).expect("as it is declared"),
            };
            if subscribed.channel == channel {
                return subscribed;
            }
        }
    }

    pub(crate) async fn next(&mut self) -> Got {
        match self.client.heard().await {
            Heard::Frame(frame) => Got::Json(frame),
            Heard::Binary(frame) => Got::Binary(frame),
            other => panic!("expected a frame, got {other:?}"),
        }
    }

    /// The next frame of this type; others are passed over.
    pub(crate) async fn next_of(&mut self, event_type: &str) -> Got {
        loop {
            let got = self.next().await;
            if got.event_type() == event_type {
                return got;
            }
        }
    }
}

/// Published events of every kind, by what they show to whom.
fn kinds() -> [Event; 3] {
    [
        messages::packed("Placed", &placed()),
        messages::packed("Moved", &Moved::new("lid")),
        messages::packed("Typing", &Typing::new()),
    ]
}

/// Holds what came against what this principal sees.
pub(crate) fn judge(got: &Got, sees: Sees, context: &str) {
    let event_type = got.event_type().to_owned();
    let bytes = got.bytes();
    for (secret, may) in messages::SECRETS.map(|(secret, may)| (secret, may(sees))) {
        let is_there = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(may || !is_there, "{context}: {secret} leaked in {event_type}");
    }
    match got {
        Got::Json(frame) => {
            let expected = match event_type.as_str() {
                "order.placed" => placed().json(sees),
                "order.moved" => Moved::new(frame["data"]["part"].as_str().unwrap_or_default()).json(sees),
                "order.typing" => Typing::new().json(sees),
                other => panic!("{context}: {other}"),
            };
            assert_eq!(frame["data"], expected, "{context}: {event_type}");
        }
        Got::Binary(frame) => {
            let data = frame.data.clone();
            match event_type.as_str() {
                "order.placed" => assert_eq!(Placed::decode(data), Ok(placed().seen(sees)), "{context}"),
                "order.moved" => {
                    let moved = Moved::decode(data).expect("as it is declared");
                    assert_eq!(moved, Moved::new(&moved.part).seen(sees), "{context}");
                }
                "order.typing" => assert_eq!(Typing::decode(data), Ok(Typing::new().seen(sees)), "{context}"),
                other => panic!("{context}: {other}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_principal_gets_every_event_with_exactly_its_fields_on_every_way() {
    let shop = Shop::open().await;
    let cells: Vec<_> =
        PRINCIPALS.iter().flat_map(|principal| [(principal, Form::Json), (principal, Form::Binary)]).collect();
    // As it comes.
    let mut live = Vec::new();
    for ((user, grants, _), form) in &cells {
        let mut reader = shop.reader(*form, user, grants).await;
        let subscribed = reader.subscribe("order:1", None).await;
        live.push((reader, subscribed.head.expect("a head")));
    }
    for event in kinds() {
        shop.publish(event).await;
    }
    let mut cut = Vec::new();
    for (((user, _, sees), form), (mut reader, head)) in cells.iter().zip(live) {
        let mut seen = BTreeMap::new();
        while seen.len() < 3 {
            let got = reader.next().await;
            if got.event_type().starts_with("order.") {
                judge(&got, *sees, &format!("live {user} {form:?}"));
                seen.insert(got.event_type().to_owned(), ());
            }
        }
        reader.client.cut();
        cut.push(head);
    }
    // From history, and after a cut, once more in the other form.
    for (((user, grants, sees), form), head) in cells.iter().zip(cut) {
        let other = if *form == Form::Json { Form::Binary } else { Form::Json };
        for (way, form, after) in
            [("history", *form, None), ("resume", *form, Some(head.clone())), ("resume", other, Some(head))]
        {
            let mut reader = shop.reader(form, user, grants).await;
            reader.subscribe("order:1", after).await;
            for event_type in ["order.placed", "order.moved"] {
                let got = reader.next_of(event_type).await;
                judge(&got, *sees, &format!("{way} {user} {form:?}"));
            }
        }
    }
    let withheld = scrape(&shop.guarded.bridge).await["rialto_payloads_withheld_total"];
    assert!(withheld.abs() < 0.5, "{withheld}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_newest_of_a_key_is_of_the_class_when_its_retention_has_passed() {
    let shop = Shop::open().await;
    for part in ["lid", "box", "lid"] {
        shop.publish(messages::packed("Moved", &Moved::new(part))).await;
    }
    let mut last = 0;
    for _ in 0..3 {
        let mut plain = json_event("order.plain", &json!({"orderId": "1"}));
        plain.channels = vec!["short:1".to_owned()];
        last = shop.publish(plain).await;
    }
    for ((user, grants, sees), form) in PRINCIPALS.iter().flat_map(|one| [(one, Form::Json), (one, Form::Binary)]) {
        let mut reader = shop.reader(form, user, grants).await;
        let start = reader.subscribe("short:1", None).await.start.expect("a start").sequence;
        assert!(start < last, "the newest of each key come first");
        for part in ["box", "lid"] {
            let got = reader.next_of("order.moved").await;
            judge(&got, *sees, &format!("newest {user} {form:?} {part}"));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_is_made_once_for_all_who_see_the_same() {
    let shop = Shop::open().await;
    let mut readers = Vec::new();
    for number in 0..6 {
        for (grants, sees) in
            [(&["*"][..], ALL), (&["order:1:staff"], Sees { staff: true, ..Sees::default() }), (&[], Sees::default())]
        {
            let user = format!("user{number}");
            let mut reader = shop.reader(Form::Json, &user, grants).await;
            reader.subscribe("order:1", None).await;
            readers.push((reader, sees));
        }
    }
    const EVENTS: usize = 5;
    for _ in 0..EVENTS {
        shop.publish(messages::packed("Placed", &placed())).await;
    }
    for (reader, sees) in &mut readers {
        for _ in 0..EVENTS {
            judge(&reader.next_of("order.placed").await, *sees, "live");
        }
    }
    // Two of the three classes need frames of their own; six readers share each.
    let reduced = [("rialto_payloads_reduced_total", 2.0 * EVENTS as f64)];
    expect(&shop.guarded.bridge, &reduced).await;
    // Who comes later finds them made, as long as the log remembers them.
    for _ in 0..EVENTS {
        shop.publish(json_event("order.plain", &json!({"orderId": "1"}))).await;
    }
    expect(&shop.guarded.bridge, &reduced).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_private_event_hides_too() {
    let shop = Shop::open().await;
    for (user, grants, sees) in [("ann", &["own:ann"][..], true), ("bob", &["own:ann"], false)] {
        let mut reader = shop.reader(Form::Json, user, grants).await;
        let mut letter = json_event("letter", &json!({"text": "hello", "seal": "wax"}));
        letter.channels = vec![format!("user:{user}")];
        // Subscribed on connect.
        reader.next_of("channel.subscribed").await;
        shop.publish(letter).await;
        let Got::Json(frame) = reader.next_of("letter").await else { panic!("in JSON") };
        let expected = if sees { json!({"text": "hello", "seal": "wax"}) } else { json!({"text": "hello"}) };
        assert_eq!(frame["data"], expected, "{user}");
    }
}
