//! Events to channels.

use super::*;

fn routed(schema: &Schema, event: &str, payload: &[u8]) -> Result<Vec<String>, String> {
    let event = schema.event(event).unwrap();
    match schema.route(event, payload) {
        Ok(names) => Ok(names.iter().map(|name| name.as_str().to_owned()).collect()),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn an_event_goes_to_every_template_that_it_lists() {
    let schema = shop(
        r#"
message OrderChannel { option (rialto.v1.channel) = { template: "order:{order_id}" }; string order_id = 1; }
message ShopChannel { option (rialto.v1.channel) = { template: "shop:{country}:{shop_id}" }; string country = 1; uint32 shop_id = 2; }
message OrderPlaced {
  option (rialto.v1.event) = { type: "order.placed", channels: ["ShopChannel", "OrderChannel", "SystemChannel"] };
  uint32 shop_id = 3; string order_id = 7; string country = 9;
}"#,
    );
    let payload =
        [wire::varint(3, 12), wire::bytes(7, "4:2"), wire::bytes(8, "unknown"), wire::bytes(9, "Österreich")].concat();
    let expected = ["shop:Österreich:12", "order:4%3A2", "system"].map(str::to_owned);
    assert_eq!(routed(&schema, "order.placed", &payload).as_deref(), Ok(&expected[..]));
}

#[test]
fn every_kind_of_parameter_is_printed_in_its_one_form() {
    let schema = shop(
        r#"
enum Colour { option allow_alias = true; COLOUR_UNSPECIFIED = 0; COLOUR_RED = 1; COLOUR_ROUGE = 1; COLOUR_DARK = -1; }
message I32 { option (rialto.v1.channel) = { template: "int32:{v}" }; int32 v = 1; }
message I64 { option (rialto.v1.channel) = { template: "int64:{v}" }; int64 v = 1; }
message U32 { option (rialto.v1.channel) = { template: "uint32:{v}" }; uint32 v = 1; }
message U64 { option (rialto.v1.channel) = { template: "uint64:{v}" }; uint64 v = 1; }
message B { option (rialto.v1.channel) = { template: "bool:{v}" }; bool v = 1; }
message C { option (rialto.v1.channel) = { template: "enum:{v}" }; Colour v = 1; }
message EI32 { option (rialto.v1.event) = { type: "int32", channels: ["I32"] }; int32 v = 1; }
message ES32 { option (rialto.v1.event) = { type: "sint32", channels: ["I32"] }; sint32 v = 1; }
message EX32 { option (rialto.v1.event) = { type: "sfixed32", channels: ["I32"] }; sfixed32 v = 1; }
message EI64 { option (rialto.v1.event) = { type: "int64", channels: ["I64"] }; int64 v = 1; }
message ES64 { option (rialto.v1.event) = { type: "sint64", channels: ["I64"] }; sint64 v = 1; }
message EX64 { option (rialto.v1.event) = { type: "sfixed64", channels: ["I64"] }; sfixed64 v = 1; }
message ENarrow { option (rialto.v1.event) = { type: "narrow", channels: ["I64"] }; uint32 v = 1; }
message EU32 { option (rialto.v1.event) = { type: "uint32", channels: ["U32"] }; uint32 v = 1; }
message EF32 { option (rialto.v1.event) = { type: "fixed32", channels: ["U32"] }; fixed32 v = 1; }
message EU64 { option (rialto.v1.event) = { type: "uint64", channels: ["U64"] }; uint64 v = 1; }
message EF64 { option (rialto.v1.event) = { type: "fixed64", channels: ["U64"] }; fixed64 v = 1; }
message EB { option (rialto.v1.event) = { type: "bool", channels: ["B"] }; optional bool v = 1; }
message EC { option (rialto.v1.event) = { type: "enum", channels: ["C"] }; Colour v = 1; }
"#,
    );
    let minus = |number: i64| wire::varint(1, number as u64);
    let cases = [
        ("int32", minus(-5), "int32:-5"),
        ("int32", wire::varint(1, 1 << 32 | 7), "int32:7"),
        ("sint32", wire::varint(1, 9), "int32:-5"),
        ("sint32", wire::varint(1, u64::from(u32::MAX)), "int32:-2147483648"),
        ("sfixed32", wire::fixed32(1, u32::MAX), "int32:-1"),
        ("int64", minus(i64::MIN), "int64:-9223372036854775808"),
        ("sint64", wire::varint(1, u64::MAX), "int64:-9223372036854775808"),
        ("sfixed64", wire::fixed64(1, u64::MAX), "int64:-1"),
        ("narrow", wire::varint(1, u64::from(u32::MAX)), "int64:4294967295"),
        ("uint32", wire::varint(1, u64::from(u32::MAX)), "uint32:4294967295"),
        ("fixed32", wire::fixed32(1, 7), "uint32:7"),
        ("uint64", wire::varint(1, u64::MAX), "uint64:18446744073709551615"),
        ("fixed64", wire::fixed64(1, 8), "uint64:8"),
        ("bool", wire::varint(1, 1), "bool:true"),
        ("bool", wire::varint(1, 0), "bool:false"),
        ("enum", wire::varint(1, 1), "enum:COLOUR_RED"),
        ("enum", minus(-1), "enum:COLOUR_DARK"),
        ("enum", wire::varint(1, 77), "enum:77"),
    ];
    for (event, payload, expected) in cases {
        assert_eq!(routed(&schema, event, &payload).as_deref(), Ok(&[expected.to_owned()][..]), "{event}");
        assert!(schema.channel(expected).is_some(), "{expected}");
    }
}

#[test]
fn empty_parameters_are_refused_by_their_json_path() {
    let schema = shop(
        r#"
message OrderChannel { option (rialto.v1.channel) = { template: "order:{big_order.order_id}" }; string big_order_order_id = 1; }
message ShardChannel { option (rialto.v1.channel) = { template: "shard:{shard}" }; uint32 shard = 1; }
message BigOrder { string order_id = 1; }
message Placed { option (rialto.v1.event) = { type: "placed", channels: ["OrderChannel"] }; BigOrder big_order = 1; }
message Sharded { option (rialto.v1.event) = { type: "sharded", channels: ["ShardChannel"] }; uint32 shard = 1; }
message Zero { option (rialto.v1.event) = { type: "zero", channels: ["ShardChannel"] }; optional uint32 shard = 1; }
"#,
    );
    let empty = "bigOrder.orderId is empty, and it names the channel order:{big_order.order_id}";
    for payload in [vec![], wire::bytes(1, ""), wire::bytes(1, wire::bytes(1, "")), wire::bytes(2, wire::bytes(1, "x"))]
    {
        assert_eq!(routed(&schema, "placed", &payload), Err(empty.to_owned()), "{payload:?}");
    }
    let error = schema.route(schema.event("placed").unwrap(), &[]).unwrap_err();
    assert_eq!(error.path(), "bigOrder.orderId");

    let shard = "shard is empty, and it names the channel shard:{shard}".to_owned();
    assert_eq!(routed(&schema, "sharded", &[]), Err(shard.clone()));
    assert_eq!(routed(&schema, "sharded", &wire::varint(1, 0)), Err(shard.clone()), "0 and not set are the same here");
    assert_eq!(routed(&schema, "zero", &[]), Err(shard));
    assert_eq!(routed(&schema, "zero", &wire::varint(1, 0)), Ok(vec!["shard:0".to_owned()]));
}

#[test]
fn names_that_are_too_long_are_refused() {
    let schema = shop(
        r#"
message OrderChannel { option (rialto.v1.channel) = { template: "o:{order_id}:{item_id}" }; string order_id = 1; string item_id = 2; }
message Placed { option (rialto.v1.event) = { type: "placed", channels: ["OrderChannel"] }; string order_id = 1; string item_id = 2; }
"#,
    );
    let payload = |order: usize, item: &str| [wire::bytes(1, "x".repeat(order)), wire::bytes(2, item)].concat();
    assert_eq!(routed(&schema, "placed", &payload(251, "y")).unwrap()[0].len(), 255);
    let too_long =
        |field| Err(format!("{field} makes the name of the channel o:{{order_id}}:{{item_id}} longer than 255 bytes"));
    assert_eq!(routed(&schema, "placed", &payload(252, "y")), too_long("itemId"));
    assert_eq!(routed(&schema, "placed", &payload(251, ":")), too_long("itemId"), "escaping counts");
    assert_eq!(routed(&schema, "placed", &payload(1_000_000, "y")), too_long("orderId"));
}

#[test]
fn values_are_taken_as_protobuf_merges_them() {
    let schema = shop(
        r#"
message OrderChannel { option (rialto.v1.channel) = { template: "order:{a.b.id}" }; string a_b_id = 1; }
message B { string id = 1; string other = 2; }
message A { oneof kind { B b = 1; string none = 2; } }
message Placed { option (rialto.v1.event) = { type: "placed", channels: ["OrderChannel"] }; A a = 1; }
message Flat { option (rialto.v1.event) = { type: "flat", channels: ["OrderChannel"] }; string a_b_id = 4; }
message Both { option (rialto.v1.event) = { type: "both", channels: ["OrderChannel"] }; A a = 1; string a_b_id = 4; }
"#,
    );
    let a = |inside: Vec<u8>| wire::bytes(1, inside);
    let id = |id: &str| wire::bytes(1, wire::bytes(1, id));
    let other = wire::bytes(1, wire::bytes(2, "other"));
    let none = wire::bytes(2, "none");
    let order = |id: &str| Ok(vec![format!("order:{id}")]);
    let empty = Err("a.b.id is empty, and it names the channel order:{a.b.id}".to_owned());
    let cases = [
        ("placed", a(id("1")), order("1")),
        ("placed", a([id("1"), id("2")].concat()), order("2")),
        ("placed", [a(id("1")), a(id("2"))].concat(), order("2")),
        ("placed", [a(id("1")), a(other.clone())].concat(), order("1")),
        ("placed", a([id("1"), none.clone()].concat()), empty.clone()),
        ("placed", [a(id("1")), a(none.clone())].concat(), empty.clone()),
        ("placed", a([id("1"), none, other].concat()), empty.clone()),
        ("placed", [a(id("1")), a(wire::varint(1, 7)), wire::varint(1, 9)].concat(), order("1")),
        ("placed", a(wire::bytes(1, wire::varint(1, 7))), empty),
        ("flat", wire::bytes(4, "7"), order("7")),
        ("both", [a(id("1")), wire::bytes(4, "7")].concat(), order("1")),
    ];
    for (event, payload, expected) in cases {
        assert_eq!(routed(&schema, event, &payload), expected, "{event} {payload:?}");
    }
}

#[test]
fn groups_are_passed_by_and_gone_through() {
    let text = r#"syntax = "proto2"; package shop.v1; import "rialto/v1/options.proto";
message OrderChannel { option (rialto.v1.channel) = { template: "order:{order.id}" }; optional string order_id = 1; }
message Placed {
  option (rialto.v1.event) = { type: "placed", channels: ["OrderChannel"] };
  optional group Order = 1 { optional string id = 1; }
}"#;
    let schema = load(&[("shop.proto", text)]).unwrap();
    let inner = wire::bytes(1, "7");
    let deep = wire::group(9, &[wire::group(8, &inner), wire::fixed32(1, 3)].concat());
    let payload = [deep.clone(), wire::group(1, &[deep, inner].concat())].concat();
    assert_eq!(routed(&schema, "placed", &payload), Ok(vec!["order:7".to_owned()]));
}

#[test]
fn no_bytes_make_routing_panic_or_hang() {
    let schema = shop(
        r#"
message OrderChannel { option (rialto.v1.channel) = { template: "order:{order.id}" }; string order_id = 1; }
message Order { string id = 1; }
message Placed { option (rialto.v1.event) = { type: "placed", channels: ["OrderChannel"] }; Order order = 1; }
"#,
    );
    let malformed = Err("the payload of placed is not a well-formed message".to_owned());
    let broken: [&[u8]; 9] = [
        &[0x0a],
        &[0x0a, 0x05, 0x00],
        &[0x0b],
        &[0x0c],
        &[0x0f],
        &[0xff; 11],
        &[0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
        &[0x0a, 0x03, 0x0a, 0x01, 0xff],
        &[0x0d, 0x00],
    ];
    for payload in broken {
        assert_eq!(routed(&schema, "placed", payload), malformed, "{payload:?}");
    }
    proptest::proptest!(|(payload: Vec<u8>)| {
        let _ = schema.route(schema.event("placed").unwrap(), &payload);
    });
}

#[test]
fn publishers_name_only_channels_of_the_event() {
    let schema = shop(
        r#"
message OrderChannel { option (rialto.v1.channel) = { template: "order:{order_id}" }; string order_id = 1; }
message ShopChannel { option (rialto.v1.channel) = { template: "shop:{shop_id}" }; string shop_id = 1; }
message Placed { option (rialto.v1.event) = { type: "placed", channels: ["OrderChannel"] }; string order_id = 1; }
message Private { option (rialto.v1.event) = { type: "private" }; }
"#,
    );
    let cases = [
        ("placed", "order:1", true),
        ("placed", "order:other than its field", true),
        ("placed", "order:", false),
        ("placed", "order:a:b", false),
        ("placed", "shop:1", false),
        ("placed", "session:t1", false),
        ("private", "session:t1", true),
        ("private", "user:u7", true),
        ("private", "system", false),
        ("private", "order:1", false),
        ("private", "nowhere", false),
    ];
    for (event, channel, allowed) in cases {
        assert_eq!(schema.may_go_to(schema.event(event).unwrap(), channel), allowed, "{event} {channel}");
    }
    assert!(schema.event("private").unwrap().is_private());
    assert_eq!(routed(&schema, "private", b""), Ok(vec![]));
}

#[test]
fn templates_are_found_from_the_inside_out() {
    let file = |package: &str, body: &str| {
        format!("syntax = \"proto3\"; package {package}; import \"rialto/v1/options.proto\";\n{body}")
    };
    let channel = |template: &str| {
        format!(
            "message RoomChannel {{ option (rialto.v1.channel) = {{ template: \"{template}:{{room}}\" }}; string room = 1; }}"
        )
    };
    let event = |name: &str, channel: &str| {
        format!(
            "message {name} {{ option (rialto.v1.event) = {{ type: \"{}\", channels: [\"{channel}\"] }}; string room = 1; }}",
            name.to_lowercase()
        )
    };
    let schema = load(&[
        ("a.proto", &file("chat.v1", &channel("outer"))),
        ("b.proto", &file("chat.v1.inner", &format!("{}{}", channel("inner"), event("Near", "RoomChannel")))),
        (
            "c.proto",
            &file(
                "chat.v1.other",
                &format!("{}{}", event("Up", "RoomChannel"), event("Relative", "inner.RoomChannel")),
            ),
        ),
        (
            "d.proto",
            &file(
                "far.v1",
                &format!("{}{}", event("Full", "chat.v1.RoomChannel"), event("Absolute", ".chat.v1.inner.RoomChannel")),
            ),
        ),
    ])
    .unwrap_or_else(|error| panic!("{error}"));
    for (event, expected) in
        [("near", "inner:1"), ("up", "outer:1"), ("relative", "inner:1"), ("full", "outer:1"), ("absolute", "inner:1")]
    {
        assert_eq!(routed(&schema, event, &wire::bytes(1, "1")), Ok(vec![expected.to_owned()]), "{event}");
    }
}
