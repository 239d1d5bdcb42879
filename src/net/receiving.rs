//! Memory of requests while they come: one budget for all calls of a port, in gRPC or as posts.
//!
//! A call's message is collected whole before it is decoded, and the buffer stays with the call. So a call has a [`Share`] of as
//! much as the longest message that it has begun, until it ends. Up to [`FREE_BYTES`] are part of what a call costs anyway.
//! Where the budget is used up nobody waits, since whoever waited could wait for halves of messages that never become whole:
//! of the address that has the most, those calls end that have completed no message for the longest. What they free is
//! counted at once, so there may be twice the budget while they end, and never more. A call that cannot be told, because
//! nobody reads its answers, ends with its connection after [`TELLING`] ([`Told::stuck`]).

use std::collections::HashMap;
use std::future::poll_fn;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use super::admission::one_peer;

/// What a call may have for nothing, in bytes, and in what steps it takes more: the largest frame.
pub(crate) const FREE_BYTES: usize = 16 << 10;
/// From telling a call that it ends to its end.
const TELLING: Duration = Duration::from_secs(5);

/// The budget.
pub(crate) struct Receiving {
    most_bytes: usize,
    started: Instant,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    /// Of calls that go on.
    bytes: usize,
    /// Of calls that were told to end.
    ending_bytes: usize,
    next: u64,
    shares: HashMap<u64, Entry>,
}

struct Entry {
    bytes: usize,
    state: State,
    call: Arc<Call>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Something may come.
    Open,
    /// All has come, and is in work: it ends by itself.
    Received,
    /// It was told to end.
    Ending,
}

/// Calls of one connection that were told to end.
#[derive(Default)]
pub(crate) struct Told {
    told: AtomicUsize,
    ended: AtomicUsize,
    more: Notify,
}

/// What one call has, until it is dropped.
pub(crate) struct Share {
    receiving: Arc<Receiving>,
    call: Arc<Call>,
    /// Bytes that are counted. 0: none, and there is no entry.
    bytes: AtomicUsize,
    id: AtomicU64,
}

/// Whose a share is, and how it is told to end.
struct Call {
    told: Arc<Told>,
    address: IpAddr,
    /// When it began, or completed a message: milliseconds since the start.
    progress_ms: AtomicU64,
    is_ending: AtomicBool,
    waker: AtomicWaker,
}

/// There is no room for more.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl Receiving {
    /// So many bytes in all.
    pub(crate) fn new(most_bytes: usize) -> Arc<Self> {
        Arc::new(Receiving { most_bytes, started: Instant::now(), held: Mutex::default() })
    }

    /// The share of a call that begins.
    pub(crate) fn share(self: &Arc<Self>, address: IpAddr, told: &Arc<Told>) -> Arc<Share> {
        let call = Arc::new(Call {
            told: Arc::clone(told),
            address: one_peer(address),
            progress_ms: AtomicU64::new(self.now_ms()),
            is_ending: AtomicBool::new(false),
            waker: AtomicWaker::new(),
        });
        let (bytes, id) = (AtomicUsize::new(0), AtomicU64::new(0));
        Arc::new(Share { receiving: Arc::clone(self), call, bytes, id })
    }

    /// Bytes that all calls have.
    #[cfg(test)]
    fn bytes(&self) -> usize {
        let held = self.lock();
        held.bytes + held.ending_bytes
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// Takes those who must end off what goes on, until that is a sixteenth below the budget.
    fn end(&mut self, most_bytes: usize) -> Vec<Arc<Call>> {
        let mut addresses: HashMap<IpAddr, (usize, Vec<(u64, u64)>)> = HashMap::new();
        for (id, entry) in self.shares.iter().filter(|(_, entry)| entry.state != State::Ending) {
            let (bytes, calls) = addresses.entry(entry.call.address).or_default();
            *bytes += entry.bytes;
            if entry.state == State::Open {
                calls.push((entry.call.progress_ms.load(Ordering::Relaxed), *id));
            }
        }
        for (_, calls) in addresses.values_mut() {
            calls.sort_unstable_by(|one, other| other.cmp(one));
        }
        let mut ending = Vec::new();
        while self.bytes > most_bytes - most_bytes / 16 {
            let most = addresses.values_mut().filter(|(_, calls)| !calls.is_empty()).max_by_key(|(bytes, _)| *bytes);
            let Some((bytes, calls)) = most else { break };
            let Some(entry) = calls.pop().and_then(|(_, id)| self.shares.get_mut(&id)) else { break };
            entry.state = State::Ending;
            *bytes -= entry.bytes;
            self.bytes -= entry.bytes;
            self.ending_bytes += entry.bytes;
            entry.call.is_ending.store(true, Ordering::Release);
            ending.push(Arc::clone(&entry.call));
        }
        ending
    }
}

