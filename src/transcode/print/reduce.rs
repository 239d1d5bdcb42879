//! A message's wire bytes without its hidden fields.
//!
//! Promises that what is left decodes to the message with those fields cleared: members of a oneof that a hidden one has
//! replaced do not come back, and occurrences of one message field are one message. What the schema does not know is left
//! out, at every level: nobody could say whom it is for. Grouped as the slow path groups, so that every order on the wire is
//! good, and written from its end to its beginning, so that every length is known before it is written and no byte is
//! moved twice.

use super::super::cursor::{Cursor, Span};
use super::super::error::Stop;
use super::super::plan::{Cardinality, FieldPlan, Kind, MessagePlan, WellKnown};
use super::Printer;
use super::slow::Occurrence;
use super::well_known::type_name;

/// Bytes that are written backwards.
#[derive(Default)]
pub(in super::super) struct Backwards(Vec<u8>);

impl Backwards {
    fn len(&self) -> usize {
        self.0.len()
    }

    /// Puts bytes before everything that is there.
    fn put(&mut self, bytes: &[u8]) {
        self.0.extend(bytes.iter().rev());
    }

    fn put_varint(&mut self, mut number: u64) {
        let mut bytes = [0; 10];
        let mut count = 0;
        while number >= 0x80 {
            bytes[count] = number as u8 | 0x80;
            number >>= 7;
            count += 1;
        }
        bytes[count] = number as u8;
        self.put(&bytes[..=count]);
    }

    /// Puts what makes a field of everything that was put since the length was `since`.
    fn put_head(&mut self, tag: u32, since: usize) {
        let length = self.len() - since;
        self.put_varint(length as u64);
        self.put_varint(u64::from(tag));
    }

    /// What was written, the right way round.
    pub(in super::super) fn into_bytes(mut self) -> Vec<u8> {
        self.0.reverse();
        self.0
    }
}

