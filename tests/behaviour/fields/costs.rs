//! What a reader who may see little may cost.

use serde_json::json;

use super::{Form, SCHEMA, Shop};
use crate::harness::{json_event, within};
use crate::metrics::replayed;

/// The secret part of each event.
const HIDDEN_BYTES: usize = 20_000;
/// What is replayed at once.
const BURST_EVENTS: u64 = 5;
const EVENTS: u64 = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_is_paced_by_what_is_read_for_it_and_not_by_what_is_left() {
    for (form, grants) in [(Form::Json, &[][..]), (Form::Binary, &[]), (Form::Json, &["*"])] {
        let shop = Shop::open_as(SCHEMA, |limits| {
            limits.replay_burst_bytes = BURST_EVENTS as usize * HIDDEN_BYTES;
            limits.replay_bytes_per_second = 1;
        })
        .await;
        for _ in 0..EVENTS {
            let data = json!({"orderId": "1", "buyer": {"email": "x".repeat(HIDDEN_BYTES)}});
            shop.publish(json_event("order.placed", &data)).await;
        }
        let mut reader = shop.reader(form, "bob", grants).await;
        reader.subscribe("order:1", None).await;
        // An event overdraws: that is how a large one comes at all.
        for _ in 0..BURST_EVENTS {
            reader.next_of("order.placed").await;
        }
        let counted = replayed(&shop.guarded.bridge, 1.0, BURST_EVENTS as f64);
        let replayed = within("the burst", counted).await;
        assert!(
            (BURST_EVENTS..=BURST_EVENTS + 1).contains(&(replayed.round() as u64)),
            "{form:?} {grants:?}: {replayed}"
        );
    }
}
