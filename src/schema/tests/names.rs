//! Escaping, and names against templates.

use std::sync::LazyLock;

use proptest::prelude::*;
use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
struct Escaping {
    escaped: Vec<Pair>,
    refused: Vec<String>,
}

#[derive(Deserialize)]
struct Pair {
    value: String,
    escaped: String,
}

#[test]
fn the_escaping_vectors_hold() {
    let text = fs::read_to_string(Path::new(VECTORS).join("escaping.json")).unwrap();
    let vectors: Escaping = serde_json::from_str(&text).unwrap();
    assert!(vectors.escaped.len() > 10 && vectors.refused.len() > 10);
    for Pair { value, escaped } in vectors.escaped {
        assert_eq!(escape(&value), escaped);
        assert_eq!(unescape(&escaped).as_deref(), Some(&*value));
    }
    for text in vectors.refused {
        assert_eq!(unescape(&text), None, "{text:?}");
    }
}

fn every_kind() -> Schema {
    shop(
        r#"
enum Colour { COLOUR_UNSPECIFIED = 0; COLOUR_RED = 1; COLOUR_GREEN = 5; }
message TextChannel { option (rialto.v1.channel) = { template: "text:{a}:mid:{b}" }; string a = 1; string b = 2; }
message IntChannel { option (rialto.v1.channel) = { template: "int:{n}" }; int32 n = 1; }
message LongChannel { option (rialto.v1.channel) = { template: "long:{n}" }; uint64 n = 1; }
message BoolChannel { option (rialto.v1.channel) = { template: "bool:{b}" }; bool b = 1; }
message ColourChannel { option (rialto.v1.channel) = { template: "colour:{c}" }; Colour c = 1; }
message FixedChannel { option (rialto.v1.channel) = { template: "fixed" }; }
"#,
    )
}

#[test]
fn a_name_is_of_the_template_that_could_have_made_it() {
    let schema = every_kind();
    let longest = format!("text:{}:mid:b", "x".repeat(255 - "text::mid:b".len()));
    let cases = [
        ("text:1:mid:2", true),
        ("text:42%3Aread:mid:a b", true),
        ("text:é:mid:✓", true),
        (&longest, true),
        (&format!("{longest}b"), false),
        ("text::mid:2", false),
        ("text:1:mid:", false),
        ("text:1:mid", false),
        ("text:1:mid:2:3", false),
        ("text:1:middle:2", false),
        ("text:1%3amid:mid:2", false),
        ("text:1%41:mid:2", false),
        ("text:*:mid:2", false),
        ("text:{a}:mid:2", false),
        ("text:a\n:mid:2", false),
        ("text:a%:mid:2", false),
        ("int:0", true),
        ("int:-7", true),
        ("int:2147483647", true),
        ("int:2147483648", false),
        ("int:007", false),
        ("int:+7", false),
        ("int:-0", false),
        ("int:", false),
        ("int:7x", false),
        ("long:18446744073709551615", true),
        ("long:18446744073709551616", false),
        ("long:-1", false),
        ("bool:true", true),
        ("bool:1", false),
        ("colour:COLOUR_RED", true),
        ("colour:1", false),
        ("colour:7", true),
        ("colour:07", false),
        ("colour:red", false),
        ("fixed", true),
        ("fixed:", false),
        ("Fixed", false),
        ("", false),
        (":", false),
        ("system", true),
        ("session:t1", true),
        ("session:", false),
        ("session:a:b", false),
    ];
    for (name, known) in cases {
        assert_eq!(schema.channel(name).is_some(), known, "{name:?}");
    }
}

fn encoded(values: [&str; 2]) -> Vec<u8> {
    [wire::bytes(1, values[0]), wire::bytes(2, values[1])].concat()
}

/// Three templates whose names would be mixed up if a value could become structure.
fn look_alikes() -> Schema {
    shop(
        r#"
message AChannel { option (rialto.v1.channel) = { template: "x:{a}:{b}" }; string a = 1; string b = 2; }
message BChannel { option (rialto.v1.channel) = { template: "x:{a}:{b}:{c}" }; string a = 1; string b = 2; string c = 3; }
message CChannel { option (rialto.v1.channel) = { template: "x:{a}" }; string a = 1; }
message Pair { option (rialto.v1.event) = { type: "pair", channels: ["AChannel"] }; string a = 1; string b = 2; }
"#,
    )
}

#[test]
fn a_name_that_nothing_matches_is_answered_with_what_was_meant() {
    let schema = Schema::bundled();
    for (name, expected) in [
        (
            "project:a:b",
            r#""project:a:b"; such names look like "project:{project_id}", and a ':' inside a value is written %3A"#,
        ),
        ("project:", r#""project:"; such names look like "project:{project_id}""#),
        ("projekt:42", r#""projekt:42"; did you mean "project"?"#),
        ("nothing like it", r#""nothing like it""#),
        ("", r#""""#),
    ] {
        assert!(schema.channel(name).is_none(), "{name}");
        let said = schema.unknown_channel(name).to_string();
        assert_eq!(said, format!("no channel template of the schema matches {expected}"));
    }
    assert!(schema.unknown_channel(&"x".repeat(100_000)).to_string().len() < 300);
}

fn value() -> impl Strategy<Value = String> {
    // Mostly what is structure somewhere, so that clashes would be found.
    prop::collection::vec(
        prop_oneof![
            prop::sample::select(vec![':', '%', '*', '{', '}', '3', 'A', 'a', 'x', '\n', '\u{85}', 'é']),
            any::<char>()
        ],
        1..8,
    )
    .prop_map(|characters| characters.into_iter().collect())
}

proptest! {
    #[test]
    fn escaping_is_undone_and_leaves_no_structure(value in any::<String>()) {
        let escaped = escape(&value);
        let structure = escaped.contains([':', '*', '{', '}']) || escaped.contains(char::is_control);
        prop_assert!(!structure);
        let unescaped = unescape(&escaped);
        prop_assert_eq!(unescaped.as_deref(), Some(&*value));
    }

    #[test]
    fn only_one_text_stands_for_a_value(text in value()) {
        if let Some(value) = unescape(&text) {
            prop_assert_eq!(&*escape(&value), &*text);
        }
    }

    #[test]
    fn no_values_make_the_name_of_other_values_or_of_another_template(
        left in (value(), value()),
        right in (value(), value()),
    ) {
        static SCHEMA: LazyLock<Schema> = LazyLock::new(look_alikes);
        let schema = &*SCHEMA;
        let pair = schema.event("pair").unwrap();
        let name = |values: &(String, String)| {
            schema.route(pair, &encoded([&values.0, &values.1])).unwrap().remove(0)
        };
        let (left_name, right_name) = (name(&left), name(&right));
        prop_assert_eq!(left == right, left_name == right_name);
        let matching: Vec<&str> = schema
            .channels()
            .iter()
            .filter(|channel| channel.parsed.matches(left_name.as_str(), &channel.parameters))
            .map(|channel| &*channel.template)
            .collect();
        prop_assert_eq!(matching, ["x:{a}:{b}"]);
        prop_assert!(schema.may_go_to(pair, left_name.as_str()));
    }
}
