//! Sources, and what of them makes the fingerprint.

use super::*;
use crate::proto::DESCRIPTORS;

const ORDERS: &str = r#"
syntax = "proto3";
package shop.v1;
import "rialto/v1/options.proto";
message OrderChannel {
  option (rialto.v1.channel) = { template: "order:{order_id}", history: 5, retention: { events: 7, age: { seconds: 2, nanos: 500000000 } } };
  string order_id = 1;
}
message OrderPlaced {
  option (rialto.v1.event) = { type: "order.placed", channels: ["OrderChannel", "SystemChannel"] };
  string order_id = 1;
}
"#;

fn fingerprint(files: &[(&str, &str)]) -> String {
    load(files).unwrap().fingerprint().to_owned()
}

#[test]
fn a_folder_needs_only_its_own_files() {
    let schema = load(&[("shop/v1/orders.proto", ORDERS)]).unwrap();
    let template = schema.channel("order:42").unwrap();
    assert_eq!(template.retention, Retention { events: 7, age: Duration::from_millis(2_500) });
    assert_eq!(template.history, 5);
    assert!(!template.on_connect);
    assert_eq!(&*template.message_name, "shop.v1.OrderChannel");
    let system = schema.channel("system").unwrap();
    assert_eq!(system.retention, Retention::DEFAULT);
    assert!(schema.event("process.progress").is_none(), "a schema replaces the catalogue");
    assert!(schema.event("connection.ack").is_some_and(|event| event.own), "and never Rialto's own");
}

#[test]
fn a_copy_of_rialtos_own_files_changes_nothing() {
    let options = include_str!("../../../proto/rialto/v1/options.proto");
    let status = include_str!("../../../proto/google/rpc/status.proto");
    let with_copy = load(&[
        ("shop/v1/orders.proto", ORDERS),
        ("rialto/v1/options.proto", options),
        ("google/rpc/status.proto", status),
    ]);
    assert_eq!(with_copy.unwrap().fingerprint(), fingerprint(&[("shop/v1/orders.proto", ORDERS)]));
}

