//! What the log costs: an append, a live read by many readers, catching up; with keys and without.

use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use rialto::log::{Class, Epoch, Form, Position, Read, Record, RingLog, Take, View};
use rialto::schema::{Audience, EventKey, Retention, TypeFilter, TypeIndex};

/// A reader who may see all.
const WHOLE: View = View { form: Form::Json, audience: Audience::ALL };
const FRAME_BYTES: usize = 300;
/// What a binary frame has before its payload.
const HEAD_BYTES: usize = 110;
const EPOCH: Epoch = Epoch { boot: 1, life: 0 };
const RETENTION: Retention = Retention { events: 1000, age: Duration::from_secs(30) };
const READERS: u32 = 1000;
const TURN_BYTES: usize = 256 * 1024;

struct Source {
    frame: Vec<u8>,
    payload: Bytes,
    now: Instant,
}

impl Source {
    fn new() -> Source {
        Source { frame: vec![b'x'; FRAME_BYTES], payload: Bytes::from(vec![0; 150]), now: Instant::now() }
    }

    fn append(&self, log: &mut RingLog) -> Position {
        self.append_as(Class::Reliable, log)
    }

    fn append_as(&self, class: Class, log: &mut RingLog) -> Position {
        let payload = self.payload.clone();
        let record = Record { event_type: TypeIndex(7), class, payload, revision: 1, data_bytes: 150, reducer: None };
        log.append(record, self.now, |_, form, frame| match form {
            Form::Json => frame.extend_from_slice(&self.frame),
            Form::Binary => frame.extend_from_slice(&self.frame[..HEAD_BYTES]),
        })
    }

    /// A log at its byte cap, where each append evicts.
    fn full_log(&self) -> RingLog {
        let mut log = RingLog::new(EPOCH, RETENTION);
        for _ in 0..50_000 {
            self.append(&mut log);
        }
        log
    }
}

fn append(criterion: &mut Criterion) {
    let source = Source::new();
    let mut group = criterion.benchmark_group("append");
    group.throughput(Throughput::Elements(1));
    let mut log = source.full_log();
    group.bench_function("300 bytes, evicting one", |bencher| bencher.iter(|| source.append(&mut log)));
    group.bench_function("first event of a channel", |bencher| {
        bencher.iter_batched(
            || RingLog::new(EPOCH, RETENTION),
            |mut log| {
                source.append(&mut log);
                log
            },
            BatchSize::SmallInput,
        );
    });
}

fn keyed(criterion: &mut Criterion) {
    const KEYS: usize = 10_000;
    let source = Source::new();
    let keys: Vec<Class> = (0..KEYS).map(|key| Class::Latest(EventKey::new("t", [key.to_string().as_str()]))).collect();
    let key = |update: usize| keys[update.wrapping_mul(2_654_435_761) % KEYS];
    let mut log = RingLog::new(EPOCH, RETENTION);
    let mut update = 0;
    let mut next = |log: &mut RingLog| {
        update += 1;
        source.append_as(key(update), log)
    };
    for _ in 0..200_000 {
        next(&mut log);
    }
    let mut group = criterion.benchmark_group("10,000 keys");
    group.throughput(Throughput::Elements(1));
    group.bench_function("append, evicting one", |bencher| bencher.iter(|| next(&mut log)));
    group.bench_function("read by one that keeps pace", |bencher| {
        bencher.iter(|| {
            let after = next(&mut log);
            let before = Position { sequence: after.sequence - 1, ..after };
            black_box(log.read(before, &TypeFilter::All, Take::Everything, TURN_BYTES, WHOLE))
        });
    });
    group.throughput(Throughput::Elements(KEYS as u64));
    group.bench_function("catch up by one that lags, each key once", |bencher| {
        bencher.iter(|| {
            let mut position = Position { sequence: 0, ..log.head() };
            let mut events = 0;
            loop {
                match log.read(position, &TypeFilter::All, Take::Newest { keyed_until: 0 }, TURN_BYTES, WHOLE) {
                    Read::Batch { first, last, .. } => {
                        events += last + 1 - first;
                        position.sequence = last;
                    }
                    Read::Passed { sequence, .. } => position.sequence = sequence,
                    Read::UpToDate => break,
                    other => panic!("{other:?}"),
                }
            }
            assert_eq!(events, KEYS as u64);
        });
    });
}

fn read_at_head(criterion: &mut Criterion) {
    let source = Source::new();
    let mut log = source.full_log();
    let mut group = criterion.benchmark_group("read by 1,000 readers");
    group.throughput(Throughput::Elements(u64::from(READERS)));
    let only = TypeFilter::Only([1 << 7].into());
    for (name, events, filter) in [
        ("1 new event", 1, TypeFilter::All),
        ("16 new events", 16, TypeFilter::All),
        ("16 new events, filter", 16, only),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let after = log.head();
                for _ in 0..events {
                    source.append(&mut log);
                }
                for _ in 0..READERS {
                    black_box(log.read(after, &filter, Take::Everything, TURN_BYTES, WHOLE));
                }
            });
        });
    }
    group.bench_function("nothing new", |bencher| {
        let head = log.head();
        bencher.iter(|| {
            for _ in 0..READERS {
                black_box(log.read(head, &TypeFilter::All, Take::Everything, TURN_BYTES, WHOLE));
            }
        });
    });
    group.bench_function("16 new events, readers spread", |bencher| {
        bencher.iter(|| {
            let before = log.head();
            for _ in 0..16 {
                source.append(&mut log);
            }
            for reader in 0..READERS {
                let after = Position { sequence: before.sequence + u64::from(reader % 16), ..before };
                black_box(log.read(after, &TypeFilter::All, Take::Everything, TURN_BYTES, WHOLE));
            }
        });
    });
}

fn catch_up(criterion: &mut Criterion) {
    let source = Source::new();
    let mut log = source.full_log();
    let mut group = criterion.benchmark_group("catch up");
    let start = log.start();
    group.throughput(Throughput::Elements(log.head().sequence - start.sequence));
    for (name, filter) in [("all", TypeFilter::All), ("filtered out", TypeFilter::Only([1 << 8].into()))] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let mut position = start;
                loop {
                    match log.read(position, &filter, Take::Everything, TURN_BYTES, WHOLE) {
                        Read::Batch { last, .. } => position.sequence = last,
                        Read::Skipped { sequence } => position.sequence = sequence,
                        _ => break,
                    }
                }
                position
            });
        });
    }
}

criterion_group!(benches, append, keyed, read_at_head, catch_up);
criterion_main!(benches);
