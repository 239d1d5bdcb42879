//! What a shard hears from its connections' read tasks and from the front.
//!
//! Bounded by what the senders may have outstanding: a read task the commands of one read, a socket one wake-up, the
//! front the connections that the limits allow.

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::{Notify, oneshot};

use crate::hub::Wakeups;
use crate::net::admission::Permit;
use crate::revision::Revision;
use crate::session::command::Command;
use crate::session::inbound::Opening;
use crate::session::outbound::{Identity, Inbound};

use super::entrance::Entrance;
use super::link::Link;

/// A connection within its shard. The serial number tells it from an earlier one in the same place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ConnectionKey {
    pub(super) index: usize,
    pub(super) serial: u64,
}

/// A connection that was just upgraded.
pub(super) struct NewConnection {
    pub(super) link: Link,
    /// What the peer sent behind its handshake.
    pub(super) early: Bytes,
    pub(super) opening: Opening,
    pub(super) identity: Identity,
    pub(super) entrance: Entrance,
    pub(super) peer: SocketAddr,
    pub(super) permit: Permit,
}

pub(super) enum Message {
    Open(Box<NewConnection>),
    Command(ConnectionKey, Command),
    /// The socket takes bytes again.
    Writable(ConnectionKey),
    /// The read side has ended.
    Gone(ConnectionKey),
    /// Go on under this revision of the schema, and say how many subscriptions ended by it.
    Adopt(Arc<Revision>, oneshot::Sender<usize>),
    /// Close everybody, spread over this time.
    Drain(Duration),
    /// Close these as an administrator asks, and say when it is done.
    Expel(Vec<ConnectionKey>, oneshot::Sender<()>),
}

/// The way into one shard.
pub(super) struct Mailbox {
    /// `None`: the shard has ended, and nobody looks here any more.
    messages: Mutex<Option<Vec<Message>>>,
    wakeups: Arc<Wakeups>,
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailbox").finish_non_exhaustive()
    }
}

impl Mailbox {
    pub(super) fn new(wakeups: Arc<Wakeups>) -> Self {
        Mailbox { messages: Mutex::new(Some(Vec::new())), wakeups }
    }

    /// Tells the shard. Where it has ended the message is dropped with all that it holds: a connection is closed, and who waits
    /// for an answer hears that there is none.
    pub(super) fn push(&self, message: Message) {
        let nobodys = match &mut *self.messages() {
            Some(messages) => {
                messages.push(message);
                None
            }
            None => Some(message),
        };
        // Behind the lock: what a connection holds is given back to others, under locks of theirs.
        drop(nobodys);
        self.wakeups.wake();
    }

    pub(super) fn take(&self, into: &mut Vec<Message>) {
        if let Some(messages) = &mut *self.messages() {
            into.append(messages);
        }
    }

    /// The shard has ended: what it has not read, and whatever still comes, is dropped.
    pub(super) fn close(&self) {
        let unread = self.messages().take();
        drop(unread);
    }

    fn messages(&self) -> MutexGuard<'_, Option<Vec<Message>>> {
        // A list of messages is whole whatever a panicking holder did.
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a read task and its shard share.
pub(super) struct ReadState {
    /// Times below are nanoseconds since this: a pong may be a fraction of a millisecond behind its ping.
    base: Instant,
    last_byte_ns: AtomicU64,
    /// 0: no message is incomplete. Otherwise one more than its first byte's time.
    message_began_ns: AtomicU64,
    /// Commands that the shard has not carried out.
    outstanding: AtomicU32,
    /// The shard has let the connection go: what is outstanding will never be carried out.
    gone: AtomicBool,
    room: Notify,
}

impl ReadState {
    pub(super) fn new(now: Instant) -> Self {
        ReadState {
            base: now,
            last_byte_ns: AtomicU64::new(0),
            message_began_ns: AtomicU64::new(0),
            outstanding: AtomicU32::new(0),
            gone: AtomicBool::new(false),
            room: Notify::new(),
        }
    }

    fn since_base(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.base).as_nanos()).unwrap_or(u64::MAX)
    }

    /// Stamps a read: bytes came, and a message is incomplete or not.
    pub(super) fn on_read(&self, now: Instant, mid_message: bool) {
        let now_ns = self.since_base(now);
        self.last_byte_ns.store(now_ns, Ordering::Relaxed);
        if !mid_message {
            self.message_began_ns.store(0, Ordering::Relaxed);
        } else if self.message_began_ns.load(Ordering::Relaxed) == 0 {
            self.message_began_ns.store(now_ns + 1, Ordering::Relaxed);
        }
    }

    /// A whole text or binary message came with this read, so whatever is incomplete now has begun with it. Of a ping, a pong
    /// or a close that cannot be said: they come between the fragments of a message.
    pub(super) fn on_message(&self) {
        self.message_began_ns.store(0, Ordering::Relaxed);
    }

    /// How long the connection has been open.
    pub(super) fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.base)
    }

    pub(super) fn inbound(&self) -> Inbound {
        let at = |ns: u64| self.base + Duration::from_nanos(ns);
        let began = self.message_began_ns.load(Ordering::Relaxed);
        Inbound {
            last_byte: at(self.last_byte_ns.load(Ordering::Relaxed)),
            message_began: began.checked_sub(1).map(at),
        }
    }

    /// Counts a command on its way to the shard.
    pub(super) fn on_sent(&self) {
        self.outstanding.fetch_add(1, Ordering::AcqRel);
    }

    /// The shard has carried out so many.
    pub(super) fn on_done(&self, count: u32) {
        if count > 0 && self.outstanding.fetch_sub(count, Ordering::AcqRel) == count {
            self.room.notify_one();
        }
    }

    /// The shard has let the connection go. Commands may be on their way to it that nobody will carry out.
    pub(super) fn end(&self) {
        self.gone.store(true, Ordering::Release);
        self.room.notify_one();
    }

    /// Waits until the shard has carried out everything that was sent, or never will.
    pub(super) async fn all_done(&self) {
        while self.outstanding.load(Ordering::Acquire) > 0 && !self.gone.load(Ordering::Acquire) {
            self.room.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_reader_waits_for_its_commands_but_not_for_a_shard_that_has_let_it_go() {
        let state = ReadState::new(Instant::now());
        let waits = |state: &ReadState| {
            let mut wait = Box::pin(state.all_done());
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            wait.as_mut().poll(&mut context).is_pending()
        };
        state.on_sent();
        state.on_sent();
        state.on_done(1);
        assert!(waits(&state));
        state.on_done(1);
        assert!(!waits(&state));

        // Sent when the connection had just ended: nobody will say that it is done.
        state.on_sent();
        let (waited, ()) = tokio::join!(tokio::time::timeout(Duration::from_secs(1), state.all_done()), async {
            state.end();
        });
        assert_eq!(waited, Ok(()));
        assert!(!waits(&state), "nor later");
    }
}
