//! `rialto token`: makes tokens of users for development and of publishers, and says what is wrong with one.

mod inspect;
mod mint;
mod publisher;

use clap::{Args, Subcommand};

use super::failure::Failure;
use super::screen::Screen;

/// Make a token, or see what is in one.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Token {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Mint(mint::Mint),
    Publisher(publisher::Publisher),
    Inspect(inspect::Inspect),
}

const EXAMPLES: &str = "\
Examples:
  openssl rand -hex 32 > secret
  rialto token mint --secret-file secret --sub u7 --permission 'project:*:read' --for 1h
  rialto token publisher --name billing --type 'invoice.*' --add-to publishers.toml > token
  rialto token inspect eyJ… --jwt-secret-file secret       what it says, and whether a bridge would take it";

impl Token {
    /// Does what was asked for.
    pub(crate) fn run(self, screen: &mut Screen) -> Result<(), Failure> {
        match self.command {
            Command::Mint(mint) => mint.run(screen),
            Command::Publisher(publisher) => publisher.run(screen),
            Command::Inspect(inspect) => inspect.run(screen),
        }
    }
}
