//! Keys and names, from text to an authenticator or to mistakes by flag.

use std::fs;
use std::path::Path;

use super::super::tests::load;
use super::*;

const KEYS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/keys");
const SECRET: &str = "kq8Zt0vLw3Xy7Rb2Nf5Jd9Hs1Gm4Pc6e";

fn key(name: &str) -> String {
    format!("{KEYS}/{name}")
}

/// The flags and the problems of these flags.
fn mistakes(flags: &[(&str, &str)]) -> Vec<(String, String)> {
    let found = load(flags, &[]).map(|_| ()).err().map_or_else(Vec::new, |error| error.mistakes);
    found.into_iter().map(|mistake| (mistake.key, mistake.problem)).collect()
}

#[test]
fn every_form_of_key_makes_an_authenticator() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    fs::write(&file, format!("{SECRET}\r\n")).unwrap();
    let file = file.display().to_string();
    let named = [("jwt-issuer", "https://id.example"), ("jwt-audience", "rialto")];
    let table = [("jwt-secret", SECRET), ("jwt-secret-file", &file)];
    for flag in table {
        let config = load(&[flag], &[]).unwrap();
        assert!(config.identity.is_on() && config.identity.settings().unwrap().is_some(), "{flag:?}");
    }
    assert_eq!(secret_of(Path::new(&file)).unwrap(), SECRET.as_bytes());
    for (flag, name) in [("jwt-public-key", "rsa.pub.pem"), ("jwks-file", "jwks.json")] {
        assert!(load(&[(flag, &key(name)), named[0], named[1]], &[]).is_ok(), "{flag}");
    }
    let nothing = load(&[], &[]).unwrap().identity;
    assert!(!nothing.is_on() && nothing.settings().unwrap().is_none());
}

#[test]
fn a_variable_for_a_key_that_is_empty_is_a_mistake_and_never_no_authentication() {
    for name in ["RIALTO_JWT_SECRET", "RIALTO_JWT_SECRET_FILE", "RIALTO_JWT_PUBLIC_KEY", "RIALTO_JWKS_FILE"] {
        for empty in ["", "  "] {
            let error = load(&[], &[(name, empty)]).expect_err(name);
            assert_eq!(error.mistakes.len(), 1, "{error}");
            assert!(error.mistakes[0].key == name && error.mistakes[0].problem.contains("nobody is asked"), "{error}");
        }
    }
    assert!(load(&[], &[("RIALTO_JWT_ISSUER", "")]).is_ok(), "elsewhere an empty variable says nothing");
}

#[test]
fn a_token_outlives_itself_by_minutes_at_most() {
    for flag in ["token-leeway", "token-grace"] {
        assert!(load(&[("jwt-secret", SECRET), (flag, "10m")], &[]).is_ok(), "{flag}");
        let found = mistakes(&[("jwt-secret", SECRET), (flag, "601s")]);
        assert!(found.len() == 1 && found[0].1.contains("at most 10m"), "{found:?}");
    }
}

#[test]
fn how_long_tokens_may_live_is_said_within_reason() {
    let life = |text: &str| load(&[("jwt-secret", SECRET), ("token-max-life", text)], &[]);
    let settings = life("15m").unwrap().identity.settings().unwrap();
    assert_eq!(settings.map(|settings| settings.max_life), Some(Duration::from_secs(900)));
    for (text, is_good) in [("1m", true), ("720h", true), ("59s", false), ("721h", false), ("off", false)] {
        assert_eq!(life(text).is_ok(), is_good, "{text}");
    }
}

