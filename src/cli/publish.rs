//! `rialto publish`: a gRPC client for a person or a script.

mod reach;
mod refusal;

use std::collections::HashMap;
use std::io::BufRead as _;
use std::time::Duration;

use clap::Args;
use serde_json::json;
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::MetadataValue;
use tonic::transport::Channel;

use super::bearer::bearer;
use super::failure::Failure;
use super::screen::{Colour, Screen, harmless};
use super::tls::{Bridge, Shown, Trust};
use crate::config;
use crate::proto::rialto::v1::publisher_service_client::PublisherServiceClient;
use crate::proto::rialto::v1::{
    Accepted, Event, JsonPayload, PublishRequest, PublishStreamRequest, ack::Result as Acked, event::Body,
};

pub(crate) use reach::connect;

/// Events that are sent before the first ack is waited for.
const MAX_AHEAD: usize = 256;

/// Publish events.
///
/// The data is the event's message as ProtoJSON. The bridge works the channels out from the event's own fields, unless
/// --channel names some. Prints where the event is, one line a channel. Exits with 1 when the bridge refuses an event.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Publish {
    /// The event type, such as process.progress
    #[arg(value_name = "TYPE")]
    event_type: String,
    /// The event as JSON; - or nothing reads events from standard input, one a line
    #[arg(value_name = "JSON", default_value = "-", hide_default_value = true)]
    data: String,
    /// A channel to publish to, instead of those of the event's own fields
    #[arg(long, value_name = "NAME")]
    channel: Vec<String>,
    /// Something that travels with the event
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_and_value)]
    metadata: Vec<(String, String)>,
    /// The tenant whose channels it goes to
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
    /// Makes a retry safe: the same key is the same event
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// The publisher's token, where the bridge asks for one; @PATH reads it from a file
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
    /// Where the bridge takes events; https:// before it, or --ca, for TLS
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:50051")]
    grpc: String,
    #[command(flatten)]
    trust: Trust,
    #[command(flatten)]
    shown: Shown,
    /// How long the bridge may say nothing before it is given up
    #[arg(long, value_name = "DURATION", default_value = "20s", value_parser = config::duration)]
    timeout: Duration,
    /// Print positions and refusals as JSON, one event a line
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  rialto publish process.progress '{\"projectId\":\"42\",\"processId\":\"p1\",\"progress\":50}'
  rialto publish system.heartbeat '{\"source\":\"me\"}' --metadata origin=terminal
  rialto publish assistant '{\"sessionId\":\"t1\",\"content\":\"Hello\"}' --channel session:t1
  rialto publish process.progress - --grpc https://rialto.internal:50051 --ca ca.pem --cert me.crt --key me.key
  generate-lines | rialto publish process.progress -";

