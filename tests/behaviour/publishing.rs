//! Publishing as a backend sees it: acks in order with positions, one refusal alone, back-pressure.

use std::time::Duration;

use futures_util::StreamExt;
use pbjson_types::Any;
use prost::Message;
use rialto::proto::project::v1::ProcessProgress;
use rialto::proto::rialto::v1::ack::Result as AckResult;
use rialto::proto::rialto::v1::publisher_service_client::PublisherServiceClient;
use rialto::proto::rialto::v1::{Ack, Event, PublishStreamRequest, PublishStreamResponse, event};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::transport::Endpoint;

use crate::harness::{Bridge, json_event, progress, publish, within};
use crate::metrics::expect;

/// A publish stream.
struct Stream {
    requests: mpsc::Sender<PublishStreamRequest>,
    responses: Streaming<PublishStreamResponse>,
    acks: std::vec::IntoIter<Ack>,
}

impl Stream {
    async fn open(bridge: &Bridge) -> Self {
        let (requests, receiver) = mpsc::channel(1);
        // A window of a few hundred acks: with more unread, tonic's own HTTP/2 takes their small frames for an attack.
        let endpoint = Endpoint::from_shared(format!("http://{}", bridge.addresses.grpc)).expect("a valid address");
        let channel = within("the publisher connects", endpoint.initial_stream_window_size(16 << 10).connect()).await;
        let mut publisher = PublisherServiceClient::new(channel.expect("gRPC is up"));
        let opened = within("the stream", publisher.publish_stream(ReceiverStream::new(receiver))).await;
        let responses = opened.expect("the stream opens").into_inner();
        Stream { requests, responses, acks: Vec::new().into_iter() }
    }

    async fn send(&mut self, events: Vec<Event>) {
        self.requests.send(PublishStreamRequest { events }).await.expect("the stream is open");
    }

    async fn ack(&mut self) -> AckResult {
        loop {
            if let Some(ack) = self.acks.next() {
                return ack.result.expect("either or");
            }
            let response = within("acks", self.responses.next()).await.expect("the stream lives");
            self.acks = response.expect("the stream lives").acks.into_iter();
        }
    }

    async fn sequence(&mut self) -> u64 {
        match self.ack().await {
            AckResult::Accepted(accepted) => accepted.positions[0].sequence,
            AckResult::Error(status) => panic!("{status:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn channels_are_numbered_on_their_own_and_delivered_in_order() {
    const EACH: u64 = 300;
    let bridge = Bridge::start().await;
    let mut client = bridge.connect().await;
    let names = ["project:1", "project:zwei", "project:三"];
    for name in names {
        client.subscribe(json!({"name": name})).await;
        assert_eq!(client.next_on(name).await["data"]["start"]["sequence"], 0);
    }
    let mut stream = Stream::open(&bridge).await;
    for number in 1..=EACH {
        let events = names.map(|name| progress(name.trim_start_matches("project:"), &number.to_string())).to_vec();
        stream.send(events).await;
        for _ in names {
            assert_eq!(stream.sequence().await, number);
        }
    }
    let mut last = [0_u64; 3];
    while last != [EACH; 3] {
        let frame = client.next().await;
        if let Some(index) = names.iter().position(|name| frame["channel"] == *name) {
            last[index] += 1;
            assert_eq!(frame["sequence"], last[index]);
            assert_eq!(frame["data"]["message"], last[index].to_string());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_event_is_refused_in_its_own_ack_and_the_stream_lives_on() {
    let bridge = Bridge::start().await;
    let mut stream = Stream::open(&bridge).await;
    let bad = json_event("process.progress", &json!({"projectId": "1", "progress": "half"}));
    let unknown = json_event("process.exploded", &json!({}));
    stream.send(vec![progress("1", "a"), bad, unknown, progress("1", "b")]).await;
    assert_eq!(stream.sequence().await, 1);
    for expected in ["progress", "process.exploded"] {
        match stream.ack().await {
            AckResult::Error(status) => {
                assert_eq!(status.code, 3, "{status:?}");
                assert!(status.message.contains(expected), "{}", status.message);
                assert!(!status.details.is_empty());
            }
            AckResult::Accepted(accepted) => panic!("{accepted:?}"),
        }
    }
    assert_eq!(stream.sequence().await, 2, "what was refused took no number");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publisher_that_does_not_read_its_acks_is_held_back_and_others_are_not() {
    let bridge = Bridge::with(|config| config.limits.max_unacked_events = 50).await;
    // Large events fill HTTP/2's windows; small ones come as so many small frames that its library might take them for
    // an attack before the window is full.
    for message in ["x".repeat(64 << 10), String::new()] {
        let mut stream = Stream::open(&bridge).await;
        let mut sent = 0_u64;
        while timeout(Duration::from_secs(2), stream.send(vec![tiny(&message)])).await.is_ok() {
            sent += 1;
            assert!(sent < 200_000, "a publisher that reads no acks is never held back");
        }
        let mut other = bridge.publisher().await;
        crate::harness::publish(&mut other, progress("2", "not held back")).await;
        // It reads, and goes on where it was.
        let first = stream.sequence().await;
        for number in 1..sent {
            assert_eq!(stream.sequence().await, first + number);
        }
        within("the stream goes on", stream.send(vec![tiny("last")])).await;
        assert_eq!(stream.sequence().await, first + sent);
    }
}

/// An event with nothing around it that could be left out.
fn tiny(message: &str) -> Event {
    let progress = ProcessProgress { project_id: "1".into(), message: message.into(), ..ProcessProgress::default() };
    let payload = Any { type_url: "/project.v1.ProcessProgress".into(), value: progress.encode_to_vec().into() };
    Event { body: Some(event::Body::Payload(payload)), ..Event::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_is_counted_while_it_is_open() {
    let bridge = Bridge::start().await;
    let mut stream = Stream::open(&bridge).await;
    stream.send(vec![progress("42", "1")]).await;
    assert_eq!(stream.sequence().await, 1);
    expect(&bridge, &[("rialto_publish_streams", 1.0)]).await;
    drop(stream);
    expect(&bridge, &[("rialto_publish_streams", 0.0)]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_forgotten_after_the_window_that_was_chosen() {
    let bridge = Bridge::with(|config| config.limits.idempotency_window = Duration::from_millis(1)).await;
    let mut publisher = bridge.publisher().await;
    let again = async {
        loop {
            let event = Event { idempotency_key: "k".into(), ..progress("42", "1") };
            if publish(&mut publisher, event).await.sequence > 1 {
                return;
            }
        }
    };
    within("another event under the key", again).await;
}
