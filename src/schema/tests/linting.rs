//! What is allowed and will be regretted.

use super::*;
use crate::schema::lint::{LintRule, lint};

fn said(schema: &Schema) -> Vec<String> {
    lint(schema).iter().map(|lint| lint.to_string().lines().next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn everything_that_will_be_regretted_is_told_where_it_stands() {
    let text = r#"syntax = "proto2"; package shop.v1; import "rialto/v1/options.proto";
message ShopChannel { option (rialto.v1.channel) = { template: "shop:{shop_id}" }; optional string shop_id = 1; }
message IdleChannel { // Nobody sends here.
  option (rialto.v1.channel) = { template: "idle" }; }
// An order.
message OrderPlaced {
  option (rialto.v1.event) = { type: "order.placed", channels: ["ShopChannel"] };
  optional string shop_id = 1 [(rialto.v1.field).masked_in_logs = true];
  optional int64 cents = 2;
  optional uint64 grams = 3 [jstype = JS_STRING];
  required State state = 4;
  map<string, Item> items = 5;
}
message Item { repeated fixed64 sizes = 1; map<int64, int64> counts = 2; }
message Unused { optional int64 big = 1; }
enum State { STATE_PAID = 1; }
message Ask { option (rialto.v1.event) = { type: "ask", from: FROM_CLIENT, route: ROUTE_HANDLER }; optional string id = 1; }
"#;
    let folder = folder(&[("shop.proto", text)]);
    let schema = Schema::load(&[Source::Folder(folder.path().to_owned())]).unwrap();
    let found = said(&schema).join("\n").replace(&format!("{}/", folder.path().display()), "");
    let expected = r#"shop.proto:2:1: warning: the channel shop:{shop_id} has no comment [missing-comment]
shop.proto:4:34: warning: no event goes to the channel idle [unused-channel]
shop.proto:8:3: warning: OrderPlaced.shop_id is masked in logs, and fills the name of a channel of "order.placed" [masked-in-name]
shop.proto:9:3: warning: OrderPlaced.cents is a string in JSON [int64-string]
shop.proto:11:3: warning: OrderPlaced.state is required [required-field]
shop.proto:14:16: warning: Item.sizes is a string in JSON [int64-string]
shop.proto:16:14: warning: the first value of State is STATE_PAID, which stands for something [enum-zero]
shop.proto:17:1: warning: the event "ask" has no comment [missing-comment]
shop.proto:17:50: warning: the event type "ask" is one word [event-type-form]
shop.proto:17:100: warning: "ask" cannot carry its field id in a flat frame: the envelope has a member of that name [envelope-name]"#;
    assert_eq!(found, expected);
    for rule in LintRule::ALL.iter().filter(|rule| **rule != LintRule::NoEvents) {
        assert!(expected.contains(&format!("[{}]", rule.name())), "{rule:?} is not shown");
        assert!(!rule.why().is_empty());
    }
}

/// Every place of every field was looked for among all places of the file: this took minutes.
#[test]
fn many_fields_of_a_file_are_told_with_their_places() {
    const FIELDS: usize = 8_000;
    let fields: String = (1..=FIELDS).map(|number| format!("  // é\n  int64 f{number} = {number};\n")).collect();
    let schema = shop(&format!(
        "// An order.\nmessage Placed {{ option (rialto.v1.event) = {{ type: \"order.placed\" }};\n{fields}}}"
    ));
    let lines: Vec<_> = lint(&schema).iter().map(|lint| (lint.rule, lint.line, lint.column)).collect();
    let expected = (0..FIELDS).map(|place| (LintRule::Int64String, Some(5 + 2 * place as u32), Some(3)));
    assert_eq!(lines, expected.collect::<Vec<_>>());
}

#[test]
fn without_source_info_nothing_is_said_about_comments() {
    let files = folder(&[(
        "shop.proto",
        "syntax = \"proto3\"; import \"rialto/v1/options.proto\"; message E { option (rialto.v1.event) = { type: \"e.f\" }; }",
    )]);
    let includes = [files.path(), Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/proto"))];
    let mut compiler = protox::Compiler::new(includes).unwrap();
    compiler.include_imports(true).include_source_info(false).open_file("shop.proto").unwrap();
    let path = files.path().join("set.binpb");
    fs::write(&path, compiler.encode_file_descriptor_set()).unwrap();
    assert_eq!(said(&Schema::load(&[Source::DescriptorSet(path)]).unwrap()), [""; 0]);
}

#[test]
fn a_schema_without_an_event_is_warned_about() {
    let message = "syntax = \"proto3\"; package shop.v1; /* x */ message Item { string id = 1; }";
    let found = lint(&load(&[("shop.proto", message)]).unwrap());
    let shown: Vec<_> = found.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "schema: warning: no message is an event [no-events]\n    a bridge with it refuses everything that is published\n    \
          give a message `option (rialto.v1.event)`, or see whether this is the right path, and whether what made the \
          file has failed"
        ]
    );
    assert!(!said(&Schema::bundled()).iter().any(|lint| lint.contains("no-events")));
}
