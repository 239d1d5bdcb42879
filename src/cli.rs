//! The command line: one file a subcommand, help texts that teach.
//!
//! Results go to standard output, everything about the work itself to standard error; colours only to a terminal.
//! Exit codes: 0 done, 1 refused or failed, 2 said wrong, 3 nobody there.

mod bearer;
mod check;
mod config;
mod demo;
mod dev;
mod failure;
mod flags;
mod generate;
mod init;
mod logs;
mod look;
mod panics;
mod people;
mod proto;
mod publish;
mod screen;
mod serve;
mod subscribe;
mod tls;
mod token;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use failure::Failure;
use screen::Screen;

/// Typed events from gRPC services to browsers.
#[derive(Debug, Parser)]
#[command(name = "rialto", version, max_term_width = 110, after_help = FIRST_STEPS, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const FIRST_STEPS: &str = "\
First steps:
  rialto demo                                  a bridge, a page to look at, and something going on
  rialto subscribe project:42                  follow a channel of it from another terminal
  rialto publish system.heartbeat '{\"source\":\"me\"}'    say something yourself
  rialto init ./my-proto                       a schema of your own to begin with
  rialto check ./my-proto                      see whether your own schema would load
  rialto dev ./my-proto                        run a bridge that follows it while you write
  rialto serve --schema ./my-proto             run a bridge for it";

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Serve),
    Dev(dev::Dev),
    Demo(demo::Demo),
    Publish(publish::Publish),
    Subscribe(subscribe::Subscribe),
    Check(check::Check),
    Init(init::Init),
    Proto(proto::Proto),
    Config(config::Config),
    Token(token::Token),
    Disconnect(people::Disconnect),
    Revoke(people::Revoke),
    Generate(generate::Generate),
}

/// Runs the program: reads the command line, does what it says, and tells by the exit code how it went.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut screen = Screen::of_this_process();
    let done = match cli.command {
        Command::Serve(serve) => serve.run(&mut screen),
        Command::Dev(dev) => dev.run(&mut screen),
        Command::Demo(demo) => demo.run(&mut screen),
        Command::Publish(publish) => publish.run(&mut screen),
        Command::Subscribe(subscribe) => subscribe.run(&mut screen),
        Command::Check(check) => check.run(&mut screen),
        Command::Init(init) => init.run(&mut screen),
        Command::Proto(proto) => proto.run(&mut screen),
        Command::Config(config) => config.run(&mut screen),
        Command::Token(token) => token.run(&mut screen),
        Command::Disconnect(disconnect) => disconnect.run(&screen),
        Command::Revoke(revoke) => revoke.run(&screen),
        Command::Generate(generate) => generate.run(&mut screen),
    };
    match done {
        Ok(()) | Err(Failure::OutputClosed) => ExitCode::SUCCESS,
        Err(failure) => {
            screen.failure(&failure.to_string());
            failure.exit_code()
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::Cli;

    #[test]
    fn the_command_line_is_consistent_and_every_command_has_examples() {
        let mut command = Cli::command();
        command.build();
        command.clone().debug_assert();
        for subcommand in command.get_subcommands().filter(|subcommand| subcommand.get_name() != "help") {
            let name = subcommand.get_name();
            assert!(subcommand.get_about().is_some(), "{name} does not say what it does");
            let examples = subcommand.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(examples.contains(&format!("rialto {name}")), "{name} has no example");
        }
    }
}
