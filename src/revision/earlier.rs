//! Earlier revisions of which events may still be kept, as the current one has them.
//!
//! Promises that who reads an event may see of it what the revision allows that it was published under, and the current one
//! too: what a reload hides is hidden in what is there already. Of what the current one lacks the last one that had it
//! goes on to be right. The plans of an event's own revision make its frames, as
//! only they surely know its bytes. Bounded by number: beyond [`MAX_EARLIER`] the oldest is joined with the one after it.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::Revision;
use crate::log::Reducer;
use crate::schema::{FieldRules, Schema, TypeIndex};
use crate::transcode::{Options, Transcoder};
use crate::wire::FrameReducer;

/// The most earlier revisions that are told apart. The events of an older one are read by the plans of the oldest of these,
/// whose events then hide what either hid.
pub const MAX_EARLIER: usize = 8;

/// What makes frames, by the types that a revision has. `None`: there is nothing to hide.
pub(super) type Reducers = HashMap<TypeIndex, Option<Arc<dyn Reducer>>>;

/// An earlier revision.
#[derive(Clone)]
pub(super) struct Earlier {
    /// Its number, and those of the ones that were joined with it.
    pub(super) numbers: RangeInclusive<u32>,
    pub(super) schema: Arc<Schema>,
    /// What hides its fields by itself.
    rules: FieldRules,
    /// What the reducers go by: the current revision's rules, too.
    joined: FieldRules,
    pub(super) reducers: Reducers,
}

impl Earlier {
    /// A revision that is about to be replaced.
    pub(super) fn of(revision: &Revision) -> Earlier {
        let rules = revision.schema.field_rules().clone();
        Earlier {
            numbers: revision.number..=revision.number,
            schema: Arc::clone(&revision.schema),
            joined: rules.clone(),
            rules,
            reducers: revision.reducers.clone(),
        }
    }

    /// This one, for the events of an older one, too.
    pub(super) fn join(&mut self, older: &Earlier) {
        self.rules = self.rules.joined(&self.schema, &older.rules, &older.schema);
        self.numbers = *older.numbers.start()..=*self.numbers.end();
    }

    /// Has its frames made by the rules of a later schema, too. `true`: more is hidden, or less, than before.
    pub(super) fn go_by(&mut self, later: &Schema, options: Options, counting: &Transcoder) -> bool {
        let joined = self.rules.joined_with_all(&self.schema, later);
        if joined == self.joined {
            return false;
        }
        let transcoder = Transcoder::with_rules(self.schema.pool(), &joined, options).counting_with(counting);
        self.reducers = reducers(&self.schema, &joined, &Arc::new(transcoder));
        self.joined = joined;
        true
    }
}

/// What makes frames of a schema's events if these are the rules of its fields. The transcoder goes by them, too.
pub(super) fn reducers(schema: &Schema, rules: &FieldRules, transcoder: &Arc<Transcoder>) -> Reducers {
    let asks = rules.asks(schema);
    let events = schema.events().iter().filter_map(|event| Some((event, *asks.get(&event.index)?)));
    let made = events.map(|(event, asks)| {
        let reducer = || Arc::new(FrameReducer::asking(event, asks, transcoder)) as Arc<dyn Reducer>;
        (event.index, (!asks.is_none()).then(reducer))
    });
    made.collect()
}
