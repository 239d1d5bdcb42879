//! The internal port: health, readiness, metrics, `AdminService`, and publishing by plain HTTP.
//!
//! Runs on a thread and a runtime of its own ([`spawn`]), so that health answers while the rest is busy. Its publish
//! route takes events from curl, cron and webhooks and holds web pages off ([`Guard`]); it can be mounted elsewhere
//! ([`publish_routes`], [`health_routes`]).

mod answer;
mod body;
mod channels;
mod guard;
mod people;
mod posts;
mod publish;
mod scrape;
mod service;
mod token;
mod work;

use std::net::TcpListener;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::SystemTime;
use std::{io, result};

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use tokio::sync::watch;

use crate::hub::{Listing, Query};
use crate::ingest::Ingest;
use crate::metrics::Observed;
use crate::net::admission::{Called, ConnectionLimits};
use crate::net::entry::Entry;
use crate::net::http::{self, Server};
use crate::net::refused::Refused;
use crate::revision::Reload;
use crate::status::{Code, Status};

pub use channels::channel_routes;
pub use guard::Guard;
pub use people::{Doorkeeper, Later};
pub use publish::publish_routes;
pub use token::AdminToken;

use people::people_routes;
use scrape::scrape_routes;
use service::service_routes;

/// What a node is and does, as `GET /health` says it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// The process's name, made at start.
    pub node: String,
    /// The version of Rialto.
    pub version: String,
    /// The fingerprint of the schema that is served.
    pub fingerprint: String,
    /// Since the process started.
    pub uptime_seconds: u64,
    /// When that was.
    #[serde(skip)]
    pub started: SystemTime,
    /// Open connections of browsers.
    pub connections: u64,
    /// Their subscriptions.
    pub subscriptions: u64,
    /// Channels that have a log or a subscriber.
    pub channels: u64,
}

/// Who knows how the node is.
pub trait Gauges: Send + Sync {
    /// Its figures now. Called on every `GET /health`; must not wait for work in progress.
    fn health(&self) -> Health;
    /// Whether new connections should be sent here.
    fn ready(&self) -> bool;
    /// What is read for a scrape. Called on every `GET /metrics`; must not wait for work in progress.
    fn observe(&self) -> Observed;
    /// The channels that somebody asks for.
    fn list_channels(&self, query: &Query) -> Listing;
}

/// The internal port.
pub struct Admin {
    /// Non-blocking, as [`crate::net::listen()`] makes them.
    pub listener: TcpListener,
    /// Where published events go.
    pub ingest: Arc<Ingest>,
    /// Who knows how the node is.
    pub gauges: Arc<dyn Gauges>,
    /// Who can end connections.
    pub doorkeeper: Arc<dyn Doorkeeper>,
    /// Where reloads of the schema are asked for.
    pub reload: Reload,
    /// What comes before HTTP.
    pub entry: Entry,
    /// Who gets in; what is beyond gets 503 or 429.
    pub limits: Arc<ConnectionLimits>,
    /// Deadlines of HTTP.
    pub config: http::Config,
    /// Host names that requests may use beside IP addresses and `localhost`, without ports.
    pub allowed_hosts: Vec<String>,
    /// What everything but the probes asks for. `None`: nothing. Publishing asks for a publisher's token instead, where
    /// there is a list of publishers.
    pub token: Option<AdminToken>,
}

/// Serves the port on a thread of its own until `stop` is true.
///
/// # Errors
/// When the thread or its runtime cannot be made. What the thread returns says whether the listener could be used.
pub fn spawn(admin: Admin, stop: watch::Receiver<bool>) -> io::Result<JoinHandle<io::Result<()>>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let Admin { listener, ingest, gauges, doorkeeper, reload, entry, limits, config, allowed_hosts, token } = admin;
    let guard = Guard::internal(allowed_hosts);
    let metrics = Arc::clone(ingest.metrics());
    let publishing = publish_routes(Arc::clone(&ingest), guard.clone(), token.clone())?;
    let operating = service_routes(Arc::clone(&ingest), Arc::clone(&gauges), reload, guard.clone())
        .merge(people_routes(Arc::clone(&ingest), doorkeeper, guard.clone()))
        .merge(channel_routes(ingest, Arc::clone(&gauges), guard.clone()))
        .merge(scrape_routes(Arc::clone(&metrics), Arc::clone(&gauges), guard));
    let operating = match token {
        Some(token) => token.guarding(operating, Arc::clone(&metrics)),
        None => operating,
    };
    let router = publishing.merge(operating).merge(health_routes(gauges)).fallback(async || not_found());
    let server = Server::new(listener, router)
        .with_config(config)
        .with_metrics(metrics, Called::ADMIN)
        .with_probe("/health")
        .with_entry(entry)
        .with_limits(limits);
    thread::Builder::new().name("admin".into()).spawn(move || runtime.block_on(server.serve(stop)))
}

/// `GET /health` (how the node is, 200) and `GET /ready` (200 or 503).
pub fn health_routes(gauges: Arc<dyn Gauges>) -> Router {
    Router::new()
        .route("/health", get(health).fallback(async || method_not_allowed("GET, HEAD")))
        .route("/ready", get(ready).fallback(async || method_not_allowed("GET, HEAD")))
        .with_state(gauges)
}

/// The answer to a path that does not exist.
pub fn not_found() -> Response {
    let status = Status::new(Code::NotFound, "not_found", "there is nothing at this path");
    Refused::new(status).into_response()
}

fn method_not_allowed(allowed: &'static str) -> Response {
    let status = Status::new(Code::Unimplemented, "method_not_allowed", format!("this path takes {allowed}"));
    let refused = Refused::new(status).with_http_status(StatusCode::METHOD_NOT_ALLOWED);
    ([(header::ALLOW, allowed)], refused).into_response()
}

async fn health(State(gauges): State<Arc<dyn Gauges>>) -> impl IntoResponse {
    #[derive(Serialize)]
    struct Body {
        status: &'static str,
        #[serde(flatten)]
        health: Health,
    }
    ([(header::CACHE_CONTROL, "no-store")], Json(Body { status: "ok", health: gauges.health() }))
}

async fn ready(State(gauges): State<Arc<dyn Gauges>>) -> impl IntoResponse {
    let (status, word) =
        if gauges.ready() { (StatusCode::OK, "ready") } else { (StatusCode::SERVICE_UNAVAILABLE, "not ready") };
    (status, [(header::CACHE_CONTROL, "no-store")], Json(serde_json::json!({ "status": word })))
}

type Result<T> = result::Result<T, Refused>;

#[cfg(test)]
mod tests;
