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
    use super::*;

    #[test]
    fn only_words_of_the_program_are_told() {
        let text = "sécret".to_owned();
        let values = panic::catch_unwind(|| text[..2].len()).unwrap_err();
        assert_eq!(words(&*values), None);
        let words_alone = panic::catch_unwind(|| panic!("never")).unwrap_err();
        assert_eq!(words(&*words_alone), Some("never"));
    }
}
