//! What a new schema makes of the logs that are there.

use serde_json::{Value, json};

use super::{ORDER_CHANNEL, Shop, event_of, first_schema, noted};
use crate::harness::{Bridge, json_event, publish};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_a_type_that_is_gone_are_still_replayed() {
    let shop = Shop::open(&first_schema()).await;
    let mut publisher = shop.bridge.publisher().await;
    publish(&mut publisher, json_event("hint", &json!({ "orderId": "1", "note": "old" }))).await;
    publish(&mut publisher, noted(1, "also old")).await;
    let next = format!("{ORDER_CHANNEL}{}{}", event_of("Added", "added"), event_of("Noted", "order.noted"));
    let (status, answer) = shop.reload(&next, json!({ "allowBreaking": true })).await;
    assert_eq!(status, 200, "{answer}");
    publish(&mut publisher, json_event("added", &json!({ "orderId": "1", "note": "new" }))).await;
    for types in [json!([]), json!(["*"])] {
        let mut client = shop.bridge.connect().await;
        let position = json!({ "epoch": epoch(&shop.bridge).await, "sequence": 0 });
        client.subscribe(json!({ "name": "order:1", "types": types, "after": position })).await;
        client.next_on("order:1").await;
        let mut notes = Vec::new();
        for _ in 0..3 {
            notes.push(client.next_on("order:1").await["data"]["note"].clone());
        }
        assert_eq!(notes, ["old", "also old", "new"], "{types}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_type_that_loses_its_key_leaves_no_old_state_behind() {
    let state = |delivery: &str, key: &str| {
        format!(
            "{ORDER_CHANNEL}message Changed {{\n  option (rialto.v1.event) = {{ type: \"order.changed\" channels: [\"OrderChannel\"]{delivery} }};\n  \
             string order_id = 1;\n  string note = 2;\n  string part = 3{key};\n}}\n"
        )
    };
    let shop = Shop::open(&state(" delivery: DELIVERY_LATEST", " [(rialto.v1.field).key = true]")).await;
    let mut publisher = shop.bridge.publisher().await;
    let changed = |note: &str| json_event("order.changed", &json!({ "orderId": "1", "part": "a", "note": note }));
    publish(&mut publisher, changed("old")).await;
    let (status, answer) = shop.reload(&state("", ""), json!({})).await;
    assert_eq!(status, 200, "{answer}");
    publish(&mut publisher, changed("newer")).await;
    publish(&mut publisher, changed("newest")).await;
    let mut client = shop.bridge.connect().await;
    client.subscribe(json!({ "name": "order:1" })).await;
    let subscribed = client.next_on("order:1").await;
    let position = &subscribed["data"]["start"]["sequence"];
    assert_eq!(position, &subscribed["data"]["head"]["sequence"], "there is no state any more: {subscribed}");
    publish(&mut publisher, changed("live")).await;
    assert_eq!(client.next_on("order:1").await["data"]["note"], "live");
}

async fn epoch(bridge: &Bridge) -> Value {
    let mut client = bridge.connect().await;
    client.subscribe(json!({ "name": "order:1" })).await;
    client.next_on("order:1").await["data"]["head"]["epoch"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_template_that_keeps_more_reaches_channels_that_are_there() {
    let keeping = |events: u32| {
        let channel = ORDER_CHANNEL.replace(
            "template: \"order:{order_id}\"",
            &format!("template: \"order:{{order_id}}\" retention: {{ events: {events} age: {{ nanos: 1000000 }} }}"),
        );
        format!("{channel}{}", event_of("Noted", "order.noted"))
    };
    let shop = Shop::open(&keeping(1)).await;
    let mut publisher = shop.bridge.publisher().await;
    let mut epoch = String::new();
    for _ in 0..5 {
        epoch = publish(&mut publisher, noted(1, "few")).await.epoch;
    }
    let (status, answer) = shop.reload(&keeping(100), json!({})).await;
    assert_eq!(status, 200, "{answer}");
    for _ in 0..20 {
        publish(&mut publisher, noted(1, "many")).await;
    }
    let mut client = shop.bridge.connect().await;
    client.subscribe(json!({ "name": "order:1", "after": { "epoch": epoch, "sequence": 5 } })).await;
    let subscribed = client.next_on("order:1").await;
    assert_eq!((&subscribed["data"]["recovered"], &subscribed["data"]["head"]["sequence"]), (&json!(true), &json!(25)));
}
