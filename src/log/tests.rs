//! The boundary cases of reading.

use std::mem::size_of;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::*;
use crate::schema::{EventKey, Retention, TypeFilter};

mod bounds;
mod classes;
mod law;
mod reduced;

pub(super) const EPOCH: Epoch = Epoch { boot: 0x5eed, life: 4 };
const OTHER: Epoch = Epoch { boot: 0x5eed, life: 3 };
const KEEP_ALL: Retention = Retention { events: 1_000_000, age: Duration::from_secs(3600) };
const PLENTY: usize = 1 << 30;

/// A frame that says its sequence, of the length asked for.
pub(super) fn frame(sequence: u64, len: usize) -> Vec<u8> {
    let mut frame = format!("[{sequence}").into_bytes();
    frame.resize(len.max(frame.len() + 1) - 1, b'.');
    frame.push(b']');
    frame
}

/// Writes the frame of a form, as whoever appends: the binary one without its payload.
pub(super) fn write(sequence: u64, form: Form, len: usize, out: &mut Vec<u8>) {
    match form {
        Form::Json => out.extend_from_slice(&frame(sequence, len)),
        Form::Binary => out.extend_from_slice(format!("<{sequence}>").as_bytes()),
    }
}

/// An event's frame as readers get it, where its payload is of its type and half as long as the frame asked for.
pub(super) fn frame_in(form: Form, sequence: u64, event_type: u32, len: usize) -> Vec<u8> {
    let mut frame = Vec::new();
    write(sequence, form, len, &mut frame);
    if form == Form::Binary {
        frame.resize(frame.len() + len / 2, event_type as u8);
    }
    frame
}

pub(super) fn frames(first: u64, last: u64, len: usize) -> Bytes {
    (first..=last).flat_map(|sequence| frame(sequence, len)).collect::<Vec<u8>>().into()
}

pub(super) fn push(log: &mut RingLog, event_type: u32, frame_len: usize, now: Instant) -> u64 {
    let record = Record {
        event_type: TypeIndex(event_type),
        class: Class::Reliable,
        payload: Bytes::from(vec![event_type as u8; frame_len / 2]),
        revision: 9,
        data_bytes: frame_len as u32 / 2,
        reducer: reduced::reducer(event_type),
    };
    log.append(record, now, |sequence, form, out| write(sequence, form, frame_len, out)).sequence
}

pub(super) fn push_keyed(log: &mut RingLog, event_type: u32, key: u8, frame_len: usize, now: Instant) -> u64 {
    let class = Class::Latest(EventKey::new(&event_type.to_string(), [key.to_string().as_str()]));
    let payload = Bytes::from(vec![event_type as u8; frame_len / 2]);
    let (data_bytes, reducer) = (frame_len as u32 / 2, reduced::reducer(event_type));
    let record = Record { event_type: TypeIndex(event_type), class, payload, revision: 9, data_bytes, reducer };
    log.append(record, now, |sequence, form, out| write(sequence, form, frame_len, out)).sequence
}

pub(super) fn at(sequence: u64) -> Position {
    Position { epoch: EPOCH, sequence }
}

pub(super) fn only(types: &[u32]) -> TypeFilter {
    let mut words = vec![0_u64; 4];
    for index in types {
        words[*index as usize / 64] |= 1 << (index % 64);
    }
    TypeFilter::Only(words.into())
}

fn batch(first: u64, last: u64, len: usize) -> Read {
    Read::Batch { first, last, frames: frames(first, last, len) }
}

/// A log whose retained events are `oldest..=head`, of 40-byte frames.
fn log_of(oldest: u64, head: u64) -> RingLog {
    let now = Instant::now();
    let mut log = RingLog::resurrect(at(oldest - 1), KEEP_ALL);
    for _ in oldest..=head {
        push(&mut log, 1, 40, now);
    }
    log
}