#[test]
fn mistakes_name_their_flag_and_what_to_do() {
    let pem = key("rsa.pub.pem");
    type Pairs<'a> = &'a [(&'a str, &'a str)];
    let table: &[(Pairs<'_>, Pairs<'_>)] = &[
        (
            &[("jwt-secret", "short")],
            &[("--jwt-secret", "at least 32 are needed: make one with `openssl rand -hex 32`")],
        ),
        (&[("jwt-secret", "changeme")], &[("--jwt-secret", "sample")]),
        (&[("jwt-secret-file", "/no/such")], &[("--jwt-secret-file", "/no/such cannot be read")]),
        (&[("jwt-secret-file", &pem)], &[("--jwt-secret-file", "PEM")]),
        (
            &[("jwt-public-key", &pem)],
            &[("--jwt-issuer", "public keys need the issuer"), ("--jwt-audience", "public keys need the audience")],
        ),
        (
            &[("jwt-public-key", &key("rsa.pem")), ("jwt-issuer", "i"), ("jwt-audience", "a")],
            &[("--jwt-public-key", "openssl pkey -in FILE -pubout")],
        ),
        (
            &[("jwks-file", &pem), ("jwt-issuer", "i"), ("jwt-audience", "a"), ("jwt-algorithm", "ES256")],
            &[("--jwks-file", "rsa.pub.pem: it is not a JWKS of public keys: it is not JSON")],
        ),
        (
            &[("jwt-secret", SECRET), ("jwt-algorithm", "ES256")],
            &[(
                "--jwt-algorithm",
                "no key can be used with the algorithm ES256; the keys that are there are for HS256",
            )],
        ),
        (&[("jwt-algorithm", "none")], &[("--jwt-algorithm", "\"none\" is not one of HS256, HS384")]),
        (&[("issuer-tenant", "i=acme")], &[("--issuer-tenant", "nobody would be authenticated")]),
        (
            &[("jwt-secret", SECRET), ("jwt-issuer", "i"), ("issuer-tenant", "j=acme")],
            &[("--issuer-tenant", "\"j\" is no issuer that --jwt-issuer or --jwks-url names")],
        ),
        (&[("jwt-secret", SECRET), ("issuer-tenant", "acme")], &[("--issuer-tenant", "is not ISSUER=TENANT")]),
        (&[("jwt-secret", SECRET), ("issuer-tenant", "i=a b")], &[("--issuer-tenant", "a tenant's name begins")]),
        (&[("jwt-audience", "rialto")], &[("--jwt-audience", "nobody would be authenticated")]),
        (&[("token-cookie", "app")], &[("--token-cookie", "nobody would be authenticated")]),
        (&[("token-in-query", "true")], &[("--token-in-query", "nobody would be authenticated")]),
        (&[("token-cookie", "a b"), ("jwt-secret", SECRET)], &[("--token-cookie", "not a cookie's name")]),
        (
            &[("jwt-secret", SECRET), ("jwt-secret-file", "/no/such"), ("token-leeway", "0s")],
            &[
                ("--token-leeway", "longer than nothing"),
                ("--jwt-secret", "are both given; give one"),
                ("--jwt-secret-file", "read"),
            ],
        ),
    ];
    for (flags, expected) in table {
        let found = mistakes(flags);
        assert_eq!(found.len(), expected.len(), "{flags:?}: {found:?}");
        for ((flag, problem), (expected_flag, part)) in found.iter().zip(*expected) {
            assert!(flag == expected_flag && problem.contains(part), "{flags:?}: {flag}: {problem}");
        }
    }
}

#[test]
fn a_secret_is_not_shown() {
    let config = load(&[("jwt-secret", SECRET)], &[]).unwrap();
    let shown: Vec<String> = super::KEYS.iter().flat_map(|key| key.value(&config)).collect();
    assert!(shown.contains(&SET.to_owned()));
    assert!(!format!("{config:?} {shown:?}").contains(&SECRET[..6]));
    let weak = load(&[("jwt-secret", "hunter2")], &[]).unwrap_err().to_string();
    assert!(!weak.contains("hunter2"), "{weak}");
}

#[test]
fn a_session_token_closes_the_door_and_contradicts_what_it_cannot_be() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let good = write("good", &format!("{SECRET}\n"));
    let config = load(&[("session-token-file", &good)], &[]).unwrap();
    assert_eq!(config.identity.read_session_token(), Ok(Some(SECRET.into())));
    let made = load(&[("session-token", "true"), ("listen", "0.0.0.0:8080"), ("token-in-query", "true")], &[]).unwrap();
    assert!(made.identity.is_on() && made.identity.settings().unwrap().is_none());
    assert!(!load(&[("session-token", "false")], &[]).unwrap().identity.is_on());
    let (short, spaced) = (write("short", "short"), write("spaced", &format!("{SECRET} x")));
    type Flags<'a> = &'a [(&'a str, &'a str)];
    let table: [(Flags<'_>, &str, &str); 7] = [
        (&[("session-token", "true"), ("session-token-file", &good)], "--session-token", "give one of them"),
        (&[("session-token-file", &short)], "--session-token-file", "32"),
        (&[("session-token-file", &spaced)], "--session-token-file", "visible ASCII"),
        (&[("session-token-file", "/no/such")], "--session-token-file", "cannot be read"),
        (&[("session-token", "true"), ("require-tenant", "true")], "--session-token", "no tenant"),
        (&[("session-token-file", &good), ("require-tenant", "true")], "--session-token-file", "no tenant"),
        (&[("session-token", "true"), ("jwt-issuer", "me")], "--jwt-issuer", "no key to verify"),
    ];
    for (flags, key, problem) in table {
        let found = mistakes(flags);
        assert!(found.len() == 1 && found[0].0 == key && found[0].1.contains(problem), "{flags:?}: {found:?}");
    }
    let error = load(&[], &[("RIALTO_SESSION_TOKEN", SECRET)]).unwrap_err().to_string();
    assert!(error.contains("--session-token-file") && !error.contains(SECRET), "{error}");
    for name in ["RIALTO_SESSION_TOKEN", "RIALTO_SESSION_TOKEN_FILE"] {
        assert!(load(&[], &[(name, "")]).is_err(), "{name}");
    }
}
