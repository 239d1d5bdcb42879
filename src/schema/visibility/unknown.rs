//! Fields that another revision of a schema hides, or that hold what it hides, and that this one does not have: their bytes are
//! unknown to it, and a binary frame takes along what is unknown.
//!
//! Promises that an event which may have such bytes asks its readers for what the other revision asks for them. Who may not
//! see all of an event gets nothing of it that the schema does not know, so the rule of a number is enough.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use buffa_descriptor::{DescriptorPool, FieldDescriptor, MessageIndex};

use super::super::Audience;
use super::{ANY, FieldRules, Reach, message_of};

impl<'a> Reach<'a> {
    /// In the messages of this pool, whose fields have these rules.
    pub(super) fn new(pool: &'a DescriptorPool, rules: &'a FieldRules) -> Reach<'a> {
        let everything = rules.0.values().fold(Audience::NONE, |all, rule| all.with(rule.asks));
        Reach { pool, rules, everything }
    }

    /// What each message asks its readers for, at any depth. Those that ask for nothing are left out.
    fn everywhere(&self) -> HashMap<MessageIndex, Audience> {
        let mut asks = HashMap::new();
        let mut holders: HashMap<MessageIndex, Vec<MessageIndex>> = HashMap::new();
        let mut open = Vec::new();
        for descriptor in self.pool.messages() {
            let Some(message) = self.pool.message_index(descriptor.full_name()) else { continue };
            for inner in fields(self.pool, message).filter_map(|field| message_of(field.kind())) {
                holders.entry(inner).or_default().push(message);
            }
            let of_any = if descriptor.full_name() == ANY { self.everything } else { Audience::NONE };
            let own = self.rules.of(message).fold(of_any, |all, (_, rule)| all.with(rule.asks));
            if !own.is_none() {
                asks.insert(message, own);
                open.push(message);
            }
        }
        while let Some(message) = open.pop() {
            let inner = asks[&message];
            for holder in holders.get(&message).into_iter().flatten() {
                let known: &mut Audience = asks.entry(*holder).or_default();
                let all = known.with(inner);
                if all != *known {
                    *known = all;
                    open.push(*holder);
                }
            }
        }
        asks
    }

    /// What each field asks its readers for, by itself and for what it holds; also those that only the rules know. Those that
    /// ask for nothing are left out.
    pub(super) fn fields(&self) -> BTreeMap<(MessageIndex, u32), Audience> {
        let messages = if self.rules.is_empty() { HashMap::new() } else { self.everywhere() };
        let own = self.rules.0.iter().filter(|(_, rule)| !rule.asks.is_none());
        let mut asking: BTreeMap<_, _> = own.map(|(field, rule)| (*field, rule.asks)).collect();
        for message in messages.keys() {
            for field in fields(self.pool, *message) {
                let held = message_of(field.kind()).and_then(|inner| messages.get(&inner));
                if let Some(held) = held {
                    let asks: &mut Audience = asking.entry((*message, field.number())).or_default();
                    *asks = asks.with(*held);
                }
            }
        }
        asking
    }
}

/// A message's fields and the extensions of it.
fn fields(pool: &DescriptorPool, message: MessageIndex) -> impl Iterator<Item = &FieldDescriptor> {
    let extensions = pool.extensions_of(message).map(|extension| extension.field());
    pool.message(message).fields().iter().chain(extensions)
}

/// Whether a message has a field of this number.
pub(super) fn has(pool: &DescriptorPool, message: MessageIndex, number: u32) -> bool {
    fields(pool, message).any(|field| field.number() == number)
}

/// Whether a message's field of this number holds messages.
pub(super) fn holds_message(pool: &DescriptorPool, message: MessageIndex, number: u32) -> bool {
    fields(pool, message).any(|field| field.number() == number && message_of(field.kind()).is_some())
}

impl FieldRules {
    /// Has what stands below this number, unknown as it is, ask for these.
    pub(super) fn withhold(&mut self, message: MessageIndex, number: u32, asks: Audience) {
        let rule = self.0.entry((message, number)).or_default();
        rule.asks = rule.asks.with(asks);
    }
}

/// What fields asked for in the last of the schemas that had them, by the full name of their message and their number.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked(BTreeMap<Arc<str>, BTreeMap<u32, Audience>>);

impl Asked {
    /// Adds a schema's fields, and has those that it lacks ask for what they asked for when there were such: somebody may
    /// publish them still.
    pub(super) fn meet(&mut self, pool: &DescriptorPool, rules: &mut FieldRules) {
        for (name, numbers) in &mut self.0 {
            let Some(message) = pool.message_index(name) else { continue };
            numbers.retain(|number, _| !has(pool, message, *number));
            numbers.iter().for_each(|(number, asks)| rules.withhold(message, *number, *asks));
        }
        for ((message, number), asks) in Reach::new(pool, rules).fields() {
            self.0.entry(pool.message(message).full_name().into()).or_default().insert(number, asks);
        }
    }
}
