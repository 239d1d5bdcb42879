//! HTTP/1.1 with a deadline on everything that a peer could drag out.
//!
//! [`Server`] accepts by itself and serves an axum router on hyper's http1 connection: a peer that sends nothing, half a
//! header block or nothing after its last answer is closed at the header deadline, and one that does not read its answer
//! is cut when the connection is too old. An upgraded connection leaves the server at the upgrade, with its deadlines;
//! its I/O is a `TokioIo<Stream>` without any wrapper, so that `hyper::upgrade::Upgraded::downcast` gives the socket back.
//!
//! Every request carries [`Peer`](super::Peer) and, where connections are limited, its connection's
//! [`Permit`](super::admission::Permit); who upgrades keeps a clone of the permit for as long as the connection lives.

mod answer;
mod config;
mod head;
mod probe;
mod refusing;

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener as StdTcpListener};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::{Instant, sleep, timeout};

use crate::metrics::{Limit, Metrics};

use super::accept::Acceptor;
use super::admission::{Called, ConnectionLimits};
use super::entry::{Entered, Entry};
use super::tls::lapse_of;
use super::{age, stopped};

use answer::{Answer, Sender};
pub use config::Config;
use probe::Probe;
use refusing::Refusing;

/// Connections that are being told that they are refused. What is beyond is closed without a word.
const MAX_REFUSING: usize = 64;

/// What a port answers.
pub type Routes = Router;

/// A router on a port.
pub struct Server {
    listener: StdTcpListener,
    router: Router,
    config: Config,
    limits: Option<Arc<ConnectionLimits>>,
    entry: Entry,
    metrics: Arc<Metrics>,
    called: Called,
    probe: Option<Arc<str>>,
}

impl Server {
    /// Will serve this router on a listener that is non-blocking, as [`super::listen()`] makes them.
    pub fn new(listener: StdTcpListener, router: Router) -> Self {
        Server {
            listener,
            router,
            config: Config::default(),
            limits: None,
            entry: Entry::default(),
            metrics: Arc::default(),
            called: Called::BROWSERS,
            probe: None,
        }
    }

    /// Counts in these metrics, where the port's limits are called so.
    #[must_use]
    pub fn with_metrics(mut self, metrics: Arc<Metrics>, called: Called) -> Self {
        (self.metrics, self.called) = (metrics, called);
        self
    }

    /// With other limits than the defaults.
    #[must_use]
    pub fn with_config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Counts connections, and refuses those beyond the limits with 503 or 429.
    #[must_use]
    pub fn with_limits(mut self, limits: Arc<ConnectionLimits>) -> Self {
        self.limits = Some(limits);
        self
    }

    /// Answers this path also to who is told a refusal: it is where somebody asks whether the process lives.
    #[must_use]
    pub fn with_probe(mut self, path: impl Into<Arc<str>>) -> Self {
        self.probe = Some(path.into());
        self
    }

    /// Takes every connection through this entry first.
    #[must_use]
    pub fn with_entry(mut self, entry: Entry) -> Self {
        self.entry = entry;
        self
    }

    /// Serves until `stop` is true; then closes the port, lets running requests finish within `drain_timeout`, and returns.
    /// Upgraded connections are not waited for: they have left.
    ///
    /// # Errors
    /// When the listener cannot be used on this runtime. Errors of single connections end those connections only.
    pub async fn serve(self, mut stop: watch::Receiver<bool>) -> io::Result<()> {
        let Server { listener, router, config, limits, entry, metrics, called, probe } = self;
        let probe = probe.map(|path| Probe::new(path, router.clone()));
        let mut acceptor = Acceptor::new(TcpListener::from_std(listener)?, config.accepts_per_second)
            .with_metrics(Arc::clone(&metrics));
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(config.header_timeout)
            .max_headers(config.max_headers)
            .max_buf_size(config.max_header_bytes);
        let refusing = Arc::new(Semaphore::new(MAX_REFUSING));
        // Every connection holds a sender; when the receiver ends, all are gone.
        let (alive, mut all_gone) = mpsc::channel::<Infallible>(1);
        loop {
            let (stream, peer) = tokio::select! {
                accepted = acceptor.accept() => accepted,
                () = stopped(&mut stop) => break,
            };
            if entry.turns_away(peer) {
                metrics.proxy_failed.increment();
                acceptor.turned_away();
                continue;
            }
            let admitted = limits.as_ref().map(|limits| limits.accepted(peer, &entry.proxies)).transpose();
            let refusing =
                Refusing { slots: Arc::clone(&refusing), in_tls: entry.tls.is_some(), called, probe: probe.clone() };
            let answer = match admitted {
                Ok(permit) => Answer::Serve(router.clone(), permit),
                Err(refusal) => {
                    let answer = refusing.answer(refusal, peer, &metrics);
                    // To tell it in TLS is as much work as to let it in.
                    if answer.is_none() || !refusing.in_tls {
                        acceptor.turned_away();
                    }
                    let Some(answer) = answer else { continue };
                    answer
                }
            };
            let (config, entry, metrics) = (config.clone(), entry.clone(), Arc::clone(&metrics));
            let connection =
                Connection { builder: builder.clone(), stream, peer, answer, config, entry, refusing, metrics };
            tokio::spawn(connection.run(stop.clone(), alive.clone()));
        }
        drop((acceptor, alive));
        all_gone.recv().await;
        Ok(())
    }
}

