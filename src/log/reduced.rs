//! What some readers get in place of an event's whole frame.
//!
//! A log keeps whole frames. Of an event that holds something which not everybody may see it notes who can make a frame
//! without that; such frames are made when somebody reads the event ([`super::made`]), once for each set of things that are
//! hidden, and shared by all readers for whom that set is hidden. Everything else is the log's own and the same for all:
//! sequences, positions, gaps, keys, and where a batch ends.
//!
//! Promises: who asks with too small an audience never gets a byte of the whole frame; frames that were made are kept within
//! a part of the log's cap, the newest ones longest, and go when a sweep finds that nobody has read them since the one before.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::mem::size_of;
use std::sync::Arc;

use bytes::Bytes;

use super::form::PerForm;
use super::made::{Cell, Change, Found, Made};
use super::{Form, RingLog};
use crate::schema::{Audience, TypeIndex};

/// Made frames may take one part in so many of a log's cap.
const REDUCED_SHARE: usize = 4;

/// Makes frames of one event type for those who may not see all of it.
pub trait Reducer: fmt::Debug + Send + Sync {
    /// What the events' fields ask their readers for.
    fn asks(&self) -> Audience;

    /// Appends the event's frame for this audience. Where that cannot be made, one without any payload: never the whole.
    fn reduce(&self, whole: &Whole<'_>, audience: Audience, out: &mut Vec<u8>);
}

/// An event as it was appended.
#[derive(Clone, Copy, Debug)]
pub struct Whole<'a> {
    /// Its finished frame in the form that is wanted.
    pub frame: &'a [u8],
    /// That form.
    pub form: Form,
    /// How many bytes of a frame in JSON are the payload, right before its last one.
    pub data_bytes: usize,
    /// Its finished binary frame, which ends with the payload's wire bytes.
    pub binary: &'a [u8],
}

/// The form in which a reader gets frames, and what it may see in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// The form.
    pub form: Form,
    /// What it may see.
    pub audience: Audience,
}

/// Tests about something else read whole frames.
#[cfg(test)]
impl From<Form> for View {
    fn from(form: Form) -> View {
        View { form, audience: Audience::ALL }
    }
}

/// The protected events of a log, and the frames that were made of them.
#[derive(Debug, Default)]
pub(super) struct Reduced {
    /// Of events that the log retains, ascending by sequence, and who makes their frames.
    rows: VecDeque<(u64, Arc<dyn Reducer>)>,
    /// By sequence and by what is hidden.
    made: BTreeMap<(u64, Audience), Remembered>,
    made_bytes: usize,
}

/// A frame that was made, in the forms in which it was asked for.
#[derive(Debug, Default)]
struct Remembered {
    frames: PerForm<Option<Cell>>,
    /// Of those that are made.
    frame_bytes: usize,
    /// Whether it was read since the last sweep.
    is_read: bool,
}

/// A frame of which so much was there before something of it was hidden is read alone.
const ALONE_BYTES: u64 = 16 << 10;

/// What a frame that was made takes in the tree, beside its bytes: nodes may be half empty.
const MADE_OVERHEAD_BYTES: usize = 2 * size_of::<((u64, Audience), Remembered)>();

/// What of an event is hidden from an audience.
fn hidden(reducer: &Arc<dyn Reducer>, audience: Audience) -> Audience {
    reducer.asks().without(audience)
}

