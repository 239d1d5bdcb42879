//! Protobuf → JSON → protobuf → JSON: what can be printed can be read back, and prints the same again; both paths of the
//! printer agree; no output is beyond its bound.

use std::sync::LazyLock;

use rialto::schema::{Schema, Source};
use rialto::transcode::{Options, Transcoder};
use serde_json::Value;

const MAX_JSON_BYTES: usize = 1 << 20;
const MAX_ELEMENTS: u32 = 10_000;

/// The messages that the transcoder's own table of vectors has: one for each shape that ProtoJSON treats in its own way.
const SHAPES: [&str; 2] = [
    include_str!("../../tests/vectors/transcode/vectors.proto"),
    include_str!("../../tests/vectors/transcode/legacy.proto"),
];

/// What the first byte chooses from.
const MESSAGES: [&str; 19] = [
    "vectors.Scalars",
    "vectors.JsNumbers",
    "vectors.File",
    "vectors.Upload",
    "vectors.Tree",
    "vectors.Lists",
    "vectors.Maps",
    "vectors.Choice",
    "vectors.Known",
    "vectors.Names",
    "vectors.Timestamp",
    "vectors.Own",
    "vectors.Wide",
    "vectors.Huge",
    "legacy.Legacy",
    "legacy.Needs",
    "google.protobuf.Any",
    "google.protobuf.Struct",
    "google.protobuf.ListValue",
];

/// An event, without which nothing is a schema.
const EVENT: &str = r#"syntax = "proto3";
package fuzz.v1;
import "rialto/v1/options.proto";
message FuzzedChannel { option (rialto.v1.channel) = { template: "fuzz:{id}" }; string id = 1; }
message Fuzzed { option (rialto.v1.event) = { type: "fuzz.fuzzed", channels: ["FuzzedChannel"] }; string id = 1; }
"#;

struct Printers {
    schema: Schema,
    fast: Transcoder,
    slow: Transcoder,
}

static PRINTERS: LazyLock<Printers> = LazyLock::new(|| {
    let file = |name: &str, text: &str| (name.to_owned(), text.as_bytes().to_vec());
    let files =
        vec![file("vectors.proto", SHAPES[0]), file("legacy.proto", SHAPES[1]), file("fuzz/v1/fuzzed.proto", EVENT)];
    let schema = Schema::load(&[Source::Bundled, Source::Texts { origin: "fuzz".into(), files }]);
    let schema = schema.unwrap_or_else(|error| panic!("the fuzzed schema is sound: {error}"));
    let options = Options { max_json_bytes: MAX_JSON_BYTES, max_elements: MAX_ELEMENTS, ..Options::default() };
    let slow = Options { force_slow_path: true, ..options };
    let (fast, slow) = (Transcoder::new(schema.pool(), options), Transcoder::new(schema.pool(), slow));
    Printers { schema, fast, slow }
});

/// The first byte chooses the message, the highest bit of the second what the rest is: its wire bytes or its JSON.
pub fn run(bytes: &[u8]) {
    let [choice, form, bytes @ ..] = bytes else { return };
    let Printers { schema, fast, slow } = &*PRINTERS;
    let pool = schema.pool();
    let name = MESSAGES[usize::from(*choice) % MESSAGES.len()];
    let message = pool.message_index(name).unwrap_or_else(|| panic!("{name} is there"));

    let wire = match form & 0x80 {
        0 => bytes.to_vec(),
        _ => match fast.from_json(message, bytes) {
            Ok(wire) => wire,
            Err(_) => return,
        },
    };
    let (mut json, mut grouped) = (Vec::new(), Vec::new());
    let printed = fast.to_json(message, &wire, &mut json);
    let printed_slowly = slow.to_json(message, &wire, &mut grouped);
    assert_eq!(printed, printed_slowly, "the two paths disagree on {name}");
    if printed.is_err() {
        return;
    }
    assert_eq!(text(&json), text(&grouped), "the two paths disagree on {name}");
    assert!(json.len() <= MAX_JSON_BYTES, "{} bytes of JSON", json.len());
    let read = fast.from_json(message, &json);
    let read = read.unwrap_or_else(|error| panic!("{name}: {} cannot be read back: {error}", text(&json)));
    let mut again = Vec::new();
    let reprinted = fast.to_json(message, &read, &mut again);
    assert!(reprinted.is_ok(), "{name}: {} cannot be printed again: {reprinted:?}", text(&json));
    // Members come in the wire's order, and a default that was on the wire is not any more: equal is what JSON calls so.
    // Deeper than that reader goes, nothing is compared.
    let (Ok(first), Ok(second)) = (parsed(&json), parsed(&again)) else { return };
    assert!(same(&first, &second), "{name} is another one after a round trip:\n{first}\n{second}");
}

/// Equal, except that a `NullValue` prints as null, which reads as not set, which is not printed.
fn same(first: &Value, second: &Value) -> bool {
    match (first, second) {
        (Value::Object(first), Value::Object(second)) => {
            first.iter().all(|(name, value)| match second.get(name) {
                Some(other) => same(value, other),
                None => value.is_null(),
            }) && second.keys().all(|name| first.contains_key(name))
        }
        (Value::Array(first), Value::Array(second)) => {
            first.len() == second.len() && first.iter().zip(second).all(|(first, second)| same(first, second))
        }
        _ => first == second,
    }
}

fn parsed(json: &[u8]) -> serde_json::Result<Value> {
    serde_json::from_slice(json)
}

fn text(json: &[u8]) -> &str {
    std::str::from_utf8(json).unwrap_or_else(|error| panic!("JSON is text: {error}"))
}
