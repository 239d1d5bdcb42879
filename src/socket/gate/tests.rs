//! Where a token may be, and which of them counts.

use std::time::UNIX_EPOCH;

use axum::http::{HeaderName, HeaderValue};
use serde_json::{Map, Value, json};

use super::*;
use crate::auth::{self, ClaimNames, Issuer, KeySource, Settings};

const SECRET: &str = "kq8Zt0vLw3Xy7Rb2Nf5Jd9Hs1Gm4Pc6e";
const NOW: u64 = 1_790_000_000;

fn gate(in_query: bool, cookie: Option<&str>) -> Gate {
    let keys = vec![KeySource::Secret(SECRET.into())];
    let issuer = Issuer { name: None, audiences: Vec::new(), algorithms: Vec::new(), keys };
    let leeway = Duration::from_secs(30);
    let settings = Settings { issuers: vec![issuer], claims: ClaimNames::default(), leeway };
    let authenticator = Some(Authenticator::new(&settings).unwrap());
    Gate {
        authenticator,
        cookie: cookie.map(str::to_owned),
        in_query,
        grace: Duration::from_secs(25),
        tenancy: Arc::default(),
        revocations: Arc::new(Revocations::new(10, leeway)),
    }
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn token(user: &str, ends: u64) -> String {
    let claims = [("sub", json!(user)), ("exp", json!(ends)), ("iat", json!(NOW - 60))];
    let claims: Map<String, Value> = claims.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    auth::mint(&claims, SECRET.as_bytes()).unwrap()
}

fn headers(lines: &[(&'static str, String)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    }
    headers
}

/// The user, `-` for nobody, or the code of the refusal.
fn found(gate: &Gate, lines: &[(&'static str, String)], query: &[(&str, &str)]) -> String {
    let query: Vec<_> = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    match gate.of_request(&headers(lines), &query, at(NOW)) {
        Ok(None) => "-".to_owned(),
        Ok(Some(principal)) => principal.user.to_string(),
        Err(refused) => refused.code.number().to_string(),
    }
}

#[test]
fn the_first_token_that_is_there_counts() {
    let (ann, bob) = (token("ann", NOW + 60), token("bob", NOW + 60));
    let bearer = |token: &str| ("authorization", format!("Bearer {token}"));
    let cookie = |token: &str| ("cookie", format!("a=b; app={token}; app2={ann}"));
    let origin = || ("origin", "https://app.example".to_owned());
    let (all, header_only) = (gate(true, Some("app")), gate(false, None));
    assert_eq!(found(&all, &[bearer(&ann), cookie(&bob), origin()], &[("token", &bob)]), "ann");
    assert_eq!(found(&all, &[cookie(&bob), origin()], &[("token", &ann)]), "bob");
    assert_eq!(found(&all, &[], &[("token", &ann)]), "ann");
    assert_eq!(found(&all, &[("authorization", format!("BEARER   {ann}"))], &[]), "ann");
    assert_eq!(found(&all, &[("cookie", "x=y".to_owned()), cookie(&bob), origin()], &[]), "bob");
    assert_eq!(found(&all, &[("cookie", format!("app=\"{ann}\"")), origin()], &[]), "ann");
    assert_eq!(found(&all, &[("cookie", "app=".to_owned())], &[]), "-", "a cookie that was deleted");
    assert_eq!(found(&all, &[("cookie", format!("app2={ann}")), origin()], &[]), "-");
    assert_eq!(found(&all, &[("cookie", format!("APP={ann}")), origin()], &[]), "-");
    // What else is in the header is other people's, and need not be text.
    let mut beside = headers(&[origin()]);
    let mut bytes = b"name=Jos\xe9; app=".to_vec();
    bytes.extend_from_slice(ann.as_bytes());
    beside.insert("cookie", HeaderValue::from_bytes(&bytes).unwrap());
    assert_eq!(all.of_request(&beside, &[], at(NOW)).unwrap().map(|who| who.user.to_string()), Some("ann".to_owned()));
    // A wrong one is not passed over for another.
    assert_eq!(found(&all, &[bearer("x"), cookie(&bob), origin()], &[]), "4001");
    assert_eq!(found(&all, &[cookie("x"), origin()], &[("token", &ann)]), "4001");
    assert_eq!(found(&all, &[bearer(&ann), bearer(&ann)], &[]), "4001");
    assert_eq!(found(&all, &[cookie(&ann), cookie(&ann), origin()], &[]), "4001");
    assert_eq!(found(&all, &[cookie(&ann)], &[]), "4001", "without a page");
    assert_eq!(found(&all, &[], &[("token", &ann), ("token", &bob)]), "4001");
    // What is not on is not looked at, except to say so.
    assert_eq!(found(&header_only, &[cookie(&bob), origin()], &[]), "-");
    assert_eq!(found(&header_only, &[], &[("token", &ann)]), "4001");
    assert_eq!(found(&header_only, &[("authorization", format!("Basic {ann}"))], &[]), "-");
    assert_eq!(
        found(&Gate { authenticator: None, ..gate(false, None) }, &[bearer("x"), cookie("x")], &[("token", "x")]),
        "-"
    );
}

#[test]
fn a_connection_ends_when_its_token_and_the_grace_do_by_a_clock_that_only_goes_on() {
    let gate = gate(false, None);
    let now = Instant::now();
    let principal = gate.verify(&token("ann", NOW + 60), at(NOW)).unwrap();
    let ends = gate.ends(&principal, now, at(NOW)).unwrap();
    assert_eq!(ends.token, now + Duration::from_secs(60));
    assert_eq!(ends.connection, now + Duration::from_secs(85));
    // The token is over, its connection is not yet.
    let principal = gate.verify(&token("ann", NOW - 20), at(NOW)).unwrap();
    let ends = gate.ends(&principal, now, at(NOW)).unwrap();
    assert_eq!((ends.token, ends.connection), (now, now + Duration::from_secs(5)));
    for ended in [NOW - 25, NOW - 31] {
        let refused = gate.verify(&token("ann", ended), at(NOW)).unwrap_err();
        assert_eq!(refused.code, PeerCode::TokenExpired, "{ended}");
    }
    // Whatever it says, no longer than a day.
    let principal = gate.verify(&token("ann", u64::MAX), at(NOW)).unwrap();
    let ends = gate.ends(&principal, now, at(NOW)).unwrap();
    assert_eq!(ends.token, now + Duration::from_secs(24 * 3_600 - 60));
}
