//! What became of the events that a log has evicted, where some of them are keyed.
//!
//! Each is one of three: lost; superseded, so nobody misses it; or kept, because it is the newest of its key. Lost ones are
//! remembered as runs of sequences. Where there are too many runs, the oldest ones are taken for one long loss: what was
//! superseded there is told as lost too, never the other way round.

use std::collections::{BTreeMap, VecDeque};
use std::mem::size_of;
use std::sync::Arc;

use bytes::Bytes;

use super::form::PerForm;
use super::reduced::Reducer;
use crate::schema::{EventKey, TypeIndex};

/// The most runs of lost events that are told apart.
pub(super) const MAX_LOST_RUNS: usize = 128;
/// The most events that are kept because they are the newest of their key.
pub(super) const MAX_KEPT: usize = 65_536;
/// What one of them takes in tables, beside its bytes: a tree's nodes may be half empty.
const KEPT_OVERHEAD_BYTES: usize = 2 * size_of::<(u64, Kept)>();

/// Everything that was evicted.
#[derive(Debug)]
pub(super) struct Past {
    /// Up to here everything is lost that is not kept.
    lost_until: u64,
    /// Lost runs after that, ascending, with something between each two.
    lost: VecDeque<Run>,
    kept: BTreeMap<u64, Kept>,
    kept_bytes: usize,
}

#[derive(Clone, Copy, Debug)]
struct Run {
    first: u64,
    last: u64,
}

/// An event that outlives its retention as the newest of its key.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) key: EventKey,
    pub(super) event_type: TypeIndex,
    pub(super) revision: u32,
    /// The length of its payload in JSON.
    pub(super) data_bytes: u32,
    /// Makes frames of it for those who may not see all of it.
    pub(super) reducer: Option<Arc<dyn Reducer>>,
    pub(super) frames: PerForm<Bytes>,
}

impl Kept {
    fn bytes(&self) -> usize {
        self.frames.iter().map(Bytes::len).sum::<usize>() + KEPT_OVERHEAD_BYTES
    }
}

/// What became of an evicted event, and how far the same holds.
pub(super) enum Fate<'a> {
    Kept(&'a Kept),
    Superseded { last: u64 },
    Lost { last: u64 },
}

impl Past {
    /// Of a log that has lost everything up to `lost_until`.
    pub(super) fn new(lost_until: u64) -> Self {
        Past { lost_until, lost: VecDeque::new(), kept: BTreeMap::new(), kept_bytes: 0 }
    }

    /// Memory that is held, in bytes, beside the struct itself.
    pub(super) fn bytes(&self) -> usize {
        self.kept_bytes + self.lost.capacity() * size_of::<Run>()
    }

    /// What kept events take, in bytes.
    pub(super) fn kept_bytes(&self) -> usize {
        self.kept_bytes
    }

    /// The kept events, ascending.
    pub(super) fn kept(&self) -> impl Iterator<Item = (u64, &Kept)> {
        self.kept.iter().map(|(sequence, kept)| (*sequence, kept))
    }

    pub(super) fn get(&self, sequence: u64) -> Option<&Kept> {
        self.kept.get(&sequence)
    }

    pub(super) fn kept_count(&self) -> usize {
        self.kept.len()
    }

    /// Keeps an evicted event.
    pub(super) fn keep(&mut self, sequence: u64, kept: Kept) {
        self.kept_bytes += kept.bytes();
        self.kept.insert(sequence, kept);
    }

    /// Lets go of a kept event because a newer one of its key has come. `false`: it is not among them.
    pub(super) fn supersede(&mut self, sequence: u64) -> bool {
        let kept = self.kept.remove(&sequence);
        self.kept_bytes -= kept.as_ref().map_or(0, Kept::bytes);
        kept.is_some()
    }

    /// Loses the oldest kept event. Gives its key.
    pub(super) fn lose_oldest_kept(&mut self) -> Option<EventKey> {
        let (sequence, kept) = self.kept.pop_first()?;
        self.kept_bytes -= kept.bytes();
        self.lose(sequence);
        Some(kept.key)
    }

