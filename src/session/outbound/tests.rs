//! The write side against real logs and a client that believes nothing: it parses the bytes and keeps the ledger.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::Value;

use super::*;
use crate::ids::{ChannelKey, ConnectionId, EventId, SessionId};
use crate::log::{Class, Epoch, Extent, Form, Heads, Position, Read, Record, Resume, RingLog, Snapshot, Take, View};
use crate::schema::fixture::one_file;
use crate::schema::{EventKey, Retention, Schema, TypeFilter};
use crate::session::principal::Principal;
use crate::status::{Code, Status};
use crate::transcode::{Options, Transcoder};
use crate::wire::EventFrame;

mod audiences;
mod classes;
mod commands;
mod cursors;
mod grants;
mod identity;
mod ledger;
mod revisions;
mod times;

const EPOCH: Epoch = Epoch { boot: 77, life: 0 };
const RETENTION: Retention = Retention { events: 8, age: Duration::from_secs(30) };

static SCHEMA: LazyLock<Arc<Schema>> = LazyLock::new(|| Arc::new(Schema::bundled()));
static TRANSCODER: LazyLock<Arc<Transcoder>> =
    LazyLock::new(|| Arc::new(Transcoder::new(SCHEMA.pool(), Options::default())));

/// The schema of this text, after another one.
fn next(schema: &Schema, text: &str) -> Arc<Schema> {
    let next = schema.load_next(&one_file(text));
    Arc::new(next.unwrap_or_else(|error| panic!("{error}")))
}

/// Channels without a hub.
struct Logs {
    logs: HashMap<String, RingLog>,
    open: usize,
    is_full: bool,
    /// How often a replay began to wait for its pace.
    paced: usize,
    now: Instant,
}

impl Logs {
    fn log(&mut self, channel: &str) -> &mut RingLog {
        self.logs.entry(channel.into()).or_insert_with(|| RingLog::new(EPOCH, RETENTION))
    }
}

impl Channels for Logs {
    type Handle = String;

    fn open(&mut self, key: &ChannelKey, _retention: Retention, _slot: Slot, wanted: Wanted) -> Result<String, Status> {
        if self.is_full && wanted == Wanted::ByClient {
            return Err(Status::new(Code::ResourceExhausted, "full", "full").with_retry_after(Duration::from_secs(3)));
        }
        self.open += 1;
        Ok(key.channel.to_string())
    }

    fn close(&mut self, _handle: String, _slot: Slot) {
        self.open -= 1;
    }

    fn extent(&mut self, handle: &String) -> Extent {
        self.log(handle).extent()
    }

    fn heads(&mut self, handle: &String) -> Heads {
        self.log(handle).heads()
    }

    fn snapshot(&mut self, handle: &String, history: u32, filter: &TypeFilter) -> Snapshot {
        self.log(handle).snapshot(history, filter)
    }

    fn resume(&mut self, handle: &String, after: Position) -> Resume {
        self.log(handle).resume(after)
    }

    fn read(
        &mut self,
        handle: &String,
        after: Position,
        filter: &TypeFilter,
        take: Take,
        most: usize,
        view: View,
    ) -> (Read, Heads) {
        let log = self.log(handle);
        (log.read(after, filter, take, most, view), log.heads())
    }

    fn read_ephemeral(
        &mut self,
        handle: &String,
        after: u64,
        filter: &TypeFilter,
        most: usize,
        view: View,
    ) -> (Read, Heads) {
        let now = self.now;
        let log = self.log(handle);
        (log.read_ephemeral(after, filter, most, view, now), log.heads())
    }

    fn on_paced(&mut self, _identity: &Identity) {
        self.paced += 1;
    }
}

/// One connection, its channels, and what its client has received.
struct Bench {
    logs: Logs,
    schema: Arc<Schema>,
    printer: ControlPrinter,
    limits: Limits,
    now: Instant,
    outbound: Outbound<Logs>,
    /// What the kernel has and the client has not parsed: the beginning of a frame.
    partial: Vec<u8>,
    frames: Vec<Frame>,
}

#[derive(Clone, Debug, PartialEq)]
enum Frame {
    Json(Value),
    Ping,
    Pong(Vec<u8>),
    Close(u16),
}

impl Frame {
    fn data(&self) -> &Value {
        &self.json()["data"]
    }

    fn json(&self) -> &Value {
        match self {
            Frame::Json(value) => value,
            other => panic!("{other:?} is not a message"),
        }
    }

    fn kind(&self) -> String {
        match self {
            Frame::Json(value) => value["type"].as_str().expect("every frame has a type").to_owned(),
            Frame::Ping => "ping".into(),
            Frame::Pong(_) => "pong".into(),
            Frame::Close(code) => format!("close {code}"),
        }
    }
}

impl Bench {
    fn new(opening: Opening) -> Self {
        Self::with(opening, Limits::default())
    }

    fn with(opening: Opening, limits: Limits) -> Self {
        let schema = Arc::clone(&SCHEMA);
        let printer =
            ControlPrinter::new(Arc::clone(&TRANSCODER), schema.pool()).expect("the schema has Rialto's own frames");
        let now = Instant::now();
        let mut logs = Logs { logs: HashMap::new(), open: 0, is_full: false, paced: 0, now };
        let identity = Identity {
            connection: ConnectionId::from("connection-1"),
            party: Arc::new(Party {
                principal: Arc::new(Principal::anonymous()),
                session: SessionId::from("sess:ä"),
                ends: None,
            }),
            node: "node-1".into(),
            replay: Default::default(),
        };
        let mut env = Env { channels: &mut logs, schema: &schema, printer: &printer, limits: &limits, now };
        let outbound = Outbound::new(opening, identity, &mut env);
        Bench { logs, schema, printer, limits, now, outbound, partial: Vec::new(), frames: Vec::new() }
    }

