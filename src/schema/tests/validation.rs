//! What a payload must hold.

use std::time::SystemTime;

use super::*;

#[test]
fn missing_required_fields_are_told_with_their_paths() {
    let text = r#"syntax = "proto2"; package shop.v1; import "rialto/v1/options.proto";
message Item { required string item_name = 1; optional Item inside = 2; }
message Free { optional string text = 1; }
message Placed {
  option (rialto.v1.event) = { type: "placed" };
  required string order_id = 1;
  repeated Item items = 2;
  map<string, Item> by_name = 3;
  optional Free free = 4;
}
message Loose { option (rialto.v1.event) = { type: "loose" }; optional Free free = 1; }"#;
    let schema = load(&[("shop.proto", text)]).unwrap();
    let missing = |event: &str, payload: &[u8]| -> Vec<String> {
        let violations = schema
            .validate(
                schema.event(event).unwrap(),
                payload,
                SystemTime::UNIX_EPOCH,
                &mut crate::schema::Spending::of_publisher(),
            )
            .err()
            .unwrap_or_default();
        violations.iter().map(ToString::to_string).collect()
    };
    let (id, named) = (wire::bytes(1, "7"), wire::bytes(1, "n"));
    let item = |inside: &[u8]| wire::bytes(2, inside);
    assert_eq!(missing("placed", &id), [""; 0]);
    assert_eq!(missing("placed", &[]), ["orderId: is required"]);
    assert_eq!(missing("placed", &[id.clone(), item(&named), item(&[])].concat()), ["items[1].itemName: is required"]);
    assert_eq!(
        missing(
            "placed",
            &[item(&[named.clone(), item(&item(&named))].concat()), wire::bytes(3, wire::bytes(1, "secret"))].concat()
        ),
        ["orderId: is required", "items[0].inside.itemName: is required", "byName[0].itemName: is required"]
    );
    // One message in two parts is one message.
    let parts = [item(&[]), item(&named)].concat();
    assert_eq!(missing("placed", &[id.clone(), item(&[named, parts].concat())].concat()), [""; 0]);
    assert_eq!(missing("placed", &[id, item(&[]).repeat(100)].concat()).len(), 32);
    assert_eq!(missing("loose", &wire::bytes(1, "")), [""; 0]);
}
