//! An ingest for tests: a schema of its own, the real memory engine, and an appender that remembers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use prost::Message as _;

use super::{Ingest, Limits};
use crate::engine::{Append, Appender, Idempotency, MemoryEngine};
use crate::log::{Epoch, Position};
use crate::proto::rialto::v1::event::Body;
use crate::proto::rialto::v1::{Event, JsonPayload};
use crate::revision::{Revision, Revisions};
use crate::schema::{Schema, Source};
use crate::status::{Code, Status};
use crate::transcode::Options;

const SHOP: &str = r#"
syntax = "proto3";
package shop.v1;
import "buf/validate/validate.proto";
import "rialto/v1/options.proto";
message OrderChannel {
  option (rialto.v1.channel) = { template: "order:{order_id}" retention: { events: 7 } };
  string order_id = 1;
}
message CustomerChannel {
  option (rialto.v1.channel) = { template: "customer:{customer_id}" };
  string customer_id = 1;
}
message OrderPlaced {
  option (rialto.v1.event) = { type: "order.placed", channels: ["OrderChannel", "CustomerChannel"] };
  string order_id = 1;
  string customer_id = 2;
  Total total = 3;
}
message OrderShipped {
  option (rialto.v1.event) = { type: "order.shipped", channels: ["OrderChannel"] };
  string order_id = 1;
  string note = 2;
}
message Hint {
  option (rialto.v1.event) = { type: "hint" };
  string text = 1;
}
message OrderMoved {
  option (rialto.v1.event) = { type: "order.moved", channels: ["OrderChannel"], delivery: DELIVERY_LATEST };
  string order_id = 1;
  string parcel = 2 [(rialto.v1.field).key = true];
  string place = 3;
}
message OrderWatched {
  option (rialto.v1.event) = { type: "order.watched", channels: ["OrderChannel"], delivery: DELIVERY_EPHEMERAL };
  string order_id = 1;
}
message Question {
  option (rialto.v1.event) = {
    type: "question", channels: ["OrderChannel"], from: FROM_CLIENT, route: ROUTE_CHANNEL
  };
  string order_id = 1;
}
message OrderCounted {
  option (rialto.v1.event) = { type: "order.counted", channels: ["OrderChannel"] };
  string order_id = 1;
  repeated int32 counts = 2 [(buf.validate.field).cel_expression = "this.all(a, this.all(b, a + b > 0))"];
}
message Total {
  int64 cents = 1 [jstype = JS_NUMBER];
}
"#;

/// The life of every test channel.
pub(crate) const EPOCH: Epoch = Epoch { boot: 0xF00D, life: 3 };
/// Sequences begin here: they never equal a count of events.
pub(crate) const FIRST_SEQUENCE: u64 = 501;

/// What the engine appended, and to whom it says no.
#[derive(Default)]
pub(crate) struct Rings {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    appends: Vec<Append>,
    heads: HashMap<String, u64>,
    refused: Option<String>,
}

impl Rings {
    /// Everything appended so far, in order.
    pub(crate) fn appends(&self) -> Vec<Append> {
        self.state.lock().unwrap().appends.clone()
    }

    /// The names of the channels appended to, in order.
    pub(crate) fn channels(&self) -> Vec<String> {
        self.appends().iter().map(|append| append.key.channel.to_string()).collect()
    }

    /// Refuses this channel from now on, or none.
    pub(crate) fn refuse(&self, channel: Option<&str>) {
        self.state.lock().unwrap().refused = channel.map(str::to_owned);
    }
}

impl Appender for Rings {
    fn make_room(&self) {}

    fn append(&self, append: &Append) -> Result<Position, Status> {
        let mut state = self.state.lock().unwrap();
        let channel = append.key.channel.to_string();
        if state.refused.as_ref() == Some(&channel) {
            return Err(Status::new(Code::ResourceExhausted, "memory_full", "no memory for this channel"));
        }
        let head = state.heads.entry(channel).or_insert(FIRST_SEQUENCE - 1);
        *head += 1;
        let sequence = *head;
        state.appends.push(append.clone());
        Ok(Position { epoch: EPOCH, sequence })
    }
}

/// An ingest, and what came out of it.
pub(crate) struct Fixture {
    pub(crate) ingest: Arc<Ingest>,
    pub(crate) rings: Arc<Rings>,
    pub(crate) revisions: Arc<Revisions>,
}

/// An ingest of the shop.
pub(crate) fn shop() -> Fixture {
    shop_with(Limits::default())
}

/// An ingest of the shop with these limits.
pub(crate) fn shop_with(limits: Limits) -> Fixture {
    shop_of(SHOP, limits)
}

/// An ingest of another schema.
pub(crate) fn shop_of(text: &str, limits: Limits) -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("shop.proto"), text).unwrap();
    let schema = Schema::load(&[Source::Folder(folder.path().to_path_buf())]).unwrap_or_else(|error| panic!("{error}"));
    let revision = Revision::first(schema, Options::default()).numbered(23);
    let rings = Arc::new(Rings::default());
    let engine = MemoryEngine::new(rings.clone(), Idempotency::default());
    let revisions = Arc::new(Revisions::new(revision));
    Fixture { ingest: Arc::new(Ingest::new(revisions.clone(), Arc::new(engine), limits)), rings, revisions }
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct OrderPlaced {
    #[prost(string, tag = "1")]
    pub(crate) order_id: String,
    #[prost(string, tag = "2")]
    pub(crate) customer_id: String,
    #[prost(message, optional, tag = "3")]
    pub(crate) total: Option<Total>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Total {
    #[prost(int64, tag = "1")]
    pub(crate) cents: i64,
}

/// An event with its message packed.
pub(crate) fn packed(message: &str, payload: &[u8]) -> Event {
    let payload =
        pbjson_types::Any { type_url: format!("type.googleapis.com/{message}"), value: payload.to_vec().into() };
    Event { body: Some(Body::Payload(payload)), ..Event::default() }
}

/// `order.placed` of this order and customer.
pub(crate) fn placed(order_id: &str, customer_id: &str) -> Event {
    let order =
        OrderPlaced { order_id: order_id.into(), customer_id: customer_id.into(), total: Some(Total { cents: 1999 }) };
    packed("shop.v1.OrderPlaced", &order.encode_to_vec())
}

/// An event as text.
pub(crate) fn json(event_type: &str, data: &str) -> Event {
    let json = JsonPayload { r#type: event_type.into(), data: data.into() };
    Event { body: Some(Body::Json(json)), ..Event::default() }
}

/// `order.shipped`, of one channel.
pub(crate) fn shipped(order_id: &str) -> Event {
    json("order.shipped", &format!("{{\"orderId\":\"{order_id}\"}}"))
}
