//! Forgetting keys: what a log does when another schema says that events of a type have none, or others.
//!
//! A key that no event will ever have again would be the newest of its key for ever, and be shown as the state of things to
//! everybody who comes.

use super::RingLog;
use super::ring::Standing;
use crate::schema::TypeIndex;

impl RingLog {
    /// Makes some keyed events ordinary ones, by their types and the revisions that they were published under: those that
    /// the log retains are sent to everybody who lags, and those that outlived the retention as the newest of their key are
    /// lost.
    pub fn unkey(&mut self, is_gone: impl Fn(TypeIndex, u32) -> bool) {
        let oldest = self.oldest();
        let Some(keyed) = &mut self.keyed else { return };
        keyed.lose_kept_of(&is_gone);
        for (sequence, entry) in (oldest..).zip(&mut self.entries) {
            if entry.standing != Standing::Plain && is_gone(entry.event_type, entry.revision) {
                keyed.forget(sequence);
                entry.standing = Standing::Plain;
            }
        }
    }
}
