//! One pass over the wire bytes of a message, writing its JSON.
//!
//! No message object and no allocation: a level is printed in wire order as its fields come. What cannot be kept in
//! order that way (a singular field met again, a second run of a repeated field, members of a oneof, equal map keys)
//! stops the level, rolls its output back and hands it to [`slow`]. A level's fields are written as `,"name":value`;
//! the first comma then becomes the bracket.
//!
//! Adversarial input stays linear: after [`MAX_FALLBACKS`] roll-backs the whole event starts again on the slow path,
//! which prints nothing twice. An error, too, is said by the slow path: one judge, whatever the order on the wire.

mod check;
mod free_json;
mod groups;
mod map;
mod reduce;
mod seen;
mod slow;
mod time;
mod value;
mod well_known;

pub(super) use groups::GroupEnds;
pub(super) use map::MapKey;
pub(super) use reduce::Backwards;

use super::Options;
use super::cursor::{Cursor, Span};
use super::error::{Segment, Stop};
use super::mask::{MASKED, Mask};
use super::plan::{Cardinality, FieldPlan, MessagePlan, Plans, WellKnown};
use super::writer::Writer;
use seen::{Seen, WIDE};

/// Roll-backs in one event before all of it starts again on the slow path.
const MAX_FALLBACKS: u64 = 8;

pub(super) struct Printer<'p, 'w> {
    pub(super) plans: &'p Plans,
    pub(super) options: &'p Options,
    pub(super) wire: &'w [u8],
    /// What is not for whoever this is printed for.
    pub(super) mask: Mask,
    pub(super) out: Writer,
    /// Keys of the maps on the way down.
    pub(super) keys: Vec<MapKey>,
    /// Of the groups that have been gone through with those around them.
    pub(super) group_ends: GroupEnds,
    pub(super) elements: u32,
    pub(super) fallbacks: u64,
    /// All of this event takes the slow path.
    pub(super) slowly: bool,
    /// Where it went wrong, innermost first; filled while an error travels up.
    pub(super) path: Vec<Segment<'p>>,
    pub(super) offset: Option<usize>,
}

/// A level's start, to roll back to.
#[derive(Clone, Copy)]
struct Mark {
    len: usize,
    keys: usize,
    elements: u32,
}

impl<'p, 'w> Printer<'p, 'w> {
    /// A complete JSON value for a message. `depth` is how many levels may still be below it.
    pub(super) fn message(&mut self, plan: u32, spans: &[Span], depth: u32) -> Result<(), Stop> {
        let plans = self.plans;
        let Some(message) = plans.messages.get(plan as usize) else { return Err(Stop::AnyType) };
        if message.well_known != WellKnown::Ordinary {
            return self.well_known(message, spans, depth);
        }
        let start = self.out.len();
        self.fields(message, spans, depth)?;
        self.close(start, b'{', b'}');
        Ok(())
    }

    /// Turns the comma at `start` into the opening bracket and closes.
    #[inline(always)]
    fn close(&mut self, start: usize, open: u8, close: u8) {
        if self.out.len() == start {
            self.out.byte(open);
        } else {
            self.out.patch(start, open);
        }
        self.out.byte(close);
    }

    fn mark(&self) -> Mark {
        Mark { len: self.out.len(), keys: self.keys.len(), elements: self.elements }
    }

    fn roll_back(&mut self, mark: Mark) {
        self.out.truncate(mark.len);
        self.keys.truncate(mark.keys);
        self.elements = mark.elements;
        self.path.clear();
        self.offset = None;
    }

    /// Counts a level that takes the slow path; too many, and the event is to start again.
    fn fall_back(&mut self) -> Result<(), Stop> {
        self.fallbacks += 1;
        if self.fallbacks < MAX_FALLBACKS { Ok(()) } else { Err(Stop::Restart) }
    }

    /// Forgets everything and takes the slow path throughout; false when that was so already.
    pub(super) fn start_again_slowly(&mut self) -> bool {
        if self.slowly {
            return false;
        }
        self.roll_back(Mark { len: 0, keys: 0, elements: 0 });
        self.slowly = true;
        true
    }

    /// `,"name":value` for every field, of one or several stretches that are one message together.
    fn fields(&mut self, message: &'p MessagePlan, spans: &[Span], depth: u32) -> Result<(), Stop> {
        if let [span] = spans
            && !self.slowly
        {
            let mark = self.mark();
            let result = match message.slots {
                0..=64 => self.fast::<u64>(message, *span, depth),
                65..=320 => self.fast::<[u64; WIDE]>(message, *span, depth),
                _ => Err(Stop::Conflict),
            };
            if result != Err(Stop::Conflict) {
                return result;
            }
            self.roll_back(mark);
            self.fall_back()?;
        }
        self.slow(message, spans, depth)
    }

    fn fast<S: Seen>(&mut self, message: &'p MessagePlan, span: Span, depth: u32) -> Result<(), Stop> {
        let mut cursor = Cursor::new(self.wire, span);
        let mut seen = S::none();
        while !cursor.is_empty() {
            let at = cursor.at;
            let tag = cursor.tag().map_err(|stop| self.locate(stop, at))?;
            let Some((_, field, packed)) = message.lookup(tag) else {
                cursor.skip(tag, depth).map_err(|stop| self.locate(stop, at))?;
                continue;
            };
            if let Err(stop) = self.fast_field(field, packed, &mut cursor, &mut seen, depth) {
                return Err(self.blame(stop, Segment::Field(&field.name), at));
            }
            self.out.check().map_err(|stop| self.blame(stop, Segment::Field(&field.name), at))?;
        }
        self.absent(message, |slot| seen.has(slot), span.end)
    }

