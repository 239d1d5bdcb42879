//! Closing connections because an administrator wants it.

use tokio::sync::oneshot;

use crate::status::PeerCode;

use super::super::mailbox::ConnectionKey;
use super::Shard;

impl Shard {
    /// Closes these, a bounded number of them: [`super::super::Front::expel`] sees to that.
    pub(super) fn expel(&mut self, keys: &[ConnectionKey], done: oneshot::Sender<()>) {
        for key in keys {
            if self.connection(*key).is_some() {
                self.expel_one(*key);
                self.visit(*key);
            }
        }
        // Who asked may have left.
        let _ = done.send(());
    }

    /// From here nothing is delivered: what was read and not begun goes back to the log.
    pub(super) fn expel_one(&mut self, key: ConnectionKey) {
        self.with(key, |outbound, env| {
            outbound.close_with(PeerCode::Revoked, "an administrator has ended this connection", env);
        });
    }
}