impl Share {
    /// Counts that a message of the call has come to so many bytes.
    ///
    /// # Errors
    /// There is no room, and this call is the one that ends.
    pub(crate) fn reach(&self, bytes: usize) -> Result<(), Full> {
        let before = self.bytes.load(Ordering::Relaxed);
        if bytes <= before.max(FREE_BYTES) {
            return Ok(());
        }
        let bytes = bytes.next_multiple_of(FREE_BYTES);
        let ending = {
            let mut guard = self.receiving.lock();
            let held = &mut *guard;
            if self.is_ending() {
                return Err(Full);
            }
            let most_bytes = self.receiving.most_bytes;
            if held.bytes + held.ending_bytes + (bytes - before) > 2 * most_bytes {
                return Err(Full);
            }
            if before == 0 {
                held.next += 1;
                self.id.store(held.next, Ordering::Relaxed);
                held.shares.insert(held.next, Entry { bytes: 0, state: State::Open, call: Arc::clone(&self.call) });
            }
            let Some(entry) = held.shares.get_mut(&self.id.load(Ordering::Relaxed)) else { return Err(Full) };
            entry.bytes = bytes;
            held.bytes += bytes - before;
            self.bytes.store(bytes, Ordering::Relaxed);
            if held.bytes > most_bytes { held.end(most_bytes) } else { Vec::new() }
        };
        for call in &ending {
            call.told.told.fetch_add(1, Ordering::AcqRel);
            call.told.more.notify_one();
            call.waker.wake();
        }
        if self.is_ending() { Err(Full) } else { Ok(()) }
    }

    /// A message has come whole.
    pub(crate) fn on_message(&self) {
        if self.bytes.load(Ordering::Relaxed) > 0 {
            self.call.progress_ms.store(self.receiving.now_ms(), Ordering::Relaxed);
        }
    }

    /// Nothing comes any more; what has come is in work.
    pub(crate) fn on_received(&self) {
        if self.bytes.load(Ordering::Relaxed) == 0 {
            return;
        }
        if let Some(entry) = self.receiving.lock().shares.get_mut(&self.id.load(Ordering::Relaxed))
            && entry.state == State::Open
        {
            entry.state = State::Received;
        }
    }

    /// Whether the call was told to end.
    pub(crate) fn is_ending(&self) -> bool {
        self.call.is_ending.load(Ordering::Acquire)
    }

    /// Waits until the call is told to end.
    pub(crate) async fn told(&self) {
        poll_fn(|cx| {
            self.tell(cx.waker());
            if self.is_ending() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Wakes this one when the call is told.
    pub(crate) fn tell(&self, waker: &Waker) {
        self.call.waker.register(waker);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if *self.bytes.get_mut() == 0 {
            return;
        }
        let mut held = self.receiving.lock();
        if let Some(entry) = held.shares.remove(self.id.get_mut()) {
            match entry.state {
                State::Ending => held.ending_bytes -= entry.bytes,
                State::Open | State::Received => held.bytes -= entry.bytes,
            }
        }
        drop(held);
        if self.is_ending() {
            self.call.told.ended.fetch_add(1, Ordering::AcqRel);
        }
    }
}

impl Told {
    /// Waits until a call that was told has not ended in time.
    pub(crate) async fn stuck(&self) {
        loop {
            self.more.notified().await;
            let told = self.told.load(Ordering::Acquire);
            sleep(TELLING).await;
            // Some that were told later may have ended meanwhile: a doubt that is for the peer, until it is asked again.
            let ended = self.ended.load(Ordering::Acquire);
            if ended < told {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests;
