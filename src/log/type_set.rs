//! Which event types a segment holds.
//!
//! Lets a filtered read take a whole segment, or pass over it, without looking at its entries. Nearly always one word: the
//! set costs an allocation only when a segment mixes types whose numbers are far apart.

use crate::schema::{TypeFilter, TypeIndex};

/// A set of event types.
#[derive(Clone, Debug, Default)]
pub(super) enum TypeSet {
    /// None.
    #[default]
    Empty,
    /// All within one word of a bit set.
    Word { word: usize, bits: u64 },
    /// A whole bit set.
    Words(Vec<u64>),
}

impl TypeSet {
    pub(super) fn insert(&mut self, index: TypeIndex) {
        let (at, bit) = (index.0 as usize / 64, 1 << (index.0 % 64));
        match self {
            TypeSet::Empty => *self = TypeSet::Word { word: at, bits: bit },
            TypeSet::Word { word, bits } if *word == at => *bits |= bit,
            TypeSet::Word { word, bits } => {
                let mut words = vec![0; at.max(*word) + 1];
                words[*word] = *bits;
                words[at] |= bit;
                *self = TypeSet::Words(words);
            }
            TypeSet::Words(words) => {
                if words.len() <= at {
                    words.resize(at + 1, 0);
                }
                words[at] |= bit;
            }
        }
    }

    /// Whether the filter lets every type of the set through.
    pub(super) fn is_within(&self, filter: &TypeFilter) -> bool {
        self.compare(filter, |bits, allowed| bits & !allowed == 0)
    }

    /// Whether the filter lets no type of the set through.
    pub(super) fn is_disjoint(&self, filter: &TypeFilter) -> bool {
        self.compare(filter, |bits, allowed| bits & allowed == 0)
    }

    fn compare(&self, filter: &TypeFilter, holds: impl Fn(u64, u64) -> bool) -> bool {
        let allowed = |word: usize| match filter {
            TypeFilter::All => u64::MAX,
            TypeFilter::Only(words) => words.get(word).copied().unwrap_or(0),
        };
        match self {
            TypeSet::Empty => true,
            TypeSet::Word { word, bits } => holds(*bits, allowed(*word)),
            TypeSet::Words(words) => words.iter().enumerate().all(|(word, bits)| holds(*bits, allowed(word))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_agrees_with_the_filter_on_each_of_its_types() {
        let filter = TypeFilter::Only([1 << 3 | 1 << 5, 0, 1 << 7].into());
        // types of the set; all let through; none let through
        let table: &[(&[u32], bool, bool)] = &[
            (&[], true, true),
            (&[3], true, false),
            (&[3, 5], true, false),
            (&[3, 4], false, false),
            (&[4], false, true),
            (&[128 + 7, 3], true, false),
            (&[64, 128], false, true),
            (&[4000], false, true),
            (&[3, 4000], false, false),
            (&[4000, 64, 5], false, false),
        ];
        for (types, within, disjoint) in table {
            let mut set = TypeSet::default();
            for index in *types {
                set.insert(TypeIndex(*index));
            }
            assert_eq!(set.is_within(&filter), *within, "{types:?}");
            assert_eq!(set.is_disjoint(&filter), *disjoint, "{types:?}");
            assert!(set.is_within(&TypeFilter::All), "{types:?}");
        }
    }
}
