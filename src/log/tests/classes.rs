//! Superseding, keeping, passing over, and events without a sequence.

use super::*;
use crate::log::past::{MAX_KEPT, MAX_LOST_RUNS};

const NEWEST: Take = Take::Newest { keyed_until: 0 };
const KEEP_TWO: Retention = Retention { events: 2, age: Duration::ZERO };

fn passed(sequence: u64, conflated: u64) -> Read {
    Read::Passed { sequence, conflated }
}

fn lost(first: u64, last: u64) -> Read {
    Read::Lagged { oldest: last + 1, skipped: last + 1 - first }
}

/// Appends events of type 1, a second apart: a letter is a key, `-` is an event without one.
fn appended(retention: Retention, events: &str) -> RingLog {
    let start = Instant::now();
    let mut log = RingLog::new(EPOCH, retention);
    for (second, event) in (0..).zip(events.bytes()) {
        let now = start + Duration::from_secs(second);
        match event {
            b'-' => push(&mut log, 1, 40, now),
            key => push_keyed(&mut log, 1, key, 40, now),
        };
    }
    log
}

/// Everything that a reader at `after` is told until it is at the head.
fn told(log: &mut RingLog, mut after: u64, filter: &TypeFilter, take: Take) -> Vec<Read> {
    let mut told = Vec::new();
    loop {
        let read = log.read(at(after), filter, take, PLENTY, Form::Json);
        after = match &read {
            Read::Batch { last, .. } => *last,
            Read::Skipped { sequence } | Read::Passed { sequence, .. } => *sequence,
            Read::Lagged { oldest, .. } => oldest - 1,
            _ => return told,
        };
        told.push(read);
    }
}

#[test]
fn a_reader_that_lags_passes_over_what_is_superseded_and_others_get_everything() {
    let table: &[(&str, &[Read])] = &[
        ("abc", &[batch(1, 3, 40)]),
        ("aab", &[passed(1, 1), batch(2, 3, 40)]),
        ("aaaa", &[passed(3, 3), batch(4, 4, 40)]),
        ("ab-a", &[passed(1, 1), batch(2, 4, 40)]),
        ("-a-a-", &[batch(1, 1, 40), passed(2, 1), batch(3, 5, 40)]),
        ("abab-ba", &[passed(4, 4), batch(5, 7, 40)]),
    ];
    for (events, expected) in table {
        let mut log = appended(KEEP_ALL, events);
        assert_eq!(told(&mut log, 0, &TypeFilter::All, NEWEST), *expected, "{events}");
        let all = batch(1, events.len() as u64, 40);
        assert_eq!(told(&mut log, 0, &TypeFilter::All, Take::Everything), [all], "{events}");
    }
}

#[test]
fn keys_that_another_schema_has_taken_away_hold_nothing_any_more() {
    // Events as above; of the first, all but the last two are evicted. Then type 1 has no key any more.
    let table: &[(&str, &[Read])] = &[
        ("abc", &[lost(1, 1), batch(2, 3, 40)]),
        ("aab--", &[passed(1, 1), lost(2, 3), batch(4, 5, 40)]),
        ("aaaa", &[passed(2, 2), batch(3, 4, 40)]),
        ("----", &[lost(1, 2), batch(3, 4, 40)]),
    ];
    for (events, expected) in table {
        let mut log = appended(KEEP_TWO, events);
        log.unkey(|event_type, _| event_type == TypeIndex(2));
        log.unkey(|_, revision| revision < 9);
        assert_eq!(
            told(&mut log, 0, &TypeFilter::All, NEWEST),
            told(&mut appended(KEEP_TWO, events), 0, &TypeFilter::All, NEWEST)
        );
        log.unkey(|event_type, revision| event_type == TypeIndex(1) && revision < 10);
        assert_eq!(told(&mut log, 0, &TypeFilter::All, NEWEST), *expected, "{events}");
        let newest = log.head().sequence;
        push_keyed(&mut log, 1, b'a', 40, Instant::now() + Duration::from_secs(100));
        let extent = log.extent();
        assert_eq!((extent.first, extent.oldest), (newest, newest), "{events}: nothing old is kept");
    }
}

