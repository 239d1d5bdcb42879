//! Who publishes, for whom, and how fast.

use std::path::PathBuf;

use prost::Message as _;
use rialto::auth::publishers::TokenHash;
use rialto::config::Config;
use rialto::proto::google::rpc;
use rialto::proto::rialto::v1::publisher_service_client::PublisherServiceClient;
use rialto::proto::rialto::v1::{Ack, Event, PublishRequest, PublishStreamRequest, ack};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Request;
use tonic::transport::Channel;

use crate::harness::{Bridge, json_event, progress, within};
use crate::http::{Answer, call};

mod addressees;
mod admin;
mod certificates;
mod publishers;
mod rates;
mod tenants;

/// The token of a publisher that only the tests know.
pub(crate) const BILLING: &str = "rialto_k7Qw2Zx9Lm4Tn8Vb3Rc6Yh1Jp5Gd0Fs_billing";
pub(crate) const OTHER: &str = "rialto_k7Qw2Zx9Lm4Tn8Vb3Rc6Yh1Jp5Gd0Fs_other";

/// One publisher's table.
pub(crate) fn entry(name: &str, token: &str, more: &str) -> String {
    let hash = TokenHash::of(token.as_bytes());
    format!("[[publisher]]\nname = \"{name}\"\ntoken-sha256 = \"{hash}\"\n{more}\n")
}

/// What lets a publisher publish everything.
pub(crate) const EVERYTHING: &str = "types = [\"*\"]\nchannels = [\"*\"]";

/// A bridge with a list of publishers.
pub(crate) struct Listed {
    pub(crate) bridge: Bridge,
    _folder: TempDir,
    pub(crate) path: PathBuf,
}

impl Listed {
    pub(crate) async fn with(list: &str, change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("publishers.toml");
        std::fs::write(&path, list).expect("the folder is there");
        let listed = path.clone();
        let bridge = Bridge::with(|config| {
            config.peers.publishers = Some(listed);
            change(config);
        })
        .await;
        Listed { bridge, _folder: folder, path }
    }

    /// Another list in the file.
    pub(crate) fn write(&self, list: &str) {
        std::fs::write(&self.path, list).expect("the file is there");
    }

    /// Has the file read again until this gives something.
    pub(crate) async fn until<T>(&self, mut look: impl AsyncFnMut() -> Option<T>) -> T {
        let reading = async {
            loop {
                self.bridge.reread.ask();
                if let Some(found) = look().await {
                    return found;
                }
            }
        };
        within("the file is read again", reading).await
    }

    /// Publishes over HTTP with these headers.
    pub(crate) async fn post(&self, headers: &[(&str, &str)], body: &Value) -> Answer {
        post(&self.bridge, headers, body).await
    }
}

/// Publishes over HTTP with these headers.
pub(crate) async fn post(bridge: &Bridge, headers: &[(&str, &str)], body: &Value) -> Answer {
    let json = ("content-type", "application/json");
    let headers: Vec<_> = headers.iter().copied().chain([json]).collect();
    call(bridge.addresses.admin, "POST", "/v1/publish", &headers, &body.to_string()).await
}

/// A call that shows this token.
pub(crate) fn shown<T>(message: T, token: &str) -> Request<T> {
    let mut request = Request::new(message);
    let value = format!("Bearer {token}").parse().expect("a header value");
    request.metadata_mut().insert("authorization", value);
    request
}

/// Publishes one event with this token.
pub(crate) async fn publish_as(
    publisher: &mut PublisherServiceClient<Channel>,
    token: &str,
    event: Event,
) -> Result<(), tonic::Status> {
    let call = publisher.publish(shown(PublishRequest { event: Some(event) }, token));
    within("the answer", call).await.map(|_| ())
}

/// An open publish stream.
pub(crate) struct Stream {
    requests: mpsc::Sender<PublishStreamRequest>,
    acks: tonic::Streaming<rialto::proto::rialto::v1::PublishStreamResponse>,
    waiting: std::collections::VecDeque<Ack>,
}

impl Stream {
    pub(crate) async fn open(publisher: &mut PublisherServiceClient<Channel>, token: &str) -> Self {
        let (requests, ahead) = mpsc::channel(16);
        let call = publisher.publish_stream(shown(ReceiverStream::new(ahead), token));
        let acks = within("the stream opens", call).await.expect("a stream").into_inner();
        Stream { requests, acks, waiting: std::collections::VecDeque::new() }
    }

    pub(crate) async fn send(&self, events: Vec<Event>) {
        within("the request leaves", self.requests.send(PublishStreamRequest { events }))
            .await
            .expect("an open stream");
    }

    /// The next ack; an error is the stream's end.
    pub(crate) async fn ack(&mut self) -> Result<Result<(), Refused>, tonic::Status> {
        while self.waiting.is_empty() {
            match within("acks", self.acks.message()).await? {
                Some(response) => self.waiting.extend(response.acks),
                None => panic!("the stream ended without a word"),
            }
        }
        let ack = self.waiting.pop_front().expect("one is there");
        Ok(match ack.result.expect("either or") {
            ack::Result::Accepted(_) => Ok(()),
            ack::Result::Error(status) => Err(Refused::of(status)),
        })
    }

    /// Publishes these and gives what became of each: nothing, or the reason of its refusal.
    pub(crate) async fn reasons(&mut self, events: Vec<Event>) -> Vec<Option<String>> {
        let count = events.len();
        self.send(events).await;
        let mut reasons = Vec::new();
        for _ in 0..count {
            reasons.push(self.ack().await.expect("the stream lives").err().map(|refused| refused.reason));
        }
        reasons
    }
}

/// Why an event was refused.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) code: i32,
    pub(crate) message: String,
    pub(crate) reason: String,
    pub(crate) retry_ms: Option<i64>,
}

impl Refused {
    pub(crate) fn of(status: rpc::Status) -> Self {
        let mut refused = Refused { code: status.code, message: status.message, reason: String::new(), retry_ms: None };
        for detail in status.details {
            match detail.type_url.rsplit('/').next() {
                Some("google.rpc.ErrorInfo") => {
                    refused.reason = rpc::ErrorInfo::decode(detail.value).expect("ErrorInfo").reason;
                }
                Some("google.rpc.RetryInfo") => {
                    let delay = rpc::RetryInfo::decode(detail.value).expect("RetryInfo").retry_delay.expect("a delay");
                    refused.retry_ms = Some(delay.seconds * 1_000 + i64::from(delay.nanos) / 1_000_000);
                }
                _ => {}
            }
        }
        refused
    }

    /// The refusal that is a call's status.
    pub(crate) fn of_call(status: &tonic::Status) -> Self {
        Refused::of(rpc::Status::decode(status.details()).expect("a google.rpc.Status"))
    }
}

/// An event over HTTP.
pub(crate) fn heartbeat() -> Value {
    json!({"type": "system.heartbeat", "data": {"source": "cron"}})
}

/// An event that goes to `system`.
pub(crate) fn beat() -> Event {
    json_event("system.heartbeat", &json!({"source": "cron"}))
}

/// A `process.progress` for this tenant.
pub(crate) fn progress_for(tenant: &str, project: &str, message: &str) -> Event {
    Event { tenant: tenant.into(), ..progress(project, message) }
}
