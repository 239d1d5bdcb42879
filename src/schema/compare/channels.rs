//! Differences of channel templates: their names, their parameters, what they keep and ask for.

use std::collections::HashMap;
use std::sync::Arc;

use super::events::compare_permission;
use super::{Comparison, Place, Rule};
use crate::schema::options::CHANNEL;
use crate::schema::places::{Near, Site};
use crate::schema::route::Binding;
use crate::schema::template::parameter_name;
use crate::schema::{ChannelTemplate, EventType, Schema};

/// Compares every template of the older schema with the one whose channels have the same names.
pub(super) fn compare(comparison: &mut Comparison<'_>) {
    let (old_schema, new_schema) = (comparison.old, comparison.new);
    for old in old_schema.channels().iter().filter(|channel| !channel.own) {
        let shape = old.parsed.shape();
        match new_schema.channels().iter().find(|channel| channel.parsed.shape() == shape) {
            Some(new) => compare_one(comparison, old, new),
            None => removed(comparison, old),
        }
    }
}

fn option_of(site: &Site) -> Site {
    site.inside(&[7, CHANNEL])
}

fn removed(comparison: &mut Comparison<'_>, old: &ChannelTemplate) {
    let new = comparison.new.channels().iter().find(|channel| channel.message_name == old.message_name);
    if let Some(new) = new {
        let site = option_of(&comparison.new_elements.messages[&*new.message_name].site);
        let (text, advice) = (
            format!("the template {} is {} now", old.template, new.template),
            format!("keep `template: {:?}`; a new form of names is a channel of its own", old.template),
        );
        return comparison.report(Rule::ChannelTemplateChanged, Place::New(&site, Near::Key("template")), text, advice);
    }
    let text = format!("the channel template {} is gone", old.template);
    let advice = "keep it until nobody subscribes to it any more";
    match comparison.new_elements.messages.get(&*old.message_name).map(|message| message.site.clone()) {
        Some(site) => comparison.report(Rule::ChannelRemoved, Place::New(&site, Near::Start), text, advice),
        None => {
            let site = option_of(&comparison.old_elements.messages[&*old.message_name].site);
            comparison.report(Rule::ChannelRemoved, Place::Old(&site), text, advice);
        }
    }
}

fn compare_one(comparison: &mut Comparison<'_>, old: &ChannelTemplate, new: &ChannelTemplate) {
    // One of Rialto's own took the names over: it has no place in the schema.
    let Some(element) = comparison.new_elements.messages.get(&*new.message_name) else { return };
    let site = option_of(&element.site);
    let template = &*old.template;
    if old.message_name != new.message_name {
        comparison.report(
            Rule::ChannelMessageRenamed,
            Place::New(&site, Near::Key("template")),
            format!("{template} is declared by {} now, and was by {}", new.message_name, old.message_name),
            "generate the clients anew",
        );
    }
    compare_parameters(comparison, &site, old, new);
    if new.retention.events < old.retention.events || new.retention.age < old.retention.age {
        let told = |channel: &ChannelTemplate| {
            format!("{} events and {} s", channel.retention.events, channel.retention.age.as_secs_f64())
        };
        comparison.report(
            Rule::RetentionReduced,
            Place::New(&site, Near::Key("retention")),
            format!("{template} keeps {} now, and kept {}", told(new), told(old)),
            "see that it is enough for how long clients are away",
        );
    }
    if new.history < old.history {
        comparison.report(
            Rule::HistoryReduced,
            Place::New(&site, Near::Key("history")),
            format!("a first subscribe to {template} gets {} events now, and got {}", new.history, old.history),
            "keep the history if pages show it",
        );
    }
    if old.on_connect && !new.on_connect {
        comparison.report(
            Rule::OnConnectRemoved,
            Place::New(&site, Near::Key("on_connect")),
            format!("connections are not subscribed to {template} by the bridge any more"),
            "keep `on_connect` until every client subscribes by itself",
        );
    } else if new.on_connect && !old.on_connect {
        comparison.report(
            Rule::OnConnectAdded,
            Place::New(&site, Near::Key("on_connect")),
            format!("the bridge subscribes every connection to {template} now"),
            "see that clients expect its events",
        );
    }
    // A permission that only follows a parameter's new name is the same permission.
    let names: HashMap<&str, &str> = old.parsed.parameters().zip(new.parsed.parameters()).collect();
    let renamed = |text: &Option<Arc<str>>| text.as_ref().map(|text| with_names(text, &names));
    let (was, is) = (&old.permissions, &new.permissions);
    for (key, doing, before, after) in [
        ("subscribe", "subscribing to", &was.subscribe, &is.subscribe),
        ("send", "sending to", &was.send, &is.send),
        ("presence", "seeing who is in", &was.presence, &is.presence),
        ("history", "reading the history of", &was.history, &is.history),
    ] {
        let doing = format!("{doing} {template}");
        compare_permission(comparison, &site, key, &doing, (renamed(before).as_deref(), after.as_deref()));
    }
}

