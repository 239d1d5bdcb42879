//! A worker that owns the write side of its connections.
//!
//! It sleeps until a channel is dirty, a message comes or the clock says so; then it works in turns, each bounded, and
//! lets others run between them. A sweep walks a dirty channel's subscribers and writes what is after each cursor; a
//! connection whose socket is full is left alone until its socket takes bytes again, and goes on from its cursor.

mod adopt;
mod counts;
mod drain;
mod expel;
mod lost;
mod sweep;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Instant, SystemTime};

use slab::Slab;
use tokio::time::MissedTickBehavior;

use crate::hub::{ShardIndex, Wakeups};
use crate::net::admission::Permit;
use crate::revision::Revision;
use crate::session::inbound::Inbound;
use crate::session::outbound::{Env, Outbound, Sweep};
use crate::status::PeerCode;
use crate::wire::websocket::Parser;

use super::counting::{Counting, Ending};
use super::link::Link;
use super::mailbox::{ConnectionKey, Mailbox, Message, NewConnection, ReadState};
use super::pump::{self, Stopped};
use super::reader::{Judge, Reader};
use super::readers::{Readers, Subscriber};
use super::roster::Place;
use super::shared::Shared;
use super::stream::{linger, now};
use adopt::Adoption;
use drain::Drain;
use sweep::Sweeps;

/// What one visit to a connection writes at most before others have their turn.
const VISIT_BYTES: usize = 256 << 10;

/// One shard.
pub(super) struct Shard {
    shared: Arc<Shared>,
    /// What connections are answered under. Ahead of publishers' for the moment of a reload.
    revision: Arc<Revision>,
    adoption: Option<Adoption>,
    index: ShardIndex,
    mailbox: Arc<Mailbox>,
    wakeups: Arc<Wakeups>,
    connections: Slab<Box<Connection>>,
    next_serial: u64,
    readers: Readers,
    sweeps: Sweeps,
    /// Connections that have more to write than one visit takes.
    busy: VecDeque<ConnectionKey>,
    drain: Option<Drain>,
    counted_subscriptions: usize,
}

/// One connection's write side.
struct Connection {
    link: Arc<Link>,
    outbound: Outbound<Readers>,
    state: Arc<ReadState>,
    serial: u64,
    writing: Writing,
    /// Commands that were taken from the mailbox and of which the read side has not heard.
    unconfirmed: u32,
    /// Counts the connection until it goes.
    _permit: Permit,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Writing {
    Free,
    /// The socket is full, and a task waits for it.
    Blocked,
    /// It is in the list of those with more to write.
    Busy,
}

/// How a connection ends.
#[derive(Clone, Copy)]
enum End {
    /// Both sides have said goodbye, or we need not wait for the peer's.
    Finished,
    /// At once: the peer has gone.
    Gone,
    /// At once, for this reason of our own.
    Cut(PeerCode),
}

impl Shard {
    pub(super) fn new(shared: Arc<Shared>, index: ShardIndex, mailbox: Arc<Mailbox>) -> Self {
        let wakeups = Arc::clone(shared.hub.wakeups(index));
        let counting = Counting::new(Arc::clone(&shared.metrics));
        let readers = Readers::new(Arc::clone(&shared.hub), index, counting);
        let revision = shared.revisions.current();
        Shard {
            shared,
            revision,
            adoption: None,
            index,
            mailbox,
            wakeups,
            connections: Slab::new(),
            next_serial: 0,
            readers,
            sweeps: Sweeps::default(),
            busy: VecDeque::new(),
            drain: None,
            counted_subscriptions: 0,
        }
    }

