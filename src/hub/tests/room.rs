//! The memory of all logs: who gives, what is counted, and what happens when nothing can go.

use super::*;
use crate::status::Code;

/// As an engine does it.
fn append(hub: &Hub, channel: &str, data_bytes: usize) -> Result<Position, Status> {
    hub.make_room();
    hub.append(&append_to(channel, data_bytes))
}

fn with_bytes(total_bytes: usize) -> Hub {
    Hub::new(1, 1, Limits { total_bytes, ..Limits::default() })
}

/// Publishes to ever new names until none is taken. Gives how many were.
fn fill(hub: &Hub) -> usize {
    (0..100_000).find(|number| append(hub, &format!("project:made-up-{number}"), 10).is_err()).expect("a bound")
}

fn hits(hub: &Hub) -> u64 {
    hub.metrics.limits.get(Limit::MaxLogBytes)
}

#[tokio::test(start_paused = true)]
async fn over_the_budget_the_longest_idle_channels_give_their_memory_first() {
    const CHANNELS: usize = 12;
    let limits = Limits { total_bytes: 1 << 20, ..Limits::default() };
    let hub = Hub::new(1, 1, limits);
    let name = |number: usize| format!("project:{number}");
    for number in 0..CHANNELS {
        for _ in 0..4 {
            append(&hub, &name(number), 18 << 10).unwrap();
        }
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    for _ in 0..20 {
        append(&hub, "project:busy", 18 << 10).unwrap();
        assert!(hub.log_bytes() <= limits.total_bytes + (40 << 10), "{} bytes", hub.log_bytes());
    }
    let oldest: Vec<u64> =
        (0..CHANNELS).map(|number| hub.channel(&key(&name(number)), RETENTION).extent().oldest).collect();
    assert!(oldest[0] > 1 && oldest[CHANNELS - 1] == 1, "{oldest:?}");
    assert!(oldest.is_sorted_by(|longer, shorter| longer >= shorter), "the longer idle, the less is left: {oldest:?}");
    assert_eq!(hub.channel(&key("project:busy"), RETENTION).extent().head.sequence, 20);
}

#[tokio::test(start_paused = true)]
async fn when_nothing_can_go_appends_are_refused_at_once_until_channels_expire() {
    let total = 1 << 20;
    let hub = with_bytes(total);
    append(&hub, "project:honest", 10).unwrap();
    let channels = fill(&hub);
    assert!(channels > 500, "{channels} before it was full");
    let (bytes, count, before) = (hub.log_bytes(), hub.channel_count(), hits(&hub));
    for number in 0..1_000 {
        let refusal = append(&hub, "project:honest", 10).unwrap_err();
        assert_eq!((refusal.code, refusal.reason), (Code::ResourceExhausted, "log_budget"));
        assert_eq!(refusal.retry_after, Some(Duration::from_secs(1)));
        append(&hub, &format!("project:another-{number}"), 10).unwrap_err();
    }
    assert_eq!((hub.log_bytes(), hub.channel_count()), (bytes, count), "what is refused leaves nothing");
    assert!(bytes <= total, "{bytes}");
    assert_eq!(hits(&hub), before + 2_000, "nobody has looked again: that would count too");
    let ephemeral = append_as(Class::Ephemeral, "project:nobody-reads-this", 10);
    assert_eq!(hub.append(&ephemeral).unwrap().sequence, 0, "what leaves nothing needs no room");

    tokio::time::advance(Duration::from_secs(1)).await;
    append(&hub, "project:honest", 10).unwrap_err();
    append(&hub, "project:honest", 10).unwrap_err();
    assert_eq!(hits(&hub), before + 2_003, "after a second one has looked");

    tokio::time::advance(Duration::from_secs(301)).await;
    assert_eq!(append(&hub, "project:honest", 10).unwrap().sequence, 2);
    assert_eq!(hub.channel_count(), 1);
}

#[tokio::test(start_paused = true)]
async fn room_that_a_sweep_has_made_is_used_at_once() {
    let hub = with_bytes(1 << 20);
    fill(&hub);
    append(&hub, "project:1", 10).unwrap_err();
    tokio::time::advance(Duration::from_millis(500)).await;
    hub.sweep(now() + Duration::from_secs(301));
    let before = hits(&hub);
    append(&hub, "project:1", 10).unwrap();
    assert_eq!(hits(&hub), before);
}

#[tokio::test(start_paused = true)]
async fn while_one_looks_for_room_the_others_pass_the_budget_by_no_more_than_an_event() {
    let total = 1 << 20;
    let hub = with_bytes(total);
    let looking = hub.budget.looking.lock().unwrap();
    let taken = (0..1_000).take_while(|number| append(&hub, &format!("project:{number}"), 5_000).is_ok()).count();
    assert!((50..250).contains(&taken), "{taken}");
    assert!(hub.log_bytes() <= total + 12_000, "{}", hub.log_bytes());
    drop(looking);
    append(&hub, "project:1", 10).unwrap_err();
    tokio::time::advance(Duration::from_secs(301)).await;
    append(&hub, "project:1", 10).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_log_that_is_taken_from_again_and_again_is_not_looked_at_for_each_event() {
    let hub = with_bytes(1 << 20);
    // Nearly all of it can never go; what is left is one channel's.
    let filled = (0..).take_while(|number| {
        append(&hub, &format!("project:made-up-{number}"), 10).unwrap();
        hub.log_bytes() < (1 << 20) / 100 * 96
    });
    assert!(filled.count() > 500);
    let before = hits(&hub);
    let taken = (0..1_000).filter(|_| append(&hub, "project:busy", 5_000).is_ok()).count() as u64;
    assert!((1..1_000).contains(&taken), "{taken}");
    assert_eq!(hits(&hub) - before, 1_000 - taken + 1, "one look");
}

/// Subscribes to ever new names until there is no room. Gives their channels.
fn join_all(hub: &Hub) -> Vec<Arc<Channel>> {
    let joined = (0..100_000).map_while(|number| {
        let channel = hub.join(&key(&format!("project:nobody-publishes-{number}")), RETENTION).ok()?;
        channel.subscribe(ShardIndex(0));
        Some(channel)
    });
    joined.collect()
}

fn leave(hub: &Hub, channel: Arc<Channel>) {
    channel.unsubscribe(ShardIndex(0));
    hub.leave(channel);
}

fn is_refused(hub: &Hub, channel: &str) -> bool {
    hub.join(&key(channel), RETENTION).is_err()
}

#[tokio::test(start_paused = true)]
async fn subscribers_of_made_up_names_take_a_part_of_the_room_and_no_publishers() {
    let total = 1 << 20;
    let hub = with_bytes(total);
    append(&hub, "project:honest", 10).unwrap();
    let before = hub.log_bytes();
    let mut joined = join_all(&hub);
    assert!(joined.len() > 100, "{}", joined.len());
    let taken = hub.log_bytes() - before;
    assert!((total / 5..=total / 4).contains(&taken), "{taken}");
    let refusal = hub.join(&key("project:another"), RETENTION).err().unwrap();
    assert_eq!((refusal.code, refusal.reason), (Code::ResourceExhausted, "empty_channels"));
    assert_eq!(refusal.retry_after, Some(Duration::from_secs(5)));
    assert_eq!(hub.metrics.limits.get(Limit::EmptyChannels), 2, "each refusal counts");
    assert_eq!(hub.channel_count(), 1 + joined.len(), "what is refused leaves nothing");

    assert!(!is_refused(&hub, "project:honest"), "what is there can be subscribed");
    let first = joined.pop().unwrap();
    assert!(!is_refused(&hub, first.key().channel.as_str()));
    append(&hub, "project:new", 10).unwrap();

    // Each that has an event, or goes, makes room for another.
    append(&hub, first.key().channel.as_str(), 10).unwrap();
    joined.push(hub.join(&key("project:another"), RETENTION).unwrap());
    joined.last().unwrap().subscribe(ShardIndex(0));
    assert!(is_refused(&hub, "project:a-third"));
    leave(&hub, joined.pop().unwrap());
    joined.push(hub.join(&key("project:a-third"), RETENTION).unwrap());
    joined.last().unwrap().subscribe(ShardIndex(0));
    let last = joined.last().unwrap().key().channel.clone();
    assert!(is_refused(&hub, "project:a-fourth"));
    hub.append(&append_as(Class::Ephemeral, last.as_str(), 10)).unwrap();
    assert!(!is_refused(&hub, "project:a-fourth"), "an event that is not kept is one, too");

    for channel in joined {
        leave(&hub, channel);
    }
    tokio::time::advance(Duration::from_secs(301)).await;
    hub.sweep(now());
    let again = join_all(&hub);
    assert!(again.len() > 100);
    drop(again);
}

#[tokio::test(start_paused = true)]
async fn names_of_channels_that_are_remembered_take_no_more_than_others() {
    let hub = with_bytes(1 << 20);
    for number in 0..400 {
        append(&hub, &format!("project:nobody-publishes-{number}"), 10).unwrap();
    }
    tokio::time::advance(Duration::from_secs(301)).await;
    assert_eq!(hub.sweep(now()).expired, 400);
    let joined = join_all(&hub);
    assert!(hub.log_bytes() <= (1 << 20) / 4, "{} of {}", hub.log_bytes(), joined.len());
    for channel in joined {
        leave(&hub, channel);
    }
    hub.sweep(now());
    assert_eq!((hub.channel_count(), hub.log_bytes()), (0, 0));
    assert!(join_all(&hub).len() > 100, "and all of it comes back");
}

#[tokio::test(start_paused = true)]
async fn where_events_have_all_the_room_nobody_adds_a_channel() {
    let total = 1 << 20;
    let hub = with_bytes(total);
    fill(&hub);
    let joined = join_all(&hub);
    assert!(hub.log_bytes() <= total, "{}", hub.log_bytes());
    assert!(!joined.is_empty(), "what publishers leave is for them");
    assert!(!is_refused(&hub, "project:made-up-0"));
}
