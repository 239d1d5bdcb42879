//! Events of editions 2023 and 2024 and of proto2, as a user's descriptor set brings them.

use std::path::PathBuf;

use super::super::{Options, Transcoder};
use super::{notation, print};
use crate::schema::{Schema, Source};

fn schema() -> Schema {
    let set = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/editions/set.binpb"));
    Schema::load(&[Source::DescriptorSet(set)]).unwrap()
}

/// An event, its wire bytes in the vectors' notation, and what they print or what is wrong with them.
const CASES: &[(&str, &str, &str)] = &[
    // DELIMITED, IMPLICIT by the file's features, EXPLICIT by the field's, an extension.
    (
        "order.placed",
        r#"1:!{1:"c-1" 2:1 100:"Zoë"} 2:2 3:!{1:"s-1" 2:3} 3:!{1:"s-2"}"#,
        r#"{"customer":{"id":"c-1","tier":"TIER_BASIC","[shop.v1.nick_name]":"Zoë","pastTiers":[]},"tier":"TIER_GOLD","lines":[{"sku":"s-1","count":3},{"sku":"s-2"}],"bySku":{},"sizes":[],"total":"0"}"#,
    ),
    // Behind a length, a DELIMITED field is unknown, and a map's value is never delimited.
    (
        "order.placed",
        r#"1:{1:"c-1"} 4:{1:"a" 2:{1:"s"}}"#,
        r#"{"bySku":{"a":{"sku":"s"}},"lines":[],"sizes":[],"total":"0"}"#,
    ),
    // Unknown numbers of a closed enum: a field, an element. Either form of a list.
    (
        "order.placed",
        r#"1:!{2:7 3:1 3:9 3:[2 8 1]} 2:0 5:[1 2] 5:3"#,
        r#"{"customer":{"pastTiers":["TIER_BASIC","TIER_GOLD","TIER_BASIC"],"id":""},"sizes":[1,2,3],"lines":[],"bySku":{},"total":"0"}"#,
    ),
    // EXPLICIT is the edition's default, members of a oneof have presence, IMPLICIT does not print twice.
    (
        "order.placed",
        r#"6:0 10:0 8:{} 7:{1:1}"#,
        r#"{"total":"0","voucher":0,"points":"0","placed":"1970-01-01T00:00:01Z","lines":[],"bySku":{},"sizes":[]}"#,
    ),
    ("order.placed", r#"3:!{2:1}"#, "lines[0].sku | a required field is missing"),
    ("order.placed", r#"4:{1:"a"}"#, "bySku[0].sku | a required field is missing"),
    // proto2 beside them: a group, required fields, bytes, no defaults of its own.
    (
        "order.returned",
        r#"1:{1:"c-1"} 3:!{4:"s" 5:"\u0001"} 3:!{4:"t"}"#,
        r#"{"customer":{"id":"c-1","pastTiers":[]},"item":[{"sku":"s","photo":"AQ=="},{"sku":"t"}]}"#,
    ),
    ("order.returned", r#"2:1"#, "customer | a required field is missing"),
];

#[test]
fn features_decide_how_events_print_and_read() {
    let schema = schema();
    for force_slow_path in [false, true] {
        let transcoder = Transcoder::new(schema.pool(), Options { force_slow_path, ..Options::default() });
        for (event, input, expected) in CASES {
            let message = schema.event(event).unwrap().message;
            let printed = print(&transcoder, message, &notation::wire(input));
            let said = printed.clone().unwrap_or_else(|error| format!("{} | {}", error.path, error.problem));
            assert_eq!(said, *expected, "{input}");
            if let Ok(json) = printed {
                let wire = transcoder.from_json(message, json.as_bytes()).unwrap();
                let value = |json: &str| serde_json::from_str::<serde_json::Value>(json).unwrap();
                assert_eq!(value(&print(&transcoder, message, &wire).unwrap()), value(&json), "{input}");
            }
        }
    }
}

#[test]
fn what_is_read_has_the_features_of_the_wire() {
    let schema = schema();
    let transcoder = Transcoder::new(schema.pool(), Options::default());
    let json = r#"{"customer":{"id":"c"},"lines":[{"sku":"s"}],"sizes":[1,2],"bySku":{"a":{"sku":"s"}},"total":"0"}"#;
    let wire = transcoder.from_json(schema.event("order.placed").unwrap().message, json.as_bytes()).unwrap();
    assert_eq!(wire, notation::wire(r#"1:!{1:"c"} 3:!{1:"s"} 5:1 5:2 4:{1:"a" 2:{1:"s"}}"#));
}
