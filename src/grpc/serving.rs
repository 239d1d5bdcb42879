//! The life of a gRPC connection: in, its calls, and out.
//!
//! A [`Port`] serves HTTP/2 on what it accepts and knows of each connection how many calls are open. It promises that nobody
//! keeps a connection without calls for longer than `idle_timeout`, nor any for longer than `max_age`: the peer is told
//! (GOAWAY), open publish streams end behind the acks of what was read ([`Leaving`]), and what is left after
//! `drain_timeout` is cut. So it is with a client certificate that counts no more, but for the acks: whatever comes after its end is
//! refused, and the time is short. Health's calls hold no connection open, and neither does who is not let in: both are anybody's.

use std::convert::Infallible;
use std::error::Error as _;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Bytes, Incoming};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tonic::service::Routes;
use tower::Service as _;

use super::body::Metered;
use super::calls::Calls;
use super::{Config, refused_unread};
use crate::metrics::{Limit, Metrics};
use crate::net::accept::Acceptor;
use crate::net::admission::{Called, ConnectionLimits, Permit, Refusal};
use crate::net::entry::{Caller, Entry, Since};
use crate::net::linger::Lingering;
use crate::net::preface::PrefaceDeadline;
use crate::net::receiving::{Receiving, Told};
use crate::net::tls::lapse_of;
use crate::net::{ClientCertificate, Peer, age, stopped};

/// The smallest frame that a peer must be allowed (RFC 9113, section 6.5.2); larger ones bring a publisher nothing.
const MAX_FRAME_BYTES: u32 = 16 << 10;
/// What a connection's compressed headers may refer to (RFC 7541, section 4.2).
const HEADER_TABLE_BYTES: u32 = 4 << 10;
/// What one call's answer may have waiting: acks of a window, some times over.
const SEND_BUFFER_BYTES: usize = 400 << 10;
/// Calls that a peer has opened and reset before we have looked at them; more is rapid reset, and ends the connection.
const MAX_PENDING_RESETS: usize = 20;
/// Calls that we have reset for a peer's mistakes; more end the connection.
const MAX_ERROR_RESETS: usize = 1_024;
/// What the calls of a connection have to be told that its certificate counts no more.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// The services whose calls are nobody's work.
const HEALTH: &str = "/grpc.health.v1.Health/";
/// The header with a call's deadline.
const TIMEOUT: &str = "grpc-timeout";

/// Becomes true when the connection that a call came on is closing: in the extensions of every request.
#[derive(Clone, Debug)]
pub(super) struct Leaving(pub(super) watch::Receiver<bool>);

/// Serves the services on connections.
pub(super) struct Port {
    pub(super) entry: Entry,
    pub(super) limits: Arc<ConnectionLimits>,
    pub(super) config: Config,
    pub(super) routes: Routes,
    pub(super) receiving: Arc<Receiving>,
    pub(super) metrics: Arc<Metrics>,
}

impl Port {
    /// Accepts until `closing` is over, then closes the port and waits for everybody who is connected. Dropped, it cuts them.
    pub(super) async fn serve(self, mut acceptor: Acceptor, closing: impl Future<Output = ()>) {
        let http2 = self.http2();
        let port = Arc::new(self);
        let (leave, leaving) = watch::channel(false);
        let mut connections = JoinSet::new();
        let mut closing = pin!(closing);
        loop {
            let (stream, peer) = tokio::select! {
                accepted = acceptor.accept() => accepted,
                Some(_) = connections.join_next() => continue,
                () = &mut closing => break,
            };
            let Some(permit) = port.admit(peer) else {
                acceptor.turned_away();
                continue;
            };
            connections.spawn(Arc::clone(&port).run(http2.clone(), stream, peer, permit, leaving.clone()));
        }
        drop(acceptor);
        leave.send_replace(true);
        while connections.join_next().await.is_some() {}
    }

