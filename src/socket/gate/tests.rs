//! Where a token may be, and which of them counts.

use std::time::UNIX_EPOCH;

use axum::http::{HeaderName, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::*;
use crate::auth::{self, DEFAULT_MAX_LIFE, Issuer, KeySource, Settings};

const SECRET: &str = "kq8Zt0vLw3Xy7Rb2Nf5Jd9Hs1Gm4Pc6e";
const NOW: u64 = 1_790_000_000;

fn settings(issuer: Issuer) -> Settings {
    Settings::of(vec![issuer])
}

fn gate(in_query: bool, cookie: Option<&str>) -> Gate {
    let keys = vec![KeySource::Secret(SECRET.into())];
    let issuer = Issuer { keys, ..Issuer::default() };
    let leeway = Duration::from_secs(30);
    let settings = settings(issuer);
    let keys = Some(Arc::new(Keyring::new(settings, Duration::ZERO).unwrap()));
    Gate {
        keys,
        session: None,
        cookie: cookie.map(str::to_owned),
        in_query,
        grace: Duration::from_secs(25),
        tenancy: Arc::default(),
        revocations: Arc::new(Revocations::new(10, DEFAULT_MAX_LIFE, leeway)),
        wrong: WrongTokens::new(1_000),
        metrics: Arc::default(),
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
    match gate.of_request(&headers(lines), &query, [192, 0, 2, 7].into(), Instant::now(), at(NOW)) {
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
    assert_eq!(
        all.of_request(&beside, &[], [192, 0, 2, 7].into(), Instant::now(), at(NOW))
            .unwrap()
            .map(|who| who.user.to_string()),
        Some("ann".to_owned())
    );
    // A wrong one is not passed over for another.
    assert_eq!(found(&all, &[bearer("x"), cookie(&bob), origin()], &[]), "4001");
    assert_eq!(found(&all, &[cookie("x"), origin()], &[("token", &ann)]), "4001");
    assert_eq!(found(&all, &[bearer(&ann), bearer(&ann)], &[]), "4001");
    assert_eq!(found(&all, &[cookie(&ann), cookie(&ann), origin()], &[]), "4001");
    for twice in [format!("app=; app={ann}"), format!("app={ann}; app=")] {
        assert_eq!(found(&all, &[("cookie", twice), origin()], &[]), "4001", "two, of which one is empty");
    }
    assert_eq!(found(&all, &[cookie(&ann)], &[]), "4001", "without a page");
    assert_eq!(found(&all, &[], &[("token", &ann), ("token", &bob)]), "4001");
    for broken in ["Bearer", "bearer ", "Bearer\t"] {
        assert_eq!(
            found(&all, &[("authorization", broken.to_owned()), cookie(&bob), origin()], &[]),
            "4001",
            "{broken:?}"
        );
    }
    let tab = ("authorization", format!("Bearer\t{ann}"));
    assert_eq!(found(&all, &[tab, cookie(&bob), origin()], &[]), "4001", "RFC 6750, section 2.1: spaces");
    let mut no_text = headers(&[cookie(&bob), origin()]);
    no_text.insert("authorization", HeaderValue::from_bytes(b"Bearer \xff").unwrap());
    assert!(all.of_request(&no_text, &[], [192, 0, 2, 7].into(), Instant::now(), at(NOW)).is_err());
    // What is not on is not looked at, except to say so.
    assert_eq!(found(&header_only, &[cookie(&bob), origin()], &[]), "-");
    assert_eq!(found(&header_only, &[], &[("token", &ann)]), "4001");
    assert_eq!(found(&header_only, &[("authorization", format!("Basic {ann}"))], &[]), "-");
    assert_eq!(found(&Gate { keys: None, ..gate(false, None) }, &[bearer("x"), cookie("x")], &[("token", "x")]), "-");
}

#[test]
fn a_connection_ends_when_its_token_and_the_grace_do_by_a_clock_that_only_goes_on() {
    let gate = gate(false, None);
    let now = Instant::now();
    let principal = gate.judge(&token("ann", NOW + 60), at(NOW)).unwrap();
    let ends = gate.ends(&principal, now, at(NOW)).unwrap();
    assert_eq!(ends.token, now + Duration::from_secs(60));
    assert_eq!((ends.connection, ends.wall), (now + Duration::from_secs(85), at(NOW + 85)));
    // The token is over, its connection is not yet.
    let principal = gate.judge(&token("ann", NOW - 20), at(NOW)).unwrap();
    let ends = gate.ends(&principal, now, at(NOW)).unwrap();
    assert_eq!((ends.token, ends.connection), (now, now + Duration::from_secs(5)));
    for ended in [NOW - 25, NOW - 31] {
        let refused = gate.judge(&token("ann", ended), at(NOW)).unwrap_err();
        assert_eq!(refused.code, PeerCode::TokenExpired, "{ended}");
    }
    // Whatever it says, no longer than a day.
    let principal = gate.judge(&token("ann", u64::MAX), at(NOW)).unwrap();
    let ends = gate.ends(&principal, now, at(NOW)).unwrap();
    assert_eq!(ends.token, now + Duration::from_secs(24 * 3_600 - 60));
}

#[test]
fn an_address_shows_so_many_wrong_tokens_and_is_then_told_to_wait_and_nobody_else_is_hurt() {
    let gate = Gate { wrong: WrongTokens::new(2), ..gate(false, None) };
    let start = Instant::now();
    let (good, ended) = (token("ann", NOW + 60), token("ann", NOW - 600));
    let show = |token: &str, from: &str, after: Duration| {
        let shown = gate.verify(token, from.parse().unwrap(), start + after, at(NOW));
        shown.map_or_else(|refused| refused.code.number(), |_| 0)
    };
    let at_once = Duration::ZERO;
    for _ in 0..100 {
        assert_eq!(show(&good, "192.0.2.7", at_once), 0, "right ones are not counted");
        assert_eq!(show(&ended, "192.0.2.7", at_once), 4002, "nor is what was right once");
        assert_eq!(show("a.b.c", "127.0.0.1", at_once), 4001, "nor a proxy of this machine");
        assert_eq!(show("a.b.c", "::1", at_once), 4001);
    }
    for _ in 0..20 {
        assert_eq!(show("a.b.c", "192.0.2.7", at_once), 4001);
        assert_eq!(show("a.b.c", "2001:db8::1", at_once), 4001);
    }
    assert_eq!(show("a.b.c", "192.0.2.7", at_once), 4004);
    assert_eq!(show(&good, "::ffff:192.0.2.7", at_once), 0, "there may be many people behind an address");
    assert_eq!(show("a.b.c", "2001:db8::2:1", at_once), 4004, "a network is one");
    assert_eq!(show(&good, "192.0.2.8", at_once), 0, "others are others");
    let refused = gate.verify("x", "192.0.2.7".parse().unwrap(), start, at(NOW)).unwrap_err();
    assert!(refused.retry_after.is_some_and(|wait| wait > Duration::ZERO && wait <= Duration::from_millis(500)));
    assert_eq!(show("a.b.c", "192.0.2.7", Duration::from_millis(500)), 4001);
    assert_eq!(show("a.b.c", "192.0.2.7", Duration::from_millis(500)), 4004);
    assert_eq!(show(&good, "192.0.2.7", Duration::from_millis(500)), 0);
    assert_eq!(gate.metrics.limits.get(Limit::WrongTokensPerSecond), 4, "each that had to wait");
}

#[test]
fn a_token_whose_key_may_come_is_not_counted_as_wrong() {
    let (name, url) = ("https://id.example", "https://id.example/jwks");
    let issuer = Issuer {
        name: Some(name.into()),
        audiences: vec!["rialto".into()],
        url: Some(url.into()),
        ..Issuer::default()
    };
    let settings = settings(issuer);
    let keys = Keyring::new(settings, Duration::ZERO).unwrap();
    let set = include_str!("../../../tests/vectors/keys/jwks.json");
    keys.fetched(&keys.remotes()[0], Ok(set.to_owned())).unwrap();
    let gate = Gate { keys: Some(Arc::new(keys)), wrong: WrongTokens::new(1), ..gate(false, None) };
    let encoded = |part: Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let claims = encoded(json!({"iss": name, "aud": "rialto", "sub": "ann", "exp": NOW + 60}));
    let show = |kid: &str| {
        let token = format!("{}.{claims}.AAAA", encoded(json!({"alg": "RS256", "kid": kid})));
        found(&gate, &[("authorization", format!("Bearer {token}"))], &[])
    };
    assert!((0..30).all(|_| show("new") == "4001"));
    assert!((0..10).all(|_| show("rsa") == "4001"), "the first ten that are wrong");
    assert_eq!(show("rsa"), "4004");
    // Where no key is coming, one that is not there is as wrong as any.
    let (from, now) = (std::net::IpAddr::from([192, 0, 2, 9]), Instant::now());
    let token = format!("{}.{claims}.AAAA", encoded(json!({"alg": "RS256", "kid": "new"})));
    let ask = |keys| {
        let refused = gate.verify(&token, from, now, at(NOW)).unwrap_err();
        gate.coming(refused, keys, from, now).map_or_else(|refused| refused.code.number(), |_| 0)
    };
    assert!((0..30).all(|_| ask(KeysMay::Come) == 0), "one is, and it is waited for");
    assert!((0..10).all(|_| ask(KeysMay::BeMissing) == 4001));
    assert_eq!(ask(KeysMay::BeMissing), 4004);
}

#[test]
fn a_token_is_inspected_as_it_would_be_judged() {
    let gate = gate(false, None);
    let inspect = |token: &str, asked: Option<&str>| {
        let inspected = gate.inspect(token, asked.map(SessionId::from).as_ref(), at(NOW));
        inspected.map(|(who, session)| format!("{} {session}", who.user)).map_err(|(code, _)| code.number())
    };
    assert_eq!(inspect(&token("ann", NOW + 60), Some("t1")).as_deref(), Ok("ann ann:t1"));
    assert_eq!(inspect(&token("ann", NOW - 20), None).as_deref(), Ok("ann ann:…"));
    assert_eq!(inspect(&token("ann", NOW - 27), None), Err(4002), "the connection would end at once");
    let made = |more: Value| {
        let mut claims = json!({"sub": "ann", "exp": NOW + 60}).as_object().unwrap().clone();
        claims.extend(more.as_object().unwrap().clone());
        auth::mint(&claims, SECRET.as_bytes()).unwrap()
    };
    assert_eq!(inspect(&made(json!({"sid": "s1"})), Some("s2")), Err(4003));
    assert_eq!(inspect(&made(json!({"sid": "bob:s1"})), None), Err(4003));
}

#[test]
fn the_session_token_counts_wherever_a_token_may_be_and_first_in_its_own_header() {
    const TOKEN: &str = "Wm3x-9QeT7uVbY1kLs0Hd_5RfGz8NjPc2aKoXiCy4Bt";
    let session = || Some(Arc::new(SessionToken::new(TOKEN.as_bytes(), std::time::Instant::now())));
    let both = Gate { session: session(), ..gate(true, Some("app")) };
    let alone = Gate { keys: None, session: session(), ..gate(false, None) };
    let closed = Gate { session: session(), ..gate(false, None) };
    let own = |token: &str| ("x-session-token", token.to_owned());
    let bearer = |token: &str| ("authorization", format!("Bearer {token}"));
    let cookie = ("cookie", format!("app={TOKEN}"));
    let origin = ("origin", "https://app.example".to_owned());
    let ann = token("ann", NOW + 60);
    for gate in [&both, &alone, &closed] {
        assert_eq!(found(gate, &[own(TOKEN)], &[]), SESSION_TOKEN_USER);
        assert_eq!(found(gate, &[bearer(TOKEN)], &[]), SESSION_TOKEN_USER);
        assert_eq!(found(gate, &[own(TOKEN), bearer("x")], &[]), SESSION_TOKEN_USER, "the first that is there counts");
        for wrong in ["", "x", &TOKEN[1..], &TOKEN.to_lowercase(), &format!("{TOKEN}x"), &ann] {
            assert_eq!(found(gate, &[own(wrong)], &[]), "4001", "{wrong:?}");
            assert_eq!(found(gate, &[own(wrong), bearer(TOKEN)], &[]), "4001", "and is not tried another way");
        }
        assert_eq!(found(gate, &[bearer(&TOKEN[1..])], &[]), "4001");
        assert_eq!(found(gate, &[own(TOKEN), own(TOKEN)], &[]), "4001", "twice");
        assert_eq!(found(gate, &[], &[]), "-");
    }
    // In a cookie or in the URL where a token may be there.
    assert_eq!(found(&both, &[cookie.clone(), origin.clone()], &[]), SESSION_TOKEN_USER);
    assert_eq!(found(&both, std::slice::from_ref(&cookie), &[]), "4001", "without a page");
    assert_eq!(found(&both, &[], &[("token", TOKEN)]), SESSION_TOKEN_USER);
    assert_eq!(found(&closed, &[cookie, origin], &[]), "-");
    assert_eq!(found(&closed, &[], &[("token", TOKEN)]), "4001");
    // Beside it an issuer's tokens are what they are, only nobody of them is called like that.
    assert_eq!(found(&both, &[bearer(&ann)], &[]), "ann");
    assert_eq!(found(&both, &[bearer(&token(SESSION_TOKEN_USER, NOW + 60))], &[]), "4001");
    assert_eq!(found(&alone, &[bearer(&ann)], &[]), "4001");
    // A bridge without one looks at neither.
    let none = gate(false, None);
    assert_eq!(found(&none, &[own(TOKEN), bearer(&ann)], &[]), "ann");
    assert_eq!(found(&none, &[bearer(&token(SESSION_TOKEN_USER, NOW + 60))], &[]), SESSION_TOKEN_USER);
}

#[test]
fn wrong_session_tokens_are_counted_and_the_right_one_never_is() {
    let session =
        Some(Arc::new(SessionToken::new(b"Wm3x-9QeT7uVbY1kLs0Hd_5RfGz8NjPc2aKoXiCy4Bt", std::time::Instant::now())));
    let gate = Gate { keys: None, session, wrong: WrongTokens::new(2), ..gate(false, None) };
    let show = |token: &str| found(&gate, &[("x-session-token", token.to_owned())], &[]);
    let codes: Vec<String> = (0..30).map(|_| show("guess")).collect();
    assert_eq!((&*codes[19], &*codes[29]), ("4001", "4004"));
    assert_eq!(show("Wm3x-9QeT7uVbY1kLs0Hd_5RfGz8NjPc2aKoXiCy4Bt"), SESSION_TOKEN_USER);
}
