//! The path that is answered whether there is room or not.
//!
//! Who asks whether a bridge lives must not take a full one for a dead one: it would be started anew, and everybody on it cut.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use hyper::body::Incoming;
use tower::Service;

/// A path and who answers it.
#[derive(Clone)]
pub(super) struct Probe {
    path: Arc<str>,
    routes: Router,
}

impl Probe {
    /// This path of these routes.
    pub(super) fn new(path: Arc<str>, routes: Router) -> Self {
        Probe { path, routes }
    }

    /// The answer, after which the connection is closed. `None`: the request is for another path.
    pub(super) async fn answer(&self, request: hyper::Request<Incoming>) -> Option<Response> {
        if request.uri().path() != &*self.path {
            return None;
        }
        let request: Request = request.map(Body::new);
        let Ok(mut response) = self.routes.clone().call(request).await;
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        Some(response)
    }
}
