//! Who is on which connection: what one user may have of them, and where they are when an administrator ends them.
//!
//! A [`Seat`] is taken as soon as a token says who somebody is, before the upgrade where it came with the request, and given
//! back once, when its connection's read task or the failed handshake drops it. A user's seats are together and share what
//! that user may do in a second, except where many people are one user by a token that they share. Looking for a session or
//! a token walks all seats, on the asker's thread and a part of them at a time; no shard waits for it.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::auth::Subject;
use crate::ids::Tenant;
use crate::session::inbound::{Allowance, Limits};
use crate::session::party::Party;
use crate::session::principal::Known;

use super::mailbox::{ConnectionKey, Mailbox};
use super::replays::Replays;
use super::stream::now;

/// Parts of the table with a lock each.
const STRIPES: u64 = 64;
/// Users that a part has before it is looked whose allowance need not be remembered.
const LEAST_TIDIED: usize = 64;

/// Everybody who is there.
#[derive(Debug)]
pub(super) struct Roster {
    stripes: Box<[Mutex<Stripe>]>,
    hasher: RandomState,
    serial: AtomicU64,
    max_per_user: usize,
    limits: Limits,
    /// Of whoever sits here.
    pub(super) replays: Replays,
}

type User = (Tenant, Arc<str>);

#[derive(Debug, Default)]
struct Stripe {
    users: HashMap<User, OfUser>,
    /// Those who are no users.
    others: HashMap<u64, Arc<Occupant>>,
    /// Users after the last look at those without a seat.
    tidied: usize,
}

/// One user's connections.
#[derive(Debug)]
struct OfUser {
    /// By serial number: of a user that many people share, thousands may leave at once.
    seats: HashMap<u64, Arc<Occupant>>,
    allowance: Arc<Allowance>,
}

/// Who sits on a seat.
#[derive(Debug)]
struct Occupant {
    serial: u64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    party: Arc<Party>,
    place: Option<Place>,
    expelled: bool,
}

/// Where a connection is.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) key: ConnectionKey,
}

/// One connection's entry in the roster.
#[derive(Debug)]
pub(super) struct Seat {
    roster: Arc<Roster>,
    stripe: usize,
    user: Option<User>,
    occupant: Arc<Occupant>,
    /// What its user may do, where it is a user's.
    pub(super) allowance: Option<Arc<Allowance>>,
}

/// A user has as many connections as one may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this user has {0} connections, its limit; close some, then try again")]
pub(super) struct TooMany(usize);

impl Roster {
    pub(super) fn new(max_per_user: usize, limits: Limits) -> Arc<Self> {
        let (stripes, hasher) = ((0..STRIPES).map(|_| Mutex::default()).collect(), RandomState::new());
        Arc::new(Roster {
            stripes,
            hasher,
            serial: AtomicU64::new(0),
            max_per_user,
            limits,
            replays: Replays::default(),
        })
    }

    /// A seat for this party, wherever its connection is already.
    pub(super) fn sit(self: &Arc<Self>, party: &Arc<Party>, place: Option<Place>) -> Result<Seat, TooMany> {
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        let state = Mutex::new(State { party: Arc::clone(party), place, expelled: false });
        let occupant = Arc::new(Occupant { serial, state });
        let principal = &party.principal;
        let roster = Arc::clone(self);
        if principal.known != Known::ByToken {
            let stripe = stripe_of(serial);
            lock(&self.stripes[stripe]).others.insert(serial, Arc::clone(&occupant));
            return Ok(Seat { roster, stripe, user: None, occupant, allowance: None });
        }
        let user = (principal.tenant.clone(), Arc::clone(&principal.user));
        let index = stripe_of(self.hasher.hash_one(&user));
        let now = now();
        let mut stripe = lock(&self.stripes[index]);
        stripe.tidy(now);
        let of_user = stripe
            .users
            .entry(user.clone())
            .or_insert_with(|| OfUser { seats: HashMap::new(), allowance: Arc::new(Allowance::new(self.limits, now)) });
        if of_user.seats.len() >= self.max_per_user && !principal.shared {
            return Err(TooMany(self.max_per_user));
        }
        of_user.seats.insert(serial, Arc::clone(&occupant));
        let allowance = (!principal.shared).then(|| Arc::clone(&of_user.allowance));
        drop(stripe);
        Ok(Seat { roster, stripe: index, user: Some(user), occupant, allowance })
    }

    /// Marks everybody who is meant as expelled, and says how many they are that were not before, and where all of them are: an
    /// earlier call may not have got to them. Who is nowhere yet finds out by [`Seat::place`].
    pub(super) fn expel(&self, subject: &Subject) -> (usize, Vec<Place>) {
        let (mut count, mut places) = (0, Vec::new());
        let mut look = |occupant: &Arc<Occupant>| {
            let mut state = lock(&occupant.state);
            if is_meant(subject, &state.party) {
                count += usize::from(!std::mem::replace(&mut state.expelled, true));
                places.extend(state.place.clone());
            }
        };
        if let Subject::User(tenant, name) = subject {
            let user: User = (tenant.clone(), (&**name).into());
            let stripe = lock(&self.stripes[stripe_of(self.hasher.hash_one(&user))]);
            stripe.users.get(&user).into_iter().flat_map(|of_user| of_user.seats.values()).for_each(look);
        } else {
            for stripe in &self.stripes {
                let stripe = lock(stripe);
                stripe.users.values().flat_map(|of_user| of_user.seats.values()).for_each(&mut look);
                stripe.others.values().for_each(&mut look);
            }
        }
        (count, places)
    }
}

impl Stripe {
    /// Now and then, forgets users who have no seat and whose allowance is whole again.
    fn tidy(&mut self, now: Instant) {
        if self.users.len() >= 2 * self.tidied.max(LEAST_TIDIED) {
            self.users.retain(|_, of_user| !of_user.seats.is_empty() || !of_user.allowance.is_whole(now));
            self.tidied = self.users.len();
        }
    }
}

impl Seat {
    /// Says where the connection is. Whether it has been expelled meanwhile.
    pub(super) fn place(&self, place: Place) -> bool {
        let mut state = lock(&self.occupant.state);
        state.place = Some(place);
        state.expelled
    }

    /// Goes on as the same user with another token.
    pub(super) fn change(&self, party: &Arc<Party>) {
        lock(&self.occupant.state).party = Arc::clone(party);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut stripe = lock(&self.roster.stripes[self.stripe]);
        let Some(user) = &self.user else {
            stripe.others.remove(&self.occupant.serial);
            return;
        };
        let Some(of_user) = stripe.users.get_mut(user) else { return };
        of_user.seats.remove(&self.occupant.serial);
        // What was spent is remembered, so that nobody comes back for a new allowance.
        if of_user.seats.is_empty() && of_user.allowance.is_whole(now()) {
            stripe.users.remove(user);
        }
    }
}

fn is_meant(subject: &Subject, party: &Party) -> bool {
    let principal = &party.principal;
    match subject {
        // Whoever sits with this user.
        Subject::User(..) => true,
        Subject::Session(tenant, session) => principal.tenant == *tenant && party.session == *session,
        Subject::Token(tenant, id) => principal.tenant == *tenant && *principal.token_id == **id,
    }
}

fn stripe_of(hash: u64) -> usize {
    usize::try_from(hash % STRIPES).unwrap_or_default()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is inside is changed by whole steps.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
