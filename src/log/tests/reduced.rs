//! What readers get who may not see all of an event: the same sequences, other frames.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::schema::{Audience, EventKey};

pub(super) const ONE: Audience = Audience::of_bits(1);
pub(super) const TWO: Audience = Audience::of_bits(2);

/// Halves frames, and says what is hidden by the last byte. Counts, and looks whether it was told the truth.
#[derive(Debug)]
struct Halves {
    asks: Audience,
    event_type: u32,
    count: Arc<AtomicUsize>,
}

impl Reducer for Halves {
    fn asks(&self) -> Audience {
        self.asks
    }

    fn reduce(&self, whole: &Whole<'_>, audience: Audience, out: &mut Vec<u8>) {
        self.count.fetch_add(1, Ordering::Relaxed);
        // The payload is as long in JSON as on the wire.
        let (head, payload) = whole.binary.split_at(whole.binary.len() - whole.data_bytes);
        assert!(head.starts_with(b"<") && head.ends_with(b">"), "as it was appended");
        assert!(payload.iter().all(|byte| u32::from(*byte) == self.event_type));
        assert!(whole.form == Form::Json || whole.frame == whole.binary);
        out.extend_from_slice(&halved(whole.frame, self.asks.without(audience)));
    }
}

fn halved(frame: &[u8], hidden: Audience) -> Vec<u8> {
    let sign = [ONE, TWO].iter().enumerate().map(|(at, bit)| u8::from(hidden.meets(*bit)) << at).sum::<u8>();
    [&frame[..frame.len() / 2], &[b'a' + sign]].concat()
}

/// What events of a type ask for.
pub(super) fn asks(event_type: u32) -> Audience {
    match event_type {
        50 => ONE,
        100 => ONE.with(TWO),
        _ => Audience::NONE,
    }
}

pub(super) fn counted(event_type: u32, count: &Arc<AtomicUsize>) -> Option<Arc<dyn Reducer>> {
    let asks = asks(event_type);
    (!asks.is_none()).then(|| Arc::new(Halves { asks, event_type, count: Arc::clone(count) }) as Arc<dyn Reducer>)
}

/// What makes the frames of a type's events, where nobody counts.
pub(super) fn reducer(event_type: u32) -> Option<Arc<dyn Reducer>> {
    counted(event_type, &Arc::default())
}

/// An event's frame as a reader gets it.
pub(super) fn frame_for(audience: Audience, form: Form, sequence: u64, event_type: u32, len: usize) -> Vec<u8> {
    let whole = frame_in(form, sequence, event_type, len);
    let hidden = asks(event_type).without(audience);
    if hidden.is_none() { whole } else { halved(&whole, hidden) }
}

/// A log whose makers of frames are counted together.
struct Bench {
    log: RingLog,
    made: Arc<AtomicUsize>,
    now: Instant,
}

impl Bench {
    fn new(max_bytes: usize) -> Bench {
        Bench::keeping(KEEP_ALL, max_bytes)
    }

    fn keeping(retention: Retention, max_bytes: usize) -> Bench {
        let log = RingLog::new(EPOCH, retention).with_max_bytes(max_bytes);
        Bench { log, made: Arc::default(), now: Instant::now() }
    }

    fn append(&mut self, event_type: u32, class: Class) -> u64 {
        self.append_of(40, event_type, class)
    }

    /// An event whose frame has so many bytes.
    fn append_of(&mut self, len: usize, event_type: u32, class: Class) -> u64 {
        let payload = Bytes::from(vec![event_type as u8; 20]);
        let reducer = counted(event_type, &self.made);
        let record = Record { event_type: TypeIndex(event_type), class, payload, revision: 9, data_bytes: 20, reducer };
        self.log.append(record, self.now, |sequence, form, out| write(sequence, form, len, out)).sequence
    }

    fn read(&mut self, after: u64, view: View, take: Take) -> Read {
        self.log.read(at(after), &TypeFilter::All, take, PLENTY, view)
    }

    /// All events after this one, of these types.
    fn expect(&mut self, after: u64, view: View, types: &[u32]) {
        let frames = (after + 1..).zip(types);
        let frames: Vec<u8> =
            frames.flat_map(|(sequence, of)| frame_for(view.audience, view.form, sequence, *of, 40)).collect();
        let last = after + types.len() as u64;
        let read = self.read(after, view, Take::Everything);
        assert_eq!(read, Read::Batch { first: after + 1, last, frames: frames.into() }, "{view:?}");
    }