#[test]
fn folders_make_one_schema_together() {
    let channels = folder(&[(
        "channels.proto",
        "syntax = \"proto3\"; package a.v1; import \"rialto/v1/options.proto\";
        message RoomChannel { option (rialto.v1.channel) = { template: \"room:{room}\" }; string room = 1; }",
    )]);
    let events = folder(&[(
        "events.proto",
        "syntax = \"proto3\"; package b.v1; import \"rialto/v1/options.proto\";
        import \"google/protobuf/wrappers.proto\"; import \"google/rpc/status.proto\";
        message Said { option (rialto.v1.event) = { type: \"said\", channels: [\"RoomChannel\"] }; string room = 1;
          google.protobuf.StringValue words = 2; google.rpc.Status status = 3; }",
    )]);
    let sources = [Source::Folder(channels.path().into()), Source::Folder(events.path().into()), Source::Bundled];
    let schema = Schema::load(&sources).unwrap();
    let said = schema.event("said").unwrap();
    assert_eq!(schema.route(said, &wire::bytes(1, "7")).unwrap(), [ChannelName::from("room:7")]);
    assert!(schema.event("process.progress").is_some());
    let reversed = Schema::load(&[sources[2].clone(), sources[1].clone(), sources[0].clone()]).unwrap();
    assert_eq!(schema.fingerprint(), reversed.fingerprint());
}

#[test]
fn two_different_files_of_one_name_are_refused() {
    let (left, right) = (folder(&[("orders.proto", ORDERS)]), folder(&[("orders.proto", &ORDERS.replace("5", "6"))]));
    let sources = [Source::Folder(left.path().into()), Source::Folder(right.path().into())];
    let error = Schema::load(&sources).unwrap_err().to_string();
    assert!(error.contains("there are two different files \"orders.proto\""), "{error}");
    let twice = [sources[0].clone(), sources[0].clone()];
    assert!(Schema::load(&twice).is_ok());
}

/// A descriptor set with these bytes at the end of every file.
fn said_of_every_file(set: &[u8], more: &[u8]) -> Vec<u8> {
    let files = super::super::scan::Fields::new(set).map(|field| match field.unwrap().1 {
        super::super::scan::Wire::Bytes(file) => wire::bytes(1, [file, more].concat()),
        other => panic!("{other:?}"),
    });
    files.collect::<Vec<_>>().concat()
}

#[test]
fn a_descriptor_set_is_the_same_schema() {
    let from_folder = load(&[("shop/v1/orders.proto", ORDERS)]).unwrap();
    let files = folder(&[("shop/v1/orders.proto", ORDERS)]);
    let compile = |imports: bool, source_info: bool| {
        let mut compiler =
            protox::Compiler::new([files.path(), Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/proto"))]).unwrap();
        compiler.include_imports(imports).include_source_info(source_info).open_file("shop/v1/orders.proto").unwrap();
        compiler.encode_file_descriptor_set()
    };
    // The last as Buf does it in its images: a field of its own in every file.
    let image = said_of_every_file(&compile(false, true), &wire::bytes(8_042, "what Buf thinks of it"));
    for set in [compile(true, true), compile(false, false), image] {
        let path = files.path().join("schema.binpb");
        fs::write(&path, set).unwrap();
        let schema = Schema::load(&[Source::DescriptorSet(path)]).unwrap();
        assert_eq!(schema.fingerprint(), from_folder.fingerprint());
        assert_eq!(schema.channel("order:1").unwrap().history, 5);
    }
}

#[test]
fn mistakes_in_a_descriptor_set_have_places_as_far_as_it_tells_them() {
    let files = folder(&[("orders.proto", &ORDERS.replace("\"OrderChannel\"", "\"OrdreChannel\""))]);
    let path = files.path().join("schema.binpb");
    let said = |source_info: bool| {
        let mut compiler =
            protox::Compiler::new([files.path(), Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/proto"))]).unwrap();
        compiler.include_imports(true).include_source_info(source_info).open_file("orders.proto").unwrap();
        fs::write(&path, compiler.encode_file_descriptor_set()).unwrap();
        let error = Schema::load(&[Source::DescriptorSet(path.clone())]).unwrap_err();
        error.to_string().replace(&path.display().to_string(), "set")
    };
    let rest = ": there is no channel \"OrdreChannel\"\n    did you mean \"OrderChannel\"?";
    assert_eq!(said(true), format!("set: orders.proto:10:3{rest}"));
    assert_eq!(said(false), format!("set: orders.proto{rest}"));
}

#[test]
fn what_is_no_schema_is_refused() {
    let files = folder(&[
        ("text.binpb", "not descriptors"),
        ("empty.binpb", ""),
        ("orders.proto", ORDERS),
        ("empty/README", ""),
    ]);
    let path = |name: &str| Source::at(&files.path().join(name));
    let cases = [
        (Source::Folder(files.path().join("nowhere")), "cannot be read"),
        (path("nowhere"), "cannot be read"),
        (path("text.binpb"), "this is no FileDescriptorSet"),
        (path("empty.binpb"), "this file is empty"),
        (path("orders.proto"), "this is one .proto file, not a folder"),
        (path("empty"), "there is no .proto file in this folder"),
    ];
    for (source, expected) in cases {
        let error = Schema::load(std::slice::from_ref(&source)).unwrap_err().to_string();
        assert!(error.contains(expected), "{source:?}: {error}");
    }
}

/// What is said about a descriptor set with this file in it.
fn said_about(file: &[Vec<u8>]) -> String {
    let files = folder(&[]);
    let path = files.path().join("schema.binpb");
    fs::write(&path, [DESCRIPTORS, &wire::bytes(1, file.concat())].concat()).unwrap();
    Schema::load(&[Source::DescriptorSet(path)]).unwrap_err().to_string()
}

#[test]
fn an_option_of_a_newer_rialto_is_refused() {
    // A member 99 in the event option: what a descriptor set made with a newer options.proto would hold.
    let option = [wire::bytes(1, "newer"), wire::varint(99, 1)].concat();
    let message = [wire::bytes(1, "Newer"), wire::bytes(7, wire::bytes(51_820, option))].concat();
    let said = said_about(&[wire::bytes(1, "newer.proto"), wire::bytes(4, message), wire::bytes(12, "proto3")]);
    assert!(said.contains("a member 99 that this version of Rialto does not know"), "{said}");
}

#[test]
fn the_fingerprint_knows_nothing_of_comments_white_space_and_file_order() {
    let base = fingerprint(&[("a.proto", ORDERS)]);
    assert_eq!(base.len(), 64);
    let commented = ORDERS.replace("message", "// A comment.\n\n   message").replace("= 1;", "= 1;  /* here too */");
    assert_eq!(fingerprint(&[("a.proto", &commented)]), base);

    let other = "syntax = \"proto3\"; package other.v1; message Other { int32 a = 1; }";
    let both = fingerprint(&[("a.proto", ORDERS), ("b.proto", other)]);
    assert_ne!(both, base);
    assert_eq!(fingerprint(&[("b.proto", other), ("a.proto", ORDERS)]), both);
}

#[test]
fn the_fingerprint_changes_with_what_the_schema_says() {
    let base = fingerprint(&[("a.proto", ORDERS)]);
    for (from, to) in [
        ("string order_id = 1;\n}\n", "string order_id = 1; int32 more = 2;\n}\n"),
        ("order.placed", "order.made"),
        ("history: 5", "history: 6"),
        ("\"order:{order_id}\"", "\"orders:{order_id}\""),
    ] {
        let changed = ORDERS.to_owned();
        let at = changed.rfind(from).unwrap();
        let changed = format!("{}{to}{}", &changed[..at], &changed[at + from.len()..]);
        assert_ne!(fingerprint(&[("a.proto", &changed)]), base, "{from} {to}");
    }
}

#[test]
fn a_pipe_that_is_called_like_a_file_is_refused_and_not_waited_for() {
    let folder = folder(&[("a.proto", "syntax = \"proto3\"; message A {}")]);
    let made = std::process::Command::new("mkfifo").arg(folder.path().join("x.proto")).status().unwrap();
    assert!(made.success());
    let error = Schema::load(&[Source::Folder(folder.path().to_owned())]).unwrap_err();
    assert_eq!(error.mistakes.len(), 1, "{error}");
    assert!(error.mistakes[0].file.ends_with("/x.proto") && error.mistakes[0].message == "is not a regular file");
}

#[test]
fn what_never_ends_is_not_read_to_its_end() {
    let error = Schema::load(&[Source::at(Path::new("/dev/zero"))]).unwrap_err();
    assert!(error.to_string().contains("more than the 67108864 bytes that are read"), "{error}");
}

#[test]
fn mistakes_are_told_as_json_too() {
    let error = load(&[("a.proto", "syntax = \"proto3\";\nmessage A {")]).unwrap_err();
    let json = serde_json::to_value(&error).unwrap();
    assert_eq!(json["mistakes"][0]["line"], 2);
    assert!(json["mistakes"][0]["file"].as_str().unwrap().ends_with("a.proto"));
    assert!(json["mistakes"][0]["advice"].as_str().is_some_and(|advice| !advice.is_empty()));
}

#[test]
fn flat_frames_that_would_lose_a_field_are_warned_about() {
    let schema = shop(
        r#"message Ask {
  option (rialto.v1.event) = { type: "ask", from: FROM_CLIENT, route: ROUTE_HANDLER };
  string id = 1;
  string text = 2;
}
message Told {
  option (rialto.v1.event) = { type: "told" };
  string id = 1;
}"#,
    );
    let warnings: Vec<_> = schema.warnings().iter().map(|warning| (warning.line, warning.message.as_str())).collect();
    assert_eq!(
        warnings,
        [(Some(4), "\"ask\" cannot carry its field id in a flat frame: the envelope has a member of that name")]
    );
}

#[test]
fn a_byte_order_mark_is_no_part_of_a_file() {
    let marked = format!("\u{feff}{ORDERS}");
    assert_eq!(fingerprint(&[("orders.proto", &marked)]), fingerprint(&[("orders.proto", ORDERS)]));
}

#[test]
fn it_is_told_whether_there_may_be_more_mistakes() {
    let wrong = ORDERS.replace("\"OrderChannel\"", "\"OrdreChannel\"");
    for (text, expected) in [
        (wrong.as_str(), false),
        ("syntax = \"proto3\"; message A {", true),
        ("syntax = \"proto3\"; import \"nowhere.proto\"; message A {}", true),
        ("syntax = \"proto3\"; message A { Nothing b = 1; }", true),
    ] {
        let error = load(&[("a.proto", text)]).unwrap_err();
        assert_eq!(error.may_hide_more, expected, "{error}");
    }
}
