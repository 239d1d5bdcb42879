//! What the rules of another revision of a schema mean for the messages of this one.
//!
//! Promises that a field which either hides is hidden, wherever it can be recognised: by its number in a message of the same
//! full name, or in the message that stands at the same place of an event of the same type, whatever that message is called;
//! also where this schema has no such field, as its events may have its bytes.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use buffa_descriptor::MessageIndex;

use super::super::{Audience, ChannelTemplate, EventType, Schema, TypeIndex};
use super::unknown::{has, holds_message};
use super::{FieldRule, FieldRules, Reach, message_of};

impl FieldRules {
    /// These rules, of fields of `own`, with those that `others` has for the same fields of `other`.
    #[must_use]
    pub fn joined(&self, own: &Schema, others: &FieldRules, other: &Schema) -> FieldRules {
        let mut joined = self.clone();
        if others.is_empty() {
            return joined;
        }
        let asking = Reach::new(&other.pool, others).fields();
        for (mine, theirs) in same_messages(own, other) {
            for ((_, number), asks) in asking.range((theirs, 0)..=(theirs, u32::MAX)) {
                // One that holds a message there and none here may hold the bytes of one.
                let holds = holds_message(&other.pool, theirs, *number) && !holds_message(&own.pool, mine, *number);
                if holds || !has(&own.pool, mine, *number) {
                    joined.withhold(mine, *number, *asks);
                }
            }
            for (number, rule) in others.of(theirs).filter(|(number, _)| has(&own.pool, mine, *number)) {
                joined.add(mine, number, rule);
            }
        }
        joined
    }

    /// These rules, of fields of `own`, with those that there were `before` for messages that `other` does not have: of these it
    /// says nothing, so the last schema that had them is right about them still.
    #[must_use]
    pub fn with_those_of_lost(mut self, before: &FieldRules, own: &Schema, other: &Schema) -> FieldRules {
        if before.is_empty() {
            return self;
        }
        let had: BTreeSet<MessageIndex> = same_messages(own, other).into_iter().map(|(mine, _)| mine).collect();
        for ((message, number), rule) in before.0.iter().filter(|((message, _), _)| !had.contains(message)) {
            self.add(*message, *number, rule);
        }
        self
    }

    /// Has a field hidden as this rule says, too.
    fn add(&mut self, message: MessageIndex, number: u32, rule: &FieldRule) {
        let known = self.0.entry((message, number)).or_default();
        known.asks = known.asks.with(rule.asks);
        known.masked_in_logs |= rule.masked_in_logs;
        if known.visible_to.is_none() {
            known.visible_to.clone_from(&rule.visible_to);
        }
    }

    /// What the events of a schema ask their readers for if these are the rules of its fields. Those that ask for nothing
    /// are among them.
    pub fn asks(&self, schema: &Schema) -> HashMap<TypeIndex, Audience> {
        let reach = Reach::new(&schema.pool, self);
        let events = schema.events.iter().filter(|event| !event.own);
        events.map(|event| (event.index, reach.of(event.message).asks)).collect()
    }
}

/// The messages of both schemas that are, or may be, the same.
fn same_messages(own: &Schema, other: &Schema) -> BTreeSet<(MessageIndex, MessageIndex)> {
    let by_name = own.pool.messages().iter().filter_map(|message| {
        let name = message.full_name();
        own.pool.message_index(name).zip(other.pool.message_index(name))
    });
    let events = own.events.iter().filter(|event| !event.own);
    let by_type = events.filter_map(|event| Some((event.message, other.event(&event.name)?.message)));
    let mut open: Vec<_> = by_name.chain(by_type).collect();
    let mut same = BTreeSet::new();
    while let Some(pair) = open.pop() {
        if !same.insert(pair) {
            continue;
        }
        let theirs = other.pool.message(pair.1);
        for field in own.pool.message(pair.0).fields() {
            let inner = message_of(field.kind());
            let other = theirs.field(field.number()).and_then(|field| message_of(field.kind()));
            open.extend(inner.zip(other));
        }
    }
    same
}

impl Schema {
    /// Has the channels of an event of an earlier schema, those that this one has still, ask their subscribers for what that event
    /// asks for: their logs may keep some.
    pub fn ask_for(&mut self, earlier: &Schema, event: &EventType, asks: Audience) {
        let channels = earlier.channels.iter().enumerate().filter(|(index, channel)| match event.is_private() {
            true => channel.own && !channel.is_single(),
            false => event.bindings.iter().any(|binding| binding.channel == *index),
        });
        let names: Vec<&Arc<ChannelTemplate>> = channels.map(|(_, channel)| channel).collect();
        let fields = &mut self.numbers.fields;
        for channel in &mut self.channels {
            let is_same = |name: &&Arc<ChannelTemplate>| {
                name.message_name == channel.message_name || name.template == channel.template
            };
            if !names.iter().any(is_same) {
                continue;
            }
            let asked = fields.asked.entry(Arc::clone(&channel.message_name)).or_default();
            let all = asked.with(asks);
            if *asked != all {
                *asked = all;
                // Nobody has it yet: the schema was loaded just now.
                if let Some(channel) = Arc::get_mut(channel) {
                    channel.field_permissions = fields.of(&channel.message_name);
                }
            }
        }
    }
}
