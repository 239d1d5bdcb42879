//! What a new token or a new schema changes for those who are there.

use rialto::proto::rialto::v1 as proto;
use serde_json::json;

use super::{ALL, Form, SCHEMA, Sees, Shop, judge};
use crate::fields::messages::{Contact, Moved, packed, placed};
use crate::harness::json_event;
use crate::identity::token;
use crate::metrics::scrape;

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
async fn a_reload_hides_what_is_published_after_it_and_what_was_before() {
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
        shop.reload(text).await;
        shop.publish(order()).await;
        let super::Got::Json(frame) = reader.next_of("order.placed").await else { panic!("in JSON") };
        assert_eq!(frame["data"].get("cents").and_then(|cents| cents.as_str()), cents, "{frame}");
        published.push(cents);
    }
    // In the log the second one hides by now what the schema hides.
    let mut late = shop.reader(Form::Json, "ann", &[]).await;
    late.subscribe("order:1", None).await;
    for _ in published {
        let super::Got::Json(frame) = late.next_of("order.placed").await else { panic!("in JSON") };
        assert_eq!(frame["data"].get("cents"), None, "{frame}");
    }
}

/// A reader of either form without permissions, and one who has them all, on every way by which a kept event comes.
async fn expect_kept(shop: &Shop, channel: &str, after: &proto::Position, types: &[&str], sees: Sees, context: &str) {
    for (form, (user, grants, sees)) in [Form::Json, Form::Binary]
        .into_iter()
        .flat_map(|form| [("bob", &[][..], sees), ("all", &["*"], ALL)].map(|reader| (form, reader)))
    {
        for (way, after) in [("history", None), ("resume", Some(after.clone()))] {
            let mut reader = shop.reader(form, user, grants).await;
            reader.subscribe(channel, after).await;
            for event_type in types {
                judge(&reader.next_of(event_type).await, sees, &format!("{context}: {way} {user} {form:?}"));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_reload_hides_is_hidden_in_history_in_a_resume_and_in_the_newest_of_a_key() {
    let open = SCHEMA.replace("visible_to: \"order:{order_id}:staff\" masked_in_logs: true", "masked_in_logs: true");
    let open = open.replace(" [(rialto.v1.field).visible_to = \"money\"]", "");
    let open = open.replace(" [(rialto.v1.field).visible_to = \"own:{@sub}\"];\n  string iban", ";\n  string iban");
    let shop = Shop::open_with(&open).await;
    let mut live = shop.reader(Form::Json, "bob", &[]).await;
    let before = live.subscribe("order:1", None).await.head.expect("a head");
    shop.publish(packed("Placed", &placed())).await;
    shop.publish(packed("Moved", &Moved::new("lid"))).await;
    let mut newest = shop.reader(Form::Json, "bob", &[]).await;
    let short = newest.subscribe("short:1", None).await.head.expect("a head");
    let short = proto::Position { sequence: 0, ..short };
    for _ in 0..3 {
        let mut plain = json_event("order.plain", &json!({"orderId": "1"}));
        plain.channels = vec!["short:1".to_owned()];
        shop.publish(plain).await;
    }
    let kept = [("order:1", &before, &["order.placed", "order.moved"][..]), ("short:1", &short, &["order.moved"])];
    for (channel, after, types) in kept {
        expect_kept(&shop, channel, after, types, ALL, "open").await;
    }
    for (text, sees) in [(SCHEMA, NOTHING), (&open, ALL), (SCHEMA, NOTHING)] {
        shop.reload(text).await;
        for (channel, after, types) in kept {
            expect_kept(&shop, channel, after, types, sees, "after a reload").await;
        }
    }
    // Who was there when it came has it, and gets what comes now without.
    judge(&live.next_of("order.placed").await, ALL, "live before");
    shop.publish(packed("Placed", &placed())).await;
    judge(&live.next_of("order.placed").await, NOTHING, "live after");
    let earlier = scrape(&shop.guarded.bridge).await["rialto_schema_earlier_revisions"];
    assert!((1.5..2.5).contains(&earlier), "the first, which has events, and the one before this: {earlier}");
}

/// `order.plain` of a publisher whose schema has more fields.
#[derive(Clone, PartialEq, prost::Message)]
struct Newer {
    #[prost(string, tag = "1")]
    order_id: String,
    #[prost(string, tag = "16")]
    margin: String,
    #[prost(message, optional, tag = "17")]
    buyer: Option<Contact>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_schema_hides_is_hidden_where_this_one_has_no_such_field_at_all() {
    let margin = Newer { margin: "hidden-value".to_owned(), ..Newer::default() };
    let contact = Contact { email: "hidden-value".to_owned(), ..Contact::default() };
    let buyer = Newer { buyer: Some(contact), ..Newer::default() };
    let field = "string margin = 16 [(rialto.v1.field).visible_to = \"money\"];";
    for (more, event) in [(field, margin), ("Contact buyer = 17;", buyer)] {
        let event = Newer { order_id: "1".to_owned(), ..event };
        expect_hidden(&[("newer", with(more)), ("older again", SCHEMA.to_owned())], &event).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_hidden_stays_so_when_its_message_is_replaced_by_another_or_by_none() {
    let contact = Contact { email: "hidden-value".to_owned(), ..Contact::default() };
    let event = Newer { order_id: "1".to_owned(), buyer: Some(contact), ..Newer::default() };
    let guest = "message Guest { string name = 1; string email = 2 [(rialto.v1.field).visible_to = \"money\"]; }";
    let time = |text: String| text.replacen("import", "import \"google/protobuf/timestamp.proto\";\nimport", 1);
    let schemas = [
        ("hidden", with("Guest buyer = 17;") + guest),
        ("another message", with("Visitor buyer = 17;") + "message Visitor { string name = 1; }"),
        ("bytes", with("bytes buyer = 17;")),
        ("a well-known type", time(with("google.protobuf.Timestamp buyer = 17;"))),
        ("nothing", SCHEMA.to_owned()),
    ];
    expect_hidden(&schemas, &event).await;
}

/// The schema with more in `order.plain`.
fn with(more: &str) -> String {
    let plain = "type: \"order.plain\"";
    let (before, rest) = SCHEMA.split_once(plain).expect("the event is there");
    let (options, fields) = rest.split_once("};").expect("its options end");
    format!("{before}{plain}{options}}}; {more}{fields}")
}

/// Serves a schema that does not know what is in an event, then others, and publishes the event all the time: from the first of
/// these on nobody sees it without permission, live or later.
async fn expect_hidden(schemas: &[(&str, String)], event: &Newer) {
    let shop = Shop::open().await;
    let publish = || shop.publish(packed("Plain", event));
    let mut live = [shop.reader(Form::Json, "bob", &[]).await, shop.reader(Form::Binary, "bob", &[]).await];
    live[0].subscribe("order:1", None).await;
    let start = live[1].subscribe("order:1", None).await.head.expect("a head");
    let shows = |got: &super::Got| String::from_utf8_lossy(&got.bytes()).contains("hidden-value");
    publish().await;
    assert!(!shows(&live[0].next_of("order.plain").await), "nobody knows what it is called");
    assert!(shows(&live[1].next_of("order.plain").await), "nobody has said that it is to be hidden");
    for (published, (name, schema)) in (2..).zip(schemas) {
        shop.reload(schema).await;
        publish().await;
        for live in &mut live {
            assert!(!shows(&live.next_of("order.plain").await), "{name}: live");
        }
        let readers = [
            (Form::Json, "bob", &[][..], false),
            (Form::Binary, "bob", &[], false),
            (Form::Binary, "all", &["*"], true),
        ];
        for (form, user, grants, sees) in readers {
            for after in [None, Some(start.clone())] {
                let mut late = shop.reader(form, user, grants).await;
                late.subscribe("order:1", after.clone()).await;
                for _ in 0..published {
                    let got = late.next_of("order.plain").await;
                    assert_eq!(shows(&got), sees, "{name}: {user} in {form:?} after {after:?}");
                }
            }
        }
    }
}