#[test]
fn a_read_says_exactly_what_is_there_and_what_is_lost() {
    let table: &[(&str, u64, u64, Position, Read)] = &[
        ("untouched log, at its beginning", 1, 0, at(0), Read::UpToDate),
        ("untouched log, ahead", 1, 0, at(1), Read::AheadOfHead { head: at(0), start: at(0) }),
        ("from before the first event", 1, 3, at(0), batch(1, 3, 40)),
        ("in the middle", 1, 3, at(1), batch(2, 3, 40)),
        ("at head", 1, 3, at(3), Read::UpToDate),
        ("one past head", 1, 3, at(4), Read::AheadOfHead { head: at(3), start: at(0) }),
        ("far past head", 5, 7, at(u64::MAX), Read::AheadOfHead { head: at(7), start: at(4) }),
        ("one before the tail", 5, 7, at(4), batch(5, 7, 40)),
        ("two before the tail", 5, 7, at(3), Read::Lagged { oldest: 5, skipped: 1 }),
        ("nothing seen, tail gone", 5, 7, at(0), Read::Lagged { oldest: 5, skipped: 4 }),
        ("the oldest seen", 5, 7, at(5), batch(6, 7, 40)),
        ("everything evicted, one behind", 8, 7, at(6), Read::Lagged { oldest: 8, skipped: 1 }),
        ("everything evicted, all behind", 8, 7, at(0), Read::Lagged { oldest: 8, skipped: 7 }),
        ("everything evicted, at head", 8, 7, at(7), Read::UpToDate),
        ("everything evicted, ahead", 8, 7, at(8), Read::AheadOfHead { head: at(7), start: at(7) }),
    ];
    for (case, oldest, head, after, expected) in table {
        let mut log = log_of(*oldest, *head);
        assert_eq!((log.oldest(), log.head()), (*oldest, at(*head)), "{case}");
        for filter in [TypeFilter::All, only(&[1])] {
            assert_eq!(
                log.read(*after, &filter, Take::Everything, PLENTY, Form::Json),
                *expected,
                "{case}, {filter:?}"
            );
        }
    }
}

#[test]
fn a_foreign_epoch_is_told_whatever_its_sequence() {
    for sequence in [0, 4, 5, 7, 8, u64::MAX] {
        let read = log_of(5, 7).read(
            Position { epoch: OTHER, sequence },
            &TypeFilter::All,
            Take::Everything,
            PLENTY,
            Form::Json,
        );
        assert_eq!(read, Read::EpochChanged { current: at(4) }, "{sequence}");
    }
}

#[test]
fn one_oversized_event_still_makes_progress() {
    let now = Instant::now();
    let mut log = RingLog::new(EPOCH, KEEP_ALL);
    push(&mut log, 1, 30, now);
    push(&mut log, 1, 300_000, now);
    push(&mut log, 1, 30, now);
    let mut after = 0;
    for (last, len) in [(1, 30), (2, 300_000), (3, 30)] {
        assert_eq!(
            log.read(at(after), &TypeFilter::All, Take::Everything, 10, Form::Json),
            batch(after + 1, last, len)
        );
        after = last;
    }
}

#[test]
fn a_byte_bound_cuts_between_events() {
    let mut log = log_of(1, 10);
    for (max_bytes, last) in [(0, 1), (39, 1), (40, 1), (79, 1), (80, 2), (399, 9), (400, 10), (PLENTY, 10)] {
        assert_eq!(
            log.read(at(0), &TypeFilter::All, Take::Everything, max_bytes, Form::Json),
            batch(1, last, 40),
            "{max_bytes}"
        );
    }
}

#[test]
fn new_events_come_as_one_slice_wherever_they_are_kept() {
    // Frame lengths whose segments end at all kinds of places.
    for len in [30, 300, 1023, 1024, 1025, 3000] {
        let now = Instant::now();
        let mut log = RingLog::new(EPOCH, KEEP_ALL);
        for head in 1..=400 {
            push(&mut log, 1, len, now);
            let behind = (16 * 1024 / len as u64).min(5);
            let after = head - head.min(behind);
            assert_eq!(
                log.read(at(after), &TypeFilter::All, Take::Everything, PLENTY, Form::Json),
                batch(after + 1, head, len),
                "{len} {head}"
            );
        }
    }
}

