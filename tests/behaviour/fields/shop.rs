//! A shop whose events hide fields, and readers of it in either form.

use prost::Message as _;
use rialto::config::Limits;
use rialto::proto::rialto::v1 as proto;
use rialto::proto::rialto::v1::Event;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::messages::{self, Moved, Placed, Typing, placed};
use crate::harness::{Client, Heard, publish};
use crate::identity::{Guarded, token};

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
    pub(crate) fn bytes(&self) -> Vec<u8> {
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
