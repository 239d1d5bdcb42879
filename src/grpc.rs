//! The publishers' front: gRPC in, [`crate::ingest`] behind. Convert, call, convert.
//!
//! [`Server`] holds a port with HTTP/2's limits set explicitly ([`serving`]), and the standard health and [`reflection`]
//! services beside [`publisher`]'s `PublisherService`. It promises that a peer that never speaks is closed, that a publisher that does
//! not read its acks is not read from either, that where there is a list of publishers nobody else gets further than the
//! headers of a call (health aside), and that a stop ends every stream between two events, told so.
//!
//! The only place that builds a `tonic::Status`.

mod body;
mod calls;
mod convert;
mod publisher;
mod reflection;
mod serving;

use std::io;
use std::net::TcpListener as StdTcpListener;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::sleep;
use tonic::service::Routes;
use tonic::service::interceptor::InterceptedService;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::ingest::Ingest;
use crate::metrics::{Limit, Metrics};
use crate::net::accept::{ACCEPTS_PER_SECOND, Acceptor};
use crate::net::admission::ConnectionLimits;
use crate::net::entry::Entry;
use crate::net::receiving::Receiving;
use crate::net::stopped;
use crate::proto::rialto::v1::publisher_service_server::{PublisherServiceServer, SERVICE_NAME};

use convert::too_large;
use publisher::Publisher;
use reflection::Reflection;
use serving::Port;

/// The limits of the gRPC port.
#[derive(Clone, Debug)]
pub struct Config {
    /// Bytes of one request message. Default 4 MiB.
    pub max_request_bytes: usize,
    /// Memory of requests while they come, over all calls, in bytes. Default 128 MiB.
    pub max_receiving_bytes: usize,
    /// How long the rest of a message is waited for that has begun. Default 30 s.
    pub message_timeout: Duration,
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
    /// How long a connection may have no call open. Default 5 min.
    pub idle_timeout: Duration,
    /// How long a connection may live. Default 24 h, as long as a token is believed at most.
    pub max_age: Option<Duration>,
    /// Connections accepted per second; what is beyond waits. Default 1,000.
    pub accepts_per_second: u32,
    /// What running calls get when the server stops, or their connection is told to go. Default 10 s.
    pub drain_timeout: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            max_request_bytes: 4 << 20,
            max_receiving_bytes: 128 << 20,
            message_timeout: Duration::from_secs(30),
            max_unacked_events: 1_000,
            max_streams: 100,
            max_header_list_bytes: 16 << 10,
            stream_window_bytes: 128 << 10,
            connection_window_bytes: 16 << 20,
            preface_timeout: Duration::from_secs(10),
            keepalive_interval: Duration::from_secs(30),
            keepalive_timeout: Duration::from_secs(20),
            idle_timeout: Duration::from_secs(300),
            max_age: Some(Duration::from_secs(24 * 3_600)),
            accepts_per_second: ACCEPTS_PER_SECOND,
            drain_timeout: Duration::from_secs(10),
        }
    }
}

/// What is said of a publish request that is too large.
const FEWER_EVENTS: &str = "send fewer events in one request";

/// The gRPC services on a port.
pub struct Server {
    listener: StdTcpListener,
    ingest: Arc<Ingest>,
    config: Config,
    limits: Arc<ConnectionLimits>,
    entry: Entry,
}

impl Server {
    /// Will serve publishers on a listener that is non-blocking, as [`crate::net::listen()`] makes them.
    pub fn new(listener: StdTcpListener, ingest: Arc<Ingest>) -> Self {
        let limits = ConnectionLimits::new(usize::MAX, u32::MAX);
        Server { listener, ingest, config: Config::default(), limits, entry: Entry::default() }
    }

    /// With other limits than the defaults.
    #[must_use]
    pub fn with_config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Counts connections, and closes those beyond the limits.
    #[must_use]
    pub fn with_limits(mut self, limits: Arc<ConnectionLimits>) -> Self {
        self.limits = limits;
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
        let Server { listener, ingest, config, limits, entry } = self;
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
        let routes = Routes::new(health)
            .add_service(InterceptedService::new(publisher, admit.clone()))
            .add_service(InterceptedService::new(reflection.v1(), admit.clone()))
            .add_service(InterceptedService::new(reflection.v1alpha(), admit))
            .prepare();
        let drain_timeout = config.drain_timeout;
        let receiving = Receiving::new(config.max_receiving_bytes);
        let port = Port { entry, limits, config, routes, receiving, metrics };
        tokio::select! {
            () = port.serve(acceptor, not_serving(reporter, stop.clone())) => {}
            () = drained(stop, drain_timeout) => {}
        }
        Ok(())
    }
}

/// The answer to a call whose request tonic has refused before we saw it.
fn refused_unread<B>(mut response: http::Response<B>, metrics: &Metrics) -> http::Response<B> {
    let refused =
        tonic::Status::from_header_map(response.headers()).and_then(|status| too_large(&status, FEWER_EVENTS));
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

#[cfg(test)]
mod tests;