impl Publish {
    /// Publishes the events.
    pub(crate) fn run(self, screen: &mut Screen) -> Result<(), Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            if self.data == "-" {
                if self.idempotency_key.is_some() {
                    let problem = "--idempotency-key is for one event: give its JSON as an argument";
                    return Err(Failure::Usage(problem.to_owned()));
                }
                return self.publish_lines(screen).await;
            }
            let event = self.event(self.data.clone());
            let mut client = self.connect().await?;
            match client.publish(self.call(PublishRequest { event: Some(event) })?).await {
                Ok(response) => self.accepted(&response.into_inner().accepted.unwrap_or_default(), screen),
                Err(status) => match reach::not_answered(&self.bridge(), &status).await {
                    Some(failure) => Err(failure),
                    None if status.code() == tonic::Code::Unavailable && status.details().is_empty() => {
                        let why = harmless(status.message());
                        Err(Failure::Unreachable(format!("the bridge at {} went away: {why}", self.grpc)))
                    }
                    None => self.refused(&refusal::Refusal::of_call(&status), None, screen),
                },
            }
        })
    }

    async fn connect(&self) -> Result<PublisherServiceClient<Channel>, Failure> {
        Ok(PublisherServiceClient::new(connect(&self.bridge(), self.timeout).await?))
    }

    fn bridge(&self) -> Bridge<'_> {
        Bridge { address: &self.grpc, trust: &self.trust, shown: &self.shown }
    }

    /// A call that shows the token.
    fn call<T>(&self, message: T) -> Result<tonic::Request<T>, Failure> {
        let mut request = tonic::Request::new(message);
        if let Some(token) = &self.token {
            let header = bearer("--token", token)?;
            let value = MetadataValue::try_from(header.as_bytes());
            let value = value.map_err(|_| Failure::Usage("--token: this is no token".to_owned()))?;
            request.metadata_mut().insert("authorization", value);
        }
        Ok(request)
    }

    fn event(&self, data: String) -> Event {
        Event {
            channels: self.channel.clone(),
            idempotency_key: self.idempotency_key.clone().unwrap_or_default(),
            tenant: self.tenant.clone().unwrap_or_default(),
            metadata: self.metadata.iter().cloned().collect::<HashMap<_, _>>(),
            body: Some(Body::Json(JsonPayload { r#type: self.event_type.clone(), data })),
        }
    }

    /// Publishes each line of standard input on one stream, ahead of the acks, and tells them in order.
    async fn publish_lines(&self, screen: &Screen) -> Result<(), Failure> {
        let mut client = self.connect().await?;
        let (requests, ahead) = mpsc::channel(MAX_AHEAD);
        let prototype = self.event(String::new());
        let event_type = self.event_type.clone();
        // Standard input blocks, so it has a thread; a full channel holds it back, which is how the bridge does.
        let (done, mut read) = oneshot::channel();
        std::thread::spawn(move || {
            let result = send_lines(|data| {
                let body = Some(Body::Json(JsonPayload { r#type: event_type.clone(), data }));
                let request = PublishStreamRequest { events: vec![Event { body, ..prototype.clone() }] };
                requests.blocking_send(request).is_ok()
            });
            // Before the requests end, so that it is there when the acks do. Nobody waits when the stream broke.
            let _ = done.send(result);
            drop(requests);
        });
        let mut acks = match client.publish_stream(self.call(ReceiverStream::new(ahead))?).await {
            Ok(response) => response.into_inner(),
            Err(status) => return Err(self.ended(&status).await),
        };
        let (mut number, mut refused) = (0_usize, 0_usize);
        loop {
            let response = match acks.message().await {
                Ok(Some(response)) => response,
                Ok(None) => break,
                Err(status) => return Err(self.ended(&status).await),
            };
            for ack in response.acks {
                number += 1;
                match ack.result {
                    Some(Acked::Accepted(accepted)) => self.accepted(&accepted, screen)?,
                    Some(Acked::Error(status)) => {
                        refused += 1;
                        match self.refused(&refusal::Refusal::of_ack(&status), Some(number), screen) {
                            Err(Failure::Refused(text)) => screen.failure(&text),
                            other => other?,
                        }
                    }
                    None => return Err(Failure::Refused(format!("the bridge's ack of event {number} is empty"))),
                }
            }
        }
        match read.try_recv() {
            Ok(read) => read?,
            Err(_) => return Err(Failure::Unreachable(format!("{} ended the stream", self.grpc))),
        }
        if refused == 0 { Ok(()) } else { Err(Failure::Refused(format!("{refused} of {number} events were refused"))) }
    }

    /// Why a stream ended.
    async fn ended(&self, status: &tonic::Status) -> Failure {
        let not_answered = reach::not_answered(&self.bridge(), status).await;
        not_answered.unwrap_or_else(|| {
            Failure::Unreachable(format!("the stream to {} ended: {}", self.grpc, harmless(status.message())))
        })
    }

    fn accepted(&self, accepted: &Accepted, screen: &Screen) -> Result<(), Failure> {
        if self.json {
            let positions: Vec<_> = accepted
                .positions
                .iter()
                .map(|at| json!({ "channel": at.channel, "epoch": at.epoch, "sequence": at.sequence }))
                .collect();
            let result =
                json!({ "eventId": accepted.event_id, "positions": positions, "duplicate": accepted.duplicate });
            return screen.line(&result.to_string());
        }
        let paint = screen.paint();
        let again = if accepted.duplicate { "  (published before)" } else { "" };
        for at in &accepted.positions {
            let channel = paint.paint(Colour::Blue, &harmless(&at.channel));
            let id = paint.paint(Colour::Dim, &harmless(&accepted.event_id));
            // An ephemeral event has no number.
            let number = if at.sequence > 0 { format!(" #{}", at.sequence) } else { String::new() };
            screen.line(&format!("{channel}{number}  {id}{again}"))?;
        }
        Ok(())
    }

    fn refused(&self, refusal: &refusal::Refusal, number: Option<usize>, screen: &Screen) -> Result<(), Failure> {
        if self.json {
            screen.line(&refusal.to_json().to_string())?;
        }
        let which = number.map(|number| format!("event {number}: ")).unwrap_or_default();
        Err(Failure::Refused(format!("{which}{refusal}")))
    }
}

/// Hands on each line of standard input that has something on it, until one is not wanted.
fn send_lines(mut send: impl FnMut(String) -> bool) -> std::io::Result<()> {
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        if !line.trim().is_empty() && !send(line) {
            break;
        }
    }
    Ok(())
}

fn key_and_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("there is no = between key and value")?;
    if key.is_empty() { Err("the key is empty".to_owned()) } else { Ok((key.to_owned(), value.to_owned())) }
}
