//! How much each key holds now.
//!
//! Whoever takes something gets a [`Held`], and gives it back by dropping that. A key that holds nothing is forgotten, so
//! the memory is bounded by what is held.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts by key.
#[derive(Debug)]
pub struct Keyed<K: Eq + Hash> {
    counts: Mutex<HashMap<K, u32>>,
}

/// One that a key holds, until this is dropped.
#[derive(Debug)]
pub struct Held<K: Eq + Hash> {
    keyed: Arc<Keyed<K>>,
    key: K,
}

impl<K: Eq + Hash> Default for Keyed<K> {
    fn default() -> Self {
        Keyed { counts: Mutex::default() }
    }
}

impl<K: Eq + Hash + Clone> Keyed<K> {
    /// One more for this key, if it holds fewer than `most`.
    pub fn take(self: &Arc<Self>, key: K, most: u32) -> Option<Held<K>> {
        let mut counts = self.lock();
        let count = counts.get(&key).copied().unwrap_or(0);
        if count >= most {
            return None;
        }
        counts.insert(key.clone(), count + 1);
        drop(counts);
        Some(Held { keyed: Arc::clone(self), key })
    }
}

impl<K: Eq + Hash> Keyed<K> {
    /// How much this key holds.
    pub fn count(&self, key: &K) -> u32 {
        self.lock().get(key).copied().unwrap_or(0)
    }

    /// Every key that holds something, with how much.
    pub fn counts(&self) -> Vec<(K, u32)>
    where
        K: Clone,
    {
        self.lock().iter().map(|(key, count)| (key.clone(), *count)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, u32>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash> Drop for Held<K> {
    fn drop(&mut self) {
        let mut counts = self.keyed.lock();
        if let Some(count) = counts.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_holds_at_most_so_many_and_what_is_dropped_can_be_taken_again() {
        let keyed = Arc::new(Keyed::default());
        let first = keyed.take("a", 2).unwrap();
        let second = keyed.take("a", 2).unwrap();
        assert!(keyed.take("a", 2).is_none());
        let _other = keyed.take("b", 2).unwrap();
        drop(first);
        assert_eq!((keyed.count(&"a"), keyed.count(&"b")), (1, 1));
        let third = keyed.take("a", 2).unwrap();
        assert!(keyed.take("a", 2).is_none());
        drop((second, third));
        assert_eq!(keyed.count(&"a"), 0);
        assert_eq!(keyed.lock().len(), 1, "a key that holds nothing is forgotten");
        assert!(keyed.take("c", 0).is_none());
        assert_eq!(keyed.lock().len(), 1, "nor is one remembered that got nothing");
    }
}