#[test]
fn beyond_the_retention_the_newest_of_each_key_is_left_and_the_rest_told_exactly() {
    // Of the first events, all but the last two are evicted.
    let table: &[(&str, u64, &[Read])] = &[
        ("ab--", 0, &[batch(1, 1, 40), batch(2, 2, 40), batch(3, 4, 40)]),
        ("aab--", 0, &[passed(1, 1), batch(2, 2, 40), batch(3, 3, 40), batch(4, 5, 40)]),
        ("-a---", 0, &[lost(1, 1), batch(2, 2, 40), lost(3, 3), batch(4, 5, 40)]),
        ("-a-aa-", 0, &[lost(1, 1), passed(2, 1), lost(3, 3), passed(4, 1), batch(5, 6, 40)]),
        ("-a-aa-", 1, &[passed(2, 1), lost(3, 3), passed(4, 1), batch(5, 6, 40)]),
        ("aaaa", 0, &[passed(3, 3), batch(4, 4, 40)]),
        ("abba--a-", 0, &[passed(2, 2), batch(3, 3, 40), passed(4, 1), lost(5, 6), batch(7, 8, 40)]),
        ("abcabcabc", 0, &[passed(6, 6), batch(7, 7, 40), batch(8, 9, 40)]),
    ];
    for (events, after, expected) in table {
        let mut log = appended(KEEP_TWO, events);
        assert_eq!(log.oldest(), events.len() as u64 - 1, "{events}");
        assert_eq!(told(&mut log, *after, &TypeFilter::All, NEWEST), *expected, "{events} after {after}");
        let whole = !expected.iter().any(|read| matches!(read, Read::Lagged { .. }));
        let resume = log.resume(at(*after));
        match expected[0] {
            Read::Lagged { oldest, .. } => assert_eq!(resume, Resume::Lost { start: at(oldest - 1) }, "{events}"),
            _ if whole => assert_eq!(resume, Resume::Whole, "{events}"),
            _ => assert_eq!(resume, Resume::Lost { start: at(*after) }, "{events}"),
        }
    }
}

#[test]
fn a_first_read_begins_before_the_newest_of_every_key_and_its_history() {
    // history; start, end of the time in which only keys are wanted; what it is told
    let table: &[(&str, u32, u64, u64, &[Read])] = &[
        ("----", 0, 4, 4, &[]),
        ("----", 2, 2, 2, &[batch(3, 4, 40)]),
        ("a---", 0, 0, 4, &[batch(1, 1, 40), passed(4, 0)]),
        ("-a--", 1, 1, 3, &[batch(2, 2, 40), passed(3, 0), batch(4, 4, 40)]),
        ("a-ab", 0, 2, 4, &[batch(3, 4, 40)]),
        ("a-ab", 1, 2, 3, &[batch(3, 4, 40)]),
        ("a-ab", 3, 1, 1, &[batch(2, 4, 40)]),
        ("abaa-", 1, 1, 4, &[batch(2, 2, 40), passed(3, 1), batch(4, 5, 40)]),
    ];
    for (events, history, start, keyed_until, expected) in table {
        let mut log = appended(KEEP_ALL, events);
        let snapshot = log.snapshot(*history, &TypeFilter::All);
        assert_eq!(snapshot, Snapshot { start: at(*start), keyed_until: *keyed_until }, "{events} {history}");
        let take = Take::Newest { keyed_until: *keyed_until };
        assert_eq!(told(&mut log, *start, &TypeFilter::All, take), *expected, "{events} {history}");
    }
    let mut log = appended(KEEP_TWO, "a-b---");
    let snapshot = log.snapshot(1, &TypeFilter::All);
    assert_eq!(snapshot, Snapshot { start: at(0), keyed_until: 5 });
    let take = Take::Newest { keyed_until: 5 };
    let expected = [batch(1, 1, 40), passed(2, 0), batch(3, 3, 40), passed(5, 0), batch(6, 6, 40)];
    assert_eq!(told(&mut log, 0, &TypeFilter::All, take), expected, "what is lost was never asked for");
}

