//! Events in, positions out, on the real schema and the real memory engine.

use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::FutureExt as _;
use prost::Message as _;

use super::fixture::{
    EPOCH, FIRST_SEQUENCE, Fixture, OrderPlaced, Total, json, packed, placed, shipped, shop, shop_with,
};
use super::*;
use crate::log::Class;
use crate::schema::EventKey;
use crate::status::Code;

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn context() -> PublishContext {
    PublishContext::default()
}

async fn publish(fixture: &Fixture, events: Vec<Event>) -> Vec<Result<Accepted, Status>> {
    fixture.ingest.publish(events, &context()).await
}

async fn publish_one(fixture: &Fixture, event: Event) -> Result<Accepted, Status> {
    let mut results = publish(fixture, vec![event]).await;
    assert_eq!(results.len(), 1);
    results.pop().unwrap()
}

fn to(mut event: Event, channels: &[&str]) -> Event {
    event.channels = channels.iter().map(|channel| (*channel).to_owned()).collect();
    event
}

fn names(accepted: &Accepted) -> Vec<(&str, u64)> {
    accepted.positions.iter().map(|(channel, position)| (channel.as_str(), position.sequence)).collect()
}

#[tokio::test]
async fn an_event_goes_to_every_channel_of_its_type_under_one_id() {
    let fixture = shop();
    let event = Event { tenant: "acme".into(), ..placed("o-1", "kläre") };
    let accepted = publish_one(&fixture, event).await.unwrap();
    assert_eq!(names(&accepted), [("order:o-1", FIRST_SEQUENCE), ("customer:kläre", FIRST_SEQUENCE)]);
    assert!(accepted.positions.iter().all(|(_, position)| position.epoch == EPOCH));
    assert!(!accepted.duplicate);
    let appends = fixture.rings.appends();
    assert!(appends.iter().all(|append| append.event.id == accepted.event_id));
    assert!(appends.iter().all(|append| append.key.tenant.as_str() == "acme"));
    assert_eq!(appends[0].retention.events, 7);
    let event = &appends[0].event;
    assert_eq!(event.revision, 23);
    assert_eq!(&*event.event_type.name, "order.placed");
    assert_eq!(&event.data[..], "{\"orderId\":\"o-1\",\"customerId\":\"kläre\",\"total\":{\"cents\":1999}}".as_bytes());
    assert!(event.metadata.is_empty());
    assert!(event.timestamp_ms > 1_700_000_000_000);
}

