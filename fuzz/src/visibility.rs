//! Protobuf → what an audience sees of it: neither in JSON nor in binary is anything of a field that it may not see, at any
//! depth, and all the rest is there as everybody else has it.

use std::sync::LazyLock;

use rialto::schema::{Audience, EventType, Schema, Source};
use rialto::transcode::{Options, Transcoder};
use serde_json::Value;

const MAX_JSON_BYTES: usize = 1 << 20;
const MAX_ELEMENTS: u32 = 10_000;

const FILES: [(&str, &str); 2] =
    [("old.proto", include_str!("old.proto")), ("guarded.proto", include_str!("guarded.proto"))];

struct Guarded {
    schema: Schema,
    /// Without and with defaults, each on the fast path and on the slow one.
    transcoders: [[Transcoder; 2]; 2],
    /// Who sees the fields whose names begin with this letter.
    classes: [(char, Audience); 3],
}

static GUARDED: LazyLock<Guarded> = LazyLock::new(|| {
    let files = FILES.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec())).to_vec();
    let schema = Schema::load(&[Source::Bundled, Source::Texts { origin: "guarded".into(), files }]);
    let schema = schema.unwrap_or_else(|error| panic!("the fuzzed schema is sound: {error}"));
    let transcoders = [false, true].map(|print_defaults| {
        [false, true].map(|force_slow_path| {
            let bounds = Options { max_json_bytes: MAX_JSON_BYTES, max_elements: MAX_ELEMENTS, ..Options::default() };
            Transcoder::of(&schema, Options { print_defaults, force_slow_path, ..bounds })
        })
    });
    let classes = ['a', 'b', 'c'].map(|letter| {
        let event = schema.event(&format!("guarded.{letter}"));
        (letter, event.unwrap_or_else(|| panic!("guarded.{letter} is there")).asks())
    });
    Guarded { schema, transcoders, classes }
});

/// The lowest three bits of the first byte are the audience, the highest says that the rest is JSON and not wire bytes.
pub fn run(bytes: &[u8]) {
    let [form, bytes @ ..] = bytes else { return };
    let Guarded { schema, transcoders, classes } = &*GUARDED;
    let event = schema.event("guarded.everything").unwrap_or_else(|| panic!("it is there"));
    let message = event.message;

    let wire = match form & 0x80 {
        0 => bytes.to_vec(),
        _ => match transcoders[0][0].from_json(message, bytes) {
            Ok(wire) => wire,
            Err(_) => return,
        },
    };
    let seen = classes.iter().enumerate().filter(|(bit, _)| form >> bit & 1 == 1);
    let audience = seen.fold(Audience::NONE, |all, (_, (_, asks))| all.with(*asks));
    let is_hidden = |letter: char| classes.iter().any(|(class, asks)| *class == letter && !audience.meets(*asks));

    for (prints_defaults, [fast, slow]) in [false, true].into_iter().zip(transcoders) {
        let mut whole = Vec::new();
        if fast.to_json(message, &wire, &mut whole).is_err() {
            return;
        }
        // Deeper than that reader goes, nothing is compared.
        let Ok(expected) = serde_json::from_slice::<Value>(&whole) else { return };
        let expected = stripped(&expected, &is_hidden);
        let reduced = fast.reduce(message, &wire, audience);
        let reduced = reduced.unwrap_or_else(|error| panic!("what prints can be reduced, too: {error}"));
        assert_eq!(slow.reduce(message, &wire, audience).ok().as_ref(), Some(&reduced), "the two paths disagree");
        let again = fast.reduce(message, &reduced, audience);
        assert_eq!(again.ok().as_ref(), Some(&reduced), "there was more to hide in what was reduced");

        let mut json = Vec::new();
        let printed = fast.reduced_to_json(message, &reduced, audience, &mut json);
        assert!(printed.is_ok(), "what was reduced cannot be printed: {printed:?}");
        assert_eq!(parsed(&json), expected, "{} for {audience:?}", text(&whole));

        // What a reader of binary frames makes of it, who knows nothing of who sees what.
        let mut decoded = Vec::new();
        let printed = fast.to_json(message, &reduced, &mut decoded);
        assert!(printed.is_ok(), "what was reduced cannot be read: {printed:?}");
        let decoded = parsed(&decoded);
        let decoded = if prints_defaults { stripped(&decoded, &is_hidden) } else { decoded };
        assert_eq!(decoded, expected, "{} in binary for {audience:?}", text(&whole));

        logged(fast, event, &wire, &expected);
    }
}

/// A log shows nothing of what anybody may not see.
fn logged(transcoder: &Transcoder, event: &EventType, wire: &[u8], expected: &Value) {
    let mut log = Vec::new();
    if transcoder.to_log(event.message, wire, &mut log).is_err() {
        return; // It has every hidden field, set or not: it can be too long.
    }
    let log = parsed(&log);
    masked(&log);
    let open = |value: &Value| stripped(value, &|_| true);
    assert_eq!(open(&log), open(expected), "a log leaves out what everybody sees");
}

/// Every hidden member says so.
fn masked(value: &Value) {
    match value {
        Value::Object(members) => {
            for (name, inner) in members {
                match class(name) {
                    Some(_) => assert_eq!(inner, "***", "{name} stands in a log"),
                    None if is_free(members, name) => (),
                    None => masked(inner),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(masked),
        _ => (),
    }
}

/// Without the members that are hidden.
fn stripped(value: &Value, is_hidden: &dyn Fn(char) -> bool) -> Value {
    match value {
        Value::Object(members) => {
            let seen = members.iter().filter(|(name, _)| !class(name).is_some_and(is_hidden));
            let inner = |(name, value): (&String, &Value)| match is_free(members, name) {
                true => (name.clone(), value.clone()),
                false => (name.clone(), stripped(value, is_hidden)),
            };
            Value::Object(seen.map(inner).collect())
        }
        Value::Array(values) => Value::Array(values.iter().map(|value| stripped(value, is_hidden)).collect()),
        other => other.clone(),
    }
}

/// The letter of whoever sees this field; none if everybody does.
fn class(name: &str) -> Option<char> {
    let mut letters = name.chars();
    letters
        .next()
        .filter(|letter| "abc".contains(*letter) && letters.next().is_some_and(|next| next.is_ascii_uppercase()))
}

/// Whether what stands in this member has names of its own choosing: a `Struct` or a `Value`, as itself or in an `Any`.
fn is_free(members: &serde_json::Map<String, Value>, name: &str) -> bool {
    let of = members.get("@type").and_then(Value::as_str);
    name == "bStruct" || name == "value" && !of.is_some_and(|name| name.ends_with("/google.protobuf.Any"))
}

fn parsed(json: &[u8]) -> Value {
    serde_json::from_slice(json).unwrap_or_else(|error| panic!("{} is not JSON: {error}", text(json)))
}

fn text(json: &[u8]) -> &str {
    std::str::from_utf8(json).unwrap_or_else(|error| panic!("JSON is text: {error}"))
}
