//! What a new revision of the schema means for the channels that are there.

use std::sync::Arc;

use super::{Channel, Hub, lock};
use crate::schema::Schema;

impl Hub {
    /// Makes every log keep what this revision of the schema says. A channel that no template matches any more keeps what
    /// it kept, and goes when it has expired.
    pub fn revise(&self, schema: &Schema, revision: u32) {
        for channel in self.channels() {
            if let Some(template) = schema.channel(channel.key().channel.as_str()) {
                let mut log = channel.log();
                channel.retain(&mut log, template.retention, revision);
            }
        }
    }

    /// The channels that have subscribers, with how many.
    pub fn subscribed(&self) -> impl Iterator<Item = (Arc<Channel>, u32)> + '_ {
        self.channels()
            .map(|channel| (channel.subscriptions(), channel))
            .filter_map(|(subscriptions, channel)| (subscriptions > 0).then_some((channel, subscriptions)))
    }

    /// Every channel; one bucket is locked at a time, and only to copy its handles.
    fn channels(&self) -> impl Iterator<Item = Arc<Channel>> + '_ {
        self.buckets.iter().flat_map(|bucket| lock(bucket).values().cloned().collect::<Vec<_>>())
    }
}
