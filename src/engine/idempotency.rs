//! What is remembered of appends that have an idempotency key.
//!
//! A key belongs to a tenant and a publisher and, for each channel, to one event: its type and its wire bytes. Metadata is no part of
//! that, as a retry has a trace of its own. The first append counts; what a retry finds are its position and its id.
//! Bounded by time and by bytes: when there is no room, the oldest is forgotten first.
//!
//! Pure: `now` is an argument.

use std::collections::{HashMap, VecDeque};
use std::mem::size_of;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};

use super::{Appended, EventRecord};
use crate::ids::{ChannelName, EventId, Tenant};

/// For how long, and in how much memory, idempotency keys are remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// Counted from the first append; 5 minutes by default.
    pub max_age: Duration,
    /// All keys together, in bytes; 64 MiB by default. When it is reached, keys are forgotten before their time.
    pub max_bytes: usize,
}

impl Default for Idempotency {
    fn default() -> Self {
        Idempotency { max_age: Duration::from_secs(5 * 60), max_bytes: 64 * 1024 * 1024 }
    }
}

/// Whose key it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Scope {
    pub(super) tenant: Tenant,
    pub(super) publisher: Option<Arc<str>>,
    pub(super) key: Arc<str>,
}

/// What an event is, as far as a retry has to repeat it: 128 bits of SHA-256, as publishers choose the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Digest([u8; 16]);

impl Digest {
    pub(super) fn of(event: &EventRecord) -> Digest {
        let name = event.event_type.name.as_bytes();
        let mut hash = Sha256::new();
        hash.update((name.len() as u64).to_be_bytes());
        hash.update(name);
        hash.update(&event.payload);
        let mut digest = [0; 16];
        digest.copy_from_slice(&hash.finalize()[..16]);
        Digest(digest)
    }
}

/// The remembered appends.
pub(super) struct Window {
    bounds: Idempotency,
    rows: HashMap<Scope, Vec<Row>>,
    /// In the order of appending.
    order: VecDeque<Due>,
    bytes: usize,
}

/// At what cost an append is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remembered {
    /// There was room.
    InRoom,
    /// Older ones were forgotten before their time.
    InPlaceOfOlder,
}

/// One append: a key's event in one channel.
struct Row {
    channel: ChannelName,
    digest: Digest,
    appended: Appended,
}

/// Which row is forgotten when.
struct Due {
    at: Instant,
    scope: Scope,
    channel: ChannelName,
}

impl Window {
    pub(super) fn new(bounds: Idempotency) -> Self {
        Window { bounds, rows: HashMap::new(), order: VecDeque::new(), bytes: 0 }
    }

    /// What an earlier append with this key to this channel came to.
    pub(super) fn find(&self, scope: &Scope, channel: &ChannelName) -> Option<Appended> {
        self.row(scope, channel).map(|row| row.appended)
    }

    /// Whether the channel holds another event under this key.
    pub(super) fn holds_another(&self, scope: &Scope, channel: &ChannelName, digest: Digest) -> bool {
        self.row(scope, channel).is_some_and(|row| row.digest != digest)
    }

    /// The id that this event has in the channels that hold it.
    pub(super) fn event_id(&self, scope: &Scope, digest: Digest) -> Option<EventId> {
        let row = self.rows.get(scope)?.iter().find(|row| row.digest == digest)?;
        Some(row.appended.event_id)
    }

    pub(super) fn remember(
        &mut self,
        scope: &Scope,
        channel: &ChannelName,
        digest: Digest,
        appended: Appended,
        now: Instant,
    ) -> Remembered {
        self.bytes += cost_bytes(scope, channel);
        self.order.push_back(Due { at: now, scope: scope.clone(), channel: channel.clone() });
        let row = Row { channel: channel.clone(), digest, appended };
        self.rows.entry(scope.clone()).or_insert_with(|| Vec::with_capacity(1)).push(row);
        if self.bytes <= self.bounds.max_bytes {
            return Remembered::InRoom;
        }
        while self.bytes > self.bounds.max_bytes {
            self.forget_oldest();
        }
        Remembered::InPlaceOfOlder
    }

    /// Forgets what is older than the window.
    pub(super) fn expire(&mut self, now: Instant) {
        while self.order.front().is_some_and(|due| now.saturating_duration_since(due.at) >= self.bounds.max_age) {
            self.forget_oldest();
        }
    }

    fn row(&self, scope: &Scope, channel: &ChannelName) -> Option<&Row> {
        self.rows.get(scope)?.iter().find(|row| row.channel == *channel)
    }

    fn forget_oldest(&mut self) {
        let Some(due) = self.order.pop_front() else { return };
        self.bytes -= cost_bytes(&due.scope, &due.channel);
        if let Some(rows) = self.rows.get_mut(&due.scope) {
            rows.retain(|row| row.channel != due.channel);
            if rows.is_empty() {
                self.rows.remove(&due.scope);
            }
        }
    }
}

/// What remembering one append takes, with the share of the tables, which may be half empty.
fn cost_bytes(scope: &Scope, channel: &ChannelName) -> usize {
    let tables = size_of::<Row>() + 2 * size_of::<Due>() + 2 * size_of::<(Scope, Vec<Row>)>();
    let texts = scope.key.len() + channel.as_str().len() + 2 * 2 * size_of::<usize>();
    tables + texts
}

#[cfg(test)]
mod tests;