struct Connection {
    builder: http1::Builder,
    stream: TcpStream,
    peer: SocketAddr,
    answer: Answer,
    config: Config,
    entry: Entry,
    refusing: Refusing,
    metrics: Arc<Metrics>,
}

impl Connection {
    async fn run(self, mut stop: watch::Receiver<bool>, _alive: mpsc::Sender<Infallible>) {
        let Connection { builder, stream, peer, answer, config, entry, refusing, metrics } = self;
        // Browsers open connections ahead of need: one that stays silent is nobody's mistake. It is closed, counted, not told.
        let mut first_byte = [0];
        let begun = Instant::now();
        tokio::select! {
            first = timeout(config.header_timeout, stream.peek(&mut first_byte)) => if first.is_err() {
                tracing::debug!(%peer, "nothing came");
                return metrics.limits.count(Limit::HandshakeTimeout);
            },
            () = stopped(&mut stop) => return,
        }
        let left = config.header_timeout.saturating_sub(begun.elapsed());
        let admit = |caller, known| answer.at(caller, known, &refusing, &metrics);
        let entered = tokio::select! {
            entered = entry.pass(stream, peer, left, &metrics, admit) => entered,
            () = stopped(&mut stop) => return,
        };
        let Some((Entered { stream, caller, certificate }, answer)) = entered else { return };
        let peer = caller.address();
        let lapsing = certificate.clone();
        let (proxies, called) = (entry.proxies, refusing.called);
        let from = Sender { caller, certificate, proxies, called, metrics: Arc::clone(&metrics) };
        let answer = Arc::new((answer, from));
        let answered = Arc::new(AtomicBool::new(false));
        let service = service_fn({
            let answered = Arc::clone(&answered);
            move |request| {
                let first = !answered.swap(true, Ordering::Relaxed);
                let answer = answer.clone();
                async move { Ok::<_, Infallible>(answer.0.to(request, &answer.1, first).await) }
            }
        });
        // hyper gives every headers the whole time, and the first ones have what is left of it.
        let left = config.header_timeout.saturating_sub(begun.elapsed());
        let late = async {
            sleep(left).await;
            if answered.load(Ordering::Relaxed) {
                std::future::pending::<()>().await;
            }
        };
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service).with_upgrades());
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%peer, %error, "connection ended");
                    let limit = [
                        (error.is_timeout(), Limit::HandshakeTimeout),
                        (error.is_parse_too_large(), Limit::MaxRequestHeaderBytes),
                    ];
                    match limit.into_iter().find(|(is_hit, _)| *is_hit) {
                        // It has had an answer and asks for no more: hyper's word for a connection that is kept alive in vain.
                        Some((_, limit)) if error.is_timeout() && answered.load(Ordering::Relaxed) => {
                            metrics.limits.count(limit);
                        }
                        Some((_, limit)) => metrics.limits.hit(limit, peer.ip()),
                        None => {}
                    }
                }
                return;
            }
            () = stopped(&mut stop) => {}
            () = late => return metrics.limits.hit(Limit::HandshakeTimeout, peer.ip()),
            () = age::over(Instant::now(), Some(config.max_age)) => metrics.limits.count(Limit::HttpConnectionAge),
            _ = lapse_of(lapsing.as_ref()) => {}
        }
        connection.as_mut().graceful_shutdown();
        // Too late is as good as done: dropping the connection closes it.
        if timeout(config.drain_timeout, connection).await.is_err() {
            metrics.limits.hit(Limit::HttpCloseTimeout, peer.ip());
        }
    }
}

#[cfg(test)]
mod tests;
