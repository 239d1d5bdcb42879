//! Log lines of a bridge, to standard error.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;

use crate::config::{LogConfig, LogFormat, LogLevel, Output, Process, wants_colour};
use crate::ingest::PAYLOADS_TARGET;

/// Sends the log lines of this process where `config` says. Does nothing when somebody has done so before.
pub(crate) fn install(config: LogConfig) {
    let level = match config.level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
        LogLevel::Trace => "trace",
    };
    // Libraries speak up only when something is wrong with them; their debug lines are of no use to an operator.
    // Payloads are for those who ask for them by name, however much else they want to see.
    let payloads = if config.payloads { "trace" } else { "off" };
    let filter = EnvFilter::new(format!("warn,rialto={level},{PAYLOADS_TARGET}={payloads}"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let installed = match config.format {
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
        LogFormat::Text => {
            let output = if io::stderr().is_terminal() { Output::Terminal } else { Output::Pipe };
            lines.with_ansi(wants_colour(&Process, output)).with_target(false).try_init()
        }
    };
    if installed.is_ok() {
        super::panics::install();
    }
}
