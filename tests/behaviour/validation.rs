//! Rules of the schema (`buf.validate`) as publishers and browsers meet them, whichever way an event comes.

use pbjson_types::Any;
use prost::Message;
use rialto::proto::google::rpc::{BadRequest, Status};
use rialto::proto::rialto::v1::{Event, PublishRequest, event};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{Bridge, json_event, within};

const SCHEMA: &str = r#"
syntax = "proto3";
package shop.v1;
import "buf/validate/validate.proto";
import "google/protobuf/timestamp.proto";
import "rialto/v1/options.proto";
message OrderChannel {
  option (rialto.v1.channel) = { template: "order:{order_id}" };
  string order_id = 1;
}
message OrderPlaced {
  option (rialto.v1.event) = { type: "order.placed" channels: ["OrderChannel"] };
  option (buf.validate.message).cel = {
    id: "order.paid" message: "paid must be at least the total" expression: "this.paid_cents >= this.items.map(item, item.cents)[0]"
  };
  string order_id = 1 [(buf.validate.field).string.pattern = "^o-[0-9]+$"];
  repeated Item items = 2 [(buf.validate.field).repeated.min_items = 1];
  int64 paid_cents = 3;
  google.protobuf.Timestamp placed_at = 4 [(buf.validate.field).timestamp.lt_now = true];
}
message Item {
  int64 cents = 1 [(buf.validate.field).int64.gt = 0];
}
message Ask {
  option (rialto.v1.event) = { type: "ask" from: FROM_CLIENT route: ROUTE_HANDLER };
  string question = 1 [(buf.validate.field).string = { min_len: 1 max_len: 5 }];
  Item item_bought = 2;
}
"#;

async fn bridge() -> (Bridge, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("shop.proto"), SCHEMA).expect("the schema is written");
    let path = folder.path().to_owned();
    (Bridge::with(|config| config.schema = vec![path]).await, folder)
}

/// A bad order, and what is said about it.
const BAD: &str =
    r#"{"orderId":"secret","items":[{"cents":5},{"cents":0}],"paidCents":1,"placedAt":"2999-01-01T00:00:00Z"}"#;
const SAID: [(&str, &str); 4] = [
    ("orderId", "must match the pattern \"^o-[0-9]+$\" [string.pattern]"),
    ("items[1].cents", "must be greater than 0 [int64.gt]"),
    ("placedAt", "must be in the past [timestamp.lt_now]"),
    ("", "paid must be at least the total [order.paid]"),
];

async fn refused(bridge: &Bridge, event: Event) -> Vec<(String, String)> {
    let mut publisher = bridge.publisher().await;
    let answer = within("the answer", publisher.publish(PublishRequest { event: Some(event) })).await;
    let status = answer.expect_err("a broken rule is refused");
    assert_eq!(status.code(), tonic::Code::InvalidArgument);
    assert!(!status.message().contains("secret"), "{}", status.message());
    let details = Status::decode(status.details()).expect("a google.rpc.Status").details;
    let bad =
        details.iter().find(|detail| detail.type_url.ends_with("google.rpc.BadRequest")).expect("field violations");
    let bad = BadRequest::decode(&*bad.value).expect("a BadRequest");
    bad.field_violations.into_iter().map(|violation| (violation.field, violation.description)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publisher_hears_every_broken_rule_with_its_path() {
    let (bridge, _folder) = bridge().await;
    let expected = SAID.map(|(path, message)| (path.to_owned(), message.to_owned()));
    assert_eq!(refused(&bridge, json_event("order.placed", &serde_json::from_str(BAD).expect("JSON"))).await, expected);
    // The same event, packed: fields 1 to 4.
    let payload =
        [&b"\x0a\x06secret\x12\x02\x08\x05\x12\x02\x08\x00\x18\x01"[..], b"\x22\x06\x08\x80\xb8\x8f\x87\x79"].concat();
    let any = Any { type_url: "type.googleapis.com/shop.v1.OrderPlaced".into(), value: payload.into() };
    let event = Event { body: Some(event::Body::Payload(any)), ..Event::default() };
    assert_eq!(refused(&bridge, event).await, expected);

    let good = json!({"orderId": "o-7", "items": [{"cents": 5}], "paidCents": 5, "placedAt": "2020-01-01T00:00:00Z"});
    let mut publisher = bridge.publisher().await;
    let accepted =
        within("the ack", publisher.publish(PublishRequest { event: Some(json_event("order.placed", &good)) }));
    assert!(accepted.await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_http_the_paths_are_in_the_details() {
    let (bridge, _folder) = bridge().await;
    let body = format!("{{\"type\":\"order.placed\",\"data\":{BAD}}}");
    let request = format!(
        "POST /v1/publish HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        bridge.addresses.admin,
        body.len()
    );
    let mut stream = within("connecting", TcpStream::connect(bridge.addresses.admin)).await.expect("connected");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    within("the answer", stream.read_to_string(&mut answer)).await.expect("answered");
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    for (path, message) in SAID {
        let quoted = Value::String(message.to_owned()).to_string();
        assert!(answer.contains(&quoted) && answer.contains(path), "{path}: {message} is not in {answer}");
    }
    assert!(!answer.contains("secret"), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_event_that_breaks_a_rule_is_an_invalid_message_before_its_route_is_looked_at() {
    let (bridge, _folder) = bridge().await;
    let mut client = bridge.connect().await;
    for (frame, code, path) in [
        (json!({"type": "ask", "id": "1", "data": {"question": "too long"}}), 4005, "data.question"),
        (json!({"type": "ask", "id": "2", "question": ""}), 4005, "question"),
        (
            json!({"type": "ask", "id": "3", "data": {"question": "ok", "itemBought": {}}}),
            4005,
            "data.itemBought.cents",
        ),
        (json!({"type": "ask", "id": "4", "data": {"question": "ok"}}), 4007, ""),
    ] {
        client.send(frame).await;
        let error = client.next_of("error").await;
        let path_said = error["data"]["path"].as_str().unwrap_or_default();
        assert_eq!((error["data"]["code"].as_u64(), path_said), (Some(code), path), "{error}");
        assert!(!error.to_string().contains("too long"), "{error}");
    }
}
