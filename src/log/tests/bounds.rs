//! What bounds a log: number, age, bytes, and what it gives back.

use std::mem::size_of;

use super::*;
use crate::log::ring::Entry;

#[test]
fn retention_keeps_what_its_number_or_its_age_keeps() {
    let start = Instant::now();
    let second = |seconds| start + Duration::from_secs(seconds);
    let mut log = RingLog::new(EPOCH, Retention { events: 3, age: Duration::from_secs(10) });
    for seconds in 0..=9 {
        push(&mut log, 1, 40, second(seconds));
    }
    assert_eq!(log.oldest(), 1, "more than three, but none too old");
    log.evict(second(10));
    assert_eq!(log.oldest(), 1, "exactly as old as the retention says");
    push(&mut log, 1, 40, second(12));
    assert_eq!(log.oldest(), 3, "the events of second 0 and 1 are too old");
    log.evict(second(500));
    assert_eq!((log.oldest(), log.head()), (9, at(11)), "the newest three are kept whatever their age");
    assert_eq!(log.newest_at(), Some(second(12)));
    assert_eq!(
        log.read(at(7), &TypeFilter::All, Take::Everything, PLENTY, Form::Json),
        Read::Lagged { oldest: 9, skipped: 1 }
    );
    assert_eq!(log.read(at(8), &TypeFilter::All, Take::Everything, PLENTY, Form::Json), batch(9, 11, 40));
}

#[test]
fn a_retention_of_nothing_still_hands_the_newest_event_to_live_readers() {
    let start = Instant::now();
    let mut log = RingLog::new(EPOCH, Retention { events: 0, age: Duration::ZERO });
    for sequence in 1..=5 {
        push(&mut log, 1, 40, start + Duration::from_secs(sequence));
        assert_eq!(
            log.read(at(sequence - 1), &TypeFilter::All, Take::Everything, PLENTY, Form::Json),
            batch(sequence, sequence, 40)
        );
    }
    log.evict(start + Duration::from_secs(6));
    assert_eq!(
        log.read(at(4), &TypeFilter::All, Take::Everything, PLENTY, Form::Json),
        Read::Lagged { oldest: 6, skipped: 1 }
    );
}

#[test]
fn the_byte_cap_evicts_the_oldest_but_never_the_newest() {
    let now = Instant::now();
    let mut log = RingLog::new(EPOCH, KEEP_ALL).with_max_bytes(10_000);
    for _ in 0..100 {
        push(&mut log, 1, 400, now);
    }
    let each = 400 + "<17>".len() as u64 + 200 + size_of::<Entry>() as u64;
    assert_eq!(log.oldest(), 101 - 10_000 / each, "as many as fit: frame, payload and index");
    push(&mut log, 1, 50_000, now);
    assert_eq!(log.oldest(), 101, "one event over the cap stays alone");
    assert_eq!(log.read(at(100), &TypeFilter::All, Take::Everything, PLENTY, Form::Json), batch(101, 101, 50_000));
    push(&mut log, 1, 400, now);
    assert_eq!(log.oldest(), 102);
}

#[test]
fn memory_held_stays_near_the_cap_whatever_the_sizes() {
    const CAP: usize = 1 << 20;
    const SLACK: usize = 5 * 64 * 1024 + CAP / 4; // open and dying segments, the index's spare room, a copy
    let now = Instant::now();
    let mut log = RingLog::new(EPOCH, KEEP_ALL).with_max_bytes(CAP);
    for round in 0..20_000_u64 {
        let len = [20, 300, 5_000, 17_000, 40, 60_000][(round * 7 % 11 % 6) as usize];
        push(&mut log, 1, len, now);
        log.read(at(log.head().sequence - 1), &TypeFilter::All, Take::Everything, PLENTY, Form::Json);
        assert!(log.bytes() < CAP + SLACK, "{} bytes after {round} events", log.bytes());
    }
}

#[test]
fn shrinking_frees_what_it_says_and_keeps_the_newest() {
    let now = Instant::now();
    let mut log = RingLog::new(EPOCH, KEEP_ALL);
    for _ in 0..1000 {
        push(&mut log, 1, 300, now);
    }
    for budget in [usize::MAX, 400_000, 100_000, 5_000, 0] {
        let before = log.bytes();
        let freed = log.shrink_to(budget);
        assert_eq!(log.bytes(), before - freed);
        assert!(log.bytes() <= budget.max(1250), "{} of {budget}", log.bytes());
    }
    assert_eq!(log.oldest(), 1000);
    assert_eq!(log.read(at(999), &TypeFilter::All, Take::Everything, PLENTY, Form::Json), batch(1000, 1000, 300));
    log.clear();
    assert_eq!((log.oldest(), log.head()), (1001, at(1000)));
    assert_eq!(log.bytes(), size_of::<RingLog>());
    push(&mut log, 1, 300, now);
    assert_eq!(log.read(at(1000), &TypeFilter::All, Take::Everything, PLENTY, Form::Json), batch(1001, 1001, 300));
}

#[test]
fn a_slice_outlives_the_eviction_of_its_events() {
    let now = Instant::now();
    let mut log = log_of(1, 2000);
    let Read::Batch { first, last, frames: slice } =
        log.read(at(500), &TypeFilter::All, Take::Everything, PLENTY, Form::Json)
    else {
        panic!()
    };
    log.clear();
    push(&mut log, 1, 40, now);
    assert_eq!(slice, frames(first, last, 40));
}

#[test]
fn a_quiet_channel_stays_small() {
    let now = Instant::now();
    let mut log = RingLog::new(EPOCH, KEEP_ALL);
    let empty = log.bytes();
    push(&mut log, 1, 300, now);
    log.read(at(0), &TypeFilter::All, Take::Everything, PLENTY, Form::Json);
    let beside = log.bytes() - 300 - 150;
    // When this was written: the struct 424, the lists of segments 144, the index 48, and 3 of the binary frame's head.
    assert!(empty <= 440 && beside <= 640, "{empty} bytes empty, {beside} beside one event");
    for _ in 0..9 {
        push(&mut log, 1, 300, now);
    }
    assert!(log.bytes() < 3 * 4500, "{} bytes for ten events of 300 and 150", log.bytes());
}

#[test]
fn reading_never_changes_what_is_counted() {
    let mut log = log_of(1, 500);
    let before = log.bytes();
    for after in [0, 100, 490, 499, 500] {
        log.read(at(after), &TypeFilter::All, Take::Everything, PLENTY, Form::Json);
        assert_eq!(log.bytes(), before, "after {after}");
    }
}