    /// What is said of fields that have not come: required ones, defaults, and in a log the hidden ones.
    #[inline(always)]
    fn absent(&mut self, message: &'p MessagePlan, has: impl Fn(u16) -> bool, end: usize) -> Result<(), Stop> {
        for &(slot, field) in &message.required {
            let field = &message.fields[usize::from(field)];
            if !has(slot) && !self.mask.hides(field) {
                return Err(self.blame(Stop::Required, Segment::Field(&field.name), end));
            }
        }
        for &(slot, field) in &message.defaults {
            if !has(slot) {
                let field = &message.fields[usize::from(field)];
                if !self.mask.hides(field) {
                    self.out.literal(&field.default);
                }
            }
        }
        if self.mask.log {
            for field in message.fields.iter().filter(|field| Mask::LOG.hides(field)) {
                self.out.literal(&field.key);
                self.out.bytes(MASKED);
            }
        }
        self.out.check()
    }

    #[inline(always)]
    fn fast_field<S: Seen>(
        &mut self,
        field: &'p FieldPlan,
        packed: bool,
        cursor: &mut Cursor<'w>,
        seen: &mut S,
        depth: u32,
    ) -> Result<(), Stop> {
        if let Cardinality::Implicit | Cardinality::Explicit = field.cardinality {
            let before = self.out.len();
            self.out.literal(&field.key);
            let implicit = field.cardinality == Cardinality::Implicit;
            if !self.value(field, cursor, depth, implicit)? {
                self.out.truncate(before);
                // An unknown number of a closed enum is as if it had not come; a default overrides what came before.
                if !implicit {
                    return Ok(());
                }
            }
            return if seen.set(field.slot) { Err(Stop::Conflict) } else { Ok(()) };
        }
        if seen.set(field.slot) {
            return Err(Stop::Conflict);
        }
        let before = self.out.len();
        self.out.literal(&field.key);
        let start = self.out.len();
        if field.cardinality == Cardinality::Map {
            cursor.at = self.map_run(field, *cursor, depth)?;
            self.close_run(before, start, b'{', b'}');
        } else {
            cursor.at = self.list_run(field, packed, *cursor, depth)?;
            self.close_run(before, start, b'[', b']');
        }
        Ok(())
    }

    /// Closes a list or map; an empty one stays only where defaults are printed.
    #[inline(always)]
    fn close_run(&mut self, before: usize, start: usize, open: u8, close: u8) {
        if self.out.len() == start && !self.options.print_defaults {
            self.out.truncate(before);
        } else {
            self.close(start, open, close);
        }
    }

    /// The elements of a repeated field as long as they follow each other; where they end. By value, so that the hot
    /// loop's cursor stays in registers.
    fn list_run(
        &mut self,
        field: &'p FieldPlan,
        mut packed: bool,
        mut cursor: Cursor<'w>,
        depth: u32,
    ) -> Result<usize, Stop> {
        let mut index = 0;
        loop {
            if packed {
                let run = cursor.span()?;
                let mut elements = Cursor::new(self.wire, run);
                while !elements.is_empty() {
                    self.element(field, &mut elements, &mut index, depth)?;
                }
            } else {
                self.element(field, &mut cursor, &mut index, depth)?;
            }
            if cursor.is_empty() {
                return Ok(cursor.at);
            }
            let mut ahead = cursor;
            match ahead.tag()? {
                tag if tag == field.tag => packed = false,
                tag if tag == field.packed_tag() => packed = true,
                _ => return Ok(cursor.at),
            }
            cursor = ahead;
        }
    }

    /// `,value`; nothing for an unknown number of a closed enum.
    #[inline(always)]
    fn element(
        &mut self,
        field: &'p FieldPlan,
        cursor: &mut Cursor<'w>,
        index: &mut u32,
        depth: u32,
    ) -> Result<(), Stop> {
        let (before, at) = (self.out.len(), cursor.at);
        self.out.byte(b',');
        match self.count_element().and_then(|()| self.value(field, cursor, depth, false)) {
            Ok(true) => {}
            Ok(false) => self.out.truncate(before),
            Err(stop) => return Err(self.blame(stop, Segment::Index(*index), at)),
        }
        *index += 1;
        self.out.check()
    }

    #[inline(always)]
    fn count_element(&mut self) -> Result<(), Stop> {
        self.elements += 1;
        if self.elements > self.options.max_elements { Err(Stop::Elements) } else { Ok(()) }
    }

    /// Adds a step to the way of an error. A conflict is none and is left alone.
    #[cold]
    #[inline(never)]
    fn blame(&mut self, stop: Stop, segment: Segment<'p>, at: usize) -> Stop {
        if stop != Stop::Conflict {
            self.path.push(segment);
            self.locate(stop, at);
        }
        stop
    }

    /// Notes the innermost place of an error.
    #[cold]
    #[inline(never)]
    fn locate(&mut self, stop: Stop, at: usize) -> Stop {
        if stop != Stop::Conflict {
            self.offset.get_or_insert(at);
        }
        stop
    }
}
