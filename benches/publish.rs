//! What publishing costs: events through ingest, and through one gRPC stream on a real port.

use std::sync::Arc;
use std::thread;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use prost::Message as _;
use rialto::engine::{Idempotency, MemoryEngine};
use rialto::grpc::Server;
use rialto::hub::{self, Hub};
use rialto::ingest::{Ingest, Limits, PublishContext};
use rialto::net::listen;
use rialto::proto::project::v1::ProcessProgress;
use rialto::proto::rialto::v1::publisher_service_client::PublisherServiceClient;
use rialto::proto::rialto::v1::{Event, PublishStreamRequest, event::Body};
use rialto::revision::{Revision, Revisions};
use rialto::schema::Schema;
use rialto::transcode::Options;
use tokio::runtime::Builder;
use tokio::sync::watch;
use tonic::transport::Endpoint;

const EVENTS: usize = 1_000;
const REQUESTS: usize = 100;

fn ingest() -> Arc<Ingest> {
    let revisions = Arc::new(Revisions::new(Revision::first(Schema::bundled(), Options::default())));
    let hub = Arc::new(Hub::new(1, 1, hub::Limits::default()));
    let engine = Arc::new(MemoryEngine::new(hub, Idempotency::default()));
    Arc::new(Ingest::new(revisions, engine, Limits::default()))
}

fn events() -> Vec<Event> {
    let event = |number: usize| {
        let progress = ProcessProgress {
            project_id: (number % 10).to_string(),
            process_id: "3f2504e0-4f89-41d3-9a0c-0305e82c3301".into(),
            progress: 0.5,
            message: "two thirds of the files are compressed; the rest follows".into(),
        };
        let payload = pbjson_types::Any {
            type_url: "type.googleapis.com/project.v1.ProcessProgress".into(),
            value: progress.encode_to_vec().into(),
        };
        Event { body: Some(Body::Payload(payload)), ..Event::default() }
    };
    (0..EVENTS).map(event).collect()
}

fn through_ingest(criterion: &mut Criterion) {
    let runtime = Builder::new_current_thread().build().expect("a runtime");
    let (ingest, context, events) = (ingest(), PublishContext::default(), events());
    let mut group = criterion.benchmark_group("publish");
    group.throughput(Throughput::Elements(EVENTS as u64));
    group.bench_function("ingest, 1000 events at once", |bencher| {
        bencher.iter_batched(
            || events.clone(),
            |events| {
                let results = runtime.block_on(ingest.publish(events, &context));
                assert!(results.iter().all(Result::is_ok));
            },
            BatchSize::SmallInput,
        );
    });
}

/// The bridge has one thread, the publisher another.
fn through_a_stream(criterion: &mut Criterion) {
    let listener = listen("127.0.0.1:0".parse().expect("an address"), "--grpc").expect("a port");
    let address = listener.local_addr().expect("an address");
    let (_stop, stopping) = watch::channel(false);
    thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(Server::new(listener, ingest()).serve(stopping))
    });
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address");
    let client =
        PublisherServiceClient::new(runtime.block_on(async { endpoint.connect().await }).expect("a connection"));
    let mut group = criterion.benchmark_group("publish");
    group.sample_size(20).throughput(Throughput::Elements((REQUESTS * EVENTS) as u64));
    for per_request in [EVENTS, 10, 1] {
        let request = PublishStreamRequest { events: events()[..per_request].to_vec() };
        group.bench_function(format!("one gRPC stream, {per_request} events a request"), |bencher| {
            bencher.iter(|| {
                let requests = vec![request.clone(); REQUESTS * EVENTS / per_request];
                let mut client = client.clone();
                runtime.block_on(async move {
                    let stream = client.publish_stream(tokio_stream::iter(requests)).await.expect("a stream");
                    let (mut responses, mut acks) = (stream.into_inner(), 0);
                    while let Some(response) = responses.message().await.expect("acks") {
                        acks += response.acks.len();
                    }
                    assert_eq!(acks, REQUESTS * EVENTS);
                });
            });
        });
    }
}

criterion_group!(benches, through_ingest, through_a_stream);
criterion_main!(benches);
