//! Who is refused, since when, and until when.

use std::sync::Arc;

use serde_json::json;
use tokio::time::advance;

use super::*;
use crate::auth::{DEFAULT_MAX_LIFE, SessionToken};

const NOW: u64 = 1_790_000_000;
/// How long a revocation is remembered by [`table`]: a token's longest life, and the leeway twice.
const LIFE: Duration = Duration::from_secs(24 * 3_600 + 60);
const HOUR: Duration = Duration::from_secs(3_600);

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn principal(user: &str, token: &str, issued: Option<u64>) -> Principal {
    let claims = issued.map(|issued| ("iat".to_owned(), json!(issued))).into_iter().collect();
    let (user, token_id) = (user.into(), token.into());
    Principal { known: Known::ByToken, user, token_id, claims: Arc::new(claims), ..Principal::anonymous() }
}

fn user(name: &str) -> Subject {
    Subject::User(Tenant::default_tenant(), name.into())
}

fn token(id: &str) -> Subject {
    Subject::Token(Tenant::default_tenant(), id.into())
}

fn session(id: &str) -> Subject {
    Subject::Session(Tenant::default_tenant(), id.into())
}

fn table() -> Revocations {
    Revocations::new(3, DEFAULT_MAX_LIFE, Duration::from_secs(30))
}

#[test]
fn a_user_is_refused_by_tokens_from_before_and_in_again_by_newer_ones() {
    let revoked = table();
    let refuses = |who: &Principal| revoked.refuse(who, &"s".into(), at(NOW + 10));
    assert!(!refuses(&principal("ann", "", None)));
    revoked.revoke(user("ann"), at(NOW) + Duration::from_millis(900)).unwrap();
    for (issued, expected) in [(None, true), (Some(NOW - 60), true), (Some(NOW), true), (Some(NOW + 1), false)] {
        assert_eq!(refuses(&principal("ann", "", issued)), expected, "{issued:?}");
        assert!(!refuses(&principal("bob", "", issued)));
        let tenant = Principal { tenant: "acme".into(), ..principal("ann", "", issued) };
        assert!(!refuses(&tenant), "another's user of that name");
    }
    let nobody = Principal { user: "ann".into(), ..Principal::anonymous() };
    assert!(!refuses(&nobody));
}

