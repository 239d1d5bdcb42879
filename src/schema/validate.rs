//! Whether an event's payload is what its schema asks for: `buf.validate` rules, and proto2's required fields.
//!
//! Stands after decoding (a payload that comes here is well-formed) and before routing. What there is to check is worked
//! out when the schema is loaded; an event type without rules costs one look at a flag. Values are read off the wire
//! bytes as protobuf would merge them; only rules in CEL have a message made for them.
//!
//! Promises: every field that breaks a rule is told (at most 32) with its path, the rule's name and what the value must be,
//! and never with the value; the rules of an event work within a budget, patterns and CEL together, and what cannot be
//! evaluated is refused.

mod budget;
mod cel;
mod declare;
mod formats;
mod occurrences;
mod pattern;
mod plan;
mod range;
mod standard;
mod testing;
#[cfg(test)]
mod tests;
mod text;
mod walk;

use std::fmt;
use std::time::SystemTime;

pub use budget::Spending;
pub(super) use declare::{Declared, plan};
pub(super) use occurrences::{Scalar, scalar};
pub(super) use plan::Rules;

use super::{EventType, Schema};
use walk::Walk;

/// One field that is not as the schema asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The field's path in JSON names, `file.tags[2]`. Empty: the event as a whole.
    pub path: String,
    /// The name of the rule, `string.min_len`, or the id of a rule in CEL.
    pub rule: String,
    /// What the value must be.
    pub message: String,
}

/// What is said where a rule cannot be paid for.
const OVER_BUDGET: &str = "is too large for its rule to be evaluated";

impl Violation {
    /// Whether the event's rules would have taken more work than they may.
    pub fn is_over_budget(&self) -> bool {
        self.message == OVER_BUDGET
    }

    /// What the value must be, with the name of the rule.
    pub fn description(&self) -> String {
        match self.rule.as_str() {
            "required" => self.message.clone(),
            rule => format!("{} [{rule}]", self.message),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => f.write_str(&self.message),
            path => write!(f, "{path}: {}", self.message),
        }
    }
}

impl std::error::Error for Violation {}

impl Schema {
    /// Whether an event is what its schema asks for. The payload is already known to be well-formed. `now` is what rules
    /// about time compare with. What it costs is bounded by what an event may cost, and added to what was spent.
    ///
    /// # Errors
    /// The fields that are not, at most 32.
    pub fn validate(
        &self,
        event: &EventType,
        payload: &[u8],
        now: SystemTime,
        spending: &mut Spending,
    ) -> Result<(), Vec<Violation>> {
        if !event.is_validated {
            return Ok(());
        }
        let violations = spending.on(|| Walk::new(&self.pool, &self.rules, now).over(event.message, &[payload]));
        if violations.is_empty() { Ok(()) } else { Err(violations) }
    }
}
