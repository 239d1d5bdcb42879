//! The token of the internal port.
//!
//! Where there is one, whoever does not show it gets no further than the probes: [`AdminToken::guarding`]. Those are counted.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::middleware::{self, Next};
use axum::response::IntoResponse as _;

use super::Result;
use crate::auth::publishers::{TokenHash, bearer};
use crate::metrics::Metrics;
use crate::net::refused::Refused;
use crate::status::{Code, Status};

/// What operators show, as its hash.
#[derive(Clone, Debug)]
pub struct AdminToken(TokenHash);

impl AdminToken {
    /// This token.
    pub fn new(token: &[u8]) -> Self {
        AdminToken(TokenHash::of(token))
    }

    /// These routes for whoever shows the token.
    pub(super) fn guarding(self, routes: Router, metrics: Arc<Metrics>) -> Router {
        routes.layer(middleware::from_fn(move |request: Request, next: Next| {
            let (token, metrics) = (self.clone(), Arc::clone(&metrics));
            async move {
                let (head, body) = request.into_parts();
                match token.check(&head, &metrics) {
                    Ok(()) => next.run(Request::from_parts(head, body)).await,
                    Err(refused) => refused.into_response(),
                }
            }
        }))
    }

    /// Whether a request with this head shows the token.
    pub(super) fn check(&self, head: &Parts, metrics: &Metrics) -> Result<()> {
        let refused = |reason, message: String| {
            metrics.internal_refused.add(reason);
            Refused::new(Status::new(Code::Unauthenticated, reason, message)).with_challenge()
        };
        match bearer(&head.headers) {
            Ok(Some(token)) if TokenHash::of(token.as_bytes()) == self.0 => Ok(()),
            Ok(Some(_)) => Err(refused("unknown_token", "the token is not that of --admin-token-file".to_owned())),
            Ok(None) => {
                let message = "this port asks for a token: send Authorization: Bearer and that of --admin-token-file";
                Err(refused("missing_credentials", message.to_owned()))
            }
            Err(error) => Err(refused("invalid_authorization", error.to_string())),
        }
    }
}
