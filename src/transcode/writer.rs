//! The JSON under construction.
//!
//! A buffer that is always initialised, so that short texts are one fixed-width store whose bounds check is also the
//! check for room. What is behind `len` is scrap from earlier use.

use super::error::Stop;
use super::plan::Literal;

/// A buffer beyond this is given back after the event that needed it.
const KEEP_BYTES: usize = 256 * 1024;

/// Pairs of decimal digits.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[0; 2]; 100];
    let mut n = 0;
    while n < 100 {
        pairs[n] = [b'0' + n as u8 / 10, b'0' + n as u8 % 10];
        n += 1;
    }
    pairs
};

/// Append-only, but for patches of a bracket and roll-back.
pub(super) struct Writer {
    buffer: Vec<u8>,
    len: usize,
    max_bytes: usize,
}

impl Writer {
    pub(super) fn new(mut buffer: Vec<u8>, max_bytes: usize) -> Self {
        if buffer.len() < 1024 {
            buffer.resize(1024, 0);
        }
        Self { buffer, len: 0, max_bytes }
    }

    /// The buffer for the next event; a huge one shrinks.
    pub(super) fn into_buffer(mut self) -> Vec<u8> {
        if self.buffer.len() > KEEP_BYTES {
            self.buffer.truncate(KEEP_BYTES);
            self.buffer.shrink_to_fit();
        }
        self.buffer
    }

    pub(super) fn text(&self) -> &[u8] {
        &self.buffer[..self.len]
    }

    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline(always)]
    pub(super) fn truncate(&mut self, len: usize) {
        self.len = len;
    }

    #[inline(always)]
    pub(super) fn patch(&mut self, at: usize, byte: u8) {
        self.buffer[at] = byte;
    }

    /// Whether the bound still holds; asked once a field or element.
    #[inline(always)]
    pub(super) fn check(&self) -> Result<(), Stop> {
        if self.len > self.max_bytes { Err(Stop::Size) } else { Ok(()) }
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, room: usize) {
        let wanted = (self.buffer.len() * 2).max(self.len + room);
        self.buffer.resize(wanted, 0);
    }

    #[inline(always)]
    fn room(&mut self, room: usize) {
        if self.buffer.len() - self.len < room {
            self.grow(room);
        }
    }

    /// Stores all of `bytes`, keeps the first `keep`.
    #[inline(always)]
    fn put<const N: usize>(&mut self, bytes: &[u8; N], keep: usize) {
        loop {
            if let Some(room) = self.buffer.get_mut(self.len..).and_then(|rest| rest.first_chunk_mut::<N>()) {
                *room = *bytes;
                self.len += keep;
                return;
            }
            self.grow(N);
        }
    }

    #[inline(always)]
    pub(super) fn byte(&mut self, byte: u8) {
        self.put(&[byte], 1);
    }

    #[inline(always)]
    pub(super) fn literal(&mut self, literal: &Literal) {
        if literal.text.len() <= 32 {
            self.put(&literal.head, literal.text.len());
        } else {
            self.bytes(&literal.text);
        }
    }

    #[inline(always)]
    pub(super) fn fixed<const N: usize>(&mut self, bytes: &[u8; N]) {
        self.put(bytes, N);
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.room(bytes.len());
        self.buffer[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    #[inline(always)]
    pub(super) fn unsigned(&mut self, value: u64) {
        if value < 10 {
            self.byte(b'0' + value as u8);
        } else if value < 100 {
            self.put(&PAIRS[value as usize], 2);
        } else {
            self.long_unsigned(value);
        }
    }

    fn long_unsigned(&mut self, mut value: u64) {
        let mut digits = [0u8; 40];
        let mut at = 20;
        while value >= 100 {
            at -= 2;
            let pair = PAIRS[(value % 100) as usize];
            digits[at] = pair[0];
            digits[at + 1] = pair[1];
            value /= 100;
        }
        if value >= 10 {
            at -= 2;
            let pair = PAIRS[value as usize];
            digits[at] = pair[0];
            digits[at + 1] = pair[1];
        } else {
            at -= 1;
            digits[at] = b'0' + value as u8;
        }
        let mut text = [0u8; 20];
        text.copy_from_slice(&digits[at..at + 20]);
        self.put(&text, 20 - at);
    }

    #[inline(always)]
    pub(super) fn signed(&mut self, value: i64) {
        if value < 0 {
            self.byte(b'-');
        }
        self.unsigned(value.unsigned_abs());
    }

    /// Two digits of a number below 100.
    pub(super) fn pair(value: u32) -> [u8; 2] {
        PAIRS[value as usize % 100]
    }

    /// A finite double: an integer below 2^53 as its digits (`1`, as JavaScript), anything else as the shortest text
    /// that reads back, `-0.0` with its sign and point so that no reader takes it for the integer 0.
    pub(super) fn double(&mut self, value: f64) {
        const EXACT: f64 = 9_007_199_254_740_992.0;
        let whole = value as i64;
        if whole as f64 == value && value.abs() < EXACT && (whole != 0 || value.to_bits() == 0) {
            self.signed(whole);
        } else {
            self.shortest(zmij::Buffer::new().format_finite(value), whole == 0);
        }
    }

    /// The same for a float as a float: `0.1`, not `0.10000000149011612`; integers below 2^24 as digits.
    pub(super) fn float(&mut self, value: f32) {
        const EXACT: f32 = 16_777_216.0;
        let whole = value as i32;
        if whole as f32 == value && value.abs() < EXACT && (whole != 0 || value.to_bits() == 0) {
            self.signed(i64::from(whole));
        } else {
            self.shortest(zmij::Buffer::new().format_finite(value), whole == 0);
        }
    }

    fn shortest(&mut self, text: &str, keep_point: bool) {
        let text = if keep_point { text } else { text.strip_suffix(".0").unwrap_or(text) };
        self.bytes(text.as_bytes());
    }

    /// Bytes as standard base64 with padding, quoted.
    pub(super) fn base64(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        use base64::Engine as _;
        let encoded = bytes.len().div_ceil(3) * 4;
        if self.len + encoded > self.max_bytes {
            return Err(Stop::Size);
        }
        self.room(encoded + 2);
        self.byte(b'"');
        let room = &mut self.buffer[self.len..self.len + encoded];
        // The slice is exactly as long as the encoding.
        let written = base64::engine::general_purpose::STANDARD.encode_slice(bytes, room).unwrap_or(0);
        self.len += written;
        self.byte(b'"');
        Ok(())
    }

    /// A string, quoted and escaped; refused when it is not UTF-8.
    #[inline]
    pub(super) fn string(&mut self, text: &[u8]) -> Result<(), Stop> {
        if self.len + text.len() > self.max_bytes {
            return Err(Stop::Size);
        }
        self.room(text.len() + 32);
        self.byte(b'"');
        let mut at = 0;
        let mut high = 0u64;
        while let Some(chunk) = text.get(at..).and_then(|rest| rest.first_chunk::<16>()) {
            let (low_word, high_word) = words(chunk);
            let low_hit = needs_escape(low_word);
            if low_hit | needs_escape(high_word) == 0 {
                high |= low_word | high_word;
                self.put(chunk, 16);
                at += 16;
            } else if low_hit == 0 {
                high |= low_word;
                self.put(&low_word.to_le_bytes(), 8);
                at += 8;
                at += self.escaped_word(high_word, needs_escape(high_word), &mut high)?;
            } else {
                at += self.escaped_word(low_word, low_hit, &mut high)?;
            }
        }
        while at < text.len() {
            let (word, count) = tail_word(&text[at..]);
            let inside = if count == 8 { u64::MAX } else { (1 << (8 * count)) - 1 };
            let hit = needs_escape(word) & inside;
            if hit == 0 {
                high |= word;
                self.put(&word.to_le_bytes(), count);
                at += count;
            } else {
                at += self.escaped_word(word, hit, &mut high)?;
            }
        }
        self.byte(b'"');
        if high & HIGH_BITS != 0 && simdutf8::basic::from_utf8(text).is_err() {
            return Err(Stop::Utf8);
        }
        Ok(())
    }

    /// The clean head of a word and its first escape; how many bytes of input that was.
    fn escaped_word(&mut self, word: u64, hit: u64, high: &mut u64) -> Result<usize, Stop> {
        let clean = hit.trailing_zeros() as usize / 8;
        *high |= word;
        self.put(&word.to_le_bytes(), clean);
        self.escape((word >> (8 * clean)) as u8);
        self.check()?;
        Ok(clean + 1)
    }

    fn escape(&mut self, byte: u8) {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        match byte {
            b'"' => self.put(b"\\\"", 2),
            b'\\' => self.put(b"\\\\", 2),
            b'\n' => self.put(b"\\n", 2),
            b'\r' => self.put(b"\\r", 2),
            b'\t' => self.put(b"\\t", 2),
            8 => self.put(b"\\b", 2),
            12 => self.put(b"\\f", 2),
            _ => self.put(&[b'\\', b'u', b'0', b'0', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]], 6),
        }
    }
}

