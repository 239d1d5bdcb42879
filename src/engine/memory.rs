//! The engine that keeps everything in this process: order is the order of appending, storage is the node's rings.
//!
//! An append is synchronous: its future is ready at the first poll, and a future that is dropped before has done nothing.
//! What has an idempotency key is checked and appended under one lock a share of the keys, so of two publishers with
//! one key exactly one appends. A restart forgets keys together with the logs.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::idempotency::{Digest, Owner, Remembered, Scope, Window};
use super::{Append, Appended, Appender, Engine, EventRecord, Idempotency};
use crate::metrics::{Limit, Metrics};
use crate::status::{Code, Status};

/// Windows of remembered keys, each behind its lock: publishers rarely meet.
const WINDOWS: usize = 16;

/// The memory engine.
pub struct MemoryEngine {
    appender: Arc<dyn Appender>,
    idempotency: Idempotency,
    /// All channels of one key are in one window.
    windows: Box<[Mutex<Window>]>,
    hasher: RandomState,
    metrics: Arc<Metrics>,
}

impl MemoryEngine {
    /// An engine whose events leave by `appender`.
    pub fn new(appender: Arc<dyn Appender>, idempotency: Idempotency) -> Self {
        let share = Idempotency { max_bytes: idempotency.max_bytes / WINDOWS, ..idempotency };
        MemoryEngine {
            appender,
            idempotency,
            windows: (0..WINDOWS).map(|_| Mutex::new(Window::new(share))).collect(),
            hasher: RandomState::new(),
            metrics: Arc::default(),
        }
    }

    /// Counts in these metrics.
    #[must_use]
    pub fn with_metrics(mut self, metrics: Arc<Metrics>) -> Self {
        self.metrics = metrics;
        self
    }

    fn append_now(&self, batch: &[Append]) -> Vec<Result<Appended, Status>> {
        let mut results = Vec::with_capacity(batch.len());
        for appends in batch.chunk_by(are_one_event) {
            self.appender.make_room();
            match &appends[0].idempotency_key {
                Some(key) => self.append_once(key, appends, &mut results),
                None => results.extend(appends.iter().map(|append| self.append_as(append, &append.event))),
            }
        }
        results
    }

    /// Appends one event to those of its channels that do not hold it yet.
    fn append_once(&self, key: &Arc<str>, appends: &[Append], results: &mut Vec<Result<Appended, Status>>) {
        let Append { key: place, publisher, .. } = &appends[0];
        let scope = Scope { tenant: place.tenant.clone(), publisher: publisher.clone(), key: Arc::clone(key) };
        let scope = Arc::new(scope);
        let digest = Digest::of(&appends[0].event);
        let window = &self.windows[self.hasher.hash_one(&scope) as usize % WINDOWS];
        // Held while the appender runs: a second publisher of this key waits for the position instead of appending.
        let mut window = window.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.now();
        window.expire(now);

        let conflict = appends.iter().find(|append| window.holds_another(&scope, &append.key.channel, digest));
        if let Some(append) = conflict {
            let refusal = self.reused_key(key, append);
            results.extend(appends.iter().map(|_| Err(refusal.clone())));
            return;
        }
        for append in appends {
            if let Some(first) = window.find(&scope, &append.key.channel) {
                results.push(Ok(Appended { duplicate: true, ..first }));
                continue;
            }
            // Another channel may hold the event already: what is missing goes there under the same id.
            let event = match window.event_id(&scope, digest) {
                Some(id) if id != append.event.id => Arc::new(EventRecord { id, ..EventRecord::clone(&append.event) }),
                _ => Arc::clone(&append.event),
            };
            let result = self.append_as(append, &event);
            if let Ok(appended) = result {
                let remembered = window.remember(&scope, &append.key.channel, digest, appended, now);
                if let Remembered::InPlaceOfOlder(owner) = remembered {
                    self.metrics.limits.hit(Limit::MaxIdempotencyBytes, in_words(&owner));
                }
            }
            results.push(result);
        }
    }

    fn append_as(&self, append: &Append, event: &Arc<EventRecord>) -> Result<Appended, Status> {
        let position = match append.event.id == event.id {
            true => self.appender.append(append)?,
            false => self.appender.append(&Append { event: Arc::clone(event), ..append.clone() })?,
        };
        Ok(Appended { position, event_id: event.id, duplicate: false })
    }

    fn reused_key(&self, key: &str, append: &Append) -> Status {
        let window = self.idempotency.max_age.as_secs();
        let channel = &append.key.channel;
        Status::new(
            Code::AlreadyExists,
            "idempotency_key_reused",
            format!(
                "idempotency key {key:?} was used for another event on channel {channel} in the last {window} s: retry \
                 with the same payload, or give a new event a new key"
            ),
        )
    }

    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }
}

impl Engine for MemoryEngine {
    fn append(&self, batch: Vec<Append>) -> BoxFuture<'_, Vec<Result<Appended, Status>>> {
        async move { self.append_now(&batch) }.boxed()
    }
}

/// Who loses keys, for the log.
fn in_words((publisher, tenant): &Owner) -> String {
    let publisher = publisher.as_deref().map_or_else(String::new, |name| format!("publisher {name}, "));
    let tenant = if tenant.is_default() { "(default)" } else { tenant.as_str() };
    format!("{publisher}tenant {tenant}")
}

/// Whether two neighbours in a batch are one publish to two channels.
fn are_one_event(one: &Append, other: &Append) -> bool {
    one.event.id == other.event.id && one.key.tenant == other.key.tenant && one.idempotency_key == other.idempotency_key
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::conformance::{engine_conformance, keyed_append};
    use crate::log::{Epoch, Position};

    /// An appender that is looking for room when it is first asked to.
    struct Looking(Mutex<Option<Box<dyn FnOnce() + Send>>>);

    impl Appender for Looking {
        fn make_room(&self) {
            let look = self.0.lock().unwrap().take();
            if let Some(look) = look {
                look();
            }
        }

        fn append(&self, _: &Append) -> Result<Position, Status> {
            Ok(Position { epoch: Epoch::first(1), sequence: 1 })
        }
    }

    #[test]
    fn while_room_is_looked_for_nobody_waits_for_the_key() {
        let looking = Arc::new(Looking(Mutex::default()));
        let engine = Arc::new(MemoryEngine::new(looking.clone(), Idempotency::default()));
        let append = |engine: &MemoryEngine| engine.append_now(&[keyed_append()]).remove(0);
        let (other, done) = (Arc::clone(&engine), std::sync::mpsc::sync_channel(1));
        let look = move || {
            let (tell, told) = done;
            std::thread::spawn(move || tell.send(append(&other).map(|appended| appended.duplicate)));
            assert_eq!(told.recv_timeout(std::time::Duration::from_secs(30)), Ok(Ok(false)));
        };
        *looking.0.lock().unwrap() = Some(Box::new(look));
        assert!(append(&engine).unwrap().duplicate, "the other one came first");
    }

    engine_conformance!(|appender, idempotency| -> Arc<dyn Engine> {
        Arc::new(MemoryEngine::new(appender, idempotency))
    });
}
