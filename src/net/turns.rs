//! Handshakes take turns at the processors.
//!
//! What a TLS handshake costs us is computed in one go when the peer's bytes are there; in between it only waits. A turn is
//! held for the computing alone, so that those who compute leave the other processors to those who are connected, and who
//! is slow, or stops half-way, holds nobody up.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use tokio::sync::Semaphore;

use crate::metrics::{Limit, Metrics};

/// The turns of one port.
#[derive(Debug)]
pub struct Turns(Semaphore);

impl Default for Turns {
    /// One at a time.
    fn default() -> Self {
        Turns::new(1)
    }
}

impl Turns {
    /// So many compute at once, at least one.
    pub fn new(at_once: usize) -> Self {
        Turns(Semaphore::new(at_once.clamp(1, Semaphore::MAX_PERMITS)))
    }

    /// Takes this future to its end, a turn for each step of it. Waiting for a turn is counted.
    ///
    /// # Cancel safety
    /// Dropped, it leaves the queue.
    pub async fn take<F: Future>(&self, future: F, metrics: &Metrics) -> F::Output {
        let mut future = pin!(future);
        loop {
            let turn = match self.0.try_acquire() {
                Ok(turn) => Ok(turn),
                Err(_) => {
                    metrics.limits.count(Limit::MaxHandshakes);
                    self.0.acquire().await
                }
            };
            if let Poll::Ready(output) = poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await {
                return output;
            }
            drop(turn);
            // Until whatever it waits for wakes this task.
            let mut has_waited = false;
            poll_fn(|_| if std::mem::replace(&mut has_waited, true) { Poll::Ready(()) } else { Poll::Pending }).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::{Duration, Instant};

    use tokio::sync::oneshot;
    use tokio::task::JoinSet;
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn who_waits_for_its_peer_holds_no_turn() {
        let (turns, metrics) = (Arc::new(Turns::new(1)), Arc::new(Metrics::default()));
        let (mut stalled, mut senders) = (JoinSet::new(), Vec::new());
        for _ in 0..100 {
            let (sender, peer) = oneshot::channel::<()>();
            senders.push(sender);
            let (turns, metrics) = (Arc::clone(&turns), Arc::clone(&metrics));
            stalled.spawn(async move { turns.take(peer, &metrics).await.is_ok() });
        }
        tokio::task::yield_now().await;
        let (sender, peer) = oneshot::channel();
        let good = async { tokio::join!(turns.take(peer, &metrics), async { sender.send(7) }).0 };
        assert_eq!(timeout(Duration::from_secs(20), good).await.expect("the stalled ones are not in its way"), Ok(7));
        // And each of them goes on when its peer does.
        for sender in senders {
            sender.send(()).unwrap();
        }
        while let Some(ended) = timeout(Duration::from_secs(20), stalled.join_next()).await.expect("they go on") {
            assert!(ended.unwrap());
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn no_more_than_so_many_compute_at_once() {
        let (turns, metrics) = (Arc::new(Turns::new(2)), Arc::new(Metrics::default()));
        let (busy, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut tasks = JoinSet::new();
        for _ in 0..8 {
            let (turns, metrics, busy, most) =
                (Arc::clone(&turns), Arc::clone(&metrics), Arc::clone(&busy), Arc::clone(&most));
            tasks.spawn(async move {
                let computing = async {
                    for _ in 0..20 {
                        most.fetch_max(busy.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        let until = Instant::now() + Duration::from_micros(200);
                        while Instant::now() < until {
                            std::hint::spin_loop();
                        }
                        busy.fetch_sub(1, Ordering::SeqCst);
                        tokio::task::yield_now().await;
                    }
                };
                turns.take(computing, &metrics).await;
            });
        }
        while let Some(ended) = timeout(Duration::from_secs(20), tasks.join_next()).await.expect("all end") {
            ended.unwrap();
        }
        assert!(most.load(Ordering::SeqCst) <= 2);
        let held = turns.0.acquire_many(2).await.unwrap();
        let before = metrics.limits.get(Limit::MaxHandshakes);
        let mut waiting = pin!(turns.take(async { 7 }, &metrics));
        assert!(poll_fn(|context| Poll::Ready(waiting.as_mut().poll(context))).await.is_pending());
        assert_eq!(metrics.limits.get(Limit::MaxHandshakes), before + 1, "waiting for a turn is counted");
        drop(held);
        assert_eq!(waiting.await, 7);
    }
}