const HIGH_BITS: u64 = 0x8080_8080_8080_8080;
const ONES: u64 = 0x0101_0101_0101_0101;

#[inline(always)]
fn words(chunk: &[u8; 16]) -> (u64, u64) {
    let both = u128::from_le_bytes(*chunk);
    (both as u64, (both >> 64) as u64)
}

/// High bits set where a byte is a control character, a quote or a backslash; exact for the lowest of them.
#[inline(always)]
fn needs_escape(word: u64) -> u64 {
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    let quote = word ^ (ONES * u64::from(b'"'));
    let quote = quote.wrapping_sub(ONES) & !quote;
    let backslash = word ^ (ONES * u64::from(b'\\'));
    let backslash = backslash.wrapping_sub(ONES) & !backslash;
    (control | quote | backslash) & HIGH_BITS
}

/// Up to eight bytes of a non-empty rest as one word, lowest first.
#[inline(always)]
fn tail_word(rest: &[u8]) -> (u64, usize) {
    if let Some(eight) = rest.first_chunk::<8>() {
        return (u64::from_le_bytes(*eight), 8);
    }
    let count = rest.len();
    if let (Some(first), Some(last)) = (rest.first_chunk::<4>(), rest.last_chunk::<4>()) {
        let high = u64::from(u32::from_le_bytes(*last)) << (8 * (count - 4));
        return (u64::from(u32::from_le_bytes(*first)) | high, count);
    }
    let middle = u64::from(rest[count / 2]) << (8 * (count / 2));
    (u64::from(rest[0]) | middle | u64::from(rest[count - 1]) << (8 * (count - 1)), count)
}

/// A JSON string for a plan: names of fields and enum values.
pub(super) fn push_json_string(out: &mut Vec<u8>, text: &str) {
    let mut writer = Writer::new(Vec::new(), usize::MAX / 2);
    // A `&str` is UTF-8 and the bound is out of reach.
    let _ = writer.string(text.as_bytes());
    out.extend_from_slice(writer.text());
}
