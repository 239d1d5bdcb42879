//! The event types that a subscription wants.
//!
//! Patterns become a set of type numbers, in one form only: filters that let the same events through are equal, and so
//! are one audience class.

use std::sync::Arc;

use super::{Schema, TypeIndex};

/// The event types that a subscription wants. Equal filters are one audience class.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TypeFilter {
    /// Every type.
    All,
    /// These, as a bit set by [`TypeIndex`].
    Only(Arc<[u64]>),
}

impl TypeFilter {
    /// Whether events of this type are wanted.
    pub fn allows(&self, index: TypeIndex) -> bool {
        match self {
            TypeFilter::All => true,
            TypeFilter::Only(bits) => {
                bits.get(index.0 as usize / 64).is_some_and(|word| word & (1 << (index.0 % 64)) != 0)
            }
        }
    }
}

/// As much of a pattern as an error repeats.
const SHOWN_CHARS: usize = 128;

/// A type pattern that names nothing: neither an event type of the schema nor a wildcard.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no event type {pattern:?} in the schema; a wildcard is the whole of \"*\" or ends in \".*\"")]
pub struct UnknownType {
    /// The pattern as it came, or its beginning.
    pub pattern: String,
}

impl Schema {
    /// Compiles type patterns of a subscription. An empty list is everything.
    ///
    /// A pattern is an event type of the schema, `*`, or `a.*`: every type that begins with `a.`, however many segments
    /// follow, and not `a` itself. Segments are parted by dots only, so `system_log` is one. Rialto's own types are not
    /// events of a channel: no pattern covers them, and naming one is an error. A wildcard also covers types of the
    /// revisions before this one: their events may still be in a log.
    ///
    /// # Errors
    /// A pattern that is no wildcard names no event type of the schema.
    pub fn type_filter(&self, patterns: &[String]) -> Result<TypeFilter, UnknownType> {
        if patterns.is_empty() {
            return Ok(TypeFilter::All);
        }
        let mut bits = vec![0_u64; self.numbers.len().div_ceil(64)];
        let mut want = |index: TypeIndex| bits[index.0 as usize / 64] |= 1 << (index.0 % 64);
        for pattern in patterns {
            let unknown = || UnknownType { pattern: pattern.chars().take(SHOWN_CHARS).collect() };
            match pattern.strip_suffix('*') {
                Some(prefix) => {
                    if !(prefix.is_empty() || prefix.strip_suffix('.').is_some_and(is_event_type)) {
                        return Err(unknown());
                    }
                    self.numbers
                        .foreign()
                        .filter(|(_, name)| name.starts_with(prefix))
                        .for_each(|(index, _)| want(index));
                }
                None => {
                    let event = self.event(pattern).filter(|event| !event.own).ok_or_else(unknown)?;
                    want(event.index);
                }
            }
        }
        let all = self.numbers.foreign().all(|(index, _)| bits[index.0 as usize / 64] & (1 << (index.0 % 64)) != 0);
        Ok(if all { TypeFilter::All } else { TypeFilter::Only(bits.into()) })
    }
}

/// Whether the text has the form of an event type: lower-case segments joined by dots.
pub fn is_event_type(text: &str) -> bool {
    text.split('.').all(|segment| {
        segment.starts_with(|first: char| first.is_ascii_lowercase())
            && segment.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    })
}
