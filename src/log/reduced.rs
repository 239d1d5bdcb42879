//! What some readers get in place of an event's whole frame.
//!
//! A log keeps whole frames. Of an event that holds something which not everybody may see it notes who can make a frame
//! without that; such frames are made when somebody reads the event, once for each set of things that are hidden, and shared
//! by all readers for whom that set is hidden. Everything else is the log's own and the same for all: sequences, positions, gaps,
//! keys, and where a batch ends.
//!
//! Promises: who asks with too small an audience never gets a byte of the whole frame; frames that were made are kept within
//! a part of the log's cap, the newest ones longest, and go when a sweep finds that nobody has read them since the one before.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::mem::size_of;
use std::sync::Arc;

use bytes::Bytes;

use super::form::PerForm;
use super::{Form, RingLog};
use crate::schema::Audience;

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
    /// The payload's wire bytes.
    pub payload: &'a [u8],
}

/// What an event that not everybody may see all of brings into the log.
#[derive(Clone, Debug)]
pub struct Protection {
    /// Makes its frames.
    pub reducer: Arc<dyn Reducer>,
    /// The length of its payload in JSON.
    pub data_bytes: usize,
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

/// Where a protected event is in the log, or that it has outlived the retention.
#[derive(Clone, Debug)]
pub(super) struct Protected {
    protection: Protection,
    payload_bytes: usize,
}

/// The protected events of a log, and the frames that were made of them.
#[derive(Debug, Default)]
pub(super) struct Reduced {
    /// Of events that the log retains, ascending by sequence.
    rows: VecDeque<(u64, Protected)>,
    /// By sequence and by what is hidden.
    made: BTreeMap<(u64, Audience), Made>,
    made_bytes: usize,
}

/// A frame that was made, in the forms in which it was asked for.
#[derive(Debug, Default)]
struct Made {
    frames: PerForm<Bytes>,
    /// Whether it was read since the last sweep.
    is_read: bool,
}

/// A frame of which so much was there before something of it was hidden is read alone.
const ALONE_BYTES: u64 = 16 << 10;

/// What a frame that was made takes in the tree, beside its bytes: nodes may be half empty.
const MADE_OVERHEAD_BYTES: usize = 2 * size_of::<((u64, Audience), Made)>();

impl Protected {
    pub(super) fn new(protection: Protection, payload_bytes: usize) -> Self {
        Protected { protection, payload_bytes }
    }

    /// What of it is hidden from an audience.
    fn hidden(&self, audience: Audience) -> Audience {
        self.protection.reducer.asks().without(audience)
    }

    /// The frame of this form for an audience, made of the event's whole frames.
    fn reduce(&self, view: View, frame: &[u8], binary: &[u8]) -> Bytes {
        let payload = &binary[binary.len() - self.payload_bytes..];
        let whole = Whole { frame, form: view.form, data_bytes: self.protection.data_bytes, payload };
        let mut out = Vec::with_capacity(frame.len());
        self.protection.reducer.reduce(&whole, view.audience, &mut out);
        out.shrink_to_fit();
        Bytes::from(out)
    }
}

impl Reduced {
    /// Memory that is held, in bytes.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.rows.capacity() * size_of::<(u64, Protected)>() + self.made_bytes
    }

    /// What it takes of a log's cap, in bytes. Frames that were made have a bound of their own: no event goes for them.
    pub(super) fn capped_bytes(&self) -> usize {
        self.rows.len() * size_of::<(u64, Protected)>()
    }

    pub(super) fn append(&mut self, sequence: u64, protected: Protected) {
        self.rows.push_back((sequence, protected));
    }

    /// Takes out the oldest event of the log when it is evicted, if it is this one.
    pub(super) fn evict(&mut self, sequence: u64) -> Option<Protected> {
        self.rows.front().filter(|(oldest, _)| *oldest == sequence)?;
        self.rows.pop_front().map(|(_, protected)| protected)
    }

    /// The protected events of `first..end` of which something is hidden from this audience.
    fn hidden(&self, first: u64, end: u64, audience: Audience) -> impl Iterator<Item = (u64, &Protected)> {
        let from = self.rows.partition_point(|(sequence, _)| *sequence < first);
        let rows = self.rows.range(from..).take_while(move |(sequence, _)| *sequence < end);
        rows.filter(move |(_, protected)| !protected.hidden(audience).is_none())
            .map(|(sequence, protected)| (*sequence, protected))
    }

    /// A frame that was made before, for whoever the same is hidden from.
    fn find(&mut self, sequence: u64, hidden: Audience, form: Form) -> Option<Bytes> {
        let made = self.made.get_mut(&(sequence, hidden))?;
        made.is_read = true;
        Some(made.frames[form].clone()).filter(|frame| !frame.is_empty())
    }

