//! What is shown of a payload, and how often.

use std::io;
use std::sync::Arc;

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

/// A log that is kept.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Publishes these, and gives all that the log says with this filter.
fn logged(filter: &str, events: &[(&str, String)]) -> Vec<String> {
    let lines = Lines::default();
    let writer = lines.clone();
    let filter = tracing_subscriber::EnvFilter::new(filter);
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(move || writer.clone());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tracing::subscriber::with_default(log.finish(), || {
        runtime.block_on(async {
            let fixture = shop_of(SHOP, Limits::default());
            let events = events.iter().map(|(event_type, data)| json(event_type, data)).collect();
            fixture.ingest.publish(events, &PublishContext::default()).await;
        });
    });
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn order(iban: &str) -> (&'static str, String) {
    let contact = r#"{"name":"Ann","email":"ann@secret.example"}"#;
    let data = format!(r#"{{"orderId":"1","iban":"{iban}","buyer":{contact},"copies":[{contact},{{}}]}}"#);
    ("order.placed", data)
}

#[test]
fn a_payload_is_shown_masked_and_only_where_somebody_has_asked() {
    let lines = logged("off,rialto::payloads=trace", &[order("DE-secret")]);
    assert_eq!(lines.len(), 1, "{lines:?}");
    let shown = r#"{"orderId":"1","buyer":{"name":"Ann","email":"***"},"copies":[{"name":"Ann","email":"***"},{"name":"","email":"***"}],"iban":"***"}"#;
    assert!(lines[0].contains(shown) && lines[0].contains("order.placed"), "{lines:?}");
    // However loud the rest is.
    for filter in ["warn,rialto=trace,rialto::payloads=off", "rialto=debug"] {
        let lines = logged(filter, &[order("DE-secret")]);
        assert!(!lines.is_empty() && lines.iter().all(|line| !line.contains("Ann")), "{lines:?}");
    }
}

#[test]
fn what_is_refused_is_in_no_line() {
    let long = "DE-secret".repeat(10);
    for filter in ["trace", "off,rialto::payloads=trace"] {
        let wrong = [order(&long), ("order.placed", r#"{"orderId":"1","iban":{"secret":1}}"#.to_owned())];
        let lines = logged(filter, &wrong);
        assert!(lines.iter().all(|line| !line.contains("secret") && !line.contains("Ann")), "{lines:?}");
    }
}

#[test]
fn a_line_is_bounded_and_cut_between_characters() {
    let text = "é".repeat(3_000);
    let lines =
        logged("off,rialto::payloads=trace", &[("order.plain", format!(r#"{{"orderId":"1","text":"{text}"}}"#))]);
    assert!(lines[0].len() < 1_400 && lines[0].contains("… of 6"), "{lines:?}");
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
