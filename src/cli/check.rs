//! `rialto check`: would this schema load, what will be regretted, and what does it break?

mod against;
mod permissions;

use std::path::PathBuf;

use clap::Args;
use serde_json::{Map, Value, json};

use super::failure::Failure;
use super::screen::{Colour, Screen};
use crate::schema::compare::{Change, Rule, Severity, compare};
use crate::schema::lint::{Lint, LintRule, lint};
use crate::schema::{LoadError, Schema, Source};

/// Check a schema: list every mistake in it, what is likely to be regretted, and what it breaks.
///
/// Takes what `rialto serve --schema` takes: folders of .proto files and files with a FileDescriptorSet; several make one
/// schema together. Lists the event types and channels, those of the bundled catalogue when no path is given.
///
/// With --against it says what changed for those who still use an older schema, on the wire, in JSON, in event types,
/// channels, permissions and rules; where both look at the same thing the verdict is that of `buf breaking` (WIRE_JSON).
///
/// Exits with 0 when nothing is wrong (warnings and notes are not), 1 when there are mistakes or breaking changes, 2 when
/// what was said makes no sense.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Check {
    /// Folders of .proto files, or files with a FileDescriptorSet
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Compare with an older schema: a folder, a FileDescriptorSet, or a git ref of the folder's repository
    #[arg(long, value_name = "OLD")]
    against: Option<String>,
    /// Do not tell findings of this name, which stands in brackets behind each; may be repeated
    #[arg(long, value_name = "NAME")]
    allow: Vec<String>,
    /// Print what each channel and each client event asks of a token, for review
    #[arg(long)]
    permissions: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  rialto check ./my-proto                     file:line:column: what is wrong, and what to write instead
  rialto check ./my-proto --against main      what the change breaks, compared with a branch
  rialto check ./my-proto --against HEAD~1 --json           the same for a pipeline
  rialto check ./my-proto --against old.binpb --allow field-renamed
  rialto check ./common ./my-proto            several folders make one schema
  rialto check ./my-proto --permissions       who may subscribe to what, and send what
  rialto check                                the events and channels that come with Rialto";

impl Check {
    /// Loads the schema and says how it went.
    pub(crate) fn run(self, screen: &mut Screen) -> Result<(), Failure> {
        let known = Rule::ALL.iter().map(|rule| rule.name()).chain(LintRule::ALL.iter().map(|rule| rule.name()));
        let known: Vec<&str> = known.collect();
        if let Some(unknown) = self.allow.iter().find(|name| !known.contains(&name.as_str())) {
            return Err(Failure::Usage(format!(
                "--allow {unknown}: there is no such name; known: {}",
                known.join(", ")
            )));
        }
        let sources: Vec<Source> = match &self.paths {
            paths if paths.is_empty() => vec![Source::Bundled],
            paths => paths.iter().map(|path| Source::at(path)).collect(),
        };
        let old = self.against.as_deref().map(|old| against::sources(old, &self.paths)).transpose()?;
        let schema = match Schema::load(&sources) {
            Ok(schema) => schema,
            Err(error) => return Err(self.broken(&error, screen)?),
        };
        // The bundled catalogue is not the user's to change.
        let lints = if self.paths.is_empty() { Vec::new() } else { lint(&schema) };
        let lints: Vec<Lint> = lints.into_iter().filter(|lint| !self.allows(lint.rule.name())).collect();
        let changes = match old {
            None => None,
            Some(sources) => match Schema::load(&sources) {
                Ok(old) => Some(compare(&old, &schema)),
                Err(error) => return Err(self.nothing_to_compare_with(&error, screen)?),
            },
        };
        let changes: Option<Vec<Change>> =
            changes.map(|changes| changes.into_iter().filter(|change| !self.allows(change.rule.name())).collect());
        let told = changes.iter().flatten();
        let breaking = told.filter(|change| change.severity == Severity::Breaking).count();
        if self.json {
            let mut result = as_json(&schema, &lints, changes.as_deref(), breaking == 0);
            if self.permissions {
                result["permissions"] = permissions::as_json(&schema);
            }
            screen.line(&result.to_string())?;
        } else {
            self.tell(&schema, &lints, changes.as_deref(), screen)?;
        }
        match breaking {
            0 => Ok(()),
            count => Err(Failure::Refused(counted(count, "breaking change"))),
        }
    }

