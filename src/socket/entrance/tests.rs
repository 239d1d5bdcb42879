//! Who comes in, and who stays while somebody is being revoked.

use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Map, Value, json};

use super::*;
use crate::auth::{self, DEFAULT_MAX_LIFE, Issuer, KeySource, Keyring, Revocations, Settings, Subject};
use crate::hub::Wakeups;
use crate::session::inbound::Limits;
use crate::socket::gate::WrongTokens;
use crate::socket::mailbox::{ConnectionKey, Mailbox};

const SECRET: &str = "kq8Zt0vLw3Xy7Rb2Nf5Jd9Hs1Gm4Pc6e";
const NOW: u64 = 1_790_000_000;

fn gate() -> Gate {
    let issuer = Issuer { keys: vec![KeySource::Secret(SECRET.into())], ..Issuer::default() };
    let leeway = Duration::from_secs(30);
    let settings = Settings::of(vec![issuer]);
    Gate {
        keys: Some(Arc::new(Keyring::new(settings, Duration::ZERO).unwrap())),
        session: None,
        cookie: None,
        in_query: false,
        grace: Duration::ZERO,
        tenancy: Arc::default(),
        revocations: Arc::new(Revocations::new(10, DEFAULT_MAX_LIFE, leeway)),
        wrong: WrongTokens::new(1_000),
        metrics: Arc::default(),
    }
}

/// A token of `ann` with this `jti`.
fn token(id: &str) -> String {
    let claims = [("sub", json!("ann")), ("exp", json!(NOW + 600)), ("iat", json!(NOW - 60)), ("jti", json!(id))];
    let claims: Map<String, Value> = claims.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    auth::mint(&claims, SECRET.as_bytes()).unwrap()
}

/// Somebody who has come in with the token `t1`, and what becomes of a refresh with `t2`.
struct Inside {
    gate: Gate,
    roster: Arc<Roster>,
    entrance: Entrance,
    place: Place,
}

impl Inside {
    fn new() -> Self {
        let mut inside = Inside::empty();
        assert!(matches!(inside.init(), Command::Init { .. }));
        inside
    }

    /// Nobody yet.
    fn empty() -> Self {
        let mailbox = Arc::new(Mailbox::new(Arc::new(Wakeups::default())));
        let place = Place { mailbox, key: ConnectionKey { index: 7, serial: 1 } };
        let entrance = Entrance::new([192, 0, 2, 7].into(), None, "made".into());
        Inside { gate: gate(), roster: Roster::new(9, Limits::default()), entrance, place }
    }

    fn init(&mut self) -> Command {
        let init = ConnectionInit { token: token("t1"), ..ConnectionInit::default() };
        self.judge(Command::Init { id: None, init, party: None })
    }

    fn judge(&mut self, command: Command) -> Command {
        let (now, time, metrics) = (Instant::now(), UNIX_EPOCH + Duration::from_secs(NOW), Metrics::default());
        let door = Door { gate: &self.gate, roster: &self.roster, metrics: &metrics, now, time };
        self.entrance
            .judge(command, door, &self.place, KeysMay::BeMissing)
            .unwrap_or_else(|_| panic!("no key is awaited"))
    }

    fn refresh(&mut self) -> Command {
        self.judge(Command::Refresh { id: None, token: token("t2"), party: None })
    }

    /// Has this token refused from now on, as an administrator does before its connections are looked for.
    fn revoke(&self, id: &str) {
        let subject = Subject::Token(Tenant::default_tenant(), id.into());
        self.gate.revocations.revoke(subject, UNIX_EPOCH + Duration::from_secs(NOW)).unwrap();
    }
}

#[test]
fn a_refresh_with_a_revoked_token_is_refused_and_the_connection_goes_on_by_its_own() {
    let mut inside = Inside::new();
    inside.revoke("t2");
    for _ in 0..3 {
        let Command::Refuse { error, .. } = inside.refresh() else { panic!("it goes on") };
        assert_eq!(error.code, 4504);
    }
    let own = Subject::Token(Tenant::default_tenant(), "t1".into());
    assert_eq!(inside.roster.expel(&own).0, 1, "it is found by the token that it has");
}

#[test]
fn a_wrong_refresh_from_an_address_with_too_many_is_told_so_and_how_long_to_wait() {
    let mut inside = Inside::new();
    inside.gate.wrong = WrongTokens::new(1);
    let elsewhere = || Entrance::new([192, 0, 2, 7].into(), None, "other".into());
    let own = std::mem::replace(&mut inside.entrance, elsewhere());
    for _ in 0..10 {
        inside.entrance = elsewhere();
        let init = ConnectionInit { token: "wrong".into(), ..ConnectionInit::default() };
        let refused = inside.judge(Command::Init { id: None, init, party: None });
        assert!(matches!(refused, Command::Close { code: 4001, .. }), "{refused:?}");
    }
    inside.entrance = own;
    let refused = inside.judge(Command::Refresh { id: None, token: "wrong".into(), party: None });
    let Command::Refuse { error, .. } = refused else { panic!("it goes on: {refused:?}") };
    assert_eq!((error.code, error.reason.as_str()), (4004, "too_many_wrong_tokens"));
    assert!((1..=2_000).contains(&error.retry_after_ms), "{error:?}");
    assert!(matches!(inside.refresh(), Command::Refresh { .. }), "a right one is no guess");
}

#[test]
fn who_gets_no_seat_takes_no_place_of_the_tenants_while_its_connection_closes() {
    let mut inside = Inside { roster: Roster::new(1, Limits::default()), ..Inside::empty() };
    let counted = |inside: &Inside| inside.gate.tenancy.connections().iter().map(|(_, count)| *count).sum::<u64>();
    let first = inside.init();
    assert!(matches!(first, Command::Init { .. }), "{first:?}");
    let entrance = Entrance::new([192, 0, 2, 7].into(), None, "other".into());
    let other = Inside { entrance: std::mem::replace(&mut inside.entrance, entrance), ..Inside::empty() };
    let refused = inside.init();
    assert!(matches!(refused, Command::Close { code: 4103, .. }), "{refused:?}");
    assert_eq!(counted(&inside), 1, "the refused one is still there");
    drop(other);
    assert_eq!(counted(&inside), 0);
    inside.revoke("t1");
    inside.entrance = Entrance::new([192, 0, 2, 7].into(), None, "revoked".into());
    let revoked = inside.init();
    assert!(matches!(revoked, Command::Close { code: 4504, .. }), "{revoked:?}");
    assert_eq!(counted(&inside), 0);
}

/// While the second token was being looked at, whoever looked for the first one did not find it here.
#[test]
fn a_refresh_that_is_refused_ends_the_connection_when_its_own_token_was_revoked_meanwhile() {
    let mut inside = Inside::new();
    inside.revoke("t1");
    inside.revoke("t2");
    match inside.refresh() {
        Command::Close { code, .. } => assert_eq!(code, 4504),
        other => panic!("{other:?}"),
    }
}
