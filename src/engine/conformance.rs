//! The suite that every engine passes.
//!
//! An engine is made around an [`Appender`] of the suite's, which keeps real logs and can be told to refuse. Each check is a
//! function of a way to make engines; [`engine_conformance!`] turns all of them into tests. Fixtures break false
//! assumptions: two tenants share a channel name, ids never sort like sequences, names are not ASCII.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{Append, Appended, Appender, Engine, EventRecord, Idempotency};
use crate::ids::{ChannelKey, ChannelName, EventId, Tenant};
use crate::log::{Class, Epoch, Form, Position, Record, RingLog};
use crate::schema::{EventType, Retention, Schema};
use crate::status::{Code, Status};

pub(crate) mod classes;
pub(crate) mod keys;
pub(crate) mod order;

/// One test for each check, of engines that the given `fn(Arc<dyn Appender>, Idempotency) -> Arc<dyn Engine>` makes.
macro_rules! engine_conformance {
    ($make:expr) => {
        $crate::engine::conformance::engine_conformance! { @checks $make;
            order {
            sequences_of_a_channel_count_from_one_without_holes,
            a_batch_keeps_its_order_and_answers_in_it,
            channels_and_tenants_are_independent,
            concurrent_publishers_share_one_gapless_order,
            a_refused_append_reaches_its_result_and_nothing_else,
            an_empty_batch_answers_nothing,
            a_future_that_is_never_polled_appends_nothing,
            }
            keys {
            a_retry_finds_the_first_position_and_id,
            a_key_with_another_payload_or_type_is_refused,
            a_retry_with_other_metadata_is_the_same_event,
            a_key_means_nothing_to_another_tenant_or_channel,
            a_key_means_nothing_to_another_publisher,
            a_key_is_forgotten_after_the_window,
            concurrent_publishers_of_one_key_append_once,
            a_retry_completes_what_is_missing_under_the_first_id,
            a_conflict_on_one_channel_keeps_the_event_out_of_all,
            a_failed_append_is_not_remembered,
            one_batch_may_hold_an_event_and_its_retry,
            the_window_is_bounded_in_bytes,
            }
            classes {
            the_appender_hears_of_class_and_key,
            an_ephemeral_event_has_no_sequence_and_takes_none,
            a_retry_of_an_ephemeral_event_is_a_duplicate,
            }
        }
    };
    (@checks $make:expr; $($group:ident { $($check:ident,)+ })+) => {
        $($(
            #[tokio::test(start_paused = true)]
            async fn $check() {
                $crate::engine::conformance::$group::$check(&$make).await;
            }
        )+)+
    };
}
pub(crate) use engine_conformance;

/// How an engine is made.
pub(crate) type Make = dyn Fn(Arc<dyn Appender>, Idempotency) -> Arc<dyn Engine>;

const EPOCH: Epoch = Epoch { boot: 0xe9, life: 2 };
const RETENTION: Retention = Retention { events: 1000, age: Duration::from_secs(30) };

/// An engine, and the logs that it writes.
struct Bench {
    engine: Arc<dyn Engine>,
    rings: Arc<Rings>,
    types: [Arc<EventType>; 2],
}

/// Logs of every channel, and what went into them.
#[derive(Default)]
struct Rings {
    channels: Mutex<HashMap<ChannelKey, (RingLog, Vec<EventRecord>)>>,
    refused: Mutex<HashSet<ChannelKey>>,
}

impl Bench {
    fn new(make: &Make) -> Bench {
        Bench::with(make, Idempotency::default())
    }

    fn with(make: &Make, idempotency: Idempotency) -> Bench {
        let rings = Arc::new(Rings::default());
        Bench { engine: make(Arc::clone(&rings) as Arc<dyn Appender>, idempotency), rings, types: event_types() }
    }

    /// An event with this id's number and payload.
    fn event(&self, id: u64, payload: &str) -> EventRecord {
        EventRecord {
            id: event_id(id),
            event_type: Arc::clone(&self.types[0]),
            timestamp_ms: 1_700_000_000_000 + id,
            metadata: Bytes::new(),
            metadata_wire: Bytes::new(),
            reply_to: None,
            data: format!("{{\"text\":\"{payload}\"}}").into(),
            payload: Bytes::copy_from_slice(payload.as_bytes()),
            revision: 3,
            class: Class::Reliable,
            reducer: None,
        }
    }

