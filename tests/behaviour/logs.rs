//! The memory of all logs, when one publisher makes channels up without end.

use rialto::proto::rialto::v1::PublishRequest;
use rialto::proto::rialto::v1::publisher_service_client::PublisherServiceClient;
use serde_json::json;
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::harness::{Bridge, progress, publish, within};
use crate::metrics::scrape;

const TOTAL: usize = 1 << 20;
const HITS: &str = "rialto_limit_hits_total{limit=\"max-log-bytes\"}";

async fn try_publish(publisher: &mut PublisherServiceClient<Channel>, project: &str) -> Result<(), Status> {
    let request = PublishRequest { event: Some(progress(project, "small")) };
    within("the ack", publisher.publish(request)).await.map(drop)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn made_up_channels_fill_the_logs_and_no_more_and_everybody_is_told() {
    let bridge = Bridge::with(|config| {
        config.limits.max_log_bytes = TOTAL;
        config.limits.max_channel_bytes = TOTAL / 4;
    })
    .await;
    let mut honest = bridge.publisher().await;
    publish(&mut honest, progress("honest", "before")).await;
    let mut client = bridge.connect().await;
    client.subscribe(json!({"name": "project:honest"})).await;
    client.next_of("channel.subscribed").await;

    let mut flooder = bridge.publisher().await;
    let mut made_up = 0;
    while try_publish(&mut flooder, &format!("made-up-{made_up}")).await.is_ok() {
        made_up += 1;
        assert!(made_up < 5_000, "a channel costs more than its events");
    }
    assert!(made_up > 200, "{made_up}");
    let full = scrape(&bridge).await;
    for number in 0..300 {
        try_publish(&mut flooder, &format!("more-{number}")).await.expect_err("it is full");
    }
    let refusal = try_publish(&mut honest, "honest").await.expect_err("nothing can go");
    assert_eq!(refusal.code(), Code::ResourceExhausted, "{refusal:?}");
    assert!(refusal.message().contains("the most that they may"), "{refusal:?}");
    let after = scrape(&bridge).await;
    assert!(after["rialto_log_bytes"] <= TOTAL as f64, "{}", after["rialto_log_bytes"]);
    assert_eq!(after["rialto_channels"], full["rialto_channels"], "what is refused makes no channel");
    assert!(after[HITS] >= full[HITS] + 301.0, "each refusal counts");

    // Who reads is not concerned.
    let mut late = bridge.connect().await;
    late.subscribe(json!({"name": "project:honest", "history": 1})).await;
    assert_eq!(late.next_of("process.progress").await["data"]["message"], "before");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subscribers_of_made_up_channels_are_told_and_publishers_go_on() {
    const REFUSED: &str = "rialto_limit_hits_total{limit=\"empty-channels\"}";
    let bridge = Bridge::with(|config| {
        config.limits.max_log_bytes = TOTAL;
        config.limits.max_channel_bytes = TOTAL / 4;
    })
    .await;
    let mut publisher = bridge.publisher().await;
    publish(&mut publisher, progress("honest", "before")).await;

    let mut flooder = Vec::new();
    let (mut joined, mut refusal) = (0, None);
    while refusal.is_none() {
        assert!(flooder.len() < 10, "channels without events cost something");
        let name = |number: usize| json!({"name": format!("project:made-up-{}-{number}", flooder.len())});
        let names: Vec<_> = (0..100).map(name).collect();
        let mut client = bridge.connect().await;
        client.send(json!({"type": "channel.subscribe", "id": "s", "data": {"channels": names}})).await;
        for number in 0..100 {
            let answer = loop {
                let frame = client.next().await;
                if frame["replyTo"] == "s" {
                    break frame;
                }
            };
            match answer["type"].as_str() {
                Some("channel.subscribed") => joined += 1,
                Some("error") => {
                    refusal.get_or_insert((number, answer));
                }
                _ => panic!("{answer}"),
            }
        }
        flooder.push(client);
    }
    assert!(joined > 100, "{joined}");
    let (number, refusal) = refusal.expect("a refusal");
    let error = &refusal["data"];
    assert_eq!((&error["code"], &error["reason"]), (&json!(4103), &json!("overloaded")), "{error}");
    assert_eq!(&error["retryAfterMs"], &json!(5_000), "{error}");
    assert_eq!(error["path"], format!("data.channels[{number}].name"), "{error}");
    assert!(error["message"].as_str().is_some_and(|message| message.contains("without events")), "{error}");
    let full = scrape(&bridge).await;
    assert!(full["rialto_log_bytes"] <= TOTAL as f64 / 2.0 && full[REFUSED] >= 1.0, "{}", full["rialto_log_bytes"]);

    // Publishers, and readers of what is there, are not concerned.
    let mut honest = bridge.connect().await;
    honest.subscribe(json!({"name": "project:honest", "history": 1})).await;
    assert_eq!(honest.next_of("process.progress").await["data"]["message"], "before");
    publish(&mut publisher, progress("made-up-0-0", "new")).await;
    publish(&mut publisher, progress("another", "new")).await;

    drop(flooder);
    within("the end of the subscriptions", async { while scrape(&bridge).await["rialto_subscriptions"] > 10.0 {} })
        .await;
    honest.subscribe(json!({"name": "project:later"})).await;
    honest.next_of("channel.subscribed").await;
}
