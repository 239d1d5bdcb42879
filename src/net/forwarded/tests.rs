//! Headers as proxies write them, and as people write them who would like to be somebody else.

use axum::http::HeaderValue;
use proptest::prelude::*;

use super::*;

const PROXY: &str = "10.0.0.9:4711";

fn networks() -> Vec<Network> {
    ["10.0.0.0/8", "fd00::/8"].iter().map(|text| text.parse().unwrap()).collect()
}

fn read_of(headers: &[(&str, &str)]) -> Forwarding {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
    }
    let written = if headers.iter().any(|(name, _)| *name == "forwarded") { Written::Rfc7239 } else { Written::X };
    read(PROXY.parse().unwrap(), &map, written, &networks())
}

#[test]
fn the_client_is_the_first_from_the_right_that_is_not_trusted() {
    for (headers, client) in [
        (&[][..], PROXY),
        (&[("x-forwarded-for", "192.0.2.7")], "192.0.2.7:0"),
        (&[("x-forwarded-for", "192.0.2.7, 10.1.1.1")], "192.0.2.7:0"),
        (&[("x-forwarded-for", "203.0.113.66, 192.0.2.7,10.1.1.1 , 10.2.2.2")], "192.0.2.7:0"),
        (&[("x-forwarded-for", "192.0.2.7"), ("x-forwarded-for", "10.1.1.1")], "192.0.2.7:0"),
        (&[("x-forwarded-for", "10.1.1.1")], "10.1.1.1:0"),
        (&[("x-forwarded-for", "2001:db8::1")], "[2001:db8::1]:0"),
        (&[("x-forwarded-for", "[2001:db8::1]:99, [fd00::1]")], "[2001:db8::1]:99"),
        (&[("x-forwarded-for", "192.0.2.7:99")], "192.0.2.7:99"),
        (&[("x-forwarded-for", "::ffff:192.0.2.7")], "192.0.2.7:0"),
        // What cannot be read ends the walk; what is left of it is anybody's.
        (&[("x-forwarded-for", "192.0.2.7, unknown")], PROXY),
        (&[("x-forwarded-for", "192.0.2.7, , 10.1.1.1")], "10.1.1.1:0"),
        (&[("x-forwarded-for", "")], PROXY),
        (&[("x-forwarded-for", "localhost")], PROXY),
        (&[("x-forwarded-for", "[192.0.2.7]")], PROXY),
        (&[("x-forwarded-for", "192.0.2.300")], PROXY),
        (&[("forwarded", "for=192.0.2.7")], "192.0.2.7:0"),
        (&[("forwarded", "For=\"[2001:db8::1]:47011\"; proto=https;by=203.0.113.43")], "[2001:db8::1]:47011"),
        (&[("forwarded", "for=203.0.113.66, for=192.0.2.7;proto=http, for=10.1.1.1")], "192.0.2.7:0"),
        (&[("forwarded", "for=192.0.2.7"), ("forwarded", "for=10.1.1.1")], "192.0.2.7:0"),
        (&[("forwarded", "for=192.0.2.7, for=unknown")], PROXY),
        (&[("forwarded", "for=192.0.2.7, for=_hidden, for=10.1.1.1")], "10.1.1.1:0"),
        (&[("forwarded", "for=192.0.2.7:_hidden")], "192.0.2.7:0"),
        (&[("forwarded", "proto=https")], PROXY),
        (&[("forwarded", "for=\"192.0.2.7, for=10.1.1.1")], "10.1.1.1:0"),
        // A quote that a client leaves open does not make what the proxy writes behind it a part of the client's own words.
        (&[("forwarded", "for=203.0.113.66;x=\"a, for=192.0.2.7")], "192.0.2.7:0"),
        (&[("forwarded", "for=\"x, for=203.0.113.66, for=\"[2001:db8::1]:9\"")], "[2001:db8::1]:9"),
        (&[("forwarded", "for=203.0.113.66;x=\"a, for=192.0.2.7\", for=10.1.1.1")], "203.0.113.66:0"),
        // Somebody has brought a second one along, in what the proxy writes without quotes; it cannot be told which is whose.
        (&[("forwarded", "for=192.0.2.7;host=a.example;for=203.0.113.66")], PROXY),
        (&[("forwarded", "for=192.0.2.7;host=a;FOR=192.0.2.7, for=10.1.1.1")], "10.1.1.1:0"),
        (&[("forwarded", "for=192.0.2.7;host=a;for=")], PROXY),
        (&[("forwarded", "for=192.0.2.7;host=a;host=b")], PROXY),
        (&[("forwarded", "for=192.0.2.7;proto=http;Proto=https")], PROXY),
        (&[("forwarded", "for=192.0.2.7;secret=a;secret=b")], PROXY),
        (&[("forwarded", "for=203.0.113.66;host=a;for=203.0.113.66, for=192.0.2.7;host=b")], "192.0.2.7:0"),
    ] {
        assert_eq!(read_of(headers).client, client.parse().unwrap(), "{headers:?}");
    }
    assert_eq!(read_of(&[("forwarded", "for=192.0.2.7;proto=javascript;host=a")]).to.scheme, None);
    let hops = (0..40).map(|number| format!("10.1.1.{number}")).collect::<Vec<_>>().join(", ");
    let long = read_of(&[("x-forwarded-for", &format!("192.0.2.7, {hops}"))]);
    assert_eq!(long.client, "10.1.1.8:0".parse().unwrap(), "nobody walks further than 32 hops");
    // Only one of the two counts, so that nobody slips in by the one that a proxy lets through.
    let mut both = HeaderMap::new();
    both.insert(FORWARDED, "for=192.0.2.7".parse().unwrap());
    both.insert(X_FORWARDED_FOR, "203.0.113.66".parse().unwrap());
    for (written, client) in [(Written::X, "203.0.113.66:0"), (Written::Rfc7239, "192.0.2.7:0")] {
        let read = read(PROXY.parse().unwrap(), &both, written, &networks());
        assert_eq!(read.client, client.parse().unwrap());
    }
}

