//! What the schemas of a process have said of their fields: the one table by which those are recognised that are hidden.
//!
//! Promises that a rule is right until a schema says otherwise, and that what a schema lacks it says nothing of. The same field
//! is that of the same number in a message of the same full name, or in the message that stands at the same place of an event of
//! the same type, whatever that message is called. Of such a field a later schema
//!
//! | has | so |
//! |---|---|
//! | it | its own rule counts, also if there is none: that opens it |
//! | it without the messages in it, or has them in another way | its own rule counts; the fields in them are lacked |
//! | no such field, or no such message | the rule goes on to count |
//! | two answers, by name and by place | the one that hides counts |
//!
//! What is lacked may come all the same, from a publisher that has another schema: as bytes that are unknown, which a binary
//! frame takes along, or as the text of a field that has been a message. So the field above asks its readers for what is in it.
//! Messages that no schema has any more, that ask for nothing and that no field may still have are forgotten, so that what is kept
//! is bounded by what was ever hidden.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use buffa_descriptor::MessageIndex;

use super::super::Audience;
use super::held::{Shape, Way};
use super::{ANY, FieldRules};

/// By the full names of messages.
#[derive(Clone, Debug, Default)]
pub(super) struct Said {
    messages: BTreeMap<Arc<str>, Message>,
    /// The messages of events, by their types.
    events: BTreeMap<Arc<str>, Arc<str>>,
    /// What stands where messages stood that are gone, by their names.
    heirs: BTreeMap<Arc<str>, BTreeSet<Arc<str>>>,
}

/// The fields of a message of which there is something to say.
type Message = BTreeMap<u32, Field>;

/// A field, as the last schema said that had it.
#[derive(Clone, Debug, Default)]
struct Field {
    /// What it asks for by itself.
    asks: Audience,
    /// What the messages in it asked for when a schema had them here last, if the last one did not.
    lost: Audience,
    /// The messages in it.
    holds: BTreeSet<(Way, Arc<str>)>,
}

impl Field {
    fn says_nothing(&self) -> bool {
        self.asks.is_none() && self.lost.is_none() && self.holds.is_empty()
    }

    /// Both of these are right.
    fn join(&mut self, other: &Field) {
        self.asks = self.asks.with(other.asks);
        self.lost = self.lost.with(other.lost);
        self.holds.extend(other.holds.iter().cloned());
    }
}

/// What everything asks for that can be found in messages, by their names.
struct Totals<'a> {
    messages: BTreeMap<&'a str, Audience>,
    /// All of it.
    everything: Audience,
}

impl Totals<'_> {
    /// What a message asks for at any depth.
    fn of(&self, name: &str) -> Audience {
        if name == ANY { self.everything } else { self.messages.get(name).copied().unwrap_or_default() }
    }

    /// What the messages in a field ask for, those that stand there in this way left out.
    fn below(&self, field: &Field, but: Option<Way>) -> Audience {
        let mut others = field.holds.iter().filter(|(way, _)| Some(*way) != but).peekable();
        let lost = if but.is_none() || others.peek().is_some() { field.lost } else { Audience::NONE };
        others.fold(lost, |all, (_, name)| all.with(self.of(name)))
    }
}

impl Said {
    /// What one schema says by itself.
    pub(super) fn of(schema: &Shape<'_>, rules: &FieldRules) -> Said {
        let mut said = Said::default();
        said.learn(schema, rules);
        said
    }

    /// Takes up what a schema says now.
    pub(super) fn learn(&mut self, schema: &Shape<'_>, rules: &FieldRules) {
        let totals = self.totals();
        let mut before: BTreeMap<MessageIndex, Vec<&Message>> = BTreeMap::new();
        let mut places: BTreeMap<Arc<str>, BTreeSet<Arc<str>>> = BTreeMap::new();
        for (message, name) in self.same(schema) {
            before.entry(message).or_default().extend(self.messages.get(&name));
            places.entry(name).or_default().insert(schema.name(message));
        }
        let mut next = Said::default();
        for message in schema.messages() {
            let until_now = before.get(&message).map_or(&[][..], Vec::as_slice);
            next.messages.insert(schema.name(message), now(schema, rules, message, until_now, &totals));
        }
        self.replace(&mut next, &places);
        next.events.clone_from(&self.events);
        next.events.extend(schema.events.iter().map(|(event, message)| (Arc::clone(event), schema.name(*message))));
        next.forget(schema);
        drop(totals);
        *self = next;
    }

