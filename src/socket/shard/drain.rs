//! Closing everybody in batches, so that the clients do not all come back to one other node in one moment.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::super::mailbox::ConnectionKey;
use super::Shard;

/// Between batches.
const BATCH_EVERY: Duration = Duration::from_millis(50);
/// The least that a batch closes: 1,000 connections a second, the pace at which handshakes are let in elsewhere.
const LEAST_PER_BATCH: usize = 50;

/// The connections that are still to be told.
pub(super) struct Drain {
    left: VecDeque<ConnectionKey>,
    per_batch: usize,
    next: Instant,
}

/// Waits for the next batch; for ever when there is none.
pub(super) async fn next_batch(drain: &mut Option<Drain>) {
    match drain {
        Some(drain) if !drain.left.is_empty() => tokio::time::sleep_until(drain.next).await,
        _ => std::future::pending().await,
    }
}

/// What a client is asked to wait before it comes back: at random, so that a batch does not return as one.
pub(super) fn delay_ms() -> u32 {
    rand::random_range(100..=1_000)
}

impl Shard {
    pub(super) fn begin_drain(&mut self, over: Duration) {
        if self.drain.is_some() {
            return;
        }
        let left: VecDeque<_> = self
            .connections
            .iter()
            .map(|(index, connection)| ConnectionKey { index, serial: connection.serial })
            .collect();
        // Four fifths of the time, so that the last close frames are answered within it.
        let batches = (over.as_millis() * 4 / 5 / BATCH_EVERY.as_millis()).max(1);
        let per_batch = left.len().div_ceil(usize::try_from(batches).unwrap_or(usize::MAX)).max(LEAST_PER_BATCH);
        self.drain = Some(Drain { left, per_batch, next: Instant::now() });
    }

    pub(super) fn on_drain(&mut self) {
        let Some(drain) = &mut self.drain else { return };
        drain.next += BATCH_EVERY;
        let batch: Vec<_> = drain.left.drain(..drain.per_batch.min(drain.left.len())).collect();
        for key in batch {
            if self.connection(key).is_some() {
                self.with(key, |outbound, env| outbound.drain(delay_ms(), env));
                self.visit(key);
            }
        }
    }
}