    async fn append(&self, appends: Vec<Append>) -> Vec<Result<Appended, Status>> {
        let count = appends.len();
        let results = self.engine.append(appends).await;
        assert_eq!(results.len(), count, "one result for each append");
        results
    }

    async fn append_one(&self, append: Append) -> Result<Appended, Status> {
        self.append(vec![append]).await.remove(0)
    }
}

impl Rings {
    /// The payloads in a channel's log, oldest first.
    fn payloads(&self, key: &ChannelKey) -> Vec<String> {
        let text = |event: &EventRecord| String::from_utf8(event.payload.to_vec()).expect("payloads here are text");
        self.channels.lock().unwrap().get(key).map_or(Vec::new(), |(_, events)| events.iter().map(text).collect())
    }

    fn ids(&self, key: &ChannelKey) -> Vec<EventId> {
        self.channels.lock().unwrap().get(key).map_or(Vec::new(), |(_, events)| events.iter().map(|e| e.id).collect())
    }

    fn refuse(&self, key: &ChannelKey, refuse: bool) {
        let mut refused = self.refused.lock().unwrap();
        match refuse {
            true => refused.insert(key.clone()),
            false => refused.remove(key),
        };
    }
}

impl Appender for Rings {
    fn make_room(&self) {}

    fn append(&self, append: &Append) -> Result<Position, Status> {
        if self.refused.lock().unwrap().contains(&append.key) {
            return Err(refusal());
        }
        let mut channels = self.channels.lock().unwrap();
        let (log, events) =
            channels.entry(append.key.clone()).or_insert_with(|| (RingLog::new(EPOCH, append.retention), Vec::new()));
        events.push(EventRecord::clone(&append.event));
        let record = Record {
            event_type: append.event.event_type.index,
            class: append.event.class,
            payload: append.event.payload.clone(),
            revision: append.event.revision,
            data_bytes: append.event.data.len() as u32,
            reducer: append.event.reducer.clone(),
        };
        Ok(log.append(record, Instant::now(), |_, form, frame| {
            if form == Form::Json {
                frame.extend_from_slice(&append.event.data);
            }
        }))
    }
}

fn refusal() -> Status {
    Status::new(Code::ResourceExhausted, "log_budget", "the byte budget of all logs is used up")
}

/// Ids fall while numbers rise.
fn event_id(number: u64) -> EventId {
    EventId::new(1_700_000_000_000 - number, [7; 10])
}

fn key(tenant: &str, channel: &str) -> ChannelKey {
    ChannelKey { tenant: Tenant::new(tenant), channel: ChannelName::new(channel) }
}

fn to(key: &ChannelKey, event: &Arc<EventRecord>) -> Append {
    Append { key: key.clone(), retention: RETENTION, event: Arc::clone(event), idempotency_key: None, publisher: None }
}

fn keyed(key: &ChannelKey, event: &Arc<EventRecord>, idempotency_key: &str) -> Append {
    Append { idempotency_key: Some(idempotency_key.into()), ..to(key, event) }
}

/// One event with a key.
pub(crate) fn keyed_append() -> Append {
    let bench = Bench::new(&|appender, idempotency| Arc::new(super::MemoryEngine::new(appender, idempotency)));
    keyed(&key("", "project:1"), &Arc::new(bench.event(1, "a")), "k")
}

fn position(sequence: u64) -> Position {
    Position { epoch: EPOCH, sequence }
}

fn appended(sequence: u64, id: EventId, duplicate: bool) -> Result<Appended, Status> {
    Ok(Appended { position: position(sequence), event_id: id, duplicate })
}

/// Two event types whose names are of one length: they differ in nothing but what they say.
fn event_types() -> [Arc<EventType>; 2] {
    let schema = Schema::bundled();
    ["project.created", "project.deleted"]
        .map(|name| Arc::clone(schema.event(name).expect("the bundled catalogue has projects")))
}
