//! The regular clean-up of the logs: old events, unused channels, old tombstones.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::engine::Appender as _;
use crate::hub::{Hub, Swept};

/// How far an event may outlive its retention.
const EVERY: Duration = Duration::from_secs(5);

/// Sweeps until the runtime ends.
pub(super) async fn run(hub: Arc<Hub>) {
    let mut clock = interval(EVERY);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        clock.tick().await;
        let (sweeping, now) = (Arc::clone(&hub), Instant::now().into_std());
        // It walks over all channels: the runtime's workers have others to serve.
        let sweep = tokio::task::spawn_blocking(move || {
            let swept = sweeping.sweep(now);
            // For who subscribes where nobody publishes.
            sweeping.make_room();
            swept
        });
        let Ok(swept) = sweep.await else { continue };
        if swept != Swept::default() {
            tracing::debug!(
                expired_channels = swept.expired,
                freed_bytes = swept.freed_bytes,
                log_bytes = hub.log_bytes(),
                "swept the logs"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::Limits;
    use crate::hub::fixture::{RETENTION, append_to, key};

    #[tokio::test(start_paused = true)]
    async fn who_subscribes_where_nobody_publishes_gets_room_too() {
        let hub = Arc::new(Hub::new(1, 1, Limits { total_bytes: 1 << 20, ..Limits::default() }));
        while hub.log_bytes() < 1 << 20 {
            hub.append(&append_to("project:1", 10_000)).unwrap();
        }
        let join = || hub.join(&key("project:2"), RETENTION);
        assert!(join().is_err(), "events have all of it");
        let sweeping = tokio::spawn(run(Arc::clone(&hub)));
        tokio::time::timeout(2 * EVERY, async {
            while join().is_err() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await
        .expect("idle channels have given some");
        sweeping.abort();
    }
}
