//! The numbers of event types, which stay the same over the revisions of a schema.
//!
//! Logs keep numbers and filters are sets of them, so a number never gets another meaning while the process lives. A type
//! that a later revision no longer has keeps its number: its events may still be in a log, and wildcards still match them.

use std::collections::HashMap;
use std::sync::Arc;

use super::TypeIndex;
use super::visibility::FieldPermissions;

/// How many event types all revisions of a process may name together: filters are bit sets over them.
pub(super) const MAX_TYPES: usize = 65_536;

/// Every event type that this revision and those before it have named.
#[derive(Clone, Debug, Default)]
pub(super) struct TypeNumbers {
    /// By number.
    types: Vec<Numbered>,
    by_name: HashMap<Arc<str>, TypeIndex>,
    /// The permissions that fields ask for.
    pub(super) fields: FieldPermissions,
}

/// A type that has a number.
#[derive(Clone, Debug)]
pub(super) struct Numbered {
    pub(super) name: Arc<str>,
    /// Rialto's own: outside every pattern.
    pub(super) own: bool,
}

impl TypeNumbers {
    /// How many numbers are given.
    pub(super) fn len(&self) -> usize {
        self.types.len()
    }

    /// The number of a name, given now if it has none.
    pub(super) fn number(&mut self, name: &str, own: bool) -> TypeIndex {
        if let Some(known) = self.by_name.get(name) {
            return *known;
        }
        let number = TypeIndex(u32::try_from(self.types.len()).expect("types are bounded by MAX_TYPES"));
        let name: Arc<str> = name.into();
        self.types.push(Numbered { name: name.clone(), own });
        self.by_name.insert(name, number);
        number
    }

    /// The type of a number.
    pub(super) fn get(&self, number: TypeIndex) -> Option<&Numbered> {
        self.types.get(number.0 as usize)
    }

    /// The types that are not Rialto's own, by number.
    pub(super) fn foreign(&self) -> impl Iterator<Item = (TypeIndex, &str)> {
        let numbered = (0..).map(TypeIndex).zip(&self.types);
        numbered.filter(|(_, numbered)| !numbered.own).map(|(number, numbered)| (number, &*numbered.name))
    }
}
