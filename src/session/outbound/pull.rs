//! Reading for the subscriptions in turn: what comes next, and what is told with it.

use std::mem;
use std::sync::Arc;

use bytes::Bytes;

use crate::log::{Contents, Form, Heads, Read, Snapshot, View};
use crate::wire::ServerFrame;

use super::current::{Current, Pull, Step, StepKind};
use super::subscription::{More, Pulled, Subscription};
use super::{Channels, Env, Outbound, Slot};

/// The most bytes of events that one turn of one subscription writes.
const TURN_BYTES: usize = 64 << 10;
/// A subscription that lags gets runs of events below this size joined, with what is told between them, into one write.
const JOIN_BELOW_BYTES: usize = 8 << 10;
/// So much is joined.
const JOINED_BYTES: usize = 32 << 10;

impl<C: Channels> Outbound<C> {
    /// Reads for the subscriptions in turn until there is something to write. `false`: there is nothing.
    pub(super) fn pull(&mut self, env: &mut Env<'_, C>) -> bool {
        for _ in 0..self.queue.len() {
            let Some(slot) = self.queue.pop_front() else { break };
            let Some(Some(subscription)) = self.subscriptions.get_mut(usize::from(slot.0)) else { continue };
            if let Some(reset) = subscription.take_reset() {
                self.queue.push_front(slot);
                env.channels.on_told(&self.identity, &reset);
                self.tell(&reset, None, env.printer);
                return true;
            }
            let mut most = TURN_BYTES;
            let replaying = subscription.is_replaying();
            if replaying {
                most = most.min(self.identity.replay.budget(env.now).allowance(env.limits.replay, env.now));
                if most == 0 {
                    // Another subscription may be live; this one waits for the next refill.
                    if !mem::replace(&mut subscription.paced, true) {
                        env.channels.on_paced(&self.identity);
                    }
                    self.queue.push_back(slot);
                    continue;
                }
                subscription.paced = false;
            }
            let pull = if replaying { Pull::Replay } else { Pull::Live };
            let (read, heads) = read(subscription, most, self.form, env);
            if subscription.lags && joins(&read, heads) {
                let joined = join(subscription, read, heads, (most, self.form), env);
                let bytes = Bytes::from(joined.bytes);
                if replaying {
                    let spent = bytes.len().max(joined.work_bytes);
                    self.identity.replay.budget(env.now).spend(spent, env.limits.replay, env.now);
                }
                self.queue.push_back(slot);
                let contents =
                    (!joined.parts.is_empty()).then(|| Contents::joined(bytes.clone(), &joined.parts).into());
                let current = Current::mixed(slot, joined.steps, bytes).with_contents(contents, pull);
                self.current = Some(current.with_told(joined.told));
                return true;
            }
            let mut behind = subscription.behind(heads);
            let channels = &mut *env.channels;
            let mut pulled = subscription.on_read(read, heads, |handle| everything(channels, handle));
            if matches!(pulled, Pulled::UpToDate) && subscription.ephemeral < heads.ephemeral {
                let Subscription { handle, ephemeral, filter, audience, .. } = &*subscription;
                behind = heads.ephemeral - ephemeral;
                let view = View { form: self.form, audience: *audience };
                let (read, heads) = env.channels.read_ephemeral(handle, *ephemeral, filter, TURN_BYTES, view);
                pulled = subscription.on_read_ephemeral(read, heads);
            }
            match pulled {
                Pulled::Events { first, frames, more } => {
                    let contents = env.channels.on_batch((!replaying).then_some(behind));
                    if replaying {
                        // What is hidden had to be read: who sees little may not have all of it worked through for nothing.
                        let work = contents.as_ref().map_or(0, |contents| contents.work_bytes);
                        let spent = frames.len().max(work);
                        self.identity.replay.budget(env.now).spend(spent, env.limits.replay, env.now);
                    }
                    self.current = Some(Current::new(slot, first, frames).with_contents(contents, pull));
                    self.again(slot, more);
                    return true;
                }
                Pulled::Ephemeral { frames, more } => {
                    let contents = env.channels.on_batch((!replaying).then_some(behind));
                    self.current = Some(Current::ephemeral(slot, frames).with_contents(contents, Pull::Live));
                    self.again(slot, more);
                    return true;
                }
                Pulled::Tell(frame) => {
                    self.queue.push_front(slot);
                    env.channels.on_told(&self.identity, &frame);
                    self.tell(&frame, None, env.printer);
                    return true;
                }
                Pulled::Again => {
                    self.queue.push_back(slot);
                    return true;
                }
                Pulled::UpToDate => subscription.queued = false,
            }
        }
        false
    }

