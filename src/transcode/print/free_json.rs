//! Struct, Value and ListValue: JSON without a schema.

use super::super::cursor::{Cursor, Span};
use super::super::error::{Segment, Stop};
use super::super::plan::{FieldPlan, MessagePlan};
use super::Printer;

impl<'p> Printer<'p, '_> {
    pub(super) fn structure(&mut self, message: &'p MessagePlan, spans: &[Span], depth: u32) -> Result<(), Stop> {
        let Some(field) = message.fields.first() else { return Err(Stop::AnyType) };
        let start = self.out.len();
        if let [span] = spans
            && !self.slowly
        {
            let mark = self.mark();
            match self.fast_structure(field, *span, depth) {
                Err(Stop::Conflict) => {
                    self.roll_back(mark);
                    self.fall_back()?;
                }
                result => {
                    result?;
                    self.close(start, b'{', b'}');
                    return Ok(());
                }
            }
        }
        let mut entries = Vec::new();
        for &span in spans {
            let mut cursor = Cursor::new(self.wire, span);
            while !cursor.is_empty() {
                let at = cursor.at;
                match cursor.tag()? {
                    10 => entries.push((at, cursor.span()?)),
                    tag => cursor.skip(tag, depth)?,
                }
            }
        }
        self.slow_entries(field, &entries, depth)?;
        self.close(start, b'{', b'}');
        Ok(())
    }

    pub(super) fn fast_structure(&mut self, field: &'p FieldPlan, span: Span, depth: u32) -> Result<(), Stop> {
        let first_key = self.keys.len();
        let mut cursor = Cursor::new(self.wire, span);
        let mut index = 0;
        while !cursor.is_empty() {
            let at = cursor.at;
            let tag = cursor.tag()?;
            if tag != 10 {
                cursor.skip(tag, depth)?;
                continue;
            }
            let entry = cursor.span()?;
            self.fast_entry(field, entry, first_key, depth)
                .map_err(|stop| self.blame(stop, Segment::Index(index), at))?;
            index += 1;
        }
        self.refuse_equal_keys(first_key)
    }

    pub(super) fn list_value(&mut self, message: &'p MessagePlan, spans: &[Span], depth: u32) -> Result<(), Stop> {
        let Some(field) = message.fields.first() else { return Err(Stop::AnyType) };
        let start = self.out.len();
        let mut index = 0;
        for &span in spans {
            let mut cursor = Cursor::new(self.wire, span);
            while !cursor.is_empty() {
                match cursor.tag()? {
                    10 => self.element(field, &mut cursor, &mut index, depth)?,
                    tag => cursor.skip(tag, depth)?,
                }
            }
        }
        self.close(start, b'[', b']');
        Ok(())
    }

    /// Any JSON value. Without a kind it is null: a publisher that forgot the kind meant nothing by it.
    pub(super) fn json_value(&mut self, message: &'p MessagePlan, spans: &[Span], depth: u32) -> Result<(), Stop> {
        if let [span] = spans
            && self.lone_member(message, *span, depth)?
        {
            return Ok(());
        }
        // The last member wins; a struct or list that comes again right after itself is one with it.
        let mut tag_of_last = 0;
        let mut last: Vec<Span> = Vec::new();
        for &span in spans {
            let mut cursor = Cursor::new(self.wire, span);
            while !cursor.is_empty() {
                let tag = cursor.tag()?;
                let start = cursor.at;
                cursor.skip(tag, depth)?;
                if !matches!(tag, 8 | 17 | 26 | 32 | 42 | 50) {
                    continue;
                }
                if tag != tag_of_last || tag < 42 {
                    self.check_lost(message, tag_of_last, &last, depth)?;
                    last.clear();
                }
                tag_of_last = tag;
                last.push(Span { start, end: cursor.at });
            }
        }
        self.json_member(message, tag_of_last, &last, depth)
    }

    pub(super) fn check_lost(
        &mut self,
        message: &'p MessagePlan,
        tag: u32,
        lost: &[Span],
        depth: u32,
    ) -> Result<(), Stop> {
        match message.lookup(tag) {
            Some((_, field, _)) => lost.iter().try_for_each(|value| self.check_value(field, *value, depth)),
            None => Ok(()),
        }
    }

    /// The usual shape, one member and nothing else, in one look; false for any other, with nothing printed.
    #[inline(always)]
    pub(super) fn lone_member(&mut self, message: &'p MessagePlan, span: Span, depth: u32) -> Result<bool, Stop> {
        let mut cursor = Cursor::new(self.wire, span);
        let Some(tag) = cursor.peek() else { return Ok(false) };
        cursor.at += 1;
        match tag {
            26 | 42 | 50 => {
                let Ok(inner) = cursor.span() else { return Ok(false) };
                if !cursor.is_empty() {
                    return Ok(false);
                }
                if tag == 26 {
                    self.out.string(cursor.slice(inner))?;
                    return Ok(true);
                }
                let Some((_, field, _)) = message.lookup(u32::from(tag)) else { return Ok(false) };
                let depth = depth.checked_sub(1).ok_or(Stop::Depth)?;
                self.message(field.sub, &[inner], depth)?;
            }
            17 => {
                let Ok(bits) = cursor.fixed64() else { return Ok(false) };
                let number = f64::from_bits(bits);
                if !cursor.is_empty() || !number.is_finite() {
                    return Ok(false);
                }
                self.out.double(number);
            }
            8 | 32 => {
                let Ok(truth) = cursor.varint() else { return Ok(false) };
                if !cursor.is_empty() {
                    return Ok(false);
                }
                match (tag, truth) {
                    (8, _) => self.out.fixed(b"null"),
                    (_, 0) => self.out.fixed(b"false"),
                    _ => self.out.fixed(b"true"),
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// A member of `google.protobuf.Value`; several stretches are one struct or list.
    pub(super) fn json_member(
        &mut self,
        message: &'p MessagePlan,
        tag: u32,
        values: &[Span],
        depth: u32,
    ) -> Result<(), Stop> {
        let Some(&value) = values.last() else {
            self.out.fixed(b"null");
            return Ok(());
        };
        let mut cursor = Cursor::new(self.wire, value);
        match tag {
            17 => {
                let number = f64::from_bits(cursor.fixed64()?);
                // Never as a string: within a Value that would be another value.
                if !number.is_finite() {
                    return Err(Stop::NonFinite);
                }
                self.out.double(number);
            }
            26 => {
                let text = cursor.span()?;
                self.out.string(cursor.slice(text))?;
            }
            32 => {
                let truth = cursor.varint()? != 0;
                self.out.bytes(if truth { b"true" } else { b"false" });
            }
            42 | 50 => {
                let Some((_, field, _)) = message.lookup(tag) else { return Err(Stop::AnyType) };
                let depth = depth.checked_sub(1).ok_or(Stop::Depth)?;
                if values.len() == 1 {
                    let span = cursor.span()?;
                    return self.message(field.sub, &[span], depth);
                }
                let spans =
                    values.iter().map(|value| Cursor::new(self.wire, *value).span()).collect::<Result<Vec<_>, _>>()?;
                return self.message(field.sub, &spans, depth);
            }
            _ => self.out.fixed(b"null"),
        }
        Ok(())
    }
}
