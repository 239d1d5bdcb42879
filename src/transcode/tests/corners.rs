//! Corners that were in doubt once: types that nobody imports, odd type URLs, what loses against a later value.

use std::fs;

use super::super::{Options, Problem, Transcoder};
use super::{canonical, index, notation, pool, print};
use crate::schema::{Audience, Schema, Source};

#[test]
fn an_any_may_hold_well_known_types_that_the_schema_does_not_import() {
    let folder = tempfile::tempdir().unwrap();
    let text = "syntax = \"proto3\"; package a.v1; import \"google/protobuf/any.proto\";
        message Holder { google.protobuf.Any any = 1; }";
    fs::write(folder.path().join("a.proto"), text).unwrap();
    let schema = Schema::load(&[Source::Folder(folder.path().into())]).unwrap();
    let transcoder = Transcoder::new(schema.pool(), Options::default());
    let holder = index(schema.pool(), "a.v1.Holder");
    let values = [
        ("Duration", r#""1.500s""#),
        ("Timestamp", r#""1970-01-01T00:00:00Z""#),
        ("FieldMask", r#""a,bC""#),
        ("Struct", r#"{"a":[1,null]}"#),
        ("Value", "null"),
        ("ListValue", "[true]"),
        ("UInt64Value", r#""7""#),
        ("Any", "{}"),
    ];
    for (name, value) in values {
        let json = format!(r#"{{"any":{{"@type":"type.googleapis.com/google.protobuf.{name}","value":{value}}}}}"#);
        let wire = transcoder.from_json(holder, json.as_bytes()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(print(&transcoder, holder, &wire).unwrap(), json);
    }
}

#[test]
fn what_is_unknown_is_left_out_of_well_known_types_too() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.proto"), "syntax = \"proto3\"; package a.v1;").unwrap();
    let schema = Schema::load(&[Source::Folder(folder.path().into())]).unwrap();
    let transcoder = Transcoder::of(&schema, Options::default());
    let more = r#"9:"card" 1000:{1:"card"} 10:!{1:"card"}"#;
    let values = [
        ("Timestamp", "1:7 2:5"),
        ("Duration", "2:5 1:7"),
        ("FieldMask", r#"1:"a" 1:"b_c""#),
        ("Struct", r#"1:{1:"k" 2:{3:"text" MORE} MORE} MORE"#),
        ("Value", r#"5:{1:{1:"k" 2:{6:{1:{4:1 MORE} MORE} MORE}} MORE}"#),
        ("ListValue", "1:{2:1.5d MORE} 1:{1:0}"),
        ("StringValue", r#"1:"lost" 1:"text""#),
        ("Any", r#"1:"t/google.protobuf.Timestamp" 2:{1:7 MORE}"#),
        ("Empty", ""),
    ];
    for (name, value) in values {
        let message = index(schema.pool(), &format!("google.protobuf.{name}"));
        let known = notation::wire(&value.replace("MORE", ""));
        let whole = notation::wire(&format!("{} {more}", value.replace("MORE", more)));
        let reduced = transcoder.reduce(message, &whole, Audience::NONE).unwrap();
        assert_eq!(print(&transcoder, message, &reduced), print(&transcoder, message, &whole), "{name}");
        assert_eq!(hex::encode(reduced), hex::encode(known), "{name}");
    }
}

#[test]
fn a_type_url_names_a_type_exactly() {
    let pool = pool();
    let transcoder = Transcoder::new(&pool, canonical());
    let known = index(&pool, "vectors.Known");
    let cases = [
        ("type.googleapis.com/vectors.Tree", None),
        ("/vectors.Tree", None),
        ("a/b/c/vectors.Tree", None),
        ("type.googleapis.com/.vectors.Tree", Some(Problem::AnyUnknownType)),
        ("vectors.Tree", Some(Problem::AnyUrl)),
        ("type.googleapis.com/", Some(Problem::AnyUrl)),
        ("type.googleapis.com/vectors.tree", Some(Problem::AnyUnknownType)),
    ];
    for (url, problem) in cases {
        let read = transcoder.from_json(known, format!(r#"{{"any":{{"@type":"{url}"}}}}"#).as_bytes());
        assert_eq!(read.err().map(|error| error.problem), problem, "{url}");
        let any = pool.message_by_name("vectors.Known").unwrap().field_by_name("any").unwrap().number();
        let printed = print(&transcoder, known, &notation::wire(&format!(r#"{any}:{{1:"{url}"}}"#)));
        assert_eq!(printed.err().map(|error| error.problem), problem, "{url}");
    }
}

#[test]
fn what_loses_is_still_checked() {
    let pool = pool();
    let name =
        |message: &str, field: &str| pool.message_by_name(message).unwrap().field_by_name(field).unwrap().number();
    let text = name("vectors.Choice", "maybe");
    let cases = [
        // A string that a later one replaces, in a field and in a map.
        ("vectors.Choice", format!("{text}:{{$ff}} {text}:\"ok\""), Problem::InvalidUtf8),
        ("vectors.Maps", "1:{1:\"k\" 2:{$ff}} 1:{1:\"k\" 2:\"ok\"}".to_owned(), Problem::InvalidUtf8),
        ("vectors.Maps", "1:{1:{$ff} 1:\"k\" 2:\"ok\"}".to_owned(), Problem::InvalidUtf8),
        ("vectors.Upload", "1:{1:\"a\" 2:{$ff}} 1:{1:\"b\"}".to_owned(), Problem::InvalidUtf8),
    ];
    let choice = pool.message_by_name("vectors.Choice").unwrap();
    let oneof = choice.oneofs().iter().find(|oneof| !oneof.is_synthetic()).unwrap();
    let members: Vec<_> = oneof.field_indices().iter().map(|index| &choice.fields()[usize::from(*index)]).collect();
    let member = |wanted: fn(&buffa_descriptor::FieldKind) -> bool| {
        members.iter().find(|field| wanted(&field.kind())).unwrap().number()
    };
    use buffa_descriptor::{FieldKind, ScalarType, SingularKind};
    let string = member(|kind| matches!(kind, FieldKind::Singular(SingularKind::Scalar(ScalarType::String))));
    let message = member(|kind| matches!(kind, FieldKind::Singular(SingularKind::Message(_))));
    let of_oneof = [
        // Members of a oneof that a later one unsets: text that is none, a message that is cut off.
        ("vectors.Choice", format!("{string}:{{$ff}} {message}:{{}}"), Problem::InvalidUtf8),
        ("vectors.Choice", format!("{message}:{{$0a05}} {string}:\"ok\""), Problem::Truncated),
    ];
    for force_slow_path in [false, true] {
        let transcoder = Transcoder::new(&pool, Options { force_slow_path, ..canonical() });
        for (message, wire, problem) in cases.iter().chain(&of_oneof) {
            let printed = print(&transcoder, index(&pool, message), &notation::wire(wire));
            assert_eq!(printed.map_err(|error| error.problem), Err(*problem), "{message} {wire}");
        }
    }
}
