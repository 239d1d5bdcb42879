//! Differences of event types: their messages, who sends them, where they go, how, and what answers them.

use super::{Comparison, Place, Rule, missing};
use crate::proto::rialto::v1::{Delivery, EventOptions};
use crate::schema::declarations::own_fields;
use crate::schema::options::{self, EVENT};
use crate::schema::places::{Near, Site};
use crate::schema::{ChannelTemplate, EventType, From, Route, Schema};

/// Compares every event type of the older schema.
pub(super) fn compare(comparison: &mut Comparison<'_>) {
    let (old_schema, new_schema) = (comparison.old, comparison.new);
    for old in old_schema.events().iter().filter(|event| !event.own) {
        match new_schema.event(&old.name) {
            Some(new) => compare_one(comparison, old, new),
            None => removed(comparison, old),
        }
    }
}

fn removed(comparison: &mut Comparison<'_>, old: &EventType) {
    let message = comparison.new_elements.messages.get(&*old.message_name);
    let renamed = comparison.new.event_by_message(&old.message_name).map(|event| event.name.clone());
    let old_site = option_of(&comparison.old_elements.messages[&*old.message_name].site);
    let new_site = message.map(|message| message.site.clone());
    let (rule, text, advice) = match renamed {
        Some(name) => (
            Rule::EventTypeRenamed,
            format!("{} is of the type {name:?} now, and was {:?}", old.message_name, old.name),
            format!("keep `type: {:?}`; publish a second event beside it where a new name is needed", old.name),
        ),
        None => (
            Rule::EventRemoved,
            format!("the event type {:?} is gone", old.name),
            "keep it until nobody publishes it or subscribes to it any more".to_owned(),
        ),
    };
    match new_site {
        Some(site) if rule == Rule::EventTypeRenamed => {
            comparison.report(rule, Place::New(&option_of(&site), Near::Key("type")), text, advice);
        }
        Some(site) => comparison.report(rule, Place::New(&site, Near::Start), text, advice),
        None => comparison.report(rule, Place::Old(&old_site), text, advice),
    }
}

fn option_of(site: &Site) -> Site {
    site.inside(&[7, EVENT])
}

fn compare_one(comparison: &mut Comparison<'_>, old: &EventType, new: &EventType) {
    let site = option_of(&comparison.new_elements.messages[&*new.message_name].site);
    let name = &*old.name;
    let mut report = |rule, near, text: String, advice: &str| {
        comparison.report(rule, Place::New(&site, near), text, advice);
    };
    if old.message_name != new.message_name {
        report(
            Rule::EventMessageChanged,
            Near::Key("type"),
            format!("{name:?} is the message {} now, and was {}", new.message_name, old.message_name),
            "keep the message's name and package",
        );
    }
    if old.from != new.from {
        let sender = |from| if from == From::Client { "clients" } else { "publishers" };
        report(
            Rule::EventDirectionChanged,
            Near::Key("from"),
            format!("{name:?} comes from {} now, and came from {}", sender(new.from), sender(old.from)),
            "declare an event of its own for the other direction",
        );
    } else if old.route != new.route {
        let target = |route| if route == Some(Route::Handler) { "a handler" } else { "its channels" };
        report(
            Rule::EventRouteChanged,
            Near::Key("route"),
            format!("{name:?} goes to {} now, and went to {}", target(new.route), target(old.route)),
            "declare an event of its own for the other route",
        );
    }
    compare_delivery(comparison, &site, old, new);
    compare_channels(comparison, &site, old, new);
    compare_parameters(comparison, &site, old, new);
    compare_replies(comparison, &site, old, new);
    let text = format!("sending {name:?}");
    compare_permission(
        comparison,
        &site,
        "send",
        &text,
        (old.send_permission.as_deref(), new.send_permission.as_deref()),
    );
}

/// Says how a permission became other than it was.
pub(super) fn compare_permission(
    comparison: &mut Comparison<'_>,
    site: &Site,
    key: &str,
    doing: &str,
    (old, new): (Option<&str>, Option<&str>),
) {
    match (old, new) {
        _ if old == new => {}
        (old, Some(new)) => {
            let before = old.map_or("needed none".to_owned(), |old| format!("needed {old:?}"));
            comparison.report(
                Rule::PermissionTightened,
                Place::New(site, Near::Value(key, new)),
                format!("{doing} needs the permission {new:?} now, and {before}"),
                "give tokens the new permission first, then ask for it",
            );
        }
        (Some(old), None) => comparison.report(
            Rule::PermissionRemoved,
            Place::New(site, Near::Start),
            format!("{doing} needs no permission now, and needed {old:?}"),
            format!("keep `{key}: {old:?}` if that is not what you mean"),
        ),
        (None, None) => {}
    }
}

fn options_of(comparison: &Comparison<'_>, schema: &Schema, event: &EventType) -> (EventOptions, Vec<String>) {
    let elements =
        if std::ptr::eq(schema, comparison.new) { &comparison.new_elements } else { &comparison.old_elements };
    let Some(message) = elements.messages.get(&*event.message_name) else { return Default::default() };
    let given = &message.descriptor.options.__buffa_unknown_fields;
    let read = options::read(given, EVENT, "rialto.v1.EventOptions", schema.pool());
    let keys = own_fields(message.descriptor, schema.pool()).filter(|(_, options)| options.key);
    (read.and_then(Result::ok).unwrap_or_default(), keys.map(|(name, _)| name.to_owned()).collect())
}

