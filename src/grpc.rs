//! The publishers' front: gRPC in, [`crate::ingest`] behind. Convert, call, convert.
//!
//! [`Server`] holds a port with HTTP/2's limits set explicitly, and the standard health and [`reflection`] services beside
//! [`publisher`]'s `PublisherService`. It promises that a peer that never speaks is closed, that a publisher that does
//! not read its acks is not read from either, that where there is a list of publishers nobody else gets further than the
//! headers of a call (health aside), and that a stop ends every stream between two events, told so.
//!
//! The only place that builds a `tonic::Status`.

mod convert;
mod publisher;
mod reflection;

use std::convert::Infallible;
use std::io;
use std::net::TcpListener as StdTcpListener;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, Stream};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tonic::service::interceptor::InterceptedService;
use tonic::transport::server::Connected;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;
use tower::util::{MapRequestLayer, MapResponseLayer};

use crate::ingest::Ingest;
use crate::metrics::{Limit, Metrics};
use crate::net::accept::{ACCEPTS_PER_SECOND, Acceptor};
use crate::net::admission::ConnectionLimits;
use crate::net::entry::Entry;
use crate::net::preface::PrefaceDeadline;
use crate::net::{ClientCertificate, Peer, stopped};
use crate::proto::rialto::v1::publisher_service_server::{PublisherServiceServer, SERVICE_NAME};

use convert::too_large;
use publisher::Publisher;
use reflection::Reflection;

/// The limits of the gRPC port.
#[derive(Clone, Debug)]
pub struct Config {
    /// Bytes of one request message. Default 4 MiB.
    pub max_request_bytes: usize,
    /// Events of one publish stream that are not acked yet; more are not read. Default 1,000.
    pub max_unacked_events: usize,
    /// Calls at once on one connection. Default 100.
    pub max_streams: u32,
    /// Bytes of a call's headers. Default 16 KiB.
    pub max_header_list_bytes: u32,
    /// What a call may send before it is read, in bytes: all that a call that is held back costs. Default 128 KiB.
    pub stream_window_bytes: u32,
    /// What all calls of a connection may send before they are read, in bytes: more than every call's together, so that
    /// those that are held back do not hold up others. h2 also takes half of this as what the overhead of small unread
    /// frames may come to before it cuts the connection as an attack, which a few thousand held-back events of some
    /// fifty bytes would reach in a small window. Default 16 MiB.
    pub connection_window_bytes: u32,
    /// From accepting to the end of HTTP/2's opening. Default 10 s.
    pub preface_timeout: Duration,
    /// Time between pings. Default 30 s.
    pub keepalive_interval: Duration,
    /// How long a ping may stay unanswered. Default 20 s.
    pub keepalive_timeout: Duration,
    /// Open connections; what is beyond is closed at once. Default 1,024.
    pub max_connections: usize,
    /// Connections accepted per second; what is beyond waits. Default 1,000.
    pub accepts_per_second: u32,
    /// What running calls get when the server stops. Default 10 s.
    pub drain_timeout: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            max_request_bytes: 4 << 20,
            max_unacked_events: 1_000,
            max_streams: 100,
            max_header_list_bytes: 16 << 10,
            stream_window_bytes: 128 << 10,
            connection_window_bytes: 16 << 20,
            preface_timeout: Duration::from_secs(10),
            keepalive_interval: Duration::from_secs(30),
            keepalive_timeout: Duration::from_secs(20),
            max_connections: 1_024,
            accepts_per_second: ACCEPTS_PER_SECOND,
            drain_timeout: Duration::from_secs(10),
        }
    }
}

/// The gRPC services on a port.
pub struct Server {
    listener: StdTcpListener,
    ingest: Arc<Ingest>,
    config: Config,
    entry: Entry,
}

impl Server {
    /// Will serve publishers on a listener that is non-blocking, as [`crate::net::listen()`] makes them.
    pub fn new(listener: StdTcpListener, ingest: Arc<Ingest>) -> Self {
        Server { listener, ingest, config: Config::default(), entry: Entry::default() }
    }

    /// With other limits than the defaults.
    #[must_use]
    pub fn with_config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Takes every connection through this entry first.
    #[must_use]
    pub fn with_entry(mut self, entry: Entry) -> Self {
        self.entry = entry;
        self
    }

