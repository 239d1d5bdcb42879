//! Ending connections by who is on them.

use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::oneshot;

use crate::auth::{Full, Subject};
use crate::metrics::Limit;

use super::Front;
use super::mailbox::{ConnectionKey, Message};

/// Connections that a shard ends in one go, some microseconds each, before others have their turn.
const BATCH: usize = 64;

impl Front {
    /// Ends every connection of this subject with 4504, and returns when all are closing, with how many they were. Nothing is
    /// delivered on them after that.
    pub async fn expel(&self, subject: &Subject) -> usize {
        let (count, places) = self.shared.roster.expel(subject);
        let mut shards: Vec<Vec<ConnectionKey>> = vec![Vec::new(); self.mailboxes.len()];
        for place in places {
            let shard = self.mailboxes.iter().position(|mailbox| Arc::ptr_eq(mailbox, &place.mailbox));
            if let Some(keys) = shard.and_then(|shard| shards.get_mut(shard)) {
                keys.push(place.key);
            }
        }
        while shards.iter().any(|keys| !keys.is_empty()) {
            let mut expelling = Vec::new();
            for (keys, mailbox) in shards.iter_mut().zip(&self.mailboxes).filter(|(keys, _)| !keys.is_empty()) {
                let batch = keys.split_off(keys.len().saturating_sub(BATCH));
                let (done, is_done) = oneshot::channel();
                mailbox.push(Message::Expel(batch, done));
                expelling.push(is_done);
            }
            for is_done in expelling {
                // One that has ended has ended its connections, too.
                let _ = is_done.await;
            }
        }
        count
    }

    /// Refuses this subject's tokens from now on, and says until when; `None`: as long as the bridge lives. Its connections are ended after that, by
    /// [`Front::expel`]: who comes in meanwhile is refused here or found there.
    ///
    /// # Errors
    /// No more revocations can be remembered, and nothing was done.
    pub fn refuse_tokens(&self, subject: &Subject) -> Result<Option<SystemTime>, Full> {
        let gate = &self.config.gate;
        gate.revocations.revoke(subject.clone(), SystemTime::now()).inspect_err(|_| {
            self.config.metrics.limits.hit(Limit::MaxRevocations, "an administrator");
        })
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt as _;

    use super::super::fixture;
    use super::*;
    use crate::ids::Tenant;

    #[tokio::test]
    async fn it_is_done_when_the_shards_have_done_it() {
        let (front, _shards) = fixture::front();
        let _seat = fixture::seat(&front);
        let subject = Subject::User(Tenant::default_tenant(), fixture::USER.into());
        let mut expelling = pin!(front.expel(&subject));
        assert!(expelling.as_mut().now_or_never().is_none(), "its shard has not had its turn");
        assert_eq!(expelling.await, 1);
    }
}
