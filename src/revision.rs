//! The schema that is served now, and how it is replaced while the bridge runs.
//!
//! One cell, [`Revisions`], holds the current [`Revision`]: fronts and [`crate::ingest`] look into it for each batch, frame
//! or call and then work with what they took, so an event is checked, printed and routed by one revision as a whole. Only
//! the program replaces it; whoever wants a reload asks through [`Reload`].

mod reload;

use std::sync::{Arc, PoisonError, RwLock};

use crate::schema::Schema;
use crate::transcode::{Options, Transcoder};

pub use reload::{Answer, Asker, Breaking, DryRun, Reload, ReloadError, ReloadRequest, Reloaded, Reloads};

/// A schema and how to print it: what an event is checked against, as a whole.
pub struct Revision {
    /// What may cross.
    pub schema: Arc<Schema>,
    /// How it is printed.
    pub transcoder: Arc<Transcoder>,
    /// Which of this process's revisions it is, from 1.
    pub number: u32,
}

impl Revision {
    /// The first revision of a process.
    pub fn first(schema: Schema, options: Options) -> Self {
        let transcoder = Arc::new(Transcoder::new(schema.pool(), options));
        Revision { schema: Arc::new(schema), transcoder, number: 1 }
    }

    /// The revision after this one. `schema` was loaded with [`Schema::load_next`] from this one's.
    #[must_use]
    pub fn next(&self, schema: Schema, options: Options) -> Self {
        let transcoder = Arc::new(Transcoder::new(schema.pool(), options).counting_with(&self.transcoder));
        Revision { schema: Arc::new(schema), transcoder, number: self.number + 1 }
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
