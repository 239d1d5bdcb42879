//! Another schema while the bridge runs: nobody is cut, nothing is lost, and what is broken is refused.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rialto::config::SchemaPolicy;
use rialto::proto::rialto::v1::publisher_service_client::PublisherServiceClient;
use rialto::proto::rialto::v1::{Event, PublishRequest, event};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio::time::interval;
use tonic::Code;
use tonic::transport::Channel;

use crate::harness::{Bridge, Client, Heard, json_event, publish, within};
use crate::metrics::expect;

const SUBSCRIBERS: usize = 200;
const CHANNELS: usize = 10;
/// Events a second over all channels, each to twenty subscribers.
const RATE: u64 = 100;
/// How often the schema changes; before each change a broken one is refused.
const RELOADS: usize = 100;

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

/// What a subscriber has seen: the notes of its channel in order, by event type.
type Seen = BTreeMap<String, Vec<String>>;

/// Reads without a hole until the last word of its channel. Filtered subscribers see jumps, so their events are told apart
/// by their notes.
fn follow(mut client: Client, channel: usize, jumps: bool) -> JoinHandle<(Seen, Client)> {
    let name = format!("order:{channel}");
    tokio::spawn(async move {
        let (mut seen, mut last) = (Seen::new(), 0);
        loop {
            let frame = match client.heard().await {
                Heard::Frame(frame) => frame,
                other => panic!("{name}: {other:?}"),
            };
            if frame["channel"] != json!(name) {
                assert!(
                    !["channel.gap", "channel.reset", "channel.unsubscribed", "error"]
                        .contains(&frame["type"].as_str().unwrap_or_default()),
                    "{frame}"
                );
                continue;
            }
            let sequence = frame["sequence"].as_u64().expect("events have one");
            assert!(sequence == last + 1 || (jumps && sequence > last), "after {last} came {frame}");
            last = sequence;
            let note = frame["data"]["note"].as_str().expect("a note").to_owned();
            let is_last = note == "last";
            seen.entry(frame["type"].as_str().expect("a type").to_owned()).or_default().push(note);
            if is_last {
                return (seen, client);
            }
        }
    })
}

/// Publishes an event of a type that the bridge is about to learn.
async fn publish_once_known(publisher: &mut PublisherServiceClient<Channel>, event: Event) {
    let publishing = async {
        loop {
            match publisher.publish(PublishRequest { event: Some(event.clone()) }).await {
                Ok(_) => return,
                Err(status) => assert_eq!(status.code(), Code::InvalidArgument, "{status}"),
            }
        }
    };
    within("the new type is known", publishing).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reloads_under_load_lose_nothing_repeat_nothing_and_broken_schemas_change_nothing() {
    let shop = Shop::open(&first_schema()).await;
    // Each channel has subscribers to everything, to what begins with `order.`, and to `added.`, of which there is none yet.
    let patterns = [json!([]), json!(["order.*"]), json!(["added.*", "order.noted"])];
    let mut following = Vec::new();
    for number in 0..SUBSCRIBERS {
        let (channel, types) = (number % CHANNELS, number / CHANNELS % patterns.len());
        let mut client = shop.bridge.connect().await;
        let name = format!("order:{channel}");
        client.subscribe(json!({ "name": name, "types": patterns[types] })).await;
        client.next_on(&name).await;
        following.push((channel, types, follow(client, channel, types > 0)));
    }

    let stop = Arc::new(AtomicBool::new(false));
    let publishing = {
        let (mut publisher, stop) = (shop.bridge.publisher().await, Arc::clone(&stop));
        tokio::spawn(async move {
            let mut clock = interval(Duration::from_micros(1_000_000 / RATE));
            let mut notes = vec![Vec::new(); CHANNELS];
            for number in 0.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                clock.tick().await;
                let channel = number % CHANNELS;
                publish(&mut publisher, noted(channel, &number.to_string())).await;
                notes[channel].push(number.to_string());
            }
            notes
        })
    };

    let mut publisher = shop.bridge.publisher().await;
    let mut schema = first_schema();
    for reload in 1..=RELOADS {
        let broken = format!("{schema}{}", event_of("Broken", "order.noted"));
        let (status, answer) = shop.reload(&broken, json!({ "allowBreaking": true })).await;
        assert_eq!(status, 400, "{answer}");
        let mistake = &answer["details"][1]["mistakes"][0];
        let file = shop.folder.path().join("shop.proto").display().to_string();
        assert_eq!((mistake["file"].as_str(), mistake["column"].as_u64()), (Some(&*file), Some(38)), "{answer}");
        assert!(mistake["line"].as_u64().is_some_and(|line| line > 10), "{answer}");

        schema.push_str(&event_of(&format!("Added{reload}"), &format!("added.n{reload}")));
        // Published as soon as the bridge takes it, to subscriptions that were there before the type was.
        let adding = async {
            for channel in 0..CHANNELS {
                let data = json!({ "orderId": channel.to_string(), "note": reload.to_string() });
                publish_once_known(&mut publisher, json_event(&format!("added.n{reload}"), &data)).await;
            }
        };
        let ((status, answer), ()) = tokio::join!(shop.reload(&schema, json!({})), adding);
        assert_eq!((status, answer["revision"].as_u64()), (200, Some(reload as u64 + 1)), "{answer}");
    }
    stop.store(true, Ordering::Relaxed);
    let notes = within("the publisher stops", publishing).await.expect("every event was acked");
    for channel in 0..CHANNELS {
        publish(&mut publisher, noted(channel, "last")).await;
    }

    for (channel, types, following) in following {
        let (mut seen, _client) = within("a subscriber", following).await.expect("undisturbed");
        let noted = seen.remove("order.noted").expect("noted events");
        assert_eq!(noted[..noted.len() - 1], notes[channel], "subscriber of order:{channel} to {types}");
        let expected = (1..=RELOADS).map(|reload| (format!("added.n{reload}"), vec![reload.to_string()]));
        let expected: Seen = if types == 1 { Seen::new() } else { expected.collect() };
        assert_eq!(seen, expected, "subscriber of order:{channel} to {types}");
    }
    let published: usize = notes.iter().map(Vec::len).sum();
    assert!(published > RELOADS, "only {published} events flowed");
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
