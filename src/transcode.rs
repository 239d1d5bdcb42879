//! Payload bytes ⇄ ProtoJSON, by plans made from descriptors.
//!
//! A [`Transcoder`] serves one revision of a schema: its plans are made once and never change. Printing is one pass
//! over the wire bytes without a message object; what that pass cannot keep in order is grouped and printed by a slower
//! one. Reading is one pass over the text by the same plans.
//!
//! Promises: the JSON is ProtoJSON of the whole message or there is none; equal input gives equal text; fields come in
//! the order of their first occurrence on the wire, defaults after them in the order of the schema; every bound of
//! [`Options`] holds through groups, maps, `Struct` and `Any`; the work is linear (times a logarithm) whatever a
//! publisher sends; an error names the field and never shows payload.
//!
//! What not everybody may see is made from the same bytes: [`Transcoder::reduce`] clears the hidden fields on the wire, and
//! JSON is printed from what it leaves, so that the two forms cannot differ.
//!
//! Decisions where ProtoJSON leaves room: an integral double is printed as JavaScript does (`1`, not `1.0`) below 2^53,
//! and a float below 2^24, everything else in the shortest form that reads back, `-0.0` as itself; a `Value`
//! without a kind is `null`; an `Any` of an unknown type is an error; an `Any` of an `Empty` has no `value`; `[jstype =
//! JS_NUMBER]` is a JSON number, refused beyond 2^53 - 1 in both directions; absent messages, `optional` fields, oneof
//! members and `NullValue` are left out even where defaults are printed.

mod cursor;
mod error;
mod mask;
mod plan;
mod print;
mod read;
mod writer;

#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use buffa_descriptor::{DescriptorPool, MessageIndex};

use crate::schema::{FieldRules, Schema};

use cursor::Span;
pub use error::{Problem, TranscodeError};
use error::{Stop, join_path};
use mask::Mask;
use plan::Plans;
use print::{GroupEnds, MapKey, Printer};
use writer::Writer;

/// Keys that the scratch keeps room for between events.
const KEEP_KEYS: usize = 4096;

/// Prints and reads every message of one pool.
pub struct Transcoder {
    plans: Plans,
    options: Options,
    /// Shared by the transcoders of all revisions.
    slow_path: Arc<AtomicU64>,
    /// Shared likewise.
    reduced: Arc<AtomicU64>,
    /// Shared likewise.
    withheld: Arc<AtomicU64>,
    /// Whether the plans know who sees which field.
    knows_rules: bool,
}

/// How to print, and how much.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Print fields without presence that are not on the wire with their defaults (the bridge's form), or leave them out
    /// (canonical ProtoJSON).
    pub print_defaults: bool,
    /// Refuse NaN and the infinities instead of printing them as strings.
    pub refuse_non_finite: bool,
    /// Take the slow path for every level (tests, comparisons).
    pub force_slow_path: bool,
    /// Nesting, through groups, maps, Struct and Any. Default 100.
    pub max_depth: u32,
    /// Repeated items, map entries, list and Struct members of one event together. Default 65,536.
    pub max_elements: u32,
    /// Bytes of JSON. Default 4 MiB.
    pub max_json_bytes: usize,
}

impl Default for Options {
    /// The bridge's own form and limits.
    fn default() -> Self {
        Self {
            print_defaults: true,
            refuse_non_finite: true,
            force_slow_path: false,
            max_depth: 100,
            max_elements: 65_536,
            max_json_bytes: 4 * 1024 * 1024,
        }
    }
}

/// What one thread keeps between events, so that printing does not allocate.
#[derive(Default)]
struct Scratch {
    buffer: Vec<u8>,
    keys: Vec<MapKey>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

impl Transcoder {
    /// Makes the plans of every message of the pool.
    pub fn new(pool: &Arc<DescriptorPool>, options: Options) -> Self {
        let plans = Plans::new(pool, options.print_defaults);
        let (slow_path, reduced, withheld) = Default::default();
        Self { plans, options, slow_path, reduced, withheld, knows_rules: false }
    }

    /// Makes the plans of a schema's messages, with what it says about who sees which field.
    pub fn of(schema: &Schema, options: Options) -> Self {
        Self::with_rules(schema.pool(), schema.field_rules(), options)
    }

