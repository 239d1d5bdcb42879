//! The schema that is served now, and how it is replaced while the bridge runs.
//!
//! One cell, [`Revisions`], holds the current [`Revision`]: fronts and [`crate::ingest`] look into it for each batch, frame
//! or call and then work with what they took, so an event is checked, printed and routed by one revision as a whole. Only
//! the program replaces it; whoever wants a reload asks through [`Reload`].

mod reload;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::log::Reducer;
use crate::schema::{EventType, Schema, TypeIndex};
use crate::transcode::{Options, Transcoder};
use crate::wire::FrameReducer;

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
    reducers: HashMap<TypeIndex, Arc<dyn Reducer>>,
}

impl Revision {
    fn new(schema: Schema, transcoder: Transcoder, number: u32) -> Self {
        let transcoder = Arc::new(transcoder);
        let reducers = schema.events().iter().filter_map(|event| {
            let reducer: Arc<dyn Reducer> = Arc::new(FrameReducer::of(event, &transcoder)?);
            Some((event.index, reducer))
        });
        Revision { reducers: reducers.collect(), schema: Arc::new(schema), transcoder, number }
    }

    /// The same under another number.
    #[cfg(test)]
    pub(crate) fn numbered(self, number: u32) -> Revision {
        Revision { number, ..self }
    }

    /// What makes frames of an event for those who may not see all of it. `None`: there is nothing to hide.
    pub fn reducer(&self, event: &EventType) -> Option<&Arc<dyn Reducer>> {
        if event.asks().is_none() { None } else { self.reducers.get(&event.index) }
    }

    /// The first revision of a process.
    pub fn first(schema: Schema, options: Options) -> Self {
        let transcoder = Transcoder::of(&schema, options);
        Revision::new(schema, transcoder, 1)
    }

    /// The revision after this one. `schema` was loaded with [`Schema::load_next`] from this one's.
    #[must_use]
    pub fn next(&self, schema: Schema, options: Options) -> Self {
        let transcoder = Transcoder::of(&schema, options).counting_with(&self.transcoder);
        Revision::new(schema, transcoder, self.number + 1)
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
