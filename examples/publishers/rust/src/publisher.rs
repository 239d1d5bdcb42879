//! Publishes events in order and at least once, however often the bridge goes away meanwhile.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;
use tonic::transport::Endpoint;

use crate::proto::google::rpc::Status;
use crate::proto::rialto::v1::publisher_service_client::PublisherServiceClient;
use crate::proto::rialto::v1::{Accepted, Event, PublishStreamRequest, ack};

/// Events that may be without an ack; then `publish` waits.
const WINDOW: usize = 256;
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
const LONGEST_BACKOFF: Duration = Duration::from_secs(5);

/// One stream to the bridge, opened again whenever it breaks.
pub struct Publisher {
    queue: mpsc::Sender<Pending>,
    task: JoinHandle<Result<Traffic, tonic::Status>>,
}

/// What became of an event: where it is, or why it was refused.
pub type Outcome = Result<Accepted, Status>;

/// What it took.
#[derive(Debug, Default)]
pub struct Traffic {
    pub connections: u32,
    pub sent_again: u64,
}

struct Pending {
    event: Event,
    outcome: oneshot::Sender<Outcome>,
}

impl Publisher {
    /// Publishes to the bridge at `address`, `http://127.0.0.1:50051`. Connects in the background.
    pub fn new(address: String) -> Result<Self, tonic::transport::Error> {
        let endpoint = Endpoint::from_shared(address)?
            .connect_timeout(Duration::from_secs(5))
            .http2_keep_alive_interval(Duration::from_secs(30));
        let (queue, pending) = mpsc::channel(1);
        Ok(Publisher { queue, task: tokio::spawn(run(endpoint, pending)) })
    }

    /// Publishes one event; gives what will tell its outcome. Waits while the window is full. The event gets an
    /// idempotency key unless it has one: whatever is sent again with it is the same event.
    pub async fn publish(&self, mut event: Event) -> oneshot::Receiver<Outcome> {
        if event.idempotency_key.is_empty() {
            event.idempotency_key = uuid::Uuid::new_v4().to_string();
        }
        let (outcome, receiver) = oneshot::channel();
        // Where the task has given up, the receiver tells.
        let _ = self.queue.send(Pending { event, outcome }).await;
        receiver
    }

    /// Waits until every event has its ack.
    pub async fn close(self) -> Result<Traffic, tonic::Status> {
        drop(self.queue);
        self.task.await.expect("the task does not panic")
    }
}

async fn run(endpoint: Endpoint, mut queue: mpsc::Receiver<Pending>) -> Result<Traffic, tonic::Status> {
    let mut unacked = VecDeque::new();
    let mut traffic = Traffic::default();
    let mut backoff = FIRST_BACKOFF;
    loop {
        let before = traffic.connections;
        match stream(&endpoint, &mut queue, &mut unacked, &mut traffic).await {
            Ok(()) => return Ok(traffic),
            Err(status) if is_temporary(status.code()) => {
                eprintln!("{}: trying again", status.message());
                backoff = if traffic.connections > before { FIRST_BACKOFF } else { LONGEST_BACKOFF.min(backoff * 2) };
                sleep(backoff.mul_f64(rand::random_range(0.5..1.0))).await;
            }
            Err(status) => return Err(status),
        }
    }
}

/// One stream: what has no ack yet goes first, in order, then what comes. Ends well when nothing more comes and every
/// event has its ack.
async fn stream(
    endpoint: &Endpoint,
    queue: &mut mpsc::Receiver<Pending>,
    unacked: &mut VecDeque<Pending>,
    traffic: &mut Traffic,
) -> Result<(), tonic::Status> {
    let unavailable = |error: tonic::transport::Error| tonic::Status::unavailable(error.to_string());
    let mut client = PublisherServiceClient::new(endpoint.connect().await.map_err(unavailable)?);
    let (requests, outgoing) = mpsc::channel(WINDOW);
    let mut requests = Some(requests);
    let send = |pending: &Pending| PublishStreamRequest { events: vec![pending.event.clone()] };
    for pending in unacked.iter() {
        requests.as_ref().expect("open").try_send(send(pending)).expect("the channel has room for the window");
        traffic.sent_again += 1;
    }
    let mut responses = client.publish_stream(ReceiverStream::new(outgoing)).await?.into_inner();
    traffic.connections += 1;
    while requests.is_some() || !unacked.is_empty() {
        tokio::select! {
            pending = queue.recv(), if requests.is_some() && unacked.len() < WINDOW => match pending {
                Some(pending) => {
                    if let Some(requests) = &requests {
                        // Where the stream has ended, the acks say why.
                        let _ = requests.send(send(&pending)).await;
                    }
                    unacked.push_back(pending);
                }
                None => requests = None,
            },
            response = responses.message() => {
                let ended = || tonic::Status::unavailable("the bridge ended the stream");
                for ack in response?.ok_or_else(ended)?.acks {
                    let outcome = match ack.result {
                        Some(ack::Result::Accepted(accepted)) => Ok(accepted),
                        // The event and all behind it are sent again. Those of them that the bridge has taken meanwhile stay where they
                        // are, before it: only a window of one event keeps the order around a refusal.
                        Some(ack::Result::Error(status)) if is_temporary(status.code.into()) => {
                            return Err(tonic::Status::new(status.code.into(), status.message));
                        }
                        Some(ack::Result::Error(status)) => Err(status),
                        None => return Err(tonic::Status::internal("an ack says nothing")),
                    };
                    let pending = unacked.pop_front().ok_or_else(|| tonic::Status::internal("an ack too many"))?;
                    // Nobody need wait for it.
                    let _ = pending.outcome.send(outcome);
                }
            }
        }
    }
    Ok(())
}

/// Whether it may succeed later.
fn is_temporary(code: Code) -> bool {
    matches!(
        code,
        Code::Unavailable | Code::ResourceExhausted | Code::Aborted | Code::Internal | Code::Unknown | Code::Cancelled
    )
}
