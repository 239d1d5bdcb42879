//! What is shown of a payload, and how often. Whether it is shown at all is for the end-to-end tests.

use super::*;
use crate::ingest::fixture::{json, shop_of};
use crate::ingest::{Limits, PublishContext};

const SHOP: &str = r#"
syntax = "proto3";
package shop.v1;
import "rialto/v1/options.proto";
import "buf/validate/validate.proto";
message OrderChannel { option (rialto.v1.channel) = { template: "order:{order_id}" }; string order_id = 1; }
message Placed {
  option (rialto.v1.event) = { type: "order.placed", channels: ["OrderChannel"] };
  string order_id = 1;
  string iban = 2 [(rialto.v1.field).masked_in_logs = true, (buf.validate.field).string.max_len = 40];
  Contact buyer = 3;
  repeated Contact copies = 4;
}
message Contact { string name = 1; optional string email = 2 [(rialto.v1.field).visible_to = "staff"]; }
message Plain { option (rialto.v1.event) = { type: "order.plain", channels: ["OrderChannel"] }; string order_id = 1; string text = 2; }
"#;

/// What a log would show of these events, if they are accepted.
async fn shown_of(events: &[(&str, String)]) -> Vec<String> {
    shown_by(SHOP, events).await
}

async fn shown_by(schema: &str, events: &[(&str, String)]) -> Vec<String> {
    let fixture = shop_of(schema, Limits::default());
    let events = events.iter().map(|(event_type, data)| json(event_type, data)).collect();
    fixture.ingest.publish(events, &PublishContext::default()).await;
    let revision = fixture.revisions.current();
    fixture.rings.appends().iter().map(|append| shown(&revision, &append.event).into()).collect()
}

fn order(iban: &str) -> (&'static str, String) {
    let contact = r#"{"name":"Ann","email":"ann@secret.example"}"#;
    let data = format!(r#"{{"orderId":"1","iban":"{iban}","buyer":{contact},"copies":[{contact},{{}}]}}"#);
    ("order.placed", data)
}

#[tokio::test]
async fn what_is_masked_or_hidden_is_three_stars_wherever_it_stands() {
    let shown =
        shown_of(&[order("DE-secret"), ("order.plain", r#"{"orderId":"1","text":"as it is"}"#.to_owned())]).await;
    let masked = r#"{"orderId":"1","buyer":{"name":"Ann","email":"***"},"copies":[{"name":"Ann","email":"***"},{"name":"","email":"***"}],"iban":"***"}"#;
    assert_eq!(shown, [masked, r#"{"orderId":"1","text":"as it is"}"#]);
}

#[tokio::test]
async fn a_field_that_must_be_there_is_masked_and_not_missed() {
    let old = r#"
    syntax = "proto2";
    package shop.v1;
    import "rialto/v1/options.proto";
    message OrderChannel { option (rialto.v1.channel) = { template: "order:{order_id}" }; optional string order_id = 1; }
    message Placed {
      option (rialto.v1.event) = { type: "order.placed", channels: ["OrderChannel"] };
      required string order_id = 1;
      required string iban = 2 [(rialto.v1.field).masked_in_logs = true];
    }
    "#;
    let data = r#"{"orderId":"1","iban":"DE-secret"}"#.to_owned();
    assert_eq!(shown_by(old, &[("order.placed", data)]).await, [r#"{"orderId":"1","iban":"***"}"#]);
}

#[tokio::test]
async fn what_was_refused_has_nothing_to_show() {
    let long = "DE-secret".repeat(10);
    let wrong = [order(&long), ("order.placed", r#"{"orderId":"1","iban":{"secret":1}}"#.to_owned())];
    assert_eq!(shown_of(&wrong).await, <[&str; 0]>::default());
}

#[tokio::test]
async fn what_is_shown_is_bounded_and_cut_between_characters() {
    let text = "é".repeat(3_000);
    let shown = shown_of(&[("order.plain", format!(r#"{{"orderId":"1","text":"{text}"}}"#))]).await;
    assert!(shown[0].len() < 1_100 && shown[0].ends_with("é… of 6025 bytes"), "{shown:?}");
}

#[test]
fn so_many_lines_in_a_second_and_the_next_says_what_was_left_out() {
    let (pace, now) = (Pace::default(), Instant::now());
    let taken = (0..150).filter_map(|_| pace.take(now)).collect::<Vec<_>>();
    assert_eq!(taken, vec![0; 100]);
    assert_eq!(pace.take(now + PERIOD / 2), None);
    assert_eq!(pace.take(now + PERIOD), Some(51));
    assert_eq!(pace.take(now + PERIOD), Some(0));
}
