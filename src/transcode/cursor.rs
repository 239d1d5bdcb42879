//! A position in the wire bytes.
//!
//! All positions are absolute in the event's payload, so that an error can say where it is and sub-messages need no
//! copy. Never reads past its own end.

use super::error::Stop;

/// A stretch of the payload, `start..end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Span {
    pub(super) const EMPTY: Self = Self { start: 0, end: 0 };

    pub(super) fn len(self) -> usize {
        self.end - self.start
    }

    #[inline(always)]
    pub(super) fn of(self, wire: &[u8]) -> &[u8] {
        &wire[self.start..self.end]
    }
}

#[derive(Clone, Copy)]
pub(super) struct Cursor<'w> {
    /// The payload up to the end of this stretch.
    bytes: &'w [u8],
    pub(super) at: usize,
}

impl<'w> Cursor<'w> {
    #[inline(always)]
    pub(super) fn new(wire: &'w [u8], span: Span) -> Self {
        Self { bytes: &wire[..span.end], at: span.start }
    }

    #[inline(always)]
    pub(super) fn is_empty(&self) -> bool {
        self.at >= self.bytes.len()
    }

    #[inline(always)]
    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[inline(always)]
    pub(super) fn varint(&mut self) -> Result<u64, Stop> {
        match self.peek() {
            Some(byte) if byte < 0x80 => {
                self.at += 1;
                Ok(u64::from(byte))
            }
            _ => {
                let (value, at) = long_varint(self.bytes, self.at)?;
                self.at = at;
                Ok(value)
            }
        }
    }

    #[inline(always)]
    pub(super) fn tag(&mut self) -> Result<u32, Stop> {
        let value = self.varint()?;
        if value < 8 || value > u64::from(u32::MAX) {
            return Err(Stop::Tag);
        }
        Ok(value as u32)
    }

    #[inline(always)]
    pub(super) fn fixed32(&mut self) -> Result<u32, Stop> {
        let bytes = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk::<4>()).ok_or(Stop::Truncated)?;
        self.at += 4;
        Ok(u32::from_le_bytes(*bytes))
    }

    #[inline(always)]
    pub(super) fn fixed64(&mut self) -> Result<u64, Stop> {
        let bytes = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk::<8>()).ok_or(Stop::Truncated)?;
        self.at += 8;
        Ok(u64::from_le_bytes(*bytes))
    }

    /// A length and that many bytes.
    #[inline(always)]
    pub(super) fn span(&mut self) -> Result<Span, Stop> {
        let len = self.varint()?;
        if len > (self.bytes.len() - self.at) as u64 {
            return Err(Stop::Truncated);
        }
        let start = self.at;
        self.at += len as usize;
        Ok(Span { start, end: self.at })
    }

    #[inline(always)]
    pub(super) fn slice(&self, span: Span) -> &'w [u8] {
        span.of(self.bytes)
    }

    /// The body of a group whose start tag has been read; consumes the end tag.
    pub(super) fn group(&mut self, number: u32, depth: u32) -> Result<Span, Stop> {
        let start = self.at;
        loop {
            let end = self.at;
            let tag = self.tag()?;
            if tag & 7 == 4 {
                return if tag >> 3 == number { Ok(Span { start, end }) } else { Err(Stop::EndGroup) };
            }
            *self = self.skipped(tag, depth)?;
        }
    }

    /// Passes over a value, checking what is inside groups.
    #[inline(always)]
    pub(super) fn skip(&mut self, tag: u32, depth: u32) -> Result<(), Stop> {
        match tag & 7 {
            0 => self.varint().map(drop),
            2 => self.span().map(drop),
            _ => {
                // By value, so that the hot loop's cursor stays in registers.
                *self = self.skipped(tag, depth)?;
                Ok(())
            }
        }
    }

    #[inline(never)]
    fn skipped(mut self, tag: u32, depth: u32) -> Result<Self, Stop> {
        match tag & 7 {
            0 => self.varint().map(drop)?,
            1 => self.fixed64().map(drop)?,
            2 => self.span().map(drop)?,
            3 => {
                let inner = depth.checked_sub(1).ok_or(Stop::Depth)?;
                self.group(tag >> 3, inner)?;
            }
            4 => return Err(Stop::EndGroup),
            5 => self.fixed32().map(drop)?,
            _ => return Err(Stop::Tag),
        }
        Ok(self)
    }
}

/// At most ten bytes, the tenth at most 1.
#[inline(never)]
fn long_varint(bytes: &[u8], at: usize) -> Result<(u64, usize), Stop> {
    let mut value = 0u64;
    for (index, &byte) in bytes.get(at..).unwrap_or_default().iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte < 0x80 {
            if index == 9 && byte > 1 {
                return Err(Stop::Varint);
            }
            return Ok((value, at + index + 1));
        }
    }
    if bytes.len() - at.min(bytes.len()) >= 10 { Err(Stop::Varint) } else { Err(Stop::Truncated) }
}

#[inline(always)]
pub(super) fn zigzag32(value: u32) -> i32 {
    (value >> 1) as i32 ^ -((value & 1) as i32)
}

#[inline(always)]
pub(super) fn zigzag64(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}
