//! Seats are counted, given back and found.

use std::sync::Arc;

use super::*;
use crate::hub::Wakeups;
use crate::session::principal::Principal;

fn roster() -> Arc<Roster> {
    Roster::new(2, Limits { user_commands_per_second: 1, user_commands_burst: 3, ..Limits::default() })
}

fn party(user: &str, session: &str, token: &str) -> Arc<Party> {
    let known = if user.is_empty() { Known::Anonymous } else { Known::ByToken };
    let principal = Principal { known, user: user.into(), token_id: token.into(), ..Principal::anonymous() };
    Arc::new(Party { principal: Arc::new(principal), session: session.into(), ends: None })
}

fn place(index: usize) -> Place {
    Place { mailbox: Arc::new(Mailbox::new(Arc::new(Wakeups::default()))), key: ConnectionKey { index, serial: 1 } }
}

fn user(name: &str) -> Subject {
    Subject::User(Tenant::default_tenant(), name.into())
}

fn users(roster: &Roster) -> usize {
    let count = |stripe: &Stripe| stripe.users.len() + stripe.others.len();
    roster.stripes.iter().map(|stripe| count(&lock(stripe))).sum()
}

#[test]
fn a_user_has_so_many_and_gives_each_back_once() {
    let roster = roster();
    let first = roster.sit(&party("ann", "s", ""), None).unwrap();
    let _second = roster.sit(&party("ann", "s", ""), None).unwrap();
    for _ in 0..3 {
        assert_eq!(roster.sit(&party("ann", "s", ""), None).unwrap_err(), TooMany(2));
    }
    let _other = roster.sit(&party("bob", "s", ""), None).unwrap();
    drop(first);
    let third = roster.sit(&party("ann", "s", ""), None).unwrap();
    assert!(roster.sit(&party("ann", "s", ""), None).is_err());
    drop(third);
    assert!(roster.sit(&party("ann", "s", ""), None).is_ok());
    let many: Vec<_> = (0..100).map(|_| roster.sit(&party("", "s", ""), None).unwrap()).collect();
    drop((many, _second, _other));
    assert_eq!(users(&roster), 0, "nobody is remembered");
}

#[test]
fn what_was_spent_is_not_forgotten_with_the_seat_and_not_remembered_for_ever() {
    let roster = roster();
    let seat = roster.sit(&party("ann", "s", ""), None).unwrap();
    let allowance = seat.allowance.clone().unwrap();
    allowance.charge(3, now());
    drop(seat);
    let again = roster.sit(&party("ann", "s", ""), None).unwrap();
    assert!(Arc::ptr_eq(&allowance, again.allowance.as_ref().unwrap()));
    assert_eq!(users(&roster), 1);
    let stripe = &mut *lock(&roster.stripes[again.stripe]);
    let gone = || OfUser { seats: HashMap::new(), allowance: Arc::new(Allowance::new(roster.limits, now())) };
    stripe.users.extend((0..2 * LEAST_TIDIED).map(|n| ((Tenant::default_tenant(), n.to_string().into()), gone())));
    let spent = gone();
    spent.allowance.charge(3, now());
    stripe.users.insert((Tenant::default_tenant(), "spent".into()), spent);
    let mut idle = gone();
    idle.seats.insert(7, Arc::clone(&again.occupant));
    stripe.users.insert((Tenant::default_tenant(), "idle".into()), idle);
    stripe.tidy(now());
    assert_eq!(stripe.users.len(), 3, "who is there, also with all of its budget, and who has spent something");
}

#[test]
fn whoever_is_meant_is_expelled_once_wherever_it_is() {
    let roster = roster();
    let here = roster.sit(&party("ann", "s1", "t1"), Some(place(7))).unwrap();
    let nowhere = roster.sit(&party("ann", "s2", "t2"), None).unwrap();
    let bob = roster.sit(&party("bob", "s2", "t3"), Some(place(8))).unwrap();
    let anonymous = roster.sit(&party("", "s3", ""), Some(place(9))).unwrap();
    let expel = |subject: &Subject| {
        let (count, places) = roster.expel(subject);
        let mut places: Vec<_> = places.iter().map(|place| place.key.index).collect();
        places.sort_unstable();
        (count, places)
    };
    let tenant = Tenant::default_tenant;
    assert_eq!(expel(&user("")), (0, vec![]), "nobody is no user");
    assert_eq!(expel(&user("eve")), (0, vec![]));
    for of_another_tenant in [
        Subject::User("acme".into(), "ann".into()),
        Subject::Session("acme".into(), "s2".into()),
        Subject::Token("acme".into(), "t1".into()),
    ] {
        assert_eq!(expel(&of_another_tenant), (0, vec![]), "{of_another_tenant:?}");
    }
    assert_eq!(expel(&Subject::Token(tenant(), "t1".into())), (1, vec![7]));
    assert_eq!(expel(&user("ann")), (1, vec![7]), "the other one is counted once, and told again");
    assert!(nowhere.place(place(5)), "it is told when it gets somewhere");
    assert_eq!(expel(&Subject::Session(tenant(), "s2".into())), (1, vec![5, 8]));
    assert_eq!(expel(&Subject::Session(tenant(), "s3".into())), (1, vec![9]));
    drop((here, bob, anonymous));
}

#[test]
fn a_token_is_the_one_that_a_connection_lives_on_now() {
    let roster = roster();
    let seat = roster.sit(&party("ann", "s1", "old"), Some(place(7))).unwrap();
    seat.change(&party("ann", "s1", "new"));
    assert_eq!(roster.expel(&Subject::Token(Tenant::default_tenant(), "old".into())).0, 0);
    assert_eq!(roster.expel(&Subject::Token(Tenant::default_tenant(), "new".into())).0, 1);
}

#[test]
fn who_shares_a_token_is_one_user_that_nobody_counts_and_everybody_can_end() {
    let roster = roster();
    let token = crate::auth::SessionToken::new(b"a token", std::time::Instant::now());
    let principal = token.recognise("a token").unwrap();
    let party = Arc::new(Party { principal, session: "s".into(), ends: None });
    let seats: Vec<_> = (0..10).map(|_| roster.sit(&party, None).unwrap()).collect();
    assert!(seats.iter().all(|seat| seat.allowance.is_none()));
    assert_eq!(roster.expel(&user(crate::auth::SESSION_TOKEN_USER)).0, 10);
    drop(seats);
    assert_eq!(users(&roster), 0);
}
