//! The law of the log: whatever is appended, read, half written, cut, evicted, expired and resumed, in whatever order, a
//! reader has everything up to its position, or was told of the loss; and of every key it has the newest event.

use std::collections::HashMap;
use std::mem::size_of;
use std::time::{Duration, Instant};

use bytes::Bytes;
use proptest::prelude::*;

use super::super::ring::Entry;
use super::super::*;
use super::{frame_in, only, push, push_keyed, write};
use crate::schema::{EventKey, Retention, TypeFilter};

const RETENTION: Retention = Retention { events: 8, age: Duration::from_secs(30) };
const MAX_BYTES: usize = 12_000;
const KEY: &str = "project:größe";

#[derive(Clone, Debug)]
enum Step {
    Append {
        event_type: u32,
        len: usize,
        key: Option<u8>,
    },
    AppendEphemeral {
        event_type: u32,
        len: usize,
    },
    ReadEphemeral {
        reader: usize,
        max_bytes: usize,
        form: Form,
    },
    /// A reader reads, and its socket takes so many percent of what it has got.
    Read {
        reader: usize,
        max_bytes: usize,
        percent: usize,
        lags: bool,
        form: Form,
    },
    /// A reader's connection is cut and resumes: what was half written is lost, positions cross as text.
    Cut {
        reader: usize,
    },
    /// A reader comes with a position that it cannot have.
    Forge {
        reader: usize,
        sequence: u64,
        life: u32,
    },
    /// The history that a new subscription gets.
    Subscribe {
        reader: usize,
        events: u32,
    },
    Pass {
        time: Duration,
    },
    Evict,
    Shrink {
        budget_bytes: usize,
    },
    Clear,
    /// The channel expires; its tombstone is left.
    Expire,
    /// Another channel expires.
    BuryAnother {
        name: u8,
    },
}

fn form() -> impl Strategy<Value = Form> {
    prop::sample::select(Form::ALL.to_vec())
}

fn step() -> impl Strategy<Value = Step> {
    let reader = 0..3_usize;
    let len = prop_oneof![5 => 8..400_usize, 2 => 400..3000_usize, 1 => 10_000..40_000_usize];
    prop_oneof![
        12 => (0..4_u32, len.clone())
            .prop_map(|(event_type, len)| Step::Append { event_type: event_type * 50, len, key: None }),
        // So few and so small that all of them fit into what a log keeps beyond its retention.
        12 => (0..2_u32, 8..200_usize, 0..4_u8)
            .prop_map(|(event_type, len, key)| Step::Append { event_type: event_type * 50, len, key: Some(key) }),
        3 => (0..4_u32, len).prop_map(|(event_type, len)| Step::AppendEphemeral { event_type: event_type * 50, len }),
        3 => (reader.clone(), 0..4000_usize, form())
            .prop_map(|(reader, max_bytes, form)| Step::ReadEphemeral { reader, max_bytes, form }),
        12 => (reader.clone(), 0..4000_usize, 0..=100_usize, any::<bool>(), form()).prop_map(
            |(reader, max_bytes, percent, lags, form)| Step::Read { reader, max_bytes, percent, lags, form }
        ),
        2 => reader.clone().prop_map(|reader| Step::Cut { reader }),
        1 => (reader.clone(), 0..60_u64, 0..3_u32)
            .prop_map(|(reader, sequence, life)| Step::Forge { reader, sequence, life }),
        1 => (reader, 0..30_u32).prop_map(|(reader, events)| Step::Subscribe { reader, events }),
        3 => (0..40_u64).prop_map(|seconds| Step::Pass { time: Duration::from_secs(seconds) }),
        1 => Just(Step::Pass { time: TOMBSTONE_AGE / 2 }),
        2 => Just(Step::Evict),
        1 => (0..10_000_usize).prop_map(|budget_bytes| Step::Shrink { budget_bytes }),
        1 => Just(Step::Clear),
        1 => Just(Step::Expire),
        1 => (0..5_u8).prop_map(|name| Step::BuryAnother { name }),
    ]
}

/// What was appended.
#[derive(Clone, Copy)]
struct Event {
    event_type: u32,
    len: usize,
    at: Instant,
    key: Option<u8>,
}

impl Event {
    fn frame(&self, form: Form, sequence: u64) -> Vec<u8> {
        frame_in(form, sequence, self.event_type, self.len)
    }
}