    fn http2(&self) -> http2::Builder<TokioExecutor> {
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .max_concurrent_streams(self.config.max_streams)
            .max_header_list_size(self.config.max_header_list_bytes)
            .header_table_size(HEADER_TABLE_BYTES)
            .max_frame_size(MAX_FRAME_BYTES)
            .max_send_buf_size(SEND_BUFFER_BYTES)
            .max_pending_accept_reset_streams(MAX_PENDING_RESETS)
            .max_local_error_reset_streams(MAX_ERROR_RESETS)
            .initial_stream_window_size(self.config.stream_window_bytes)
            .initial_connection_window_size(self.config.connection_window_bytes)
            .keep_alive_interval(self.config.keepalive_interval)
            .keep_alive_timeout(self.config.keepalive_timeout);
        http2
    }

    /// Whether there is room for this peer, as far as that is known. Closing says it all: gRPC clients back off and come back.
    fn admit(&self, peer: SocketAddr) -> Option<Permit> {
        if self.entry.turns_away(peer) {
            self.metrics.proxy_failed.increment();
            return None;
        }
        let admitted = self.limits.accepted(peer, &self.entry.proxies);
        admitted.map_err(|refusal| self.refuse(refusal, peer)).ok()
    }

    fn refuse(&self, refusal: Refusal, peer: SocketAddr) {
        self.metrics.limits.hit(Called::GRPC.limit(refusal), peer.ip());
        tracing::debug!(%peer, %refusal, "gRPC connection refused");
    }

    async fn run(
        self: Arc<Self>,
        http2: http2::Builder<TokioExecutor>,
        stream: TcpStream,
        peer: SocketAddr,
        permit: Permit,
        mut leaving: watch::Receiver<bool>,
    ) {
        let (opened, within) = (Instant::now(), self.config.preface_timeout);
        let admit = |caller: Caller, known| match (caller, known) {
            (_, Since::Accepted) => Some(permit),
            (caller, Since::ProxyHeader) => {
                let address = caller.address();
                permit.arrived(address).map_err(|refusal| self.refuse(refusal, address)).ok()
            }
        };
        let entered = tokio::select! {
            entered = self.entry.pass(stream, peer, within, &self.metrics, admit) => entered,
            () = stopped(&mut leaving) => return,
        };
        let Some((entered, permit)) = entered else { return };
        let (leave, told) = watch::channel(false);
        let (certificate, mut grace) = (entered.certificate.clone(), self.config.drain_timeout);
        let calls = Arc::new(Calls::default());
        let ending = Arc::new(Told::default());
        let sender = Sender {
            peer: Peer(entered.caller.address()),
            certificate: certificate.clone(),
            leaving: Leaving(told),
            told: Arc::clone(&ending),
        };
        let stream = PrefaceDeadline::new(entered, within.saturating_sub(opened.elapsed()))
            .with_permit(permit)
            .with_metrics(Arc::clone(&self.metrics));
        let service = service_fn({
            let (port, calls) = (Arc::clone(&self), Arc::clone(&calls));
            move |request| Arc::clone(&port).call(sender.clone(), Arc::clone(&calls), request)
        });
        let mut connection = pin!(http2.serve_connection(TokioIo::new(Lingering::new(stream)), service));
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    if is_flood(&error) {
                        self.metrics.limits.hit(Limit::Http2Floods, peer.ip());
                    }
                    tracing::debug!(%peer, %error, "gRPC connection ended");
                }
                return;
            }
            () = stopped(&mut leaving) => {}
            () = age::over(opened, self.config.max_age) => self.metrics.limits.count(Limit::MaxGrpcConnectionAge),
            () = ending.stuck() => {
                // Nothing that is said on it is read, so there is nothing to say.
                tracing::debug!(%peer, "gRPC connection cut: a call that had to end could not be told");
                return self.metrics.limits.hit(Limit::MaxReceivingBytes, peer.ip());
            }
            () = calls.idle(self.config.idle_timeout) => self.metrics.limits.count(Limit::GrpcIdleTimeout),
            lapsed = lapse_of(certificate.as_ref()) => {
                grace = grace.min(LAST_WORDS);
                tracing::info!(%peer, %lapsed, "gRPC connection is told to go");
            }
        }
        leave.send_replace(true);
        connection.as_mut().graceful_shutdown();
        // Too late is as good as done: dropping the connection closes it.
        if timeout(grace, connection).await.is_err() {
            self.metrics.limits.hit(Limit::GrpcCloseTimeout, peer.ip());
            tracing::debug!(%peer, "gRPC connection cut: calls were open after it was told to go");
        }
    }

    /// Answers one call.
    async fn call(
        self: Arc<Self>,
        sender: Sender,
        calls: Arc<Calls>,
        request: Request<Incoming>,
    ) -> Result<Response<impl Body<Data = Bytes, Error = tonic::Status>>, Infallible> {
        let is_health = request.uri().path().starts_with(HEALTH);
        let Peer(peer) = sender.peer;
        // Kept until the call is answered, also where its body has been read by then.
        let share = self.receiving.share(peer.ip(), &sender.told);
        let mut request = request.map(|body| {
            let (share, metrics) = (Arc::clone(&share), Arc::clone(&self.metrics));
            Metered::new(body, share, self.config.message_timeout, peer, metrics)
        });
        let extensions = request.extensions_mut();
        extensions.insert(sender.peer);
        extensions.insert(sender.leaving);
        if let Some(certificate) = sender.certificate {
            extensions.insert(certificate);
        }
        let deadline = deadline(request.headers());
        let answered = self.routes.clone().call(request);
        let Ok(response) = match deadline {
            None => answered.await,
            Some(deadline) => match timeout(deadline, answered).await {
                Ok(answered) => answered,
                Err(_) => Ok(tonic::Status::deadline_exceeded("the call's deadline is over").into_http()),
            },
        };
        drop(share);
        let response = refused_unread(response, &self.metrics);
        let status = tonic::Status::from_header_map(response.headers());
        let is_stranger = status.is_some_and(|status| status.code() == tonic::Code::Unauthenticated);
        // Counted from here on, when it is known whose it is, for as long as its answer lives.
        let call = (!is_health && !is_stranger).then(|| calls.begin());
        Ok(response.map(move |body| {
            body.map_frame(move |frame| {
                let _open = &call;
                frame
            })
        }))
    }
}

