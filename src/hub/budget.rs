//! The memory of all logs: what a channel costs, when room is looked for, and when there is none.
//!
//! Promises: all logs together stay within their bytes but for one event of each publisher that is appending, and for frames that
//! are just being made for readers who may not see all (no more than a quarter of a channel's own limit); looking for room,
//! which walks over all channels, is done by one at a time, and not again at once where there was little; meanwhile appends are
//! refused as fast as they would be taken.

use std::mem::size_of;
use std::sync::{Arc, TryLockError};
use std::time::{Duration, Instant};

use super::sync::atomic::{AtomicBool, Ordering};
use super::sync::{Mutex, MutexGuard};
use super::wakeups::ShardMark;
use super::{Channel, Hub};
use crate::ids::ChannelKey;
use crate::log::RingLog;
use crate::metrics::Limit;
use crate::status::{Code, Status};

/// For how long at least nobody looks for room after there was little.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// And in how many times the time that it took, so that looking is never most of what a processor does.
const TIMES_TAKEN: u32 = 10;
/// What an allocator keeps beside what it was asked for, and what it gives more than that.
const ALLOCATION_BYTES: usize = 16;
/// Allocations of a channel: itself, its marks and name, and in its log two rows of segments, two segments and the index.
const ALLOCATIONS: usize = 8;

/// The bytes of all logs, and whether room is worth looking for.
#[derive(Debug)]
pub(super) struct Budget {
    total_bytes: usize,
    /// There was little room when somebody looked last.
    full: AtomicBool,
    /// Held by whoever is looking, so that one publisher does it and not all. Nobody looks before this time.
    pub(super) looking: Mutex<Option<Instant>>,
}

impl Budget {
    pub(super) fn new(total_bytes: usize) -> Self {
        Budget { total_bytes, full: AtomicBool::new(false), looking: Mutex::new(None) }
    }

    /// Beyond this, room is looked for; what is left up to the total is for what comes meanwhile.
    fn ample_bytes(&self) -> usize {
        self.total_bytes - self.total_bytes / 32
    }

    /// How far room is made.
    pub(super) fn target_bytes(&self) -> usize {
        self.total_bytes / 10 * 9
    }

    /// Whether another event may come to so many bytes.
    fn has_room(&self, held: usize) -> bool {
        held <= self.ample_bytes() || (held <= self.total_bytes && !self.full.load(Ordering::Relaxed))
    }

    /// Whether room is to be looked for now, by the caller: then nobody else does until [`Budget::on_looked`].
    fn begin(&self, held: impl Fn() -> usize, now: Instant) -> Option<MutexGuard<'_, Option<Instant>>> {
        if held() <= self.ample_bytes() {
            if self.full.load(Ordering::Relaxed) {
                self.full.store(false, Ordering::Relaxed);
            }
            return None;
        }
        let not_before = match self.looking.try_lock() {
            Ok(not_before) => not_before,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        let is_worth_it = not_before.is_none_or(|time| now >= time) && held() > self.ample_bytes();
        is_worth_it.then_some(not_before)
    }

    /// Room was looked for, from `began` until `ended`, and so many bytes are still held.
    fn on_looked(&self, not_before: &mut Option<Instant>, held: usize, (began, ended): (Instant, Instant)) {
        let took = ended.saturating_duration_since(began);
        // Less than half of what was to be freed: another walk would soon be due, and find as little.
        let is_full = held > self.total_bytes / 20 * 19;
        *not_before = is_full.then(|| ended + AGAIN_AFTER.max(took * TIMES_TAKEN));
        self.full.store(is_full, Ordering::Relaxed);
    }
}

impl Hub {
    /// Frees memory when there is little left, unless somebody is at it or has just found none.
    pub(super) fn look_for_room(&self, now: Instant) {
        let Some(mut not_before) = self.budget.begin(|| self.log_bytes(), now) else { return };
        self.metrics.limits.hit(Limit::MaxLogBytes, "all channels");
        self.reclaim(now);
        self.budget.on_looked(&mut not_before, self.log_bytes(), (now, super::now()));
    }

    /// Whether there is room for an event on this channel.
    pub(super) fn check_room(&self, key: &ChannelKey) -> Result<(), Status> {
        if self.budget.has_room(self.log_bytes()) {
            return Ok(());
        }
        self.metrics.limits.hit(Limit::MaxLogBytes, key.channel.as_str());
        let total = self.limits.total_bytes;
        let message = format!("the logs of this node hold {total} bytes, the most that they may, and none can go now");
        Err(Status::new(Code::ResourceExhausted, "log_budget", message).with_retry_after(AGAIN_AFTER))
    }
}

/// What a channel costs beside its log: its own entry, its row in the map (which may be half empty), and what allocators take.
pub(super) fn overhead_bytes(key: &ChannelKey, shards: usize) -> usize {
    let entry = size_of::<Channel>() - size_of::<RingLog>() + 2 * size_of::<usize>();
    let row = 2 * (size_of::<(ChannelKey, Arc<Channel>)>() + 1);
    // A name has counts before its text. A tenant's is counted for each of its channels, as it may be.
    let texts = key.channel.as_str().len() + key.tenant.as_str().len() + 4 * size_of::<usize>();
    entry + row + texts + shards * size_of::<ShardMark>() + ALLOCATIONS * ALLOCATION_BYTES
}