struct World {
    now: Instant,
    tombstones: Tombstones<String>,
    log: Option<RingLog>,
    /// Everything that was ever appended, by epoch; event n at n - 1.
    lives: HashMap<Epoch, Vec<Event>>,
    /// Up to this sequence, the bounds allow the current log to have evicted.
    may_be_gone: u64,
    /// Up to this sequence even the newest events of their keys may be gone.
    keys_may_be_gone: u64,
    /// Every ephemeral event of the current log.
    ephemeral: Vec<Event>,
    readers: Vec<Reader>,
}

struct Reader {
    position: Position,
    filter: TypeFilter,
    /// A frame that its socket took a part of: its sequence, and the rest.
    half: Option<(u64, Form, Bytes)>,
    /// Of the time before its history it wants only the newest of their keys.
    keyed_until: u64,
    /// Where it began: it is owed what comes after.
    since: u64,
    /// The newest event that it has of each type and key.
    has: HashMap<(u32, u8), u64>,
    ephemeral: u64,
}

impl Reader {
    fn begin(&mut self, snapshot: Snapshot, since: u64) {
        self.position = snapshot.start;
        self.keyed_until = snapshot.keyed_until;
        self.since = since;
        self.half = None;
        self.has.clear();
    }
}

impl World {
    fn new() -> World {
        let epoch = Epoch { boot: 77, life: 0 };
        let position = Position { epoch, sequence: 0 };
        let filters = [TypeFilter::All, only(&[0, 150]), only(&[50])];
        World {
            now: Instant::now(),
            tombstones: Tombstones::with_bounds(epoch, 3, TOMBSTONE_AGE),
            log: None,
            lives: HashMap::new(),
            may_be_gone: 0,
            keys_may_be_gone: 0,
            ephemeral: Vec::new(),
            readers: filters.into_iter().map(|filter| reader(position, filter)).collect(),
        }
    }

    /// The channel's log, made when somebody touches it.
    fn log(&mut self) -> &mut RingLog {
        let (now, tombstones, may_be_gone) = (self.now, &mut self.tombstones, &mut self.may_be_gone);
        let keys_may_be_gone = &mut self.keys_may_be_gone;
        self.log.get_or_insert_with(|| {
            let peeked = tombstones.peek(&KEY.to_owned(), now);
            let head = tombstones.revive(&KEY.to_owned(), now);
            assert_eq!(peeked, head, "a channel goes on where it was said to be");
            (*may_be_gone, *keys_may_be_gone) = (head.sequence, head.sequence);
            RingLog::resurrect(head, RETENTION).with_max_bytes(MAX_BYTES)
        })
    }

