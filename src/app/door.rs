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
        Box::pin(async move { front.expel(&subject).await })
    }

    fn revoke(&self, subject: Subject) -> Later<Result<(SystemTime, usize), Full>> {
        let front = Arc::clone(&self.0);
        Box::pin(async move { front.revoke(subject).await })
    }
}
