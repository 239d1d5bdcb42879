//! One channel over its lives, what was ever appended to it, and what its bounds allow to be gone.

use std::collections::HashMap;
use std::mem::size_of;
use std::time::Instant;

use bytes::Bytes;

use super::super::super::ring::Entry;
use super::super::super::*;
use super::super::reduced::{ONE, TWO, asks, frame_for, reducer};
use super::super::{only, push, push_keyed, write};
use super::reading::Reader;
use super::steps::Step;
use super::{KEY, MAX_BYTES, RETENTION};
use crate::schema::{Audience, EventKey, TypeFilter};

/// What an event that not everybody may see all of takes in the index.
const PROTECTED_ROW_BYTES: usize = 64;

/// What the log and its small ring of ephemeral events may hold together: their caps, and in either form a segment's dead part
/// and another's empty part.
const MOST_BYTES: usize = MAX_BYTES + MAX_EPHEMERAL_BYTES + 2 * Form::ALL.len() * 2 * (64 << 10);

/// What was appended.
#[derive(Clone, Copy)]
pub(super) struct Event {
    pub(super) event_type: u32,
    pub(super) len: usize,
    pub(super) at: Instant,
    pub(super) key: Option<u8>,
}

impl Event {
    pub(super) fn frame(&self, view: View, sequence: u64) -> Vec<u8> {
        frame_for(view.audience, view.form, sequence, self.event_type, self.len)
    }
}

pub(super) struct World {
    pub(super) now: Instant,
    tombstones: Tombstones<String>,
    log: Option<RingLog>,
    /// Everything that was ever appended, by epoch; event n at n - 1.
    pub(super) lives: HashMap<Epoch, Vec<Event>>,
    /// Up to this sequence, the bounds allow the current log to have evicted.
    may_be_gone: u64,
    /// Up to this sequence even the newest events of their keys may be gone.
    pub(super) keys_may_be_gone: u64,
    /// Every ephemeral event of the current log.
    pub(super) ephemeral: Vec<Event>,
    pub(super) readers: Vec<Reader>,
}

impl World {
    pub(super) fn new() -> World {
        let epoch = Epoch { boot: 77, life: 0 };
        let position = Position { epoch, sequence: 0 };
        // Some see all, some not all, some less.
        let filters = [
            (TypeFilter::All, Audience::NONE),
            (only(&[0, 150, 100]), TWO),
            (only(&[50]), ONE),
            (TypeFilter::All, Audience::ALL),
        ];
        World {
            now: Instant::now(),
            tombstones: Tombstones::with_bounds(epoch, 3, TOMBSTONE_AGE),
            log: None,
            lives: HashMap::new(),
            may_be_gone: 0,
            keys_may_be_gone: 0,
            ephemeral: Vec::new(),
            readers: filters.into_iter().map(|(filter, audience)| Reader::new(position, filter, audience)).collect(),
        }
    }

    /// The channel's log, made when somebody touches it.
    pub(super) fn log(&mut self) -> &mut RingLog {
        let (now, tombstones, may_be_gone) = (self.now, &mut self.tombstones, &mut self.may_be_gone);
        let keys_may_be_gone = &mut self.keys_may_be_gone;
        self.log.get_or_insert_with(|| {
            tombstones.expire(now);
            let peeked = tombstones.peek(&KEY.to_owned());
            let head = tombstones.revive(&KEY.to_owned(), now);
            assert_eq!(peeked, head, "a channel goes on where it was said to be");
            (*may_be_gone, *keys_may_be_gone) = (head.sequence, head.sequence);
            RingLog::resurrect(head, RETENTION).with_max_bytes(MAX_BYTES)
        })
    }

    pub(super) fn event(&self, epoch: Epoch, sequence: u64) -> Event {
        self.lives[&epoch][sequence as usize - 1]
    }

    pub(super) fn take(&mut self, step: &Step) {
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
            assert!(log.bytes() < MOST_BYTES, "{}", log.bytes());
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
            let whole = |form| event.frame(View::from(form), sequence).len();
            let protected = if asks(event.event_type).is_none() { 0 } else { PROTECTED_ROW_BYTES };
            let frames = Form::ALL.map(whole).iter().sum::<usize>();
            frames + size_of::<Entry>() + event.key.map_or(0, |_| row) + protected
        };
        let keyed = self.lives[&head.epoch].iter().any(|event| event.key.is_some());
        let others = if keyed { MAX_BYTES / 2 + 8 * 2 * row } else { 0 };
        let made = MAX_BYTES / 4;
        (sequence..=head.sequence).map(bytes).sum::<usize>() + others + made <= MAX_BYTES
    }

    /// Moves on what the log may have evicted.
    fn bounds_passed(&mut self, pass: impl Fn(&mut World, u64) -> bool) {
        while self.may_be_gone < self.log().head().sequence && pass(self, self.may_be_gone + 1) {
            self.may_be_gone += 1;
        }
    }

    /// Whether a newer event of its key has come.
    pub(super) fn is_superseded(&self, epoch: Epoch, sequence: u64) -> bool {
        let Event { event_type, key, .. } = self.event(epoch, sequence);
        let newer = &self.lives[&epoch][sequence as usize..];
        key.is_some() && newer.iter().any(|event| event.event_type == event_type && event.key == key)
    }

    pub(super) fn allows(&self, reader: usize, epoch: Epoch, sequence: u64) -> bool {
        self.readers[reader].filter.allows(TypeIndex(self.event(epoch, sequence).event_type))
    }

    fn append_ephemeral(&mut self, event_type: u32, len: usize) {
        let now = self.now;
        let number = self.ephemeral.len() as u64 + 1;
        let class = Class::Ephemeral;
        let payload = Bytes::from(vec![event_type as u8; len / 2]);
        let (data_bytes, reducer) = (len as u32 / 2, reducer(event_type));
        let record = Record { event_type: TypeIndex(event_type), class, payload, revision: 9, data_bytes, reducer };
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

    /// In the end everybody arrives.
    pub(super) fn drain(&mut self) {
        for reader in 0..self.readers.len() {
            let form = Form::ALL[reader % 2];
            while self.read(reader, 1000, 100, reader != 1, form) {}
            let head = self.log().head();
            assert_eq!(self.readers[reader].position, head);
            self.has_converged(reader, head);
        }
    }
}
