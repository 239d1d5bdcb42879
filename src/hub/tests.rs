//! Wake-ups and expiry, on a clock of their own.

#[cfg(rialto_model)]
mod model;
mod room;

use std::sync::Arc;
use std::time::Duration;

use super::fixture::{RETENTION, SCHEMA, append_as, append_to, key};
use super::*;
use crate::engine::EventRecord;
use crate::ids::Tenant;
use crate::log::{Form, Read, Take};
use crate::revision::Revision;
use crate::schema::fixture::one_file;
use crate::schema::{EventKey, Schema, TypeFilter};
use crate::wire::fixture::schema_of;

#[tokio::test(start_paused = true)]
async fn a_shard_hears_of_a_channel_once_until_it_begins_to_read() {
    let hub = Hub::new(1, 2, Limits::default());
    let append = append_to("project:ä", 10);
    let channel = hub.channel(&append.key, RETENTION);
    channel.subscribe(ShardIndex(1));
    for _ in 0..3 {
        hub.append(&append).unwrap();
    }
    let mut dirty = Vec::new();
    hub.wakeups(ShardIndex(0)).take(&mut dirty);
    assert!(dirty.is_empty(), "shard 0 has no subscription");
    hub.wakeups(ShardIndex(1)).woken().await;
    hub.wakeups(ShardIndex(1)).take(&mut dirty);
    assert_eq!(dirty.len(), 1);
    hub.append(&append).unwrap();
    hub.wakeups(ShardIndex(1)).take(&mut dirty);
    assert_eq!(dirty.len(), 1, "the mark stands until the shard reads");
    channel.begin_read(ShardIndex(1));
    hub.append(&append).unwrap();
    hub.wakeups(ShardIndex(1)).take(&mut dirty);
    assert_eq!(dirty.len(), 2, "an append after that marks anew");
}

#[tokio::test(start_paused = true)]
async fn an_expired_channel_goes_on_in_its_epoch_after_its_last_event() {
    let hub = Hub::new(1, 1, Limits::default());
    let append = append_to("project:1", 10);
    let before = hub.append(&append).unwrap();
    assert_eq!(hub.sweep(now()).expired, 0, "it is young");
    tokio::time::advance(Duration::from_secs(299)).await;
    assert_eq!(hub.sweep(now()).expired, 0, "it was idle for less than five minutes");
    tokio::time::advance(Duration::from_secs(2)).await;
    assert_eq!(hub.sweep(now()).expired, 1);
    assert_eq!((hub.channel_count(), hub.log_bytes(), hub.tombstone_count()), (0, 0, 1));
    let after = hub.append(&append).unwrap();
    assert_eq!(after.epoch, before.epoch);
    assert_eq!(after.sequence, before.sequence + 1);
    let channel = hub.channel(&append.key, RETENTION);
    let (read, ..) = channel.read(
        Position { sequence: 0, ..before },
        &TypeFilter::All,
        Take::Everything,
        1 << 20,
        Form::Json.into(),
    );
    assert_eq!(read, Read::Lagged { oldest: 2, skipped: 1 });
}

#[tokio::test(start_paused = true)]
async fn a_channel_changes_its_epoch_when_its_tombstone_is_gone() {
    let hub = Hub::new(1, 1, Limits::default());
    let append = append_to("project:1", 10);
    let before = hub.append(&append).unwrap();
    tokio::time::advance(Duration::from_secs(301)).await;
    hub.sweep(now());
    tokio::time::advance(Duration::from_secs(3601)).await;
    hub.sweep(now());
    let after = hub.append(&append).unwrap();
    assert_ne!(after.epoch, before.epoch);
    assert_eq!(after.sequence, 1);
}

#[tokio::test(start_paused = true)]
async fn a_channel_with_a_subscriber_never_expires() {
    let hub = Hub::new(1, 1, Limits::default());
    let append = append_to("project:1", 10);
    let channel = hub.channel(&append.key, RETENTION);
    channel.subscribe(ShardIndex(0));
    let id = channel.id();
    drop(channel);
    hub.append(&append).unwrap();
    hub.wakeups(ShardIndex(0)).take(&mut Vec::new());
    tokio::time::advance(Duration::from_secs(10_000)).await;
    assert_eq!(hub.sweep(now()).expired, 0);
    hub.channel(&append.key, RETENTION).unsubscribe(ShardIndex(0));
    assert_eq!(hub.channel(&append.key, RETENTION).id(), id);
    assert_eq!(hub.sweep(now()).expired, 1);
}

