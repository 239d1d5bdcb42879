//! Keys: what is remembered, for how long, and within which bounds.

use super::*;
use crate::ids::EventId;
use crate::log::{Epoch, Position};

const AGE: Duration = Duration::from_secs(300);

fn scope(key: &str) -> Arc<Scope> {
    of(None, "t", key)
}

fn of(publisher: Option<&str>, tenant: &str, key: &str) -> Arc<Scope> {
    Arc::new(Scope { tenant: Tenant::new(tenant), publisher: publisher.map(Into::into), key: key.into() })
}

fn appended(sequence: u64) -> Appended {
    let position = Position { epoch: Epoch { boot: 1, life: 0 }, sequence };
    Appended { position, event_id: EventId::new(1_000_000 - sequence, [1; 10]), duplicate: false }
}

fn remember(window: &mut Window, key: &str, channel: &str, digest: u8, sequence: u64, now: Instant) {
    window.remember(&scope(key), &ChannelName::new(channel), Digest([digest; 16]), appended(sequence), now);
}

fn found(window: &Window, key: &str, channel: &str) -> Option<u64> {
    window.find(&scope(key), &ChannelName::new(channel)).map(|appended| appended.position.sequence)
}

#[test]
fn one_key_may_be_of_different_events_on_different_channels() {
    let now = Instant::now();
    let mut window = Window::new(Idempotency::default());
    remember(&mut window, "k", "a", 1, 5, now);
    remember(&mut window, "k", "b", 2, 7, now);
    assert_eq!(
        (found(&window, "k", "a"), found(&window, "k", "b"), found(&window, "k", "c")),
        (Some(5), Some(7), None)
    );
    let holds_another =
        |channel: &str, digest| window.holds_another(&scope("k"), &ChannelName::new(channel), Digest([digest; 16]));
    assert!(!holds_another("a", 1) && holds_another("a", 2) && !holds_another("c", 3));
    assert_eq!(window.event_id(&scope("k"), Digest([2; 16])), Some(appended(7).event_id));
    assert_eq!(window.event_id(&scope("k"), Digest([3; 16])), None);
}

#[test]
fn what_is_forgotten_takes_no_bytes() {
    let start = Instant::now();
    let mut window = Window::new(Idempotency { max_age: AGE, ..Idempotency::default() });
    for number in 0..100 {
        remember(&mut window, &format!("k{}", number / 2), &format!("c{number}"), 1, number, start);
    }
    window.expire(start + AGE - Duration::from_nanos(1));
    assert_eq!(window.order.len(), 100);
    window.expire(start + AGE);
    let left = (window.order.len(), window.rows.len(), window.ids.len(), window.shares.owners(), window.bytes);
    assert_eq!(left, (0, 0, 0, 0, 0));
}

#[test]
fn the_oldest_keys_make_room() {
    let now = Instant::now();
    let one = cost_bytes(&scope("k0"), &ChannelName::new("c"));
    let mut window = Window::new(Idempotency { max_age: AGE, max_bytes: 3 * one });
    for number in 0..9 {
        remember(&mut window, &format!("k{number}"), "c", 1, number, now);
        assert!(window.bytes <= 3 * one);
    }
    let kept: Vec<_> = (0..9).filter(|number| found(&window, &format!("k{number}"), "c").is_some()).collect();
    assert_eq!(kept, [6, 7, 8]);
}

/// A window for so many keys of some characters, and what fills it.
fn full(keys: usize) -> Window {
    let one = cost_bytes(&of(Some("p0"), "t0", "k000000"), &ChannelName::new("c"));
    Window::new(Idempotency { max_age: AGE, max_bytes: keys * one })
}

/// Remembers keys of this owner. Who lost some by it.
fn add(window: &mut Window, (publisher, tenant): (&str, &str), keys: std::ops::Range<u64>) -> Vec<Owner> {
    let mut losers = Vec::new();
    for number in keys {
        let scope = of(Some(publisher), tenant, &format!("k{number:06}"));
        let channel = ChannelName::new("c");
        let remembered = window.remember(&scope, &channel, Digest([1; 16]), appended(number), Instant::now());
        if let Remembered::InPlaceOfOlder(owner) = remembered {
            losers.push(owner);
        }
    }
    losers
}

fn kept(window: &Window, (publisher, tenant): (&str, &str), keys: std::ops::Range<u64>) -> usize {
    let is_kept = |number: &u64| {
        let scope = of(Some(publisher), tenant, &format!("k{number:06}"));
        window.find(&scope, &ChannelName::new("c")).is_some()
    };
    keys.filter(is_kept).count()
}

#[test]
fn who_has_the_most_loses_and_nobody_below_an_even_share_does() {
    let mut window = full(1_000);
    add(&mut window, ("p1", "t1"), 0..100);
    let losers = add(&mut window, ("p2", "t1"), 0..5_000);
    assert_eq!(kept(&window, ("p1", "t1"), 0..100), 100, "the flood is another publisher's");
    assert_eq!(kept(&window, ("p2", "t1"), 4_100..5_000), 900, "whose newest keys are there");
    assert!(losers.iter().all(|owner| owner.0.as_deref() == Some("p2")));
    // Below one publisher the same holds for tenants.
    add(&mut window, ("p2", "t2"), 0..100);
    add(&mut window, ("p2", "t1"), 5_000..9_000);
    assert_eq!((kept(&window, ("p1", "t1"), 0..100), kept(&window, ("p2", "t2"), 0..100)), (100, 100));
    // Who grows takes from who has more, up to an even share.
    add(&mut window, ("p1", "t1"), 100..2_000);
    assert_eq!(kept(&window, ("p1", "t1"), 0..2_000), 500);
}

#[test]
fn many_tenants_give_a_publisher_no_larger_share() {
    let mut window = full(1_000);
    add(&mut window, ("p1", "t1"), 0..400);
    for tenant in 0..3_000 {
        add(&mut window, ("p2", &format!("u{tenant}")), 0..1);
    }
    assert_eq!(kept(&window, ("p1", "t1"), 0..400), 400);
    assert!(window.shares.owners() <= 700, "{}", window.shares.owners());
}

#[test]
fn one_key_for_any_number_of_channels_costs_each_append_the_same() {
    let mut window = Window::new(Idempotency::default());
    let now = Instant::now();
    // As a list, some four hundred million rows would be looked at.
    for number in 0..20_000 {
        let channel = format!("c{number}");
        assert_eq!(found(&window, "k", &channel), None);
        assert_eq!(window.event_id(&scope("k"), Digest([1; 16])).is_some(), number > 0);
        remember(&mut window, "k", &channel, 1, number, now);
    }
    assert_eq!(found(&window, "k", "c17777"), Some(17_777));
}