    /// Works until it is dropped, with the bridge.
    pub(super) async fn run(mut self) {
        let mut clock = tokio::time::interval(self.shared.limits.timings.sweep_every());
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut messages = Vec::new();
        let mut dirty = Vec::new();
        loop {
            // In this order: however much there is to write, deadlines are kept and a drain goes on.
            tokio::select! {
                biased;
                _ = clock.tick() => self.on_clock(),
                () = drain::next_batch(&mut self.drain) => self.on_drain(),
                () = self.wakeups.woken() => {}
                () = std::future::ready(()), if self.has_work() => {}
            }
            self.mailbox.take(&mut messages);
            for message in messages.drain(..) {
                self.on_message(message);
            }
            self.wakeups.take(&mut dirty);
            for channel in dirty.drain(..) {
                self.on_dirty(channel);
            }
            self.count_subscriptions();
            if self.has_work() {
                self.turn();
                self.readers.counting.settle();
                tokio::task::yield_now().await;
            } else {
                self.readers.counting.settle();
            }
        }
    }

    fn has_work(&self) -> bool {
        !self.sweeps.is_empty() || !self.busy.is_empty() || self.adoption.is_some()
    }

    fn on_message(&mut self, message: Message) {
        match message {
            Message::Open(new) => self.open(*new),
            Message::Command(key, command) => {
                let Some(connection) = self.connection(key) else { return };
                connection.unconfirmed += 1;
                self.with(key, |outbound, env| {
                    outbound.on_command(command, env);
                    if outbound.waiting() > 0 {
                        env.channels.counting.on_held_back(outbound.identity());
                    }
                });
                self.confirm(key);
                self.visit(key);
            }
            Message::Writable(key) => {
                let Some(connection) = self.connection(key) else { return };
                connection.writing = Writing::Free;
                self.readers.counting.on_unblocked();
                self.visit(key);
            }
            Message::Gone(key) => {
                if self.connection(key).is_some() {
                    self.end(key, End::Gone);
                }
            }
            Message::Adopt(revision, done) => self.begin_adoption(revision, done),
            Message::Drain(over) => self.begin_drain(over),
            Message::Expel(keys, done) => self.expel(&keys, done),
        }
    }

    fn open(&mut self, new: NewConnection) {
        let NewConnection { link, early, opening, identity, entrance, peer, permit } = new;
        let now = now();
        tracing::debug!(connection = %identity.connection, session = identity.session().as_str(), %peer, "connection opened");
        let entry = self.connections.vacant_entry();
        self.next_serial += 1;
        let key = ConnectionKey { index: entry.key(), serial: self.next_serial };
        self.readers.serving = connection_number(key.index);
        let mut env = env(&mut self.readers, &self.shared, &self.revision, now);
        let outbound = Outbound::new(opening, identity, &mut env);
        let link = Arc::new(link);
        let state = Arc::new(ReadState::new(now));
        let place = Place { mailbox: Arc::clone(&self.mailbox), key };
        let is_expelled = entrance.seat.as_ref().is_some_and(|seat| seat.place(place));
        let mut inbound = Inbound::new(opening, entrance.party.clone(), self.shared.inbound, now);
        inbound.share(entrance.seat.as_ref().and_then(|seat| seat.allowance.clone()));
        let judge = Judge {
            inbound,
            entrance,
            shared: Arc::clone(&self.shared),
            state: Arc::clone(&state),
            mailbox: Arc::clone(&self.mailbox),
            key,
            paused: None,
            ended: false,
            discarded_bytes: 0,
        };
        let parser = Parser::new(self.shared.inbound.max_message_bytes);
        let reader = Box::new(Reader { link: Arc::clone(&link), parser, judge });
        entry.insert(Box::new(Connection {
            link,
            outbound,
            state,
            serial: key.serial,
            writing: Writing::Free,
            unconfirmed: 0,
            _permit: permit,
        }));
        self.shared.connections.fetch_add(1, Ordering::Relaxed);
        self.readers.counting.on_opened();
        tokio::spawn(reader.run(early));
        if is_expelled {
            self.expel_one(key);
        }
        if self.drain.is_some() {
            // It slipped in behind the closing door.
            self.with(key, |outbound, env| outbound.drain(drain::delay_ms(), env));
        }
        self.visit(key);
    }

