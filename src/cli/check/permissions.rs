//! Who may do what under a schema: what each channel, each client event and each field asks of a token.

use serde_json::{Value, json};

use super::super::failure::Failure;
use super::super::screen::{Colour, Screen};
use crate::schema::{ChannelTemplate, EventType, From, Schema};

/// Stands where nothing is asked for.
const NOTHING: &str = "-";

/// What a channel asks for, in the order of the columns.
fn of_channel(channel: &ChannelTemplate) -> [Option<&str>; 4] {
    let stated = &channel.permissions;
    if channel.own && !channel.is_single() {
        return [Some("(its own)"); 4];
    }
    [&stated.subscribe, &stated.history, &stated.presence, &stated.send].map(Option::as_deref)
}

/// The events that clients send.
fn sendable(schema: &Schema) -> impl Iterator<Item = &EventType> {
    schema.events().iter().filter(|event| !event.own && event.from == From::Client).map(|event| &**event)
}

/// The fields that logs mask, those that say so and those that not everybody sees: their names and the permission.
fn guarded(schema: &Schema) -> impl Iterator<Item = (String, Option<String>)> {
    schema.pool().messages().iter().flat_map(|message| {
        let index = schema.pool().message_index(message.full_name());
        let rules = index.into_iter().flat_map(|index| schema.field_rules().of(index));
        rules.filter_map(|(number, rule)| {
            let name = format!("{}.{}", message.full_name(), message.field(number)?.name());
            Some((name, rule.visible_to.as_deref().map(str::to_owned)))
        })
    })
}

/// Prints a table of the channels and one of what clients send.
pub(super) fn tell(schema: &Schema, screen: &Screen) -> Result<(), Failure> {
    let mut channels = vec![["channel", "subscribe", "history, too", "presence, too", "send"].map(str::to_owned)];
    for channel in schema.channels() {
        let asked = of_channel(channel).map(|text| text.unwrap_or(NOTHING).to_owned());
        let [subscribe, history, presence, send] = asked;
        channels.push([channel.template.to_string(), subscribe, history, presence, send]);
    }
    table(&channels, screen)?;
    let mut events = vec![["a client sends", "needs", "and to send to"].map(str::to_owned)];
    for event in sendable(schema) {
        let into: Vec<&str> = schema.templates_of(event).map(|channel| &*channel.template).collect();
        let into = if into.is_empty() { NOTHING.to_owned() } else { into.join(", ") };
        let needs = event.send_permission.as_deref().unwrap_or(NOTHING).to_owned();
        events.push([event.name.to_string(), needs, into]);
    }
    if events.len() > 1 {
        screen.line("")?;
        table(&events, screen)?;
    }
    let mut fields = vec![["a field that logs mask", "is seen with"].map(str::to_owned)];
    fields.extend(guarded(schema).map(|(field, permission)| [field, permission.unwrap_or_else(|| NOTHING.to_owned())]));
    if fields.len() > 1 {
        screen.line("")?;
        table(&fields, screen)?;
    }
    screen.line(&format!(
        "\n{NOTHING} is open to everybody whom the bridge lets in; (its own): to that user or session alone"
    ))
}

/// Prints rows under their heading, in columns.
fn table<const COLUMNS: usize>(rows: &[[String; COLUMNS]], screen: &Screen) -> Result<(), Failure> {
    let widths: [usize; COLUMNS] =
        std::array::from_fn(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default());
    for (index, row) in rows.iter().enumerate() {
        let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        let line = cells.join("  ");
        let line = line.trim_end();
        screen.line(&if index == 0 { screen.paint().paint(Colour::Bold, line) } else { line.to_owned() })?;
    }
    Ok(())
}

/// The same for programs; `null` where nothing is asked for.
pub(super) fn as_json(schema: &Schema) -> Value {
    let channels = schema.channels().iter().map(|channel| {
        let own = channel.own && !channel.is_single();
        let [subscribe, history, presence, send] = if own { [None; 4] } else { of_channel(channel) };
        json!({
            "template": &*channel.template, "ownOnly": own, "onConnect": channel.on_connect,
            "subscribe": subscribe, "history": history, "presence": presence, "send": send,
        })
    });
    let sends = sendable(schema).map(|event| {
        let channels: Vec<&str> = schema.templates_of(event).map(|channel| &*channel.template).collect();
        json!({ "event": &*event.name, "send": event.send_permission.as_deref(), "channels": channels })
    });
    let fields = guarded(schema)
        .map(|(field, visible_to)| json!({ "field": field, "visibleTo": visible_to, "maskedInLogs": true }));
    let fields: Vec<Value> = fields.collect();
    json!({ "channels": channels.collect::<Vec<_>>(), "sends": sends.collect::<Vec<_>>(), "fields": fields })
}