#[test]
fn whom_it_was_sent_to_is_what_the_outermost_trusted_hop_says() {
    for (headers, host, scheme) in [
        (&[("x-forwarded-for", "192.0.2.7")][..], None, None),
        (
            &[("x-forwarded-for", "192.0.2.7"), ("x-forwarded-host", "a.example"), ("x-forwarded-proto", "https")],
            Some("a.example"),
            Some("https"),
        ),
        (&[("x-forwarded-host", "evil.example, a.example"), ("x-forwarded-proto", "ftp")], Some("a.example"), None),
        (
            &[(
                "forwarded",
                "for=203.0.113.66;host=evil.example, for=192.0.2.7;host=a.example;proto=https, for=10.1.1.1",
            )],
            Some("a.example"),
            Some("https"),
        ),
        // An element with something twice says nothing.
        (&[("forwarded", "for=192.0.2.7;host=a.example;proto=https;host=evil.example")], None, None),
        (
            &[("forwarded", "for=192.0.2.7;host=a.example;for=192.0.2.7, for=10.1.1.1;host=b.example")],
            Some("b.example"),
            None,
        ),
    ] {
        let to = read_of(headers).to;
        assert_eq!((to.host.as_deref(), to.scheme.as_deref()), (host, scheme), "{headers:?}");
    }
}

proptest! {
    #[test]
    fn whatever_is_written_the_walk_ends_and_nobody_untrusted_is_passed(
        values in prop::collection::vec("[ -~]{0,60}", 0..4),
        before in prop::collection::vec(prop::sample::select(&b"for=192.0.2.7,;\"\\[] \xff\xc3"[..]), 0..30),
        text in prop::collection::vec(prop::sample::select(
            vec!["for=", "10.0.0.1", "192.0.2.7", ",", ";", "\"", "\\", "[", "]", ":", "unknown", " ", "fd00::1"]), 0..30),
        bytes in prop::collection::vec(128_u8.., 0..4),
    ) {
        let mut map = HeaderMap::new();
        for value in values.iter().chain([&text.concat()]) {
            for name in [FORWARDED, X_FORWARDED_FOR] {
                map.append(name, value.parse().unwrap());
            }
        }
        if !bytes.is_empty() {
            map.append(X_FORWARDED_FOR, HeaderValue::from_bytes(&bytes).unwrap());
        }
        read(PROXY.parse().unwrap(), &map, Written::Rfc7239, &networks());
        read(PROXY.parse().unwrap(), &map, Written::X, &networks());
        // A trusted address is passed over as long as there is one more to the left of it; a proxy's word is believed once.
        map.append(X_FORWARDED_FOR, "192.0.2.99".parse().unwrap());
        prop_assert_eq!(read(PROXY.parse().unwrap(), &map, Written::X, &networks()).client, "192.0.2.99:0".parse().unwrap());
        // Whatever a client has written on the same line, what the proxy appends to it counts.
        for (written, name, own) in [(Written::X, X_FORWARDED_FOR, "192.0.2.99"), (Written::Rfc7239, FORWARDED, "for=192.0.2.99")] {
            let line = [&before[..], b", ", own.as_bytes()].concat();
            let map = HeaderMap::from_iter([(name, HeaderValue::from_bytes(&line).unwrap())]);
            let client = read(PROXY.parse().unwrap(), &map, written, &networks()).client;
            prop_assert_eq!(client, "192.0.2.99:0".parse().unwrap(), "{:?}", map);
        }
    }
}