impl<'p> Printer<'p, '_> {
    /// Writes a message's content without what the mask hides.
    pub(in super::super) fn reduce(
        &mut self,
        plan: u32,
        spans: &[Span],
        depth: u32,
        out: &mut Backwards,
    ) -> Result<(), Stop> {
        let plans = self.plans;
        let message = plans.messages.get(plan as usize).ok_or(Stop::AnyType)?;
        match message.well_known {
            WellKnown::Any => self.reduce_any(spans, depth, out),
            // The others have fields like any message, and nothing in them has an option.
            _ => self.reduce_fields(message, spans, depth, out),
        }
    }

    fn reduce_fields(
        &mut self,
        message: &'p MessagePlan,
        spans: &[Span],
        depth: u32,
        out: &mut Backwards,
    ) -> Result<(), Stop> {
        let mut occurrences = self.occurrences(message, spans, depth)?;
        // Before hidden fields go: what one of them has replaced is not there, whoever looks.
        self.drop_oneof_losers(message, &mut occurrences, depth)?;
        occurrences.retain(|occurrence| !self.mask.hides(&message.fields[occurrence.field as usize]));
        occurrences.sort_by_key(|occurrence| occurrence.field);
        let mut groups: Vec<&[Occurrence]> = occurrences.chunk_by(|a, b| a.field == b.field).collect();
        groups.sort_by_key(|group| group[0].tag_at);
        for group in groups.into_iter().rev() {
            self.reduce_group(&message.fields[group[0].field as usize], group, depth, out)?;
        }
        Ok(())
    }

    /// All occurrences of one field.
    fn reduce_group(
        &mut self,
        field: &'p FieldPlan,
        group: &[Occurrence],
        depth: u32,
        out: &mut Backwards,
    ) -> Result<(), Stop> {
        if !matches!(field.kind, Kind::Message | Kind::Group) && field.cardinality != Cardinality::Map {
            for occurrence in group.iter().rev() {
                out.put(Span { start: occurrence.tag_at, end: occurrence.value.end }.of(self.wire));
            }
            return Ok(());
        }
        if field.cardinality == Cardinality::Map {
            for occurrence in group.iter().rev() {
                let entry = Cursor::new(self.wire, occurrence.value).span()?;
                self.reduce_entry(field, entry, depth, out)?;
            }
            return Ok(());
        }
        let depth = depth.checked_sub(1).ok_or(Stop::Depth)?;
        match field.cardinality {
            Cardinality::Repeated => {
                for occurrence in group.iter().rev() {
                    let body = self.message_span(field, occurrence.value, depth + 1)?;
                    self.reduce_message(field, field.tag, &[body], depth, out)?;
                }
            }
            _ => {
                let bodies = group.iter().map(|occurrence| self.message_span(field, occurrence.value, depth + 1));
                let bodies = bodies.collect::<Result<Vec<_>, _>>()?;
                self.reduce_message(field, field.tag, &bodies, depth, out)?;
            }
        }
        Ok(())
    }

    /// A field that holds one message, of several stretches.
    fn reduce_message(
        &mut self,
        field: &'p FieldPlan,
        tag: u32,
        bodies: &[Span],
        depth: u32,
        out: &mut Backwards,
    ) -> Result<(), Stop> {
        if field.kind == Kind::Group {
            // The end tag differs from the start tag in its type alone, 4 for 3.
            out.put_varint(u64::from(tag + 1));
            self.reduce(field.sub, bodies, depth, out)?;
            out.put_varint(u64::from(tag));
        } else {
            let since = out.len();
            self.reduce(field.sub, bodies, depth, out)?;
            out.put_head(tag, since);
        }
        Ok(())
    }

    /// An entry of a map: its last key, and its value. As when it is printed, only a message is a level.
    fn reduce_entry(&mut self, field: &'p FieldPlan, entry: Span, depth: u32, out: &mut Backwards) -> Result<(), Stop> {
        let (key_tag, value_tag) = (8 | field.map_key.wire_type(), 16 | field.kind.wire_type());
        let (mut key, mut value, mut bodies) = (Span::EMPTY, Span::EMPTY, Vec::new());
        let mut cursor = Cursor::new(self.wire, entry);
        while !cursor.is_empty() {
            let tag_at = cursor.at;
            let tag = cursor.tag()?;
            let start = cursor.at;
            cursor.skip(tag, depth)?;
            if tag == key_tag {
                key = Span { start: tag_at, end: cursor.at };
            } else if tag == value_tag && field.kind == Kind::Message {
                bodies.push(Cursor::new(self.wire, Span { start, end: cursor.at }).span()?);
            } else if tag == value_tag {
                value = Span { start: tag_at, end: cursor.at };
            }
        }
        let since = out.len();
        if !bodies.is_empty() {
            let depth = depth.checked_sub(1).ok_or(Stop::Depth)?;
            self.reduce_message(field, value_tag, &bodies, depth, out)?;
        }
        out.put(value.of(self.wire));
        out.put(key.of(self.wire));
        out.put_head(field.tag, since);
        Ok(())
    }

    /// What an `Any` holds is reduced by its own type.
    fn reduce_any(&mut self, spans: &[Span], depth: u32, out: &mut Backwards) -> Result<(), Stop> {
        const URL: u32 = 1 << 3 | 2;
        const VALUE: u32 = 2 << 3 | 2;
        let (url, value) = self.any_parts(spans, depth)?;
        if url.len() == 0 && value.len() == 0 {
            return Ok(());
        }
        let name = type_name(url.of(self.wire)).ok_or(Stop::AnyUrl)?;
        let inner = self.plans.find_name(name).ok_or(Stop::AnyType)?;
        let depth = depth.checked_sub(1).ok_or(Stop::Depth)?;
        let since = out.len();
        self.reduce(inner, &[value], depth, out)?;
        out.put_head(VALUE, since);
        let since = out.len();
        out.put(url.of(self.wire));
        out.put_head(URL, since);
        Ok(())
    }
}
