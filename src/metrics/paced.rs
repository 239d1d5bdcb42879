//! What happens as often as peers please, and is told in the log once in a while with how often it has happened since.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::counters::Counter;

/// Something that is counted each time and told now and then, so that nobody fills a disk by doing it.
#[derive(Debug)]
pub struct Paced {
    count: Counter,
    every: Duration,
    started: Instant,
    /// When the log was last told: milliseconds since the start, plus one. 0: never.
    told_ms: AtomicU64,
    told_count: Counter,
}

impl Paced {
    /// Nothing yet, and to be told at most once in this time.
    pub fn every(every: Duration) -> Self {
        Paced {
            count: Counter::default(),
            every,
            started: tokio::time::Instant::now().into_std(),
            told_ms: AtomicU64::new(0),
            told_count: Counter::default(),
        }
    }

    /// Counts it, and says whether to tell the log now: how often it happened since the log was told last.
    pub fn happened(&self) -> Option<u64> {
        self.count.increment();
        self.tell()
    }

    /// Counts it without a word.
    pub fn count(&self) {
        self.count.increment();
    }

    /// How often it happened.
    pub fn get(&self) -> u64 {
        self.count.get()
    }

    fn tell(&self) -> Option<u64> {
        let now = tokio::time::Instant::now().into_std();
        let now_ms = u64::try_from(now.saturating_duration_since(self.started).as_millis()).unwrap_or(u64::MAX - 1) + 1;
        let told_ms = self.told_ms.load(Ordering::Relaxed);
        if told_ms != 0 && u128::from(now_ms.saturating_sub(told_ms)) < self.every.as_millis() {
            return None;
        }
        // Of several threads that come here at once, one tells.
        self.told_ms.compare_exchange(told_ms, now_ms, Ordering::Relaxed, Ordering::Relaxed).ok()?;
        let count = self.count.get();
        let since_last = count - self.told_count.get().min(count);
        self.told_count.add(since_last);
        Some(since_last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn everything_is_counted_and_the_log_is_told_once_in_a_while() {
        let every = Duration::from_secs(10);
        let paced = Paced::every(every);
        let mut told = Vec::new();
        for _ in 0..3 {
            told.extend((0..1_000).filter_map(|_| paced.happened()));
            tokio::time::advance(every).await;
        }
        assert_eq!(told, [1, 1_000, 1_000]);
        assert_eq!(paced.get(), 3_000);
    }
}
