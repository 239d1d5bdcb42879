//! Fields that not everybody sees, and fields that logs mask: what the schema says about them.
//!
//! Promises that an event type knows all the permissions that anything in it can ask for, at any depth, through extensions
//! and, where it has an `Any`, through whatever that may hold; that nothing which a channel's name or a key tells is
//! declared to be hidden; and that a permission has one number over all revisions of a process.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use buffa_descriptor::{DescriptorPool, FieldDescriptor, FieldKind, MessageIndex, SingularKind};

use super::audience::{Audience, MAX_FIELD_PERMISSIONS};
use super::check::Checker;
use super::declarations::Declarations;
use super::places::Near;
use super::templates::Templates;
use super::{EventType, Schema};

mod declared;
mod held;
mod joined;
mod said;

pub(super) use declared::path;
use held::{Shape, fields};
use said::Said;

/// Messages of this name hold any other.
const ANY: &str = "google.protobuf.Any";

/// What a field's option says about who sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldRule {
    /// The permission that its readers need, as it is declared. `None`: none.
    pub visible_to: Option<Arc<str>>,
    /// The same as a set of one, or none.
    pub asks: Audience,
    /// Whether logs print a mask instead of it.
    pub masked_in_logs: bool,
}

/// The rules of all fields that have some, by message and number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldRules(BTreeMap<(MessageIndex, u32), FieldRule>);

impl FieldRules {
    /// Rules that no schema declares.
    #[cfg(test)]
    pub(crate) fn made(rules: impl IntoIterator<Item = ((MessageIndex, u32), FieldRule)>) -> FieldRules {
        FieldRules(rules.into_iter().collect())
    }

    /// The rule of a field.
    pub fn get(&self, message: MessageIndex, number: u32) -> Option<&FieldRule> {
        self.0.get(&(message, number))
    }

    /// The rules of a message's fields, by number.
    pub fn of(&self, message: MessageIndex) -> impl Iterator<Item = (u32, &FieldRule)> {
        self.0.range((message, 0)..=(message, u32::MAX)).map(|((_, number), rule)| (*number, rule))
    }

    /// Whether no field has one.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The numbers of permissions, and who has ever asked for them: what outlives a revision.
#[derive(Clone, Debug, Default)]
pub(super) struct FieldPermissions {
    /// By number.
    texts: Vec<Arc<str>>,
    /// By the message that declares a template: what events of its channels ask for, those in its logs included.
    asked: HashMap<Arc<str>, Audience>,
    /// What was said of each field.
    said: Said,
}

impl FieldPermissions {
    /// The number of a text, given now if it has none. `None`: there are too many.
    fn number(&mut self, text: &str) -> Option<(Arc<str>, Audience)> {
        let known = self.texts.iter().position(|known| **known == *text);
        let number = known.unwrap_or(self.texts.len());
        if number >= MAX_FIELD_PERMISSIONS {
            return None;
        }
        if known.is_none() {
            self.texts.push(text.into());
        }
        Some((Arc::clone(&self.texts[number]), Audience::only(number)))
    }

