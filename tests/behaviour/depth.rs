//! Events that are nested as deeply as can be configured: served or refused, and the bridge lives.

use pbjson_types::Any;
use rialto::proto::rialto::v1::{Event, JsonPayload, PublishRequest, event};
use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::Code;

use crate::harness::{Bridge, json_event, publish, within};

/// The largest `max-depth`.
const DEEPEST: usize = 200;

/// Every way of nesting, with rules that go down into it.
const SCHEMA: &str = r#"
syntax = "proto3";
package deep.v1;
import "buf/validate/validate.proto";
import "google/protobuf/any.proto";
import "google/protobuf/struct.proto";
import "rialto/v1/options.proto";
message Grown {
  option (rialto.v1.event) = { type: "tree.grown" channels: ["Trees"] };
  option (buf.validate.message).cel = {
    id: "tree.text" message: "text must be short" expression: "this.text.size() < 9 && (!has(this.child) || this.child.text.size() < 9)"
  };
  Grown child = 1;
  map<string, Grown> named = 2;
  repeated Grown many = 3;
  google.protobuf.Any any = 4;
  google.protobuf.Value value = 5;
  string text = 6 [(buf.validate.field).string.max_len = 9];
}
message Trees {
  option (rialto.v1.channel) = { template: "trees" };
}
"#;

async fn bridge() -> (Bridge, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("deep.proto"), SCHEMA).expect("the schema is written");
    let path = folder.path().to_owned();
    let bridge = Bridge::with(|config| {
        config.schema = vec![path];
        config.limits.max_depth = DEEPEST;
    });
    (bridge.await, folder)
}

fn field(number: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    let mut length = body.len();
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend_from_slice(body);
    out
}

/// What goes around an event to make it one level deeper, as bytes and as JSON.
type Level = (&'static str, fn(Vec<u8>) -> Vec<u8>, &'static str, &'static str);

const LEVELS: [Level; 5] = [
    ("child", |body| field(1, &body), "{\"child\":", "}"),
    ("map", |body| field(2, &[field(1, b"k"), field(2, &body)].concat()), "{\"named\":{\"k\":", "}}"),
    ("list", |body| field(3, &body), "{\"many\":[", "]}"),
    (
        "any",
        |body| field(4, &[field(1, b"type.googleapis.com/deep.v1.Grown"), field(2, &body)].concat()),
        "{\"any\":{\"@type\":\"type.googleapis.com/deep.v1.Grown\",\"text\":\"\",\"child\":",
        "}}",
    ),
    ("value", |body| field(6, &field(1, &body)), "[", "]"),
];

/// An event of so many levels.
fn nested(level: &Level, levels: usize) -> (Vec<u8>, String) {
    let (name, wrap, open, close) = level;
    let bytes = (0..levels).fold(Vec::new(), |body, _| wrap(body));
    let (open, close) = (open.repeat(levels), close.repeat(levels));
    match *name {
        "value" => (field(5, &bytes), format!("{{\"value\":{open}null{close}}}")),
        _ => (bytes, format!("{open}{{}}{close}")),
    }
}

fn packed(value: Vec<u8>) -> Event {
    let any = Any { type_url: "type.googleapis.com/deep.v1.Grown".into(), value: value.into() };
    Event { body: Some(event::Body::Payload(any)), ..Event::default() }
}

async fn over_http(bridge: &Bridge, data: &str) -> String {
    let body = format!("{{\"type\":\"tree.grown\",\"data\":{data}}}");
    let head = format!(
        "POST /v1/publish HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        bridge.addresses.admin,
        body.len()
    );
    let mut stream = within("connecting", TcpStream::connect(bridge.addresses.admin)).await.expect("connected");
    stream.write_all((head + &body).as_bytes()).await.expect("sent");
    let mut answer = String::new();
    within("the answer", stream.read_to_string(&mut answer)).await.expect("answered");
    answer.split(' ').nth(1).expect("a status").to_owned()
}

/// Whether it was served; a refusal must be one.
async fn over_grpc(bridge: &Bridge, event: Event) -> bool {
    let mut publisher = bridge.publisher().await;
    match within("the answer", publisher.publish(PublishRequest { event: Some(event) })).await {
        Ok(_) => true,
        Err(status) => {
            assert!(matches!(status.code(), Code::InvalidArgument | Code::ResourceExhausted), "{status}");
            false
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_deepest_events_are_served_or_refused_and_the_bridge_lives() {
    let (bridge, _folder) = bridge().await;
    let mut served = Vec::new();
    for level in &LEVELS {
        for levels in [DEEPEST / 2 - 1, DEEPEST - 1, DEEPEST, DEEPEST + 1, 10 * DEEPEST] {
            let (bytes, json) = nested(level, levels);
            let by_grpc = over_grpc(&bridge, packed(bytes)).await;
            let text = JsonPayload { r#type: "tree.grown".into(), data: json.clone() };
            let body = Some(event::Body::Json(text));
            let by_json = over_grpc(&bridge, Event { body, ..Event::default() }).await;
            let by_http = over_http(&bridge, &json).await;
            assert!(["200", "400", "413", "429"].contains(&&*by_http), "{} {levels}: {by_http}", level.0);
            if by_grpc {
                served.push((level.0, levels));
            }
            assert!(by_grpc || levels >= DEEPEST / 2, "{} {levels} is refused", level.0);
            assert!(!(by_grpc || by_json || by_http == "200") || levels <= DEEPEST, "{} {levels} is served", level.0);
        }
    }
    assert!(served.contains(&("child", DEEPEST)), "what is as deep as may be is served: {served:?}");
    let mut client = bridge.connect().await;
    client.subscribe(json!({"name": "trees"})).await;
    client.next_of("channel.subscribed").await;
    publish(&mut bridge.publisher().await, json_event("tree.grown", &json!({"text": "last"}))).await;
    assert_eq!(client.next_of("tree.grown").await["data"]["text"], "last");
}
