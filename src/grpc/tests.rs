//! Real clients on a real port.

use std::net::SocketAddr;

use futures_util::{Stream, StreamExt as _};
use prost::Message as _;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status, Streaming};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::*;
use crate::ingest::fixture::{EPOCH, FIRST_SEQUENCE, Fixture, json, placed, shipped, shop};
use crate::net::listen;
use crate::proto::google::rpc;
use crate::proto::rialto::v1::ack::Result as Ack;
use crate::proto::rialto::v1::publisher_service_client::PublisherServiceClient;
use crate::proto::rialto::v1::{Event, PublishRequest, PublishStreamRequest, PublishStreamResponse};

const PATIENCE: Duration = Duration::from_secs(20);
const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

struct Running {
    fixture: Fixture,
    address: SocketAddr,
    stop: watch::Sender<bool>,
    served: JoinHandle<io::Result<()>>,
}

fn start(config: Config) -> Running {
    start_with(config, ConnectionLimits::new(100, 100))
}

fn start_with(config: Config, limits: Arc<ConnectionLimits>) -> Running {
    let fixture = shop();
    let listener = listen("127.0.0.1:0".parse().unwrap(), "--grpc").unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopping) = watch::channel(false);
    let server = Server::new(listener, fixture.ingest.clone()).with_config(config).with_limits(limits);
    Running { fixture, address, stop, served: tokio::spawn(server.serve(stopping)) }
}

impl Running {
    fn endpoint(&self) -> Endpoint {
        Endpoint::from_shared(format!("http://{}", self.address)).unwrap()
    }

    async fn client(&self) -> PublisherServiceClient<Channel> {
        PublisherServiceClient::new(self.endpoint().connect().await.unwrap())
    }

    /// One that takes few acks before it reads them.
    async fn slow_client(&self) -> PublisherServiceClient<Channel> {
        let small = 64 << 10;
        let endpoint = self.endpoint().initial_stream_window_size(small).initial_connection_window_size(small);
        PublisherServiceClient::new(endpoint.connect().await.unwrap())
    }
}

fn one(event: Event) -> PublishRequest {
    PublishRequest { event: Some(event) }
}

fn some(events: Vec<Event>) -> PublishStreamRequest {
    PublishStreamRequest { events }
}

/// All acks until the end of the stream: the first position's channel and sequence, or the reason.
async fn acks(mut responses: Streaming<PublishStreamResponse>) -> Result<Vec<String>, Status> {
    let mut acks = Vec::new();
    while let Some(response) = timeout(PATIENCE, responses.message()).await.expect("an ack or the end")? {
        assert!(response.acks.len() <= 1_000);
        acks.extend(response.acks.into_iter().map(|ack| match ack.result.unwrap() {
            Ack::Accepted(accepted) => format!("{}/{}", accepted.positions[0].channel, accepted.positions[0].sequence),
            Ack::Error(status) => reason(&status),
        }));
    }
    Ok(acks)
}

fn detail<M: prost::Message + Default>(status: &rpc::Status, name: &str) -> Option<M> {
    let url = format!("type.googleapis.com/google.rpc.{name}");
    status.details.iter().find(|any| any.type_url == url).map(|any| M::decode(&any.value[..]).unwrap())
}

fn reason(status: &rpc::Status) -> String {
    let info: rpc::ErrorInfo = detail(status, "ErrorInfo").unwrap();
    assert_eq!(info.domain, "rialto");
    info.reason
}

#[tokio::test]
async fn a_published_event_comes_back_with_its_id_and_positions() {
    let running = start(Config::default());
    let mut client = running.client().await;
    let event = Event { idempotency_key: "key-1".into(), ..placed("o-1", "c-1") };
    let first = client.publish(one(event.clone())).await.unwrap().into_inner().accepted.unwrap();
    let places: Vec<(&str, &str, u64)> =
        first.positions.iter().map(|place| (&*place.channel, &*place.epoch, place.sequence)).collect();
    let epoch = EPOCH.to_string();
    assert_eq!(places, [("order:o-1", &*epoch, FIRST_SEQUENCE), ("customer:c-1", &*epoch, FIRST_SEQUENCE)]);
    assert_eq!(first.event_id, running.fixture.rings.appends()[0].event.id.to_string());
    assert!(!first.duplicate);
    let again = client.publish(one(event)).await.unwrap().into_inner().accepted.unwrap();
    assert_eq!((again.event_id, again.duplicate), (first.event_id, true));
}