    /// Has messages that are gone say what is said of those which stand at their places next.
    fn replace(&self, next: &mut Said, places: &BTreeMap<Arc<str>, BTreeSet<Arc<str>>>) {
        let is_gone = |name: &str| !next.messages.contains_key(name);
        let gone: Vec<(&Arc<str>, &Message)> = self.messages.iter().filter(|(name, _)| is_gone(name)).collect();
        let heirs =
            |name: &Arc<str>| self.heirs.get(name).into_iter().flatten().chain([name]).cloned().collect::<Vec<_>>();
        let (replaced, kept): (Vec<_>, Vec<_>) =
            gone.into_iter().partition(|(name, _)| heirs(name).iter().any(|heir| places.contains_key(heir)));
        for (name, said) in kept {
            next.messages.insert(Arc::clone(name), said.clone());
            next.heirs.extend(self.heirs.get(name).map(|heirs| (Arc::clone(name), heirs.clone())));
        }
        let held = |said: &Message| {
            said.values().flat_map(|field| field.holds.clone()).map(|(_, name)| name).collect::<Vec<_>>()
        };
        let meant: BTreeSet<Arc<str>> = next.messages.values().flat_map(held).collect();
        for (name, said) in replaced {
            let mut now = Message::new();
            let mut after = BTreeSet::new();
            for heir in heirs(name) {
                match places.get(&heir) {
                    Some(names) => {
                        names.iter().filter_map(|name| next.messages.get(name)).for_each(|said| join(&mut now, said));
                        after.extend(names.iter().cloned());
                    }
                    None if heir != *name => {
                        self.messages.get(&heir).into_iter().for_each(|said| join(&mut now, said));
                        after.insert(heir);
                    }
                    None => {}
                }
            }
            // Where the schema has nothing it says nothing of what stood there, though it replaces the message elsewhere.
            if meant.contains(name) {
                join(&mut now, said);
            }
            next.messages.insert(Arc::clone(name), now);
            next.heirs.insert(Arc::clone(name), after);
        }
    }

    /// Adds to the rules of a schema's fields what is right about them, whether it has them or not.
    pub(super) fn tell(&self, schema: &Shape<'_>, rules: &mut FieldRules) {
        let totals = self.totals();
        if totals.everything.is_none() {
            return;
        }
        for (message, name) in self.same(schema) {
            for (number, said) in self.messages.get(&name).into_iter().flatten() {
                let way = schema.held_by(message, *number).map(|(way, _)| way);
                let asks = said.asks.with(totals.below(said, way));
                if !asks.is_none() {
                    rules.withhold(message, *number, asks);
                }
            }
        }
    }

    /// The messages of a schema, each with the names of those that are, or may be, the same.
    fn same(&self, schema: &Shape<'_>) -> BTreeSet<(MessageIndex, Arc<str>)> {
        let by_name = self.messages.keys().filter_map(|name| Some((schema.find(name)?, Arc::clone(name))));
        let events = schema.events.iter();
        let by_type = events.filter_map(|(event, message)| Some((*message, Arc::clone(self.events.get(*event)?))));
        let mut open: Vec<_> = by_name.chain(by_type).collect();
        let mut same = BTreeSet::new();
        while let Some((message, name)) = open.pop() {
            if same.contains(&(message, Arc::clone(&name))) {
                continue;
            }
            for (number, said) in self.messages.get(&name).into_iter().flatten() {
                let Some((way, inner)) = schema.held_by(message, *number) else { continue };
                let there = said.holds.iter().filter(|(known, _)| *known == way);
                open.extend(there.map(|(_, name)| (inner, Arc::clone(name))));
            }
            same.insert((message, name));
        }
        same
    }