#[test]
fn a_filter_holds_for_keys_too() {
    let now = Instant::now();
    let mut log = RingLog::new(EPOCH, KEEP_TWO);
    for (second, event_type) in [1, 2, 1, 2, 3, 3].into_iter().enumerate() {
        push_keyed(&mut log, event_type, 7, 40, now + Duration::from_secs(second as u64));
    }
    assert_eq!(told(&mut log, 0, &only(&[2]), NEWEST), [passed(3, 2), batch(4, 4, 40), Read::Skipped { sequence: 6 }]);
    assert_eq!(told(&mut log, 0, &only(&[3]), NEWEST), [passed(5, 3), batch(6, 6, 40)]);
    assert_eq!(log.snapshot(0, &only(&[2])).start, at(3));
    assert_eq!(log.snapshot(0, &only(&[4])).start, at(6));
}

#[test]
fn types_do_not_supersede_each_other() {
    let now = Instant::now();
    let mut log = RingLog::new(EPOCH, KEEP_ALL);
    for event_type in [1, 2, 1] {
        push_keyed(&mut log, event_type, 7, 40, now);
    }
    assert_eq!(told(&mut log, 0, &TypeFilter::All, NEWEST), [passed(1, 1), batch(2, 3, 40)]);
}

#[test]
fn lost_runs_are_told_apart_up_to_a_bound_and_then_as_one() {
    let rounds = 3 * MAX_LOST_RUNS;
    let mut log = appended(KEEP_TWO, &"-a".repeat(rounds));
    let told = told(&mut log, 0, &TypeFilter::All, NEWEST);
    let gaps = told.iter().filter(|read| matches!(read, Read::Lagged { .. })).count();
    assert!((MAX_LOST_RUNS..MAX_LOST_RUNS + 2).contains(&gaps), "{gaps}");
    let Read::Lagged { skipped, .. } = told[0] else { panic!("{:?}", told[0]) };
    assert!(skipped as usize > rounds, "the oldest are one run");
    assert_eq!(told.last(), Some(&batch(2 * rounds as u64 - 1, 2 * rounds as u64, 40)));
}

#[test]
fn the_newest_of_their_keys_take_half_the_cap_and_the_oldest_of_them_go_first() {
    const CAP: usize = 100_000;
    let start = Instant::now();
    let mut log = RingLog::new(EPOCH, KEEP_TWO).with_max_bytes(CAP);
    for key in 0..2_000_u64 {
        let class = Class::Latest(EventKey::new("t", [key.to_string().as_str()]));
        let record = Record {
            event_type: TypeIndex(1),
            class,
            payload: Bytes::from(vec![0; 100]),
            revision: 9,
            data_bytes: 0,
            reducer: None,
        };
        let now = start + Duration::from_secs(key);
        log.append(record, now, |sequence, form, out| write(sequence, form, 200, out));
        assert!(log.bytes() < CAP + 8_000, "{} bytes after {key}", log.bytes());
    }
    let told = told(&mut log, 0, &TypeFilter::All, NEWEST);
    let Read::Lagged { oldest, .. } = told[0] else { panic!("{:?}", told[0]) };
    assert!(oldest > 1_800 && oldest < 1_950, "{oldest}");
    let events = told[1..].iter().map(|read| match read {
        Read::Batch { first, last, .. } => last + 1 - first,
        other => panic!("{other:?}"),
    });
    assert_eq!(events.sum::<u64>(), 2_001 - oldest, "one gap, then everything");
    assert!(MAX_KEPT * size_of::<(u64, EventKey)>() < DEFAULT_MAX_LOG_BYTES);
}

#[test]
fn so_many_keys_are_kept_beyond_the_retention_and_no_more_whatever_the_cap() {
    let now = Instant::now();
    let mut log = RingLog::new(EPOCH, Retention { events: 1, age: Duration::ZERO }).with_max_bytes(usize::MAX);
    for key in 0..MAX_KEPT as u64 + 3 {
        let class = Class::Latest(EventKey::new("t", [key.to_string().as_str()]));
        let record = Record {
            event_type: TypeIndex(1),
            class,
            payload: Bytes::new(),
            revision: 9,
            data_bytes: 0,
            reducer: None,
        };
        log.append(record, now + Duration::from_secs(key), |sequence, form, out| write(sequence, form, 40, out));
    }
    assert_eq!((log.oldest(), log.extent().first), (MAX_KEPT as u64 + 3, 3));
}

