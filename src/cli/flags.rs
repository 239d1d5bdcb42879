//! The configuration's keys as flags, for every command that starts a bridge.

use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches};

use crate::config::{Config, Group, Key, Takes, keys};

/// What was said on the command line, by key. The configuration judges it, not the command line's parser, so that all
/// mistakes are told at once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flags(pub(crate) Vec<(String, String)>);

impl FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut said = Vec::new();
        for key in keys() {
            if key.takes == Takes::Nothing {
                if matches.get_flag(key.name) {
                    said.push((key.name.to_owned(), "true".to_owned()));
                }
            } else {
                let values = matches.get_many::<String>(key.name).into_iter().flatten();
                said.extend(values.map(|value| (key.name.to_owned(), value.clone())));
            }
        }
        Ok(Flags(said))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Flags::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for Flags {
    fn augment_args(command: Command) -> Command {
        let defaults = Config::default();
        keys().iter().fold(command, |command, key| command.arg(argument(key, &defaults)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Flags::augment_args(command)
    }
}

fn argument(key: &'static Key, defaults: &Config) -> Arg {
    let default = match key.value(defaults).join(",") {
        value if value.is_empty() || key.takes == Takes::Nothing => String::new(),
        value => format!("default {value}; "),
    };
    let argument = Arg::new(key.name)
        .long(key.name)
        .help(format!("{} [{default}{}]", key.help, key.variable()))
        .help_heading(key.group.heading())
        // `-h` is for the things that most people set, `--help` for all.
        .hide_short_help(key.group != Group::Basics);
    match key.takes {
        Takes::Nothing => argument.action(ArgAction::SetTrue),
        Takes::One(name) => argument.value_name(name),
        Takes::Many(name) => argument.value_name(name).action(ArgAction::Append),
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, Command, FromArgMatches as _};

    use super::Flags;

    fn said(arguments: &[&str]) -> Result<Vec<(String, String)>, clap::Error> {
        let command = Flags::augment_args(Command::new("rialto").no_binary_name(true));
        Flags::from_arg_matches(&command.try_get_matches_from(arguments)?).map(|flags| flags.0)
    }

    #[test]
    fn flags_are_passed_on_by_key_and_judged_elsewhere() {
        let flags = said(&["--schema", "b", "--listen=nonsense", "--schema", "a", "--insecure"]).unwrap();
        let expected = [("listen", "nonsense"), ("schema", "b"), ("schema", "a"), ("insecure", "true")];
        assert_eq!(flags, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
        assert!(said(&[]).unwrap().is_empty());
    }

    #[test]
    fn an_unknown_flag_names_the_nearest() {
        let error = said(&["--max-conections", "5"]).unwrap_err().to_string();
        assert!(error.contains("--max-connections"), "{error}");
    }
}
