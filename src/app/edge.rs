//! What stands before each port's protocol, and its certificates when they change.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::IntoResponse as _;
use tower::ServiceExt as _;

use crate::admin::not_found;
use crate::config::{Config, Mistake, Port};
use crate::net::entry::Entry;
use crate::net::http::Routes;
use crate::net::tls::{Tls, TlsMistake};

use super::files::{Files, Watched};

/// The entry of a port. Its files are read again when they change; connections that are open keep what they have.
pub(super) fn entry(config: &Config, port: Port, files: &mut Files) -> Result<Entry, Vec<Mistake>> {
    let proxies = match port {
        Port::Listen => Arc::new(config.proxy.proxies.clone()),
        Port::Grpc | Port::Admin => Arc::default(),
    };
    let Some(own) = config.tls.files(port) else { return Ok(Entry { tls: None, proxies }) };
    let watched = Watched::new(format!("the TLS of {}", port.flag()), own.paths());
    let told = |wrong: Vec<TlsMistake>| {
        let mistakes = wrong.into_iter();
        mistakes.map(|TlsMistake { option, problem }| Mistake {
            key: option.to_owned(),
            problem,
            example: String::new(),
        })
    };
    let tls = Tls::new(&own, port.protocol()).map_err(|wrong| told(wrong).collect::<Vec<_>>())?;
    let renewed = tls.clone();
    files.watch(watched, move || {
        let wrong = renewed.replace(&own, port.protocol()).err();
        let wrong = wrong.map(|wrong| wrong.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "));
        wrong.map_or(Ok(()), Err)
    });
    Ok(Entry { tls: Some(tls), proxies })
}

/// These routes below a path, `/live`, which none of them sees. The path itself leads to what is at its root.
pub(super) fn below(base: &str, routes: Routes) -> Routes {
    if base.is_empty() {
        return routes;
    }
    let base: Arc<str> = base.into();
    Router::new().fallback(move |mut request: Request| {
        let (base, routes) = (Arc::clone(&base), routes.clone());
        async move {
            let Some(rest) = request.uri().path_and_query().and_then(|path| path.as_str().strip_prefix(&*base)) else {
                return not_found();
            };
            if rest.is_empty() || rest.starts_with('?') {
                let there = HeaderValue::from_str(&format!("{base}/{rest}"));
                let there = there.expect("a path of a request, and one of letters and digits, are header values");
                return (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, there)]).into_response();
            }
            let Some(rest) = rest.starts_with('/').then(|| rest.parse::<Uri>().ok()).flatten() else {
                return not_found();
            };
            *request.uri_mut() = rest;
            routes.oneshot(request).await.into_response()
        }
    })
}