    fn allows(&self, name: &str) -> bool {
        self.allow.iter().any(|allowed| allowed == name)
    }

    /// Tells the mistakes of the schema.
    fn broken(&self, error: &LoadError, screen: &Screen) -> Result<Failure, Failure> {
        if self.json {
            let complete = !error.may_hide_more;
            screen.line(&json!({ "ok": false, "complete": complete, "mistakes": error.mistakes }).to_string())?;
        } else {
            list(error.mistakes.iter(), screen)?;
        }
        Ok(Failure::Refused(found(error)))
    }

    /// Tells the mistakes of the schema that was to be compared with: another one has to be named.
    fn nothing_to_compare_with(&self, error: &LoadError, screen: &Screen) -> Result<Failure, Failure> {
        if self.json {
            screen.line(&json!({ "ok": false, "mistakesOfOld": error.mistakes }).to_string())?;
        } else {
            list(error.mistakes.iter(), screen)?;
        }
        let old = self.against.as_deref().unwrap_or_default();
        let count = counted(error.mistakes.len(), "mistake");
        Ok(Failure::Usage(format!("--against {old}: the older schema has {count} itself; name one that loads")))
    }

    fn tell(
        &self,
        schema: &Schema,
        lints: &[Lint],
        changes: Option<&[Change]>,
        screen: &Screen,
    ) -> Result<(), Failure> {
        let paint = screen.paint();
        let breaks = changes.unwrap_or_default().iter().any(|change| change.severity == Severity::Breaking);
        if self.permissions {
            permissions::tell(schema, screen)?;
        } else if !breaks {
            summarise(schema, screen)?;
        }
        list(lints.iter(), screen)?;
        if let Some(changes) = changes {
            list(changes.iter(), screen)?;
            if changes.is_empty() {
                let old = self.against.as_deref().unwrap_or_default();
                screen.line(&paint.paint(Colour::Green, &format!("nothing changed for users of {old}")))?;
            }
        }
        Ok(())
    }
}

/// Lists findings, each with its first line in bold.
pub(super) fn list(findings: impl Iterator<Item = impl ToString>, screen: &Screen) -> Result<(), Failure> {
    let paint = screen.paint();
    for finding in findings {
        let text = finding.to_string();
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

/// How many mistakes are in the schema, and whether these are all.
pub(super) fn found(error: &LoadError) -> String {
    let count = error.mistakes.len();
    let more = match (error.may_hide_more, count) {
        (false, _) => "",
        (true, 1) => "; there may be more once it is mended",
        (true, _) => "; there may be more once these are mended",
    };
    format!("{} in the schema{more}", counted(count, "mistake"))
}

/// `1 mistake`, `2 mistakes`.
pub(super) fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn as_json(schema: &Schema, lints: &[Lint], changes: Option<&[Change]>, ok: bool) -> Value {
    let (events, channels) = own_parts(schema);
    let named = |(name, message): &(&str, &str)| json!({ "name": name, "message": message });
    let mut result = Map::new();
    result.insert("ok".to_owned(), ok.into());
    result.insert("events".to_owned(), events.iter().map(named).collect());
    result.insert("channels".to_owned(), channels.iter().map(named).collect());
    result.insert("fingerprint".to_owned(), schema.fingerprint().into());
    result.insert("warnings".to_owned(), json!(lints));
    if let Some(changes) = changes {
        result.insert("changes".to_owned(), json!(changes));
    }
    Value::Object(result)
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
