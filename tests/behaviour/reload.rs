//! Another schema while the bridge runs: nobody is cut, nothing is lost, and what is broken is refused.

use rialto::config::SchemaPolicy;
use rialto::proto::rialto::v1::{Event, event};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{Bridge, Client, Heard, json_event, publish};
use crate::metrics::expect;

mod logs;
mod under_load;

const HEAD: &str = "syntax = \"proto3\";\npackage shop.v1;\nimport \"rialto/v1/options.proto\";\n";
const ORDER_CHANNEL: &str = "message OrderChannel {\n  option (rialto.v1.channel) = { template: \"order:{order_id}\" };\n  string order_id = 1;\n}\n";

fn event_of(message: &str, event_type: &str) -> String {
    format!(
        "message {message} {{\n  option (rialto.v1.event) = {{ type: \"{event_type}\", channels: [\"OrderChannel\"] }};\n  \
         string order_id = 1;\n  string note = 2;\n}}\n"
    )
}

/// A bridge for a schema that can be written anew.
struct Shop {
    folder: TempDir,
    bridge: Bridge,
}

impl Shop {
    async fn open(schema: &str) -> Self {
        Shop::with(schema, SchemaPolicy::Serve).await
    }

    async fn with(schema: &str, policy: SchemaPolicy) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        write(&folder, schema);
        let path = folder.path().to_owned();
        let bridge = Bridge::with(|config| {
            config.schema = vec![path];
            config.schema_policy = policy;
        })
        .await;
        Shop { folder, bridge }
    }

    /// Writes the schema anew and asks for a reload.
    async fn reload(&self, schema: &str, request: Value) -> (u16, Value) {
        write(&self.folder, schema);
        self.bridge.admin("ReloadSchema", &request).await
    }
}

fn write(folder: &TempDir, schema: &str) {
    std::fs::write(folder.path().join("shop.proto"), format!("{HEAD}{schema}")).expect("the folder is there");
}

fn first_schema() -> String {
    format!("{ORDER_CHANNEL}{}{}", event_of("Noted", "order.noted"), event_of("Hint", "hint"))
}

