//! Channels: the union of what each delivers, and the builder that makes its name.

use super::Sources;
use super::message::parameter_type;
use super::package::Imports;
use super::text::{doc, key, quote};
use crate::schema::{ChannelTemplate, Delivery, EventType, From, Route};

/// Whether subscribers of a channel can get this event: it lists the template, or it is private and somebody may name a
/// channel of the template.
fn is_delivered(sources: &Sources<'_>, event: &EventType, channel: &ChannelTemplate) -> bool {
    let is_sent = event.from == From::Publisher || event.route == Some(Route::Channel);
    let is_listed = sources.schema.templates_of(event).any(|template| template.message_name == channel.message_name);
    // Private events travel in session and user channels.
    let is_private = event.is_private() && channel.own && channel.template.contains('{');
    !event.own && is_sent && (is_listed || is_private)
}

/// What is said about an event besides its comment.
pub(super) fn about(sources: &Sources<'_>, event: &EventType) -> String {
    let channels: Vec<String> =
        sources.schema.templates_of(event).map(|channel| format!("`{}`", channel.template)).collect();
    let place = match (&channels[..], event.route) {
        // It goes to no channel at all.
        ([], Some(Route::Handler)) => String::new(),
        ([], _) => ", private: in session and user channels".to_owned(),
        (channels, _) => format!(", in {}", channels.join(", ")),
    };
    let way = match (event.from, event.route) {
        (From::Client, Some(Route::Handler)) => ", from a client to a handler",
        (From::Client, _) => ", from a client",
        (From::Publisher, _) => "",
    };
    let class = match event.delivery {
        Delivery::Reliable => "",
        Delivery::Latest(_) => " A reader that falls behind gets the newest of each key.",
        Delivery::Ephemeral => " Delivered now or never: its loss is not told.",
    };
    format!("Event `{}`{way}{place}.{class}", event.name)
}

/// The union and the builder of a channel.
pub(super) fn declare(sources: &Sources<'_>, imports: &mut Imports<'_>, channel: &ChannelTemplate) -> String {
    let Some(names) = sources.names.channel(&channel.message_name) else { return String::new() };
    let (builder, union) = (&names.builder, &names.union);
    let events: Vec<_> = sources.schema.events().iter().filter(|event| is_delivered(sources, event, channel)).collect();

    let mut text = format!("/** Every event of {{@link {builder}}}. */\nexport type {union} =");
    for event in &events {
        let data = imports.reference(&event.message_name);
        let envelope = if matches!(event.delivery, Delivery::Ephemeral) { "EphemeralEvent" } else { "Event" };
        text.push_str(&format!("\n  | $.{envelope}<{}, {data}>", quote(&event.name)));
    }
    text.push_str(if events.is_empty() { " never;\n\n" } else { ";\n\n" });

    let comment = sources.declared.find(&channel.message_name).map_or("", |declaration| &declaration.comment);
    let known = events.iter().map(|event| &*event.name).collect::<Vec<_>>().join(" ");
    let (parameters, arguments) = parameters(sources, imports, channel);
    let mut about = vec![comment.to_owned(), format!("Channel `{}`.", channel.template)];
    if channel.on_connect {
        about.push("Every connection that may is subscribed to it from the start.".to_owned());
    }
    text.push_str(&doc("", &about));
    text.push_str(&format!(
        "export function {builder}<const $Type extends {union}[\"type\"] = {union}[\"type\"]>(\n{parameters}  selection?: \
         $.Selection<$Type>,\n): $.ChannelRef<$.Only<{union}, $Type>> {{\n  return $channel({}, [{arguments}], {}, \
         selection);\n}}\n",
        quote(&channel.template),
        quote(&known),
    ));
    text
}

/// A channel's parameters as an argument's type, and as values in the template's order.
fn parameters(sources: &Sources<'_>, imports: &mut Imports<'_>, channel: &ChannelTemplate) -> (String, String) {
    let pool = sources.schema.pool();
    let mut members = String::new();
    let mut values = Vec::new();
    for segment in channel.template.split(':') {
        let Some(path) = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else { continue };
        let field_name = path.replace('.', "_");
        let message = pool.message_by_name(&channel.message_name);
        let Some(field) = message.and_then(|message| message.field_by_name(&field_name)) else { continue };
        let name = field.json_name();
        let declaration = sources.declared.find(&channel.message_name);
        let comment = declaration.and_then(|declaration| declaration.member_comments.get(&field_name)).cloned();
        members.push_str(&doc("    ", &[comment.unwrap_or_default()]));
        members.push_str(&format!("    {}: {};\n", key(name), parameter_type(sources, imports, field)));
        values.push(format!("parameters[{}]", quote(name)));
    }
    let argument = if members.is_empty() { String::new() } else { format!("  parameters: {{\n{members}  }},\n") };
    (argument, values.join(", "))
}
