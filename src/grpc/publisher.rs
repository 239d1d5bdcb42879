//! `PublisherService`: one event a call, or a stream of them.
//!
//! A stream is pulled from its far end: the transport asks for the next acks when it has room to send them, and only
//! then are requests read. So a publisher that does not read its acks stops being read from, by HTTP/2's flow control,
//! and costs the two windows of its stream and the acks of one window of events; there is no queue. What has
//! already arrived is published together, however it was cut into requests.

use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use std::vec;

use futures_util::stream::{self, Stream};
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::sync::watch;
use tonic::{Request, Response, Streaming};

use super::FEWER_EVENTS;
use super::convert::{accepted, ack, tonic_status, too_large};
use super::serving::Leaving;
use crate::auth::publishers::{TokenHash, bearer};
use crate::ingest::{Ingest, PublishContext, Shown, body_bytes};
use crate::metrics::Limit;
use crate::net::{ClientCertificate, Peer, stopped};
use crate::proto::rialto::v1::publisher_service_server::PublisherService;
use crate::proto::rialto::v1::{Event, PublishRequest, PublishResponse, PublishStreamRequest, PublishStreamResponse};
use crate::status::{Code, Status};

/// Bytes of bodies after which a window takes no further event.
const WINDOW_BYTES: usize = 1 << 20;
/// Requests after which a window takes no further one: they may be empty.
const MAX_WINDOW_REQUESTS: usize = 1_000;
/// When a publisher that was sent away may come back.
const DRAINING_RETRY: Duration = Duration::from_secs(1);

/// The service.
pub(super) struct Publisher {
    ingest: Arc<Ingest>,
    stop: watch::Receiver<bool>,
    max_unacked_events: usize,
}

impl Publisher {
    /// Publishes to `ingest` until `stop` is true, with at most so many unacked events on one stream.
    pub(super) fn new(ingest: Arc<Ingest>, stop: watch::Receiver<bool>, max_unacked_events: usize) -> Self {
        Publisher { ingest, stop, max_unacked_events }
    }
}

fn context<T>(request: &Request<T>) -> PublishContext {
    let traceparent = request.metadata().get("traceparent").and_then(|text| text.to_str().ok());
    let peer = request.extensions().get::<Peer>().map(|Peer(address)| *address);
    PublishContext::default().with_shown(shown(request)).with_traceparent(traceparent).with_peer(peer)
}

/// What a call that was let on has shown.
pub(super) fn shown<T>(request: &Request<T>) -> Shown {
    request.extensions().get::<Shown>().cloned().unwrap_or_default()
}

/// Lets only publishers on, before anything of their call's messages is read, and notes what they have shown: who they are is
/// asked again for each batch of events.
pub(super) fn admit(ingest: &Ingest, mut request: Request<()>) -> Result<Request<()>, tonic::Status> {
    let certificate = request.extensions().get::<ClientCertificate>().cloned();
    let token = match ingest.asks_publishers() {
        true => bearer(request.metadata().as_ref()),
        false => Ok(None),
    };
    let token = token.map_err(|error| Status::new(Code::Unauthenticated, "invalid_authorization", error.to_string()));
    let admitted = token.and_then(|token| {
        let shown = Shown { token: token.map(|token| TokenHash::of(token.as_bytes())), certificate };
        ingest.admit(&shown).map(|()| shown)
    });
    let shown = admitted.map_err(|status| {
        ingest.metrics().publishing.acks.add_refused(&status);
        tonic_status(status)
    })?;
    request.extensions_mut().insert(shown);
    Ok(request)
}

#[tonic::async_trait]
impl PublisherService for Publisher {
    async fn publish(&self, request: Request<PublishRequest>) -> Result<Response<PublishResponse>, tonic::Status> {
        let context = context(&request);
        let event = request.into_inner().event.unwrap_or_default();
        let result = self.ingest.publish(vec![event], &context).await.pop();
        match result.expect("one result for one event") {
            Ok(event) => Ok(Response::new(PublishResponse { accepted: Some(accepted(event)) })),
            Err(status) => Err(tonic_status(status)),
        }
    }

