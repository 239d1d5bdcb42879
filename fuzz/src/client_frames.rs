//! A client's messages, in JSON and in binary: whatever comes is a frame that holds what its form promises, or a mistake
//! that can be told.

use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use rialto::schema::{Schema, Source, Spending};
use rialto::transcode::{Options, Transcoder};
use rialto::wire::{ClientMessage, Request, client_frame_id, parse_client_frame};

/// The bundled catalogue, and a client event with a rule for each kind of field.
static SERVED: LazyLock<(Schema, Transcoder)> = LazyLock::new(|| {
    let schema = Schema::load(&[
        Source::Bundled,
        Source::Texts { origin: "fuzz".into(), files: vec![("fuzz/v1/said.proto".into(), SAID.as_bytes().to_vec())] },
    ]);
    let schema = schema.unwrap_or_else(|error| panic!("the fuzzed schema is sound: {error}"));
    let transcoder = Transcoder::new(schema.pool(), Options::default());
    (schema, transcoder)
});

const SAID: &str = r#"syntax = "proto3";
package fuzz.v1;
import "buf/validate/validate.proto";
import "google/protobuf/any.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
import "rialto/v1/options.proto";
message FuzzChannel { option (rialto.v1.channel) = { template: "fuzz:{session_id}" }; string session_id = 1; }
message Said {
  option (rialto.v1.event) = { type: "fuzz.said", channels: ["FuzzChannel"], from: FROM_CLIENT, route: ROUTE_HANDLER };
  string session_id = 1;
  string text = 2 [(buf.validate.field).string = { max_len: 64, pattern: "^[a-z ]*$" }];
  repeated Said more = 3 [(buf.validate.field).repeated.max_items = 4];
  map<string, int64> counts = 4;
  google.protobuf.Any any = 5;
  google.protobuf.Struct struct = 6;
  google.protobuf.Timestamp at = 7;
  google.protobuf.Duration took = 8;
  google.protobuf.FieldMask mask = 9;
  google.protobuf.DoubleValue wrapped = 10;
  oneof choice { bytes data = 11; double real = 12; bool flag = 13; }
  optional uint32 small = 14 [(buf.validate.field).cel = { id: "small", message: "too large", expression: "this < 1000u" }];
}
"#;

/// The first byte chooses the form.
pub fn run(bytes: &[u8]) {
    let [form, bytes @ ..] = bytes else { return };
    let message = match (form % 2, std::str::from_utf8(bytes)) {
        (0, Ok(text)) => ClientMessage::Text(text),
        (0, Err(_)) => return,
        _ => ClientMessage::Binary(bytes),
    };
    let (schema, transcoder) = &*SERVED;
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    let mut spending = Spending::of_client();
    let id = client_frame_id(message);
    match parse_client_frame(message, schema, transcoder, time, &mut spending) {
        Ok(frame) => {
            assert_eq!(frame.id, id, "the id of a frame is another when nobody looks further");
            check(schema, transcoder, &frame.request);
        }
        Err(error) => {
            let told = format!("{} {}", error.problem.path(), error.problem);
            assert!(told.len() <= 4_096 + bytes.len(), "a mistake is told in {} bytes", told.len());
        }
    }
}

fn check(schema: &Schema, transcoder: &Transcoder, request: &Request) {
    match request {
        Request::Subscribe(subscribe) => {
            assert!(
                !subscribe.channels.is_empty() && subscribe.channels.iter().all(|channel| !channel.name.is_empty())
            );
        }
        Request::Unsubscribe(unsubscribe) => assert!(!unsubscribe.channels.is_empty()),
        Request::Event { event, payload, .. } => {
            assert!(schema.event(&event.name).is_some());
            let mut json = Vec::new();
            let printed = transcoder.to_json(event.message, payload, &mut json);
            assert!(printed.is_ok(), "what a client sent cannot be printed: {printed:?}");
        }
        Request::Init(_) | Request::Refresh(_) | Request::Heartbeat => {}
    }
}