#[tokio::test(start_paused = true)]
async fn a_channel_without_events_goes_with_its_last_subscriber_and_no_other_does() {
    let hub = Hub::new(1, 2, Limits::default());
    let empty = hub.log_bytes();
    let untouched = key("project:untouched");
    let (first, second) = (hub.channel(&untouched, RETENTION), hub.channel(&untouched, RETENTION));
    first.subscribe(ShardIndex(0));
    second.subscribe(ShardIndex(1));
    first.unsubscribe(ShardIndex(0));
    hub.leave(first);
    assert_eq!(hub.channel_count(), 1, "somebody is still there");
    let publisher = Arc::clone(&second);
    second.unsubscribe(ShardIndex(1));
    hub.leave(second);
    assert_eq!(hub.channel_count(), 1, "somebody may be about to append");
    hub.leave(publisher);
    assert_eq!((hub.channel_count(), hub.log_bytes()), (0, empty));

    let append = append_to("project:1", 10);
    let channel = hub.channel(&append.key, RETENTION);
    channel.subscribe(ShardIndex(0));
    hub.append(&append).unwrap();
    hub.wakeups(ShardIndex(0)).take(&mut Vec::new());
    channel.unsubscribe(ShardIndex(0));
    hub.leave(channel);
    assert_eq!(hub.channel_count(), 1, "its events are kept for who comes back");
}

#[tokio::test(start_paused = true)]
async fn tenants_with_one_channel_name_have_two_logs() {
    let hub = Hub::new(1, 1, Limits::default());
    let ours = append_to("project:1", 10);
    let mut theirs = ours.clone();
    theirs.key.tenant = Tenant::from("acme");
    hub.append(&ours).unwrap();
    assert_eq!(hub.append(&theirs).unwrap().sequence, 1);
    assert_eq!(hub.append(&ours).unwrap().sequence, 2);
}

#[test]
fn a_log_keeps_what_the_newest_schema_says_whoever_appends_last() {
    let hub = Hub::new(1, 1, Limits::default());
    let appending = |events, revision| {
        let append = append_to("project:ä", 10);
        let event = EventRecord { revision, ..(*append.event).clone() };
        Append { retention: Retention { events, ..RETENTION }, event: Arc::new(event), ..append }
    };
    hub.append(&appending(10, 3)).unwrap();
    let channel = hub.channel(&key("project:ä"), RETENTION);
    assert_eq!(channel.retention().events, 10);
    hub.append(&appending(20, 4)).unwrap();
    hub.append(&appending(10, 3)).unwrap();
    assert_eq!(channel.retention().events, 20, "a publisher that began under the old schema came last");
    let schema = Arc::new(Schema::bundled());
    hub.revise(&SCHEMA, &Revision::of_shared(&schema, 5));
    let template = SCHEMA.channel("project:ä").expect("the catalogue has it");
    assert_eq!(channel.retention(), template.retention);
    // What began under the older schema finds the newer one's word, in a channel that is made only now as well.
    hub.append(&appending(10, 4)).unwrap();
    assert_eq!(channel.retention(), template.retention);
    let late = Append { key: key("project:later"), ..appending(10, 4) };
    hub.append(&late).unwrap();
    assert_eq!(hub.channel(&late.key, RETENTION).retention(), template.retention);
    assert_eq!(hub.subscribed().count(), 0);
    channel.subscribe(ShardIndex(0));
    assert_eq!(hub.subscribed().map(|(channel, count)| (channel.id(), count)).collect::<Vec<_>>(), [(channel.id(), 1)]);
}