#[tokio::test]
async fn a_refusal_of_one_event_is_the_status_of_the_call_with_details() {
    let running = start(Config::default());
    let mut client = running.client().await;
    let status = client.publish(one(json("order.placed", r#"{"orderId":"o"}"#))).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().contains("customerId"), "{status:?}");
    let details = rpc::Status::decode(status.details()).unwrap();
    assert_eq!((details.code, &*details.message), (3, status.message()));
    assert_eq!(reason(&details), "UNFILLED_CHANNEL");
    let request: rpc::BadRequest = detail(&details, "BadRequest").unwrap();
    assert_eq!(request.field_violations[0].field, "customerId");
    assert!(detail::<rpc::RetryInfo>(&details, "RetryInfo").is_none());
    assert_eq!(client.publish(PublishRequest::default()).await.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test]
async fn a_stream_acks_every_event_in_order_and_outlives_bad_ones() {
    let running = start(Config::default());
    let mut client = running.client().await;
    let requests = vec![
        some(vec![shipped("a")]),
        some(vec![]),
        some(vec![json("order.lost", "{}"), shipped("b"), json("question", "{}")]),
        some(vec![Event::default()]),
        some(vec![shipped("a")]),
    ];
    let responses = client.publish_stream(tokio_stream::iter(requests)).await.unwrap().into_inner();
    assert_eq!(
        acks(responses).await.unwrap(),
        [
            format!("order:a/{FIRST_SEQUENCE}"),
            "UNKNOWN_EVENT_TYPE".into(),
            format!("order:b/{FIRST_SEQUENCE}"),
            "CLIENT_EVENT_TYPE".into(),
            "MISSING_BODY".into(),
            format!("order:a/{}", FIRST_SEQUENCE + 1),
        ]
    );
}

#[tokio::test]
async fn events_are_acked_in_order_however_they_are_cut_into_requests() {
    let running = start(Config::default());
    let mut client = running.client().await;
    let cut = |sizes: Vec<usize>| {
        tokio_stream::iter(sizes.into_iter().map(|size| some((0..size).map(|_| shipped("a")).collect())))
    };
    let mut sequence = FIRST_SEQUENCE;
    for sizes in [vec![2_500], vec![1; 2_500], vec![999, 1, 1_000, 2, 498]] {
        let responses = client.publish_stream(cut(sizes)).await.unwrap().into_inner();
        let expected: Vec<String> = (0..2_500).map(|number| format!("order:a/{}", sequence + number)).collect();
        assert_eq!(acks(responses).await.unwrap(), expected);
        sequence += 2_500;
    }
}

#[tokio::test]
async fn an_ack_does_not_wait_for_further_events() {
    let running = start(Config::default());
    let mut client = running.client().await;
    let (send, requests) = mpsc::channel(1);
    let mut responses = client.publish_stream(ReceiverStream::new(requests)).await.unwrap().into_inner();
    for number in 0..3 {
        send.send(some(vec![shipped("a")])).await.unwrap();
        let response = timeout(PATIENCE, responses.message()).await.unwrap().unwrap().unwrap();
        assert_eq!(response.acks.len(), 1, "{number}");
    }
}

/// Far more than fits into all windows and buffers on the way.
const REQUESTS: usize = 800;

/// Requests of 100 events that say how many were taken.
fn endless(taken: watch::Sender<usize>) -> impl Stream<Item = PublishStreamRequest> + Send {
    tokio_stream::iter(0..REQUESTS).map(move |_| {
        taken.send_modify(|taken| *taken += 1);
        some((0..100).map(|_| shipped("slow")).collect())
    })
}

/// Waits until the number has not changed for a while, and returns it.
async fn standstill(taken: &mut watch::Receiver<usize>) -> usize {
    while timeout(Duration::from_millis(500), taken.changed()).await.is_ok() {}
    *taken.borrow()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publisher_that_does_not_read_its_acks_is_not_read_from_and_others_go_on() {
    let running = start(Config::default());
    let mut slow = running.slow_client().await;
    let (count, mut taken) = watch::channel(0);
    let responses = slow.publish_stream(endless(count)).await.unwrap().into_inner();

    let stalled_at = standstill(&mut taken).await;
    assert!(stalled_at < REQUESTS, "the publisher was read from to its end");
    let published = running.fixture.rings.appends().len();
    assert!((100..20_000).contains(&published), "{published} events were taken from a publisher that reads no acks");

    let mut other = running.client().await;
    other.publish(one(shipped("fast"))).await.unwrap();
    assert!(running.fixture.rings.channels().contains(&"order:fast".into()));
    assert!(!taken.has_changed().unwrap(), "the slow publisher is read from again without having read an ack");

    let acks = acks(responses).await.unwrap();
    let expected = (0..100 * REQUESTS as u64).map(|number| format!("order:slow/{}", FIRST_SEQUENCE + number));
    assert!(acks.into_iter().eq(expected));
}

#[tokio::test]
async fn the_trace_of_a_call_or_stream_travels_with_its_events() {
    let running = start(Config::default());
    let mut client = running.client().await;
    let mut call = Request::new(one(shipped("a")));
    call.metadata_mut().insert("traceparent", TRACE.parse().unwrap());
    client.publish(call).await.unwrap();
    let mut stream = Request::new(tokio_stream::iter([some(vec![shipped("a")])]));
    stream.metadata_mut().insert("traceparent", TRACE.parse().unwrap());
    acks(client.publish_stream(stream).await.unwrap().into_inner()).await.unwrap();
    let appends = running.fixture.rings.appends();
    assert_eq!(appends.len(), 2);
    for append in appends {
        assert_eq!(append.event.metadata, format!("{{\"traceparent\":\"{TRACE}\"}}"));
    }
}

#[tokio::test]
async fn a_request_beyond_the_limit_is_refused_and_the_connection_lives_on() {
    let running = start(Config { max_request_bytes: 1_000, ..Config::default() });
    let mut client = running.client().await;
    let big = some((0..100).map(|_| shipped("a")).collect());
    let status = client.publish(one(shipped(&"a".repeat(2_000)))).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
    assert!(status.message().contains("limit is: 1000 bytes; send fewer events"), "{status:?}");
    let requests = tokio_stream::iter([some(vec![shipped("a")]), big]);
    let status = acks(client.publish_stream(requests).await.unwrap().into_inner()).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
    assert!(status.message().contains("limit is: 1000 bytes; send fewer events"), "{status:?}");
    assert_eq!(running.fixture.rings.channels(), ["order:a"]);
    client.publish(one(shipped("b"))).await.unwrap();
}

#[tokio::test]
async fn a_stop_ends_streams_behind_their_acks_and_tells_those_who_watch_the_health() {
    // Longer than the test's patience: the end of the drain does not come into it.
    let running = start(Config { drain_timeout: 2 * PATIENCE, ..Config::default() });
    let mut client = running.client().await;
    let mut health = HealthClient::new(running.endpoint().connect().await.unwrap());
    let service = HealthCheckRequest { service: SERVICE_NAME.into() };
    assert_eq!(health.check(service.clone()).await.unwrap().into_inner().status, 1);
    assert_eq!(health.check(HealthCheckRequest::default()).await.unwrap().into_inner().status, 1);
    let mut watched = health.watch(service).await.unwrap().into_inner();
    assert_eq!(watched.message().await.unwrap().unwrap().status, 1);
    let (send, requests) = mpsc::channel(1);
    let mut responses = client.publish_stream(ReceiverStream::new(requests)).await.unwrap().into_inner();
    send.send(some(vec![shipped("a")])).await.unwrap();
    assert_eq!(responses.message().await.unwrap().unwrap().acks.len(), 1);

    running.stop.send(true).unwrap();
    let status = timeout(PATIENCE, responses.message()).await.unwrap().unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    let details = rpc::Status::decode(status.details()).unwrap();
    assert_eq!(reason(&details), "DRAINING");
    let retry: rpc::RetryInfo = detail(&details, "RetryInfo").unwrap();
    assert_eq!(retry.retry_delay.unwrap().seconds, 1);
    assert_eq!(timeout(PATIENCE, watched.message()).await.unwrap().unwrap().unwrap().status, 2);
    timeout(PATIENCE, running.served).await.expect("nothing holds the drain up").unwrap().unwrap();
    assert!(TcpStream::connect(running.address).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_does_not_wait_for_ever_for_a_publisher_that_reads_nothing() {
    let running = start(Config { drain_timeout: Duration::from_millis(50), ..Config::default() });
    let mut slow = running.slow_client().await;
    let (count, mut taken) = watch::channel(0);
    let _responses = slow.publish_stream(endless(count)).await.unwrap();
    standstill(&mut taken).await;
    running.stop.send(true).unwrap();
    timeout(PATIENCE, running.served).await.expect("the drain ends").unwrap().unwrap();
}

#[tokio::test]
async fn connections_that_never_speak_are_closed() {
    let running = start(Config { preface_timeout: Duration::from_millis(50), ..Config::default() });
    let preface: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let settings: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
    for bytes in [&[][..], &preface[..11], preface, &[preface, settings].concat()] {
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        let closed = timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
        closed.unwrap_or_else(|_| panic!("still open after {bytes:?}")).ok();
    }
    // One that speaks stays, however long it is idle.
    let mut client = running.client().await;
    client.publish(one(shipped("a"))).await.unwrap();
}

#[tokio::test]
async fn connections_beyond_the_limit_are_closed_until_there_is_room() {
    let running = start_with(Config::default(), ConnectionLimits::new(1, 1));
    let mut client = running.client().await;
    client.publish(one(shipped("a"))).await.unwrap();
    let mut refused = TcpStream::connect(running.address).await.unwrap();
    let mut answer = Vec::new();
    timeout(PATIENCE, refused.read_to_end(&mut answer)).await.expect("closed").ok();
    assert!(answer.is_empty());
    drop(client);
    let publish = async {
        while running.client().await.publish(one(shipped("a"))).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, publish).await.expect("there is room again");
}
