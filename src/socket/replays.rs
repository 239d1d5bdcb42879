//! Whose replay budget a connection takes from: its user's, or where many or none are that, its address's.
//!
//! What was spent is remembered until it has come back, so that nobody connects again for a new budget; whole ones that nobody
//! takes from are forgotten, which bounds the memory by the connections that are there and what was spent a moment ago.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crate::ids::Tenant;
use crate::net::admission::one_peer;
use crate::session::outbound::ReplayBudget;
use crate::session::principal::{Known, Principal};

/// Budgets that there are before it is looked which need not be remembered.
const LEAST_TIDIED: usize = 64;

/// Who pays.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Payer {
    User(Tenant, Arc<str>),
    Address(IpAddr),
}

/// The budgets of everybody who takes from one, or did a moment ago.
#[derive(Debug, Default)]
pub(super) struct Replays {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    budgets: HashMap<Payer, Arc<ReplayBudget>>,
    /// Budgets after the last look.
    tidied: usize,
}

impl Replays {
    /// The budget of this principal that comes from there. `None`: behind a proxy of this machine everybody comes from loopback, so
    /// who is no user there has one for each connection.
    pub(super) fn of(&self, principal: &Principal, from: IpAddr, now: Instant) -> Option<Arc<ReplayBudget>> {
        let payer = if principal.known == Known::ByToken && !principal.shared {
            Payer::User(principal.tenant.clone(), Arc::clone(&principal.user))
        } else {
            Payer::Address(Some(one_peer(from)).filter(|from| !from.is_loopback())?)
        };
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.tidy(now);
        Some(Arc::clone(state.budgets.entry(payer).or_insert_with(|| Arc::new(ReplayBudget::new(now)))))
    }
}

impl State {
    /// Now and then, forgets what is as good as new.
    fn tidy(&mut self, now: Instant) {
        if self.budgets.len() >= 2 * self.tidied.max(LEAST_TIDIED) {
            self.budgets.retain(|_, budget| Arc::strong_count(budget) > 1 || !budget.is_whole(now));
            self.tidied = self.budgets.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn principal(known: Known, user: &str, shared: bool) -> Principal {
        Principal { known, user: user.into(), shared, ..Principal::anonymous() }
    }

    #[test]
    fn a_user_has_one_budget_wherever_it_comes_from_and_an_address_one_for_who_is_none() {
        let replays = Replays::default();
        let (ann, token) = (principal(Known::ByToken, "ann", false), principal(Known::ByToken, "token", true));
        let nobody = principal(Known::Anonymous, "", false);
        let of = |principal: &Principal, from: &str| replays.of(principal, from.parse().unwrap(), Instant::now());
        let same = |one: Option<Arc<ReplayBudget>>, other: Option<Arc<ReplayBudget>>| {
            Arc::ptr_eq(&one.expect("a budget"), &other.expect("a budget"))
        };
        assert!(same(of(&ann, "192.0.2.1"), of(&ann, "127.0.0.1")));
        assert!(!same(of(&ann, "192.0.2.1"), of(&principal(Known::ByToken, "bob", false), "192.0.2.1")));
        let elsewhere = Principal { tenant: Tenant::from("acme"), ..ann.clone() };
        assert!(!same(of(&ann, "192.0.2.1"), of(&elsewhere, "192.0.2.1")));
        assert!(same(of(&token, "192.0.2.1"), of(&nobody, "192.0.2.1")), "many are this user: the address counts");
        assert!(!same(of(&token, "192.0.2.1"), of(&token, "192.0.2.2")));
        assert!(same(of(&nobody, "2001:db8::1"), of(&nobody, "2001:db8::2")), "one peer has many of these");
        assert!(of(&nobody, "127.0.0.1").is_none() && of(&token, "::1").is_none());
    }

    #[test]
    fn who_has_gone_and_spent_nothing_is_forgotten() {
        let (replays, now) = (Replays::default(), Instant::now());
        let user = |number: usize| principal(Known::ByToken, &number.to_string(), false);
        let from = IpAddr::from([127, 0, 0, 1]);
        let there = replays.of(&user(0), from, now);
        for number in 1..10_000 {
            replays.of(&user(number), from, now);
        }
        assert!(replays.state.lock().unwrap().budgets.len() <= 2 * LEAST_TIDIED);
        let again = replays.of(&user(0), from, now);
        assert!(Arc::ptr_eq(&there.unwrap(), &again.unwrap()), "who is there is not");
    }

    #[test]
    fn who_has_gone_and_spent_much_is_remembered_until_it_has_come_back() {
        let (replays, now) = (Replays::default(), Instant::now());
        let (ann, from) = (principal(Known::ByToken, "ann", false), IpAddr::from([127, 0, 0, 1]));
        // As if all had been spent: it is whole in an hour.
        let later = now + std::time::Duration::from_secs(3_600);
        let spent = Arc::downgrade(&replays.of(&ann, from, later).unwrap());
        let mut crowd = 0..;
        let mut others_come = |when: Instant| {
            for number in crowd.by_ref().take(10_000) {
                replays.of(&principal(Known::ByToken, &format!("{number}"), false), from, when);
            }
        };
        others_come(now);
        assert!(spent.upgrade().is_some(), "nobody connects again for a new budget");
        others_come(later);
        assert!(spent.upgrade().is_none());
    }
}
