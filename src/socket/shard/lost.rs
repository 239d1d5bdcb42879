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
