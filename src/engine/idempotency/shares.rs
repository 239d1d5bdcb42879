//! Who holds how much of a window, and whose oldest goes when it is full: of the publisher who holds the most, the tenant that
//! does.
//!
//! It promises that nobody who holds less than an even share of what there is loses anything to others. Publishers come before
//! tenants, so that one that publishes for many tenants has no larger share than one that does for one.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::hash::Hash;
use std::sync::Arc;

use crate::ids::Tenant;

/// Whose a row is: its publisher, where publishers have names, and its tenant.
pub(in crate::engine) type Owner = (Option<Arc<str>>, Tenant);

/// What everybody holds.
#[derive(Default)]
pub(super) struct Shares {
    publishers: Ranked<Option<Arc<str>>>,
    tenants: HashMap<Option<Arc<str>>, Ranked<Tenant>>,
    /// The numbers of each one's rows, the oldest first.
    rows: HashMap<Owner, VecDeque<u64>>,
}

impl Shares {
    /// This owner has one more row.
    pub(super) fn add(&mut self, owner: Owner, number: u64, bytes: usize) {
        let (publisher, tenant) = &owner;
        self.publishers.change(publisher, |held| held + bytes);
        self.tenants.entry(publisher.clone()).or_default().change(tenant, |held| held + bytes);
        self.rows.entry(owner).or_default().push_back(number);
    }

    /// The owner who holds the most, and its oldest row.
    pub(super) fn largest(&self) -> Option<(Owner, u64)> {
        let publisher = self.publishers.largest()?;
        let owner = (publisher.clone(), self.tenants.get(publisher)?.largest()?.clone());
        let oldest = *self.rows.get(&owner)?.front()?;
        Some((owner, oldest))
    }

    /// The oldest row of this owner is gone.
    pub(super) fn remove_oldest(&mut self, owner: &Owner, bytes: usize) {
        let (publisher, tenant) = owner;
        self.publishers.change(publisher, |held| held.saturating_sub(bytes));
        if let Some(tenants) = self.tenants.get_mut(publisher) {
            tenants.change(tenant, |held| held.saturating_sub(bytes));
            if tenants.held.is_empty() {
                self.tenants.remove(publisher);
            }
        }
        if let Some(rows) = self.rows.get_mut(owner) {
            rows.pop_front();
            if rows.is_empty() {
                self.rows.remove(owner);
            }
        }
    }

    /// How many owners there are.
    #[cfg(test)]
    pub(super) fn owners(&self) -> usize {
        self.rows.len().max(self.tenants.len()).max(self.publishers.held.len())
    }
}

/// Bytes by key, in the order of bytes. Who holds none is not there.
struct Ranked<K> {
    held: HashMap<K, usize>,
    order: BTreeSet<(usize, K)>,
}

impl<K> Default for Ranked<K> {
    fn default() -> Self {
        Ranked { held: HashMap::new(), order: BTreeSet::new() }
    }
}

impl<K: Clone + Eq + Hash + Ord> Ranked<K> {
    fn change(&mut self, key: &K, change: impl FnOnce(usize) -> usize) {
        let before = self.held.remove(key).unwrap_or(0);
        self.order.remove(&(before, key.clone()));
        let after = change(before);
        if after > 0 {
            self.held.insert(key.clone(), after);
            self.order.insert((after, key.clone()));
        }
    }

    fn largest(&self) -> Option<&K> {
        self.order.last().map(|(_, key)| key)
    }
}