    fn made(&self) -> usize {
        self.made.load(Ordering::Relaxed)
    }
}

fn json(audience: Audience) -> View {
    View { form: Form::Json, audience }
}

fn binary(audience: Audience) -> View {
    View { form: Form::Binary, audience }
}

#[test]
fn a_frame_is_made_once_for_all_from_whom_the_same_is_hidden() {
    let mut bench = Bench::new(1 << 20);
    let types = [1, 50, 100, 1, 100];
    for of in types {
        bench.append(of, Class::Reliable);
    }
    for view in [json(Audience::ALL), binary(Audience::ALL), json(ONE.with(TWO))] {
        bench.expect(0, view, &types);
    }
    assert_eq!(bench.made(), 0, "who may see all gets what is there");
    bench.expect(0, json(ONE), &types);
    assert_eq!(bench.made(), 2, "the two that ask for more");
    for _ in 0..100 {
        bench.expect(0, json(ONE), &types);
        bench.expect(2, json(ONE), &types[2..]);
        bench.expect(0, json(ONE.with(Audience::of_bits(1 << 40))), &types);
    }
    assert_eq!(bench.made(), 2);
    bench.expect(0, json(Audience::NONE), &types);
    assert_eq!(bench.made(), 5);
    bench.expect(0, binary(Audience::NONE), &types);
    bench.expect(0, binary(Audience::NONE), &types);
    assert_eq!(bench.made(), 8, "each form by itself");
}

#[test]
fn what_hides_nothing_costs_no_copy_and_no_frame() {
    let mut bench = Bench::new(1 << 20);
    for _ in 0..3_000 {
        bench.append(1, Class::Reliable);
    }
    bench.append(50, Class::Reliable);
    let slices = [json(Audience::ALL), json(Audience::NONE)].map(|view| {
        match bench.log.read(at(2_000), &TypeFilter::All, Take::Everything, 1_000, view) {
            Read::Batch { frames, .. } => frames,
            other => panic!("{other:?}"),
        }
    });
    assert_eq!(slices[0].as_ptr(), slices[1].as_ptr());
    assert_eq!((bench.made(), bench.log.made_bytes()), (0, 0));
}

#[test]
fn made_frames_are_bounded_and_counted_and_go_when_nobody_reads_them() {
    let mut bench = Bench::new(40_000);
    let count = 100;
    for _ in 0..count {
        bench.append(100, Class::Reliable);
    }
    let types = vec![100; count];
    let before = bench.log.bytes();
    for view in [json(Audience::NONE), json(ONE), json(TWO), binary(ONE), binary(TWO), binary(Audience::NONE)] {
        bench.expect(0, view, &types);
        assert!(bench.log.made_bytes() <= 40_000 / 4, "{}", bench.log.made_bytes());
        assert_eq!(bench.log.bytes() - before, bench.log.made_bytes());
    }
    // The newest are there, whatever the others have cost.
    let made = bench.made();
    bench.expect(count as u64 - 5, binary(Audience::NONE), &types[..5]);
    assert_eq!(bench.made(), made);
    bench.log.evict(bench.now);
    assert!(bench.log.made_bytes() > 0, "they were read since");
    bench.expect(count as u64 - 1, json(ONE), &types[..1]);
    bench.log.evict(bench.now);
    let left = bench.log.made_bytes();
    assert!(left > 0 && left < 1_000, "{left}");
    bench.log.evict(bench.now);
    assert_eq!((bench.log.made_bytes(), bench.log.bytes()), (0, before));
    bench.expect(0, json(ONE), &types);
    bench.log.shrink_to(bench.log.bytes() - 1);
    assert_eq!((bench.log.made_bytes(), bench.log.retained()), (0, count), "they go before any event");
}

#[test]
fn no_event_goes_for_made_frames_and_they_stay_within_their_share() {
    let bench = || Bench::keeping(Retention { events: 1, age: Duration::ZERO }, 40_000);
    let (mut read, mut unread) = (bench(), bench());
    for _ in 0..3_000 {
        let sequence = read.append(100, Class::Reliable);
        unread.append(100, Class::Reliable);
        read.expect(sequence - 1, json(ONE), &[100]);
        read.expect(sequence - 1, binary(TWO), &[100]);
        assert!(read.log.made_bytes() <= 10_000, "{}", read.log.made_bytes());
    }
    assert_eq!(read.log.retained(), unread.log.retained());
}

