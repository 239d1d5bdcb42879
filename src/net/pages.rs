//! Files that are part of the program, served as they are, and small documents made on request.

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::routing::get;

/// Everything comes from this port, and nothing frames it.
const POLICY: &str = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

/// A file of a page.
#[derive(Clone, Debug)]
pub struct Page {
    /// Where it is served, `/style.css`.
    pub path: &'static str,
    /// Its media type.
    pub content_type: &'static str,
    /// Its text.
    pub body: Body,
}

/// What a page's file says.
#[derive(Clone)]
pub enum Body {
    /// Always the same.
    Fixed(&'static str),
    /// Made anew for each request. Must be quick: it runs on the port's own thread.
    Made(Arc<dyn Fn() -> String + Send + Sync>),
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Body::Fixed(text) => f.debug_tuple("Fixed").field(&text.len()).finish(),
            Body::Made(_) => f.write_str("Made"),
        }
    }
}

impl Body {
    fn text(&self) -> axum::body::Body {
        match self {
            Body::Fixed(text) => (*text).into(),
            Body::Made(make) => make().into(),
        }
    }
}

/// The routes of these pages. Their scripts may connect to this port, and to the WebSocket port `also` where there is one,
/// by its scheme.
pub fn routes(pages: Vec<Page>, also: Option<(&'static str, u16)>) -> Router {
    let policy = match also {
        None => POLICY.to_owned(),
        Some((scheme, port)) => format!("{POLICY}; connect-src 'self' {scheme}://*:{port}"),
    };
    let policy = HeaderValue::from_str(&policy).expect("a policy of words and a number is a header value");
    pages.into_iter().fold(Router::new(), |routes, page| {
        let headers = [
            (CONTENT_TYPE, HeaderValue::from_static(page.content_type)),
            (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
            (CONTENT_SECURITY_POLICY, policy.clone()),
            (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        ];
        let body = page.body;
        routes.route(page.path, get(async move || (headers, body.text())))
    })
}