    /// Puts a subscription back into the queue, or leaves it out until its channel is marked.
    fn again(&mut self, slot: Slot, more: More) {
        match more {
            More::Yes => self.queue.push_back(slot),
            More::No => {
                if let Some(Some(subscription)) = self.subscriptions.get_mut(usize::from(slot.0)) {
                    subscription.queued = false;
                }
            }
        }
    }
}

/// Where everything begins that a channel keeps: after a reset.
pub(super) fn everything<C: Channels>(channels: &mut C, handle: &C::Handle) -> Snapshot {
    let extent = channels.extent(handle);
    Snapshot { start: extent.start(), keyed_until: extent.oldest - 1 }
}

fn read<C: Channels>(
    subscription: &Subscription<C::Handle>,
    most: usize,
    form: Form,
    env: &mut Env<'_, C>,
) -> (Read, Heads) {
    let Subscription { handle, cursor, filter, audience, .. } = subscription;
    env.channels.read(handle, *cursor, filter, subscription.take(), most, View { form, audience: *audience })
}

/// Whether it is worth joining this with what comes after it.
fn joins(read: &Read, heads: Heads) -> bool {
    match read {
        Read::Passed { .. } => true,
        Read::Batch { last, frames, .. } => frames.len() < JOIN_BELOW_BYTES && *last < heads.head.sequence,
        _ => false,
    }
}

/// Runs of events, and what is told between them.
#[derive(Default)]
struct Joined {
    steps: Vec<Step>,
    bytes: Vec<u8>,
    /// What is told, and where it begins.
    told: Vec<(usize, ServerFrame)>,
    /// What the runs are, where somebody counts them.
    parts: Vec<Arc<Contents>>,
    /// What was read for them, what is hidden included.
    work_bytes: usize,
}

/// Reads on while runs are short: events, and what is told between them, in one piece.
fn join<C: Channels>(
    subscription: &mut Subscription<C::Handle>,
    mut found: Read,
    mut heads: Heads,
    (most, form): (usize, Form),
    env: &mut Env<'_, C>,
) -> Joined {
    let mut joined = Joined::default();
    let Joined { steps, bytes, told, parts, work_bytes } = &mut joined;
    let most = most.min(JOINED_BYTES);
    loop {
        match &found {
            Read::Passed { .. } | Read::Lagged { .. } => {}
            // The first is taken whatever its size.
            Read::Batch { frames, .. } if steps.is_empty() || bytes.len() + frames.len() <= most => {}
            _ => break,
        }
        let before = subscription.cursor.sequence;
        let behind = (!subscription.is_replaying()).then(|| subscription.behind(heads));
        let kind = match subscription.on_read(found, heads, |handle| everything(&mut *env.channels, handle)) {
            Pulled::Events { first, frames, .. } => {
                bytes.extend_from_slice(&frames);
                let contents = env.channels.on_batch(behind);
                *work_bytes += contents.as_ref().map_or(0, |contents| contents.work_bytes);
                parts.extend(contents);
                StepKind::Events { first }
            }
            Pulled::Tell(frame) => {
                let begin = bytes.len();
                env.printer.print(bytes, form, &frame, None);
                told.push((begin, frame));
                StepKind::Told { to: subscription.cursor.sequence }
            }
            _ => break,
        };
        steps.push(Step { end: bytes.len(), before, kind });
        // However little is left of what is read: a turn is bounded by its work.
        if bytes.len().max(*work_bytes) >= most {
            break;
        }
        (found, heads) = read(subscription, JOIN_BELOW_BYTES.min(most), form, env);
    }
    joined
}
