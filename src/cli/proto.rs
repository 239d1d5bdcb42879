//! `rialto proto`: the `.proto` files that Rialto brings along, for other compilers.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::failure::Failure;
use super::screen::Screen;
use crate::proto::SOURCES;

/// Give the .proto files that Rialto brings along to other compilers.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Proto {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  rialto proto export ./my-proto         into your schema's folder: `buf build` and protoc find every import then
  rialto proto export ./third-party      into a folder of its own: protoc -I./my-proto -I./third-party …
  rialto proto export --bundled ./proto  with the catalogue that a bridge without --schema serves";

#[derive(Debug, Subcommand)]
enum Command {
    Export(Export),
}

/// Write Rialto's options and services, buf/validate and google/rpc into a folder.
///
/// With them protoc, buf and the compilers of other languages can read your schema and make the stubs to publish with.
/// Rialto itself needs none of them: it leaves its own files in a schema's folder aside. Files of rialto/v1 are brought up
/// to date; a buf/validate or google/rpc file that is there and different is kept as it is.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
struct Export {
    /// Write the bundled catalogue too, whose events a bridge without --schema serves
    #[arg(long)]
    bundled: bool,
    /// The folder that imports will be relative to
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

impl Proto {
    /// Does what was asked.
    pub(crate) fn run(self, screen: &mut Screen) -> Result<(), Failure> {
        match self.command {
            Command::Export(export) => export.run(screen),
        }
    }
}

impl Export {
    fn run(self, screen: &mut Screen) -> Result<(), Failure> {
        for (name, text) in SOURCES.iter().filter(|(name, _)| self.bundled || is_for_others(name)) {
            let path = self.folder.join(name);
            match fs::read(&path) {
                Ok(there) if there == text.as_bytes() => screen.note(&format!("{} is up to date", path.display())),
                Ok(_) if !name.starts_with("rialto/") => {
                    screen.warning(&format!("{} is another version, and is kept", path.display()));
                }
                _ => {
                    write(&path, text)?;
                    screen.line(&path.display().to_string())?;
                }
            }
        }
        Ok(())
    }
}

/// Whether every schema's stubs import the file; the bundled catalogue is an example to those who have their own.
fn is_for_others(name: &str) -> bool {
    ["rialto/v1/", "buf/validate/", "google/rpc/"].iter().any(|folder| name.starts_with(folder))
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let cannot = |error| Failure::Refused(format!("{} cannot be written: {error}", path.display()));
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(cannot)?;
    }
    fs::write(path, text).map_err(cannot)
}
