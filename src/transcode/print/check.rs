//! Checking what is not printed: a value that a later one replaces must still be well-formed.

use super::super::cursor::{Cursor, Span};
use super::super::error::{Segment, Stop};
use super::super::plan::{Cardinality, FieldPlan, Kind, MessagePlan};
use super::Printer;

impl<'p> Printer<'p, '_> {
    pub(super) fn check_text(&self, span: Span) -> Result<(), Stop> {
        simdutf8::basic::from_utf8(span.of(self.wire)).map(drop).map_err(|_| Stop::Utf8)
    }

    /// One value of a field that stands after its tag.
    pub(super) fn check_value(&mut self, field: &'p FieldPlan, value: Span, depth: u32) -> Result<(), Stop> {
        match field.kind {
            Kind::String => self.check_text(Cursor::new(self.wire, value).span()?),
            Kind::Message | Kind::Group => {
                let body = self.message_span(field, value, depth)?;
                let depth = depth.checked_sub(1).ok_or(Stop::Depth)?;
                let plans = self.plans;
                match plans.messages.get(field.sub as usize) {
                    Some(message) => self.check_message(message, body, depth),
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    fn check_message(&mut self, message: &'p MessagePlan, body: Span, depth: u32) -> Result<(), Stop> {
        let mut cursor = Cursor::new(self.wire, body);
        while !cursor.is_empty() {
            let at = cursor.at;
            let tag = cursor.tag().map_err(|stop| self.locate(stop, at))?;
            let start = cursor.at;
            let known = message.lookup(tag);
            self.skip(&mut cursor, tag, depth).map_err(|stop| self.locate(stop, at))?;
            let Some((_, field, packed)) = known else { continue };
            let value = Span { start, end: cursor.at };
            let result = match field.cardinality {
                Cardinality::Map => {
                    Cursor::new(self.wire, value).span().and_then(|entry| self.check_map_entry(field, entry, depth))
                }
                _ if packed => self.check_packed(field, value),
                _ => self.check_value(field, value, depth),
            };
            result.map_err(|stop| self.blame(stop, Segment::Field(&field.name), at))?;
        }
        Ok(())
    }

    fn check_packed(&self, field: &FieldPlan, value: Span) -> Result<(), Stop> {
        let run = Cursor::new(self.wire, value).span()?;
        let mut cursor = Cursor::new(self.wire, run);
        while !cursor.is_empty() {
            // The elements of a packed run are scalars: skipping never meets a group.
            cursor.skip(field.tag, 0)?;
        }
        Ok(())
    }

    fn check_map_entry(&mut self, field: &'p FieldPlan, entry: Span, depth: u32) -> Result<(), Stop> {
        let (key_tag, value_tag) = (8 | field.map_key.wire_type(), 16 | field.kind.wire_type());
        let mut cursor = Cursor::new(self.wire, entry);
        while !cursor.is_empty() {
            let tag = cursor.tag()?;
            let start = cursor.at;
            cursor.skip(tag, depth)?;
            let value = Span { start, end: cursor.at };
            if tag == key_tag && field.map_key == Kind::String {
                self.check_text(Cursor::new(self.wire, value).span()?)?;
            } else if tag == value_tag {
                self.check_value(field, value, depth)?;
            }
        }
        Ok(())
    }
}
