//! Publishing over HTTP: what is answered, and what is refused before it is looked at.

use super::*;
use crate::ingest::Limits;
use crate::ingest::fixture::{EPOCH, FIRST_SEQUENCE, shop_with};
use crate::metrics::Limit;

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[tokio::test]
async fn one_event_is_answered_with_its_id_and_positions() {
    let running = start();
    let body = r#"{"type":"order.shipped","data":{"orderId":"o-1","note":"é"},"channels":["order:x"],
                   "idempotencyKey":"k","metadata":{"from":"cron"}}"#;
    let answer = running.publish(body).await;
    let append = &running.fixture.rings.appends()[0];
    let id = append.event.id.to_string();
    let position = json!({ "channel": "order:x", "epoch": EPOCH.to_string(), "sequence": FIRST_SEQUENCE });
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body, json!({ "eventId": id, "positions": [position], "duplicate": false }));
    assert_eq!(append.event.metadata, r#"{"from":"cron"}"#);
    assert_eq!(&append.event.data[..], r#"{"orderId":"o-1","note":"é"}"#.as_bytes());
    let again = running.publish(body).await;
    assert_eq!(again.body, json!({ "eventId": id, "positions": [position], "duplicate": true }));
}

#[tokio::test]
async fn a_refused_event_is_an_error_with_code_message_and_details() {
    let running = start();
    let answer = running.publish(r#"{"type":"order.placed","data":{"orderId":"o-1"}}"#).await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.body["code"], "INVALID_ARGUMENT");
    let message = answer.body["message"].as_str().unwrap();
    let expected = json!([
        { "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "UNFILLED_CHANNEL", "domain": "rialto" },
        { "@type": "type.googleapis.com/google.rpc.BadRequest",
          "fieldViolations": [{ "field": "customerId", "description": message }] },
    ]);
    assert_eq!(answer.body["details"], expected);
}

#[tokio::test]
async fn an_array_is_answered_one_by_one_in_order() {
    let running = start();
    let answer = running
        .publish(
            r#" [{"type":"order.shipped","data":{"orderId":"a"}}, 17, {"type":"nothing"}, {"type":"order.shipped","oops":1},
                 {"type":"order.shipped","data":{"orderId":"a"}}]"#,
        )
        .await;
    assert_eq!(answer.status, 200);
    let results: Vec<Value> = answer
        .body
        .as_array()
        .unwrap()
        .iter()
        .map(|result| match &result["accepted"] {
            Value::Null => result["error"]["details"][0]["reason"].clone(),
            accepted => accepted["positions"][0]["sequence"].clone(),
        })
        .collect();
    let first = FIRST_SEQUENCE;
    let malformed = "MALFORMED_REQUEST";
    assert_eq!(
        results,
        [json!(first), json!(malformed), json!("UNKNOWN_EVENT_TYPE"), json!(malformed), json!(first + 1)]
    );
    assert_eq!(running.publish("[]").await.body, json!([]));
}

#[tokio::test]
async fn the_trace_of_the_request_travels_with_the_event() {
    let running = start();
    let headers = format!("content-type: application/json\r\ntraceparent: {TRACE}\r\n");
    running.publish_with(&headers, r#"{"type":"order.shipped","data":{"orderId":"a"}}"#).await;
    assert_eq!(running.fixture.rings.appends()[0].event.metadata, format!("{{\"traceparent\":\"{TRACE}\"}}"));
}

#[tokio::test]
async fn a_request_may_be_as_large_as_the_configuration_says() {
    let running = start_with(shop_with(Limits { max_request_bytes: 100, ..Limits::default() }));
    let event = |note: usize| format!(r#"{{"type":"order.shipped","data":{{"orderId":"{}"}}}}"#, "n".repeat(note));
    let fits = 100 - event(0).len();
    assert_eq!(running.publish(&event(fits)).await.status, 200);
    let refused = running.publish(&event(fits + 1)).await;
    assert_eq!((refused.status, &refused.body["details"][0]["reason"]), (413, &json!("BODY_TOO_LARGE")));
}

#[tokio::test]
async fn what_is_no_event_is_refused_as_json() {
    let running = start();
    let big = format!(r#"{{"type":"order.shipped","data":{{"note":"{}"}}}}"#, "n".repeat(4 << 20));
    let many = format!("[{}]", vec!["1"; Limits::default().max_request_events + 1].join(","));
    let chunked = "POST /v1/publish HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n\
                   transfer-encoding: chunked\r\n\r\n500000\r\n";
    let chunked = format!("{chunked}{}\r\n0\r\n\r\n", "n".repeat(0x50_0000));
    let json = "content-type: application/json\r\n";
    let call = format!(
        "POST /rialto.v1.AdminService/GetNode HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{json}content-length: 70000\r\n\r\n"
    );
    let foreign = format!(
        "POST /v1/publish HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\ncontent-length: 2\r\n{json}\r\n{{}}"
    );
    let table = [
        (running.publish("").await, 400, "MALFORMED_REQUEST"),
        (running.publish("{\"type\":").await, 400, "MALFORMED_REQUEST"),
        (running.publish("{\"data\":{}}").await, 400, "MALFORMED_REQUEST"),
        (running.publish("{\"type\":\"x\",\"Data\":{}}").await, 400, "MALFORMED_REQUEST"),
        (running.publish("{\"type\":\"x\"} {}").await, 400, "MALFORMED_REQUEST"),
        (running.publish("\"text\"").await, 400, "MALFORMED_REQUEST"),
        (running.publish(&many).await, 413, "TOO_MANY_EVENTS"),
        (running.publish("[1,2,").await, 400, "MALFORMED_REQUEST"),
        (running.publish("[] []").await, 400, "MALFORMED_REQUEST"),
        (running.publish(&big).await, 413, "BODY_TOO_LARGE"),
        (running.send(chunked.as_bytes()).await, 413, "BODY_TOO_LARGE"),
        (running.send(call.as_bytes()).await, 413, "BODY_TOO_LARGE"),
        (running.publish_with("", "{}").await, 415, "NOT_JSON"),
        (running.publish_with("content-type: text/plain\r\n", "{}").await, 415, "NOT_JSON"),
        (running.publish_with(&format!("{json}origin: http://localhost\r\n"), "{}").await, 403, "FOREIGN_ORIGIN"),
        (running.publish_with(&format!("{json}host: evil.example\r\n"), "{}").await, 400, "protocol_violation"),
        (running.send(foreign.as_bytes()).await, 421, "FOREIGN_HOST"),
        (running.get("GET /v1/publish").await, 405, "METHOD_NOT_ALLOWED"),
        (running.get("OPTIONS /v1/publish").await, 405, "METHOD_NOT_ALLOWED"),
        (running.get("POST /health").await, 405, "METHOD_NOT_ALLOWED"),
        (running.get("GET /nothing").await, 404, "NOT_FOUND"),
    ];
    for (index, (answer, status, reason)) in table.into_iter().enumerate() {
        assert_eq!(answer.status, status, "row {index}: {}", answer.body);
        assert_eq!(answer.body["details"][0]["reason"], reason, "row {index}: {}", answer.body);
        assert_eq!(answer.head.contains("allow: "), status == 405, "row {index}: {}", answer.head);
        assert!(!answer.head.contains("access-control"), "row {index}: {}", answer.head);
    }
    let hits = |limit| running.fixture.ingest.metrics().limits.get(limit);
    assert_eq!((hits(Limit::MaxBodyBytes), hits(Limit::MaxPublishRequestEvents)), (3, 1));
    assert!(running.fixture.rings.appends().is_empty());
}