#[test]
fn readers_in_step_share_one_copy_and_old_segments_are_never_copied() {
    let now = Instant::now();
    let mut log = RingLog::new(EPOCH, KEEP_ALL);
    for _ in 0..1000 {
        push(&mut log, 1, 300, now);
    }
    let mut slice = |after| match log.read(at(after), &TypeFilter::All, Take::Everything, PLENTY, Form::Json) {
        Read::Batch { frames, .. } => frames,
        other => panic!("{other:?}"),
    };
    // The first reader copies its events, the second, elsewhere, all of the open segment, the others nothing.
    let near_head = [slice(999), slice(998), slice(998), slice(995), slice(999)];
    let within = |inner: &Bytes, outer: &Bytes| outer.as_ptr_range().contains(&inner.as_ptr());
    assert!(near_head[2..].iter().all(|frames| within(frames, &slice(995)) || within(&slice(995), frames)));
    assert_eq!(near_head[1].as_ptr(), near_head[2].as_ptr());
    // Far behind: two reads give the same memory, and nearly a whole segment of it.
    let whole = slice(300);
    assert_eq!(whole.as_ptr(), slice(300).as_ptr());
    let mut reads = 0;
    let mut after = 0;
    while after < 1000 {
        after += slice(after).len() as u64 / 300;
        reads += 1;
    }
    assert!(reads < 16, "{reads} reads for 300 KB");
}

#[test]
fn a_filter_gets_runs_and_is_told_how_far_it_has_looked() {
    let now = Instant::now();
    let mut log = RingLog::new(EPOCH, KEEP_ALL);
    for event_type in [1, 1, 2, 1, 200, 200, 2, 2] {
        push(&mut log, event_type, 40, now);
    }
    let table: &[(&[u32], u64, Read)] = &[
        (&[1], 0, batch(1, 2, 40)),
        (&[1], 2, batch(4, 4, 40)),
        (&[1], 4, Read::Skipped { sequence: 8 }),
        (&[1, 200], 2, batch(4, 6, 40)),
        (&[200], 0, batch(5, 6, 40)),
        (&[2], 3, batch(7, 8, 40)),
        (&[2], 8, Read::UpToDate),
        (&[1, 2, 200], 0, batch(1, 8, 40)),
        (&[], 0, Read::Skipped { sequence: 8 }),
        (&[3, 130], 5, Read::Skipped { sequence: 8 }),
    ];
    for (types, after, expected) in table {
        assert_eq!(
            log.read(at(*after), &only(types), Take::Everything, PLENTY, Form::Json),
            *expected,
            "{types:?} after {after}"
        );
    }
}

#[test]
fn a_filter_that_lets_a_segment_through_takes_it_whole() {
    let now = Instant::now();
    let mut log = RingLog::new(EPOCH, KEEP_ALL);
    for number in 0..2000 {
        push(&mut log, 1 + number % 2, 300, now);
    }
    for after in [0, 300, 777, 1990] {
        let read = log.read(at(after), &TypeFilter::All, Take::Everything, PLENTY, Form::Json);
        assert_eq!(log.read(at(after), &only(&[1, 2]), Take::Everything, PLENTY, Form::Json), read, "after {after}");
    }
}

#[test]
fn the_newest_events_of_a_filter_come_after_the_position_before_them() {
    let now = Instant::now();
    let mut log = RingLog::resurrect(at(10), KEEP_ALL);
    assert_eq!(log.snapshot(5, &TypeFilter::All).start, at(10));
    for event_type in [1, 2, 1, 1, 2, 3] {
        push(&mut log, event_type, 40, now); // 11 to 16
    }
    let table: &[(u32, TypeFilter, u64)] = &[
        (0, TypeFilter::All, 16),
        (1, TypeFilter::All, 15),
        (6, TypeFilter::All, 10),
        (u32::MAX, TypeFilter::All, 10),
        (0, only(&[1]), 16),
        (1, only(&[1]), 13),
        (2, only(&[1]), 12),
        (9, only(&[1]), 10),
        (1, only(&[2]), 14),
        (9, only(&[2]), 11),
        (9, only(&[4]), 16),
    ];
    for (events, filter, expected) in table {
        assert_eq!(log.snapshot(*events, filter).start, at(*expected), "{events} of {filter:?}");
    }
}

#[test]
fn a_payload_does_not_keep_its_request_alive() {
    let request = Bytes::from(vec![7; 4096]);
    let payload = request.slice(100..200);
    let mut log = RingLog::new(EPOCH, KEEP_ALL);
    let record =
        Record { event_type: TypeIndex(0), class: Class::Reliable, payload, revision: 0, data_bytes: 0, reducer: None };
    log.append(record, Instant::now(), |_, _, frame| frame.push(b'.'));
    assert!(request.is_unique());
}
