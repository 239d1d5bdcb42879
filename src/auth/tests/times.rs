//! When a token is valid: every boundary, and every number that is no time.

use super::*;
use crate::status::PeerCode;

#[test]
fn times_hold_to_the_second_with_the_leeway() {
    let not_yet = |seconds| Err(TokenError::NotYet { wait: Duration::from_secs(seconds) });
    let expired = |seconds| Err(TokenError::Expired { ago: Duration::from_secs(seconds) });
    let expected = "within the longest life of a token, where no iat says when it was made";
    let too_long = Err(TokenError::Claim { claim: "exp".into(), expected });
    let of_ms = |claim: &str| {
        let expected = "a time in seconds since 1970: it is beyond the year 9999, as milliseconds are";
        Err(TokenError::Claim { claim: claim.into(), expected })
    };
    let day = 24 * 3_600;
    let table = [
        (json!({"exp": NOW + 1}), Ok(NOW + 1)),
        (json!({"exp": NOW}), Ok(NOW)),
        (json!({"exp": NOW - 29}), Ok(NOW - 29)),
        (json!({"exp": NOW - 30}), expired(30)),
        (json!({"exp": NOW - 4_000, "iat": null}), expired(4_000)),
        (json!({"exp": 0}), expired(NOW)),
        (json!({"nbf": NOW + 30}), Ok(NOW + 600)),
        (json!({"nbf": NOW + 31}), not_yet(31)),
        (json!({"nbf": 253_402_300_799_u64}), not_yet(253_402_300_799 - NOW)),
        (json!({"nbf": NOW * 1_000}), of_ms("nbf")),
        (json!({"iat": NOW * 1_000}), of_ms("iat")),
        (json!({"nbf": u64::MAX}), of_ms("nbf")),
        (json!({"nbf": 0}), Ok(NOW + 600)),
        (json!({"iat": NOW + 30}), Ok(NOW + 600)),
        (json!({"iat": NOW + 31}), not_yet(31)),
        (json!({"iat": null}), Ok(NOW + 600)),
        // No token is believed for more than a day.
        (json!({"iat": NOW, "exp": NOW + day}), Ok(NOW + day)),
        (json!({"iat": NOW, "exp": NOW + day + 1}), Ok(NOW + day)),
        (json!({"iat": NOW + 20, "exp": NOW + 2 * day}), Ok(NOW + day)),
        (json!({"iat": NOW - 60, "exp": u64::MAX}), Ok(NOW - 60 + day)),
        (json!({"iat": null, "exp": NOW + day}), Ok(NOW + day)),
        (json!({"iat": null, "exp": NOW + day + 30}), Ok(NOW + day)),
        (json!({"iat": null, "exp": NOW + day + 31}), too_long.clone()),
        (json!({"iat": null, "exp": 253_402_300_799_u64}), too_long),
        (json!({"iat": null, "exp": (NOW + 600) * 1_000}), of_ms("exp")),
        (json!({"iat": NOW * 1_000, "exp": (NOW + 600) * 1_000}), of_ms("iat")),
        (json!({"iat": NOW - day - 29, "exp": NOW + day}), Ok(NOW - 29)),
        (json!({"iat": NOW - day - 30, "exp": NOW + day}), Err(TokenError::TooOld { most: DEFAULT_MAX_LIFE })),
        (json!({"iat": 0, "exp": u64::MAX}), Err(TokenError::TooOld { most: DEFAULT_MAX_LIFE })),
    ];
    for (changes, expected) in table {
        let found = verify(&with_claims(&claims_with(changes.clone()))).map(|principal| principal.expires);
        assert_eq!(found, expected.map(|seconds| Some(at(seconds))), "{changes}");
    }
}

#[test]
fn what_is_over_has_its_own_code() {
    let code = |changes| verify(&with_claims(&claims_with(changes))).unwrap_err().code();
    assert_eq!(code(json!({"exp": NOW - 100})), PeerCode::TokenExpired);
    assert_eq!(code(json!({"iat": 1})), PeerCode::TokenExpired);
    assert_eq!(code(json!({"nbf": NOW + 100})), PeerCode::InvalidToken);
    assert_eq!(code(json!({"aud": "other"})), PeerCode::InvalidToken);
}

#[test]
fn numbers_that_are_no_times_are_refused_wherever_they_stand() {
    let wrong = [
        "\"1790000600\"",
        "1790000600.0",
        "1790000600.5",
        "1.7900006e9",
        "1e400",
        "-1",
        "-1790000600",
        "18446744073709551616",
        "99999999999999999999999999",
        "true",
        "[1790000600]",
        "{}",
        "\"\"",
        "NaN",
        "Infinity",
        "0x6ab13b80",
        "01790000600",
        "+1790000600",
    ];
    for name in ["exp", "nbf", "iat"] {
        for number in wrong.iter().chain(&["null"]) {
            let rest = if name == "exp" { "" } else { "\"exp\":1790000600," };
            let text = format!(r#"{{"iss":"{ISSUER}","aud":"{AUDIENCE}","sub":"u7",{rest}"{name}":{number}}}"#);
            let error = verify(&hs256(r#"{"alg":"HS256"}"#, &text)).expect_err(&text);
            let is_meant = matches!(&error, TokenError::Claim { claim, .. } if **claim == *name);
            assert!(is_meant || matches!(error, TokenError::Malformed(_)), "{text}: {error:?}");
        }
    }
}

#[test]
fn a_clock_before_1970_and_one_at_the_end_of_time_do_not_panic() {
    let token = with_claims(&claims());
    let before = UNIX_EPOCH - Duration::from_secs(5);
    assert!(matches!(usual().verify(&token, before), Err(TokenError::NotYet { .. })));
    let eternal = with_claims(&claims_with(json!({"iat": 0, "exp": u64::MAX})));
    assert!(usual().verify(&eternal, before).is_ok());
    let late = at(i64::MAX as u64 - 10);
    assert!(usual().verify(&eternal, late).is_err());
}

#[test]
fn the_longest_life_is_what_the_configuration_says() {
    let hour = Duration::from_secs(3_600);
    let check = |claims: Value| {
        let Value::Object(claims) = claims else { panic!("an object") };
        claims::check_times(&claims, Duration::ZERO, hour, at(NOW))
    };
    let table = [
        (json!({"iat": NOW - 3_000, "exp": NOW + 86_400}), Ok(at(NOW + 600))),
        (json!({"iat": NOW - 3_600, "exp": NOW + 86_400}), Err(TokenError::TooOld { most: hour })),
        (json!({"exp": NOW + 3_600}), Ok(at(NOW + 3_600))),
    ];
    for (claims, expected) in table {
        assert_eq!(check(claims.clone()), expected, "{claims}");
    }
    assert!(check(json!({"exp": NOW + 3_601})).is_err());
}
