//! What a panic says in the log: where it was, and words that stand in the program; nothing that was put into them.
//!
//! A panic is a defect of ours or of a library's. Its message often has the value in it that nobody was prepared for, such as
//! the text that was cut in the middle of a character, and that may be somebody's payload.

use std::any::Any;
use std::panic;

/// Has panics of this process told in this way from now on.
pub(super) fn install() {
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(|place| format!("{}:{}:{}", place.file(), place.line(), place.column()));
        let place = place.unwrap_or_default();
        let said = words(panic.payload()).unwrap_or("(what it says has values in it, and is not shown)");
        let backtrace = std::backtrace::Backtrace::capture();
        let backtrace = matches!(backtrace.status(), std::backtrace::BacktraceStatus::Captured)
            .then(|| tracing::field::display(backtrace));
        tracing::error!(place, said, backtrace, "a defect of Rialto's: something panicked");
    }));
}

/// A panic's message, where nothing was put into it.
fn words(payload: &(dyn Any + Send)) -> Option<&'static str> {
    payload.downcast_ref::<&'static str>().copied()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::config::{LogConfig, LogFormat, LogLevel};

    /// What a process of this test is told, so that it panics where nobody else's panics are.
    const PANIC: &str = "panic-in-this-process";

    #[test]
    fn a_process_that_logs_tells_where_it_panicked_and_no_value() {
        let secret = "s\u{e9}cret-of-somebody";
        if std::env::args().any(|argument| argument == PANIC) {
            crate::cli::logs::install(LogConfig { format: LogFormat::Json, level: LogLevel::Info, payloads: false });
            let text = std::hint::black_box(secret.to_owned());
            panic::catch_unwind(|| text[..2].len()).unwrap_err();
            return;
        }
        let own = concat!(module_path!(), "::a_process_that_logs_tells_where_it_panicked_and_no_value");
        let (_, own) = own.split_once("::").unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap());
        let output = child.args(["--exact", own, PANIC, "--nocapture"]).output().unwrap();
        let (said, told) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && said.contains("1 passed"), "{said}{told}");
        assert!(told.contains("something panicked") && told.contains("src/cli/panics.rs:"), "{told}");
        assert!(!told.contains("cret-of") && !said.contains("cret-of"), "{told}");
    }

    #[test]
    fn only_words_of_the_program_are_told() {
        let text = "sécret".to_owned();
        let values = panic::catch_unwind(|| text[..2].len()).unwrap_err();
        assert_eq!(words(&*values), None);
        let words_alone = panic::catch_unwind(|| panic!("never")).unwrap_err();
        assert_eq!(words(&*words_alone), Some("never"));
    }
}