#[test]
fn a_large_frame_goes_alone_and_all_of_a_class_share_it() {
    let mut bench = Bench::new(200_000);
    for len in [40, 40_000, 40, 40] {
        bench.append_of(len, 100, Class::Reliable);
    }
    let mut read = |after| match bench.read(after, json(ONE), Take::Everything) {
        Read::Batch { first, last, frames } => (first, last, frames.as_ptr()),
        other => panic!("{other:?}"),
    };
    let places = [0, 1, 2].map(&mut read);
    assert_eq!(places.map(|(first, last, _)| (first, last)), [(1, 1), (2, 2), (3, 4)]);
    assert_eq!(read(1), places[1], "the same memory");
}

#[test]
fn the_newest_of_a_key_is_reduced_beyond_the_retention_too() {
    let mut bench = Bench::keeping(Retention { events: 2, age: Duration::ZERO }, 1 << 20);
    let key = |name: &str| Class::Latest(EventKey::new("t", [name]));
    bench.append(100, key("a"));
    bench.append(50, key("b"));
    bench.append(1, key("c"));
    bench.now += Duration::from_secs(1);
    for _ in 0..4 {
        bench.append(1, Class::Reliable);
    }
    bench.log.evict(bench.now);
    assert!(bench.log.oldest() > 3, "{:?}", bench.log.extent());
    let newest = Take::Newest { keyed_until: 3 };
    for round in 0..2 {
        for view in [json(Audience::NONE), binary(ONE), json(Audience::ALL)] {
            for (sequence, of) in [(1, 100), (2, 50), (3, 1)] {
                let frames = frame_for(view.audience, view.form, sequence, of, 40).into();
                let read = bench.read(sequence - 1, view, newest);
                assert_eq!(read, Read::Batch { first: sequence, last: sequence, frames }, "{view:?}");
                let contents = bench.log.contents(&read).unwrap();
                assert_eq!(contents.runs, [(TypeIndex(of), 1)]);
            }
        }
        assert_eq!(bench.made(), 3, "round {round}");
    }
    // Superseded ones leave nothing behind.
    bench.append(100, key("a"));
    bench.log.evict(bench.now);
    bench.log.evict(bench.now);
    assert_eq!(bench.log.made_bytes(), 0);
}

#[test]
fn ephemeral_events_are_reduced_like_others() {
    let mut bench = Bench::new(1 << 20);
    bench.append(100, Class::Ephemeral);
    bench.append(1, Class::Ephemeral);
    for view in [json(Audience::NONE), binary(TWO), json(Audience::ALL), json(Audience::NONE)] {
        let read = bench.log.read_ephemeral(0, &TypeFilter::All, PLENTY, view, bench.now);
        // They are written without a sequence.
        let frames = [frame_for(view.audience, view.form, 0, 100, 40), frame_for(view.audience, view.form, 0, 1, 40)];
        assert_eq!(read, Read::Batch { first: 1, last: 2, frames: frames.concat().into() }, "{view:?}");
    }
    assert_eq!(bench.made(), 2);
    assert!(bench.log.made_bytes() > 0);
    bench.log.evict(bench.now + Duration::from_secs(6));
    assert_eq!(bench.log.made_bytes(), 0);
}

#[test]
fn a_filter_and_a_bound_cut_alike_for_everybody() {
    let mut bench = Bench::new(1 << 20);
    let types = [1, 50, 100, 100, 1, 50];
    for of in types {
        bench.append(of, Class::Reliable);
    }
    for (filter, max_bytes) in [(TypeFilter::All, 120), (only(&[100, 1]), PLENTY), (only(&[50]), 0)] {
        for after in 0..types.len() as u64 {
            let mut seen = [json(Audience::ALL), json(ONE), json(Audience::NONE)].map(|view| {
                match bench.log.read(at(after), &filter, Take::Everything, max_bytes, view) {
                    Read::Batch { first, last, .. } => Read::Batch { first, last, frames: Bytes::new() },
                    other => other,
                }
            });
            seen.sort_by_key(|read| format!("{read:?}"));
            assert!(seen.iter().all(|read| *read == seen[0]), "{filter:?} after {after}: {seen:?}");
        }
    }
}