    fn event(&self, epoch: Epoch, sequence: u64) -> Event {
        self.lives[&epoch][sequence as usize - 1]
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Append { event_type, len, key } => self.append(event_type, len, key),
            Step::AppendEphemeral { event_type, len } => self.append_ephemeral(event_type, len),
            Step::ReadEphemeral { reader, max_bytes, form } => self.read_ephemeral(reader, max_bytes, form),
            Step::Read { reader, max_bytes, percent, lags, form } => {
                self.read(reader, max_bytes, percent, lags, form);
            }
            Step::Cut { reader } => {
                let reader = &mut self.readers[reader];
                reader.half = None;
                reader.position.epoch = reader.position.epoch.to_string().parse().unwrap();
            }
            Step::Forge { reader, sequence, life } => {
                let start = Position { epoch: Epoch { boot: 77, life }, sequence };
                self.readers[reader].begin(Snapshot { start, keyed_until: 0 }, sequence);
            }
            Step::Subscribe { reader, events } => self.subscribe(reader, events),
            Step::Pass { time } => self.now += time,
            Step::Evict => {
                let now = self.now;
                self.log().evict(now);
                self.bounds_passed(|world, sequence| !world.is_kept(sequence));
            }
            Step::Shrink { budget_bytes } => {
                self.log().shrink_to(budget_bytes);
                let head = self.log().head().sequence;
                self.bounds_passed(|_, sequence| sequence < head);
                self.keys_may_be_gone = self.keys_may_be_gone.max(head.max(1) - 1);
            }
            Step::Clear => {
                self.log().clear();
                self.bounds_passed(|_, _| true);
                self.keys_may_be_gone = self.log().head().sequence;
            }
            Step::Expire => {
                if let Some(log) = self.log.take() {
                    self.tombstones.bury(KEY.to_owned(), log.head(), self.now);
                    self.ephemeral.clear();
                    self.readers.iter_mut().for_each(|reader| reader.ephemeral = 0);
                }
            }
            Step::BuryAnother { name } => {
                let head = Position { epoch: self.tombstones.epoch(), sequence: 1 };
                self.tombstones.bury(name.to_string(), head, self.now);
            }
        }
        assert!(self.tombstones.len() <= 3);
        if let Some(log) = &self.log {
            let may_be_gone = self.may_be_gone;
            assert!(log.oldest() <= may_be_gone + 1, "evicted {}, bounds pass {may_be_gone}", log.oldest() - 1);
            assert!(log.bytes() < 300_000);
        }
    }

    fn append(&mut self, event_type: u32, len: usize, key: Option<u8>) {
        let now = self.now;
        let sequence = match key {
            None => push(self.log(), event_type, len, now),
            Some(key) => push_keyed(self.log(), event_type, key, len, now),
        };
        let head = self.log().head();
        let life = self.lives.entry(head.epoch).or_default();
        life.push(Event { event_type, len, at: now, key });
        assert_eq!(life.len() as u64, sequence, "sequences count on within an epoch");
        self.bounds_passed(|world, old| old < sequence && !(world.is_kept(old) && world.fits(old)));
    }

    /// Whether number or age keeps this event.
    fn is_kept(&mut self, sequence: u64) -> bool {
        let (now, head) = (self.now, self.log().head());
        let event = self.event(head.epoch, sequence);
        sequence + u64::from(RETENTION.events) > head.sequence || now - event.at <= RETENTION.age
    }

    /// Whether this event and all newer ones are within the byte cap, whatever the newest of their keys take.
    fn fits(&mut self, sequence: u64) -> bool {
        let head = self.log().head();
        let row = size_of::<(u64, EventKey)>();
        let bytes = |sequence| {
            let event = self.event(head.epoch, sequence);
            let frames = Form::ALL.map(|form| event.frame(form, sequence).len()).iter().sum::<usize>();
            frames + size_of::<Entry>() + event.key.map_or(0, |_| row)
        };
        let keyed = self.lives[&head.epoch].iter().any(|event| event.key.is_some());
        let others = if keyed { MAX_BYTES / 2 + 8 * 2 * row } else { 0 };
        (sequence..=head.sequence).map(bytes).sum::<usize>() + others <= MAX_BYTES
    }

    /// Moves on what the log may have evicted.
    fn bounds_passed(&mut self, pass: impl Fn(&mut World, u64) -> bool) {
        while self.may_be_gone < self.log().head().sequence && pass(self, self.may_be_gone + 1) {
            self.may_be_gone += 1;
        }
    }

    /// Whether a newer event of its key has come.
    fn is_superseded(&self, epoch: Epoch, sequence: u64) -> bool {
        let Event { event_type, key, .. } = self.event(epoch, sequence);
        let newer = &self.lives[&epoch][sequence as usize..];
        key.is_some() && newer.iter().any(|event| event.event_type == event_type && event.key == key)
    }

    fn allows(&self, reader: usize, epoch: Epoch, sequence: u64) -> bool {
        self.readers[reader].filter.allows(TypeIndex(self.event(epoch, sequence).event_type))
    }

    fn subscribe(&mut self, reader: usize, events: u32) {
        let filter = self.readers[reader].filter.clone();
        let snapshot = self.log().snapshot(events, &filter);
        let (head, oldest) = (self.log().head(), self.log().oldest());
        let counts =
            |sequence: &u64| self.allows(reader, head.epoch, *sequence) && !self.is_superseded(head.epoch, *sequence);
        let after = (snapshot.keyed_until + 1..=head.sequence).filter(counts).count();
        let retained = (oldest..=head.sequence).filter(counts).count();
        assert!(snapshot.keyed_until + 1 >= oldest && after == retained.min(events as usize));
        assert!(snapshot.start.sequence <= snapshot.keyed_until);
        let first = snapshot.start.sequence + 1;
        assert!(first > snapshot.keyed_until || counts(&first), "the event after the start is the first of a key");
        self.readers[reader].begin(snapshot, 0);
    }

    fn append_ephemeral(&mut self, event_type: u32, len: usize) {
        let now = self.now;
        let number = self.ephemeral.len() as u64 + 1;
        let class = Class::Ephemeral;
        let payload = Bytes::from(vec![event_type as u8; len / 2]);
        let record = Record { event_type: TypeIndex(event_type), class, payload, revision: 9 };
        let before = self.log().head();
        let position = self.log().append(record, now, |sequence, form, out| {
            assert_eq!(sequence, 0);
            write(number, form, len, out);
        });
        assert_eq!(position, Position { sequence: 0, ..before });
        assert_eq!(self.log().head(), before);
        self.ephemeral.push(Event { event_type, len, at: now, key: None });
        assert_eq!(self.log().ephemeral_head(), number);
    }

    fn read_ephemeral(&mut self, reader: usize, max_bytes: usize, form: Form) {
        let Reader { ephemeral: after, filter, .. } = &self.readers[reader];
        let (now, after, filter) = (self.now, *after, filter.clone());
        match self.log().read_ephemeral(after, &filter, max_bytes, form, now) {
            Read::Batch { first, last, frames } => {
                let events = &self.ephemeral[first as usize - 1..last as usize];
                assert!(first > after && frames.len() <= max_bytes.max(events[0].frame(form, first).len()));
                assert!(events.iter().all(|event| filter.allows(TypeIndex(event.event_type))));
                assert!(events.iter().all(|event| now - event.at <= EPHEMERAL_AGE));
                let expected: Vec<u8> =
                    (first..).zip(events).flat_map(|(number, event)| event.frame(form, number)).collect();
                assert_eq!(frames, expected);
                self.readers[reader].ephemeral = last;
            }
            Read::Skipped { .. } | Read::UpToDate => self.readers[reader].ephemeral = self.log().ephemeral_head(),
            other => panic!("{other:?}"),
        }
    }

    /// One turn of a reader. Returns whether it moved.
    fn read(&mut self, reader: usize, max_bytes: usize, percent: usize, lags: bool, form: Form) -> bool {
        let Reader { position, filter, half, keyed_until, .. } = &mut self.readers[reader];
        let (mut position, keyed_until) = (*position, *keyed_until);
        if let Some((sequence, form, rest)) = half.take() {
            let whole = self.event(position.epoch, sequence).frame(form, sequence);
            assert!(!rest.is_empty() && whole.ends_with(&rest), "the rest of a frame survives eviction");
            self.readers[reader].position.sequence = sequence;
            self.has(reader, sequence);
            return true;
        }
        let filter = filter.clone();
        let take = match lags || position.sequence < keyed_until {
            true => Take::Newest { keyed_until },
            false => Take::Everything,
        };
        let read = self.log().read(position, &filter, take, max_bytes, form);
        let (head, start) = (self.log().head(), self.log().start());
        let oldest = self.log().oldest();
        let allows = |world: &World, sequence| world.allows(reader, position.epoch, sequence);
        let superseded = |world: &World, sequence| world.is_superseded(position.epoch, sequence);
        let mut whole = Vec::new();
        match read {
            Read::Batch { first, last, frames } => {
                assert!(position.epoch == head.epoch && first <= last && last <= head.sequence);
                assert!((position.sequence + 1..first).all(|sequence| !allows(self, sequence)));
                assert!((first..=last).all(|sequence| allows(self, sequence)));
                assert!(take == Take::Everything || (first..=last).all(|sequence| !superseded(self, sequence)));
                let unasked = |sequence: u64| sequence <= keyed_until && self.event(head.epoch, sequence).key.is_none();
                assert!(take == Take::Everything || !(first..=last).any(unasked));
                assert!(frames.len() <= max_bytes || first == last, "{} of {max_bytes}", frames.len());
                let mut rest = frames.clone();
                let mut taken = frames.len() * percent / 100;
                let mut half = None;
                for sequence in first..=last {
                    let expected = self.event(position.epoch, sequence).frame(form, sequence);
                    let len = expected.len();
                    let mut one = rest.split_to(len);
                    assert_eq!(one, expected);
                    if taken >= len {
                        position.sequence = sequence;
                        whole.push(sequence);
                        taken -= len;
                    } else if taken > 0 && half.is_none() {
                        half = Some((sequence, form, one.split_off(taken)));
                        taken = 0;
                    }
                }
                assert!(rest.is_empty());
                self.readers[reader].half = half;
            }
            Read::Skipped { sequence } => {
                assert!(position.epoch == head.epoch && sequence <= head.sequence && position.sequence < sequence);
                assert!((position.sequence + 1..=sequence).all(|sequence| !allows(self, sequence)));
                position.sequence = sequence;
            }
            Read::Passed { sequence, conflated } => {
                assert!(position.epoch == head.epoch && sequence <= head.sequence && position.sequence < sequence);
                let passed = position.sequence + 1..=sequence;
                assert!(passed.clone().all(|sequence| {
                    !allows(self, sequence) || superseded(self, sequence) || sequence <= keyed_until
                }));
                assert!(take != Take::Everything || passed.clone().all(|at| at < oldest || !allows(self, at)));
                let most = passed.clone().filter(|at| superseded(self, *at)).count() as u64;
                let least = passed.filter(|at| *at >= oldest && superseded(self, *at) && allows(self, *at)).count();
                assert!(conflated <= most && conflated >= least as u64 * u64::from(take != Take::Everything));
                let again = self.log().read(Position { sequence, ..position }, &filter, take, max_bytes, form);
                assert!(!matches!(again, Read::Passed { .. }), "one word before the next event");
                position.sequence = sequence;
            }
            Read::UpToDate => assert_eq!(position, head),
            Read::Lagged { oldest: told, skipped } => {
                assert!(position.epoch == head.epoch && position.sequence < head.sequence && skipped > 0);
                assert!(told <= oldest && told == position.sequence + 1 + skipped);
                let bound = self.keys_may_be_gone;
                let lost = (position.sequence + 1..told).filter(|sequence| *sequence > bound);
                assert!(lost.map(|sequence| self.event(head.epoch, sequence)).all(|event| event.key.is_none()));
                position.sequence = told - 1;
            }
            Read::EpochChanged { current } => {
                assert!(position.epoch != head.epoch && current == start);
                self.readers[reader].begin(Snapshot { start: current, keyed_until: oldest - 1 }, 0);
                return true;
            }
            Read::AheadOfHead { head: told, start: from } => {
                assert!(position.epoch == head.epoch && position.sequence > head.sequence);
                assert_eq!((told, from), (head, start));
                self.readers[reader].begin(Snapshot { start: from, keyed_until: oldest - 1 }, 0);
                return true;
            }
        }
        whole.into_iter().for_each(|sequence| self.has(reader, sequence));
        let reader = &mut self.readers[reader];
        let moved = reader.position != position || reader.half.is_some();
        reader.position = position;
        moved
    }

    /// A reader has got an event.
    fn has(&mut self, reader: usize, sequence: u64) {
        let Event { event_type, key, .. } = self.event(self.readers[reader].position.epoch, sequence);
        if let Some(key) = key {
            let before = self.readers[reader].has.insert((event_type, key), sequence);
            assert!(before.is_none_or(|before| before < sequence), "ascending");
        }
    }

    /// Of every key it has the newest event.
    fn has_converged(&self, reader: usize, head: Position) {
        let Reader { since, has, .. } = &self.readers[reader];
        let Some(life) = self.lives.get(&head.epoch) else { return };
        for (sequence, event) in (1..).zip(life) {
            let owed = sequence > *since && sequence > self.keys_may_be_gone;
            if let Some(key) = event.key
                && owed
                && self.allows(reader, head.epoch, sequence)
                && !self.is_superseded(head.epoch, sequence)
            {
                assert_eq!(has.get(&(event.event_type, key)), Some(&sequence), "key {key} of reader {reader}");
            }
        }
    }

    /// In the end everybody arrives.
    fn drain(&mut self) {
        for reader in 0..self.readers.len() {
            let form = Form::ALL[reader % 2];
            while self.read(reader, 1000, 100, reader != 1, form) {}
            let head = self.log().head();
            assert_eq!(self.readers[reader].position, head);
            self.has_converged(reader, head);
        }
    }
}

fn reader(position: Position, filter: TypeFilter) -> Reader {
    Reader { position, filter, half: None, keyed_until: 0, since: 0, has: HashMap::new(), ephemeral: 0 }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_interleaving_is_gapless_or_told(steps in prop::collection::vec(step(), 1..200)) {
        let mut world = World::new();
        for step in &steps {
            world.take(step);
        }
        world.drain();
    }
}
