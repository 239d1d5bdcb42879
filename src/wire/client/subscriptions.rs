//! What the message types cannot say about subscriptions.

use super::FrameProblem;
use super::envelope::Envelope;
use crate::proto::rialto::v1::Subscription;

/// A frame that asks for no channel asks for nothing, and its sender meant something.
pub(super) fn check_some(count: usize, envelope: &Envelope<'_>) -> Result<(), FrameProblem> {
    if count == 0 {
        return Err(FrameProblem::data(&envelope.path("channels"), "expected at least one channel".into()));
    }
    Ok(())
}

/// Checks what is wrong whatever channels there are; whether the channel exists is not asked here.
pub(super) fn check(subscriptions: &[Subscription], list: &str, envelope: &Envelope<'_>) -> Result<(), FrameProblem> {
    for (index, subscription) in subscriptions.iter().enumerate() {
        let path = |field: &str| envelope.path(&format!("{list}[{index}].{field}"));
        if subscription.name.is_empty() {
            return Err(FrameProblem::data(&path("name"), "expected a channel's name, such as project:42".into()));
        }
        if !subscription.filter.is_empty() {
            return Err(FrameProblem::not_built(&path("filter"), "filters on fields are not built yet".into()));
        }
        // Without its epoch a position is a number of nobody knows which log.
        if subscription.after.as_ref().is_some_and(|after| after.epoch.is_empty()) {
            let problem = "expected the epoch that came with this sequence".into();
            return Err(FrameProblem::data(&path("after.epoch"), problem));
        }
    }
    Ok(())
}