#[tokio::test]
async fn json_and_any_bodies_of_any_prefix_are_the_same_event() {
    let fixture = shop();
    let payload = [10, 3, b'o', b'-', b'1'];
    let mut events =
        vec![json("order.shipped", r#"{"orderId":"o-1"}"#), json("order.shipped", r#"{"order_id":"o-1"}"#)];
    for prefix in ["type.googleapis.com/", "https://example.com/a/b/", "/", ""] {
        let mut event = packed("", &payload);
        if let Some(crate::proto::rialto::v1::event::Body::Payload(any)) = &mut event.body {
            any.type_url = format!("{prefix}shop.v1.OrderShipped");
        }
        events.push(event);
    }
    let count = events.len();
    assert!(publish(&fixture, events).await.into_iter().all(|result| result.is_ok()));
    let appends = fixture.rings.appends();
    assert_eq!(appends.len(), count);
    for append in appends {
        assert_eq!(append.event.payload, payload[..]);
        assert_eq!(&append.event.data[..], br#"{"orderId":"o-1","note":""}"#);
    }
}

#[tokio::test]
async fn explicit_channels_replace_the_derived_ones_and_are_named_once() {
    let fixture = shop();
    let event = to(placed("o-1", "c-1"), &["order:other", "customer:x", "order:other"]);
    let accepted = publish_one(&fixture, event).await.unwrap();
    assert_eq!(names(&accepted), [("order:other", FIRST_SEQUENCE), ("customer:x", FIRST_SEQUENCE)]);
    let private = to(json("hint", "{}"), &["user:u7", "session:s1"]);
    assert_eq!(publish_one(&fixture, private).await.unwrap().positions.len(), 2);
}

#[tokio::test]
async fn each_mistake_has_its_code_reason_and_field() {
    let limits = Limits { max_event_bytes: 100, max_json_bytes: 300, max_channels: 2, ..Limits::default() };
    let fixture = shop_with(limits);
    let long_text = format!("{{\"orderId\":\"{}\"}}", "o".repeat(100));
    let long_json = format!("{{\"orderId\":\"o\"{}}}", " ".repeat(300));
    let long_key = Event { idempotency_key: "k".repeat(257), ..shipped("o") };
    let empty_metadata = Event { metadata: [(String::new(), "v".into())].into(), ..shipped("o") };
    let (longest, too_long) = (format!("order:{}", "o".repeat(249)), format!("order:{}", "o".repeat(250)));
    let beyond_javascript =
        OrderPlaced { total: Some(Total { cents: 1 << 53 }), ..OrderPlaced::default() }.encode_to_vec();
    let invalid = Code::InvalidArgument;
    let table: Vec<(Event, Code, &str, &str)> = vec![
        (Event::default(), invalid, "missing_body", "payload"),
        (packed("shop.v1.Nothing", &[]), invalid, "unknown_event_type", "payload.typeUrl"),
        (packed("shop.v1.Total", &[]), invalid, "not_an_event", "payload.typeUrl"),
        (json("order.lost", "{}"), invalid, "unknown_event_type", "type"),
        (json("channel.gap", "{}"), invalid, "own_event_type", "type"),
        (packed("rialto.v1.ChannelGap", &[]), invalid, "own_event_type", "type"),
        (json("question", r#"{"orderId":"o"}"#), invalid, "client_event_type", "type"),
        (packed("shop.v1.OrderShipped", &[b'a'; 101]), invalid, "event_too_large", "payload"),
        (json("order.shipped", &long_text), invalid, "event_too_large", "payload"),
        (json("order.shipped", &long_json), invalid, "event_too_large", "data"),
        (long_key, invalid, "idempotency_key_too_long", "idempotencyKey"),
        (empty_metadata, invalid, "invalid_metadata", "metadata"),
        (packed("shop.v1.OrderShipped", &[10, 200]), invalid, "invalid_payload", "orderId"),
        (packed("shop.v1.OrderShipped", &[255]), invalid, "invalid_payload", ""),
        (json("order.shipped", "{\"orderId\":"), invalid, "invalid_payload", "orderId"),
        (packed("shop.v1.OrderPlaced", &beyond_javascript), invalid, "invalid_payload", "total.cents"),
        (json("order.placed", r#"{"orderId":"o"}"#), invalid, "unfilled_channel", "customerId"),
        (json("hint", "{}"), invalid, "missing_channel", "channels"),
        (to(shipped("o"), &["order:1", "order:2", "order:3"]), invalid, "too_many_channels", "channels"),
        (to(shipped("o"), &["order:1", "nowhere:2"]), Code::NotFound, "channel_not_found", "channels[1]"),
        (to(shipped("o"), &[""]), Code::NotFound, "channel_not_found", "channels[0]"),
        (to(shipped("o"), &[&too_long]), invalid, "channel_name_too_long", "channels[0]"),
        (to(json("hint", "{}"), &[&longest]), invalid, "channel_not_of_event", "channels[0]"),
        (to(shipped("o"), &["customer:1"]), invalid, "channel_not_of_event", "channels[0]"),
        (to(json("hint", "{}"), &["order:1"]), invalid, "channel_not_of_event", "channels[0]"),
        (to(json("hint", "{}"), &["system"]), invalid, "channel_not_of_event", "channels[0]"),
    ];
    for (event, code, reason, field) in table {
        let shown = format!("{event:?}");
        let status = publish_one(&fixture, event).await.unwrap_err();
        assert_eq!((status.code, status.reason), (code, reason), "{status:?} {shown}");
        assert_eq!(status.violations[0].field, field, "{status:?} {shown}");
        assert!(!status.violations[0].description.is_empty());
    }
    assert!(fixture.rings.appends().is_empty());
}

#[tokio::test]
async fn a_bad_event_is_refused_alone_and_the_others_keep_their_order() {
    let fixture = shop();
    let events =
        vec![shipped("a"), json("order.lost", "{}"), shipped("b"), json("order.shipped", "{}"), placed("a", "c")];
    let results = publish(&fixture, events).await;
    let accepted: Vec<bool> = results.iter().map(Result::is_ok).collect();
    assert_eq!(accepted, [true, false, true, false, true]);
    assert_eq!(names(results[4].as_ref().unwrap()), [("order:a", FIRST_SEQUENCE + 1), ("customer:c", FIRST_SEQUENCE)]);
    assert_eq!(fixture.rings.channels(), ["order:a", "order:b", "order:a", "customer:c"]);
    // What a refused event had printed before its refusal is in no other event.
    assert_eq!(&fixture.rings.appends()[1].event.data[..], br#"{"orderId":"b","note":""}"#);
}

#[tokio::test]
async fn a_failed_channel_fails_its_event_only_and_a_retry_completes_it_under_its_first_id() {
    let fixture = shop();
    fixture.rings.refuse(Some("customer:c-1"));
    let event = Event { idempotency_key: "key-1".into(), ..placed("o-1", "c-1") };
    let results = publish(&fixture, vec![event.clone(), shipped("o-2")]).await;
    assert_eq!(results[0].as_ref().unwrap_err().reason, "memory_full");
    assert_eq!(names(results[1].as_ref().unwrap()), [("order:o-2", FIRST_SEQUENCE)]);
    fixture.rings.refuse(None);
    let retried = publish_one(&fixture, event.clone()).await.unwrap();
    assert_eq!(names(&retried), [("order:o-1", FIRST_SEQUENCE), ("customer:c-1", FIRST_SEQUENCE)]);
    assert!(!retried.duplicate);
    let again = publish_one(&fixture, event).await.unwrap();
    assert_eq!(again, Accepted { duplicate: true, ..retried.clone() });
    let ids: Vec<EventId> = fixture.rings.appends().iter().map(|append| append.event.id).collect();
    assert_eq!(ids, [retried.event_id, ids[1], retried.event_id]);
    assert_eq!(fixture.rings.channels(), ["order:o-1", "order:o-2", "customer:c-1"]);
}

#[tokio::test]
async fn the_trace_of_the_call_is_given_to_events_that_have_none() {
    let fixture = shop();
    let own = Event { metadata: [("traceparent".into(), "own".into())].into(), ..shipped("o") };
    let call = context().with_traceparent(Some(TRACE));
    let broken = context().with_traceparent(Some("00-broken"));
    for (context, event) in [(&call, shipped("o")), (&call, own), (&broken, shipped("o"))] {
        fixture.ingest.publish(vec![event], context).await[0].as_ref().unwrap();
    }
    let printed: Vec<String> = fixture
        .rings
        .appends()
        .iter()
        .map(|append| String::from_utf8(append.event.metadata.to_vec()).unwrap())
        .collect();
    assert_eq!(
        printed,
        [format!("{{\"traceparent\":\"{TRACE}\"}}"), "{\"traceparent\":\"own\"}".into(), String::new()]
    );
}

#[tokio::test]
async fn many_events_are_worked_through_in_batches_whatever_their_size() {
    let fixture = shop_with(Limits { decoding_bytes: 8 << 10, ..Limits::default() });
    let note = "n".repeat(3_000);
    let events: Vec<Event> = (0..2_500)
        .map(|number| match number % 50 {
            0 => json("order.shipped", &format!("{{\"orderId\":\"{number}\",\"note\":\"{note}\"}}")),
            _ => shipped(&number.to_string()),
        })
        .collect();
    let results = publish(&fixture, events).await;
    assert_eq!(results.len(), 2_500);
    for (number, result) in results.iter().enumerate() {
        assert_eq!(names(result.as_ref().unwrap()), [(&*format!("order:{number}"), FIRST_SEQUENCE)]);
    }
    assert_eq!(fixture.rings.channels().len(), 2_500);
}

#[tokio::test]
async fn a_publisher_waits_while_others_decode_all_that_may_be() {
    let fixture = shop_with(Limits { decoding_bytes: 8 << 10, ..Limits::default() });
    let others = fixture.ingest.decoding.acquire_many(8 << 10).await.unwrap();
    let context = context();
    let mut publishing = pin!(fixture.ingest.publish(vec![shipped("o")], &context));
    assert!(publishing.as_mut().now_or_never().is_none());
    assert!(fixture.rings.appends().is_empty());
    drop(others);
    assert!(publishing.await[0].is_ok());
}

#[tokio::test]
async fn a_new_revision_holds_from_the_next_batch_on() {
    let fixture = shop();
    publish_one(&fixture, shipped("o")).await.unwrap();
    let old = fixture.ingest.revision();
    let next = Revision::clone(&old).numbered(24);
    fixture.revisions.replace(Arc::new(next));
    publish_one(&fixture, shipped("o")).await.unwrap();
    let revisions: Vec<u32> = fixture.rings.appends().iter().map(|append| append.event.revision).collect();
    assert_eq!(revisions, [23, 24]);
}

#[tokio::test]
async fn the_engine_is_told_each_events_class_and_key() {
    let fixture = shop();
    let moved = |parcel: &str, place: &str| {
        let data = format!("{{\"orderId\":\"o-1\",\"parcel\":\"{parcel}\",\"place\":\"{place}\"}}");
        json("order.moved", &data)
    };
    let watched = json("order.watched", "{\"orderId\":\"o-1\"}");
    let events = vec![moved("p-1", "Lübeck"), moved("p-1", "Kiel"), moved("p-2", "Kiel"), watched, shipped("o-1")];
    for result in publish(&fixture, events).await {
        result.unwrap();
    }
    let classes: Vec<Class> = fixture.rings.appends().iter().map(|append| append.event.class).collect();
    let key = |parcel| Class::Latest(EventKey::new("order.moved", [parcel]));
    assert_eq!(classes, [key("p-1"), key("p-1"), key("p-2"), Class::Ephemeral, Class::Reliable]);
}

#[tokio::test]
async fn a_batch_is_cut_where_its_json_is_more_than_was_reserved() {
    let fixture = shop();
    let authority = Authority::of(&fixture.ingest, &context()).unwrap();
    // Each of these is a byte on the wire and six in JSON.
    let payload = [&[10, 1, b'o', 18, 0xe8, 7][..], &[1; 1_000]].concat();
    let check = |reserve_bytes| {
        let events = (0..100).map(|_| packed("shop.v1.OrderShipped", &payload));
        fixture.ingest.check(events, reserve_bytes, &context(), &authority).0.outcomes.len()
    };
    assert_eq!((check(60_000), check(10_000), check(usize::MAX)), (10, 2, 100));
    let results = publish(&fixture, (0..100).map(|_| packed("shop.v1.OrderShipped", &payload)).collect()).await;
    assert!(results.len() == 100 && results.iter().all(Result::is_ok), "what is left makes the next batch");
}

#[tokio::test]
async fn a_batch_is_cut_where_its_rules_have_cost_enough_and_others_get_their_turn() {
    let fixture = shop();
    let authority = Authority::of(&fixture.ingest, &context()).unwrap();
    let numbers = vec!["1"; 40].join(",");
    let event = || json("order.counted", &format!("{{\"orderId\":\"o\",\"counts\":[{numbers}]}}"));
    let (batch, _) = fixture.ingest.check((0..100).map(|_| event()), usize::MAX, &context(), &authority);
    assert!((1..50).contains(&batch.outcomes.len()), "{} in one turn", batch.outcomes.len());
    let (cheap, _) = fixture.ingest.check((0..100).map(|_| shipped("o")), usize::MAX, &context(), &authority);
    assert_eq!(cheap.outcomes.len(), 100);

    let turns = Arc::new(AtomicU64::new(0));
    let counting = tokio::spawn({
        let turns = turns.clone();
        async move {
            loop {
                turns.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
        }
    });
    let results = publish(&fixture, (0..100).map(|_| event()).collect()).await;
    counting.abort();
    assert!(results.len() == 100 && results.iter().all(Result::is_ok));
    assert!(turns.load(Ordering::Relaxed) >= 2, "{turns:?}");
}