fn compare_delivery(comparison: &mut Comparison<'_>, site: &Site, old: &EventType, new: &EventType) {
    let (old_options, old_keys) = options_of(comparison, comparison.old, old);
    let (new_options, new_keys) = options_of(comparison, comparison.new, new);
    let effort = |options: &EventOptions| match options.delivery() {
        Delivery::Unspecified | Delivery::Reliable => (2, Delivery::Reliable),
        Delivery::Latest => (1, Delivery::Latest),
        Delivery::Ephemeral => (0, Delivery::Ephemeral),
    };
    let ((before, was), (after, is)) = (effort(&old_options), effort(&new_options));
    let text = format!("{:?} is delivered as {} now, and was {}", old.name, is.as_str_name(), was.as_str_name());
    if after < before {
        let advice = "declare an event of its own for the lighter class, and publish both for a while";
        comparison.report(Rule::EventDeliveryWeakened, Place::New(site, Near::Key("delivery")), text, advice);
    } else if after > before {
        let advice = "see that slow clients can keep up with every event";
        comparison.report(Rule::EventDeliveryStrengthened, Place::New(site, Near::Key("delivery")), text, advice);
    } else if is == Delivery::Latest && old_keys != new_keys {
        comparison.report(
            Rule::EventKeyChanged,
            Place::New(site, Near::Start),
            format!("the key of {:?} is {} now, and was {}", old.name, listed(&new_keys), listed(&old_keys)),
            "see that clients hold the newest event of each new key",
        );
    }
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "nothing".to_owned() } else { names.join(" and ") }
}

fn compare_channels(comparison: &mut Comparison<'_>, site: &Site, old: &EventType, new: &EventType) {
    if old.is_private() && !new.is_private() {
        return comparison.report(
            Rule::EventPrivacyChanged,
            Place::New(site, Near::Key("channels")),
            format!("{:?} goes to channels of its own now, and was private", old.name),
            "declare an event of its own for the channel",
        );
    }
    let (old_schema, new_schema) = (comparison.old, comparison.new);
    let shape = |template: &ChannelTemplate| template.parsed.shape();
    let before: Vec<String> = old_schema.templates_of(old).map(|template| shape(template)).collect();
    let messages: Vec<&str> = old_schema.templates_of(old).map(|template| &*template.message_name).collect();
    let after: Vec<String> = new_schema.templates_of(new).map(|template| shape(template)).collect();
    let exists = |wanted: &str| new_schema.channels().iter().any(|template| shape(template) == wanted);
    for template in old_schema.templates_of(old) {
        // A template that is gone altogether is told once, not for each event.
        if !after.contains(&shape(template)) && exists(&shape(template)) {
            comparison.report(
                Rule::EventChannelRemoved,
                Place::New(site, Near::Key("channels")),
                format!("{:?} does not go to {} any more", old.name, template.template),
                format!("keep the channel in `channels` while anybody listens for {:?} there", old.name),
            );
        }
    }
    for template in new_schema.templates_of(new) {
        let is_new = !before.contains(&shape(template)) && !messages.contains(&&*template.message_name);
        if is_new && template.parsed.parameters().next().is_some() {
            comparison.report(
                Rule::EventChannelAdded,
                Place::New(site, Near::Key("channels")),
                format!("{:?} goes to {} too now", old.name, template.template),
                "see that every publisher fills its parameters",
            );
        }
    }
}

/// Says which parameters are filled from other fields than before, wherever both send the event to the same names.
fn compare_parameters(comparison: &mut Comparison<'_>, site: &Site, old: &EventType, new: &EventType) {
    let (old_schema, new_schema) = (comparison.old, comparison.new);
    for was in &old.bindings {
        let old_template = &old_schema.channels[was.channel];
        let shape = old_template.parsed.shape();
        let Some(is) = new.bindings.iter().find(|is| new_schema.channels[is.channel].parsed.shape() == shape) else {
            continue;
        };
        let names = new_schema.channels[is.channel].parsed.parameters();
        for ((name, was), is) in names.zip(&was.parameters).zip(&is.parameters) {
            // A field that is only called otherwise is the same field.
            if was.numbers().eq(is.numbers()) {
                continue;
            }
            comparison.report(
                Rule::EventParameterChanged,
                Place::New(site, Near::Key("channels")),
                format!(
                    "{{{name}}} of {} is filled from {} of {:?} now, and was filled from {}",
                    old_template.template, is.json_path, old.name, was.json_path
                ),
                format!("keep {} in its place; other names are a template of their own", was.json_path),
            );
        }
    }
}

fn compare_replies(comparison: &mut Comparison<'_>, site: &Site, old: &EventType, new: &EventType) {
    let names = |schema: &Schema, event: &EventType| -> Vec<String> {
        event.replies.iter().filter_map(|index| schema.type_name(*index)).map(ToString::to_string).collect()
    };
    let (before, after) = (names(comparison.old, old), names(comparison.new, new));
    let near = Near::Key("reply");
    if let Some(gone) = missing(before.iter().map(String::as_str), after.iter().map(String::as_str)) {
        comparison.report(
            Rule::ReplyRemoved,
            Place::New(site, near),
            format!("{:?} is not answered by {gone} any more", old.name),
            "keep the reply until no handler sends it",
        );
    }
    if let Some(more) = missing(after.iter().map(String::as_str), before.iter().map(String::as_str)) {
        comparison.report(
            Rule::ReplyAdded,
            Place::New(site, near),
            format!("{:?} may be answered by {more} too now", old.name),
            "generate the clients anew before a handler sends it",
        );
    }
}