    /// Forgets messages that no schema has, that ask for nothing and that no field may still have.
    fn forget(&mut self, schema: &Shape<'_>) {
        let totals = self.totals();
        let is_needed = |name: &&Arc<str>| schema.find(name).is_some() || !totals.of(name).is_none();
        let mut open: Vec<&Arc<str>> = self.messages.keys().filter(is_needed).collect();
        let mut kept = BTreeSet::new();
        while let Some(name) = open.pop() {
            if kept.insert(Arc::clone(name)) {
                let said = self.messages.get(name).into_iter().flat_map(Message::values);
                open.extend(said.flat_map(|field| &field.holds).map(|(_, inner)| inner));
            }
        }
        self.messages.retain(|name, said| kept.contains(name) && !said.is_empty());
        self.events.retain(|_, name| kept.contains(name));
        self.heirs.retain(|name, _| kept.contains(name));
    }

    fn totals(&self) -> Totals<'_> {
        let own =
            |said: &Message| said.values().fold(Audience::NONE, |all, field| all.with(field.asks).with(field.lost));
        let everything = self.messages.values().fold(Audience::NONE, |all, said| all.with(own(said)));
        let mut totals = Totals { messages: BTreeMap::new(), everything };
        let mut holders: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let mut open: Vec<(&str, Audience)> = Vec::new();
        for (name, said) in &self.messages {
            open.push((name, own(said)));
            for (_, inner) in said.values().flat_map(|field| &field.holds) {
                holders.entry(inner).or_default().push(name);
            }
        }
        open.extend(holders.get(ANY).into_iter().flatten().map(|holder| (*holder, everything)));
        while let Some((name, asks)) = open.pop() {
            let known = totals.messages.entry(name).or_default();
            let all = known.with(asks);
            if *known != all {
                *known = all;
                open.extend(holders.get(name).into_iter().flatten().map(|holder| (*holder, all)));
            }
        }
        totals
    }
}

/// What there is to say of a message now that a schema has it.
fn now(
    schema: &Shape<'_>,
    rules: &FieldRules,
    message: MessageIndex,
    until_now: &[&Message],
    totals: &Totals<'_>,
) -> Message {
    let fields = schema.fields(message);
    let mut now = Message::new();
    for (number, held) in &fields {
        if let Some((way, inner)) = held {
            now.entry(*number).or_default().holds.insert((*way, schema.name(*inner)));
        }
    }
    for (number, rule) in rules.of(message) {
        now.entry(number).or_default().asks = rule.asks;
    }
    for (number, before) in until_now.iter().copied().flatten() {
        let said = now.entry(*number).or_default();
        let way = fields.get(number).copied().flatten().map(|(way, _)| way);
        if !fields.contains_key(number) {
            said.asks = said.asks.with(before.asks);
        }
        said.lost = said.lost.with(totals.below(before, way));
        said.holds.extend(before.holds.iter().filter(|(known, _)| Some(*known) != way).cloned());
    }
    now.retain(|_, field| !field.says_nothing());
    now
}

/// Both of these are right.
fn join(said: &mut Message, other: &Message) {
    for (number, field) in other {
        said.entry(*number).or_default().join(field);
    }
}

#[cfg(test)]
mod tests {
    use crate::schema::Schema;
    use crate::schema::fixture::one_file;

    #[test]
    fn what_asks_for_nothing_is_forgotten_when_it_has_gone() {
        let text = |number: usize| {
            format!(
                "syntax = \"proto3\"; package shop.v1; import \"rialto/v1/options.proto\";\n\
                 message OrderChannel {{ option (rialto.v1.channel) = {{ template: \"order:{{id}}\" }}; string id = 1; }}\n\
                 message Placed{number} {{ option (rialto.v1.event) = {{ type: \"order.placed\", channels: [\"OrderChannel\"] }};\n\
                 string id = 1; Buyer{number} buyer = 2; }} message Buyer{number} {{ Name name = 1; }} message Name {{ string of = 1; }}"
            )
        };
        let mut schema = Schema::load(&one_file(&text(0))).unwrap();
        let known = |schema: &Schema| {
            let said = &schema.numbers.fields.said;
            (said.messages.len(), said.events.len(), said.heirs.len())
        };
        let first = known(&schema);
        assert!(first.0 > 0 && first.1 > 0, "{first:?}");
        for number in 1..20 {
            schema = schema.load_next(&one_file(&text(number))).unwrap();
        }
        assert_eq!(known(&schema), first);
    }
}