    /// Makes the plans of a pool's messages, whose fields these say who sees.
    pub fn with_rules(pool: &Arc<DescriptorPool>, rules: &FieldRules, options: Options) -> Self {
        let mut transcoder = Self::new(pool, options);
        transcoder.plans.guard(rules);
        transcoder.knows_rules = true;
        transcoder
    }

    /// Counts on where this one counts.
    #[must_use]
    pub fn counting_with(mut self, before: &Transcoder) -> Self {
        self.slow_path = Arc::clone(&before.slow_path);
        self.reduced = Arc::clone(&before.reduced);
        self.withheld = Arc::clone(&before.withheld);
        self
    }

    /// Appends the ProtoJSON of `wire` to `json`; on an error `json` is as it was.
    ///
    /// `message` is an index of the pool that the transcoder was made from.
    ///
    /// # Errors
    ///
    /// Bytes that are not this message, values that have no JSON, bounds of [`Options`].
    pub fn to_json(&self, message: MessageIndex, wire: &[u8], json: &mut Vec<u8>) -> Result<(), TranscodeError> {
        self.print(message, wire, Mask::NOTHING, json)
    }

    fn print(&self, message: MessageIndex, wire: &[u8], mask: Mask, json: &mut Vec<u8>) -> Result<(), TranscodeError> {
        let Some(plan) = self.plans.find(message) else {
            return Err(TranscodeError { path: String::new(), offset: 0, problem: Problem::AnyUnknownType });
        };
        SCRATCH.with_borrow_mut(|scratch| {
            let buffer = std::mem::take(&mut scratch.buffer);
            let mut printer = self.printer(wire, mask, buffer, std::mem::take(&mut scratch.keys));
            let whole = Span { start: 0, end: wire.len() };
            let mut result = printer.message(plan, &[whole], self.options.max_depth).and_then(|()| printer.out.check());
            if result.is_err() && printer.start_again_slowly() {
                // The single pass judges values as it meets them; one that a later occurrence replaces may be without a
                // JSON form, and a required field may come later. What is wrong is for the slow path to say.
                result = printer.message(plan, &[whole], self.options.max_depth).and_then(|()| printer.out.check());
            }
            if printer.fallbacks > 0 {
                self.slow_path.fetch_add(printer.fallbacks, Ordering::Relaxed);
            }
            let result = match result {
                Ok(()) => {
                    json.extend_from_slice(printer.out.text());
                    Ok(())
                }
                Err(stop) => Err(self.error(stop, &printer)),
            };
            scratch.buffer = printer.out.into_buffer();
            scratch.keys = printer.keys;
            scratch.keys.clear();
            scratch.keys.shrink_to(KEEP_KEYS);
            result
        })
    }

    fn error(&self, stop: Stop, printer: &Printer<'_, '_>) -> TranscodeError {
        TranscodeError {
            path: join_path(printer.path.iter().rev().copied()),
            offset: printer.offset.unwrap_or(0),
            problem: stop.problem(&self.options),
        }
    }

    fn printer<'a>(&'a self, wire: &'a [u8], mask: Mask, buffer: Vec<u8>, keys: Vec<MapKey>) -> Printer<'a, 'a> {
        Printer {
            plans: &self.plans,
            options: &self.options,
            wire,
            mask,
            out: Writer::new(buffer, self.options.max_json_bytes),
            keys,
            group_ends: GroupEnds::new(),
            elements: 0,
            fallbacks: 0,
            slowly: self.options.force_slow_path,
            path: Vec::new(),
            offset: None,
        }
    }

    /// The wire bytes of a ProtoJSON object. Proto names are accepted beside JSON names.
    ///
    /// # Errors
    ///
    /// Text that is not JSON or not this message, bounds of [`Options`].
    pub fn from_json(&self, message: MessageIndex, json: &[u8]) -> Result<Vec<u8>, TranscodeError> {
        let Some(plan) = self.plans.find(message) else {
            return Err(TranscodeError { path: String::new(), offset: 0, problem: Problem::AnyUnknownType });
        };
        read::read(&self.plans, &self.options, plan, json)
    }

    /// Levels of messages that took the slow path, by this transcoder and those that it counts with.
    pub fn slow_path_count(&self) -> u64 {
        self.slow_path.load(Ordering::Relaxed)
    }
}
