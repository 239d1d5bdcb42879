//! `rialto check`: would this schema load?

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::failure::Failure;
use super::screen::{Colour, Screen};
use crate::schema::{LoadError, Schema, Source};

/// Check a schema and list every mistake in it.
///
/// Takes what `rialto serve --schema` takes: folders of .proto files and files with a FileDescriptorSet; several make one
/// schema together. Lists the event types and channels, those of the bundled catalogue when no path is given. Exits with
/// 1 when there are mistakes.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Check {
    /// Folders of .proto files, or files with a FileDescriptorSet
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  rialto check ./my-proto               file:line:column: what is wrong, and what to write instead
  rialto check ./my-proto --json        the same for an editor or a pipeline
  rialto check ./common ./my-proto      several folders make one schema
  rialto check                          the events and channels that come with Rialto";

impl Check {
    /// Loads the schema and says how it went.
    pub(crate) fn run(self, screen: &mut Screen) -> Result<(), Failure> {
        let sources: Vec<Source> = match self.paths {
            paths if paths.is_empty() => vec![Source::Bundled],
            paths => paths.iter().map(|path| Source::at(path)).collect(),
        };
        match Schema::load(&sources) {
            Ok(schema) if self.json => screen.line(&summary_as_json(&schema).to_string()),
            Ok(schema) => summarise(&schema, screen),
            Err(error) => {
                if self.json {
                    screen.line(&json!({ "ok": false, "mistakes": error.mistakes }).to_string())?;
                } else {
                    list(&error, screen)?;
                }
                Err(Failure::Refused(format!("{} in the schema", counted(error.mistakes.len(), "mistake"))))
            }
        }
    }
}

/// Lists the mistakes of a schema, each with its place and advice.
pub(super) fn list(error: &LoadError, screen: &Screen) -> Result<(), Failure> {
    let paint = screen.paint();
    for mistake in &error.mistakes {
        let text = mistake.to_string();
        let mut lines = text.lines();
        screen.line(&paint.paint(Colour::Bold, lines.next().unwrap_or_default()))?;
        for advice in lines {
            screen.line(advice)?;
        }
    }
    Ok(())
}

fn summarise(schema: &Schema, screen: &Screen) -> Result<(), Failure> {
    let paint = screen.paint();
    let (events, channels) = own_parts(schema);
    let found = format!("ok: {}, {}", counted(events.len(), "event type"), counted(channels.len(), "channel"));
    screen.line(&paint.paint(Colour::Green, &found))?;
    for (name, message) in events {
        screen.line(&format!("  {name:<32} {}", paint.paint(Colour::Dim, message)))?;
    }
    for (template, message) in channels {
        screen.line(&format!("  {template:<32} {}", paint.paint(Colour::Dim, message)))?;
    }
    screen.line(&format!("fingerprint {}", schema.fingerprint()))
}

/// `1 mistake`, `2 mistakes`.
pub(super) fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn summary_as_json(schema: &Schema) -> serde_json::Value {
    let (events, channels) = own_parts(schema);
    let named = |(name, message): &(&str, &str)| json!({ "name": name, "message": message });
    json!({
        "ok": true,
        "events": events.iter().map(named).collect::<Vec<_>>(),
        "channels": channels.iter().map(named).collect::<Vec<_>>(),
        "fingerprint": schema.fingerprint(),
    })
}

/// A name and the message that declares it.
type Named<'a> = (&'a str, &'a str);

/// The event types and channel templates that are the schema's own, not Rialto's.
fn own_parts(schema: &Schema) -> (Vec<Named<'_>>, Vec<Named<'_>>) {
    let events = schema.events().iter().filter(|event| !event.own);
    let channels = schema.channels().iter().filter(|channel| !channel.own);
    (
        events.map(|event| (&*event.name, &*event.message_name)).collect(),
        channels.map(|channel| (&*channel.template, &*channel.message_name)).collect(),
    )
}
