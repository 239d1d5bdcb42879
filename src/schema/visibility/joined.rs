//! What the rules of another revision of a schema mean for the messages of this one.
//!
//! Promises that a field which either hides is hidden, wherever it can be recognised, also where this schema has no such field,
//! as its events may have its bytes. Which fields are the same, [`Said`] knows.

use std::collections::HashMap;
use std::sync::Arc;

use buffa_descriptor::MessageIndex;

use super::super::{Audience, ChannelTemplate, EventType, Schema, TypeIndex};
use super::held::Shape;
use super::said::Said;
use super::{FieldRules, Reach};

impl FieldRules {
    /// These rules, of fields of `own`, with those that `others` has for the same fields of `other`.
    #[must_use]
    pub fn joined(&self, own: &Schema, others: &FieldRules, other: &Schema) -> FieldRules {
        self.told(own, &Said::of(&other.shape(), others))
    }

    /// These rules, of fields of `own`, with those that are right about the same fields by what all schemas have said up to
    /// this later one, and it too.
    #[must_use]
    pub fn joined_with_all(&self, own: &Schema, later: &Schema) -> FieldRules {
        self.told(own, &later.numbers.fields.said)
    }

    fn told(&self, own: &Schema, said: &Said) -> FieldRules {
        let mut told = self.clone();
        said.tell(&own.shape(), &mut told);
        told
    }

    /// Has a field, or what comes below its number though the schema has none, ask for these, too.
    pub(super) fn withhold(&mut self, message: MessageIndex, number: u32, asks: Audience) {
        let rule = self.0.entry((message, number)).or_default();
        rule.asks = rule.asks.with(asks);
    }

    /// What the events of a schema ask their readers for if these are the rules of its fields. Those that ask for nothing
    /// are among them.
    pub fn asks(&self, schema: &Schema) -> HashMap<TypeIndex, Audience> {
        let reach = Reach::new(&schema.pool, self);
        let events = schema.events.iter().filter(|event| !event.own);
        events.map(|event| (event.index, reach.of(event.message).asks)).collect()
    }
}

impl Schema {
    fn shape(&self) -> Shape<'_> {
        Shape::new(&self.pool, self.events.iter().map(|event| &**event))
    }

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