#[tokio::test(start_paused = true)]
async fn a_publisher_that_began_under_an_older_schema_brings_no_key_back() {
    let schema = |delivery: &str, key: &str| {
        let declared = format!(
            "message Channel {{ option (rialto.v1.channel) = {{ template: \"part:{{id}}\" }}; string id = 1; }}
             message Moved {{
               option (rialto.v1.event) = {{ type: \"part.moved\" channels: [\"Channel\"] {delivery} }};
               string id = 1;
               string part = 2 {key};
             }}"
        );
        schema_of(&declared).0
    };
    let (before, after) = (schema("delivery: DELIVERY_LATEST", "[(rialto.v1.field).key = true]"), schema("", ""));
    let event_type = Arc::clone(before.event("part.moved").expect("declared"));
    let hub = Hub::new(1, 1, Limits::default());
    hub.revise(&before, &Revision::of_shared(&Arc::new(after), 2));
    let append = append_as(Class::Latest(EventKey::new("part.moved", ["a"])), "part:1", 10);
    let event = Arc::new(EventRecord { event_type, ..(*append.event).clone() });
    let append = Append { event, ..append };
    let position = hub.append(&append).unwrap();
    hub.append(&append).unwrap();
    let (start, take) = (Position { sequence: 0, ..position }, Take::Newest { keyed_until: 0 });
    let (read, ..) =
        hub.channel(&append.key, RETENTION).read(start, &TypeFilter::All, take, 1 << 20, Form::Json.into());
    assert!(matches!(read, Read::Batch { first: 1, last: 2, .. }), "{read:?}");
}

#[tokio::test(start_paused = true)]
async fn an_ephemeral_event_for_nobody_costs_nothing() {
    let hub = Hub::new(1, 1, Limits::default());
    let append = append_as(Class::Ephemeral, "project:1", 10);
    let position = hub.append(&append).unwrap();
    assert_eq!((position.sequence, hub.channel_count(), hub.log_bytes()), (0, 0, 0));

    let before = hub.append(&append_to("project:1", 10)).unwrap();
    assert_eq!(position, Position { sequence: 0, ..before }, "the epoch is the channel's");
    let bytes = hub.log_bytes();
    assert_eq!(hub.append(&append).unwrap(), position);
    assert_eq!(hub.log_bytes(), bytes, "there is a log, but nobody who reads it");
    tokio::time::advance(Duration::from_secs(301)).await;
    assert_eq!(hub.sweep(now()).expired, 1, "and it does not keep the channel alive");
    assert_eq!(hub.append(&append).unwrap(), position, "the tombstone knows the epoch");
}

#[test]
fn an_ephemeral_event_for_nobody_waits_for_none_who_look_at_tombstones() {
    let hub = Hub::new(1, 1, Limits::default());
    let looking = hub.tombstones.read().unwrap();
    let (done, is_done) = std::sync::mpsc::sync_channel(1);
    std::thread::scope(|scope| {
        scope.spawn(|| done.send(hub.append(&append_as(Class::Ephemeral, "project:1", 10)).unwrap().sequence));
        let position = is_done.recv_timeout(Duration::from_secs(30));
        drop(looking);
        assert_eq!(position, Ok(0));
    });
}

#[tokio::test(start_paused = true)]
async fn an_ephemeral_event_wakes_who_is_there_and_its_memory_goes_with_the_next_sweep() {
    let hub = Hub::new(1, 1, Limits::default());
    let append = append_as(Class::Ephemeral, "project:1", 100);
    let channel = hub.channel(&append.key, RETENTION);
    let empty = hub.log_bytes();
    channel.subscribe(ShardIndex(0));
    hub.append(&append).unwrap();
    let mut dirty = Vec::new();
    hub.wakeups(ShardIndex(0)).take(&mut dirty);
    assert_eq!(dirty.len(), 1);
    let (read, heads, _) = channel.read_ephemeral(0, &TypeFilter::All, 1 << 20, Form::Json.into());
    let Read::Batch { first: 1, last: 1, frames } = read else { panic!("{read:?}") };
    assert!(!String::from_utf8_lossy(&frames).contains("sequence"), "{frames:?}");
    assert_eq!((heads.ephemeral, heads.head.sequence), (1, 0));
    tokio::time::advance(Duration::from_secs(6)).await;
    assert_eq!(channel.read_ephemeral(0, &TypeFilter::All, 1 << 20, Form::Json.into()).0, Read::UpToDate);
    hub.sweep(now());
    assert!(hub.log_bytes() < empty + 500, "{} bytes, {empty} before", hub.log_bytes());
}

#[tokio::test(start_paused = true)]
async fn the_total_of_all_logs_is_right_whatever_supersedes_what() {
    let hub = Hub::new(1, 1, Limits { channel_bytes: 40_000, ..Limits::default() });
    let channels = ["project:1", "project:2"];
    for channel in channels {
        hub.channel(&key(channel), RETENTION).subscribe(ShardIndex(0));
    }
    for round in 0..2_000_u64 {
        let class = match round % 5 {
            0 => Class::Reliable,
            1 => Class::Ephemeral,
            _ => Class::Latest(EventKey::new("t", [(round * 7919 % 300).to_string().as_str()])),
        };
        let append = append_as(class, channels[(round % 3 % 2) as usize], 50 + (round % 400) as usize);
        hub.append(&append).unwrap();
        let channel = hub.channel(&append.key, RETENTION);
        channel.read(channel.extent().start(), &TypeFilter::All, Take::Everything, 4_000, Form::Json.into());
        channel.read_ephemeral(0, &TypeFilter::All, 4_000, Form::Json.into());
        tokio::time::advance(Duration::from_millis(100)).await;
        if round % 50 == 0 {
            hub.sweep(now());
        }
        let held: usize = channels.iter().map(|channel| hub.channel(&key(channel), RETENTION).bytes()).sum();
        assert_eq!(hub.log_bytes(), held, "after {round}");
        assert!(held < 2 * (40_000 + 160_000), "{held} bytes");
    }
}

/// A schema after `before` in which the event's key is this field.
fn keyed_by(before: &Schema, field: &str) -> Arc<Schema> {
    let fields =
        ["id", "a", "b", "c"].map(|name| (name, if name == field { "[(rialto.v1.field).key = true]" } else { "" }));
    let fields: String =
        (1..).zip(fields).map(|(number, (name, option))| format!("string {name} = {number} {option};")).collect();
    let text = format!(
        "syntax = \"proto3\"; package k.v1; import \"rialto/v1/options.proto\";
         message KChannel {{ option (rialto.v1.channel) = {{ template: \"k:{{id}}\" }}; string id = 1; }}
         message E {{ option (rialto.v1.event) = {{ type: \"e\", channels: [\"KChannel\"], delivery: DELIVERY_LATEST }}; {fields} }}"
    );
    Arc::new(before.load_next(&one_file(&text)).unwrap_or_else(|error| panic!("{error}")))
}

#[test]
fn a_key_that_changes_is_forgotten_of_what_was_published_before_and_kept_of_what_comes_after() {
    let by_a = keyed_by(&SCHEMA, "a");
    let by_b = keyed_by(&by_a, "b");
    let by_c = keyed_by(&by_b, "c");
    let hub = Hub::new(1, 1, Limits::default());
    let publish = |key: &str, revision: u32| {
        let event_type = Arc::clone(by_a.event("e").expect("it is declared"));
        let class = Class::Latest(EventKey::new("e", [key]));
        let append = append_as(class, "k:1", 10);
        let event = EventRecord { event_type, revision, ..EventRecord::clone(&append.event) };
        hub.append(&Append { event: Arc::new(event), ..append }).unwrap()
    };
    let newest = |after: Position| {
        let channel = hub.channel(&key("k:1"), RETENTION);
        let (read, ..) =
            channel.read(after, &TypeFilter::All, Take::Newest { keyed_until: 0 }, 1 << 20, Form::Json.into());
        read
    };
    let first = publish("a=1", 1);
    // A publisher may have the second revision before the walk comes here: its key is the new one.
    publish("b=1", 2);
    publish("b=1", 2);
    hub.revise(&by_a, &Revision::of_shared(&by_b, 2));
    let start = Position { sequence: 0, ..first };
    assert!(matches!(newest(start), Read::Batch { first: 1, last: 1, .. }), "{:?}", newest(start));
    assert_eq!(newest(first), Read::Passed { sequence: 2, conflated: 1 });
    // What was held over two reloads has a key that died in the first of them.
    hub.revise(&by_b, &Revision::of_shared(&by_c, 3));
    let late = publish("a=1", 1);
    publish("a=1", 1);
    let before = Position { sequence: late.sequence - 1, ..late };
    assert!(matches!(newest(before), Read::Batch { first: 4, last: 5, .. }), "{:?}", newest(before));
    hub.revise(&by_c, &Revision::of_shared(&keyed_by(&by_c, "c"), 4));
    publish("b=2", 2);
    publish("b=2", 2);
    let before = Position { sequence: 5, ..late };
    assert!(matches!(newest(before), Read::Batch { first: 6, last: 7, .. }), "{:?}", newest(before));
    publish("c=1", 3);
    publish("c=1", 3);
    let before = Position { sequence: 7, ..late };
    assert_eq!(newest(before), Read::Passed { sequence: 8, conflated: 1 }, "the third's key is the fourth's too");
}
