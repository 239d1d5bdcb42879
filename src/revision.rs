//! The schema that is served now, and how it is replaced while the bridge runs.
//!
//! One cell, [`Revisions`], holds the current [`Revision`]: fronts and [`crate::ingest`] look into it for each batch, frame
//! or call and then work with what they took, so an event is checked, printed and routed by one revision as a whole. Only
//! the program replaces it; whoever wants a reload asks through [`Reload`].

mod earlier;
mod reload;

use std::ops::RangeInclusive;
use std::sync::{Arc, PoisonError, RwLock};

use crate::log::Reducer;
use crate::schema::{Audience, EventType, Schema, TypeIndex};
use crate::transcode::{Options, Transcoder};
use crate::wire::Emptied;

pub use earlier::MAX_EARLIER;
use earlier::{Earlier, Reducers};
pub use reload::{Answer, Asker, Breaking, DryRun, Reload, ReloadError, ReloadRequest, Reloaded, Reloads};

/// A schema and how to print it: what an event is checked against, as a whole.
#[derive(Clone)]
pub struct Revision {
    /// What may cross.
    pub schema: Arc<Schema>,
    /// How it is printed.
    pub transcoder: Arc<Transcoder>,
    /// Which of this process's revisions it is, from 1.
    pub number: u32,
    /// By type, what makes frames for those who may not see all of an event.
    reducers: Reducers,
    /// Of which events may still be kept, ascending.
    earlier: Vec<Earlier>,
    /// Whether what earlier ones left behind is hidden by other rules than before.
    hides_anew: bool,
}

impl Revision {
    fn new(schema: Arc<Schema>, transcoder: Transcoder, number: u32) -> Self {
        let transcoder = Arc::new(transcoder);
        let reducers = earlier::reducers(&schema, schema.field_rules(), &transcoder);
        let (earlier, hides_anew) = (Vec::new(), false);
        Revision { reducers, schema, transcoder, number, earlier, hides_anew }
    }

    /// Of a schema that others have, too.
    #[cfg(test)]
    pub(crate) fn of_shared(schema: &Arc<Schema>, number: u32) -> Arc<Revision> {
        let transcoder = Transcoder::of(schema, Options::default());
        Arc::new(Revision::new(Arc::clone(schema), transcoder, number))
    }

    /// The same under another number.
    #[cfg(test)]
    pub(crate) fn numbered(self, number: u32) -> Revision {
        Revision { number, ..self }
    }

    /// What makes frames of an event for those who may not see all of it. `None`: there is nothing to hide.
    pub fn reducer(&self, event: &EventType) -> Option<&Arc<dyn Reducer>> {
        if event.asks().is_none() { None } else { self.reducers.get(&event.index)?.as_ref() }
    }

    /// What makes frames of an event that was published under this revision or another one, and has had its frames made by
    /// `until_now`. `None`: there is nothing to hide.
    pub fn reducer_of(
        &self,
        event_type: TypeIndex,
        number: u32,
        until_now: Option<&Arc<dyn Reducer>>,
    ) -> Option<Arc<dyn Reducer>> {
        if number > self.number {
            // Its publisher is ahead of the one who asks.
            return until_now.cloned();
        }
        let earlier = self.earlier.iter().find(|earlier| earlier.numbers.contains(&number));
        let reducers =
            if number == self.number { Some(&self.reducers) } else { earlier.map(|earlier| &earlier.reducers) };
        if let Some(known) = reducers.and_then(|reducers| reducers.get(&event_type)) {
            return known.clone();
        }
        // Nobody knows its bytes any more.
        let current = self.reducers.get(&event_type).and_then(Option::as_ref);
        let asks = [until_now, current].into_iter().flatten().fold(Audience::NONE, |all, one| all.with(one.asks()));
        (!asks.is_none()).then(|| Arc::new(Emptied::asking(asks)) as Arc<dyn Reducer>)
    }

    /// Whether anything is hidden from anybody, in events of this revision or of an earlier one.
    pub fn hides(&self) -> bool {
        let all = self.earlier.iter().map(|earlier| &earlier.reducers).chain([&self.reducers]);
        all.flat_map(|reducers| reducers.values()).any(Option::is_some)
    }

    /// Whether events that are there already are hidden by other rules than under the revision before.
    pub fn hides_anew(&self) -> bool {
        self.hides_anew
    }

    /// How many earlier revisions are remembered because events of them may be kept: at most [`MAX_EARLIER`].
    pub fn earlier_count(&self) -> usize {
        self.earlier.len()
    }

    /// The first revision of a process.
    pub fn first(schema: Schema, options: Options) -> Self {
        let transcoder = Transcoder::of(&schema, options);
        Revision::new(Arc::new(schema), transcoder, 1)
    }

    /// The revision after this one. `schema` was loaded with [`Schema::load_next`] from this one's; `is_kept` says whether an
    /// event may still be there that was published under one of these.
    #[must_use]
    pub fn next(&self, mut schema: Schema, options: Options, is_kept: impl Fn(&RangeInclusive<u32>) -> bool) -> Self {
        let transcoder = Transcoder::of(&schema, options).counting_with(&self.transcoder);
        let mut all: Vec<Earlier> = self.earlier.iter().filter(|earlier| is_kept(&earlier.numbers)).cloned().collect();
        // Publishers go on under this one until the next is there.
        all.push(Earlier::of(self));
        while all.len() > MAX_EARLIER {
            let oldest = all.remove(0);
            all[0].join(&oldest);
        }
        let mut hides_anew = false;
        for earlier in &mut all {
            hides_anew |= earlier.go_by(&schema, options, &transcoder);
            for event in earlier.schema.events() {
                if let Some(Some(reducer)) = earlier.reducers.get(&event.index) {
                    schema.ask_for(&earlier.schema, event, reducer.asks());
                }
            }
        }
        Revision { earlier: all, hides_anew, ..Revision::new(Arc::new(schema), transcoder, self.number + 1) }
    }
}

/// The current revision. Reading takes some nanoseconds: a shared lock for one count.
pub struct Revisions {
    current: RwLock<Arc<Revision>>,
}

impl Revisions {
    /// Serves this revision.
    pub fn new(first: Revision) -> Self {
        Revisions { current: RwLock::new(Arc::new(first)) }
    }

    /// The revision that is served now.
    pub fn current(&self) -> Arc<Revision> {
        // What is inside is replaced as a whole, so it is sound whatever a panicking holder did.
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Serves another revision from now on.
    pub fn replace(&self, next: Arc<Revision>) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = next;
    }
}

#[cfg(test)]
mod tests;
