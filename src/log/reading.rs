//! Reading: what comes after a position, as one slice, or why it cannot be told.

use super::past::Fate;
use super::ring::Standing;
use super::{Form, Found, Position, Read, Resume, RingLog, Snapshot, Take, View};
use crate::schema::TypeFilter;

/// How far a read has looked, and what it has passed over.
struct Walk {
    from: u64,
    at: u64,
    conflated: u64,
    /// Whether it has passed over something that the reader has not asked for.
    unasked: bool,
}

impl Walk {
    /// What is to be told before the event at which the walk is.
    fn passed(&self) -> Option<Read> {
        let Walk { at, conflated, unasked, .. } = *self;
        (conflated > 0 || unasked).then_some(Read::Passed { sequence: at - 1, conflated })
    }
}

impl RingLog {
    /// What comes after `after` of what the reader takes, with all frames made at once: for whoever has the log alone.
    pub fn read(
        &mut self,
        after: Position,
        filter: &TypeFilter,
        take: Take,
        max_bytes: usize,
        view: impl Into<View>,
    ) -> Read {
        let (read, made) = self.find(after, filter, take, max_bytes, view.into()).make();
        self.settle(&made);
        read
    }

    /// What comes after `after` of what the reader takes: at most `max_bytes` in this form, but at least one event. Bytes are
    /// counted as if it might see all.
    pub fn find(&mut self, after: Position, filter: &TypeFilter, take: Take, max_bytes: usize, view: View) -> Found {
        let form = view.form;
        if after.epoch != self.head.epoch {
            return Read::EpochChanged { current: self.start() }.into();
        }
        if after.sequence >= self.head.sequence {
            return match after.sequence == self.head.sequence {
                true => Read::UpToDate.into(),
                false => Read::AheadOfHead { head: self.head, start: self.start() }.into(),
            };
        }
        let oldest = self.oldest();
        let next = after.sequence + 1;
        if self.keyed.is_some() && (next < oldest || take != Take::Everything) {
            return self.read_keyed(next, filter, take, max_bytes, view);
        }
        if next < oldest {
            return Read::Lagged { oldest, skipped: oldest - next }.into();
        }
        let Some(first) = self.next_allowed((next - oldest) as usize, filter, form) else {
            return Read::Skipped { sequence: self.head.sequence }.into();
        };
        self.batch(first, self.run_end(first, filter, max_bytes, form), view)
    }

    /// What a reader finds that has everything up to `after`.
    pub fn resume(&self, after: Position) -> Resume {
        if after.epoch != self.head.epoch || after.sequence > self.head.sequence {
            return Resume::Foreign;
        }
        let (oldest, next) = (self.oldest(), after.sequence + 1);
        if next >= oldest {
            return Resume::Whole;
        }
        let Some(keyed) = &self.keyed else {
            return Resume::Lost { start: Position { sequence: oldest - 1, ..after } };
        };
        match keyed.past.fate(next, oldest) {
            Fate::Lost { last } => Resume::Lost { start: Position { sequence: last, ..after } },
            _ if keyed.past.has_loss_from(next) => Resume::Lost { start: after },
            _ => Resume::Whole,
        }
    }

    /// Where a first read begins: before the newest `history` events that the filter allows and nothing has superseded, as
    /// far as they are retained, and before the newest event of every key.
    pub fn snapshot(&self, history: u32, filter: &TypeFilter) -> Snapshot {
        let mut missing = history;
        let mut sequence = self.head.sequence;
        let mut end = self.entries.len();
        while missing > 0
            && let Some(index) = self.last_allowed(end, filter)
        {
            if self.entries[index].standing != Standing::Superseded {
                missing -= 1;
                sequence = self.oldest() + index as u64 - 1;
            }
            end = index;
        }
        let start = match self.first_newest(filter) {
            Some(first) if first <= sequence => first - 1,
            _ => sequence,
        };
        Snapshot { start: Position { sequence: start, ..self.head }, keyed_until: sequence }
    }

    /// The oldest of the newest events of their keys that the filter allows.
    fn first_newest(&self, filter: &TypeFilter) -> Option<u64> {
        let mut kept = self.keyed.as_ref()?.past.kept();
        if let Some((sequence, _)) = kept.find(|(_, kept)| filter.allows(kept.event_type)) {
            return Some(sequence);
        }
        let mut from = 0;
        while let Some(index) = self.next_allowed(from, filter, Form::Json)
            && let Some(entry) = self.entries.get(index)
        {
            if entry.standing == Standing::Newest {
                return Some(self.oldest() + index as u64);
            }
            from = index + 1;
        }
        None
    }