impl Reduced {
    /// Memory that is held, in bytes.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.rows.capacity() * size_of::<(u64, Arc<dyn Reducer>)>() + self.made_bytes
    }

    /// What it takes of a log's cap, in bytes. Frames that were made have a bound of their own: no event goes for them.
    pub(super) fn capped_bytes(&self) -> usize {
        self.rows.len() * size_of::<(u64, Arc<dyn Reducer>)>()
    }

    pub(super) fn append(&mut self, sequence: u64, reducer: Arc<dyn Reducer>) {
        self.rows.push_back((sequence, reducer));
    }

    /// Takes out the oldest event of the log when it is evicted, if it is this one.
    pub(super) fn evict(&mut self, sequence: u64) -> Option<Arc<dyn Reducer>> {
        self.rows.front().filter(|(oldest, _)| *oldest == sequence)?;
        self.rows.pop_front().map(|(_, reducer)| reducer)
    }

    /// The protected events of `first..end` of which something is hidden from this audience.
    fn hidden(&self, first: u64, end: u64, audience: Audience) -> impl Iterator<Item = (u64, &Arc<dyn Reducer>)> {
        let from = self.rows.partition_point(|(sequence, _)| *sequence < first);
        let rows = self.rows.range(from..).take_while(move |(sequence, _)| *sequence < end);
        rows.filter(move |(_, reducer)| !hidden(reducer, audience).is_none())
            .map(|(sequence, reducer)| (*sequence, reducer))
    }

    /// Where the frame is for whomever the same is hidden from, or will be.
    fn cell(&mut self, sequence: u64, hidden: Audience, form: Form) -> Cell {
        let remembered = self.made.entry((sequence, hidden)).or_insert_with(|| {
            self.made_bytes += MADE_OVERHEAD_BYTES;
            Remembered::default()
        });
        remembered.is_read = true;
        Arc::clone(remembered.frames[form].get_or_insert_default())
    }

    /// Counts a frame that was made, and keeps of all of them as many of the newest as fit. One of which the log has let go
    /// meanwhile stays forgotten.
    fn settle(&mut self, made: &Made, max_bytes: usize) {
        let key = (made.sequence, made.hidden);
        let Some(remembered) = self.made.get_mut(&key) else { return };
        if !remembered.frames[made.view.form].as_ref().is_some_and(|cell| Arc::ptr_eq(cell, &made.cell)) {
            return;
        }
        let bytes = made.cell.get().map_or(0, Bytes::len);
        remembered.frame_bytes += bytes;
        self.made_bytes += bytes;
        // The new one stays whatever its size: all of its class are about to read it.
        while self.made_bytes > max_bytes
            && let Some(other) = self.made.keys().copied().find(|other| *other != key)
            && let Some(other) = self.made.remove(&other)
        {
            self.made_bytes -= other.bytes();
        }
    }

    /// Lets go of the frames that nobody has read since the last time, and of those of events that are gone.
    pub(super) fn sweep(&mut self, is_there: impl Fn(u64) -> bool) {
        self.made.retain(|(sequence, _), remembered| {
            let keeps = std::mem::take(&mut remembered.is_read) && is_there(*sequence);
            if !keeps {
                self.made_bytes -= remembered.bytes();
            }
            keeps
        });
    }

    /// Lets go of every frame that was made; a reader who needs one makes it again.
    pub(super) fn forget_made(&mut self) {
        self.made.clear();
        self.made_bytes = 0;
    }

    /// What the frames take that were made, in bytes.
    pub(super) fn made_bytes(&self) -> usize {
        self.made_bytes
    }

    pub(super) fn trim(&mut self) {
        self.rows.shrink_to_fit();
    }
}

impl Remembered {
    fn bytes(&self) -> usize {
        self.frame_bytes + MADE_OVERHEAD_BYTES
    }
}

impl RingLog {
    /// What frames take that were made for those who may not see all, in bytes: what reading adds to [`RingLog::bytes`].
    pub fn made_bytes(&self) -> usize {
        let own = self.reduced.as_ref().map_or(0, |reduced| reduced.made_bytes());
        own + self.ephemeral.as_ref().map_or(0, |ephemeral| ephemeral.made_bytes())
    }

    /// Remembers frames that were made for [`RingLog::find`].
    pub fn settle(&mut self, made: &[Made]) {
        let max_bytes = self.max_bytes / REDUCED_SHARE;
        if let Some(reduced) = &mut self.reduced {
            made.iter().for_each(|made| reduced.settle(made, max_bytes));
        }
    }

    /// Has frames made by others from now on, of the events that are there: by an event's type, the revision that it was
    /// published under, and who has made them until now. `None`: everybody sees all of such an event. What was made is
    /// forgotten.
    pub fn protect_anew(
        &mut self,
        reducer: &impl Fn(TypeIndex, u32, Option<&Arc<dyn Reducer>>) -> Option<Arc<dyn Reducer>>,
    ) {
        if let Some(ephemeral) = &mut self.ephemeral {
            ephemeral.protect_anew(reducer);
        }
        let hides_kept = self.keyed.as_mut().is_some_and(|keyed| keyed.past.protect_anew(reducer));
        let before = self.reduced.take();
        let mut known = before.iter().flat_map(|reduced| &reduced.rows).peekable();
        let rows = (self.oldest()..).zip(&self.entries).filter_map(|(sequence, entry)| {
            let until_now = known.next_if(|(at, _)| *at == sequence).map(|(_, reducer)| reducer);
            Some((sequence, reducer(entry.event_type, entry.revision, until_now)?))
        });
        let rows: VecDeque<_> = rows.collect();
        // Here and not when somebody reads: what is made then is counted, and this would not be.
        if !rows.is_empty() || hides_kept || before.is_some() {
            self.reduced = Some(Box::new(Reduced { rows, ..Reduced::default() }));
        }
    }

