//! The keys of `DELIVERY_LATEST` events.

use super::*;

fn key(schema: &Schema, event: &str, payload: &[u8]) -> EventKey {
    let event = schema.event(event).unwrap();
    let Delivery::Latest(fields) = &event.delivery else { panic!("{:?}", event.delivery) };
    fields.key(event, payload).unwrap()
}

#[test]
fn an_event_has_the_class_that_it_declares() {
    let schema = shop(
        r#"
message OrderChannel { option (rialto.v1.channel) = { template: "order:{id}" }; string id = 1; }
message Plain { option (rialto.v1.event) = { type: "plain", channels: ["OrderChannel"] }; string id = 1; }
message Said { option (rialto.v1.event) = { type: "said", channels: ["OrderChannel"], delivery: DELIVERY_RELIABLE }; string id = 1; }
message Moved { option (rialto.v1.event) = { type: "moved", channels: ["OrderChannel"], delivery: DELIVERY_LATEST }; string id = 1 [(rialto.v1.field).key = true]; }
message Typing { option (rialto.v1.event) = { type: "typing", channels: ["OrderChannel"], delivery: DELIVERY_EPHEMERAL }; string id = 1; }
"#,
    );
    let delivery = |event: &str| &schema.event(event).unwrap().delivery;
    assert!(matches!(delivery("plain"), Delivery::Reliable) && matches!(delivery("said"), Delivery::Reliable));
    assert!(matches!(delivery("moved"), Delivery::Latest(_)));
    assert!(matches!(delivery("typing"), Delivery::Ephemeral));
}

#[test]
fn a_key_is_all_its_fields_and_the_type_and_nothing_else() {
    let schema = shop(
        r#"
enum Kind { KIND_UNSPECIFIED = 0; KIND_A = 1; }
message OrderChannel { option (rialto.v1.channel) = { template: "order:{id}" }; string id = 1; }
message Moved {
  option (rialto.v1.event) = { type: "moved", channels: ["OrderChannel"], delivery: DELIVERY_LATEST };
  sint64 number = 9 [(rialto.v1.field).key = true];
  string id = 1 [(rialto.v1.field).key = true];
  optional Kind kind = 4 [(rialto.v1.field) = { key: true }];
  string note = 5;
}
message Gone {
  option (rialto.v1.event) = { type: "gone", channels: ["OrderChannel"], delivery: DELIVERY_LATEST };
  string id = 1 [(rialto.v1.field).key = true];
}
"#,
    );
    let id = |id: &str| wire::bytes(1, id);
    let plain = key(&schema, "moved", &id("o"));
    let equal = [
        [wire::varint(9, 0), id("o")].concat(),
        [id("x"), id("o")].concat(),
        [id("o"), wire::varint(4, 0)].concat(),
        [wire::bytes(5, "note"), wire::bytes(77, "unknown"), id("o")].concat(),
        [id("o"), wire::bytes(9, "not a number")].concat(),
    ];
    for payload in equal {
        assert_eq!(key(&schema, "moved", &payload), plain, "{payload:?}");
    }
    let different = [
        vec![],
        id("p"),
        [id("o"), wire::varint(9, 1)].concat(),
        [id("o"), wire::varint(9, 2)].concat(),
        [id("o"), wire::varint(4, 1)].concat(),
        [id("o"), wire::varint(4, 7)].concat(),
        [id("oKIND_A")].concat(),
        [id("KIND_A")].concat(),
        wire::varint(4, 1),
    ];
    let mut keys: Vec<EventKey> = different.iter().map(|payload| key(&schema, "moved", payload)).collect();
    keys.push(plain);
    keys.push(key(&schema, "gone", &id("o")));
    for (index, one) in keys.iter().enumerate() {
        assert!(!keys[..index].contains(one), "{index}");
    }
}

#[test]
fn a_key_does_not_depend_on_the_schema_that_reads_it() {
    let moved = |extra: &str| {
        shop(&format!(
            r#"
message OrderChannel {{ option (rialto.v1.channel) = {{ template: "order:{{id}}" }}; string id = 1; }}
{extra}
message Moved {{
  option (rialto.v1.event) = {{ type: "moved", channels: ["OrderChannel"], delivery: DELIVERY_LATEST }};
  string id = 1 [(rialto.v1.field).key = true];
}}"#
        ))
    };
    let before = moved("");
    let after = moved(
        r#"message Added { option (rialto.v1.event) = { type: "added", channels: ["OrderChannel"] }; string id = 1; }"#,
    );
    assert_ne!(before.event("moved").unwrap().index, after.event("moved").unwrap().index, "else nothing is shown");
    let payload = wire::bytes(1, "o");
    assert_eq!(key(&before, "moved", &payload), key(&after, "moved", &payload));
}