#[test]
fn a_token_and_a_session_are_refused_for_themselves() {
    let revoked = table();
    revoked.revoke(token("t1"), at(NOW)).unwrap();
    revoked.revoke(session("s1"), at(NOW)).unwrap();
    let on = |who: &Principal, session: &str| revoked.refuse(who, &session.into(), at(NOW + 10));
    assert!(on(&principal("ann", "t1", Some(NOW + 5)), "s2"), "whenever it was issued");
    assert!(!on(&principal("ann", "t2", Some(NOW - 5)), "s2"));
    assert!(!on(&principal("t1", "", Some(NOW - 5)), "s2"), "a user of that name");
    assert!(on(&principal("ann", "t2", Some(NOW - 5)), "s1"));
    assert!(!on(&principal("ann", "t2", Some(NOW + 5)), "s1"));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_forgotten_before_the_longest_token_has_ended() {
    let revoked = table();
    let until = revoked.revoke(user("ann"), at(NOW)).unwrap().unwrap();
    assert_eq!(until, at(NOW + LIFE.as_secs()));
    let old = principal("ann", "", Some(NOW));
    let second = Duration::from_secs(1);
    advance(LIFE - second).await;
    assert!(revoked.refuse(&old, &"s".into(), until - second));
    assert_eq!(revoked.count(until - second), 1);
    advance(second).await;
    assert!(!revoked.refuse(&old, &"s".into(), until));
    assert_eq!(revoked.count(until), 0, "what is over is not counted, though nobody is revoked after it");
    revoked.revoke(user("carl"), at(NOW)).unwrap();
    advance(LIFE).await;
    revoked.revoke(user("bob"), until).unwrap();
    assert_eq!(revoked.table.read().unwrap().entries.len(), 1, "what is over takes no room");
}

#[test]
fn a_full_table_says_so_and_forgets_nobody() {
    let revoked = table();
    for name in ["a", "b", "c"] {
        revoked.revoke(user(name), at(NOW)).unwrap();
    }
    assert_eq!(revoked.revoke(user("d"), at(NOW + 1)), Err(Full { max: 3 }));
    for _ in 0..10 {
        assert!(revoked.revoke(user("a"), at(NOW + 7)).is_ok(), "it is there already");
    }
    assert_eq!((revoked.count(at(NOW + 1)), revoked.table.read().unwrap().ends.len()), (3, 3));
    assert!(revoked.refuse(&principal("a", "", Some(NOW + 7)), &"s".into(), at(NOW + 8)));
    assert!(revoked.refuse(&principal("b", "", Some(NOW)), &"s".into(), at(NOW + 8)));
    assert!(!revoked.refuse(&principal("d", "", Some(NOW)), &"s".into(), at(NOW + 8)));
}

#[test]
fn a_clock_that_is_set_back_takes_nothing_away() {
    let revoked = table();
    revoked.revoke(user("ann"), at(NOW)).unwrap();
    let until = revoked.revoke(user("ann"), at(NOW - 3_600)).unwrap().unwrap();
    assert_eq!(until, at(NOW + 24 * 3_600 + 60));
    assert!(revoked.refuse(&principal("ann", "", Some(NOW)), &"s".into(), at(NOW)));
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_ahead_for_a_moment_forgets_nobody() {
    let revoked = table();
    revoked.revoke(user("ann"), at(NOW)).unwrap();
    let old = principal("ann", "", Some(NOW));
    advance(23 * HOUR).await;
    assert_eq!(revoked.count(at(NOW) + 25 * HOUR), 1, "two hours ahead, while somebody looks");
    revoked.revoke(user("bob"), at(NOW) + 25 * HOUR).unwrap();
    assert!(revoked.refuse(&old, &"s".into(), at(NOW) + 23 * HOUR), "the clock was put right");
    advance(LIFE - 23 * HOUR).await;
    assert_eq!(revoked.count(at(NOW) + LIFE), 1, "its time is over by both clocks; bob's is not");
    assert!(!revoked.refuse(&old, &"s".into(), at(NOW) + LIFE));
    advance(23 * HOUR).await;
    assert_eq!(revoked.count(at(NOW) + LIFE + 23 * HOUR), 1, "bob's is over by one of them");
    advance(2 * HOUR).await;
    assert_eq!(revoked.count(at(NOW) + LIFE + 25 * HOUR), 0);
    let table = revoked.table.read().unwrap();
    assert_eq!((table.entries.len(), table.ends.len()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn who_was_revoked_while_the_clock_was_far_ahead_is_forgotten_in_the_end() {
    let revoked = table();
    let until = revoked.revoke(user("ann"), at(NOW) + 240 * HOUR).unwrap().unwrap();
    revoked.revoke(user("bob"), at(NOW)).unwrap();
    advance(LIFE).await;
    assert_eq!(revoked.count(at(NOW) + LIFE), 1, "of ann's tokens one may be good by that clock");
    // The clock was wrong, or is now: looked at again a life later at most.
    advance(LIFE).await;
    assert_eq!(revoked.count(until - HOUR), 1);
    advance(HOUR).await;
    assert_eq!(revoked.count(until), 0);
    assert!(revoked.table.read().unwrap().ends.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_wrong_for_a_moment_lets_nobody_in() {
    let revoked = table();
    let refuses = |who: &Principal, time: SystemTime| revoked.refuse(who, &"s".into(), time);
    let nameless = principal("ann", "", None);
    revoked.revoke(user("ann"), at(NOW)).unwrap();
    assert!(refuses(&nameless, at(NOW) + 25 * HOUR), "a token without iat may be good by the clock that is ahead");
    // Behind when it was revoked, and then put right.
    revoked.revoke(token("t1"), at(NOW) - 25 * HOUR).unwrap();
    let named = principal("bob", "t1", Some(NOW));
    assert!(refuses(&named, at(NOW)));
    advance(LIFE).await;
    assert!(!refuses(&named, at(NOW) + LIFE) && !refuses(&nameless, at(NOW) + LIFE));
}

#[tokio::test(start_paused = true)]
async fn a_session_token_that_is_revoked_stays_so_whatever_the_clock_says_until_there_is_another() {
    let revoked = table();
    let own = SessionToken::new(b"a token", Instant::now().into_std());
    let refuses = |text: &str, time: SystemTime| revoked.refuse(&own.recognise(text).unwrap(), &"s".into(), time);
    advance(HOUR).await;
    // The clock was ahead when the bridge started, and was put right.
    assert_eq!(revoked.revoke(user(SESSION_TOKEN_USER), at(NOW) - 2 * HOUR), Ok(None));
    for lives in 0..3_u32 {
        assert!(refuses("a token", at(NOW) + lives * LIFE), "{lives}");
        assert_eq!(revoked.count(at(NOW) + lives * LIFE), 1);
        advance(LIFE).await;
    }
    assert_eq!(revoked.revoke(user("ann"), at(NOW) + 3 * LIFE).map(|until| until.is_some()), Ok(true));
    own.replace(b"a token", Instant::now().into_std());
    assert!(refuses("a token", at(NOW)), "the same again");
    own.replace(b"another", Instant::now().into_std());
    assert!(!refuses("another", at(NOW)));
    advance(HOUR).await;
    assert_eq!(revoked.revoke(user(SESSION_TOKEN_USER), at(NOW)), Ok(None));
    assert!(refuses("another", at(NOW)));
}
