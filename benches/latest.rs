//! Ten thousand keys at fifty thousand updates a second, to readers who cannot take as many: does each converge, how soon,
//! and in how much memory?
//!
//! A whole bridge on free ports, one publisher on a gRPC stream, readers that take so many bytes a second and one that takes
//! everything. Prints a few lines; not a criterion benchmark, because the rate is given.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use prost::Message as _;
use rialto::app::{self, Addresses};
use rialto::config::Config;
use rialto::proto::rialto::v1::publisher_service_client::PublisherServiceClient;
use rialto::proto::rialto::v1::{Event, PublishStreamRequest, event::Body};
use rialto::wire::websocket::frame_len;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::MissedTickBehavior;
use tokio_stream::wrappers::ReceiverStream;

const KEYS: u32 = 10_000;
const UPDATES_PER_SECOND: u32 = 50_000;
const SECONDS: u32 = 10;
const UPDATES: u32 = UPDATES_PER_SECOND * SECONDS;
const SLOW_READERS: usize = 20;
/// What a slow reader takes: a thirtieth of what is published.
const SLOW_BYTES_PER_SECOND: usize = 400 << 10;
const TICK: Duration = Duration::from_millis(10);

const SCHEMA: &str = r#"
syntax = "proto3";
package board.v1;
import "rialto/v1/options.proto";
message BoardChannel {
  option (rialto.v1.channel) = { template: "board:{board_id}" };
  string board_id = 1;
}
message CellSet {
  option (rialto.v1.event) = { type: "cell.set", channels: ["BoardChannel"], delivery: DELIVERY_LATEST };
  string board_id = 1;
  uint32 cell = 2 [(rialto.v1.field).key = true];
  uint32 value = 3;
}
"#;

#[derive(Clone, PartialEq, prost::Message)]
struct CellSet {
    #[prost(string, tag = "1")]
    board_id: String,
    #[prost(uint32, tag = "2")]
    cell: u32,
    #[prost(uint32, tag = "3")]
    value: u32,
}

fn key(update: u32) -> u32 {
    update.wrapping_mul(2_654_435_761) % KEYS
}

fn request(first: u32, count: u32) -> PublishStreamRequest {
    let event = |update| {
        let set = CellSet { board_id: "b".into(), cell: key(update), value: update };
        let payload = pbjson_types::Any { type_url: "t/board.v1.CellSet".into(), value: set.encode_to_vec().into() };
        Event { body: Some(Body::Payload(payload)), ..Event::default() }
    };
    PublishStreamRequest { events: (first..first + count).map(event).collect() }
}

/// What a reader has.
#[derive(Default)]
struct Ledger {
    at: u64,
    seen: u64,
    conflated: u64,
    lost: u64,
    cells: HashMap<u32, u32>,
}

impl Ledger {
    fn take(&mut self, frame: &Value) {
        let data = &frame["data"];
        let number = |value: &Value| value.as_u64().unwrap_or_default();
        match frame["type"].as_str().unwrap_or_default() {
            "cell.set" => {
                assert_eq!(number(&frame["sequence"]), self.at + 1, "a jump without a word");
                self.at += 1;
                self.seen += 1;
                self.cells.insert(number(&data["cell"]) as u32, number(&data["value"]) as u32);
            }
            "channel.position" => {
                self.at = number(&data["position"]["sequence"]);
                self.conflated += number(&data["conflated"]);
            }
            "channel.gap" => {
                self.lost += number(&data["last"]) + 1 - number(&data["first"]);
                self.at = number(&data["last"]);
            }
            _ => {}
        }
    }
}

/// Reads until everything has come; how long after the last update that was, and what there is.
async fn read(
    listen: SocketAddr,
    bytes_per_tick: Option<usize>,
    done: watch::Receiver<Option<Instant>>,
) -> (Duration, Ledger) {
    let socket = TcpSocket::new_v4().expect("a socket");
    if bytes_per_tick.is_some() {
        socket.set_recv_buffer_size(64 << 10).expect("a small buffer");
    }
    let mut stream = socket.connect(listen).await.expect("the port is open");
    let upgrade = format!(
        "GET /ws HTTP/1.1\r\nhost: {listen}\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    let subscribe = br#"{"type":"channel.subscribe","data":{"channels":[{"name":"board:b"}]}}"#;
    let mut frame = vec![0x81, 0x80 | subscribe.len() as u8, 0, 0, 0, 0];
    frame.extend_from_slice(subscribe);
    stream.write_all(upgrade.as_bytes()).await.expect("written");
    stream.write_all(&frame).await.expect("written");

    let mut ledger = Ledger::default();
    let (mut bytes, mut room, mut upgraded) = (Vec::new(), vec![0; 64 << 10], false);
    let mut clock = tokio::time::interval(TICK);
    clock.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while ledger.at < u64::from(UPDATES) {
        let most = match bytes_per_tick {
            Some(most) => {
                clock.tick().await;
                most
            }
            None => room.len(),
        };
        let count = stream.read(&mut room[..most]).await.expect("it stays connected");
        assert!(count > 0, "the bridge has hung up");
        bytes.extend_from_slice(&room[..count]);
        let mut start = 0;
        if !upgraded && let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            (upgraded, start) = (true, end + 4);
        }
        while upgraded && let Some(length) = frame_len(&bytes[start..]).filter(|length| *length <= bytes.len() - start)
        {
            let frame = &bytes[start..start + length];
            let header = match frame[1] {
                126 => 4,
                127 => 10,
                _ => 2,
            };
            if frame[0] == 0x81 {
                ledger.take(&serde_json::from_slice(&frame[header..]).expect("one JSON object a frame"));
            }
            start += length;
        }
        bytes.drain(..start);
    }
    let finished = done.borrow().map_or(Duration::ZERO, |at| at.elapsed());
    (finished, ledger)
}

