//! Log lines of a bridge, to standard error.
//!
//! Lines repeat names that peers chose. The subscriber escapes what moves a terminal's cursor; [`Plainly`] does the same with what
//! makes one line look like two, or like another one.

use std::io::{self, IsTerminal as _, Write};

use tracing_subscriber::EnvFilter;

use super::screen::misleads;
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
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| Plainly(io::stderr()));
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

/// Writes text in which nothing misleads: such letters are escaped as JSON has them, which any line may have.
struct Plainly<W>(W);

impl<W: Write> Write for Plainly<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match std::str::from_utf8(line) {
            Ok(text) if text.contains(misleads) => {
                let mut plain = String::with_capacity(text.len() + 16);
                for letter in text.chars() {
                    if misleads(letter) {
                        plain.push_str(&format!("\\u{:04x}", u32::from(letter)));
                    } else {
                        plain.push(letter);
                    }
                }
                self.0.write_all(plain.as_bytes())?;
            }
            // The subscriber writes whole lines, so what is no text is nobody's name.
            _ => self.0.write_all(line)?,
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_a_line_look_like_another_one_is_escaped() {
        let mut written = Vec::new();
        let line = "{\"user\":\"ann\u{202e}nimda\u{2028}INFO\u{85}\",\"note\":\"\u{e4} \u{645}\"}\n";
        Plainly(&mut written).write_all(line.as_bytes()).unwrap();
        let plain = String::from_utf8(written).unwrap();
        assert_eq!(plain, "{\"user\":\"ann\\u202enimda\\u2028INFO\\u0085\",\"note\":\"\u{e4} \u{645}\"}\n");
        let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(read(&plain), read(line), "it says the same");
    }
}
