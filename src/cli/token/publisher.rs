//! `rialto token publisher`.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Args;
use toml_edit::Value;

use super::super::failure::Failure;
use super::super::screen::Screen;
use crate::auth::publishers::TokenHash;
use crate::config::{ConfigError, Mistake, parse_publishers};

/// How tokens begin: whoever finds one in a log or a repository sees what it is.
pub(super) const PREFIX: &str = "rialto_";

/// Make a token for a publisher, and its lines for the bridge's --publishers file.
///
/// Prints the token alone, once: the file has only its hash, so a lost one is made anew. The lines go to --add-to, or
/// else to standard error.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Publisher {
    /// The publisher: how logs, metrics and refusals call it
    #[arg(long, value_name = "NAME")]
    name: String,
    /// An event type that it may publish, exact or as invoice.*; may be repeated; all where only channels are said
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
    /// A channel that it may publish to, * for one segment and a last ** for the rest; may be repeated; all where only types are
    /// said
    #[arg(long = "channel", value_name = "CHANNEL")]
    channels: Vec<String>,
    /// Every type and every channel: for who is to have no bounds
    #[arg(long, conflicts_with_all = ["types", "channels"])]
    everything: bool,
    /// A tenant that it may publish for; may be repeated; only the one without a name unless said
    #[arg(long = "tenant", value_name = "NAME")]
    tenants: Vec<String>,
    /// The file to add the lines to
    #[arg(long, value_name = "PATH")]
    add_to: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  rialto token publisher --name billing --type 'invoice.*' --channel 'project:*' --add-to publishers.toml > token
  rialto serve --publishers publishers.toml
  rialto publish invoice.sent '{…}' --token @token";

/// What is wrong in lines that were made of options, by option.
fn said_here(mistakes: Vec<Mistake>) -> Failure {
    let options = [("name", "--name"), ("types", "--type"), ("channels", "--channel"), ("tenants", "--tenant")];
    let by_option = mistakes.into_iter().map(|mistake| {
        let option = options.iter().find(|(key, _)| mistake.key.ends_with(&format!(": {key}")));
        let key = option.map_or_else(|| mistake.key.clone(), |(_, option)| (*option).to_owned());
        format!("{key}: {}", mistake.problem)
    });
    Failure::Usage(by_option.collect::<Vec<_>>().join("\n"))
}

impl Publisher {
    /// Prints the token and its lines.
    pub(super) fn run(self, screen: &Screen) -> Result<(), Failure> {
        if !self.everything && self.types.is_empty() && self.channels.is_empty() {
            let problem = "say what it may publish: --type 'invoice.*', --channel 'project:*' or both; --everything is all types \
                           and channels";
            return Err(Failure::Usage(problem.to_owned()));
        }
        let token = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()));
        let lines = self.lines(&TokenHash::of(token.as_bytes()));
        // By themselves first: what is wrong in them was said on the command line.
        parse_publishers(Path::new(""), &lines).map_err(said_here)?;
        let before = match &self.add_to {
            Some(path) => match fs::read_to_string(path) {
                Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
                read => read.map_err(|error| Failure::Usage(format!("--add-to: {} {error}", path.display())))?,
            },
            None => String::new(),
        };
        let gap = if before.is_empty() || before.ends_with("\n\n") { "" } else { "\n" };
        let end = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
        let added = format!("{end}{gap}{lines}");
        if let Some(path) = &self.add_to {
            self.check_with(path, &before, &added)?;
        }
        match &self.add_to {
            Some(path) => fs::OpenOptions::new().create(true).append(true).open(path)?.write_all(added.as_bytes())?,
            None => screen.note(lines.trim_end()),
        }
        screen.line(&token)
    }

    /// The file is checked with the new lines in it: a bridge that reads it takes it whole or not at all.
    fn check_with(&self, path: &Path, before: &str, added: &str) -> Result<(), Failure> {
        let wrong = |mistakes| ConfigError { mistakes };
        let is_there = !before.trim().is_empty() && parse_publishers(path, before).map_err(wrong)?.has(&self.name);
        if is_there {
            return Err(Failure::Usage(format!(
                "--name: {} has a publisher {:?} already, and one publisher has one table; for a second token of it leave out \
                 --add-to, and put the new hash beside the other one: token-sha256 = [\"…\", \"…\"]",
                path.display(),
                self.name
            )));
        }
        parse_publishers(path, &format!("{before}{added}")).map_err(wrong)?;
        Ok(())
    }

    fn lines(&self, hash: &TokenHash) -> String {
        let text = |text: &str| Value::from(text).to_string();
        let list = |texts: &[String]| {
            let texts: Vec<String> = texts.iter().map(|one| text(one)).collect();
            if texts.is_empty() { "[\"*\"]".to_owned() } else { format!("[{}]", texts.join(", ")) }
        };
        let mut lines = format!(
            "[[publisher]]\nname = {}\ntoken-sha256 = \"{hash}\"\ntypes = {}\nchannels = {}\n",
            text(&self.name),
            list(&self.types),
            list(&self.channels),
        );
        if !self.tenants.is_empty() {
            lines.push_str(&format!("tenants = {}\n", list(&self.tenants)));
        }
        lines
    }
}
