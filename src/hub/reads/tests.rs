//! Reads of several classes, and what publishers and others have meanwhile.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::engine::{Append, Appender, EventRecord};
use crate::hub::{Hub, Limits};
use crate::ids::{ChannelKey, ChannelName, EventId, Tenant};
use crate::log::{Class, Form, Reducer, Whole};
use crate::schema::{Audience, Retention, Schema};

const RETENTION: Retention = Retention { events: 100, age: Duration::from_secs(30) };
const LONG: Duration = Duration::from_secs(30);
const NOBODY: View = View { form: Form::Json, audience: Audience::NONE };
const EVERYBODY: View = View { form: Form::Json, audience: Audience::ALL };

/// Makes frames of one byte when it is told to, and says when it has begun.
#[derive(Debug)]
struct Slow {
    made: AtomicUsize,
    begun: Mutex<SyncSender<()>>,
    go: Mutex<Receiver<()>>,
}

impl Reducer for Slow {
    fn asks(&self) -> Audience {
        Audience::of_bits(3)
    }

    fn reduce(&self, whole: &Whole<'_>, _: Audience, out: &mut Vec<u8>) {
        self.made.fetch_add(1, Ordering::SeqCst);
        self.begun.lock().unwrap_or_else(PoisonError::into_inner).send(()).unwrap();
        self.go.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(LONG).expect("somebody lets it go on");
        out.push(whole.frame[0]);
    }
}

struct Bench {
    hub: Hub,
    slow: Arc<Slow>,
    begun: Receiver<()>,
    go: SyncSender<()>,
    event: EventRecord,
}

fn key() -> ChannelKey {
    ChannelKey { tenant: Tenant::default_tenant(), channel: ChannelName::from("project:ä") }
}

fn append(hub: &Hub, event: &EventRecord, class: Class) -> Position {
    let event = Arc::new(EventRecord { class, ..event.clone() });
    hub.append(&Append { key: key(), retention: RETENTION, event, idempotency_key: None, publisher: None }).unwrap()
}

impl Bench {
    fn new() -> Bench {
        let ((says, begun), (go, gone)) = (sync_channel(100), sync_channel(100));
        let slow = Arc::new(Slow { made: AtomicUsize::new(0), begun: Mutex::new(says), go: Mutex::new(gone) });
        let schema = Schema::bundled();
        let event = EventRecord {
            id: EventId::new(1_700_000_000_000, [7; 10]),
            event_type: Arc::clone(schema.event("process.progress").unwrap()),
            timestamp_ms: 1_700_000_000_000,
            metadata: Bytes::new(),
            metadata_wire: Bytes::new(),
            reply_to: None,
            data: Bytes::from_static(b"{\"a\":1}"),
            payload: Bytes::from_static(b"wire"),
            revision: 1,
            class: Class::Reliable,
            reducer: Some(Arc::clone(&slow) as Arc<dyn Reducer>),
        };
        Bench { hub: Hub::new(1, 1, Limits::default()), slow, begun, go, event }
    }

    fn append(&self, class: Class) -> Position {
        append(&self.hub, &self.event, class)
    }

    fn channel(&self) -> Arc<Channel> {
        self.hub.channel(&key(), RETENTION)
    }

    /// Has so many frames made without a wait.
    fn let_go(&self, count: usize) {
        (0..count).for_each(|_| self.go.send(()).unwrap());
    }

    fn made(&self) -> usize {
        self.slow.made.load(Ordering::SeqCst)
    }
}

fn begin(position: Position) -> Position {
    Position { sequence: 0, ..position }
}

fn read(channel: &Channel, after: Position, view: View) -> Read {
    channel.read(after, &TypeFilter::All, Take::Everything, 1 << 20, view).0
}

#[test]
fn nobody_waits_for_the_frames_that_somebody_else_needs_and_they_are_made_once() {
    for is_ephemeral in [false, true] {
        let bench = Bench::new();
        let channel = bench.channel();
        channel.subscribe(crate::hub::ShardIndex(0));
        let position = bench.append(if is_ephemeral { Class::Ephemeral } else { Class::Reliable });
        let reading = || {
            let channel = Arc::clone(&channel);
            thread::spawn(move || match is_ephemeral {
                true => channel.read_ephemeral(0, &TypeFilter::All, 1 << 20, NOBODY).0,
                false => read(&channel, begin(position), NOBODY),
            })
        };
        let first = reading();
        bench.begun.recv_timeout(LONG).expect("it is being made");
        // A publisher, one who sees all, and one who looks at the channel; in a thread, so that waiting would fail.
        let (done, is_done) = sync_channel(1);
        let (hub, event, channel) = (&bench.hub, &bench.event, &channel);
        let others = thread::scope(|scope| {
            scope.spawn(move || {
                append(hub, event, Class::Reliable);
                let whole = read(channel, begin(position), EVERYBODY);
                done.send((whole, channel.extent(), channel.bytes())).unwrap();
            });
            let others = is_done.recv_timeout(LONG);
            if others.is_err() {
                bench.let_go(4);
            }
            others
        });
        let (whole, extent, _) = others.expect("nobody waits");
        assert!(matches!(whole, Read::Batch { first: 1, .. }), "{whole:?}");
        assert_eq!(extent.head.sequence, if is_ephemeral { 1 } else { 2 });
        // One of the same class waits for what is being made.
        let second = reading();
        bench.let_go(2);
        let (first, second) = (first.join().unwrap(), second.join().unwrap());
        let Read::Batch { first: 1, frames: mine, .. } = first else { panic!("{first:?}") };
        let Read::Batch { first: 1, frames: theirs, .. } = second else { panic!("{second:?}") };
        assert_eq!((mine[0], mine[0]), (theirs[0], 0x81), "the frame of the first event");
        // The first event's once; where they are in the log the second reader has found the one behind it, too.
        assert_eq!(bench.made(), if is_ephemeral { 1 } else { 2 });
        assert_eq!(bench.hub.log_bytes(), channel.bytes(), "what was made is counted");
    }
}

