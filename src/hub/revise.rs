//! What a new revision of the schema means for the channels that are there, and for publishers that began under the old one.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::sync::atomic::Ordering;
use super::{Channel, Hub, lock};
use crate::ids::ChannelName;
use crate::log::{Class, Record, RingLog};
use crate::revision::Revision;
use crate::schema::{Retention, Schema, TypeIndex};

/// The schema that has spoken last about what logs keep.
pub(super) struct Revised {
    revision: Arc<Revision>,
    /// Types that lost their key or got another one, and the last revision in which they did.
    unkeyed: HashMap<TypeIndex, u32>,
}

impl Revised {
    /// Whether events of this type had another key, or still one, when this revision was served.
    fn has_unkeyed(&self, event_type: TypeIndex, revision: u32) -> bool {
        self.unkeyed.get(&event_type).is_some_and(|since| revision < *since)
    }
}

impl Hub {
    /// Makes every log keep what this revision of the schema says, and hide what it hides. A channel that no template matches
    /// any more keeps what it kept, and goes when it has expired. Takes the locks of all channels, one after the other.
    pub fn revise(&self, before: &Schema, revision: &Arc<Revision>) {
        let Revision { schema, number, .. } = &**revision;
        let number = *number;
        let mut unkeyed = lock(&self.revised).as_ref().map_or_else(HashMap::new, |revised| revised.unkeyed.clone());
        let in_this: Vec<TypeIndex> = schema.unkeyed_since(before).collect();
        unkeyed.extend(in_this.iter().map(|event_type| (*event_type, number)));
        let revised = Arc::new(Revised { revision: Arc::clone(revision), unkeyed });
        // First: whoever takes a channel's lock after this walk has been there sees it.
        *lock(&self.revised) = Some(Arc::clone(&revised));
        self.revision.store(number, Ordering::Relaxed);
        for channel in self.channels() {
            let template = schema.channel(channel.key().channel.as_str());
            let mut log = channel.log();
            if let Some(template) = template {
                channel.retain(&mut log, template.retention, number);
            }
            let before = log.bytes();
            if !in_this.is_empty() {
                log.unkey(|event_type, published| revised.has_unkeyed(event_type, published));
            }
            // Where the last rule has gone there is something to show.
            if revision.hides() || revision.hides_anew() {
                log.protect_anew(&|event_type, published, until_now| {
                    revision.reducer_of(event_type, published, until_now)
                });
            }
            self.account(before, log.bytes());
        }
    }

    /// What a log keeps when this is appended, said by the publisher's revision, or by the newest one where that is another.
    /// The log is locked.
    pub(super) fn settle(&self, channel: &Channel, log: &mut RingLog, retention: Retention, record: &mut Record) {
        let is_older = record.revision < self.revision.load(Ordering::Relaxed);
        let revised = if is_older { lock(&self.revised).clone() } else { None };
        let Some(revised) = revised else { return channel.retain(log, retention, record.revision) };
        let name: &ChannelName = &channel.key().channel;
        let Revision { schema, number, .. } = &*revised.revision;
        let retention = schema.channel(name.as_str()).map_or(retention, |template| template.retention);
        channel.retain(log, retention, *number);
        let until_now = record.reducer.take();
        record.reducer = revised.revision.reducer_of(record.event_type, record.revision, until_now.as_ref());
        if matches!(record.class, Class::Latest(_)) && revised.has_unkeyed(record.event_type, record.revision) {
            record.class = Class::Reliable;
        }
    }

    /// The revisions that events were published under which are still kept.
    pub fn kept_revisions(&self) -> BTreeSet<u32> {
        let mut kept = BTreeSet::new();
        for channel in self.channels() {
            kept.extend(channel.log().revisions());
        }
        kept
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

#[cfg(test)]
mod tests;
