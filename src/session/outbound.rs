//! The write side of one connection: what goes to the socket next.
//!
//! Promises: after `channel.subscribed` every event of the channel goes out in order and once, or a `channel.gap`,
//! `channel.reset` or `channel.position` says why not, before the next event; control frames go between events, never
//! inside one; a peer that reads slowly costs cursors and at most one event's frame, never a queue of events. Ephemeral
//! events come when nothing else of their channel waits, or not at all.
//!
//! Owned by one shard. Never writes, never waits, never asks for the time: the shard asks for the next bytes with
//! [`Outbound::next`] and says what the kernel did with them.
//!
//! The life of a connection: [`Outbound::new`] at the upgrade; a plain connection opens at once, one with a subprotocol
//! by its `connection.init`; then [`Outbound::on_command`] for what the client says, [`Outbound::mark`] when a channel
//! has something new, [`Outbound::on_sweep`] for the clock; a close from either side ends in [`Next::Finished`] or
//! [`Sweep::Drop`], and [`Outbound::end`] gives the channels back.

mod channels;
mod commands;
mod control;
mod current;
mod deadlines;
mod ending;
mod limits;
mod opening;
mod pace;
mod pull;
mod revise;
mod subscribe;
mod subscription;
mod turn;

use std::collections::VecDeque;
use std::mem;

use crate::log::Form;
use crate::proto::rialto::v1 as proto;
use crate::status::PeerCode;
use crate::wire::{ControlPrinter, ServerFrame, websocket};

use super::command::Command;
use super::inbound::Opening;
use super::party::Party;
use control::ControlQueue;
use current::{Current, Settled};
use deadlines::{Deadlines, Due};
use subscription::Subscription;

pub use channels::{Channels, Slot, Wanted};
pub use current::{Delivered, Pull};
pub use deadlines::{Inbound, Timings};
pub use ending::Closed;
pub use limits::Limits;
pub use opening::session_channel;
pub use pace::{Replay, ReplayBudget, ReplayRate};
use subscribe::Place;
pub use turn::{Env, Identity, Next, Sweep};

#[derive(Debug)]
enum Phase {
    AwaitingInit,
    Open,
    /// A close frame is queued. `answered`: the peer's has come, or no answer is to be waited for.
    Closing {
        answered: bool,
    },
}

/// The write side of one connection.
pub struct Outbound<C: Channels> {
    phase: Phase,
    /// Of every frame that it writes.
    form: Form,
    identity: Identity,
    control: ControlQueue,
    current: Option<Current>,
    subscriptions: Vec<Option<Subscription<C::Handle>>>,
    /// Subscriptions that may have something to read, each at most once.
    queue: VecDeque<Slot>,
    /// Commands that wait until earlier answers have left. The read side stops at a few.
    waiting: VecDeque<Command>,
    deadlines: Deadlines,
    closed: Option<Closed>,
}

impl<C: Channels> Outbound<C> {
    /// The write side of a connection that has just been upgraded. A plain one is acked and subscribed at once.
    pub fn new(opening: Opening, identity: Identity, env: &mut Env<'_, C>) -> Self {
        let mut outbound = Outbound {
            phase: Phase::AwaitingInit,
            form: opening.form(),
            identity,
            control: ControlQueue::default(),
            current: None,
            subscriptions: Vec::new(),
            queue: VecDeque::new(),
            waiting: VecDeque::new(),
            deadlines: Deadlines::new(env.now),
            closed: None,
        };
        if opening == Opening::Plain {
            outbound.open(None, &proto::ConnectionInit::default(), env);
        }
        outbound
    }

    /// Who is at the other end.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// How many channels are subscribed.
    #[cfg(test)]
    fn subscription_count(&self) -> usize {
        self.subscriptions.iter().flatten().count()
    }

    /// The channel of this subscription may have something new.
    pub fn mark(&mut self, slot: Slot) {
        if matches!(self.phase, Phase::Closing { .. }) {
            return;
        }
        if let Some(Some(subscription)) = self.subscriptions.get_mut(usize::from(slot.0))
            && !mem::replace(&mut subscription.queued, true)
        {
            // Whoever waits for this socket lags.
            subscription.lags |= self.deadlines.is_blocked();
            self.queue.push_back(slot);
        }
    }

