//! Regular expressions whose searches are paid for.
//!
//! A pattern whose automaton is small is searched with that: one step for each byte, whatever the text. Any other may have
//! to look at every part of itself for each byte, and pays for that.

use regex::{Regex, RegexBuilder};
use regex_automata::Input;
use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::nfa::thompson::{self, WhichCaptures};

use super::budget::{Spent, pay};

/// Memory for a compiled pattern of the schema, in bytes.
const MAX_PROGRAM_BYTES: usize = 1 << 20;
/// Memory for its automaton, in bytes.
const MAX_AUTOMATON_BYTES: usize = 1 << 20;
/// Memory for a compiled pattern of a payload, in bytes.
const MAX_SENT_PROGRAM_BYTES: usize = 64 << 10;
/// The longest pattern of a payload.
const MAX_SENT_BYTES: usize = 256;
/// What it costs to compile one, and each byte of it.
const COMPILING_UNITS: u64 = 20_000;
const COMPILING_BYTE_UNITS: u64 = 200;
/// Bytes that an automaton reads for one unit.
const BYTES_PER_UNIT: u64 = 16;
/// States that a search without one may visit for one unit.
const STATES_PER_UNIT: u64 = 4;

/// A compiled pattern.
#[derive(Debug)]
pub(super) struct Pattern {
    regex: Regex,
    automaton: Option<Box<dense::DFA<Vec<u32>>>>,
    states: u64,
}

/// Why a pattern is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PatternError {
    /// It is no regular expression: why.
    Syntax(String),
    TooLarge,
    /// The event has had its share.
    Spent,
}

impl From<Spent> for PatternError {
    fn from(_: Spent) -> Self {
        PatternError::Spent
    }
}

impl Pattern {
    /// A pattern of the schema.
    pub(super) fn compile(pattern: &str) -> Result<Self, PatternError> {
        let (regex, nfa) = compile(pattern, MAX_PROGRAM_BYTES)?;
        let limits = dense::Config::new()
            .start_kind(StartKind::Unanchored)
            .determinize_size_limit(Some(MAX_AUTOMATON_BYTES))
            .dfa_size_limit(Some(MAX_AUTOMATON_BYTES));
        let automaton = dense::Builder::new().configure(limits).build_from_nfa(&nfa).ok().map(Box::new);
        Ok(Pattern { regex, automaton, states: nfa.states().len() as u64 })
    }

    /// A pattern that came in a payload.
    pub(super) fn compile_sent(pattern: &str) -> Result<Self, PatternError> {
        if pattern.len() > MAX_SENT_BYTES {
            return Err(PatternError::TooLarge);
        }
        pay(COMPILING_UNITS + COMPILING_BYTE_UNITS * pattern.len() as u64)?;
        let (regex, nfa) = compile(pattern, MAX_SENT_PROGRAM_BYTES)?;
        Ok(Pattern { regex, automaton: None, states: nfa.states().len() as u64 })
    }

    /// As it was written.
    pub(super) fn as_str(&self) -> &str {
        self.regex.as_str()
    }

    /// Whether it is found in a text.
    pub(super) fn is_match(&self, text: &str) -> Result<bool, Spent> {
        let bytes = text.len() as u64;
        if let Some(automaton) = &self.automaton {
            pay(1 + bytes / BYTES_PER_UNIT)?;
            if let Ok(found) = automaton.try_search_fwd(&Input::new(text).earliest(true)) {
                return Ok(found.is_some());
            }
        }
        pay(1 + (bytes + 1).saturating_mul(self.states) / STATES_PER_UNIT)?;
        Ok(self.regex.is_match(text))
    }
}

fn compile(pattern: &str, max_bytes: usize) -> Result<(Regex, thompson::NFA), PatternError> {
    let regex = RegexBuilder::new(pattern).size_limit(max_bytes).build().map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => PatternError::TooLarge,
        error => PatternError::Syntax(last_line(&error.to_string())),
    })?;
    let limits = thompson::Config::new().which_captures(WhichCaptures::None).nfa_size_limit(Some(max_bytes));
    let nfa = thompson::Compiler::new().configure(limits).build(pattern).map_err(|_| PatternError::TooLarge)?;
    Ok((regex, nfa))
}

/// An error of the regex crate ends with what is wrong.
fn last_line(text: &str) -> String {
    text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
}
