//! When many notices are one change.
//!
//! What is changed at once is taken as one: an editor writes a file in several steps, git writes many files.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

/// A change has settled when nothing was noticed for so long.
const SETTLE: Duration = Duration::from_millis(100);
/// How long a change may take to settle before it is looked at nevertheless.
const MAX_SETTLE: Duration = Duration::from_secs(2);

/// Waits for a notice, and until none has come for a moment, or they have come for long.
///
/// # Cancel safety
/// A notice that was taken is lost.
pub(super) async fn settled(notices: &mut mpsc::Receiver<()>) {
    notice(notices).await;
    let latest = Instant::now() + MAX_SETTLE;
    while timeout_at(latest.min(Instant::now() + SETTLE), notice(notices)).await.is_ok() {
        if Instant::now() >= latest {
            break;
        }
    }
}

async fn notice(notices: &mut mpsc::Receiver<()>) {
    if notices.recv().await.is_none() {
        // Nobody is left who could notice anything.
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Gives a notice after each of these pauses, and says how long it took until they were one change.
    async fn settled_after(pauses: &[Duration]) -> Duration {
        let (sender, mut notices) = mpsc::channel(1);
        let (started, pauses) = (Instant::now(), pauses.to_vec());
        let giving = tokio::spawn(async move {
            for pause in pauses {
                sleep(pause).await;
                let _ = sender.try_send(());
            }
            std::future::pending::<()>().await;
        });
        settled(&mut notices).await;
        giving.abort();
        started.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_changed_at_once_is_one_change_and_what_never_ends_is_looked_at_nevertheless() {
        assert_eq!(settled_after(&[MS]).await, MS + SETTLE);
        assert_eq!(settled_after(&[MS, 40 * MS, 99 * MS, MS, 300 * MS]).await, 141 * MS + SETTLE);
        assert_eq!(settled_after(&[30 * MS; 1_000]).await, 30 * MS + MAX_SETTLE);
    }
}