#[test]
fn what_was_let_go_while_it_was_made_is_not_remembered() {
    let bench = Bench::new();
    let channel = bench.channel();
    let position = bench.append(Class::Reliable);
    let reading = || {
        let reader = Arc::clone(&channel);
        let reading = thread::spawn(move || read(&reader, begin(position), NOBODY));
        bench.begun.recv_timeout(LONG).expect("it is being made");
        reading
    };
    let first = reading();
    let before = channel.log().made_bytes();
    assert!(before > 0, "its place is counted");
    // Another schema may hide more.
    channel.log().protect_anew(&|_, _, _| Some(Arc::clone(&bench.slow) as Arc<dyn Reducer>));
    assert_eq!(channel.log().made_bytes(), 0);
    let second = reading();
    bench.let_go(2);
    for reading in [first, second] {
        assert!(matches!(reading.join().unwrap(), Read::Batch { .. }));
    }
    assert_eq!(bench.made(), 2);
    assert_eq!(channel.log().made_bytes(), before + 1, "not what was made by the old one's word");
}

#[test]
fn classes_that_take_turns_find_their_last_read_again() {
    let bench = Bench::new();
    let channel = bench.channel();
    let position = bench.append(Class::Reliable);
    bench.let_go(100);
    let mut reads = SharedReads::default();
    let views =
        [NOBODY, EVERYBODY, View { form: Form::Binary, ..NOBODY }, View { audience: Audience::of_bits(1), ..NOBODY }];
    let read = |reads: &mut SharedReads, view: View| {
        let (read, _) = reads.read(&channel, begin(position), &TypeFilter::All, Take::Everything, 1 << 20, view);
        let Read::Batch { last, frames, .. } = read else { panic!("{read:?}") };
        assert_eq!(reads.contents().unwrap().frames, frames, "of the one that was asked for last");
        (last, frames)
    };
    let first = views.map(|view| read(&mut reads, view));
    assert_eq!(bench.made(), 3, "of three classes, one of which has two forms");
    bench.append(Class::Reliable);
    for _ in 0..3 {
        let again = views.map(|view| read(&mut reads, view));
        assert_eq!(again, first, "the channel is not asked");
        assert_eq!(again.map(|(_, frames)| frames.as_ptr()), first.clone().map(|(_, frames)| frames.as_ptr()));
    }
    reads.forget();
    assert!(reads.contents().is_none());
    assert!(views.map(|view| read(&mut reads, view).0).iter().all(|last| *last == 2));
}

#[test]
fn more_classes_than_are_remembered_are_served_all_the_same() {
    let bench = Bench::new();
    let channel = bench.channel();
    let position = bench.append(Class::Reliable);
    bench.let_go(4);
    let mut reads = SharedReads::default();
    for round in 0..3 {
        for bits in 0..3 * MAX_READS as u64 {
            // The first two bits are what the event asks for.
            let view = View { form: Form::Json, audience: Audience::of_bits(bits) };
            let (read, _) = reads.read(&channel, begin(position), &TypeFilter::All, Take::Everything, 1 << 20, view);
            let Read::Batch { frames, .. } = read else { panic!("{read:?}") };
            assert_eq!(frames.len() == 1, bits & 3 != 3, "round {round}, {bits:b}");
            assert!(reads.known.len() <= MAX_READS);
        }
    }
    assert_eq!(bench.made(), 3, "the log remembers the frames");
}

#[test]
fn another_filter_and_another_length_are_another_read() {
    let bench = Bench::new();
    let channel = bench.channel();
    let position = bench.append(Class::Reliable);
    bench.append(Class::Reliable);
    bench.let_go(100);
    let mut reads = SharedReads::default();
    let other = Schema::bundled().type_filter(&["system.heartbeat".to_owned()]).unwrap();
    let mut last = |filter: &TypeFilter, most: usize| match reads
        .read(&channel, begin(position), filter, Take::Everything, most, NOBODY)
        .0
    {
        Read::Batch { last, .. } => last,
        _ => 0,
    };
    let read = [(&TypeFilter::All, 1 << 20), (&other, 1 << 20), (&TypeFilter::All, 1 << 20), (&TypeFilter::All, 1)];
    assert_eq!(read.map(|(filter, most)| last(filter, most)), [2, 0, 2, 1]);
}
