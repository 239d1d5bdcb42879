//! Where requests over HTTP are worked on: threads of their own, which the machine shares out by time.
//!
//! A body takes up to some tens of milliseconds. On the threads that serve connections a few publishers who post again at once would
//! always be first, and nobody else would be served; on the internal port's own thread probes would wait. Promises that about
//! as many threads as processors are taken, that what is short waits for nothing that is long, and that nothing waits without end.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// The largest body that is short work: a fraction of a millisecond.
const SHORT_BYTES: usize = 64 << 10;
/// How long what is long waits for its turn: as long as all that may wait takes a few times over, on a slow machine.
pub(super) const TURN_PATIENCE: Duration = Duration::from_secs(10);

/// The threads.
#[derive(Clone)]
pub(super) struct Work(Arc<Threads>);

struct Threads {
    /// Always there, until it is shut down.
    runtime: Option<Runtime>,
    long: Arc<Semaphore>,
}

/// What may be worked on. Long work has one of few.
pub(super) struct Turn {
    _long: Option<OwnedSemaphorePermit>,
}

/// It was nobody's turn in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoTurn;

impl Work {
    /// As many threads as processors, or one more where their number is odd; half of them may do what is long.
    ///
    /// # Errors
    /// There are no threads to be had.
    pub(super) fn start() -> io::Result<Self> {
        Work::with(thread::available_parallelism().map_or(1, usize::from).div_ceil(2))
    }

    pub(super) fn with(long: usize) -> io::Result<Self> {
        // They stay the same: memory that passes from thread to thread is never given back.
        let runtime =
            Builder::new_multi_thread().worker_threads(2 * long).thread_name("publish").enable_all().build()?;
        Ok(Work(Arc::new(Threads { runtime: Some(runtime), long: Arc::new(Semaphore::new(long)) })))
    }

    /// Waits for the turn of work on so many bytes.
    ///
    /// # Errors
    /// It has waited for [`TURN_PATIENCE`].
    ///
    /// # Cancel safety
    /// Dropped, it gives up its place.
    pub(super) async fn turn(&self, bytes: usize) -> Result<Turn, NoTurn> {
        if bytes <= SHORT_BYTES {
            return Ok(Turn { _long: None });
        }
        match timeout(TURN_PATIENCE, Arc::clone(&self.0.long).acquire_owned()).await {
            Ok(Ok(permit)) => Ok(Turn { _long: Some(permit) }),
            _ => Err(NoTurn),
        }
    }

    /// Does the work whose turn it is, to its end also if nobody waits for it any more. `None`: it has panicked, or the process is
    /// about to end.
    pub(super) async fn done<T: Send + 'static>(
        &self,
        turn: Turn,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let working = self.0.runtime.as_ref()?.spawn(async move {
            let done = work.await;
            drop(turn);
            done
        });
        working.await.ok()
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        // Where this is dropped nobody may wait.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use tokio::sync::oneshot;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn work_leaves_the_thread_of_connections_free_and_what_is_long_takes_turns() {
        let work = Work::with(1).unwrap();
        let (begun, has_begun) = oneshot::channel();
        let (release, released) = mpsc::sync_channel(2);
        let (tell, told) = mpsc::sync_channel(3);
        let own = tell.clone();
        let long = async move {
            begun.send(()).unwrap();
            let got = released.recv_timeout(PATIENCE);
            own.send("long").unwrap();
            got
        };
        let large = SHORT_BYTES + 1;
        let (first, second, third) = (work.clone(), work.clone(), work.clone());
        let long = tokio::spawn(async move { first.done(first.turn(large).await.unwrap(), long).await });
        has_begun.await.unwrap();
        let own = tell.clone();
        let later = tokio::spawn(async move {
            let turn = second.turn(large).await.unwrap();
            second.done(turn, async move { own.send("later").unwrap() }).await
        });
        let turn = third.turn(SHORT_BYTES).await.unwrap();
        third.done(turn, async move { tell.send("short").unwrap() }).await.unwrap();
        // The runtime has one thread, and this needs it.
        tokio::spawn(async move { release.send(()).unwrap() }).await.unwrap();
        assert_eq!(long.await.unwrap(), Some(Ok(())));
        assert_eq!(later.await.unwrap(), Some(()));
        assert_eq!(told.iter().collect::<Vec<_>>(), ["short", "long", "later"]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_long_is_given_up_when_it_was_not_its_turn_for_too_long() {
        let work = Work::with(1).unwrap();
        let held = work.turn(SHORT_BYTES + 1).await.unwrap();
        assert_eq!(work.turn(SHORT_BYTES + 1).await.err(), Some(NoTurn));
        assert!(work.turn(SHORT_BYTES).await.is_ok());
        drop(held);
        assert!(work.turn(SHORT_BYTES + 1).await.is_ok());
    }
}
