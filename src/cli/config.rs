//! `rialto config`: what holds, what it means, and where it was said.

use clap::Args;
use serde_json::{Value, json};

use super::failure::Failure;
use super::flags::Flags;
use super::screen::{Colour, Screen};
use crate::config::{Effective, Key, Origin, Process, Takes};

/// Show the configuration that a bridge would have.
///
/// Takes the flags of `rialto serve` and reads the same file and variables. Shows each key with its value, where that came
/// from, what it means and in which unit it is. Mistakes are listed all at once, as rialto serve would, with exit code 2.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Config {
    /// Print a file that --config takes: what was said as it is, what was not as comments
    #[arg(long, conflicts_with = "json")]
    toml: bool,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
    /// Only what was said, not what holds by default
    #[arg(long)]
    said: bool,
    #[command(flatten)]
    flags: Flags,
}

const EXAMPLES: &str = "\
Examples:
  rialto config                                     every key, its value, its meaning
  rialto config --config rialto.toml --said         what this file and the environment change
  rialto config --drain-timeout 1m --toml > rialto.toml
                                                    a file to go on from";

impl Config {
    /// Shows the configuration.
    pub(crate) fn run(self, screen: &mut Screen) -> Result<(), Failure> {
        let effective = Effective::load(&self.flags.0, &Process)?;
        if self.toml {
            return screen.line(effective.to_toml().trim_end());
        }
        let entries = effective.entries().filter(|(.., origin)| !self.said || **origin != Origin::Default);
        if self.json {
            let entries: Vec<Value> = entries.map(|(key, values, origin)| as_json(key, values, origin)).collect();
            return screen.line(&format!("{:#}", Value::from(entries)));
        }
        let paint = screen.paint();
        let mut group = None;
        for (key, values, origin) in entries {
            if group.replace(key.group) != Some(key.group) {
                screen.line(&paint.paint(Colour::Bold, key.group.heading()))?;
            }
            let value = if values.is_empty() { "(none)".to_owned() } else { values.join(", ") };
            let origin = match origin {
                Origin::Default => paint.paint(Colour::Dim, "default"),
                said => paint.paint(Colour::Green, &format!("from {said}")),
            };
            screen.line(&format!("  {} = {value}  {origin}", paint.paint(Colour::Blue, key.name)))?;
            screen.line(&paint.paint(Colour::Dim, &format!("      {} ({})", key.help, key.unit())))?;
        }
        Ok(())
    }
}

fn as_json(key: &Key, values: Vec<String>, origin: &Origin) -> Value {
    let value = match key.takes {
        Takes::Many(_) => Value::from(values),
        _ => values.into_iter().next().map_or(Value::Null, Value::from),
    };
    json!({
        "key": key.name, "value": value, "from": origin.to_string(), "group": key.group.heading(), "help": key.help,
        "unit": key.unit(), "flag": key.flag(), "variable": key.variable(), "example": key.example,
    })
}
