//! What is wrong with a schema, where, and what to write instead.

use std::fmt;

use serde::Serialize;

/// One mistake in a schema.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Mistake {
    /// The file, as the user would open it.
    pub file: String,
    /// The line, from 1. `None` where the descriptors carry no source info.
    pub line: Option<u32>,
    /// The column in characters, from 1.
    pub column: Option<u32>,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub advice: String,
}

/// Where something stands, as compilers write it: `shop.proto:12:3`.
pub(super) fn write_place(
    f: &mut fmt::Formatter<'_>,
    file: &str,
    line: Option<u32>,
    column: Option<u32>,
) -> fmt::Result {
    f.write_str(file)?;
    let Some(line) = line else { return Ok(()) };
    write!(f, ":{line}")?;
    column.map_or(Ok(()), |column| write!(f, ":{column}"))
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_place(f, &self.file, self.line, self.column)?;
        write!(f, ": {}", self.message)?;
        for line in self.advice.lines() {
            write!(f, "\n    {line}")?;
        }
        Ok(())
    }
}

/// Why a schema is refused: every mistake, sorted by file and line, without repetition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LoadError {
    /// At least one.
    pub mistakes: Vec<Mistake>,
    /// Whether a mistake kept something from being looked at, so that there may be more once these are mended.
    pub may_hide_more: bool,
}

impl LoadError {
    pub(super) fn new(mut mistakes: Vec<Mistake>, may_hide_more: bool) -> Self {
        mistakes.sort();
        mistakes.dedup();
        LoadError { mistakes, may_hide_more }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.mistakes.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            mistake.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for LoadError {}
