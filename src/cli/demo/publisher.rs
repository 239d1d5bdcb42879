//! The demo's publisher: a gRPC client over TCP, as a service of yours would be.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_stream::wrappers::ReceiverStream;

use super::story::Story;
use crate::cli::publish::connect;
use crate::cli::screen::{Screen, harmless};
use crate::cli::tls::{Bridge, Shown, Trust};
use crate::proto::rialto::v1::publisher_service_client::PublisherServiceClient;
use crate::proto::rialto::v1::{PublishStreamRequest, ack::Result as Acked};

/// The pace of the story: lively, and slow enough to read.
const BEAT: Duration = Duration::from_millis(150);
/// Before a broken stream is opened again.
const REOPEN: Duration = Duration::from_secs(1);
/// How long the bridge may say nothing.
const PATIENCE: Duration = Duration::from_secs(20);
/// Requests that may wait for the bridge.
const MAX_WAITING: usize = 16;

/// Tells the story until the process ends. Opens the stream again when it breaks.
pub(super) async fn run(grpc: SocketAddr, trust: &Trust, screen: &Screen) {
    let mut story = Story::new(rand::random());
    loop {
        if let Err(problem) = stream(grpc, trust, &mut story, screen).await {
            screen.warning(&format!("! the demo's publisher: {problem}"));
        }
        sleep(REOPEN).await;
    }
}

async fn stream(grpc: SocketAddr, trust: &Trust, story: &mut Story, screen: &Screen) -> Result<(), String> {
    let bridge = Bridge { address: &grpc.to_string(), trust, shown: &Shown::default() };
    let channel = connect(&bridge, PATIENCE).await.map_err(|failure| failure.to_string())?;
    let (requests, waiting) = mpsc::channel(MAX_WAITING);
    let mut client = PublisherServiceClient::new(channel);
    // The first request goes ahead of the call, as a server may answer only when it has seen one.
    let opening = requests.try_send(PublishStreamRequest { events: story.next() });
    opening.map_err(|_| "no room for the first event".to_owned())?;
    let response = client.publish_stream(ReceiverStream::new(waiting)).await.map_err(|status| told(&status))?;
    let mut acks = response.into_inner();
    let mut beat = interval(BEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = beat.tick() => {
                let events = story.next();
                // A full channel holds the story back: that is the bridge's back-pressure.
                if !events.is_empty() && requests.send(PublishStreamRequest { events }).await.is_err() {
                    return Err("the bridge ended the stream".to_owned());
                }
            }
            response = acks.message() => {
                let Some(response) = response.map_err(|status| told(&status))? else { return Ok(()) };
                for ack in response.acks {
                    if let Some(Acked::Error(refusal)) = ack.result {
                        screen.warning(&format!("! refused: {}", harmless(&refusal.message)));
                    }
                }
            }
        }
    }
}

fn told(status: &tonic::Status) -> String {
    harmless(status.message())
}
