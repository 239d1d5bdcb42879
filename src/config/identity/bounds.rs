//! How large tokens and sets of keys may be: what they cost is spent before anybody is known.

use std::ops::RangeInclusive;

use super::super::key::{Group, Key, Takes};
use super::super::value;

/// Below this no signature fits; what is longer is no token but somebody's database.
const TOKEN_BYTES: RangeInclusive<usize> = 256..=64 << 10;
const SET_BYTES: RangeInclusive<usize> = 1 << 10..=1 << 20;
const SET_KEYS: RangeInclusive<usize> = 1..=1_000;

fn within(size: usize, allowed: &RangeInclusive<usize>, show: fn(usize) -> String) -> Result<usize, String> {
    if allowed.contains(&size) {
        return Ok(size);
    }
    Err(format!("must be from {} to {}", show(*allowed.start()), show(*allowed.end())))
}

fn bytes(text: &str, allowed: &RangeInclusive<usize>) -> Result<usize, String> {
    within(value::bytes(text)?, allowed, value::show_bytes)
}

pub(in crate::config) const KEYS: &[Key] = &[
    Key {
        name: "token-max-bytes",
        group: Group::Identity,
        takes: Takes::One("BYTES"),
        help: "The longest token; the way it comes must have room for it (--max-request-header-bytes, --max-message-bytes)",
        example: "8KiB",
        read: |config, text| bytes(text, &TOKEN_BYTES).map(|most| config.identity.bounds.token_bytes = most),
        show: |config| vec![value::show_bytes(config.identity.bounds.token_bytes)],
    },
    Key {
        name: "jwks-max-bytes",
        group: Group::Identity,
        takes: Takes::One("BYTES"),
        help: "The longest set of keys, of --jwks-url and --jwks-file; a longer one changes nothing",
        example: "256KiB",
        read: |config, text| bytes(text, &SET_BYTES).map(|most| config.identity.bounds.set_bytes = most),
        show: |config| vec![value::show_bytes(config.identity.bounds.set_bytes)],
    },
    Key {
        name: "jwks-max-keys",
        group: Group::Identity,
        takes: Takes::One("N"),
        help: "The most keys in a set; one with more changes nothing",
        example: "100",
        read: |config, text| {
            let most = within(value::count(text)?, &SET_KEYS, |count| count.to_string())?;
            config.identity.bounds.set_keys = most;
            Ok(())
        },
        show: |config| vec![config.identity.bounds.set_keys.to_string()],
    },
];
