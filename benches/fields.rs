//! What it costs that not everybody sees all: a thousand readers of one channel, of one class, of two that take turns, of
//! eight; and how long a publisher waits while somebody's frame of a megabyte is made.
//!
//! A hub with the bridge's own frames, and a shard's shared reads; no sockets. Prints a few lines with ratios of one run; not a
//! criterion benchmark, because what counts is how they compare.

#![expect(clippy::print_stdout, reason = "what it measures is what it prints")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rialto::engine::{Append, Appender as _, EventRecord};
use rialto::hub::{Channel, Hub, Limits, ShardIndex, SharedReads};
use rialto::ids::{ChannelKey, ChannelName, EventId, Tenant};
use rialto::log::{Class, Form, Position, Read, Take, View};
use rialto::revision::Revision;
use rialto::schema::{Audience, Retention, Schema, Source, TypeFilter};
use rialto::transcode::Options;

const READERS: usize = 1_000;
const EVENTS: usize = 200;
const TURN_BYTES: usize = 64 << 10;
const RETENTION: Retention = Retention { events: 1_000, age: Duration::from_secs(30) };

const SCHEMA: &str = r#"
syntax = "proto3";
package shop.v1;
import "rialto/v1/options.proto";
message OrderChannel { option (rialto.v1.channel) = { template: "order:{order_id}" }; string order_id = 1; }
message Line { string name = 1; int64 cents = 2 [(rialto.v1.field).visible_to = "money"]; }
message Placed {
  option (rialto.v1.event) = { type: "order.placed", channels: ["OrderChannel"] };
  string order_id = 1;
  string email = 2 [(rialto.v1.field).visible_to = "staff"];
  repeated Line lines = 3;
  string note = 4 [(rialto.v1.field).visible_to = "notes"];
}
"#;

struct Shop {
    revision: Revision,
    hub: Hub,
    channel: Arc<Channel>,
}

impl Shop {
    fn new() -> Shop {
        let files = vec![("shop.proto".to_owned(), SCHEMA.as_bytes().to_vec())];
        let schema = Schema::load(&[Source::Texts { origin: "shop".to_owned(), files }]).expect("it is sound");
        let hub = Hub::new(1, 1, Limits::default());
        let channel = hub.channel(&key(), RETENTION);
        channel.subscribe(ShardIndex(0));
        Shop { revision: Revision::first(schema, Options::default()), hub, channel }
    }

    /// What the fields of the event ask for, one by one.
    fn permissions(&self) -> Vec<Audience> {
        let template = self.revision.schema.channel("order:1").expect("it is declared");
        template.field_permissions.iter().map(|(permission, _)| *permission).collect()
    }

    /// An order of so many lines.
    fn order(&self, lines: usize) -> Append {
        let lines: Vec<String> =
            (0..lines).map(|line| format!(r#"{{"name":"article {line}","cents":"{line}"}}"#)).collect();
        let text = format!(
            r#"{{"orderId":"1","email":"ann@example.com","note":"as a present","lines":[{}]}}"#,
            lines.join(",")
        );
        let Revision { schema, transcoder, number, .. } = &self.revision;
        let event_type = Arc::clone(schema.event("order.placed").expect("it is declared"));
        let payload = transcoder.from_json(event_type.message, text.as_bytes()).expect("it is an order");
        let mut data = Vec::new();
        transcoder.to_json(event_type.message, &payload, &mut data).expect("it has a JSON form");
        let event = EventRecord {
            id: EventId::new(1_700_000_000_000, [7; 10]),
            timestamp_ms: 1_700_000_000_000,
            metadata: Bytes::new(),
            metadata_wire: Bytes::new(),
            reply_to: None,
            data: data.into(),
            payload: payload.into(),
            revision: *number,
            class: Class::Reliable,
            reducer: self.revision.reducer(&event_type).cloned(),
            event_type,
        };
        Append { key: key(), retention: RETENTION, event: Arc::new(event), idempotency_key: None, publisher: None }
    }

    fn publish(&self, order: &Append) -> Position {
        self.hub.append(order).expect("there is room")
    }
}

fn key() -> ChannelKey {
    ChannelKey { tenant: Tenant::default_tenant(), channel: ChannelName::from("order:1") }
}

fn view(audience: Audience) -> View {
    View { form: Form::Json, audience }
}

/// An event to all readers, who belong to these classes in turn: the time for one, and the payloads that were made for one.
fn fan_out(classes: &[Audience]) -> (Duration, f64) {
    let shop = Shop::new();
    let order = shop.order(10);
    let mut reads = SharedReads::default();
    let mut took = Duration::ZERO;
    for _ in 0..EVENTS {
        let position = shop.publish(&order);
        let before = Position { sequence: position.sequence - 1, ..position };
        let begun = Instant::now();
        reads.forget();
        for audience in classes.iter().cycle().take(READERS) {
            let (read, _) =
                reads.read(&shop.channel, before, &TypeFilter::All, Take::Everything, TURN_BYTES, view(*audience));
            assert!(matches!(black_box(read), Read::Batch { .. }));
        }
        took += begun.elapsed();
    }
    (took / EVENTS as u32, shop.revision.transcoder.reduced_count() as f64 / EVENTS as f64)
}

/// How long an event's frames take to be made for somebody who sees little of it, and how long publishers and readers who see all
/// waited at most meanwhile.
fn held_up() -> (usize, Duration, Duration) {
    let shop = Shop::new();
    let (large, small) = (shop.order(40_000), shop.order(1));
    let bytes = large.event.payload.len();
    let (mut making, mut waited) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..10 {
        let position = shop.publish(&large);
        let before = Position { sequence: position.sequence - 1, ..position };
        let read =
            |audience| shop.channel.read(before, &TypeFilter::All, Take::Everything, TURN_BYTES, view(audience)).0;
        std::thread::scope(|scope| {
            let reading = scope.spawn(|| {
                let begun = Instant::now();
                black_box(read(Audience::NONE));
                begun.elapsed()
            });
            while !reading.is_finished() {
                let begun = Instant::now();
                shop.publish(&small);
                black_box(read(Audience::ALL));
                waited = waited.max(begun.elapsed());
                std::thread::yield_now();
            }
            making = making.max(reading.join().expect("it reads"));
        });
    }
    (bytes, making, waited)
}

fn main() {
    let all = Shop::new().permissions();
    let some = |bits: usize| {
        let one = |at: usize| if bits >> at & 1 == 1 { all[at] } else { Audience::NONE };
        (0..all.len()).fold(Audience::NONE, |sum, at| sum.with(one(at)))
    };
    let (one, made_once) = fan_out(&[Audience::ALL]);
    println!("{READERS} readers of one class that sees all: {one:.1?} an event, {made_once:.1} payloads made");
    let classes: Vec<Audience> = (0..8).map(some).collect();
    for count in [1, 2, 8] {
        let (took, made) = fan_out(&classes[..count]);
        let ratio = took.as_secs_f64() / one.as_secs_f64();
        println!(
            "{READERS} readers of {count} classes in turn: {took:.1?} an event, {ratio:.1} times as much, {made:.1} payloads made"
        );
        assert!(made <= count as f64 + 0.01, "a payload is made once for each class");
    }
    let (bytes, making, waited) = held_up();
    println!("a payload of {bytes} bytes is made for one in {making:.1?}; others wait {waited:.1?} at most");
}
