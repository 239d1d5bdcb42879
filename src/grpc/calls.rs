//! Which calls of a connection are open, and since when none is.
//!
//! Counted by whoever answers them; asked by whoever would close the connection. Costs a call two short locks and no timer.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// The calls of one connection.
#[derive(Debug)]
pub(super) struct Calls(Mutex<Open>);

#[derive(Debug)]
struct Open {
    count: usize,
    /// When the last one ended.
    ended: Instant,
}

/// A call that is open.
pub(super) struct Call(Arc<Calls>);

impl Default for Calls {
    fn default() -> Self {
        Calls(Mutex::new(Open { count: 0, ended: Instant::now() }))
    }
}

impl Calls {
    /// One more, until what it gives is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> Call {
        self.lock().count += 1;
        Call(Arc::clone(self))
    }

    /// Waits until there has been none for so long.
    pub(super) async fn idle(&self, most: Duration) {
        loop {
            let left = {
                let open = self.lock();
                if open.count > 0 { most } else { most.saturating_sub(open.ended.elapsed()) }
            };
            if left.is_zero() {
                return;
            }
            sleep(left).await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let mut open = self.0.lock();
        open.count -= 1;
        open.ended = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_idle_when_no_call_was_open_for_so_long() {
        let (calls, most, start) = (Arc::new(Calls::default()), Duration::from_secs(300), Instant::now());
        let call = calls.begin();
        let ending = async {
            sleep(Duration::from_secs(1_000)).await;
            drop(call);
            sleep(Duration::from_secs(100)).await;
            drop(calls.begin());
        };
        tokio::join!(calls.idle(most), ending);
        assert_eq!(start.elapsed().as_secs(), 1_400);
    }
}
