//! What is allowed in a schema and likely to be regretted, each with the reason.
//!
//! Nothing here keeps a schema from being loaded. Promises that every kind has a name by which it can be allowed, and a
//! reason that holds for Rialto; style alone is left to `buf lint`.

use std::fmt;

use serde::{Serialize, Serializer};

use super::Schema;
use super::mistake::write_place;

mod linter;

/// One thing that is likely to be regretted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lint {
    /// What kind of thing it is.
    pub rule: LintRule,
    /// The file, as the user would open it.
    pub file: String,
    /// The line, from 1. `None` where the descriptors carry no source info.
    pub line: Option<u32>,
    /// The column in characters, from 1.
    pub column: Option<u32>,
    /// What is there.
    pub message: String,
    /// Why it will be regretted.
    pub why: &'static str,
    /// What to write instead.
    pub advice: String,
}

impl fmt::Display for Lint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_place(f, &self.file, self.line, self.column)?;
        write!(f, ": warning: {} [{}]\n    {}\n    {}", self.message, self.rule.name(), self.why, self.advice)
    }
}

/// A kind of thing that is likely to be regretted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum LintRule {
    /// A field of a client event is called as a member of a frame's envelope.
    EnvelopeName,
    /// An event or a channel has no comment.
    MissingComment,
    /// The first value of an enum stands for something.
    EnumZero,
    /// No event goes to a template.
    UnusedChannel,
    /// An event type is one word.
    EventTypeForm,
    /// A 64-bit integer is a string in JSON.
    Int64String,
    /// A field is `required`.
    RequiredField,
    /// A field that logs mask fills a channel's name.
    MaskedInName,
    /// There is no event at all.
    NoEvents,
}

impl LintRule {
    /// Every kind.
    pub const ALL: &'static [LintRule] = &[
        LintRule::EnvelopeName,
        LintRule::MissingComment,
        LintRule::EnumZero,
        LintRule::UnusedChannel,
        LintRule::EventTypeForm,
        LintRule::Int64String,
        LintRule::RequiredField,
        LintRule::MaskedInName,
        LintRule::NoEvents,
    ];

    /// Its name, as `--allow` takes it.
    pub fn name(self) -> &'static str {
        match self {
            LintRule::EnvelopeName => "envelope-name",
            LintRule::MissingComment => "missing-comment",
            LintRule::EnumZero => "enum-zero",
            LintRule::UnusedChannel => "unused-channel",
            LintRule::EventTypeForm => "event-type-form",
            LintRule::Int64String => "int64-string",
            LintRule::RequiredField => "required-field",
            LintRule::MaskedInName => "masked-in-name",
            LintRule::NoEvents => "no-events",
        }
    }

    /// Why it will be regretted.
    pub fn why(self) -> &'static str {
        match self {
            LintRule::EnvelopeName => "a person at wscat who types the event flat cannot fill the field",
            LintRule::MissingComment => "comments are the documentation of the generated clients",
            LintRule::EnumZero => "a value that was never set reads as the first one, and nobody can tell",
            LintRule::UnusedChannel => "clients can subscribe to it, and nothing will ever come",
            LintRule::EventTypeForm => "patterns such as `order.*` work on the segments of a type",
            LintRule::Int64String => {
                "a 64-bit integer is a string in JSON and in TypeScript, because a number there is exact up to 2^53 only"
            }
            LintRule::RequiredField => "it can never be left out or removed again without breaking somebody",
            LintRule::MaskedInName => "the names of channels stand in logs and in what operators look at",
            LintRule::NoEvents => "a bridge with it refuses everything that is published",
        }
    }
}

impl Serialize for LintRule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// Everything in the schema's own files that is likely to be regretted, by place.
pub fn lint(schema: &Schema) -> Vec<Lint> {
    let mut found = linter::found(schema);
    found.sort_by(|left, right| {
        (&left.file, left.line, left.column, left.rule).cmp(&(&right.file, right.line, right.column, right.rule))
    });
    found
}
