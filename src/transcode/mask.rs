//! What of a message is not for somebody, and the message without it.

use std::sync::atomic::Ordering;

use buffa_descriptor::MessageIndex;

use super::Transcoder;
use super::cursor::Span;
use super::error::{Problem, TranscodeError};
use super::plan::FieldPlan;
use super::print::Backwards;
use crate::schema::Audience;

/// What is not printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mask {
    /// Fields that ask for one of these are hidden.
    pub(super) hidden: Audience,
    /// For a log: fields that logs mask are hidden, too, and every hidden field prints as [`MASKED`].
    pub(super) log: bool,
}

/// What stands in a log for a field that it must not show, whether it is set or not.
pub(super) const MASKED: &[u8] = b"\"***\"";

impl Mask {
    /// Everything is printed.
    pub(super) const NOTHING: Mask = Mask { hidden: Audience::NONE, log: false };
    /// A log is an audience that has no permission.
    pub(super) const LOG: Mask = Mask { hidden: Audience::ALL, log: true };

    #[inline(always)]
    pub(super) fn hides(self, field: &FieldPlan) -> bool {
        self.hidden.meets(field.asks) || (self.log && field.masked)
    }
}

impl Transcoder {
    /// The wire bytes of a message for those who have these permissions: what asks for others is cleared, at any depth, and
    /// what the schema does not know is left out.
    ///
    /// # Errors
    /// As [`Transcoder::to_json`], for bytes that it would refuse; and always where the transcoder was made without a schema's
    /// rules.
    pub fn reduce(&self, message: MessageIndex, wire: &[u8], audience: Audience) -> Result<Vec<u8>, TranscodeError> {
        self.reduced.fetch_add(1, Ordering::Relaxed);
        let reduced = self.cleared(message, wire, Mask { hidden: Audience::ALL.without(audience), log: false });
        reduced.inspect_err(|_| _ = self.withheld.fetch_add(1, Ordering::Relaxed))
    }

    /// Appends the ProtoJSON of what [`Transcoder::reduce`] has left for the same audience: hidden fields have no defaults
    /// either. On an error `json` is as it was.
    ///
    /// # Errors
    /// As [`Transcoder::to_json`].
    pub fn reduced_to_json(
        &self,
        message: MessageIndex,
        reduced: &[u8],
        audience: Audience,
        json: &mut Vec<u8>,
    ) -> Result<(), TranscodeError> {
        let printed = self.print(message, reduced, Mask { hidden: Audience::ALL.without(audience), log: false }, json);
        printed.inspect_err(|_| _ = self.withheld.fetch_add(1, Ordering::Relaxed))
    }

    /// Appends a message's JSON as a log may show it: fields that logs mask, and those that not everybody sees, are `"***"`,
    /// set or not. On an error `json` is as it was.
    ///
    /// # Errors
    /// As [`Transcoder::reduce`].
    pub fn to_log(&self, message: MessageIndex, wire: &[u8], json: &mut Vec<u8>) -> Result<(), TranscodeError> {
        let cleared = self.cleared(message, wire, Mask::LOG)?;
        self.print(message, &cleared, Mask::LOG, json)
    }

    /// How many payloads were reduced for an audience, by this transcoder and those that it counts with.
    pub fn reduced_count(&self) -> u64 {
        self.reduced.load(Ordering::Relaxed)
    }

    /// How many payloads could not be reduced, likewise. Whoever asked sends none then.
    pub fn withheld_count(&self) -> u64 {
        self.withheld.load(Ordering::Relaxed)
    }

    fn cleared(&self, message: MessageIndex, wire: &[u8], mask: Mask) -> Result<Vec<u8>, TranscodeError> {
        let plan = self.plans.find(message).filter(|_| self.knows_rules);
        let Some(plan) = plan else {
            return Err(TranscodeError { path: String::new(), offset: 0, problem: Problem::AnyUnknownType });
        };
        let mut printer = self.printer(wire, mask, Vec::new(), Vec::new());
        let mut out = Backwards::default();
        let whole = Span { start: 0, end: wire.len() };
        match printer.reduce(plan, &[whole], self.options.max_depth, &mut out) {
            Ok(()) => Ok(out.into_bytes()),
            Err(stop) => Err(self.error(stop, &printer)),
        }
    }
}
