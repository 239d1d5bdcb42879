//! What is remembered of appends that have an idempotency key.
//!
//! A key belongs to a tenant and a publisher and, for each channel, to one event: its type and its wire bytes. Metadata is no part of
//! that, as a retry has a trace of its own. The first append counts; what a retry finds are its position and its id.
//! Bounded by time and by bytes: when there is no room, whoever [holds the most](shares) forgets its oldest. Every step takes the
//! same time, however many channels a key is used for.
//!
//! Pure: `now` is an argument.

mod shares;

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::mem::size_of;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};

use super::{Appended, EventRecord};
use crate::ids::{ChannelName, EventId, Tenant};

pub(super) use shares::Owner;
use shares::Shares;

/// For how long, and in how much memory, idempotency keys are remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// Counted from the first append; 5 minutes by default.
    pub max_age: Duration,
    /// All keys together, in bytes; 64 MiB by default. When it is reached, those who have the most of it lose their oldest keys
    /// before their time.
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

impl Scope {
    fn owner(&self) -> Owner {
        (self.publisher.clone(), self.tenant.clone())
    }
}

/// What an event is, as far as a retry has to repeat it: 128 bits of SHA-256, as publishers choose the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
    /// Each key's event by channel. One map for all: one key may be of any number of channels.
    rows: HashMap<(Arc<Scope>, ChannelName), Row>,
    /// The ids of each key's events.
    ids: HashMap<(Arc<Scope>, Digest), Same>,
    /// By number, which is the order of appending.
    order: BTreeMap<u64, Due>,
    next_number: u64,
    shares: Shares,
    bytes: usize,
}

/// At what cost an append is remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Remembered {
    /// There was room.
    InRoom,
    /// Older ones were forgotten before their time; the last of them was this one's.
    InPlaceOfOlder(Owner),
}

/// One append: a key's event in one channel.
struct Row {
    digest: Digest,
    appended: Appended,
}

/// One event under one key, whichever channels hold it.
struct Same {
    event_id: EventId,
    rows: u32,
}

/// Which row is forgotten when.
struct Due {
    at: Instant,
    scope: Arc<Scope>,
    channel: ChannelName,
}

impl Window {
    pub(super) fn new(bounds: Idempotency) -> Self {
        Window {
            bounds,
            rows: HashMap::new(),
            ids: HashMap::new(),
            order: BTreeMap::new(),
            next_number: 0,
            shares: Shares::default(),
            bytes: 0,
        }
    }

    /// What an earlier append with this key to this channel came to.
    pub(super) fn find(&self, scope: &Arc<Scope>, channel: &ChannelName) -> Option<Appended> {
        self.row(scope, channel).map(|row| row.appended)
    }

    /// Whether the channel holds another event under this key.
    pub(super) fn holds_another(&self, scope: &Arc<Scope>, channel: &ChannelName, digest: Digest) -> bool {
        self.row(scope, channel).is_some_and(|row| row.digest != digest)
    }

    /// The id that this event has in the channels that hold it.
    pub(super) fn event_id(&self, scope: &Arc<Scope>, digest: Digest) -> Option<EventId> {
        self.ids.get(&(Arc::clone(scope), digest)).map(|same| same.event_id)
    }

    /// Remembers an append to a channel that holds nothing under this key.
    pub(super) fn remember(
        &mut self,
        scope: &Arc<Scope>,
        channel: &ChannelName,
        digest: Digest,
        appended: Appended,
        now: Instant,
    ) -> Remembered {
        let (number, bytes) = (self.next_number, cost_bytes(scope, channel));
        self.next_number += 1;
        self.bytes += bytes;
        self.shares.add(scope.owner(), number, bytes);
        self.order.insert(number, Due { at: now, scope: Arc::clone(scope), channel: channel.clone() });
        self.rows.insert((Arc::clone(scope), channel.clone()), Row { digest, appended });
        let same = self.ids.entry((Arc::clone(scope), digest));
        same.or_insert(Same { event_id: appended.event_id, rows: 0 }).rows += 1;
        let mut remembered = Remembered::InRoom;
        while self.bytes > self.bounds.max_bytes {
            let Some((owner, oldest)) = self.shares.largest() else { break };
            self.forget(oldest);
            remembered = Remembered::InPlaceOfOlder(owner);
        }
        remembered
    }

    /// Forgets what is older than the window.
    pub(super) fn expire(&mut self, now: Instant) {
        while let Some((&number, due)) = self.order.first_key_value() {
            if now.saturating_duration_since(due.at) < self.bounds.max_age {
                break;
            }
            self.forget(number);
        }
    }

    fn row(&self, scope: &Arc<Scope>, channel: &ChannelName) -> Option<&Row> {
        self.rows.get(&(Arc::clone(scope), channel.clone()))
    }

    /// Forgets this row, the oldest of its owner.
    fn forget(&mut self, number: u64) {
        let Some(Due { scope, channel, .. }) = self.order.remove(&number) else { return };
        let bytes = cost_bytes(&scope, &channel);
        self.bytes -= bytes;
        self.shares.remove_oldest(&scope.owner(), bytes);
        let Some(row) = self.rows.remove(&(Arc::clone(&scope), channel)) else { return };
        if let Entry::Occupied(mut same) = self.ids.entry((scope, row.digest)) {
            same.get_mut().rows -= 1;
            if same.get().rows == 0 {
                same.remove();
            }
        }
    }
}

/// What remembering one append takes, with the share of the tables, which may be half empty.
fn cost_bytes(scope: &Scope, channel: &ChannelName) -> usize {
    let row = size_of::<((Arc<Scope>, ChannelName), Row)>();
    let id = size_of::<((Arc<Scope>, Digest), Same)>();
    let order = size_of::<(u64, Due)>() + size_of::<u64>();
    let texts = scope.key.len() + channel.as_str().len() + 3 * 2 * size_of::<usize>();
    2 * (row + id + order) + size_of::<Scope>() + texts
}

#[cfg(test)]
mod tests;
