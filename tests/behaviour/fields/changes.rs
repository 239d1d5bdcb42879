//! What a new token or a new schema changes for those who are there.

use serde_json::json;

use super::{Form, SCHEMA, Sees, Shop, judge};
use crate::fields::messages::{packed, placed};
use crate::harness::json_event;
use crate::identity::token;

const STAFF: Sees = Sees { staff: true, money: false, own: false };
const NOTHING: Sees = Sees { staff: false, money: false, own: false };

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refreshed_token_shows_what_it_grants_from_then_on() {
    let shop = Shop::open().await;
    let mut reader = shop.reader(Form::Json, "ann", &["order:1:staff"]).await;
    reader.subscribe("order:1", None).await;
    for (grants, sees) in [(&[][..], NOTHING), (&["order:1:staff"], STAFF), (&["order:2:staff"], NOTHING)] {
        let token = token("ann", grants);
        reader.client.send(json!({"type": "connection.refresh", "id": "r", "data": {"token": token}})).await;
        reader.next_of("connection.refreshed").await;
        shop.publish(packed("Placed", &placed())).await;
        judge(&reader.next_of("order.placed").await, sees, "refreshed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_hides_what_is_published_after_it_and_keeps_hiding_what_was() {
    let shop = Shop::open().await;
    let rule = " [(rialto.v1.field).visible_to = \"money\"];\n  string note";
    let open = SCHEMA.replacen(rule, ";\n  string note", 1);
    assert_ne!(open, SCHEMA);
    let mut reader = shop.reader(Form::Json, "ann", &[]).await;
    let mut plain = shop.reader(Form::Binary, "ann", &[]).await;
    reader.subscribe("order:1", None).await;
    plain.subscribe("order:1", None).await;
    let order = || json_event("order.placed", &json!({"orderId": "1", "cents": "5"}));
    let mut published = Vec::new();
    for (text, cents) in [(SCHEMA, None), (&open, Some("5")), (SCHEMA, None)] {
        std::fs::write(shop.folder.path().join("shop.proto"), text).expect("the folder is there");
        let (status, answer) = shop.guarded.bridge.admin("ReloadSchema", &json!({"allowBreaking": true})).await;
        assert_eq!(status, 200, "{answer}");
        shop.publish(order()).await;
        let super::Got::Json(frame) = reader.next_of("order.placed").await else { panic!("in JSON") };
        assert_eq!(frame["data"].get("cents").and_then(|cents| cents.as_str()), cents, "{frame}");
        published.push(cents);
    }
    // In the log each is as it was published.
    let mut late = shop.reader(Form::Json, "ann", &[]).await;
    late.subscribe("order:1", None).await;
    for cents in published {
        let super::Got::Json(frame) = late.next_of("order.placed").await else { panic!("in JSON") };
        assert_eq!(frame["data"].get("cents").and_then(|cents| cents.as_str()), cents, "{frame}");
    }
}
