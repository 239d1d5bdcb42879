//! Taking on a new revision of the schema, a few connections at a time.
//!
//! From the first moment the shard answers under the new revision; its older subscriptions get there in turns, and then
//! the front hears that the shard is through. Publishers follow later, so whatever is published under the new revision
//! finds every filter ready for it.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::revision::Revision;

use super::super::mailbox::ConnectionKey;
use super::Shard;

/// Connections that one turn visits: some microseconds each where they have a few subscriptions.
const TURN_CONNECTIONS: usize = 64;

/// A walk over the connections that were there when the revision came.
pub(super) struct Adoption {
    /// From the last to the first: one that comes meanwhile subscribes under the new revision.
    next: usize,
    ended_subscriptions: usize,
    done: oneshot::Sender<usize>,
}

impl Shard {
    pub(super) fn begin_adoption(&mut self, revision: Arc<Revision>, done: oneshot::Sender<usize>) {
        self.revision = revision;
        self.adoption = Some(Adoption { next: self.connections.capacity(), ended_subscriptions: 0, done });
    }

    /// The next part of the walk.
    pub(super) fn adopt(&mut self) {
        let Some(mut adoption) = self.adoption.take() else { return };
        let mut visits = 0;
        while adoption.next > 0 && visits < TURN_CONNECTIONS {
            adoption.next -= 1;
            let Some(connection) = self.connections.get(adoption.next) else { continue };
            visits += 1;
            let key = ConnectionKey { index: adoption.next, serial: connection.serial };
            let mut ended = 0;
            self.with(key, |outbound, env| ended = outbound.on_schema(env));
            if ended > 0 {
                adoption.ended_subscriptions += ended;
                self.visit(key);
            }
        }
        if adoption.next > 0 {
            self.adoption = Some(adoption);
        } else {
            // The front waits for every shard, unless the bridge is ending.
            let _ = adoption.done.send(adoption.ended_subscriptions);
        }
    }
}