/// Who sends the calls of one connection.
#[derive(Clone)]
struct Sender {
    peer: Peer,
    certificate: Option<ClientCertificate>,
    leaving: Leaving,
    told: Arc<Told>,
}

/// Whether a connection was ended for what its peer did with HTTP/2's own frames, as rapid resets.
fn is_flood(error: &hyper::Error) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<h2::Error>());
    cause.is_some_and(|cause| cause.reason() == Some(h2::Reason::ENHANCE_YOUR_CALM))
}

/// How long a call may take, by its own word: at most eight digits and a unit (gRPC over HTTP/2, `Timeout`). What is none
/// is nobody's deadline.
fn deadline(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(TIMEOUT)?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if !(1..=8).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(count * 3_600),
        "M" => Duration::from_secs(count * 60),
        "S" => Duration::from_secs(count),
        "m" => Duration::from_millis(count),
        "u" => Duration::from_micros(count),
        "n" => Duration::from_nanos(count),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_has_at_most_eight_digits_and_a_unit() {
        let of = |text: &str| deadline(&HeaderMap::from_iter([(TIMEOUT.parse().unwrap(), text.parse().unwrap())]));
        for (text, expected) in [
            ("3H", Some(Duration::from_secs(10_800))),
            ("99999999H", Some(Duration::from_secs(99_999_999 * 3_600))),
            ("2M", Some(Duration::from_secs(120))),
            ("42S", Some(Duration::from_secs(42))),
            ("13m", Some(Duration::from_millis(13))),
            ("2u", Some(Duration::from_micros(2))),
            ("82n", Some(Duration::from_nanos(82))),
            ("123456789n", None),
            ("+1S", None),
            ("S", None),
            ("", None),
            ("10", None),
            ("1s", None),
        ] {
            assert_eq!(of(text), expected, "{text}");
        }
        assert_eq!(deadline(&HeaderMap::new()), None);
    }
}
