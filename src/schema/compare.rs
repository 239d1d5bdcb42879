//! What a newer schema changes for those who still use the older one.
//!
//! [`compare`] looks at two schemas and says what became different on the wire, in JSON, in event types, channels,
//! permissions and rules. It promises a place, a reason and advice for each difference, the same differences in the same
//! order for the same two schemas, and the verdict of `buf breaking` (category `WIRE_JSON`) where both look at the same
//! thing. Services are left to Buf: Rialto carries none of a schema's own.

mod channels;
mod enums;
mod events;
mod extensions;
mod fields;
mod messages;
mod rule;
mod rules;

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

pub use rule::{Rule, Severity};

use super::Schema;
use super::elements::Elements;
use super::mistake::write_place;
use super::places::{Near, Site};

/// One difference between two schemas.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Whether it breaks somebody.
    pub severity: Severity,
    /// What kind of difference it is.
    pub rule: Rule,
    /// The file where it shows, as the user would open it: in the newer schema, or in the older one when it is gone.
    pub file: String,
    /// The line, from 1. `None` where the descriptors carry no source info.
    pub line: Option<u32>,
    /// The column in characters, from 1.
    pub column: Option<u32>,
    /// What became different.
    pub message: String,
    /// Whom it hurts, and how.
    pub why: &'static str,
    /// What to do instead.
    pub advice: String,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_place(f, &self.file, self.line, self.column)?;
        write!(f, ": {}: {} [{}]\n    {}", self.severity.word(), self.message, self.rule.name(), self.why)?;
        if !self.advice.is_empty() {
            write!(f, "\n    {}", self.advice)?;
        }
        Ok(())
    }
}

/// Everything that `new` changes for users of `old`, breaking changes first, then by place.
pub fn compare(old: &Schema, new: &Schema) -> Vec<Change> {
    let mut comparison = Comparison {
        old,
        new,
        old_elements: Elements::of(old.pool()),
        new_elements: Elements::of(new.pool()),
        changes: Vec::new(),
    };
    messages::compare(&mut comparison);
    extensions::compare(&mut comparison);
    enums::compare(&mut comparison);
    events::compare(&mut comparison);
    channels::compare(&mut comparison);
    let mut changes = comparison.changes;
    let key = |change: &Change| {
        (change.severity, change.file.clone(), change.line, change.column, change.rule, change.message.clone())
    };
    changes.sort_by_cached_key(key);
    changes.dedup();
    changes
}

/// What `new` would break for those who use `old`.
pub fn breaking(old: &Schema, new: &Schema) -> Vec<Change> {
    let mut changes = compare(old, new);
    changes.retain(|change| change.severity == Severity::Breaking);
    changes
}

/// The two schemas, and what was found so far.
struct Comparison<'a> {
    old: &'a Schema,
    new: &'a Schema,
    old_elements: Elements<'a>,
    new_elements: Elements<'a>,
    changes: Vec<Change>,
}

/// Where a difference shows.
enum Place<'a> {
    /// In the newer schema.
    New(&'a Site, Near<'a>),
    /// In the older one: the newer has no such place.
    Old(&'a Site),
}

impl Comparison<'_> {
    fn report(&mut self, rule: Rule, place: Place<'_>, message: impl Into<String>, advice: impl Into<String>) {
        let (files, site, near) = match place {
            Place::New(site, near) => (&self.new.files, site, near),
            Place::Old(site) => (&self.old.files, site, Near::Start),
        };
        let at = files.place(site, near);
        self.changes.push(Change {
            severity: rule.severity(),
            rule,
            file: files.shown(site.file).to_owned(),
            line: at.map(|(line, _)| line),
            column: at.map(|(_, column)| column),
            message: message.into(),
            why: rule.why(),
            advice: advice.into(),
        });
    }
}

/// The names that only the first has, quoted and joined.
fn missing<'a>(from: impl Iterator<Item = &'a str>, have: impl Iterator<Item = &'a str>) -> Option<String> {
    let have: BTreeSet<&str> = have.collect();
    let gone: BTreeSet<&str> = from.filter(|name| !have.contains(name)).collect();
    let quoted: Vec<String> = gone.iter().map(|name| format!("{name:?}")).collect();
    (!quoted.is_empty()).then(|| quoted.join(", "))
}
