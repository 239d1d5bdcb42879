//! Lists and maps: how many items there are, which are there twice, and each of them by its own rules.

use std::collections::HashSet;

use buffa_descriptor::{ScalarType, SingularKind};

use super::{Walk, unwrapped};
use crate::schema::scan::Wire;
use crate::schema::validate::cel;
use crate::schema::validate::occurrences::{Scalar, entry, items, message_bytes, scalar};
use crate::schema::validate::plan::{ElementRules, Ignore, ListRules, MapRules};
use crate::schema::validate::standard::wrapped;

impl Walk<'_> {
    /// What is wrong with how many there are.
    fn size(&mut self, count: usize, min: Option<u64>, max: Option<u64>, [small, large]: [&str; 2], unit: &str) {
        let units = |count: u64| format!("{count} {unit}{}", if count == 1 { "" } else { "s" });
        if let Some(min) = min.filter(|min| (count as u64) < *min) {
            self.report(small, format!("must have at least {}", units(min)));
        }
        if let Some(max) = max.filter(|max| count as u64 > *max) {
            self.report(large, format!("must have at most {}", units(max)));
        }
    }

    pub(super) fn list(&mut self, rules: &ListRules, kind: SingularKind, wires: &[Wire<'_>]) {
        let pool = self.pool;
        let element = wrapped(pool, kind).unwrap_or(kind);
        let scalars = match kind {
            SingularKind::Message(_) => None,
            _ => Some(items(pool, kind, wires)),
        };
        let count = scalars.as_ref().map_or(wires.len(), Vec::len);
        self.size(count, rules.min, rules.max, ["repeated.min_items", "repeated.max_items"], "item");
        if rules.unique {
            let inside: Vec<Option<Identity>> = match &scalars {
                Some(scalars) => scalars.iter().map(identity).collect(),
                None => wires.iter().map(|wire| identity(&unwrapped(pool, kind, element, &[*wire]))).collect(),
            };
            let mut seen = HashSet::with_capacity(inside.len());
            if !inside.into_iter().flatten().all(|value| seen.insert(value)) {
                self.report("repeated.unique", "must not have an item twice");
            }
        }
        self.cel(&rules.cel, &|| cel::list(pool, kind, wires));
        let Some(rules) = &rules.items else { return };
        match scalars {
            Some(scalars) => {
                for (place, value) in scalars.into_iter().enumerate() {
                    self.at(place, |walk| walk.element(rules, value));
                }
            }
            None => {
                for (place, wire) in wires.iter().enumerate().filter(|_| rules.ignore != Ignore::Always) {
                    self.at(place, |walk| walk.value(&rules.rules, kind, std::slice::from_ref(wire)));
                }
            }
        }
    }

    /// An item, key or value that is no message.
    fn element(&mut self, rules: &ElementRules, value: Scalar<'_>) {
        match rules.ignore {
            Ignore::Always => return,
            Ignore::Zero if value.is_zero() => return,
            _ => {}
        }
        if rules.required && value.is_zero() {
            return self.report("required", "is required");
        }
        self.take(|report| rules.rules.test.check_scalar(value, report));
        self.cel(&rules.rules.cel, &|| cel::scalar(value));
    }

    pub(super) fn map(&mut self, rules: &MapRules, key: ScalarType, value: SingularKind, wires: &[Wire<'_>]) {
        let pool = self.pool;
        let all = wires.iter().filter_map(|wire| message_bytes(*wire)).map(|bytes| entry(pool, key, value, bytes));
        let entries: Vec<_> = all.collect();
        // Of equal keys the last one counts.
        let mut seen = HashSet::with_capacity(entries.len());
        let mut last: Vec<usize> =
            (0..entries.len()).rev().filter(|place| seen.insert(identity(&entries[*place].key))).collect();
        last.reverse();
        self.size(last.len(), rules.min, rules.max, ["map.min_pairs", "map.max_pairs"], "pair");
        self.cel(&rules.cel, &|| cel::map(pool, key, value, wires));
        for place in last {
            let entry = &entries[place];
            if let Some(rules) = &rules.keys {
                self.at(place, |walk| walk.element(rules, entry.key));
            }
            let Some(rules) = rules.values.as_ref().filter(|rules| rules.ignore != Ignore::Always) else { continue };
            match value {
                SingularKind::Message(_) => self.at(place, |walk| walk.value(&rules.rules, value, &entry.value)),
                _ => {
                    let last = entry.value.last().and_then(|wire| scalar(pool, value, *wire));
                    let last = last.unwrap_or_else(|| Scalar::zero(value, pool));
                    self.at(place, |walk| walk.element(rules, last));
                }
            }
        }
    }
}

/// What tells one value from another of its type. `None`: it equals nothing, as NaN does.
type Identity = (u8, Vec<u8>);

fn identity(value: &Scalar<'_>) -> Option<Identity> {
    Some(match value {
        Scalar::Int(number) => (0, number.to_be_bytes().to_vec()),
        Scalar::Uint(number) => (1, number.to_be_bytes().to_vec()),
        Scalar::Float(number) if number.is_nan() => return None,
        // Both zeros are equal.
        Scalar::Float(number) => (2, (number + 0.0).to_be_bytes().to_vec()),
        Scalar::Bool(value) => (3, vec![u8::from(*value)]),
        Scalar::Text(text) => (4, text.as_bytes().to_vec()),
        Scalar::Bytes(bytes) => (5, bytes.to_vec()),
    })
}
