//! Files that are part of the program, served as they are.

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::routing::get;

/// Everything comes from this port, and nothing frames it.
const POLICY: &str = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

/// A file that is part of the program.
#[derive(Debug)]
pub struct Page {
    /// Where it is served, `/style.css`.
    pub path: &'static str,
    /// Its media type.
    pub content_type: &'static str,
    /// Its text.
    pub body: &'static str,
}

/// The routes of these pages.
pub fn routes(pages: &'static [Page]) -> Router {
    pages.iter().fold(Router::new(), |routes, page| {
        let headers = [
            (CONTENT_TYPE, page.content_type),
            (CACHE_CONTROL, "no-cache"),
            (CONTENT_SECURITY_POLICY, POLICY),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ];
        routes.route(page.path, get(async move || (headers, page.body)))
    })
}
