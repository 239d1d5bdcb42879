//! What cannot be hidden, and permissions that nobody can have: mistakes of a schema.

use std::collections::BTreeSet;

use buffa::editions::FieldPresence;
use buffa_descriptor::{DescriptorPool, MessageIndex};

use super::super::check::Checker;
use super::super::declarations::{Declarations, RuledField};
use super::super::places::Near;
use super::super::templates::{Templates, short};
use super::super::{EventType, permission};
use super::{FieldRules, message_of};

/// Finds what a field by itself cannot be hidden for.
pub(super) fn field(checker: &mut Checker<'_>, declared: &Declarations, field: &RuledField) {
    let RuledField { option, name, visible_to, .. } = field;
    let near = Near::Value("visible_to", visible_to);
    if let Err(wrong) = permission::check(visible_to, |_| true) {
        let advice = "write {parameter} for a parameter of the event's channels, {@sub} for a claim of the token";
        checker.report(option, near, format!("in the permission {visible_to:?}, {wrong}"), advice);
    }
    let message = checker.pool.message(field.message);
    if declared.channels.iter().any(|channel| channel.message == field.message) {
        checker.report(
            option,
            near,
            format!("{name} is a parameter of a channel, and stands in the channel's name"),
            "remove visible_to: it is for fields of events",
        );
    }
    if field.key {
        checker.report(
            option,
            near,
            format!("{name} is a key, so that which event replaces which would tell it"),
            "remove visible_to, or use another key",
        );
    }
    if message.field(field.number).is_some_and(|field| field.presence() == FieldPresence::LegacyRequired) {
        checker.report(
            option,
            near,
            format!("{name} is required, so that {} without it is none", short(message.full_name())),
            "make it optional: who may not see it gets the message without it",
        );
    }
}

/// Finds fields that are to be hidden and fill a channel's name.
pub(super) fn names(checker: &mut Checker<'_>, declared: &Declarations, event: &EventType, rules: &FieldRules) {
    let mut told = BTreeSet::new();
    for extractor in event.bindings.iter().flat_map(|binding| &binding.parameters) {
        for (message, number) in path(checker.pool, event.message, extractor.numbers()) {
            let is_hidden = rules.get(message, number).is_some_and(|rule| rule.visible_to.is_some());
            if is_hidden
                && told.insert((message, number))
                && let Some(field) = declared.ruled(message, number)
            {
                checker.report(
                    &field.option,
                    Near::Value("visible_to", &field.visible_to),
                    format!(
                        "{} fills the name of a channel of {:?}, which its subscribers see",
                        field.name, event.name
                    ),
                    "remove visible_to, or fill the channel's name with another field",
                );
            }
        }
    }
}

/// The fields that lie on a path of numbers into a message.
pub(in crate::schema) fn path(
    pool: &DescriptorPool,
    message: MessageIndex,
    numbers: impl Iterator<Item = u32>,
) -> Vec<(MessageIndex, u32)> {
    let mut inside = Some(message);
    let mut fields = Vec::new();
    for number in numbers {
        let Some(message) = inside else { break };
        fields.push((message, number));
        inside = pool.message(message).field(number).and_then(|field| message_of(field.kind()));
    }
    fields
}

/// Finds permissions with a parameter that not every channel of an event has.
pub(super) fn parameters(
    checker: &mut Checker<'_>,
    declared: &Declarations,
    event: &EventType,
    templates: &Templates,
    (rules, fields): (&FieldRules, &[(MessageIndex, u32)]),
) {
    for (message, number) in fields {
        let Some(text) = rules.get(*message, *number).and_then(|rule| rule.visible_to.as_deref()) else { continue };
        let Some(field) = declared.ruled(*message, *number) else { continue };
        let near = Near::Value("visible_to", text);
        for parameter in permission::parameters(text) {
            let lacks = event.bindings.iter().find_map(|binding| {
                let channel = templates.get(binding.channel).channel.as_ref()?;
                let has = channel.parsed.parameters().any(|path| path == parameter);
                (!has).then_some(&channel.template)
            });
            let why = match lacks {
                Some(template) => format!("the channel {template} of {:?} has no such parameter", event.name),
                None if event.is_private() => {
                    format!("{:?} is private, and its channels have no parameters", event.name)
                }
                None => continue,
            };
            checker.report(
                &field.option,
                near,
                format!("nobody has the permission {text:?} where {{{parameter}}} is not known: {why}"),
                "use a parameter that every channel of the event has, or a claim, {@sub}",
            );
        }
    }
}
