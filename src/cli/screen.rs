//! The terminal, or what stands in for it: lines out, notes beside them, colours where somebody sees them.

use std::io::{self, IsTerminal as _, Write as _};

use super::failure::Failure;
use crate::config::{Output, Process, wants_colour};

/// Where a command's results and notes go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Screen {
    out: Paint,
    err: Paint,
}

impl Screen {
    /// Standard output and standard error.
    pub(crate) fn of_this_process() -> Self {
        let paint = |terminal| {
            let output = if terminal { Output::Terminal } else { Output::Pipe };
            if wants_colour(&Process, output) { Paint::Coloured } else { Paint::Plain }
        };
        Screen { out: paint(io::stdout().is_terminal()), err: paint(io::stderr().is_terminal()) }
    }

    /// Writes a result.
    pub(crate) fn line(&self, text: &str) -> Result<(), Failure> {
        match writeln!(io::stdout().lock(), "{text}") {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Failure::OutputClosed),
            written => Ok(written?),
        }
    }

    /// Writes a note about the work.
    pub(crate) fn note(&self, text: &str) {
        self.say(Colour::Dim, text);
    }

    /// Writes a note that must not be missed.
    pub(crate) fn warning(&self, text: &str) {
        self.say(Colour::Yellow, text);
    }

    /// Writes why the command failed.
    pub(crate) fn failure(&self, text: &str) {
        self.say(Colour::Red, &format!("rialto: {text}"));
    }

    /// The colours of results.
    pub(crate) fn paint(&self) -> Paint {
        self.out
    }

    fn say(&self, colour: Colour, text: &str) {
        // A closed standard error leaves nobody to tell.
        let _ = writeln!(io::stderr().lock(), "{}", self.err.paint(colour, text));
    }
}

/// Whether text is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paint {
    /// With ANSI escapes.
    Coloured,
    /// As it is.
    Plain,
}

/// The colours in use.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Colour {
    /// What matters least.
    Dim,
    /// Names of channels.
    Blue,
    /// Event types, and what went well.
    Green,
    /// Warnings.
    Yellow,
    /// Failures.
    Red,
    /// Headings.
    Bold,
}

impl Paint {
    /// The text in a colour.
    pub(crate) fn paint(self, colour: Colour, text: &str) -> String {
        let code = match colour {
            Colour::Bold => 1,
            Colour::Dim => 2,
            Colour::Red => 31,
            Colour::Green => 32,
            Colour::Yellow => 33,
            Colour::Blue => 34,
        };
        match self {
            Paint::Coloured => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            Paint::Plain => text.to_owned(),
        }
    }
}

/// Text of a peer as it may appear on a terminal: without control characters, which could move the cursor or worse, and
/// without what [`misleads`].
pub(crate) fn harmless(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || misleads(c) { '\u{fffd}' } else { c }).collect()
}

/// Whether a letter makes a line look like another one: it turns the direction of reading round, or ends the line for some readers.
pub(crate) fn misleads(letter: char) -> bool {
    matches!(letter, '\u{85}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::{Colour, Paint, harmless};

    #[test]
    fn plain_text_has_no_escapes_and_coloured_text_is_reset() {
        assert_eq!(Paint::Plain.paint(Colour::Red, "no"), "no");
        assert_eq!(Paint::Coloured.paint(Colour::Red, "no"), "\u{1b}[31mno\u{1b}[0m");
    }

    #[test]
    fn a_peer_cannot_send_escapes_to_the_terminal() {
        assert_eq!(harmless("a\u{1b}[2Jb\u{9b}c é"), "a\u{fffd}[2Jb\u{fffd}c é");
        assert_eq!(harmless("a\u{202e}b\u{2028}c\u{2066}"), "a\u{fffd}b\u{fffd}c\u{fffd}");
    }
}