    /// Keeps a frame for the next reader, and of all frames as many of the newest as fit.
    fn keep(&mut self, sequence: u64, hidden: Audience, (form, frame): (Form, Bytes), max_bytes: usize) {
        if !self.made.contains_key(&(sequence, hidden)) {
            self.made_bytes += MADE_OVERHEAD_BYTES;
        }
        self.made_bytes += frame.len();
        let made = self.made.entry((sequence, hidden)).or_default();
        made.frames[form] = frame;
        made.is_read = true;
        // The new one stays whatever its size: all of its class are about to read it.
        while self.made_bytes > max_bytes
            && let Some(other) = self.made.keys().copied().find(|key| *key != (sequence, hidden))
            && let Some(other) = self.made.remove(&other)
        {
            self.made_bytes -= other.bytes();
        }
    }

    /// Lets go of the frames that nobody has read since the last time, and of those of events that are gone.
    pub(super) fn sweep(&mut self, is_there: impl Fn(u64) -> bool) {
        self.made.retain(|(sequence, _), made| {
            let keeps = std::mem::take(&mut made.is_read) && is_there(*sequence);
            if !keeps {
                self.made_bytes -= made.bytes();
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

impl Made {
    fn bytes(&self) -> usize {
        self.frames.iter().map(Bytes::len).sum::<usize>() + MADE_OVERHEAD_BYTES
    }
}

impl RingLog {
    /// What frames take that were made for those who may not see all, in bytes: what reading adds to [`RingLog::bytes`].
    pub fn made_bytes(&self) -> usize {
        let own = self.reduced.as_ref().map_or(0, |reduced| reduced.made_bytes());
        own + self.ephemeral.as_ref().map_or(0, |ephemeral| ephemeral.made_bytes())
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
    pub(super) fn frames_of(&mut self, first: usize, end: usize, view: View) -> Bytes {
        let View { form, audience } = view;
        let oldest = self.oldest();
        let sequence = |index: usize| oldest + index as u64;
        let (from, to) = (self.frame_start(first, form), self.entries[end - 1].ends[form]);
        let Some(reduced) = &self.reduced else { return self.frames[form].slice(from, to) };
        let hidden: Vec<(u64, Protected)> = reduced
            .hidden(sequence(first), sequence(end), audience)
            .map(|(sequence, protected)| (sequence, protected.clone()))
            .collect();
        if hidden.is_empty() {
            return self.frames[form].slice(from, to);
        }
        if let ([(sequence, protected)], 1) = (&hidden[..], end - first) {
            return self.reduced_frame(*sequence, protected, view, |log, form| {
                log.frames[form].copied(log.frame_start(first, form), log.entries[first].ends[form])
            });
        }
        let mut out = Vec::with_capacity((to - from) as usize);
        let mut at = from;
        for (sequence, protected) in hidden {
            let index = (sequence - oldest) as usize;
            self.frames[form].copy_to(at, self.frame_start(index, form), &mut out);
            at = self.entries[index].ends[form];
            out.extend_from_slice(&self.reduced_frame(sequence, &protected, view, |log, form| {
                log.frames[form].copied(log.frame_start(index, form), log.entries[index].ends[form])
            }));
        }
        self.frames[form].copy_to(at, to, &mut out);
        Bytes::from(out)
    }

    /// The frame of an event for a reader from whom something of it is hidden, made now if it was not.
    pub(super) fn reduced_frame(
        &mut self,
        sequence: u64,
        protected: &Protected,
        view: View,
        whole: impl Fn(&RingLog, Form) -> Bytes,
    ) -> Bytes {
        let hidden = protected.hidden(view.audience);
        if let Some(frame) = self.reduced.as_mut().and_then(|reduced| reduced.find(sequence, hidden, view.form)) {
            return frame;
        }
        let frame = protected.reduce(view, &whole(self, view.form), &whole(self, Form::Binary));
        let max_bytes = self.max_bytes / REDUCED_SHARE;
        if let Some(reduced) = &mut self.reduced {
            reduced.keep(sequence, hidden, (view.form, frame.clone()), max_bytes);
        }
        frame
    }

    /// The frame of an event that outlives the retention, for this reader.
    pub(super) fn kept_frame(&mut self, sequence: u64, view: View) -> Option<Bytes> {
        let kept = self.keyed.as_ref()?.past.get(sequence)?;
        let protected = kept.protected.as_deref().filter(|protected| !protected.hidden(view.audience).is_none());
        let Some(protected) = protected.cloned() else { return Some(kept.frames[view.form].clone()) };
        let frames = kept.frames.clone();
        Some(self.reduced_frame(sequence, &protected, view, |_, form| frames[form].clone()))
    }
}