    /// Writes what there is for a connection, until its socket is full or it has had its share.
    fn visit(&mut self, key: ConnectionKey) {
        let Some(connection) = self.connections.get_mut(key.index) else { return };
        if connection.serial != key.serial || connection.writing != Writing::Free {
            return;
        }
        let now = now();
        self.readers.serving = connection_number(key.index);
        let mut env = env(&mut self.readers, &self.shared, &self.revision, now);
        let (written, stopped) = pump::write(&mut connection.outbound, &mut env, VISIT_BYTES, &connection.link);
        let end = match stopped {
            Stopped::Idle => None,
            Stopped::Finished => Some(End::Finished),
            Stopped::Broken => Some(End::Gone),
            Stopped::Share => {
                connection.writing = Writing::Busy;
                self.busy.push_back(key);
                None
            }
            Stopped::Full => {
                self.readers.counting.on_blocked();
                connection.writing = Writing::Blocked;
                let (link, mailbox) = (Arc::clone(&connection.link), Arc::clone(&self.mailbox));
                tokio::spawn(async move {
                    // An error shows at the next write.
                    let _ = link.stream().writable().await;
                    drop(link);
                    mailbox.push(Message::Writable(key));
                });
                None
            }
        };
        if written > 0 {
            self.readers.counting.on_sent(written);
        }
        self.confirm(key);
        if let Some(end) = end {
            self.end(key, end);
        }
    }

    /// Lets the read side go on when everything that it sent is carried out.
    fn confirm(&mut self, key: ConnectionKey) {
        let Some(connection) = self.connection(key) else { return };
        if connection.outbound.waiting() == 0 {
            connection.state.on_done(std::mem::take(&mut connection.unconfirmed));
        }
    }

    /// Looks at every connection's clocks.
    fn on_clock(&mut self) {
        let (now, time) = (now(), SystemTime::now());
        let keys: Vec<_> =
            self.connections.iter().map(|(index, c)| ConnectionKey { index, serial: c.serial }).collect();
        for key in keys {
            let Some(connection) = self.connections.get_mut(key.index) else { continue };
            self.readers.serving = connection_number(key.index);
            let mut env = env(&mut self.readers, &self.shared, &self.revision, now);
            connection.outbound.on_wall_clock(time, &mut env);
            match connection.outbound.on_sweep(connection.state.inbound(), &mut env) {
                Sweep::Live => self.visit(key),
                Sweep::Drop(code) => self.end(key, End::Cut(code)),
            }
        }
    }

    fn end(&mut self, key: ConnectionKey, end: End) {
        let Some(mut connection) = self.connections.try_remove(key.index) else { return };
        self.readers.serving = connection_number(key.index);
        connection.outbound.end(&mut self.readers);
        self.count_end(&connection, end);
        self.shared.connections.fetch_sub(1, Ordering::Relaxed);
        connection.state.end();
        match end {
            End::Finished => {
                connection.link.hang_up(std::net::Shutdown::Write);
                let close = self.shared.limits.timings.close;
                tokio::spawn(linger(Arc::downgrade(&connection.link), close));
            }
            End::Gone | End::Cut(_) => connection.link.hang_up(std::net::Shutdown::Both),
        }
    }

    fn connection(&mut self, key: ConnectionKey) -> Option<&mut Connection> {
        self.connections.get_mut(key.index).map(Box::as_mut).filter(|connection| connection.serial == key.serial)
    }

    fn with(&mut self, key: ConnectionKey, act: impl FnOnce(&mut Outbound<Readers>, &mut Env<'_, Readers>)) {
        let Some(connection) = self.connections.get_mut(key.index) else { return };
        self.readers.serving = connection_number(key.index);
        let mut env = env(&mut self.readers, &self.shared, &self.revision, now());
        act(&mut connection.outbound, &mut env);
    }
}

fn env<'a>(readers: &'a mut Readers, shared: &'a Shared, revision: &'a Revision, now: Instant) -> Env<'a, Readers> {
    Env { channels: readers, schema: &revision.schema, printer: &shared.printer, limits: &shared.limits, now }
}

fn connection_number(index: usize) -> u32 {
    u32::try_from(index).expect("connections are bounded by file descriptors")
}
