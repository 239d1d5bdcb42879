//! What a log lets go of, and what it keeps of that.

use std::time::Instant;

use super::form::PerForm;
use super::frames::Frames;
use super::past::Kept;
use super::ring::Standing;
use super::{Form, RingLog};

/// The newest events of their keys may take one part in so many of a log's cap, once they are past its retention.
const KEPT_SHARE: usize = 2;

impl RingLog {
    /// Evicts what is beyond both the number and the age of the retention, and lets a log that is idle for as long give its
    /// spare room back. Returns the bytes that were freed.
    pub fn evict(&mut self, now: Instant) -> usize {
        let before = self.bytes();
        self.frames.iter_mut().for_each(Frames::forget_copy);
        if let Some(ephemeral) = &mut self.ephemeral {
            ephemeral.evict_ephemeral(now);
        }
        self.drop_oldest(self.count_outlived(now));
        self.sweep_reduced();
        if self.newest_at.is_none_or(|newest| now.saturating_duration_since(newest) > self.retention.age) {
            self.trim();
        }
        before.saturating_sub(self.bytes())
    }

    /// Whether [`RingLog::shrink_to`] might free anything: there was more than one event, or is something beside it.
    pub fn can_shrink(&self) -> bool {
        let beside = self.keyed.is_some() || self.ephemeral.is_some() || self.reduced.is_some();
        beside || self.entries.capacity() > 1
    }

    /// Evicts until no more than `budget_bytes` are held, or only the newest event is left: ephemeral events first, then the
    /// oldest. Returns the bytes that were freed.
    pub fn shrink_to(&mut self, budget_bytes: usize) -> usize {
        let before = self.bytes();
        if before > budget_bytes {
            if let Some(reduced) = &mut self.reduced {
                reduced.forget_made();
            }
            if let Some(ephemeral) = &mut self.ephemeral {
                ephemeral.clear();
            }
            self.trim();
        }
        let kept = |log: &Self| log.keyed.as_ref().map_or(0, |keyed| keyed.past.kept_count());
        while self.bytes() > budget_bytes && self.entries.len().max(1) + kept(self) > 1 {
            // A quarter at a time: what is freed is known only after the room is given back.
            let quarter = kept(self).div_ceil(4);
            if let Some(keyed) = &mut self.keyed {
                keyed.lose_kept(quarter);
            }
            self.drop_oldest(self.entries.len().div_ceil(4).min(self.entries.len().saturating_sub(1)));
            self.trim();
        }
        before.saturating_sub(self.bytes())
    }

    /// Evicts every event; epoch and head stay. Returns the bytes that were freed.
    pub fn clear(&mut self) -> usize {
        let before = self.bytes();
        self.keyed = None;
        self.drop_oldest(self.entries.len());
        self.reduced = None;
        if let Some(ephemeral) = &mut self.ephemeral {
            ephemeral.clear();
        }
        self.trim();
        before.saturating_sub(self.bytes())
    }

    /// How many of the oldest entries neither the number nor the age of the retention keeps.
    pub(super) fn count_outlived(&self, now: Instant) -> usize {
        let surplus = self.entries.len().saturating_sub(self.retention.events as usize);
        self.entries
            .iter()
            .take(surplus)
            .take_while(|entry| now.saturating_duration_since(entry.at) > self.retention.age)
            .count()
    }

    pub(super) fn drop_oldest(&mut self, count: usize) {
        let mut starts = PerForm::of(|form| self.frames[form].start());
        let oldest = self.head.sequence + 1 - self.entries.len() as u64;
        if let Some(keyed) = &mut self.keyed {
            for (sequence, entry) in (oldest..).zip(self.entries.range(..count)) {
                let reducer = self.reduced.as_mut().and_then(|reduced| reduced.evict(sequence));
                match entry.standing {
                    Standing::Plain => keyed.past.lose(sequence),
                    Standing::Superseded => drop(keyed.pop_key()),
                    Standing::Newest => {
                        let key = keyed.pop_key().expect("every keyed event in the log has its key there");
                        let kept = Kept {
                            key,
                            event_type: entry.event_type,
                            revision: entry.revision,
                            data_bytes: entry.data_bytes,
                            reducer,
                            frames: PerForm::of(|form| self.frames[form].copied(starts[form], entry.ends[form])),
                        };
                        keyed.keep(sequence, kept, self.max_bytes / KEPT_SHARE);
                    }
                }
                starts = entry.ends;
            }
        }
        if let Some(reduced) = &mut self.reduced {
            (oldest..oldest + count as u64).for_each(|sequence| drop(reduced.evict(sequence)));
        }
        if let Some(newest) = self.entries.drain(..count).next_back() {
            for form in Form::ALL {
                self.frames[form].release_before(newest.ends[form]);
            }
        }
    }

    pub(super) fn trim(&mut self) {
        self.frames.iter_mut().for_each(Frames::trim);
        self.entries.shrink_to_fit();
        if let Some(keyed) = &mut self.keyed {
            keyed.trim();
        }
        if let Some(reduced) = &mut self.reduced {
            reduced.trim();
        }
    }

    /// Lets go of made frames that nobody reads.
    pub(super) fn sweep_reduced(&mut self) {
        let oldest = self.oldest();
        if let Some(reduced) = &mut self.reduced {
            let kept = |sequence| self.keyed.as_ref().is_some_and(|keyed| keyed.past.get(sequence).is_some());
            reduced.sweep(|sequence| sequence >= oldest || kept(sequence));
        }
    }
}
