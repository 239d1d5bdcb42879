//! What is remembered of channels whose logs are gone.
//!
//! A channel that comes back while its tombstone stands goes on in its epoch after its last event, so a client that
//! resumes is told exactly what it lost. Memory for that is bounded by number and age. When a tombstone goes unused, the
//! life counter moves past its epoch: whatever is created afterwards is in another epoch, so a sequence never restarts
//! within one. A channel that never had an event leaves nothing.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::time::{Duration, Instant};

use super::{Epoch, Position};

/// The most tombstones that are kept.
pub const MAX_TOMBSTONES: usize = 1_000_000;
/// How long one is kept.
pub const TOMBSTONE_AGE: Duration = Duration::from_secs(60 * 60);

/// The tombstones of a node, by what its channels are keyed by.
#[derive(Debug)]
pub struct Tombstones<K> {
    epoch: Epoch,
    max_tombstones: usize,
    age: Duration,
    heads: HashMap<K, Tombstone>,
    /// In the order of burial. A channel that came back leaves its row behind until it is passed or they are too many.
    order: VecDeque<(K, u64)>,
    burials: u64,
}

#[derive(Debug)]
struct Tombstone {
    head: Position,
    at: Instant,
    /// Tells the rows of one channel's burials apart.
    burial: u64,
}

impl<K: Clone + Eq + Hash> Tombstones<K> {
    /// None yet; channels begin in `epoch`.
    pub fn new(epoch: Epoch) -> Self {
        Self::with_bounds(epoch, MAX_TOMBSTONES, TOMBSTONE_AGE)
    }

    /// With other bounds than the default ones.
    pub fn with_bounds(epoch: Epoch, max_tombstones: usize, age: Duration) -> Self {
        Tombstones { epoch, max_tombstones, age, heads: HashMap::new(), order: VecDeque::new(), burials: 0 }
    }

    /// The epoch of channels that are created now.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// How many stand.
    pub fn len(&self) -> usize {
        self.heads.len()
    }

    /// Whether none stands.
    pub fn is_empty(&self) -> bool {
        self.heads.is_empty()
    }

    /// Remembers where a log ended that is given up now. Makes room by letting the oldest go.
    pub fn bury(&mut self, key: K, head: Position, now: Instant) {
        self.expire(now);
        if head.sequence == 0 {
            return;
        }
        self.burials += 1;
        self.order.push_back((key.clone(), self.burials));
        self.heads.insert(key, Tombstone { head, at: now, burial: self.burials });
        while self.heads.len() > self.max_tombstones {
            self.drop_oldest();
        }
        if self.order.len() > 2 * self.heads.len() + 16 {
            self.order.retain(|(key, burial)| self.heads.get(key).is_some_and(|stone| stone.burial == *burial));
        }
    }

    /// Where a channel's log goes on that is created now: after its last event, or at the beginning of the current epoch.
    /// The tombstone is used up.
    pub fn revive(&mut self, key: &K, now: Instant) -> Position {
        self.expire(now);
        match self.heads.remove(key) {
            Some(stone) => stone.head,
            None => Position { epoch: self.epoch, sequence: 0 },
        }
    }

    /// Where a channel is that has no log now. Changes nothing: a channel never touched costs nothing, and many may look at once.
    /// A tombstone that has stood long enough counts until somebody lets it go.
    pub fn peek(&self, key: &K) -> Position {
        self.heads.get(key).map_or(Position { epoch: self.epoch, sequence: 0 }, |stone| stone.head)
    }

    /// Lets go of those that have stood long enough.
    pub fn expire(&mut self, now: Instant) {
        while let Some((key, burial)) = self.order.front() {
            let stands = self.heads.get(key).filter(|stone| stone.burial == *burial);
            match stands {
                Some(stone) if now.saturating_duration_since(stone.at) < self.age => break,
                _ => self.drop_oldest(),
            }
        }
    }

    fn drop_oldest(&mut self) {
        let Some((key, burial)) = self.order.pop_front() else { return };
        if self.heads.get(&key).is_none_or(|stone| stone.burial != burial) {
            return; // it came back
        }
        if let Some(stone) = self.heads.remove(&key)
            && stone.head.epoch.life >= self.epoch.life
        {
            // At most one step for all tombstones of a life, so the counter cannot run out.
            self.epoch.life = stone.head.epoch.life.saturating_add(1);
        }
    }
}

#[cfg(test)]
mod tests;