    /// A read that may pass over events: the reader lags, or its position is before what the retention keeps.
    fn read_keyed(&mut self, next: u64, filter: &TypeFilter, take: Take, max_bytes: usize, view: View) -> Found {
        let form = view.form;
        let oldest = self.oldest();
        let (keyed_until, all) = match take {
            Take::Everything => (0, true),
            Take::Newest { keyed_until } => (keyed_until, false),
        };
        let mut walk = Walk { from: next, at: next, conflated: 0, unasked: false };
        while walk.at < oldest
            && let Some(keyed) = &self.keyed
        {
            match keyed.past.fate(walk.at, oldest) {
                Fate::Kept(kept) if filter.allows(kept.event_type) => {
                    let first = walk.at;
                    return walk.passed().map_or_else(
                        // Never without: it is there, as was seen just now.
                        || self.kept_frame(first, view).unwrap_or_else(|| Read::Skipped { sequence: first }.into()),
                        Found::from,
                    );
                }
                Fate::Kept(_) => walk.at += 1,
                Fate::Superseded { last } => {
                    walk.conflated += last + 1 - walk.at;
                    walk.at = last + 1;
                }
                Fate::Lost { last } if walk.at <= keyed_until => {
                    walk.unasked = true;
                    walk.at = last.min(keyed_until) + 1;
                }
                Fate::Lost { last } if walk.at == walk.from => {
                    return Read::Lagged { oldest: last + 1, skipped: last + 1 - walk.at }.into();
                }
                Fate::Lost { .. } => return walk.passed().unwrap_or(Read::Skipped { sequence: walk.at - 1 }).into(),
            }
        }
        let index = (walk.at - oldest) as usize;
        for (index, entry) in self.entries.iter().enumerate().skip(index) {
            walk.at = oldest + index as u64;
            if !filter.allows(entry.event_type) {
                continue;
            }
            match entry.standing {
                Standing::Superseded if !all => walk.conflated += 1,
                Standing::Plain if walk.at <= keyed_until => walk.unasked = true,
                _ => {
                    let end = self.run_end(index, filter, max_bytes, form);
                    let wanted = |at: &usize| {
                        let sequence = oldest + *at as u64;
                        match self.entries[*at].standing {
                            Standing::Superseded => all,
                            Standing::Plain => sequence > keyed_until,
                            Standing::Newest => true,
                        }
                    };
                    let end = (index + 1..end).find(|at| !wanted(at)).unwrap_or(end);
                    return walk.passed().map_or_else(|| self.batch(index, end, view), Found::from);
                }
            }
        }
        walk.at = self.head.sequence + 1;
        walk.passed().unwrap_or(Read::Skipped { sequence: self.head.sequence }).into()
    }

    fn batch(&mut self, first: usize, end: usize, view: View) -> Found {
        let end = self.end_for(first, end, view);
        self.frames_of(first, end, view)
    }

    pub(super) fn frame_start(&self, index: usize, form: Form) -> u64 {
        match index.checked_sub(1) {
            Some(before) => self.entries[before].ends[form],
            None => self.frames[form].start(),
        }
    }

    /// How many entries end at or before `offset`.
    fn entries_before(&self, offset: u64, form: Form) -> usize {
        if offset == self.frames[form].end() {
            return self.entries.len();
        }
        self.entries.partition_point(|entry| entry.ends[form] <= offset)
    }

    /// The first entry from `index` on that the filter allows. Passes over segments that hold nothing for it.
    fn next_allowed(&self, mut index: usize, filter: &TypeFilter, form: Form) -> Option<usize> {
        if matches!(filter, TypeFilter::All) {
            return Some(index);
        }
        while index < self.entries.len() {
            let (segment, nothing) = self.frames[form].segment(self.frame_start(index, form), filter);
            let end = self.entries_before(segment.end, form);
            if !nothing && let Some(found) = (index..end).find(|at| filter.allows(self.entries[*at].event_type)) {
                return Some(found);
            }
            index = end;
        }
        None
    }

    /// The last entry before `end` that the filter allows. Passes over segments that hold nothing for it.
    fn last_allowed(&self, mut end: usize, filter: &TypeFilter) -> Option<usize> {
        if matches!(filter, TypeFilter::All) {
            return end.checked_sub(1);
        }
        let form = Form::Json;
        while let Some(last) = end.checked_sub(1) {
            let (segment, nothing) = self.frames[form].segment(self.frame_start(last, form), filter);
            let start = self.entries_before(segment.start, form);
            if !nothing && let Some(found) = (start..end).rev().find(|at| filter.allows(self.entries[*at].event_type)) {
                return Some(found);
            }
            end = start;
        }
        None
    }

    /// The end of the run that begins at `first`: allowed throughout, within `max_bytes` where it is more than one event,
    /// and cheap to hand out as one slice.
    fn run_end(&self, first: usize, filter: &TypeFilter, max_bytes: usize, form: Form) -> usize {
        let from = self.frame_start(first, form);
        let reach = self.frames[form].reach(from, max_bytes);
        let end = self.entries_before(reach, form).max(first + 1);
        if matches!(filter, TypeFilter::All) || self.frames[form].all_allowed(from, reach, filter) {
            return end;
        }
        (first + 1..end).find(|at| !filter.allows(self.entries[*at].event_type)).unwrap_or(end)
    }
}
