//! What tombstones promise about sequences and epochs, within their bounds.

use super::*;

const EPOCH: Epoch = Epoch { boot: 9, life: 6 };
const HOUR: Duration = TOMBSTONE_AGE;

fn at(life: u32, sequence: u64) -> Position {
    Position { epoch: Epoch { boot: 9, life }, sequence }
}

#[test]
fn a_channel_that_comes_back_goes_on_where_it_ended() {
    let start = Instant::now();
    let mut tombstones = Tombstones::new(EPOCH);
    assert_eq!(tombstones.revive(&"untouched", start), at(6, 0));
    tombstones.bury("a", at(6, 41), start);
    assert_eq!(tombstones.peek(&"a"), at(6, 41));
    assert_eq!(tombstones.revive(&"a", start + HOUR - Duration::from_nanos(1)), at(6, 41));
    assert!(tombstones.is_empty(), "a tombstone is used once");
    assert_eq!(tombstones.epoch(), EPOCH, "and coming back loses nothing");
}

#[test]
fn a_channel_without_events_leaves_nothing() {
    let start = Instant::now();
    let mut tombstones = Tombstones::new(EPOCH);
    tombstones.bury("silent", at(6, 0), start);
    assert!(tombstones.is_empty());
    tombstones.expire(start + 2 * HOUR);
    assert_eq!(tombstones.epoch(), EPOCH);
}

#[test]
fn when_a_tombstone_goes_by_age_the_epoch_changes() {
    let start = Instant::now();
    let mut tombstones = Tombstones::new(EPOCH);
    tombstones.bury("a", at(6, 41), start);
    assert_eq!(tombstones.peek(&"a"), at(6, 41), "looking changes nothing");
    tombstones.expire(start + HOUR);
    assert_eq!(tombstones.peek(&"a"), at(7, 0));
    assert_eq!(tombstones.revive(&"a", start + HOUR), at(7, 0));
    assert_eq!(tombstones.revive(&"untouched", start + HOUR), at(7, 0));
}

#[test]
fn when_a_tombstone_goes_by_number_the_epoch_changes() {
    let start = Instant::now();
    let mut tombstones = Tombstones::with_bounds(EPOCH, 2, HOUR);
    for (name, sequence) in [("a", 1), ("b", 2), ("c", 3)] {
        tombstones.bury(name, at(6, sequence), start);
    }
    assert_eq!(tombstones.len(), 2);
    assert_eq!(["a", "b", "c"].map(|name| tombstones.revive(&name, start)), [at(7, 0), at(6, 2), at(6, 3)]);
}

#[test]
fn tombstones_of_one_life_that_go_together_move_the_epoch_once() {
    let start = Instant::now();
    let mut tombstones = Tombstones::new(EPOCH);
    for number in 0..100 {
        tombstones.bury(number, at(if number < 50 { 5 } else { 6 }, 8), start);
    }
    tombstones.expire(start + HOUR);
    assert_eq!((tombstones.len(), tombstones.epoch().life), (0, 7));
    tombstones.bury(1, at(6, 9), start + HOUR);
    tombstones.expire(start + 2 * HOUR);
    assert_eq!(tombstones.epoch().life, 7, "what goes is of an older life already");
}

#[test]
fn a_channel_that_was_buried_again_stands_its_whole_time() {
    let start = Instant::now();
    let mut tombstones = Tombstones::with_bounds(EPOCH, 2, HOUR);
    tombstones.bury("a", at(6, 1), start);
    tombstones.revive(&"a", start);
    tombstones.bury("b", at(6, 2), start);
    tombstones.bury("a", at(6, 3), start + HOUR / 2);
    assert_eq!(tombstones.revive(&"a", start + HOUR), at(6, 3));
}

#[test]
fn channels_that_come_and_go_take_no_more_memory() {
    let now = Instant::now();
    let mut tombstones = Tombstones::with_bounds(EPOCH, 100, HOUR);
    for round in 0..10_000_u64 {
        tombstones.bury(round % 7, at(6, round + 1), now);
        tombstones.revive(&(round % 7), now);
        assert!(tombstones.order.len() <= 2 * tombstones.heads.len() + 17);
    }
    assert_eq!(tombstones.epoch(), EPOCH);
}
