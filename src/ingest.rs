//! From a publisher's event to its positions, whatever front it came through.
//!
//! [`Ingest::publish`] looks each event's type up, holds it to the limits, validates and prints its payload, works out
//! its channels, and appends it. It promises one result per event, in order; that everything about an event is checked
//! before any of it is appended; and that nothing that cannot be printed ever enters a log.
//!
//! Works in batches: one buffer of JSON and one call of the engine for many events. What a batch may hold in memory is
//! reserved before it is decoded, from a budget that all publishers share; a publisher waits for its turn.

mod authority;
mod check;
mod context;
#[cfg(test)]
pub(crate) mod fixture;
mod limits;
mod metadata;
mod payloads;
mod refusal;
mod shown;
mod tell;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use rand::RngCore as _;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::auth::publishers::Directory;
use crate::engine::{Append, Appended, Engine};
use crate::ids::{ChannelName, EventId};
use crate::log::Position;
use crate::metrics::{Limit, Metrics};
use crate::net::tls::Authorities;
use crate::proto::rialto::v1::Event;
use crate::revision::{Revision, Revisions};
use crate::status::{Code, Status};

use authority::{Authority, Paces};
use check::Checker;
use tell::{Sent, Teller};

pub use check::body_bytes;
pub use context::PublishContext;
pub use limits::Limits;
pub use payloads::PAYLOADS_TARGET;
pub use shown::Shown;

/// Events of one batch.
const MAX_BATCH_EVENTS: usize = 1_000;
/// Wire bytes (or JSON text) after which a batch takes no more events.
const MAX_BATCH_BYTES: usize = 1 << 20;
/// What the rules of a batch's events may cost before it takes no more of them: some milliseconds without letting anything
/// else of this thread run.
const MAX_BATCH_UNITS: u64 = 200_000;
/// What a byte of an event is reckoned to become while it is decoded: itself, and its JSON.
const GROWTH: usize = 4;
/// The least that a batch reserves.
const MIN_RESERVE_BYTES: usize = 4 << 10;

/// An event that is in the log of every channel that it goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Its id; on a duplicate, that of the first publish.
    pub event_id: EventId,
    /// Where it is, one per channel.
    pub positions: Vec<(ChannelName, Position)>,
    /// Whether an earlier publish with the same idempotency key had put it into all of them.
    pub duplicate: bool,
}

/// The one way in.
pub struct Ingest {
    revisions: Arc<Revisions>,
    engine: Arc<dyn Engine>,
    limits: Limits,
    decoding: Semaphore,
    publishers: Arc<Directory>,
    /// Who vouches for publishers' certificates, if anybody does.
    authorities: Option<Arc<Authorities>>,
    paces: Paces,
    /// Of the lines that show payloads, where somebody has asked for them.
    payloads: payloads::Pace,
    metrics: Arc<Metrics>,
}

impl Ingest {
    /// Checks each batch against the revision that is current when it begins, and appends to this engine.
    pub fn new(revisions: Arc<Revisions>, engine: Arc<dyn Engine>, limits: Limits) -> Self {
        let decoding = Semaphore::new(limits.decoding_bytes.min(Semaphore::MAX_PERMITS));
        let (publishers, paces, payloads) = (Arc::default(), Paces::default(), payloads::Pace::default());
        let (authorities, metrics) = (None, Arc::default());
        Ingest { revisions, engine, limits, decoding, publishers, authorities, paces, payloads, metrics }
    }

    /// Counts in these metrics.
    #[must_use]
    pub fn with_metrics(mut self, metrics: Arc<Metrics>) -> Self {
        self.metrics = metrics;
        self
    }

    /// Takes events only of those whom this directory knows.
    #[must_use]
    pub fn with_publishers(mut self, publishers: Arc<Directory>) -> Self {
        self.publishers = publishers;
        self
    }

    /// Takes the names of certificates for publishers' where these vouch for them.
    #[must_use]
    pub fn with_authorities(mut self, authorities: Option<Arc<Authorities>>) -> Self {
        self.authorities = authorities;
        self
    }

    /// Whether publishers must show who they are.
    pub fn asks_publishers(&self) -> bool {
        self.publishers.is_on()
    }

    /// What events, and the requests that bring them, may be.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Where publishing is counted.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// The revision that events are checked against now.
    pub fn revision(&self) -> Arc<Revision> {
        self.revisions.current()
    }