    type PublishStreamStream = Pin<Box<dyn Stream<Item = Result<PublishStreamResponse, tonic::Status>> + Send>>;

    async fn publish_stream(
        &self,
        request: Request<Streaming<PublishStreamRequest>>,
    ) -> Result<Response<Self::PublishStreamStream>, tonic::Status> {
        self.ingest.metrics().publishing.streams.add(1);
        let publishing = Publishing {
            context: context(&request),
            leaving: request.extensions().get::<Leaving>().map(|Leaving(leaving)| leaving.clone()),
            requests: request.into_inner(),
            rest: Vec::new().into_iter(),
            state: State::Open,
            ingest: self.ingest.clone(),
            stop: self.stop.clone(),
            max_unacked_events: self.max_unacked_events.max(1),
        };
        Ok(Response::new(Box::pin(stream::unfold(publishing, Publishing::next))))
    }
}

/// One publish stream.
struct Publishing {
    requests: Streaming<PublishStreamRequest>,
    /// Events of the last request that did not fit into a window.
    rest: vec::IntoIter<Event>,
    state: State,
    context: PublishContext,
    ingest: Arc<Ingest>,
    stop: watch::Receiver<bool>,
    /// Of the connection.
    leaving: Option<watch::Receiver<bool>>,
    max_unacked_events: usize,
}

impl Drop for Publishing {
    fn drop(&mut self) {
        self.ingest.metrics().publishing.streams.add(-1);
    }
}

enum State {
    Open,
    /// No further request is read; what is left is acked, then this is said.
    Ending(Option<tonic::Status>),
}

impl Publishing {
    /// The acks of the next window; `None` at the end.
    async fn next(mut self) -> Option<(Result<PublishStreamResponse, tonic::Status>, Self)> {
        let window = self.window().await;
        if !window.is_empty() {
            let results = self.ingest.publish(window, &self.context).await;
            let lost = results
                .iter()
                .filter_map(|result| result.as_ref().err())
                .find(|status| status.code == Code::Unauthenticated);
            if let Some(status) = lost {
                // Taken out of the list meanwhile, or its certificate has ended: the acks say so for each event, and nothing more is read.
                self.rest = Vec::new().into_iter();
                self.state = State::Ending(Some(tonic_status(status.clone())));
            }
            let acks = results.into_iter().map(ack).collect();
            return Some((Ok(PublishStreamResponse { acks }), self));
        }
        match &mut self.state {
            State::Ending(status) => status.take().map(|status| (Err(status), self)),
            State::Open => None,
        }
    }

    /// Waits for the first event and takes what is there behind it. Empty: the stream ends.
    async fn window(&mut self) -> Vec<Event> {
        let mut window = Vec::new();
        let mut window_bytes = 0;
        let mut requests = 0;
        loop {
            for event in self.rest.by_ref() {
                window_bytes += body_bytes(&event);
                window.push(event);
                if window.len() == self.max_unacked_events {
                    if self.rest.len() > 0 {
                        self.ingest.metrics().limits.hit(Limit::MaxUnackedEvents, &self.context);
                    }
                    return window;
                }
                if window_bytes >= WINDOW_BYTES {
                    return window;
                }
            }
            if matches!(self.state, State::Ending(_)) {
                return window;
            }
            if requests == MAX_WINDOW_REQUESTS {
                if !window.is_empty() {
                    return window;
                }
                // A peer that sends empty requests must not keep the thread.
                tokio::task::yield_now().await;
                requests = 0;
            }
            requests += 1;
            let request = if window.is_empty() {
                tokio::select! {
                    biased;
                    () = stopped(&mut self.stop) => Some(Err(tonic_status(draining()))),
                    () = told_to_go(&mut self.leaving) => Some(Err(tonic_status(self.context.lapse().unwrap_or_else(closing)))),
                    request = self.requests.next() => request,
                    // Whoever says nothing is told by itself: its connection ends.
                    status = self.context.lapsed() => Some(Err(tonic_status(status))),
                }
            } else {
                match self.requests.next().now_or_never() {
                    Some(request) => request,
                    None => return window,
                }
            };
            match request {
                Some(Ok(request)) => self.rest = request.events.into_iter(),
                Some(Err(status)) => {
                    let too_large = too_large(&status, FEWER_EVENTS);
                    if too_large.is_some() {
                        self.ingest.metrics().limits.hit(Limit::MaxPublishRequestBytes, &self.context);
                    }
                    self.state = State::Ending(Some(too_large.unwrap_or(status)));
                }
                None => self.state = State::Ending(None),
            }
        }
    }
}

