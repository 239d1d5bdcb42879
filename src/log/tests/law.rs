//! The law of the log: whatever is appended, read, half written, cut, evicted, expired and resumed, in whatever order, a
//! reader has everything up to its position, or was told of the loss.

use std::collections::HashMap;
use std::mem::size_of;
use std::time::{Duration, Instant};

use bytes::Bytes;
use proptest::prelude::*;

use super::super::ring::Entry;
use super::super::*;
use super::{frame, only, push};
use crate::schema::{Retention, TypeFilter};

const RETENTION: Retention = Retention { events: 8, age: Duration::from_secs(30) };
const MAX_BYTES: usize = 12_000;
const KEY: &str = "project:größe";

#[derive(Clone, Debug)]
enum Step {
    Append {
        event_type: u32,
        len: usize,
    },
    /// A reader reads, and its socket takes so many percent of what it has got.
    Read {
        reader: usize,
        max_bytes: usize,
        percent: usize,
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

fn step() -> impl Strategy<Value = Step> {
    let reader = 0..3_usize;
    let len = prop_oneof![5 => 8..400_usize, 2 => 400..3000_usize, 1 => 10_000..40_000_usize];
    prop_oneof![
        12 => (0..4_u32, len).prop_map(|(event_type, len)| Step::Append { event_type: event_type * 50, len }),
        12 => (reader.clone(), 0..4000_usize, 0..=100_usize)
            .prop_map(|(reader, max_bytes, percent)| Step::Read { reader, max_bytes, percent }),
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

/// What was appended: type, frame length, time.
type Event = (u32, usize, Instant);

struct World {
    now: Instant,
    tombstones: Tombstones<String>,
    log: Option<RingLog>,
    /// Everything that was ever appended, by epoch; event n at n - 1.
    lives: HashMap<Epoch, Vec<Event>>,
    /// Up to this sequence, the bounds allow the current log to have evicted.
    may_be_gone: u64,
    readers: Vec<Reader>,
}

struct Reader {
    position: Position,
    filter: TypeFilter,
    /// A frame that its socket took a part of: its sequence, and the rest.
    half: Option<(u64, Bytes)>,
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
            readers: filters.into_iter().map(|filter| Reader { position, filter, half: None }).collect(),
        }
    }

    /// The channel's log, made when somebody touches it.
    fn log(&mut self) -> &mut RingLog {
        let (now, tombstones, may_be_gone) = (self.now, &mut self.tombstones, &mut self.may_be_gone);
        self.log.get_or_insert_with(|| {
            let peeked = tombstones.peek(&KEY.to_owned(), now);
            let head = tombstones.revive(&KEY.to_owned(), now);
            assert_eq!(peeked, head, "a channel goes on where it was said to be");
            *may_be_gone = head.sequence;
            RingLog::resurrect(head, RETENTION).with_max_bytes(MAX_BYTES)
        })
    }

    fn event(&self, epoch: Epoch, sequence: u64) -> Event {
        self.lives[&epoch][sequence as usize - 1]
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Append { event_type, len } => self.append(event_type, len),
            Step::Read { reader, max_bytes, percent } => {
                self.read(reader, max_bytes, percent);
            }
            Step::Cut { reader } => {
                let reader = &mut self.readers[reader];
                reader.half = None;
                reader.position.epoch = reader.position.epoch.to_string().parse().unwrap();
            }
            Step::Forge { reader, sequence, life } => {
                self.readers[reader].half = None;
                self.readers[reader].position = Position { epoch: Epoch { boot: 77, life }, sequence };
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
            }
            Step::Clear => {
                self.log().clear();
                self.bounds_passed(|_, _| true);
            }
            Step::Expire => {
                if let Some(log) = self.log.take() {
                    self.tombstones.bury(KEY.to_owned(), log.head(), self.now);
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

    fn append(&mut self, event_type: u32, len: usize) {
        let now = self.now;
        let sequence = push(self.log(), event_type, len, now);
        let head = self.log().head();
        let life = self.lives.entry(head.epoch).or_default();
        life.push((event_type, frame(sequence, len).len(), now));
        assert_eq!(life.len() as u64, sequence, "sequences count on within an epoch");
        self.bounds_passed(|world, old| old < sequence && !(world.is_kept(old) && world.fits(old)));
    }

    /// Whether number or age keeps this event.
    fn is_kept(&mut self, sequence: u64) -> bool {
        let (now, head) = (self.now, self.log().head());
        let (.., at) = self.event(head.epoch, sequence);
        sequence + u64::from(RETENTION.events) > head.sequence || now - at <= RETENTION.age
    }

    /// Whether this event and all newer ones are within the byte cap.
    fn fits(&mut self, sequence: u64) -> bool {
        let head = self.log().head();
        let bytes = |sequence| self.event(head.epoch, sequence).1 * 3 / 2 + size_of::<Entry>() + 8;
        (sequence..=head.sequence).map(bytes).sum::<usize>() <= MAX_BYTES
    }

    /// Moves on what the log may have evicted.
    fn bounds_passed(&mut self, pass: impl Fn(&mut World, u64) -> bool) {
        while self.may_be_gone < self.log().head().sequence && pass(self, self.may_be_gone + 1) {
            self.may_be_gone += 1;
        }
    }

    fn subscribe(&mut self, reader: usize, events: u32) {
        let filter = self.readers[reader].filter.clone();
        let start = self.log().snapshot(events, &filter).start;
        let (head, oldest) = (self.log().head(), self.log().oldest());
        let allowed = |sequence: &u64| filter.allows(TypeIndex(self.event(head.epoch, *sequence).0));
        let after = (start.sequence + 1..=head.sequence).filter(allowed).count();
        let retained = (oldest..=head.sequence).filter(allowed).count();
        assert!(start.sequence + 1 >= oldest && after == retained.min(events as usize));
        self.readers[reader].position = start;
        self.readers[reader].half = None;
    }

    /// One turn of a reader. Returns whether it moved.
    fn read(&mut self, reader: usize, max_bytes: usize, percent: usize) -> bool {
        let Reader { position, filter, half } = &mut self.readers[reader];
        let mut position = *position;
        if let Some((sequence, rest)) = half.take() {
            let whole = frame(sequence, self.lives[&position.epoch][sequence as usize - 1].1);
            assert!(!rest.is_empty() && whole.ends_with(&rest), "the rest of a frame survives eviction");
            self.readers[reader].position.sequence = sequence;
            return true;
        }
        let filter = filter.clone();
        let read = self.log().read(position, &filter, Take::Everything, max_bytes);
        let (head, start) = (self.log().head(), self.log().start());
        let oldest = start.sequence + 1;
        let allows = |world: &World, sequence| filter.allows(TypeIndex(world.event(position.epoch, sequence).0));
        match read {
            Read::Batch { first, last, frames } => {
                assert!(position.epoch == head.epoch && oldest <= first && first <= last && last <= head.sequence);
                assert!((position.sequence + 1..first).all(|sequence| !allows(self, sequence)));
                assert!((first..=last).all(|sequence| allows(self, sequence)));
                assert!(frames.len() <= max_bytes || first == last, "{} of {max_bytes}", frames.len());
                let mut rest = frames.clone();
                let mut taken = frames.len() * percent / 100;
                let mut half = None;
                for sequence in first..=last {
                    let (_, len, _) = self.event(position.epoch, sequence);
                    let mut one = rest.split_to(len);
                    assert_eq!(one, frame(sequence, len));
                    if taken >= len {
                        position.sequence = sequence;
                        taken -= len;
                    } else if taken > 0 && half.is_none() {
                        half = Some((sequence, one.split_off(taken)));
                        taken = 0;
                    }
                }
                assert!(rest.is_empty());
                self.readers[reader].half = half;
            }
            Read::Skipped { sequence } => {
                assert!(position.epoch == head.epoch && sequence == head.sequence && position.sequence < sequence);
                assert!((position.sequence + 1..=sequence).all(|sequence| !allows(self, sequence)));
                position.sequence = sequence;
            }
            Read::Passed { .. } => panic!("nothing here has a key"),
            Read::UpToDate => assert_eq!(position, head),
            Read::Lagged { oldest: told, skipped } => {
                assert!(position.epoch == head.epoch && position.sequence < head.sequence);
                assert_eq!((told, position.sequence + skipped), (oldest, oldest - 1));
                assert!(skipped > 0);
                position.sequence = told - 1;
            }
            Read::EpochChanged { current } => {
                assert!(position.epoch != head.epoch && current == start);
                position = current;
            }
            Read::AheadOfHead { head: told, start: from } => {
                assert!(position.epoch == head.epoch && position.sequence > head.sequence);
                assert_eq!((told, from), (head, start));
                position = from;
            }
        }
        let reader = &mut self.readers[reader];
        let moved = reader.position != position || reader.half.is_some();
        reader.position = position;
        moved
    }

    /// In the end everybody arrives.
    fn drain(&mut self) {
        for reader in 0..self.readers.len() {
            while self.read(reader, 1000, 100) {}
            let head = self.log().head();
            assert_eq!(self.readers[reader].position, head);
        }
    }
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
