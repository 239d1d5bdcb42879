//! Who is not believed any more although its token is: users, sessions and tokens that an administrator has revoked.
//!
//! Promises that nothing is forgotten before the tokens that it is about have ended, whatever their `exp`, and never where
//! they have none, as the session token; that the table is bounded, and says so when it is full instead of forgetting
//! somebody; and that looking costs a shared lock and, while
//! nothing is revoked, nothing else. The time of day, by which tokens end, is an argument. It may jump ahead and be put right, and
//! what was forgotten meanwhile would be good again: so something is over when that says so, and as much time has gone by.

use std::collections::{BTreeMap, HashMap};
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use super::session_token::SESSION_TOKEN_USER;
use crate::ids::{SessionId, Tenant};
use crate::session::principal::{Known, Principal};

/// What a revocation is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// Every token of a user (`sub`).
    User(Tenant, Box<str>),
    /// Every token on a session.
    Session(Tenant, SessionId),
    /// One token (`jti`).
    Token(Tenant, Box<str>),
}

/// The table is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{max} revocations are remembered, as many as --max-revocations allows, and none of them is over yet")]
pub struct Full {
    /// The limit.
    pub max: usize,
}

/// Everybody who is revoked.
#[derive(Debug)]
pub struct Revocations {
    max: usize,
    life: Duration,
    table: RwLock<Table>,
}

#[derive(Debug, Default)]
struct Table {
    entries: HashMap<Subject, Entry>,
    /// The entries by when they may be over.
    ends: BTreeMap<(Instant, u64), Subject>,
    serial: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    since: SystemTime,
    /// When that was by a clock that nobody sets.
    instant: Instant,
    /// `None`: the tokens have no end.
    until: Option<SystemTime>,
    /// Not over before, whatever time of day it is.
    due: Instant,
    serial: u64,
}

impl Entry {
    fn is_over(&self, now: SystemTime, instant: Instant) -> bool {
        self.until.is_some_and(|until| until <= now) && self.due <= instant
    }
}

impl Revocations {
    /// An empty table for so many, of tokens that are believed for `max_life` beside clocks that may differ by `leeway`.
    pub fn new(max: usize, max_life: Duration, leeway: Duration) -> Self {
        // A token ends so long after its `iat`, or after it was shown where it has none, by clocks that differ twice: when it
        // is believed, and when it was made.
        Revocations { max, life: max_life + 2 * leeway, table: RwLock::default() }
    }

    /// Refuses the subject's tokens that were issued until `now`, as long as one may be good. Says until when; `None`: as long as
    /// this table lives.
    ///
    /// # Errors
    /// There is no room, and nothing changed.
    pub fn revoke(&self, subject: Subject, now: SystemTime) -> Result<Option<SystemTime>, Full> {
        let instant = Instant::now();
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        table.forget(now, instant, self.life);
        let earlier = table.entries.get(&subject).copied();
        if earlier.is_none() && table.entries.len() >= self.max {
            return Err(Full { max: self.max });
        }
        // A clock that was set back takes nothing away from what was revoked before.
        let since = earlier.map_or(now, |earlier| earlier.since.max(now));
        let is_endless = subject == Subject::User(Tenant::default_tenant(), SESSION_TOKEN_USER.into());
        let until = Some(since.checked_add(self.life).unwrap_or(since)).filter(|_| !is_endless);
        let due = instant.checked_add(self.life).unwrap_or(instant);
        if let Some(earlier) = earlier {
            table.ends.remove(&(earlier.due, earlier.serial));
        }
        table.serial += 1;
        let serial = table.serial;
        if until.is_some() {
            table.ends.insert((due, serial), subject.clone());
        }
        table.entries.insert(subject, Entry { since, instant, until, due, serial });
        Ok(until)
    }

    /// Whether this principal, on this session, is revoked. Of users and sessions only tokens are that were issued until
    /// then, or do not say when: whoever gets a new one is in again.
    pub fn refuse(&self, principal: &Principal, session: &SessionId, now: SystemTime) -> bool {
        if principal.known != Known::ByToken {
            return false;
        }
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        if table.entries.is_empty() {
            return false;
        }
        let instant = Instant::now();
        let tenant = || principal.tenant.clone();
        let holds = |subject: &Subject| table.entries.get(subject).filter(|entry| !entry.is_over(now, instant));
        if !principal.token_id.is_empty() && holds(&Subject::Token(tenant(), (&*principal.token_id).into())).is_some() {
            return true;
        }
        // `iat` has whole seconds: what was issued in the same second may have been issued before.
        let is_old = |entry: &Entry| match principal.since {
            Some(since) => since <= entry.instant.into_std(),
            None => principal.issued().is_none_or(|issued| seconds(issued) <= seconds(entry.since)),
        };
        holds(&Subject::User(tenant(), (&*principal.user).into())).is_some_and(is_old)
            || holds(&Subject::Session(tenant(), session.clone())).is_some_and(is_old)
    }

    /// How many are remembered whose tokens may not have ended yet.
    pub fn count(&self, now: SystemTime) -> usize {
        let instant = Instant::now();
        {
            let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
            if table.ends.first_key_value().is_none_or(|((due, _), _)| *due > instant) {
                return table.entries.len();
            }
        }
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        table.forget(now, instant, self.life);
        table.entries.len()
    }
}

impl Table {
    /// Drops what is over.
    fn forget(&mut self, now: SystemTime, instant: Instant, life: Duration) {
        let mut later = Vec::new();
        while let Some(first) = self.ends.first_entry().filter(|first| first.key().0 <= instant) {
            let subject = first.remove();
            match self.entries.get_mut(&subject) {
                // The clock was ahead when it was revoked, or is behind now: looked at again when that may be over, and after a
                // life, since a clock that is put right makes it earlier.
                Some(entry) if !entry.is_over(now, instant) => {
                    let left =
                        entry.until.and_then(|until| until.duration_since(now).ok()).unwrap_or_default().min(life);
                    entry.due = instant.checked_add(left).unwrap_or(instant);
                    later.push(((entry.due, entry.serial), subject));
                }
                _ => drop(self.entries.remove(&subject)),
            }
        }
        self.ends.extend(later);
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests;