    /// What channels of a template may be asked for, one by one.
    fn of(&self, template: &str) -> Box<[(Audience, Arc<str>)]> {
        let asked = self.asked.get(template).copied().unwrap_or_default();
        let all = self.texts.iter().enumerate().filter(|(number, _)| asked.has(*number));
        all.map(|(number, text)| (Audience::only(number), Arc::clone(text))).collect()
    }
}

/// Checks the rules of all fields, and tells event types and templates what they mean for them.
pub(super) fn check(
    checker: &mut Checker<'_>,
    declared: &Declarations,
    events: &mut [EventType],
    templates: &mut Templates,
    numbers: &mut FieldPermissions,
) -> FieldRules {
    let mut rules = read(checker, declared, numbers);
    let shape = Shape::new(checker.pool, events.iter());
    numbers.said.learn(&shape, &rules);
    numbers.said.tell(&shape, &mut rules);
    let reach = Reach::new(checker.pool, &rules);
    for event in events.iter_mut().filter(|event| !event.own) {
        let found = reach.of(event.message);
        event.asks = found.asks;
        event.masks = found.masks;
        declared::names(checker, declared, event, &rules);
        declared::parameters(checker, declared, event, templates, (&rules, &found.fields));
    }
    for event in events.iter().filter(|event| !event.asks.is_none()) {
        for (index, entry) in templates.entries.iter().enumerate() {
            let Some(channel) = &entry.channel else { continue };
            let goes = match event.is_private() {
                true => channel.own && !channel.is_single(),
                false => event.bindings.iter().any(|binding| binding.channel == index),
            };
            if goes {
                let asked = numbers.asked.entry(Arc::clone(&channel.message_name)).or_default();
                *asked = asked.with(event.asks);
            }
        }
    }
    for channel in templates.entries.iter_mut().filter_map(|entry| entry.channel.as_mut()) {
        channel.field_permissions = numbers.of(&channel.message_name);
    }
    rules
}

fn read(checker: &mut Checker<'_>, declared: &Declarations, numbers: &mut FieldPermissions) -> FieldRules {
    let mut rules = BTreeMap::new();
    let mut is_full = false;
    for field in &declared.ruled {
        let mut rule = FieldRule { masked_in_logs: field.masked_in_logs, ..FieldRule::default() };
        if !field.visible_to.is_empty() {
            declared::field(checker, declared, field);
            match numbers.number(&field.visible_to) {
                Some((text, asks)) => (rule.visible_to, rule.asks) = (Some(text), asks),
                None if !is_full => {
                    is_full = true;
                    checker.report(
                        &field.option,
                        Near::Value("visible_to", &field.visible_to),
                        format!(
                            "the fields of this schema, and of those that were served before it, ask for more than {MAX_FIELD_PERMISSIONS} permissions"
                        ),
                        "let fields share permissions; a restart of the bridge forgets those of earlier schemas",
                    );
                }
                None => {}
            }
        }
        rules.insert((field.message, field.number), rule);
    }
    FieldRules(rules)
}

/// What can be found in messages.
struct Reach<'a> {
    pool: &'a DescriptorPool,
    rules: &'a FieldRules,
    /// What all fields of the schema ask for together.
    everything: Audience,
}

/// What can be found in one message.
#[derive(Default)]
struct Found {
    fields: Vec<(MessageIndex, u32)>,
    asks: Audience,
    masks: bool,
}

impl<'a> Reach<'a> {
    /// In the messages of this pool, whose fields have these rules.
    fn new(pool: &'a DescriptorPool, rules: &'a FieldRules) -> Reach<'a> {
        let everything = rules.0.values().fold(Audience::NONE, |all, rule| all.with(rule.asks));
        Reach { pool, rules, everything }
    }

    fn of(&self, message: MessageIndex) -> Found {
        let mut found = Found::default();
        if self.rules.is_empty() {
            return found;
        }
        let mut seen = BTreeSet::from([message]);
        let mut open = vec![message];
        while let Some(message) = open.pop() {
            let descriptor = self.pool.message(message);
            if descriptor.full_name() == ANY {
                found.asks = found.asks.with(self.everything);
                found.masks |= self.rules.0.values().any(|rule| rule.masked_in_logs);
            }
            for (number, rule) in self.rules.of(message) {
                found.fields.push((message, number));
                found.asks = found.asks.with(rule.asks);
                found.masks |= rule.masked_in_logs;
            }
            open.extend(
                fields(self.pool, message)
                    .filter_map(|field: &FieldDescriptor| message_of(field.kind()))
                    .filter(|inner| seen.insert(*inner)),
            );
        }
        found
    }
}

/// The message that a field holds.
fn message_of(kind: FieldKind) -> Option<MessageIndex> {
    match kind {
        FieldKind::Singular(SingularKind::Message(index))
        | FieldKind::List(SingularKind::Message(index))
        | FieldKind::Map { value: SingularKind::Message(index), .. } => Some(index),
        _ => None,
    }
}

impl EventType {
    /// The permissions that something in it asks its readers for. None: everybody who gets the event sees all of it.
    pub fn asks(&self) -> Audience {
        self.asks
    }

    /// Whether a log must not print all of it.
    pub fn masks(&self) -> bool {
        self.masks || !self.asks.is_none()
    }
}

impl Schema {
    /// What fields ask of their readers, and what logs mask.
    pub fn field_rules(&self) -> &FieldRules {
        &self.field_rules
    }
}
