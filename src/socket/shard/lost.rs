//! What becomes of a shard's connections when it ends: with the bridge, or because something panicked.

use std::sync::atomic::Ordering;

use super::Shard;

impl Drop for Shard {
    /// Nobody writes to its connections any more, so they end, and their clients come back to who does. Nobody is kept waiting
    /// for an answer either, nor does a drain wait for who is not served.
    fn drop(&mut self) {
        self.mailbox.close();
        self.shared.connections.fetch_sub(self.connections.len(), Ordering::Relaxed);
        for (_, connection) in &self.connections {
            connection.state.end();
            connection.link.hang_up(std::net::Shutdown::Both);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::FutureExt as _;

    use super::super::super::fixture;
    use super::*;

    #[tokio::test]
    async fn a_read_task_does_not_wait_for_a_shard_that_has_ended() {
        let (front, _shards) = fixture::front();
        let index = front.shared.hub.shards().next().unwrap();
        let mut shard = Shard::new(Arc::clone(&front.shared), index, Arc::clone(&front.mailboxes[0]));
        let (new, _opened) = fixture::new_connection().await;
        shard.open(new);
        let state = Arc::clone(&shard.connections.iter().next().unwrap().1.state);
        state.on_sent();
        let mut all_done = std::pin::pin!(state.all_done());
        assert!(all_done.as_mut().now_or_never().is_none(), "a command is on its way");
        drop(shard);
        fixture::within(all_done).await;
    }
}