fn draining() -> Status {
    let message = "this node is shutting down; connect again and publish what has no ack";
    Status::new(Code::Unavailable, "draining", message).with_retry_after(DRAINING_RETRY)
}

fn closing() -> Status {
    let message = "this connection has reached its age and is closing; connect again and publish what has no ack";
    Status::new(Code::Unavailable, "connection_closing", message).with_retry_after(Duration::ZERO)
}

/// Waits until the connection is closing.
async fn told_to_go(leaving: &mut Option<watch::Receiver<bool>>) {
    match leaving {
        Some(leaving) => stopped(leaving).await,
        None => pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::publishers::tests::publisher;
    use crate::auth::publishers::{Directory, Publishers};
    use crate::ingest::fixture::shop;
    use crate::net::tls::fixture::{Authority, uri};

    #[test]
    fn a_verified_certificate_is_shown_beside_the_token_and_a_wrong_token_beside_it_counts() {
        let list =
            Publishers::new([publisher("mesh", &[], &["mesh.internal"]), publisher("both", &["t"], &["b.internal"])]);
        let fixture = shop();
        let (publishers, operators) = (Authority::new(), Authority::new());
        for name in ["mesh.internal", "b.internal", "else.internal"] {
            for authority in [&publishers, &operators] {
                authority.sign(name, |params| params.subject_alt_names.push(uri(name)));
            }
        }
        let (port, internal) = (publishers.authorities(), operators.authorities());
        let ingest = Arc::into_inner(fixture.ingest).unwrap().with_publishers(Arc::new(Directory::new(Some(list))));
        let ingest = ingest.with_authorities(Some(Arc::clone(&port)));
        let ask_with = |certificate: Option<ClientCertificate>, token: Option<&str>| {
            let mut request = Request::new(());
            if let Some(certificate) = certificate {
                request.extensions_mut().insert(certificate);
            }
            if let Some(token) = token {
                request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
            }
            admit(&ingest, request).map_err(|status| status.code())
        };
        let ask = |name: Option<&str>, token| ask_with(name.map(|name| publishers.shown(name, &port)), token);
        assert!(shown(&ask(Some("mesh.internal"), None).unwrap()).certificate.is_some());
        assert!(ask(Some("b.internal"), Some("t")).is_ok());
        for (name, token) in [
            (None, None),
            (Some("else.internal"), None),
            (Some("b.internal"), None),
            (None, Some("t")),
            (Some("mesh.internal"), Some("wrong")),
        ] {
            assert_eq!(ask(name, token).unwrap_err(), tonic::Code::Unauthenticated, "{name:?} {token:?}");
        }
        // The same names in a certificate that operators' authority has made, shown to a port of theirs.
        for (name, token) in [("mesh.internal", None), ("b.internal", Some("t"))] {
            let refused = ask_with(Some(operators.shown(name, &internal)), token).unwrap_err();
            assert_eq!(refused, tonic::Code::Unauthenticated, "{name}");
        }
        let both = publishers.shown("mesh.internal", &internal);
        assert!(ask_with(Some(both.clone()), None).is_err(), "the port it is shown to does not believe it");
        publishers.replaces(&internal);
        assert!(ask_with(Some(both), None).is_ok(), "but who is believed by both is a publisher there too");
    }
}