/// Resident memory of this process in MiB: the bridge's, and that of the readers.
fn resident_mib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<usize>().ok()).unwrap_or_default() / 1024
}

async fn publish(grpc: SocketAddr) -> Duration {
    let mut publisher = PublisherServiceClient::connect(format!("http://{grpc}")).await.expect("gRPC is up");
    let (sender, receiver) = mpsc::channel(8);
    let begun = Instant::now();
    tokio::spawn(async move {
        let each = UPDATES_PER_SECOND / 100;
        let mut clock = tokio::time::interval(TICK);
        clock.set_missed_tick_behavior(MissedTickBehavior::Burst);
        for first in (0..UPDATES).step_by(each as usize) {
            clock.tick().await;
            sender.send(request(first, each)).await.expect("the stream is open");
        }
    });
    let mut acks = publisher.publish_stream(ReceiverStream::new(receiver)).await.expect("a stream").into_inner();
    let mut acked = 0;
    while let Some(response) = acks.message().await.expect("acks") {
        acked += response.acks.len() as u32;
    }
    assert_eq!(acked, UPDATES);
    begun.elapsed()
}

async fn run() {
    let folder = std::env::temp_dir().join(format!("rialto-latest-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("board.proto"), SCHEMA).expect("written");
    let free = SocketAddr::from(([127, 0, 0, 1], 0));
    let mut config =
        Config { listen: free, grpc: free, admin: free, schema: vec![folder.clone()], ..Config::default() };
    config.limits.write_timeout = Duration::from_secs(60);
    let (ready, is_ready) = oneshot::channel::<Addresses>();
    let options = app::Options { ready: Some(ready), ..app::Options::default() };
    let bridge = tokio::spawn(app::run(config, options, std::future::pending()));
    let addresses = is_ready.await.expect("the bridge starts");
    let before = resident_mib();

    let (done, is_done) = watch::channel(None);
    let per_tick = SLOW_BYTES_PER_SECOND / 100;
    let slow: Vec<_> =
        (0..SLOW_READERS).map(|_| tokio::spawn(read(addresses.listen, Some(per_tick), is_done.clone()))).collect();
    let quick = tokio::spawn(read(addresses.listen, None, is_done));
    let watching = tokio::spawn(async {
        let mut most = 0;
        let mut clock = tokio::time::interval(Duration::from_millis(100));
        loop {
            clock.tick().await;
            most = resident_mib().max(most);
            MOST_MIB.store(most, std::sync::atomic::Ordering::Relaxed);
        }
    });
    let took = publish(addresses.grpc).await;
    done.send(Some(Instant::now())).expect("readers are there");
    println!(
        "{UPDATES} updates of {KEYS} keys in {:.2} s: {:.0}/s",
        took.as_secs_f64(),
        f64::from(UPDATES) / took.as_secs_f64()
    );

    let newest: HashMap<u32, u32> = (0..UPDATES).map(|update| (key(update), update)).collect();
    let tell = |name: &str, (after, ledger): &(Duration, Ledger)| {
        println!(
            "{name}: {} events, {} conflated, {} lost; converged {:.2} s after the last update",
            ledger.seen,
            ledger.conflated,
            ledger.lost,
            after.as_secs_f64()
        );
        assert!(ledger.cells == newest, "{name} has the newest value of each key");
        assert_eq!(ledger.seen + ledger.conflated + ledger.lost, u64::from(UPDATES));
    };
    let quick = quick.await.expect("it reads to the end");
    tell("who takes everything", &quick);
    let mut results = Vec::new();
    for reader in slow {
        results.push(reader.await.expect("it reads to the end"));
    }
    watching.abort();
    results.sort_by_key(|(after, _)| *after);
    tell("first of the slow", &results[0]);
    tell("last of the slow", &results[SLOW_READERS - 1]);
    results.iter().for_each(|result| assert!(result.1.cells == newest, "each converges"));
    let most = MOST_MIB.load(std::sync::atomic::Ordering::Relaxed);
    println!(
        "resident: {before} MiB before, {most} MiB at most, {SLOW_READERS} slow readers and their tables included"
    );
    bridge.abort();
    let _ = std::fs::remove_dir_all(folder);
}

static MOST_MIB: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(run());
}
