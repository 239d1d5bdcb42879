//! Wake-ups, expiry and the budget, on a clock of their own.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::engine::EventRecord;
use crate::ids::{ChannelName, EventId, Tenant};
use crate::log::{Read, Take};
use crate::schema::{Schema, TypeFilter};

const RETENTION: Retention = Retention { events: 10, age: Duration::from_secs(30) };

fn key(channel: &str) -> ChannelKey {
    ChannelKey { tenant: Tenant::default_tenant(), channel: ChannelName::from(channel) }
}

static SCHEMA: LazyLock<Schema> = LazyLock::new(Schema::bundled);

fn append_to(channel: &str, data_bytes: usize) -> Append {
    let event_type = Arc::clone(SCHEMA.event("process.progress").expect("the catalogue has it"));
    let event = EventRecord {
        id: EventId::new(1_700_000_000_000, [7; 10]),
        event_type,
        timestamp_ms: 1_700_000_000_000,
        metadata: Bytes::new(),
        reply_to: None,
        data: Bytes::from(format!("\"{}\"", "x".repeat(data_bytes))),
        payload: Bytes::from_static(b"wire"),
        revision: 1,
        class: Class::Reliable,
    };
    Append { key: key(channel), retention: RETENTION, event: Arc::new(event), idempotency_key: None }
}

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
    assert_eq!((hub.channel_count(), hub.log_bytes()), (0, 0));
    let after = hub.append(&append).unwrap();
    assert_eq!(after.epoch, before.epoch);
    assert_eq!(after.sequence, before.sequence + 1);
    let channel = hub.channel(&append.key, RETENTION);
    let (read, ..) = channel.read(Position { sequence: 0, ..before }, &TypeFilter::All, Take::Everything, 1 << 20);
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
async fn over_the_budget_the_longest_idle_channels_give_their_memory_first() {
    const CHANNELS: usize = 12;
    let limits = Limits { total_bytes: 1 << 20, ..Limits::default() };
    let hub = Hub::new(1, 1, limits);
    let name = |number: usize| format!("project:{number}");
    for number in 0..CHANNELS {
        for _ in 0..4 {
            hub.append(&append_to(&name(number), 18 << 10)).unwrap();
        }
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    for _ in 0..20 {
        hub.append(&append_to("project:busy", 18 << 10)).unwrap();
        assert!(hub.log_bytes() < 2 * limits.total_bytes, "{} bytes", hub.log_bytes());
    }
    let oldest: Vec<u64> =
        (0..CHANNELS).map(|number| hub.channel(&key(&name(number)), RETENTION).extent().oldest).collect();
    assert!(oldest[0] > 1 && oldest[CHANNELS - 1] == 1, "{oldest:?}");
    assert!(oldest.is_sorted_by(|longer, shorter| longer >= shorter), "the longer idle, the less is left: {oldest:?}");
    assert_eq!(hub.channel(&key("project:busy"), RETENTION).extent().head.sequence, 20);
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
