//! Lets the internal port end connections of the first one.

use std::sync::Arc;
use std::time::SystemTime;

use crate::admin::{Doorkeeper, Later};
use crate::auth::{Full, Subject};
use crate::socket::Front;

/// The front's door.
pub(super) struct Door(pub(super) Arc<Front>);

impl Doorkeeper for Door {
    fn disconnect(&self, subject: Subject) -> Later<usize> {
        let front = Arc::clone(&self.0);
        // To its end, also when who asked has left.
        let expelling = tokio::spawn(async move { front.expel(&subject).await });
        Box::pin(async move { expelling.await.unwrap_or_default() })
    }

    fn revoke(&self, subject: Subject) -> Later<Result<(Option<SystemTime>, usize), Full>> {
        let ending = self.0.refuse_tokens(&subject).map(|until| (until, self.disconnect(subject)));
        Box::pin(async move {
            let (until, expelling) = ending?;
            Ok((until, expelling.await))
        })
    }
}