    /// Has frames made by these from now on. Whether something is hidden of any event.
    pub(super) fn protect_anew(
        &mut self,
        reducer: &impl Fn(TypeIndex, u32, Option<&Arc<dyn Reducer>>) -> Option<Arc<dyn Reducer>>,
    ) -> bool {
        let mut hides = false;
        for kept in self.kept.values_mut() {
            kept.reducer = reducer(kept.event_type, kept.revision, kept.reducer.as_ref());
            hides |= kept.reducer.is_some();
        }
        hides
    }

    /// Loses some of the kept events, by type and revision. Gives their keys.
    pub(super) fn lose_kept_of(&mut self, is_gone: impl Fn(TypeIndex, u32) -> bool) -> Vec<EventKey> {
        let gone = self.kept().filter(|(_, kept)| is_gone(kept.event_type, kept.revision));
        let gone: Vec<u64> = gone.map(|(sequence, _)| sequence).collect();
        let mut keys = Vec::with_capacity(gone.len());
        for sequence in gone {
            keys.extend(self.get(sequence).map(|kept| kept.key));
            self.supersede(sequence);
            self.lose(sequence);
        }
        keys
    }

    /// Notes that an evicted event is lost.
    pub(super) fn lose(&mut self, sequence: u64) {
        if sequence <= self.lost_until {
            return;
        }
        let next = self.run_from(sequence);
        let joins_next = self.lost.get(next).is_some_and(|run| run.first == sequence + 1);
        let before = match next.checked_sub(1) {
            Some(before) => &mut self.lost[before].last,
            None => &mut self.lost_until,
        };
        match (*before + 1 == sequence, joins_next) {
            (true, false) => *before = sequence,
            (true, true) => {
                let joined = self.lost.remove(next).map_or(sequence, |run| run.last);
                match next.checked_sub(1) {
                    Some(before) => self.lost[before].last = joined,
                    None => self.lost_until = joined,
                }
            }
            (false, true) => self.lost[next].first = sequence,
            (false, false) => self.lost.insert(next, Run { first: sequence, last: sequence }),
        }
        if self.lost.len() > MAX_LOST_RUNS
            && let Some(run) = self.lost.pop_front()
        {
            self.lost_until = run.last;
        }
    }

    /// What became of the event `sequence`, which was evicted, as were all before `oldest`.
    pub(super) fn fate(&self, sequence: u64, oldest: u64) -> Fate<'_> {
        let mut end = oldest;
        if let Some((at, kept)) = self.kept.range(sequence..).next() {
            if *at == sequence {
                return Fate::Kept(kept);
            }
            end = *at;
        }
        if sequence <= self.lost_until {
            return Fate::Lost { last: self.lost_until.min(end - 1) };
        }
        match self.lost.get(self.run_from(sequence)) {
            Some(run) if run.first <= sequence => Fate::Lost { last: run.last.min(end - 1) },
            Some(run) => Fate::Superseded { last: run.first.min(end) - 1 },
            None => Fate::Superseded { last: end - 1 },
        }
    }

    /// Whether any event from `sequence` on is lost.
    pub(super) fn has_loss_from(&self, sequence: u64) -> bool {
        if self.lost.back().is_some_and(|run| run.last >= sequence) {
            return true;
        }
        // From the newest one, which is lost: clients choose how often this is asked, and many may be kept.
        let kept = || self.kept.range(sequence..=self.lost_until).rev().map(|(kept, _)| *kept);
        sequence <= self.lost_until && kept().ne((sequence..=self.lost_until).rev())
    }

    /// The first run that ends at or after `sequence`.
    fn run_from(&self, sequence: u64) -> usize {
        if self.lost.back().is_none_or(|run| run.last < sequence) {
            return self.lost.len();
        }
        self.lost.partition_point(|run| run.last < sequence)
    }
}