fn noted(order: usize, note: &str) -> Event {
    json_event("order.noted", &json!({ "orderId": order.to_string(), "note": note }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_taken_away_ends_only_when_that_is_allowed_and_is_told() {
    let other = "message CustomerChannel {\n  option (rialto.v1.channel) = { template: \"customer:{customer_id}\" };\n  \
                 string customer_id = 1;\n}\n";
    let shop = Shop::open(&format!("{}{other}", first_schema())).await;
    let mut publisher = shop.bridge.publisher().await;
    let mut client = shop.bridge.connect_with_init().await;
    let wanted = [
        json!({ "name": "order:ä" }),
        json!({ "name": "order:2", "types": ["hint"] }),
        json!({ "name": "customer:9" }),
    ];
    for subscription in wanted {
        let name = subscription["name"].as_str().expect("a name").to_owned();
        client.subscribe(subscription).await;
        assert_eq!(client.next_on(&name).await["type"], "channel.subscribed");
    }
    let narrower = format!("{ORDER_CHANNEL}{}", event_of("Noted", "order.noted"));
    let rules = |answer: &Value| -> Vec<String> {
        let changes = answer["details"][1]["changes"].as_array().or(answer["breaking"].as_array()).expect("changes");
        changes.iter().map(|change| change["rule"].as_str().expect("a rule").to_owned()).collect()
    };
    let (_, node) = shop.bridge.admin("GetNode", &json!({})).await;
    let (status, answer) = shop.reload(&narrower, json!({})).await;
    assert_eq!((status, &answer["details"][1]["subscriptions"]), (400, &json!(1)), "{answer}");
    assert!(rules(&answer).contains(&"event-removed".into()) && rules(&answer).contains(&"channel-removed".into()));
    let (status, answer) = shop.reload(&narrower, json!({ "allowBreaking": true, "dryRun": true })).await;
    assert_eq!((status, &answer["revision"], &answer["endedSubscriptions"]), (200, &json!(1), &json!(1)), "{answer}");
    assert!(rules(&answer).contains(&"event-removed".into()), "{answer}");
    assert_ne!(answer["fingerprint"], node["fingerprint"]);
    assert_eq!(shop.bridge.admin("GetNode", &json!({})).await.1["fingerprint"], node["fingerprint"]);

    let (status, answer) = shop.reload(&narrower, json!({ "allowBreaking": true })).await;
    assert_eq!((status, answer["endedSubscriptions"].as_u64()), (200, Some(2)), "{answer}");
    for channel in ["order:2", "customer:9"] {
        let ended = client.next_of("channel.unsubscribed").await;
        assert_eq!(ended["data"], json!({ "channel": channel, "reason": "schema_changed" }));
    }
    publish(&mut publisher, json_event("order.noted", &json!({ "orderId": "ä", "note": "on" }))).await;
    assert_eq!(client.next_on("order:ä").await["data"]["note"], "on");
    client.subscribe(json!({ "name": "customer:9" })).await;
    assert_eq!(client.next_of("error").await["data"]["code"], 4006);
    let fingerprint = shop.bridge.admin("GetNode", &json!({})).await.1["fingerprint"].clone();
    let mut later = Client::open(shop.bridge.addresses.listen, "", None).await;
    assert_eq!(later.next_of("connection.ack").await["data"]["fingerprint"], fingerprint);
    let fingerprint = fingerprint.as_str().expect("text");
    let told = [
        ("rialto_schema_reloads_total{result=\"applied\"}", 1.0),
        ("rialto_schema_reloads_total{result=\"refused\"}", 1.0),
        (&format!("rialto_schema_info{{fingerprint=\"{fingerprint}\",revision=\"2\"}}"), 1.0),
    ];
    expect(&shop.bridge, &told).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_counted_goes_on_over_a_reload() {
    let schema = format!(
        "{ORDER_CHANNEL}message Tagged {{\n  option (rialto.v1.event) = {{ type: \"order.tagged\", channels: [\"OrderChannel\"] }};\n  \
         string order_id = 1;\n  repeated string tags = 2;\n}}\n"
    );
    let shop = Shop::open(&schema).await;
    let mut publisher = shop.bridge.publisher().await;
    // The tags are not in one piece, so the event takes the slow path.
    let scattered = || {
        let value = b"\x12\x01a\x0a\x011\x12\x01b".to_vec().into();
        let payload = pbjson_types::Any { type_url: "t/shop.v1.Tagged".into(), value };
        Event { body: Some(event::Body::Payload(payload)), ..Event::default() }
    };
    let counts = |slow_path: f64, added: f64| {
        [
            ("rialto_transcode_slow_path_total", slow_path),
            ("rialto_events_published_total{type=\"order.tagged\"}", slow_path),
            ("rialto_events_published_total{type=\"order.added\"}", added),
            ("rialto_events_published_total{type=\"other\"}", 0.0),
        ]
    };
    publish(&mut publisher, scattered()).await;
    expect(&shop.bridge, &counts(1.0, 0.0)).await;
    let (status, answer) = shop.reload(&format!("{schema}{}", event_of("Added", "order.added")), json!({})).await;
    assert_eq!((status, answer["revision"].as_u64()), (200, Some(2)), "{answer}");
    expect(&shop.bridge, &counts(1.0, 0.0)).await;
    publish(&mut publisher, scattered()).await;
    publish(&mut publisher, json_event("order.added", &json!({ "orderId": "1", "note": "new" }))).await;
    expect(&shop.bridge, &counts(2.0, 1.0)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_served_already_changes_nothing_and_what_will_be_regretted_is_told() {
    let shop = Shop::open(&first_schema()).await;
    let (status, answer) = shop.reload(&first_schema(), json!({})).await;
    assert_eq!((status, &answer["changed"], &answer["revision"]), (200, &json!(false), &json!(1)), "{answer}");
    assert_eq!(answer["warnings"], json!([]), "{answer}");
    let asking = "message Ask {\n  option (rialto.v1.event) = { type: \"order.ask\", from: FROM_CLIENT, route: ROUTE_HANDLER };\n  string id = 1;\n}\n";
    let (status, answer) = shop.reload(&format!("{}{asking}", first_schema()), json!({})).await;
    assert_eq!((status, &answer["changed"], &answer["revision"]), (200, &json!(true), &json!(2)), "{answer}");
    let warning = &answer["warnings"][0];
    assert!(warning["message"].as_str().is_some_and(|message| message.contains("its field id in a flat frame")));
    assert_eq!(warning["file"], json!(shop.folder.path().join("shop.proto").display().to_string()));
    let told = [
        ("rialto_schema_reloads_total{result=\"unchanged\"}", 1.0),
        ("rialto_schema_reloads_total{result=\"applied\"}", 1.0),
        ("rialto_schema_reloads_total{result=\"refused\"}", 0.0),
    ];
    expect(&shop.bridge, &told).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_of_another_schema_is_told_or_refused_as_the_policy_says() {
    let table = [
        (SchemaPolicy::Serve, "SCHEMA_POLICY_SERVE"),
        (SchemaPolicy::Reload, "SCHEMA_POLICY_RELOAD"),
        (SchemaPolicy::Refuse, "SCHEMA_POLICY_REFUSE"),
    ];
    for (policy, name) in table {
        let shop = Shop::with(&first_schema(), policy).await;
        let mine = shop.bridge.admin("GetNode", &json!({})).await.1["fingerprint"].clone();
        for (fingerprint, is_served) in
            [(json!(""), true), (mine, true), (json!("another"), policy != SchemaPolicy::Refuse)]
        {
            let mut client = Client::open(shop.bridge.addresses.listen, "", Some("rialto.v1.json")).await;
            client.send(json!({ "type": "connection.init", "data": { "fingerprint": fingerprint } })).await;
            match client.heard().await {
                Heard::Frame(frame) if is_served => assert_eq!(frame["data"]["schemaPolicy"], name),
                Heard::Closed(Some(close)) if !is_served => {
                    assert_eq!((u16::from(close.code), close.reason.as_str()), (4503, "schema_refused"));
                }
                other => panic!("{policy:?} {fingerprint}: {other:?}"),
            }
        }
    }
}