/// A permission with every `{parameter}` under its new name: all at once, since parameters may change names.
fn with_names(permission: &str, names: &HashMap<&str, &str>) -> String {
    let mut made = String::with_capacity(permission.len());
    let mut rest = permission;
    while let Some((before, (name, after))) =
        rest.split_once('{').and_then(|(before, after)| Some((before, after.split_once('}')?)))
    {
        made.push_str(before);
        made.push_str(&format!("{{{}}}", names.get(name).unwrap_or(&name)));
        rest = after;
    }
    made + rest
}

/// Whether an event fills the parameter at this position from another field than before, which is told with the event;
/// `None` where no event tells which fields they are.
fn is_refilled(
    comparison: &Comparison<'_>,
    old: &ChannelTemplate,
    new: &ChannelTemplate,
    position: usize,
) -> Option<bool> {
    let numbers = |schema: &Schema, event: &EventType, template: &ChannelTemplate| -> Option<Vec<u32>> {
        let of = |binding: &&Binding| schema.channels[binding.channel].template == template.template;
        Some(event.bindings.iter().find(of)?.parameters.get(position)?.numbers().collect())
    };
    let pairs = comparison.old.events().iter().filter_map(|event| {
        let now = comparison.new.event(&event.name)?;
        numbers(comparison.old, event, old).zip(numbers(comparison.new, now, new))
    });
    pairs.map(|(was, is)| was != is).reduce(|one, other| one || other)
}

fn compare_parameters(comparison: &mut Comparison<'_>, site: &Site, old: &ChannelTemplate, new: &ChannelTemplate) {
    let near = Near::Key("template");
    let pairs = old.parsed.parameters().zip(&old.parameters).zip(new.parsed.parameters().zip(&new.parameters));
    let is_in = |template: &ChannelTemplate, name: &str| {
        template.parsed.parameters().any(|parameter| parameter_name(parameter) == parameter_name(name))
    };
    for (position, ((was, old_kind), (is, new_kind))) in pairs.enumerate() {
        let is_moved = parameter_name(was) != parameter_name(is) && (is_in(new, was) || is_in(old, is));
        match is_refilled(comparison, old, new, position) {
            _ if was == is => {}
            Some(true) => {}
            None if is_moved => comparison.report(
                Rule::ChannelParameterMoved,
                Place::New(site, near),
                format!("{} is {} now: its parameters are not where they were", old.template, new.template),
                format!("keep `template: {:?}`", old.template),
            ),
            _ => comparison.report(
                Rule::ChannelParameterRenamed,
                Place::New(site, near),
                format!("the parameter {{{was}}} of {} is called {{{is}}} now", old.template),
                "generate the clients anew; permissions that name the parameter change too",
            ),
        }
        if !new_kind.keeps_names_of(old_kind) {
            comparison.report(
                Rule::ChannelParameterChanged,
                Place::New(site, near),
                format!(
                    "the parameter {{{is}}} of {} is of type {} now, and was of type {}",
                    old.template,
                    new_kind.describe(),
                    old_kind.describe()
                ),
                "keep its type, or make it a string, which holds every name that there was",
            );
        }
    }
}
