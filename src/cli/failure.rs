//! Why a command did not do what it was asked to, and the exit code for that.

use std::process::ExitCode;

use crate::app;
use crate::config::ConfigError;

/// Why a command failed, for the person who gave it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Whoever read our output has enough: not an error.
    #[error("the output was closed")]
    OutputClosed,
    /// The flags or variables are wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The bridge did not start or broke down.
    #[error("{}", chain(.0))]
    App(#[from] app::Error),
    /// The input or output failed.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// What was said on the command line makes no sense.
    #[error("{0}")]
    Usage(String),
    /// The bridge, or our own check, said no.
    #[error("{0}")]
    Refused(String),
    /// The bridge cannot be reached.
    #[error("{0}")]
    Unreachable(String),
}

impl Failure {
    /// 1 refused or failed, 2 said wrong, 3 nobody there.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Failure::OutputClosed => ExitCode::SUCCESS,
            Failure::App(_) | Failure::Io(_) | Failure::Refused(_) => ExitCode::from(1),
            Failure::Config(_) | Failure::Usage(_) => ExitCode::from(2),
            Failure::Unreachable(_) => ExitCode::from(3),
        }
    }
}

/// An error with everything that caused it, outermost first.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let inner = error.to_string();
        // Some libraries repeat their cause in their own text.
        if !text.contains(&inner) {
            text.push_str(": ");
            text.push_str(&inner);
        }
        cause = error.source();
    }
    text
}