    /// An open connection whose opening frames are read.
    fn open() -> Self {
        let mut bench = Bench::new(Opening::Plain);
        bench.write(usize::MAX);
        bench.frames.clear();
        bench
    }

    fn call<R>(&mut self, act: impl FnOnce(&mut Outbound<Logs>, &mut Env<'_, Logs>) -> R) -> R {
        self.logs.now = self.now;
        let mut env = Env {
            channels: &mut self.logs,
            schema: &self.schema,
            printer: &self.printer,
            limits: &self.limits,
            now: self.now,
        };
        act(&mut self.outbound, &mut env)
    }

    fn command(&mut self, command: Command) {
        self.call(|outbound, env| outbound.on_command(command, env));
    }

    fn subscribe(&mut self, wanted: proto::Subscription) {
        self.command(Command::Subscribe {
            channels_path: "data.channels",
            id: Some("7".into()),
            channels: vec![wanted],
        });
    }

    /// Lets the kernel take up to `most` bytes; then it is full. `false`: the connection is finished.
    fn write(&mut self, mut most: usize) -> bool {
        loop {
            let taken = self.call(|outbound, env| match outbound.next(env) {
                Next::Idle => Err(true),
                Next::Finished => Err(false),
                Next::Write(bytes) => Ok(bytes[..bytes.len().min(most)].to_vec()),
            });
            let taken = match taken {
                Ok(taken) => taken,
                Err(live) => return live,
            };
            if taken.is_empty() {
                self.call(|outbound, env| outbound.on_blocked(env));
                return true;
            }
            most -= taken.len();
            self.call(|outbound, env| outbound.on_wrote(taken.len(), env));
            self.receive(&taken);
        }
    }

    fn receive(&mut self, bytes: &[u8]) {
        self.partial.extend_from_slice(bytes);
        while let Some(length) = websocket::frame_len(&self.partial).filter(|length| *length <= self.partial.len()) {
            let frame: Vec<u8> = self.partial.drain(..length).collect();
            let payload = match frame[1] {
                126 => &frame[4..],
                127 => &frame[10..],
                _ => &frame[2..],
            };
            self.frames.push(match frame[0] {
                0x81 => Frame::Json(serde_json::from_slice(payload).expect("a message is one JSON object")),
                0x88 => Frame::Close(u16::from_be_bytes([payload[0], payload[1]])),
                0x89 => Frame::Ping,
                0x8A => Frame::Pong(payload.to_vec()),
                first => panic!("a frame that begins with {first:#x}"),
            });
        }
    }

    /// Appends a reliable event.
    fn append(&mut self, channel: &str, event_type: &str, data_bytes: usize) -> u64 {
        self.append_as(Class::Reliable, channel, event_type, data_bytes)
    }

    /// Appends a `process.progress` that supersedes the last one of its key.
    fn keyed(&mut self, channel: &str, key: &str) -> u64 {
        self.append_as(Class::Latest(EventKey::new("process.progress", [key])), channel, "process.progress", 20)
    }

    /// Appends an event of this class and marks whoever subscribes to the channel.
    fn append_as(&mut self, class: Class, channel: &str, event_type: &str, data_bytes: usize) -> u64 {
        let event_type = Arc::clone(self.schema.event(event_type).expect("the catalogue has it"));
        let data = format!("{{\"filler\":\"{}\"}}", "x".repeat(data_bytes));
        let payload = Bytes::from(vec![0x7a; data_bytes]);
        let frame = EventFrame {
            event_type: &event_type.name,
            channel,
            unix_ms: 1_763_000_000_123,
            id: EventId::new(5, [9; 10]),
            reply_to: None,
            metadata: b"",
            metadata_wire: b"",
            data: data.as_bytes(),
            payload: &payload,
        };
        let record = Record {
            event_type: event_type.index,
            class,
            payload: payload.clone(),
            revision: 1,
            data_bytes: 0,
            reducer: None,
        };
        let now = self.now;
        let position =
            self.logs.log(channel).append(record, now, |sequence, form, out| frame.write(sequence, form, out));
        for slot in 0..u16::try_from(self.outbound.subscriptions.len()).unwrap() {
            self.outbound.mark(Slot(slot));
        }
        position.sequence
    }

    fn progress(&mut self, channel: &str) -> u64 {
        self.append(channel, "process.progress", 20)
    }

    fn take(&mut self) -> Vec<Frame> {
        std::mem::take(&mut self.frames)
    }

    fn kinds(&mut self) -> Vec<String> {
        self.take().iter().map(Frame::kind).collect()
    }
}

fn wanted(channel: &str) -> proto::Subscription {
    proto::Subscription { name: channel.into(), ..Default::default() }
}

fn after(channel: &str, epoch: &str, sequence: u64) -> proto::Subscription {
    proto::Subscription { after: Some(proto::Position { epoch: epoch.into(), sequence }), ..wanted(channel) }
}
