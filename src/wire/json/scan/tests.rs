//! JSON that is refused before anything is made of it.

use proptest::prelude::*;

use super::*;

fn names_and_values(text: &str) -> Vec<(String, String)> {
    let members = object(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
    members.into_iter().map(|member| (member.name.into_owned(), member.value.to_string())).collect()
}

#[test]
fn members_come_in_order_with_their_text() {
    let pair = |name: &str, value: &str| (name.to_string(), value.to_string());
    assert_eq!(
        names_and_values(" {\"a\" : 1 ,\n\t\"b\\u0041\":[ {}, \"x\" ],\"\":\"\\\"\" } \r\n"),
        [pair("a", "1"), pair("bA", "[ {}, \"x\" ]"), pair("", "\"\\\"\"")]
    );
    assert_eq!(names_and_values("{}"), []);
    assert_eq!(object("{\"a\" : 1}").expect("an object")[0].whole, "\"a\" : 1");
}

#[test]
fn what_is_not_strict_json_is_refused_with_its_path() {
    let deep = format!("{}1{}", r#"{"a":"#.repeat(101), "}".repeat(101));
    let deep_array = format!("{{\"a\":{}{}}}", "[".repeat(100), "]".repeat(100));
    let cases: [(&str, &str, &str); 37] = [
        ("", "", "unexpected end of the text"),
        ("null", "", "expected a JSON object"),
        ("[1]", "", "expected a JSON object"),
        ("\"text\"", "", "expected a JSON object"),
        ("17", "", "expected a JSON object"),
        ("hello", "", "expected a JSON value"),
        ("\u{FEFF}{}", "", "byte order mark"),
        ("{", "", "expected a member's name in double quotes"),
        ("{} {}", "", "text after the JSON value"),
        ("{}x", "", "text after the JSON value"),
        ("[1] x", "", "text after the JSON value"),
        ("{\"a\":1,}", "", "expected a member's name in double quotes"),
        ("{\"a\" 1}", "a", "expected a colon after a member's name"),
        ("{'a':1}", "", "expected a member's name in double quotes"),
        ("{a:1}", "", "expected a member's name in double quotes"),
        ("{\"a\":1 \"b\":2}", "", "expected a comma or the object's end"),
        ("{\"a\":}", "a", "expected a JSON value"),
        ("{\"a\":/**/1}", "a", "expected a JSON value"),
        ("{\"a\":nul}", "a", "expected a JSON value"),
        ("{\"a\":NaN}", "a", "expected a JSON value"),
        ("{\"a\":01}", "a", "number with a leading zero"),
        ("{\"a\":-}", "a", "expected a digit"),
        ("{\"a\":.5}", "a", "expected a JSON value"),
        ("{\"a\":1.}", "a", "expected a digit"),
        ("{\"a\":1e}", "a", "expected a digit"),
        ("{\"a\":[1,]}", "a[1]", "expected a JSON value"),
        ("{\"a\":[1,2", "a", "expected a comma or the array's end"),
        ("{\"a\":{\"b\":[0,{\"c\":tru}]}}", "a.b[1].c", "expected a JSON value"),
        ("{\"a\":\"x", "a", "string without its closing quote"),
        ("{\"a\":\"\\x\"}", "a", "unknown escape in a string"),
        ("{\"a\":\"\\u12g4\"}", "a", "expected four hexadecimal digits"),
        ("{\"a\":\"\\ud800\"}", "a", "lone surrogate in a string"),
        ("{\"a\":\"\\udc00\"}", "a", "lone surrogate in a string"),
        ("{\"a\":\"\\ud800\\u0041\"}", "a", "lone surrogate in a string"),
        ("{\"a\":\"line\nbreak\"}", "a", "control character in a string, not escaped"),
        (&deep_array, &format!("a{}", "[0]".repeat(99)), "nested more than 100 deep"),
        (&deep, &["a"; 100].join("."), "nested more than 100 deep"),
    ];
    for (text, path, problem) in cases {
        let error = object(text).expect_err(text);
        assert_eq!((&error.path[..], error.problem), (path, problem), "{text}");
        assert!(error.offset <= text.len());
    }
}

#[test]
fn duplicate_members_are_refused_at_every_level_however_they_are_spelled() {
    let cases = [
        ("{\"a\":1,\"a\":1}", "a"),
        ("{\"a\":1,\"b\":2,\"\\u0061\":3}", "a"),
        ("{\"x\":[{},{\"y\":{\"é\":1,\"\\u00e9\":2}}]}", "x[1].y.é"),
    ];
    for (text, path) in cases {
        let error = object(text).expect_err(text);
        assert_eq!((&error.path[..], error.problem), (path, "duplicate member"), "{text}");
    }
    assert!(object("{\"a\":{\"a\":1},\"b\":{\"a\":1}}").is_ok(), "the same name in another object");
}

#[test]
fn a_hundred_levels_pass() {
    let text = format!("{}1{}", r#"{"a":"#.repeat(100), "}".repeat(100));
    assert!(object(&text).is_ok());
}

#[test]
fn strings_are_decoded_and_other_values_are_not_strings() {
    assert_eq!(string(r#""a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00z""#).as_deref(), Some("a\"\\/\u{8}\u{C}\n\r\té😀z"));
    assert!(matches!(string("\"plain é\""), Some(Cow::Borrowed("plain é"))));
    for value in ["1", "null", "{}", "[\"a\"]", "true"] {
        assert_eq!(string(value), None, "{value}");
    }
}

#[test]
fn ten_thousand_members_are_compared_without_comparing_each_with_each() {
    let members: Vec<String> = (0..10_000).map(|index| format!("\"k{index}\":{index}")).collect();
    let text = format!("{{{}}}", members.join(","));
    assert_eq!(object(&text).expect("an object").len(), 10_000);
}

fn json(depth: u32) -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        "[\\x00-\\x7Fé😀\"\\\\]{0,12}".prop_map(Into::into),
    ];
    leaf.prop_recursive(depth, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            prop::collection::btree_map("[a-c\"\\\\\\n]{0,3}", inner, 0..6)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn every_printed_object_passes_and_keeps_its_members(value in json(5), pretty in any::<bool>()) {
        let frame = serde_json::json!({ "type": "x", "data": value });
        let text = if pretty { serde_json::to_string_pretty(&frame) } else { serde_json::to_string(&frame) };
        let text = text.expect("JSON");
        let members = object(&text).expect("an object");
        for member in members {
            let read: serde_json::Value = serde_json::from_str(member.value).expect("a value");
            prop_assert_eq!(&read, &frame[&*member.name]);
        }
    }

    #[test]
    fn random_text_never_panics_and_what_passes_is_json(text in "[{}\\[\\]\",:\\\\/0-9eE+.\\- a-fntru\u{1}é]{0,40}") {
        if object(&text).is_ok() {
            prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{}", text);
        }
    }
}