#[test]
fn shrinking_takes_ephemeral_events_first_and_kept_ones_before_newer_ones() {
    let now = Instant::now();
    let mut log = appended(KEEP_TWO, "abcdefgh--");
    ephemeral(&mut log, 5, now);
    let before = log.bytes();
    log.shrink_to(before - 1);
    assert_eq!(log.read_ephemeral(0, &TypeFilter::All, PLENTY, Form::Json, now), Read::UpToDate);
    assert_eq!(log.extent().first, 1, "that was enough");
    log.shrink_to(0);
    assert_eq!((log.oldest(), log.extent().first), (10, 10));
    assert_eq!(told(&mut log, 0, &TypeFilter::All, NEWEST), [lost(1, 9), batch(10, 10, 40)]);
    log.clear();
    assert_eq!(told(&mut log, 0, &TypeFilter::All, NEWEST), [lost(1, 10)]);
}

fn ephemeral(log: &mut RingLog, events: u64, now: Instant) {
    for _ in 0..events {
        let number = log.ephemeral_head() + 1;
        let record = Record {
            event_type: TypeIndex(1),
            class: Class::Ephemeral,
            payload: Bytes::new(),
            revision: 9,
            data_bytes: 0,
            reducer: None,
        };
        log.append(record, now, |sequence, form, out| {
            assert_eq!(sequence, 0, "no sequence");
            write(number, form, 40, out);
        });
    }
}

#[test]
fn ephemeral_events_have_no_sequence_and_a_small_ring() {
    let start = Instant::now();
    let mut log = appended(KEEP_ALL, "--");
    ephemeral(&mut log, 3, start);
    assert_eq!((log.head(), log.heads()), (at(2), Heads { head: at(2), ephemeral: 3 }));
    assert_eq!(told(&mut log, 0, &TypeFilter::All, NEWEST), [batch(1, 2, 40)], "no reader of the log sees them");
    assert_eq!(log.read_ephemeral(1, &TypeFilter::All, PLENTY, Form::Json, start), batch(2, 3, 40));
    assert_eq!(log.read_ephemeral(0, &only(&[2]), PLENTY, Form::Json, start), Read::Skipped { sequence: 3 });
    assert_eq!(log.read_ephemeral(3, &TypeFilter::All, PLENTY, Form::Json, start), Read::UpToDate);
    ephemeral(&mut log, 2_000, start);
    let Read::Batch { first, last, frames } = log.read_ephemeral(3, &TypeFilter::All, PLENTY, Form::Json, start) else {
        panic!()
    };
    assert_eq!(first, 2_004 - u64::from(MAX_EPHEMERAL_EVENTS), "what is too much went, and nobody is told");
    let late = start + EPHEMERAL_AGE + Duration::from_millis(1);
    assert_eq!(log.read_ephemeral(3, &TypeFilter::All, PLENTY, Form::Json, late), Read::UpToDate);
    assert_eq!(
        log.read_ephemeral(3, &TypeFilter::All, PLENTY, Form::Json, start),
        Read::Batch { first, last, frames },
        "a read took nothing"
    );
    let before = log.bytes();
    let freed = log.evict(late);
    assert!(freed > 10_000 && log.bytes() == before - freed, "its memory goes with the next sweep");
}

#[test]
fn a_first_read_does_not_look_into_segments_that_hold_nothing_for_it() {
    let now = Instant::now();
    let mut log = RingLog::new(EPOCH, KEEP_ALL);
    push(&mut log, 2, 400, now);
    for key in 0..200 {
        push_keyed(&mut log, 1, key, 400, now);
    }
    push_keyed(&mut log, 2, 0, 400, now);
    let (history, newest) = (log.snapshot(2, &only(&[2])), log.snapshot(0, &only(&[2])));
    assert_eq!((history.start, newest.start), (at(0), at(201)));
    // An entry that is not what its segment says would be found by whoever looks.
    log.entries[100].event_type = TypeIndex(2);
    assert_eq!((log.snapshot(2, &only(&[2])), log.snapshot(0, &only(&[2]))), (history, newest));
    assert_eq!(log.snapshot(0, &TypeFilter::All).start, at(1), "the newest of every key of any type");
}