    /// The revisions that the events were published under which it holds; each as often as it comes.
    pub fn revisions(&self) -> impl Iterator<Item = u32> {
        let kept = self.keyed.iter().flat_map(|keyed| keyed.past.kept().map(|(_, kept)| kept.revision));
        let ephemeral = self.ephemeral.iter().flat_map(|log| &log.entries);
        self.entries.iter().chain(ephemeral).map(|entry| entry.revision).chain(kept)
    }

    /// Where a batch from `first` on ends for this reader, at `end` or before. A large frame that is made goes alone, so that its
    /// readers share it: a slow one would keep a copy of its own.
    pub(super) fn end_for(&self, first: usize, end: usize, view: View) -> usize {
        let Some(reduced) = &self.reduced else { return end };
        let oldest = self.oldest();
        let hidden = reduced.hidden(oldest + first as u64, oldest + end as u64, view.audience);
        let bytes = |index: usize| self.entries[index].ends[view.form] - self.frame_start(index, view.form);
        let large = hidden.map(|(sequence, _)| (sequence - oldest) as usize).find(|index| bytes(*index) >= ALONE_BYTES);
        large.map_or(end, |index| index.max(first + 1))
    }

    /// The frames of the entries from `first` to `end`, as places in the index, for this reader.
    pub(super) fn frames_of(&mut self, first: usize, end: usize, view: View) -> Found {
        let View { form, audience } = view;
        let oldest = self.oldest();
        let sequence = |index: usize| oldest + index as u64;
        let (from, to) = (self.frame_start(first, form), self.entries[end - 1].ends[form]);
        let whole = self.frames[form].slice(from, to);
        let mut changes = Vec::new();
        if let Some(mut reduced) = self.reduced.take() {
            let rows: Vec<(u64, Arc<dyn Reducer>)> = reduced
                .hidden(sequence(first), sequence(end), audience)
                .map(|(sequence, reducer)| (sequence, Arc::clone(reducer)))
                .collect();
            for (sequence, reducer) in rows {
                let index = (sequence - oldest) as usize;
                let range =
                    (self.frame_start(index, form) - from) as usize..(self.entries[index].ends[form] - from) as usize;
                let binary = || match form {
                    Form::Binary => whole.slice(range.clone()),
                    Form::Json => self.frames[Form::Binary]
                        .part(self.frame_start(index, Form::Binary), self.entries[index].ends[Form::Binary]),
                };
                let data_bytes = self.entries[index].data_bytes as usize;
                changes.push(reduced.change(sequence, view, (reducer, data_bytes), range.clone(), binary));
            }
            self.reduced = Some(reduced);
        }
        Found::batch(sequence(first), sequence(end) - 1, whole, changes)
    }

    /// The frame of an event that outlives the retention, for this reader.
    pub(super) fn kept_frame(&mut self, sequence: u64, view: View) -> Option<Found> {
        let kept = self.keyed.as_ref()?.past.get(sequence)?;
        let whole = kept.frames[view.form].clone();
        let protected = kept.reducer.as_ref().filter(|reducer| !hidden(reducer, view.audience).is_none());
        let mut changes = Vec::new();
        if let Some(reducer) = protected {
            let (by, binary) = ((Arc::clone(reducer), kept.data_bytes as usize), || kept.frames[Form::Binary].clone());
            let reduced = self.reduced.get_or_insert_default();
            changes.push(reduced.change(sequence, view, by, 0..whole.len(), binary));
        }
        Some(Found::batch(sequence, sequence, whole, changes))
    }
}

impl Reduced {
    /// The frame of an event for a reader from whom something of it is hidden.
    fn change(
        &mut self,
        sequence: u64,
        view: View,
        (reducer, data_bytes): (Arc<dyn Reducer>, usize),
        range: std::ops::Range<usize>,
        binary: impl FnOnce() -> Bytes,
    ) -> Change {
        let hidden = hidden(&reducer, view.audience);
        let cell = self.cell(sequence, hidden, view.form);
        let binary = if cell.get().is_none() { binary() } else { Bytes::new() };
        Change { range, sequence, hidden, view, cell, reducer, binary, data_bytes }
    }
}
