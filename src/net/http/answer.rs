//! What the requests of one connection get: the port's routes, in the name of who sent them, or a refusal.

use std::sync::Arc;
use std::time::SystemTime;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::UPGRADE;
use axum::response::{IntoResponse as _, Response};
use hyper::body::Incoming;
use tokio::sync::OwnedSemaphorePermit;
use tower::Service as _;

use super::head;
use super::probe::Probe;
use super::refusing::{Refusing, refused, unauthenticated};
use crate::metrics::Metrics;
use crate::net::admission::{Called, Permit, Refusal};
use crate::net::entry::{Caller, Proxies, Since};
use crate::net::forwarded::Forwarding;
use crate::net::{ClientCertificate, Peer};

/// What the requests of one connection get.
pub(super) enum Answer {
    Serve(Router, Option<Permit>),
    Refuse(Refusal, OwnedSemaphorePermit, Option<Probe>),
}

impl Answer {
    /// What the requests of this caller get, whom a proxy may have named after the connection was admitted. `None`: they
    /// are refused without a word.
    pub(super) fn at(self, caller: Caller, since: Since, refusing: &Refusing, metrics: &Metrics) -> Option<Answer> {
        match (self, caller, since) {
            // Of what a trusted proxy hands on in HTTP, each request says whose it is.
            (Answer::Serve(router, Some(permit)), Caller::Client(client), Since::ProxyHeader) => {
                match permit.arrived(client) {
                    Ok(permit) => Some(Answer::Serve(router, Some(permit))),
                    Err(refusal) => refusing.answer(refusal, client, metrics),
                }
            }
            (answer, ..) => Some(answer),
        }
    }

    /// Answers a request. What a proxy hands on is a new connection of its client with the proxy's `first` request, and with
    /// every upgrade.
    pub(super) async fn to(&self, request: hyper::Request<Incoming>, from: &Sender, first: bool) -> Response {
        if let Err(refused) = head::check(&request) {
            return refused.into_response();
        }
        match self {
            Answer::Serve(router, permit) => {
                let mut request: Request = request.map(Body::new);
                let (mut peer, mut permit) = (from.caller.address(), permit.clone());
                if let Some(Forwarding { client, to }) = from.proxies.forwarding(from.caller, request.headers()) {
                    peer = client;
                    let is_new = first || request.headers().contains_key(UPGRADE);
                    let enter = |permit: Permit| if is_new { permit.arrived(client) } else { permit.at(client) };
                    permit = match permit.map(enter).transpose() {
                        Ok(permit) => permit,
                        Err(refusal) => {
                            from.metrics.limits.hit(from.called.limit(refusal), client.ip());
                            return refused(refusal).into_response();
                        }
                    };
                    request.extensions_mut().insert(to);
                }
                request.extensions_mut().insert(Peer(peer));
                if let Some(certificate) = &from.certificate {
                    if let Err(lapsed) = certificate.standing(SystemTime::now()) {
                        from.metrics.internal_refused.add(lapsed.reason());
                        return unauthenticated(lapsed).into_response();
                    }
                    request.extensions_mut().insert(certificate.clone());
                }
                if let Some(permit) = permit {
                    request.extensions_mut().insert(permit);
                }
                let Ok(response) = router.clone().call(request).await;
                response
            }
            Answer::Refuse(refusal, _slot, probe) => {
                let probed = match probe {
                    Some(probe) => probe.answer(request).await,
                    None => None,
                };
                probed.unwrap_or_else(|| refused(*refusal).into_response())
            }
        }
    }
}

/// Who sends the requests of one connection.
pub(super) struct Sender {
    pub(super) caller: Caller,
    pub(super) certificate: Option<ClientCertificate>,
    pub(super) proxies: Arc<Proxies>,
    pub(super) called: Called,
    pub(super) metrics: Arc<Metrics>,
}