    /// What to write now.
    pub fn next(&mut self, env: &mut Env<'_, C>) -> Next<'_> {
        if self.is_over(env.now) {
            // What was read and not begun goes back to the log with it.
            self.close_with(PeerCode::TokenExpired, "", env);
        }
        loop {
            if self.current.is_some() || !self.control.is_empty() {
                break;
            }
            if self.control.has_room(env.limits)
                && let Some(command) = self.waiting.pop_front()
            {
                self.carry_out(command, env);
                continue;
            }
            match self.phase {
                Phase::Closing { answered: true } => return Next::Finished,
                Phase::Closing { answered: false } | Phase::AwaitingInit => return Next::Idle,
                Phase::Open => {}
            }
            if !self.pull(env) {
                return Next::Idle;
            }
        }
        match &self.current {
            Some(current) => Next::Write(current.rest()),
            None => Next::Write(self.control.rest()),
        }
    }

    /// The kernel took the first `count` bytes of what [`Outbound::next`] gave.
    pub fn on_wrote(&mut self, count: usize, env: &mut Env<'_, C>) {
        self.deadlines.on_progress(env.now);
        if let Some(current) = &mut self.current {
            if current.wrote(count) {
                let delivered = current.delivered(u64::MAX, usize::MAX);
                self.current = None;
                self.count(delivered, env.channels);
            }
        } else if self.control.wrote(count) {
            self.deadlines.on_ping_sent(env.now);
        }
    }

    /// The kernel took bytes that [`Outbound::on_wrote`] was told of before, or has none left to take.
    pub fn on_drained(&mut self, env: &Env<'_, C>) {
        self.deadlines.on_progress(env.now);
    }

    /// The kernel takes no more for now. Events that were not begun go back to the log.
    pub fn on_blocked(&mut self, env: &mut Env<'_, C>) {
        self.deadlines.on_blocked(env.now);
        self.settle(env.channels);
        // Whoever waited already lags from now on.
        for slot in &self.queue {
            if let Some(Some(subscription)) = self.subscriptions.get_mut(usize::from(slot.0)) {
                subscription.lags = true;
            }
        }
    }

    /// Looks at the clocks. The shard writes after this.
    pub fn on_sweep(&mut self, inbound: Inbound, env: &mut Env<'_, C>) -> Sweep {
        loop {
            if self.is_over(env.now) {
                self.close_with(PeerCode::TokenExpired, "", env);
            }
            let awaiting_init = matches!(self.phase, Phase::AwaitingInit);
            match self.deadlines.due(env.now, awaiting_init, inbound, &env.limits.timings) {
                Due::Nothing => return Sweep::Live,
                Due::Ping => self.control.push_ping(|out| websocket::put_ping(out, &[])),
                Due::Heartbeat => self.tell(&ServerFrame::Heartbeat(proto::ConnectionHeartbeat {}), None, env.printer),
                Due::Close(code) => self.close_with(code, "", env),
                Due::Drop(code) => return Sweep::Drop(code),
            }
        }
    }

    /// Gives every channel back. Nothing else may follow.
    pub fn end(&mut self, channels: &mut C) {
        self.settle(channels);
        for (index, subscription) in mem::take(&mut self.subscriptions).into_iter().enumerate() {
            if let Some(subscription) = subscription {
                channels.close(subscription.handle, slot_of(index));
            }
        }
        self.queue.clear();
        self.current = None;
    }

    /// Queues a frame of the bridge's own, which comes between events.
    pub fn put(&mut self, frame: impl FnOnce(&mut Vec<u8>)) {
        self.control.push(frame);
    }

    /// Queues a control frame.
    fn tell(&mut self, frame: &ServerFrame, reply_to: Option<&str>, printer: &ControlPrinter) {
        let form = self.form;
        self.put(|out| printer.print(out, form, frame, reply_to));
    }

    /// Gives what was not begun back to the log; it is read again when the socket takes bytes.
    fn settle(&mut self, channels: &mut C) {
        let (slot, rest, delivered) = match self.current.take().map(Current::settle) {
            None => return,
            Some(Settled::AsBefore(current)) => {
                self.current = Some(current);
                return;
            }
            Some(Settled::TakenBack { slot, sequence, rest, delivered }) => {
                if let Some(Some(subscription)) = self.subscriptions.get_mut(usize::from(slot.0)) {
                    subscription.take_back(sequence);
                }
                (slot, rest, delivered)
            }
            Some(Settled::Dropped { slot, rest, delivered }) => (slot, rest, delivered),
        };
        self.count(delivered, channels);
        self.mark(slot);
        self.current = rest;
    }

    /// Says what went into the socket.
    fn count(&self, delivered: Option<Delivered>, channels: &mut C) {
        if let Some(delivered) = delivered {
            channels.on_delivered(&self.identity, delivered);
        }
    }
}

fn slot_of(index: usize) -> Slot {
    Slot(u16::try_from(index).expect("a connection has at most u16::MAX subscriptions"))
}

#[cfg(test)]
mod tests;