    /// Publishes each event; one result each, in order. A refused event does not concern the others.
    ///
    /// # Cancel safety
    /// None: an event may be appended without anybody being told. A retry with an idempotency key makes that safe.
    pub async fn publish(&self, events: Vec<Event>, context: &PublishContext) -> Vec<Result<Accepted, Status>> {
        let mut results = Vec::with_capacity(events.len());
        let mut events = events.into_iter();
        while !events.as_slice().is_empty() {
            if !results.is_empty() {
                // A batch can take long, and nothing else here waits while the engine is in memory.
                tokio::task::yield_now().await;
            }
            let (count, bytes) = batch_of(events.as_slice());
            let reserve_bytes = (bytes * GROWTH).max(MIN_RESERVE_BYTES).min(self.limits.decoding_bytes);
            let _reserved = self.reserve(reserve_bytes, context).await;
            let authority = match Authority::of(self, context) {
                Ok(authority) => authority,
                Err(status) => {
                    let revision = self.revision();
                    let mut teller = Teller::new(&self.metrics, context, None, (&self.payloads, &revision));
                    let refused = events.by_ref().take(count).map(|_| Outcome::Refused(status.clone()));
                    fold(refused.collect(), Vec::new(), &mut results, &mut teller);
                    continue;
                }
            };
            let (batch, revision) = self.check(events.by_ref().take(count), reserve_bytes, context, &authority);
            let appended = if batch.appends.is_empty() { Vec::new() } else { self.engine.append(batch.appends).await };
            let mut teller = Teller::new(&self.metrics, context, authority.name(), (&self.payloads, &revision));
            fold(batch.outcomes, appended, &mut results, &mut teller);
        }
        results
    }

    async fn reserve(&self, bytes: usize, context: &PublishContext) -> Option<SemaphorePermit<'_>> {
        let permits = u32::try_from(bytes).unwrap_or(u32::MAX);
        if let Ok(permit) = self.decoding.try_acquire_many(permits) {
            return Some(permit);
        }
        self.metrics.limits.hit(Limit::MaxDecodingBytes, context);
        // Never closed, so never an error.
        self.decoding.acquire_many(permits).await.ok()
    }

    /// Checks events until they are through, their JSON has outgrown what is reserved for it, or their rules have cost enough.
    fn check(
        &self,
        events: impl Iterator<Item = Event>,
        reserve_bytes: usize,
        context: &PublishContext,
        authority: &Authority<'_>,
    ) -> (Batch, Arc<Revision>) {
        let revision = self.revision();
        let mut checker = Checker::new(&revision, &self.limits, context, authority, &self.metrics.limits);
        let mut received_bytes = 0;
        for event in events {
            received_bytes += body_bytes(&event);
            checker.check(event);
            if checker.json_bytes() > reserve_bytes || checker.spent_units() > MAX_BATCH_UNITS {
                break;
            }
        }
        self.metrics.publishing.received_bytes.add(received_bytes as u64);
        let mut random = rand::rng();
        let batch = checker.finish(unix_ms(), || {
            let mut bytes = [0; 10];
            random.fill_bytes(&mut bytes);
            bytes
        });
        (batch, revision)
    }
}

/// Checked events, ready for the engine.
struct Batch {
    outcomes: Vec<Outcome>,
    appends: Vec<Append>,
}

/// What became of one event before the engine.
enum Outcome {
    Refused(Status),
    Checked { event_id: EventId, channels: Vec<ChannelName>, sent: Sent },
}

/// How many of the events make the next batch (at least one), and their bytes.
fn batch_of(events: &[Event]) -> (usize, usize) {
    let mut bytes = 0;
    for (count, event) in events.iter().enumerate() {
        if count == MAX_BATCH_EVENTS || bytes >= MAX_BATCH_BYTES {
            return (count, bytes);
        }
        bytes += body_bytes(event);
    }
    (events.len(), bytes)
}

/// Joins what the engine says per channel into what the publisher hears per event.
fn fold(
    outcomes: Vec<Outcome>,
    appended: Vec<Result<Appended, Status>>,
    results: &mut Vec<Result<Accepted, Status>>,
    teller: &mut Teller<'_>,
) {
    let mut appended = appended.into_iter();
    results.extend(outcomes.into_iter().map(|outcome| match outcome {
        Outcome::Refused(status) => {
            let answer = Err(status);
            teller.on_answer(None, &answer);
            answer
        }
        Outcome::Checked { event_id, channels, sent } => {
            let count = channels.len();
            let mut accepted = Accepted { event_id, positions: Vec::with_capacity(count), duplicate: true };
            let mut failed = None;
            // Every channel's answer is taken, whatever the first one says: the next event's come behind them.
            for channel in channels {
                match appended.next().unwrap_or_else(|| Err(missing_answer())) {
                    Ok(place) => {
                        accepted.duplicate &= place.duplicate;
                        if place.duplicate {
                            accepted.event_id = place.event_id;
                        }
                        accepted.positions.push((channel, place.position));
                    }
                    Err(status) => {
                        failed.get_or_insert(status);
                    }
                }
            }
            let answer = failed.map_or(Ok(accepted), Err);
            teller.on_answer(Some(&sent), &answer);
            answer
        }
    }));
}

fn missing_answer() -> Status {
    tracing::error!("the engine answered fewer appends than it was given");
    Status::new(Code::Internal, "internal", "the event may not be in the log; publish it again")
}

fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

#[cfg(test)]
mod tests;
