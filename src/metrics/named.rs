//! Counts by the names of tenants and of publishers.
//!
//! The first [`MAX_LABELLED_NAMES`] names of a process have a label of their own, all others share one, so that the number of
//! time series is bounded whoever makes names up. The tenant without a name, and those that share, have labels that no
//! name can be.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::counters::Counter;
use crate::ids::Tenant;

/// Names that have a label of their own, of tenants and of publishers each.
pub const MAX_LABELLED_NAMES: usize = 100;
/// The label of what has no name.
const UNNAMED: &str = "(default)";
/// The label of all further names.
const OTHERS: &str = "(other)";
/// No name, the names, all others.
const PLACES: usize = MAX_LABELLED_NAMES + 2;

/// Which names have which place. Places stay.
#[derive(Debug, Default)]
struct Places(RwLock<HashMap<Arc<str>, usize>>);

impl Places {
    /// The place of this name, which gets one where there is one left.
    fn of(&self, name: &str) -> usize {
        if name.is_empty() {
            return 0;
        }
        {
            // All that ever happens once the labels are used up.
            let places = self.0.read().unwrap_or_else(PoisonError::into_inner);
            match places.get(name) {
                Some(place) => return *place,
                None if places.len() >= MAX_LABELLED_NAMES => return PLACES - 1,
                None => {}
            }
        }
        let mut places = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let next = places.len() + 1;
        match places.get(name) {
            Some(place) => *place,
            None if next > MAX_LABELLED_NAMES => PLACES - 1,
            None => {
                places.insert(name.into(), next);
                next
            }
        }
    }

    /// The labels of all places that may have a count.
    fn labels(&self) -> Vec<(usize, String)> {
        let places = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut labels: Vec<_> = places.iter().map(|(name, place)| (*place, name.to_string())).collect();
        labels.push((0, UNNAMED.to_owned()));
        labels.push((PLACES - 1, OTHERS.to_owned()));
        labels.sort_unstable();
        labels
    }
}

/// A count by place.
#[derive(Debug)]
pub(super) struct ByPlace(Box<[Counter]>);

impl Default for ByPlace {
    fn default() -> Self {
        ByPlace((0..PLACES).map(|_| Counter::default()).collect())
    }
}

impl ByPlace {
    /// For the only thread that ever adds.
    pub(super) fn add_alone(&self, place: TenantPlace, count: u64) {
        self.0[place.0].add_alone(count);
    }

    fn get(&self, place: usize) -> u64 {
        self.0[place].get()
    }
}

/// Where a tenant is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TenantPlace(usize);

/// What is counted by tenant. Deliveries are the shards'.
#[derive(Debug, Default)]
pub struct Tenants {
    places: Places,
    published: ByPlace,
}

impl Tenants {
    /// Where this tenant is counted.
    pub fn place(&self, tenant: &Tenant) -> TenantPlace {
        TenantPlace(self.places.of(tenant.as_str()))
    }

    /// So many events for this tenant were accepted.
    pub fn add_published(&self, tenant: &Tenant, count: u64) {
        self.published.0[self.places.of(tenant.as_str())].add(count);
    }

    pub(super) fn published(&self) -> Vec<(String, u64)> {
        self.counted(|place| self.published.get(place))
    }

    pub(super) fn delivered<'a>(&self, shards: impl Iterator<Item = &'a ByPlace> + Clone) -> Vec<(String, u64)> {
        self.counted(|place| shards.clone().map(|shard| shard.get(place)).sum())
    }

    /// The counts of these tenants under their labels; those without one are added up.
    pub(super) fn labelled(&self, counts: &[(Tenant, u64)]) -> Vec<(String, u64)> {
        let mut sums = [0; PLACES];
        for (tenant, count) in counts {
            sums[self.places.of(tenant.as_str())] += count;
        }
        let all = self.places.labels().into_iter().map(|(place, label)| (label, sums[place]));
        all.filter(|(_, count)| *count > 0).collect()
    }

    fn counted(&self, of: impl Fn(usize) -> u64) -> Vec<(String, u64)> {
        let all = self.places.labels().into_iter().map(|(place, label)| (label, of(place)));
        all.filter(|(_, count)| *count > 0).collect()
    }
}

/// What is counted by publisher.
#[derive(Debug, Default)]
pub struct ByPublisher {
    places: Places,
    accepted: ByPlace,
    refused: ByPlace,
}

impl ByPublisher {
    /// So many events of this publisher were accepted, and so many refused.
    pub fn add(&self, publisher: &str, accepted: u64, refused: u64) {
        let place = self.places.of(publisher);
        for (counts, count) in [(&self.accepted, accepted), (&self.refused, refused)] {
            if count > 0 {
                counts.0[place].add(count);
            }
        }
    }

    pub(super) fn counted(&self) -> Vec<(String, &'static str, u64)> {
        let results = |(place, label): (usize, String)| {
            let results = [("accepted", self.accepted.get(place)), ("refused", self.refused.get(place))];
            results.map(|(result, count)| (label.clone(), result, count))
        };
        self.places.labels().into_iter().flat_map(results).filter(|(.., count)| *count > 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_beyond_the_cap_share_one_label_and_no_name_can_be_it() {
        let tenants = Tenants::default();
        tenants.add_published(&Tenant::default_tenant(), 3);
        for number in 0..MAX_LABELLED_NAMES + 20 {
            tenants.add_published(&Tenant::from(format!("t{number}").as_str()), 1);
        }
        tenants.add_published(&Tenant::from("t7"), 1);
        let told = tenants.published();
        assert_eq!(told.len(), PLACES);
        for expected in [("(default)", 3), ("(other)", 20), ("t7", 2), ("t99", 1)] {
            assert!(told.contains(&(expected.0.to_owned(), expected.1)), "{expected:?} in {told:?}");
        }
        assert!(Tenant::parse(UNNAMED).is_err() && Tenant::parse(OTHERS).is_err());
        let open = [(Tenant::from("t7"), 2), (Tenant::from("t110"), 1), (Tenant::from("t111"), 1)];
        assert_eq!(tenants.labelled(&open), [("t7".to_owned(), 2), ("(other)".to_owned(), 2)]);
    }

    #[test]
    fn publishers_are_counted_by_what_became_of_their_events() {
        let publishers = ByPublisher::default();
        publishers.add("billing", 5, 0);
        publishers.add("billing", 1, 2);
        let told = publishers.counted();
        assert_eq!(told, [("billing".to_owned(), "accepted", 6), ("billing".to_owned(), "refused", 2)]);
    }
}
