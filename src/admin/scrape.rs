//! `GET /metrics`: what the bridge counts, for Prometheus.
//!
//! The older text format unless the request accepts OpenMetrics, as Prometheus does. The same guard as everywhere on this
//! port: no page of another site can read it.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::{Gauges, Guard, Result, method_not_allowed};
use crate::metrics::Metrics;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

#[derive(Clone)]
struct Scrape {
    metrics: Arc<Metrics>,
    gauges: Arc<dyn Gauges>,
    guard: Guard,
}

/// The route, for whom the guard lets through.
pub(super) fn scrape_routes(metrics: Arc<Metrics>, gauges: Arc<dyn Gauges>, guard: Guard) -> Router {
    Router::new().route("/metrics", get(scrape).fallback(async || method_not_allowed("GET, HEAD"))).with_state(Scrape {
        metrics,
        gauges,
        guard,
    })
}

async fn scrape(State(scrape): State<Scrape>, request: Request) -> Result<Response> {
    let (head, _) = request.into_parts();
    scrape.guard.check_reader(&head)?;
    let observed = scrape.gauges.observe();
    let (content_type, text) = match accepts_open_metrics(&head.headers) {
        true => (OPEN_METRICS, scrape.metrics.open_metrics(observed)),
        false => (PROMETHEUS, scrape.metrics.prometheus(observed)),
    };
    Ok(([(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, "no-store")], text).into_response())
}

fn accepts_open_metrics(headers: &HeaderMap) -> bool {
    let ranges = headers.get_all(header::ACCEPT).iter().filter_map(|accept| accept.to_str().ok());
    ranges.flat_map(|accept| accept.split(',')).any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let is_named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("application/openmetrics-text"));
        // Of the versions only 1.0.0 is written here.
        is_named && parts.all(|part| !matches!(part.split_once('='), Some(("version", version)) if version != "1.0.0"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_metrics_is_for_those_who_ask_for_its_first_version() {
        for (accept, expected) in [
            (None, false),
            (Some("*/*"), false),
            (Some("text/plain;version=0.0.4"), false),
            (Some("application/openmetrics-text"), true),
            (Some("application/openmetrics-text; version=1.0.0; charset=utf-8;q=0.5"), true),
            (Some("application/openmetrics-text;version=0.0.1"), false),
            (Some("application/openmetrics-text;version=0.0.1,Application/OpenMetrics-Text;version=1.0.0,*/*"), true),
        ] {
            let mut headers = HeaderMap::new();
            headers.extend(accept.map(|accept| (header::ACCEPT, accept.parse().unwrap())));
            assert_eq!(accepts_open_metrics(&headers), expected, "{accept:?}");
        }
    }
}
