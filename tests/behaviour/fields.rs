//! Who sees which field: every principal, every event, every field, in both forms and on every way by which an event comes.

use std::collections::BTreeMap;

use rialto::proto::rialto::v1::Event;
use serde_json::json;

use crate::harness::json_event;
use crate::metrics::{expect, scrape};

mod changes;
mod costs;
mod messages;
mod shop;

use messages::{Moved, Typing, placed};
pub(crate) use shop::{ALL, Form, Got, SCHEMA, Sees, Shop, judge};

/// Users, what their tokens grant, and what they see of `order:1`.
const PRINCIPALS: [(&str, &[&str], Sees); 8] = [
    ("nobody", &[], Sees { staff: false, money: false, own: false }),
    ("all", &["*"], ALL),
    ("staff", &["order:1:staff"], Sees { staff: true, money: false, own: false }),
    (
        "others",
        &["order:2:staff", "order:1:staf", "money:x", "own:ann"],
        Sees { staff: false, money: false, own: false },
    ),
    ("everywhere", &["order:*:staff"], Sees { staff: true, money: false, own: false }),
    ("money", &["money"], Sees { staff: false, money: true, own: false }),
    ("ann", &["own:ann", "money"], Sees { staff: false, money: true, own: true }),
    ("eve:x", &["own:eve:x", "own:*:x", "order:1:*"], Sees { staff: true, money: false, own: false }),
];

/// Published events of every kind, by what they show to whom.
fn kinds() -> [Event; 3] {
    [
        messages::packed("Placed", &placed()),
        messages::packed("Moved", &Moved::new("lid")),
        messages::packed("Typing", &Typing::new()),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_principal_gets_every_event_with_exactly_its_fields_on_every_way() {
    let shop = Shop::open().await;
    let cells: Vec<_> =
        PRINCIPALS.iter().flat_map(|principal| [(principal, Form::Json), (principal, Form::Binary)]).collect();
    // As it comes.
    let mut live = Vec::new();
    for ((user, grants, _), form) in &cells {
        let mut reader = shop.reader(*form, user, grants).await;
        let subscribed = reader.subscribe("order:1", None).await;
        live.push((reader, subscribed.head.expect("a head")));
    }
    for event in kinds() {
        shop.publish(event).await;
    }
    let mut cut = Vec::new();
    for (((user, _, sees), form), (mut reader, head)) in cells.iter().zip(live) {
        let mut seen = BTreeMap::new();
        while seen.len() < 3 {
            let got = reader.next().await;
            if got.event_type().starts_with("order.") {
                judge(&got, *sees, &format!("live {user} {form:?}"));
                seen.insert(got.event_type().to_owned(), ());
            }
        }
        reader.client.cut();
        cut.push(head);
    }
    // From history, and after a cut, once more in the other form.
    for (((user, grants, sees), form), head) in cells.iter().zip(cut) {
        let other = if *form == Form::Json { Form::Binary } else { Form::Json };
        for (way, form, after) in
            [("history", *form, None), ("resume", *form, Some(head.clone())), ("resume", other, Some(head))]
        {
            let mut reader = shop.reader(form, user, grants).await;
            reader.subscribe("order:1", after).await;
            for event_type in ["order.placed", "order.moved"] {
                let got = reader.next_of(event_type).await;
                judge(&got, *sees, &format!("{way} {user} {form:?}"));
            }
        }
    }
    let withheld = scrape(&shop.guarded.bridge).await["rialto_payloads_withheld_total"];
    assert!(withheld.abs() < 0.5, "{withheld}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_newest_of_a_key_is_of_the_class_when_its_retention_has_passed() {
    let shop = Shop::open().await;
    for part in ["lid", "box", "lid"] {
        shop.publish(messages::packed("Moved", &Moved::new(part))).await;
    }
    let mut last = 0;
    for _ in 0..3 {
        let mut plain = json_event("order.plain", &json!({"orderId": "1"}));
        plain.channels = vec!["short:1".to_owned()];
        last = shop.publish(plain).await;
    }
    for ((user, grants, sees), form) in PRINCIPALS.iter().flat_map(|one| [(one, Form::Json), (one, Form::Binary)]) {
        let mut reader = shop.reader(form, user, grants).await;
        let start = reader.subscribe("short:1", None).await.start.expect("a start").sequence;
        assert!(start < last, "the newest of each key come first");
        for part in ["box", "lid"] {
            let got = reader.next_of("order.moved").await;
            judge(&got, *sees, &format!("newest {user} {form:?} {part}"));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_is_made_once_for_all_who_see_the_same() {
    let shop = Shop::open().await;
    let mut readers = Vec::new();
    for number in 0..6 {
        for (grants, sees) in
            [(&["*"][..], ALL), (&["order:1:staff"], Sees { staff: true, ..Sees::default() }), (&[], Sees::default())]
        {
            let user = format!("user{number}");
            let mut reader = shop.reader(Form::Json, &user, grants).await;
            reader.subscribe("order:1", None).await;
            readers.push((reader, sees));
        }
    }
    const EVENTS: usize = 5;
    for _ in 0..EVENTS {
        shop.publish(messages::packed("Placed", &placed())).await;
    }
    for (reader, sees) in &mut readers {
        for _ in 0..EVENTS {
            judge(&reader.next_of("order.placed").await, *sees, "live");
        }
    }
    // Two of the three classes need frames of their own; six readers share each.
    let reduced = [("rialto_payloads_reduced_total", 2.0 * EVENTS as f64)];
    expect(&shop.guarded.bridge, &reduced).await;
    // Who comes later finds them made, as long as the log remembers them.
    for _ in 0..EVENTS {
        shop.publish(json_event("order.plain", &json!({"orderId": "1"}))).await;
    }
    expect(&shop.guarded.bridge, &reduced).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_private_event_hides_too() {
    let shop = Shop::open().await;
    for (user, grants, sees) in [("ann", &["own:ann"][..], true), ("bob", &["own:ann"], false)] {
        let mut reader = shop.reader(Form::Json, user, grants).await;
        let mut letter = json_event("letter", &json!({"text": "hello", "seal": "wax"}));
        letter.channels = vec![format!("user:{user}")];
        // Subscribed on connect.
        reader.next_of("channel.subscribed").await;
        shop.publish(letter).await;
        let Got::Json(frame) = reader.next_of("letter").await else { panic!("in JSON") };
        let expected = if sees { json!({"text": "hello", "seal": "wax"}) } else { json!({"text": "hello"}) };
        assert_eq!(frame["data"], expected, "{user}");
    }
}
