//! The messages of `google.protobuf` that have a JSON form of their own, printed straight from the wire.

use super::super::cursor::{Cursor, Span};
use super::super::error::Stop;
use super::super::plan::{MessagePlan, WellKnown, default_text};
use super::Printer;

impl<'p, 'w> Printer<'p, 'w> {
    pub(super) fn well_known(&mut self, message: &'p MessagePlan, spans: &[Span], depth: u32) -> Result<(), Stop> {
        match message.well_known {
            WellKnown::Timestamp => self.timestamp(spans, depth),
            WellKnown::Duration => self.duration(spans, depth),
            WellKnown::FieldMask => self.field_mask(spans, depth),
            WellKnown::Struct => self.structure(message, spans, depth),
            WellKnown::Value => self.json_value(message, spans, depth),
            WellKnown::ListValue => self.list_value(message, spans, depth),
            WellKnown::Wrapper => self.wrapper(message, spans, depth),
            WellKnown::Any => self.any(spans, depth),
            WellKnown::Ordinary => {
                let start = self.out.len();
                self.fields(message, spans, depth)?;
                self.close(start, b'{', b'}');
                Ok(())
            }
        }
    }

    /// Paths in camelCase, joined by commas; a path that would not read back as itself is refused.
    fn field_mask(&mut self, spans: &[Span], depth: u32) -> Result<(), Stop> {
        self.out.byte(b'"');
        let mut first = true;
        for &span in spans {
            let mut cursor = Cursor::new(self.wire, span);
            while !cursor.is_empty() {
                let tag = cursor.tag()?;
                if tag != 10 {
                    cursor.skip(tag, depth)?;
                    continue;
                }
                let path = cursor.span()?;
                self.check_text(path)?;
                self.count_element()?;
                if !first {
                    self.out.byte(b',');
                }
                first = false;
                self.mask_path(path.of(self.wire))?;
                self.out.check()?;
            }
        }
        self.out.byte(b'"');
        Ok(())
    }

    fn mask_path(&mut self, path: &[u8]) -> Result<(), Stop> {
        if path.split(|byte| *byte == b'.').any(<[u8]>::is_empty) {
            return Err(Stop::Mask);
        }
        let mut after_underscore = false;
        for &byte in path {
            match (byte, after_underscore) {
                (b'_', false) => {
                    after_underscore = true;
                    continue;
                }
                (b'a'..=b'z', true) => self.out.byte(byte.to_ascii_uppercase()),
                (b'a'..=b'z' | b'0'..=b'9' | b'.', false) => self.out.byte(byte),
                _ => return Err(Stop::Mask),
            }
            after_underscore = false;
        }
        if after_underscore { Err(Stop::Mask) } else { Ok(()) }
    }

    fn wrapper(&mut self, message: &'p MessagePlan, spans: &[Span], depth: u32) -> Result<(), Stop> {
        let Some(field) = message.fields.first() else { return Err(Stop::AnyType) };
        let mut last: Option<Span> = None;
        for &span in spans {
            let mut cursor = Cursor::new(self.wire, span);
            while !cursor.is_empty() {
                let tag = cursor.tag()?;
                let start = cursor.at;
                cursor.skip(tag, depth)?;
                if tag == field.tag
                    && let Some(lost) = last.replace(Span { start, end: cursor.at })
                {
                    self.check_value(field, lost, depth)?;
                }
            }
        }
        match last {
            Some(value) => self.value(field, &mut Cursor::new(self.wire, value), depth, false).map(drop),
            None => {
                self.out.bytes(default_text(field.kind, false));
                Ok(())
            }
        }
    }

    /// The type URL and the value of an `Any`.
    pub(super) fn any_parts(&self, spans: &[Span], depth: u32) -> Result<(Span, Span), Stop> {
        let (mut url, mut value) = (Span::EMPTY, Span::EMPTY);
        for &span in spans {
            let mut cursor = Cursor::new(self.wire, span);
            while !cursor.is_empty() {
                match cursor.tag()? {
                    10 => {
                        url = cursor.span()?;
                        self.check_text(url)?;
                    }
                    18 => value = cursor.span()?,
                    tag => cursor.skip(tag, depth)?,
                }
            }
        }
        Ok((url, value))
    }

    /// `@type` first, then the fields, or `value` for types with a JSON form of their own.
    fn any(&mut self, spans: &[Span], depth: u32) -> Result<(), Stop> {
        let (url, value) = self.any_parts(spans, depth)?;
        if url.len() == 0 && value.len() == 0 {
            self.out.fixed(b"{}");
            return Ok(());
        }
        let name = type_name(url.of(self.wire)).ok_or(Stop::AnyUrl)?;
        let plans = self.plans;
        let inner = plans.find_name(name).ok_or(Stop::AnyType)?;
        let Some(message) = plans.messages.get(inner as usize) else { return Err(Stop::AnyType) };
        let depth = depth.checked_sub(1).ok_or(Stop::Depth)?;
        self.out.fixed(b"{\"@type\":");
        self.out.string(url.of(self.wire))?;
        if message.well_known == WellKnown::Ordinary {
            self.fields(message, &[value], depth)?;
        } else {
            self.out.fixed(b",\"value\":");
            self.well_known(message, &[value], depth)?;
        }
        self.out.byte(b'}');
        Ok(())
    }
}

/// What follows the last slash of a type URL.
pub(super) fn type_name(url: &[u8]) -> Option<&str> {
    std::str::from_utf8(url).ok()?.rsplit_once('/').map(|(_, name)| name).filter(|name| !name.is_empty())
}
