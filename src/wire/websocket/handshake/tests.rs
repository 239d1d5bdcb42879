//! Upgrade requests, good and bad.

use http::HeaderValue;

use super::*;

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const GOOD: [(&str, &str); 4] =
    [("upgrade", "websocket"), ("connection", "Upgrade"), ("sec-websocket-version", "13"), ("sec-websocket-key", KEY)];

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let name: HeaderName = name.parse().expect("a header name");
        headers.append(name, HeaderValue::from_str(value).expect("a header value"));
    }
    headers
}

/// The good headers with those of the same name replaced.
fn with(changes: &[(&str, &str)]) -> HeaderMap {
    let mut pairs: Vec<(&str, &str)> = GOOD.to_vec();
    pairs.retain(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
    pairs.extend(changes);
    headers(&pairs)
}

fn without(name: &str) -> HeaderMap {
    let mut headers = headers(&GOOD);
    headers.remove(name);
    headers
}

fn get(headers: &HeaderMap) -> Result<Upgrade, Refusal> {
    upgrade(&Method::GET, Version::HTTP_11, headers)
}

#[test]
fn the_key_of_the_rfc_gives_the_accept_of_the_rfc() {
    assert_eq!(accept_key(KEY.as_bytes()), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_eq!(get(&headers(&GOOD)), Ok(Upgrade { accept: "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".into(), subprotocol: None }));
}

#[test]
fn header_values_may_be_lists_of_any_case_and_repeated() {
    let cases: [&[(&str, &str)]; 5] = [
        &[("content-length", "0")],
        &[("upgrade", "WebSocket"), ("connection", "keep-alive, Upgrade")],
        &[("connection", "keep-alive"), ("connection", " UPGRADE ")],
        &[("upgrade", "h2c, websocket")],
        &[("connection", "upgrade,,")],
    ];
    for changes in cases {
        assert!(get(&with(changes)).is_ok(), "{changes:?}");
    }
}

#[test]
fn what_is_no_upgrade_is_refused_with_its_status() {
    let cases: [(&str, HeaderMap, u16); 18] = [
        ("no upgrade", without("upgrade"), 426),
        ("a body", with(&[("content-length", "1")]), 400),
        ("two lengths", with(&[("content-length", "0"), ("content-length", "5")]), 400),
        ("chunks", with(&[("transfer-encoding", "chunked")]), 400),
        ("an empty coding", with(&[("transfer-encoding", "")]), 400),
        ("another upgrade", with(&[("upgrade", "h2c")]), 426),
        ("upgrade as part of a word", with(&[("upgrade", "websockets")]), 426),
        ("no connection", without("connection"), 400),
        ("connection close", with(&[("connection", "close")]), 400),
        ("no version", without("sec-websocket-version"), 426),
        ("version 8", with(&[("sec-websocket-version", "8")]), 426),
        ("two versions", with(&[("sec-websocket-version", "13"), ("sec-websocket-version", "8")]), 426),
        ("no key", without("sec-websocket-key"), 400),
        ("two keys", with(&[("sec-websocket-key", KEY), ("sec-websocket-key", KEY)]), 400),
        ("short key", with(&[("sec-websocket-key", "dGhlIHNhbXBsZSBub25j")]), 400),
        ("long key", with(&[("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZSE=")]), 400),
        ("key not base64", with(&[("sec-websocket-key", "!!!!IHNhbXBsZSBub25jZQ==")]), 400),
        ("key without padding", with(&[("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ")]), 400),
    ];
    for (name, headers, status) in cases {
        let refusal = get(&headers).expect_err(name);
        assert_eq!(refusal.status, status, "{name}: {refusal}");
        if status == 426 {
            assert_eq!(refusal.headers, UPGRADE_WEBSOCKET, "{name}: says what would do");
        }
    }
}

#[test]
fn only_get_over_http_1_1_becomes_a_websocket() {
    let good = headers(&GOOD);
    for method in [Method::POST, Method::PUT, Method::HEAD, Method::OPTIONS, Method::CONNECT] {
        let refusal = upgrade(&method, Version::HTTP_11, &good).expect_err("no GET");
        assert_eq!((refusal.status, refusal.headers), (405, ALLOW_GET), "{method}");
    }
    for version in [Version::HTTP_10, Version::HTTP_09, Version::HTTP_2] {
        let refusal = upgrade(&Method::GET, version, &good).expect_err("no HTTP/1.1");
        assert_eq!(refusal.status, 400, "{version:?}");
    }
}

#[test]
fn the_first_subprotocol_that_is_served_is_chosen() {
    let (json, proto) = (Ok(Some(Subprotocol::Json)), Ok(Some(Subprotocol::Proto)));
    let cases: [(&[(&str, &str)], _); 10] = [
        (&[("sec-websocket-protocol", "rialto.v1.json")], json),
        (&[("sec-websocket-protocol", "rialto.v1.proto")], proto),
        (&[("sec-websocket-protocol", "rialto.v1.proto, rialto.v1.json")], proto),
        (&[("sec-websocket-protocol", "rialto.v1.json,rialto.v1.proto")], json),
        (&[("sec-websocket-protocol", "graphql-ws"), ("sec-websocket-protocol", "rialto.v1.json")], json),
        (&[("sec-websocket-protocol", "rialto.v2.proto"), ("sec-websocket-protocol", "rialto.v1.proto")], proto),
        (&[], Ok(None)),
        (&[("sec-websocket-protocol", "graphql-ws, rialto.v2.json")], Err(400)),
        (&[("sec-websocket-protocol", "Rialto.v1.proto")], Err(400)),
        (&[("sec-websocket-protocol", "")], Err(400)),
    ];
    for (offered, expected) in cases {
        let chosen = get(&with(offered)).map(|upgrade| upgrade.subprotocol).map_err(|refusal| refusal.status);
        assert_eq!(chosen, expected, "{offered:?}");
    }
}
