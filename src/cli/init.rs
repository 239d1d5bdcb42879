//! `rialto init`: a schema folder that compiles at once.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use super::failure::Failure;
use super::screen::{Colour, Screen};

/// Make a schema folder that compiles at once, with a README of the next three commands.
///
/// The folder has one file with a channel, two events and rules for their fields, each explained where it stands. Nothing
/// that is there already is touched: the folder must be new or empty.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Init {
    /// The folder to make
    #[arg(value_name = "DIR", default_value = "my-proto")]
    folder: PathBuf,
}

const EXAMPLES: &str = "\
Examples:
  rialto init                    makes ./my-proto
  rialto init services/events    makes it there";

/// What is written, by path; `{DIR}` stands for the folder.
const FILES: [(&str, &str); 2] =
    [("shop/v1/shop.proto", include_str!("init/shop.proto")), ("README.md", include_str!("init/README.md"))];

impl Init {
    /// Writes the folder and says what to do next.
    pub(crate) fn run(self, screen: &mut Screen) -> Result<(), Failure> {
        let shown = shown(&self.folder);
        if self.folder.exists() && fs::read_dir(&self.folder).is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(Failure::Refused(format!(
                "{shown} is not empty, and nothing in it is touched; name a new folder"
            )));
        }
        let cannot = |path: &Path, error: std::io::Error| {
            Failure::Refused(format!("{} cannot be written: {error}", path.display()))
        };
        for (name, text) in FILES {
            let path = self.folder.join(name);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent).map_err(|error| cannot(parent, error))?;
            }
            fs::write(&path, text.replace("{DIR}", &shown)).map_err(|error| cannot(&path, error))?;
            screen.line(&path.display().to_string())?;
        }
        screen.note("next:");
        let readme = FILES[1].1.replace("{DIR}", &shown);
        let commands = readme.lines().filter(|line| line.starts_with("rialto ")).take(3);
        let paint = screen.paint();
        for command in commands {
            screen.line(&format!("  {}", paint.paint(Colour::Bold, command)))?;
        }
        Ok(())
    }
}

/// The folder as a person types it to a shell.
fn shown(folder: &Path) -> String {
    let text = folder.display().to_string();
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '-' | '_' | '~');
    if text.chars().all(is_plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}