    /// Serves until `stop` is true; then reports NOT_SERVING, closes the port, ends publish streams with UNAVAILABLE
    /// behind the acks of what was read, and returns when all calls have ended or `drain_timeout` has passed.
    ///
    /// # Errors
    /// When the listener cannot be used on this runtime. Errors of single connections end those connections only.
    pub async fn serve(self, stop: watch::Receiver<bool>) -> io::Result<()> {
        let Server { listener, ingest, config, entry } = self;
        let metrics = Arc::clone(ingest.metrics());
        let acceptor = Acceptor::new(TcpListener::from_std(listener)?, config.accepts_per_second)
            .with_metrics(Arc::clone(&metrics));
        let (reporter, health) = tonic_health::server::health_reporter();
        reporter.set_service_status(SERVICE_NAME, ServingStatus::Serving).await;
        let reflection = Reflection::new(Arc::clone(&ingest), stop.clone());
        let admit = {
            let ingest = Arc::clone(&ingest);
            move |request| publisher::admit(&ingest, request)
        };
        let publisher = PublisherServiceServer::new(Publisher::new(ingest, stop.clone(), config.max_unacked_events))
            .max_decoding_message_size(config.max_request_bytes);
        let refusals = Arc::clone(&metrics);
        let serving = tonic::transport::Server::builder()
            .max_concurrent_streams(config.max_streams)
            .http2_max_header_list_size(config.max_header_list_bytes)
            .initial_stream_window_size(config.stream_window_bytes)
            .initial_connection_window_size(config.connection_window_bytes)
            .http2_keepalive_interval(Some(config.keepalive_interval))
            .http2_keepalive_timeout(Some(config.keepalive_timeout))
            .layer(MapRequestLayer::new(told_of_its_peer))
            .layer(MapResponseLayer::new(move |response| refused_unread(response, &refusals)))
            .add_service(health)
            .add_service(InterceptedService::new(publisher, admit.clone()))
            .add_service(InterceptedService::new(reflection.v1(), admit.clone()))
            .add_service(InterceptedService::new(reflection.v1alpha(), admit))
            .serve_with_incoming_shutdown(
                connections(acceptor, entry, &config, metrics),
                not_serving(reporter, stop.clone()),
            );
        tokio::select! {
            served = serving => served.map_err(io::Error::other),
            () = drained(stop, config.drain_timeout) => Ok(()),
        }
    }
}

/// The answer to a call whose request tonic has refused before we saw it.
fn refused_unread<B>(mut response: http::Response<B>, metrics: &Metrics) -> http::Response<B> {
    let refused = tonic::Status::from_header_map(response.headers()).and_then(|status| too_large(&status));
    if let Some(status) = refused {
        metrics.limits.hit(Limit::MaxPublishRequestBytes, "a call with one request");
        let (mut headers, answer) = (http::HeaderMap::new(), response.headers_mut());
        if status.add_header(&mut headers).is_ok() {
            answer.extend(headers);
        }
    }
    response
}

async fn drained(mut stop: watch::Receiver<bool>, timeout: Duration) {
    stopped(&mut stop).await;
    sleep(timeout).await;
    tracing::warn!(timeout_ms = timeout.as_millis(), "gRPC calls were still running at the end of the drain");
}

/// Waits for the stop; then tells everybody who watches the health, and ends their streams.
async fn not_serving(reporter: HealthReporter, mut stop: watch::Receiver<bool>) {
    stopped(&mut stop).await;
    let mut reporter = reporter;
    for service in ["", SERVICE_NAME] {
        reporter.set_service_status(service, ServingStatus::NotServing).await;
        // A watcher still gets what was set, and then the end: otherwise it would hold up the drain.
        reporter.clear_service_status(service).await;
    }
}

/// Accepted connections past their entry, within the limits, without end.
fn connections(
    acceptor: Acceptor,
    entry: Entry,
    config: &Config,
    metrics: Arc<Metrics>,
) -> impl Stream<Item = Result<PrefaceDeadline, Infallible>> + use<> {
    let limits = ConnectionLimits::new(config.max_connections, u32::MAX);
    let within = config.preface_timeout;
    // Who takes time to enter keeps nobody else waiting, and holds a permit while it does.
    let entering: JoinSet<Option<PrefaceDeadline>> = JoinSet::new();
    stream::unfold((acceptor, limits, entering), move |(mut acceptor, limits, mut entering)| {
        let (entry, metrics) = (entry.clone(), Arc::clone(&metrics));
        async move {
            loop {
                let (stream, peer) = tokio::select! {
                    accepted = acceptor.accept() => accepted,
                    Some(entered) = entering.join_next() => match entered {
                        Ok(Some(connection)) => return Some((Ok(connection), (acceptor, limits, entering))),
                        _ => continue,
                    },
                };
                match limits.admit(peer) {
                    Ok(permit) => {
                        let (entry, metrics) = (entry.clone(), Arc::clone(&metrics));
                        entering.spawn(async move {
                            let begun = Instant::now();
                            let entered = entry.pass(stream, peer, within, &metrics).await?;
                            let left = within.saturating_sub(begun.elapsed());
                            Some(PrefaceDeadline::new(entered, left).with_permit(permit).with_metrics(metrics))
                        });
                    }
                    // Closing says it all: gRPC clients back off and come back.
                    Err(refusal) => {
                        metrics.limits.hit(Limit::MaxGrpcConnections, peer.ip());
                        tracing::debug!(%peer, %refusal, "gRPC connection refused");
                    }
                }
            }
        }
    })
}

/// Who sends a call: what tonic keeps of a connection for its requests.
#[derive(Clone, Debug)]
pub struct Caller {
    peer: Peer,
    certificate: Option<ClientCertificate>,
}

impl Connected for PrefaceDeadline {
    type ConnectInfo = Caller;

    fn connect_info(&self) -> Caller {
        Caller { peer: Peer(self.peer()), certificate: self.certificate().cloned() }
    }
}

/// Puts what is known of the caller where every front has it.
fn told_of_its_peer<B>(mut request: http::Request<B>) -> http::Request<B> {
    if let Some(Caller { peer, certificate }) = request.extensions_mut().remove::<Caller>() {
        request.extensions_mut().insert(peer);
        if let Some(certificate) = certificate {
            request.extensions_mut().insert(certificate);
        }
    }
    request
}

#[cfg(test)]
mod tests;
