//! How long a connection of a publisher lives: without calls not for long, and with them not for ever, and no event is lost.

use std::time::{Duration, Instant};

use rialto::config::Config;
use rialto::proto::rialto::v1::publisher_service_client::PublisherServiceClient;
use rialto::proto::rialto::v1::{PublishRequest, PublishStreamRequest, PublishStreamResponse, ack};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status, Streaming};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::harness::{Bridge, patience, progress, publish, within};
use crate::metrics::{expect, scrape};

const OPEN: &str = "rialto_port_connections{port=\"grpc\"}";
const IDLE: &str = "rialto_limit_hits_total{limit=\"grpc-idle-timeout\"}";
const AGED: &str = "rialto_limit_hits_total{limit=\"max-grpc-connection-age\"}";

async fn with(change: impl FnOnce(&mut Config)) -> Bridge {
    Bridge::with(|config| {
        // What a test does not ask for is not what ends a connection.
        config.limits.grpc_idle_timeout = 10 * patience();
        config.limits.max_grpc_connection_age = None;
        change(config);
    })
    .await
}

/// A publish stream, with where its requests go.
async fn stream(
    publisher: &mut PublisherServiceClient<Channel>,
) -> (mpsc::Sender<PublishStreamRequest>, Streaming<PublishStreamResponse>) {
    let (send, requests) = mpsc::channel(1);
    let opened = publisher.publish_stream(ReceiverStream::new(requests));
    (send, within("the stream", opened).await.expect("gRPC is up").into_inner())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_without_calls_is_told_to_go_and_one_with_an_open_stream_is_not() {
    let bridge = with(|config| config.limits.grpc_idle_timeout = Duration::from_millis(200)).await;
    let mut streaming = bridge.publisher().await;
    let (send, mut acks) = stream(&mut streaming).await;
    let mut idle = bridge.publisher().await;
    publish(&mut idle, progress("42", "first")).await;
    // It goes, and with it its slot; the other one stays, however long it says nothing.
    let told = expect(&bridge, &[(OPEN, 1.0)]).await;
    assert!(told[IDLE] >= 1.0 && told[AGED] == 0.0);
    // Its client comes back by itself.
    publish(&mut idle, progress("42", "second")).await;
    let told = expect(&bridge, &[(OPEN, 1.0)]).await;
    assert!(told[IDLE] >= 2.0);
    send.send(PublishStreamRequest { events: vec![progress("42", "third")] }).await.expect("the stream is open");
    let answered = within("an ack", acks.message()).await.expect("the stream is open").expect("an ack");
    assert_eq!(answered.acks.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_only_watches_the_health_or_is_not_let_in_keeps_no_connection() {
    let folder = tempfile::tempdir().expect("a folder");
    let list = folder.path().join("publishers.toml");
    std::fs::write(&list, "publisher = []").expect("written");
    let bridge = with(|config| {
        config.limits.grpc_idle_timeout = Duration::from_millis(300);
        config.peers.publishers = Some(list);
    })
    .await;
    let endpoint = || Endpoint::from_shared(format!("http://{}", bridge.addresses.grpc)).expect("a URL");
    let mut health = HealthClient::new(within("a connection", endpoint().connect()).await.expect("gRPC is up"));
    let mut watched = health.watch(HealthCheckRequest::default()).await.expect("health is up").into_inner();
    within("the health", watched.message()).await.expect("it is told").expect("a status");
    let stranger = within("a connection", endpoint().connect()).await.expect("gRPC is up");
    let knocking = tokio::spawn(async move {
        let mut stranger = PublisherServiceClient::new(stranger);
        loop {
            let refused = stranger.publish(PublishRequest { event: Some(progress("42", "x")) }).await;
            refused.expect_err("nobody is on the list");
            tokio::task::yield_now().await;
        }
    });
    // Whatever they do, both are told to go: the second one more than once, as it comes back.
    within("they are told to go", async {
        while scrape(&bridge).await[IDLE] < 4.0 {
            assert!(!knocking.is_finished());
            tokio::task::yield_now().await;
        }
    })
    .await;
    knocking.abort();
    // What watches is cut after the grace.
    within("the watch ends", async { while let Ok(Some(_)) = watched.message().await {} }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_aged_connection_is_told_to_go_and_a_stream_loses_nothing() {
    const EVENTS: usize = 400;
    let bridge = with(|config| config.limits.max_grpc_connection_age = Some(Duration::from_millis(300))).await;
    let mut subscriber = bridge.connect().await;
    subscriber.subscribe(json!({"name": "project:42"})).await;
    subscriber.next_on("project:42").await;
    let mut publisher = bridge.publisher().await;
    let (mut acked, mut streams) = (0, 0);
    // Three ages at least, and all events.
    while acked < EVENTS || scrape(&bridge).await[AGED] < 3.0 {
        streams += 1;
        match publish_until_told(&mut publisher, &mut acked).await {
            Ok(()) => panic!("the stream has no end of its own"),
            // Whatever has no ack is published again.
            Err(status) => assert!(status.code() == Code::Unavailable || was_not_sent(&status), "{status}"),
        }
    }
    for number in 0..acked {
        let event = subscriber.next_of("process.progress").await;
        assert_eq!((&event["sequence"], &event["data"]["message"]), (&json!(number + 1), &json!(number.to_string())));
    }
    let told = scrape(&bridge).await;
    // Its client is told in time: hardly a stream is begun on a connection that is closing.
    assert!(f64::from(streams) <= 2.0 * told[AGED] + 2.0, "{streams} streams on {} connections", told[AGED]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_were_opened_together_do_not_end_together() {
    const AGE: Duration = Duration::from_secs(3);
    // HTTP/2's preface, empty SETTINGS, and the acknowledgement of the server's.
    const OPENING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0\0\x04\x01\0\0\0\0";
    let bridge = with(|config| {
        config.limits.max_grpc_connection_age = Some(AGE);
        config.limits.grpc_close_timeout = Duration::from_millis(1);
    })
    .await;
    let opened = Instant::now();
    let lives = (0..16).map(async |_| {
        let mut stream = TcpStream::connect(bridge.addresses.grpc).await.expect("the port is open");
        stream.write_all(OPENING).await.expect("it is");
        let _ = within("its end", stream.read_to_end(&mut Vec::new())).await;
        opened.elapsed()
    });
    let lives = futures_util::future::join_all(lives).await;
    let (first, last) = (lives.iter().min().expect("some"), lives.iter().max().expect("some"));
    assert!(*first >= AGE.mul_f64(0.9), "{lives:?}");
    // By chance they would be as near to each other once in a thousand million times.
    assert!(*last - *first >= AGE.mul_f64(0.04), "{lives:?}");
}

/// Whether the client itself says that it had a call for a connection that was told to go, and has not sent it.
fn was_not_sent(status: &Status) -> bool {
    status.code() == Code::Cancelled && status.message() == "operation was canceled"
}

/// Publishes further events on one stream, one after the other and always some ahead, until it ends.
async fn publish_until_told(publisher: &mut PublisherServiceClient<Channel>, acked: &mut usize) -> Result<(), Status> {
    let (send, requests) = mpsc::channel(4);
    let first = *acked;
    let sending = tokio::spawn(async move {
        for number in first.. {
            let mut event = progress("42", &number.to_string());
            event.idempotency_key = format!("k{number}");
            if send.send(PublishStreamRequest { events: vec![event] }).await.is_err() {
                return;
            }
        }
    });
    let mut acks = publisher.publish_stream(ReceiverStream::new(requests)).await?.into_inner();
    let ended = loop {
        match within("an ack or the end", acks.message()).await {
            Ok(Some(response)) => {
                for one in response.acks {
                    assert!(matches!(one.result, Some(ack::Result::Accepted(_))), "{one:?}");
                    *acked += 1;
                }
            }
            Ok(None) => break Ok(()),
            Err(status) => break Err(status),
        }
    };
    drop(acks);
    sending.abort();
    ended
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_limits_of_the_other_ports_are_those_of_the_configuration() {
    let bridge = with(|config| {
        config.limits.max_grpc_connections = 2;
        config.limits.max_admin_connections = 2;
    })
    .await;
    let mut publishers = [bridge.publisher().await, bridge.publisher().await];
    for publisher in &mut publishers {
        publish(publisher, progress("42", "x")).await;
    }
    let mut beyond = TcpStream::connect(bridge.addresses.grpc).await.expect("the kernel accepts it");
    assert_eq!(within("the end", beyond.read(&mut [0; 100])).await.unwrap_or(0), 0, "closed without a word");
    expect(&bridge, &[("rialto_limit_hits_total{limit=\"max-grpc-connections\"}", 1.0), (OPEN, 2.0)]).await;
    let held = [bridge.addresses.admin; 2].map(TcpStream::connect);
    let _held = futures_util::future::try_join_all(held).await.expect("the kernel accepts them");
    within("503", async {
        while !crate::drain::get(bridge.addresses.admin, "/ready").await.starts_with("HTTP/1.1 503") {}
    })
    .await;
}
