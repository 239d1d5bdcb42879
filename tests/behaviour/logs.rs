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
