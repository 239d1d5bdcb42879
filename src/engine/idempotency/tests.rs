//! Keys: what is remembered, for how long, and within which bounds.

use super::*;
use crate::ids::EventId;
use crate::log::{Epoch, Position};

const AGE: Duration = Duration::from_secs(300);

fn scope(key: &str) -> Scope {
    Scope { tenant: Tenant::new("t"), publisher: None, key: key.into() }
}

fn appended(sequence: u64) -> Appended {
    let position = Position { epoch: Epoch { boot: 1, life: 0 }, sequence };
    Appended { position, event_id: EventId::new(1000 - sequence, [1; 10]), duplicate: false }
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
    assert_eq!((window.order.len(), window.rows.len(), window.bytes), (0, 0, 0));
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
