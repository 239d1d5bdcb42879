//! One value of a field: the usual kinds in line, the others behind a call.

use super::super::cursor::{Cursor, zigzag32, zigzag64};
use super::super::error::Stop;
use super::super::plan::{FieldPlan, Kind};
use super::Printer;

/// The largest integer that a JavaScript number holds with all its neighbours.
const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

impl<'p, 'w> Printer<'p, 'w> {
    /// One value. False: nothing was printed (a default that is left out, an unknown number of a closed enum).
    #[inline(always)]
    pub(super) fn value(
        &mut self,
        field: &'p FieldPlan,
        cursor: &mut Cursor<'w>,
        depth: u32,
        implicit: bool,
    ) -> Result<bool, Stop> {
        match field.kind {
            Kind::String => {
                let span = cursor.span()?;
                if implicit && span.len() == 0 {
                    return Ok(false);
                }
                self.out.string(cursor.slice(span))?;
            }
            Kind::Message => {
                let span = cursor.span()?;
                let depth = depth.checked_sub(1).ok_or(Stop::Depth)?;
                self.message(field.sub, &[span], depth)?;
            }
            Kind::Bool => {
                let value = cursor.varint()? != 0;
                if implicit && !value {
                    return Ok(false);
                }
                if value {
                    self.out.fixed(b"true");
                } else {
                    self.out.fixed(b"false");
                }
            }
            Kind::Int32 => {
                let value = cursor.varint()? as i32;
                if implicit && value == 0 {
                    return Ok(false);
                }
                self.out.signed(i64::from(value));
            }
            Kind::Enum => {
                let value = cursor.varint()? as i32;
                if implicit && value == 0 {
                    return Ok(false);
                }
                return Ok(self.enumeration(field, value));
            }
            _ => {
                let (printed, at) = self.rare_value(field, *cursor, depth, implicit)?;
                cursor.at = at;
                return Ok(printed);
            }
        }
        Ok(true)
    }

    #[inline(never)]
    fn rare_value(
        &mut self,
        field: &'p FieldPlan,
        mut cursor: Cursor<'w>,
        depth: u32,
        implicit: bool,
    ) -> Result<(bool, usize), Stop> {
        let cursor = &mut cursor;
        let printed = match field.kind {
            Kind::Bytes => {
                let span = cursor.span()?;
                let skipped = implicit && span.len() == 0;
                if !skipped {
                    self.out.base64(cursor.slice(span))?;
                }
                !skipped
            }
            Kind::Group => {
                let span = self.group(cursor, field.number, depth)?;
                let depth = depth.checked_sub(1).ok_or(Stop::Depth)?;
                self.message(field.sub, &[span], depth)?;
                true
            }
            Kind::Double => {
                let bits = cursor.fixed64()?;
                // The default is zero by its bits: -0.0 is a value.
                !(implicit && bits == 0) && self.double(f64::from_bits(bits)).map(|()| true)?
            }
            Kind::Float => {
                let bits = cursor.fixed32()?;
                !(implicit && bits == 0) && self.float(f32::from_bits(bits)).map(|()| true)?
            }
            Kind::Null => {
                let value = cursor.varint()?;
                let skipped = implicit && value == 0;
                if !skipped {
                    self.out.fixed(b"null");
                }
                !skipped
            }
            Kind::Uint64 | Kind::Fixed64 => {
                let value = if field.kind == Kind::Fixed64 { cursor.fixed64()? } else { cursor.varint()? };
                !(implicit && value == 0) && self.long(value, false, field.js_number).map(|()| true)?
            }
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
                let value = match field.kind {
                    Kind::Int64 => cursor.varint()? as i64,
                    Kind::Sint64 => zigzag64(cursor.varint()?),
                    _ => cursor.fixed64()? as i64,
                };
                let printed = !(implicit && value == 0);
                if printed {
                    self.long(value.unsigned_abs(), value < 0, field.js_number)?;
                }
                printed
            }
            Kind::Uint32 | Kind::Fixed32 => {
                let value = if field.kind == Kind::Fixed32 { cursor.fixed32()? } else { cursor.varint()? as u32 };
                let printed = !(implicit && value == 0);
                if printed {
                    self.out.unsigned(u64::from(value));
                }
                printed
            }
            // Sint32 and Sfixed32: every other kind is taken above or by the caller.
            _ => {
                let value = match field.kind {
                    Kind::Sfixed32 => cursor.fixed32()? as i32,
                    _ => zigzag32(cursor.varint()? as u32),
                };
                let printed = !(implicit && value == 0);
                if printed {
                    self.out.signed(i64::from(value));
                }
                printed
            }
        };
        Ok((printed, cursor.at))
    }

    /// A 64-bit integer: a string, or with JS_NUMBER a number that JavaScript can hold.
    fn long(&mut self, magnitude: u64, negative: bool, js_number: bool) -> Result<(), Stop> {
        if js_number && magnitude > MAX_SAFE_INTEGER {
            return Err(Stop::JsNumber);
        }
        if !js_number {
            self.out.byte(b'"');
        }
        if negative {
            self.out.byte(b'-');
        }
        self.out.unsigned(magnitude);
        if !js_number {
            self.out.byte(b'"');
        }
        Ok(())
    }

    /// False: unknown to a closed enum.
    #[inline]
    pub(super) fn enumeration(&mut self, field: &'p FieldPlan, number: i32) -> bool {
        let plans = self.plans;
        let name = plans.enums.get(field.sub as usize).and_then(|plan| plan.name(number));
        match name {
            Some(name) => self.out.literal(name),
            None if field.closed => return false,
            None => self.out.signed(i64::from(number)),
        }
        true
    }

    fn double(&mut self, value: f64) -> Result<(), Stop> {
        if value.is_finite() {
            self.out.double(value);
            return Ok(());
        }
        self.non_finite(value.is_nan(), value > 0.0)
    }

    fn float(&mut self, value: f32) -> Result<(), Stop> {
        if value.is_finite() {
            self.out.float(value);
            return Ok(());
        }
        self.non_finite(value.is_nan(), value > 0.0)
    }

    #[cold]
    fn non_finite(&mut self, nan: bool, positive: bool) -> Result<(), Stop> {
        if self.options.refuse_non_finite {
            return Err(Stop::NonFinite);
        }
        self.out.bytes(match (nan, positive) {
            (true, _) => b"\"NaN\"",
            (false, true) => b"\"Infinity\"",
            (false, false) => b"\"-Infinity\"",
        });
        Ok(())
    }
}
