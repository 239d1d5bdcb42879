//! Who sees which field, as event types and templates know it.

use super::*;
use crate::schema::visibility::FieldRules;

const SHOP: &str = r#"
import "google/protobuf/any.proto";
message OrderChannel { option (rialto.v1.channel) = { template: "order:{id}" }; string id = 1; }
message ShopChannel { option (rialto.v1.channel) = { template: "shop:{shop}" }; string shop = 1; }
message Plain { option (rialto.v1.event) = { type: "plain", channels: ["OrderChannel"] }; string id = 1; }
message Deep { option (rialto.v1.event) = { type: "deep", channels: ["OrderChannel"] }; string id = 1; Tree tree = 2; }
message Tree { map<string, Tree> children = 1; oneof what { string a = 2 [(rialto.v1.field).visible_to = "a"]; Leaf leaf = 3; } }
message Leaf { repeated string b = 1 [(rialto.v1.field) = { visible_to: "b:{id}:{@sub}", masked_in_logs: true }]; }
message Held { option (rialto.v1.event) = { type: "held", channels: ["ShopChannel"] }; string shop = 1; google.protobuf.Any any = 2; }
message Masked { option (rialto.v1.event) = { type: "masked", channels: ["ShopChannel"] }; string shop = 1; string iban = 2 [(rialto.v1.field).masked_in_logs = true]; }
message Own { option (rialto.v1.event) = { type: "own" }; string note = 1 [(rialto.v1.field).visible_to = "b:{@team}"]; }
"#;

fn asked(schema: &Schema, template: &str) -> Vec<String> {
    let channel = schema.channels().iter().find(|channel| &*channel.template == template).unwrap();
    channel.field_permissions.iter().map(|(_, text)| text.to_string()).collect()
}

#[test]
fn an_event_asks_for_what_anything_in_it_asks_for() {
    let schema = shop(SHOP);
    let event = |name: &str| schema.event(name).unwrap();
    let asks = |name: &str| event(name).asks();
    assert!(asks("plain").is_none() && !event("plain").masks());
    assert!(asks("masked").is_none() && event("masked").masks());
    assert!(asks("connection.ack").is_none());
    assert!(!asks("deep").is_none() && !asks("own").is_none() && !asks("deep").meets(asks("own")));
    // An Any may hold whatever the schema has.
    assert_eq!(asks("held"), asks("deep").with(asks("own")));
    assert_eq!(asked(&schema, "order:{id}"), ["a", "b:{id}:{@sub}"]);
    assert_eq!(asked(&schema, "shop:{shop}"), ["a", "b:{id}:{@sub}", "b:{@team}"]);
    assert_eq!(asked(&schema, "session:{session_id}"), ["b:{@team}"]);
    assert_eq!(asked(&schema, "system"), <[&str; 0]>::default());
}

fn rule<'a>(rules: &'a FieldRules, schema: &Schema, message: &str, number: u32) -> &'a FieldRule {
    rules.get(schema.pool().message_index(message).unwrap(), number).unwrap()
}

#[test]
fn a_permission_keeps_its_number_and_a_template_what_its_log_may_hold() {
    let before = shop(SHOP);
    let text = |messages: &str| {
        format!("syntax = \"proto3\"; package shop.v1; import \"rialto/v1/options.proto\";\n{messages}")
    };
    // "a" goes, "0" comes and would sort before all.
    let changed = text(&SHOP.replace("visible_to = \"a\"", "visible_to = \"0\""));
    let folder = folder(&[("shop.proto", &changed)]);
    let after = before.load_next(&[Source::Folder(folder.path().to_owned())]).unwrap();
    let of = |schema: &Schema, message, number| rule(schema.field_rules(), schema, message, number).asks;
    assert_eq!(of(&before, "shop.v1.Leaf", 1), of(&after, "shop.v1.Leaf", 1));
    assert_ne!(of(&before, "shop.v1.Tree", 2), of(&after, "shop.v1.Tree", 2));
    assert_eq!(asked(&after, "order:{id}"), ["a", "b:{id}:{@sub}", "0"]);
    assert!(!after.event("deep").unwrap().asks().meets(of(&before, "shop.v1.Tree", 2)));
}

#[test]
fn there_are_so_many_permissions_and_no_more() {
    let fields = |count: usize, prefix: &str| {
        let field = |at: usize| format!("string f{at} = {at} [(rialto.v1.field).visible_to = \"{prefix}{at}\"];");
        let fields: String = (2..count + 2).map(field).collect();
        let channel = "message C { option (rialto.v1.channel) = { template: \"c:{id}\" }; string id = 1; }";
        let event = format!(
            "message E {{ option (rialto.v1.event) = {{ type: \"e\", channels: [\"C\"] }}; string id = 1; {fields} }}"
        );
        format!("syntax = \"proto3\"; package shop.v1; import \"rialto/v1/options.proto\";\n{channel}\n{event}")
    };
    let full = load(&[("shop.proto", &fields(64, "p"))]).unwrap();
    assert_eq!(full.event("e").unwrap().asks(), Audience::ALL);
    let error = load(&[("shop.proto", &fields(65, "p"))]).unwrap_err().to_string();
    assert!(error.contains("more than 64 permissions"), "{error}");
    let other = folder(&[("shop.proto", &fields(1, "q"))]);
    let error = full.load_next(&[Source::Folder(other.path().to_owned())]).unwrap_err().to_string();
    assert!(error.contains("a restart of the bridge forgets"), "{error}");
    let same = folder(&[("shop.proto", &fields(3, "p"))]);
    assert!(full.load_next(&[Source::Folder(same.path().to_owned())]).is_ok());
}
