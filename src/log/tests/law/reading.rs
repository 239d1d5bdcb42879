//! What a reader is owed, and what it may be told instead.

use std::collections::HashMap;

use bytes::Bytes;

use super::super::super::*;
use super::world::{Event, World};
use crate::schema::{Audience, TypeFilter};

pub(super) struct Reader {
    pub(super) position: Position,
    pub(super) filter: TypeFilter,
    /// What it may see.
    pub(super) audience: Audience,
    /// A frame that its socket took a part of: its sequence, and the rest.
    pub(super) half: Option<(u64, Form, Bytes)>,
    /// Of the time before its history it wants only the newest of their keys.
    keyed_until: u64,
    /// Where it began: it is owed what comes after.
    since: u64,
    /// The newest event that it has of each type and key.
    has: HashMap<(u32, u8), u64>,
    pub(super) ephemeral: u64,
}

impl Reader {
    pub(super) fn new(position: Position, filter: TypeFilter, audience: Audience) -> Reader {
        Reader { position, filter, audience, half: None, keyed_until: 0, since: 0, has: HashMap::new(), ephemeral: 0 }
    }

    pub(super) fn begin(&mut self, snapshot: Snapshot, since: u64) {
        self.position = snapshot.start;
        self.keyed_until = snapshot.keyed_until;
        self.since = since;
        self.half = None;
        self.has.clear();
    }
}

impl World {
    pub(super) fn subscribe(&mut self, reader: usize, events: u32) {
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

    pub(super) fn read_ephemeral(&mut self, reader: usize, max_bytes: usize, form: Form) {
        let Reader { ephemeral: after, filter, audience, .. } = &self.readers[reader];
        let (now, after, filter, view) = (self.now, *after, filter.clone(), View { form, audience: *audience });
        match self.log().read_ephemeral(after, &filter, max_bytes, view, now) {
            Read::Batch { first, last, frames } => {
                let events = &self.ephemeral[first as usize - 1..last as usize];
                assert!(first > after && frames.len() <= max_bytes.max(events[0].frame(view, first).len()));
                assert!(events.iter().all(|event| filter.allows(TypeIndex(event.event_type))));
                assert!(events.iter().all(|event| now - event.at <= EPHEMERAL_AGE));
                let expected: Vec<u8> =
                    (first..).zip(events).flat_map(|(number, event)| event.frame(view, number)).collect();
                assert_eq!(frames, expected);
                self.readers[reader].ephemeral = last;
            }
            Read::Skipped { .. } | Read::UpToDate => self.readers[reader].ephemeral = self.log().ephemeral_head(),
            other => panic!("{other:?}"),
        }
    }

    /// One turn of a reader. Returns whether it moved.
    pub(super) fn read(&mut self, reader: usize, max_bytes: usize, percent: usize, lags: bool, form: Form) -> bool {
        let Reader { position, filter, audience, half, keyed_until, .. } = &mut self.readers[reader];
        let (audience, view) = (*audience, View { form, audience: *audience });
        let (mut position, keyed_until) = (*position, *keyed_until);
        if let Some((sequence, form, rest)) = half.take() {
            let whole = self.event(position.epoch, sequence).frame(View { form, audience }, sequence);
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
        let read = self.log().read(position, &filter, take, max_bytes, view);
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
                    let expected = self.event(position.epoch, sequence).frame(view, sequence);
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
                let again = self.log().read(Position { sequence, ..position }, &filter, take, max_bytes, view);
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
    pub(super) fn has_converged(&self, reader: usize, head: Position) {
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
}
