//! JSON text, token by token (RFC 8259), strict: no comments, no trailing commas, no lone surrogates, no byte order mark.
//!
//! Knows nothing of messages. Its position after an error is where the text went wrong.

use std::borrow::Cow;
use std::collections::HashMap;

use super::super::error::Problem;

#[derive(Clone, Copy)]
pub(super) struct Lexer<'j> {
    text: &'j str,
    pub(super) at: usize,
}

impl<'j> Lexer<'j> {
    pub(super) fn new(text: &'j str) -> Self {
        Self { text, at: 0 }
    }

    fn rest(&self) -> &'j [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// The first byte of the next token.
    pub(super) fn peek(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.rest().first() {
            self.at += 1;
        }
        self.rest().first().copied()
    }

    /// Takes a one-byte token if it is next.
    pub(super) fn take(&mut self, token: u8) -> bool {
        let is_next = self.peek() == Some(token);
        if is_next {
            self.at += 1;
        }
        is_next
    }

    pub(super) fn expect(&mut self, token: u8) -> Result<(), Problem> {
        if self.take(token) { Ok(()) } else { Err(Problem::JsonSyntax) }
    }

    /// What to say when the next token is of another kind than wanted: no JSON at all is its own mistake.
    pub(super) fn mismatch(&mut self, expected: &'static str) -> Problem {
        match self.peek() {
            Some(b'"' | b'{' | b'[' | b't' | b'f' | b'n' | b'-' | b'0'..=b'9') => Problem::Expected { expected },
            _ => Problem::JsonSyntax,
        }
    }

    /// `true`, `false` or `null`.
    pub(super) fn word(&mut self, word: &str) -> Result<(), Problem> {
        self.peek();
        if !self.rest().starts_with(word.as_bytes()) {
            return Err(Problem::JsonSyntax);
        }
        self.at += word.len();
        Ok(())
    }

    /// In an array or object: whether another item follows. Takes the comma or the closing bracket.
    pub(super) fn another(&mut self, first: &mut bool, close: u8) -> Result<bool, Problem> {
        if self.take(close) {
            return Ok(false);
        }
        if !std::mem::take(first) {
            self.expect(b',')?;
        }
        Ok(true)
    }

    pub(super) fn number(&mut self) -> Result<&'j str, Problem> {
        self.peek();
        let length = number_length(self.rest()).ok_or(Problem::JsonSyntax)?;
        let start = self.at;
        self.at += length;
        // A digit or letter right behind is no separator.
        if self.rest().first().is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'+' | b'-')) {
            return Err(Problem::JsonSyntax);
        }
        Ok(&self.text[start..self.at])
    }

    pub(super) fn string(&mut self) -> Result<Cow<'j, str>, Problem> {
        self.expect(b'"')?;
        let start = self.at;
        let mut owned: Option<String> = None;
        loop {
            let rest = self.rest();
            let run = rest.iter().position(|&byte| byte == b'"' || byte == b'\\' || byte < 0x20);
            let Some(run) = run else {
                self.at = self.text.len();
                return Err(Problem::JsonSyntax);
            };
            let from = self.at;
            self.at += run;
            // The run ends before an ASCII byte, so both ends are character boundaries.
            let clean = &self.text[from..self.at];
            match rest[run] {
                b'"' => {
                    self.at += 1;
                    return Ok(match owned {
                        None => Cow::Borrowed(&self.text[start..self.at - 1]),
                        Some(mut text) => {
                            text.push_str(clean);
                            Cow::Owned(text)
                        }
                    });
                }
                b'\\' => {
                    self.at += 1;
                    let character = self.escape()?;
                    let text = owned.get_or_insert_default();
                    text.push_str(clean);
                    text.push(character);
                }
                _ => return Err(Problem::JsonSyntax),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Problem> {
        let escape = self.rest().first().copied().ok_or(Problem::JsonSyntax)?;
        self.at += 1;
        Ok(match escape {
            b'"' | b'\\' | b'/' => char::from(escape),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let unit = self.hex4()?;
                let scalar = if (0xd800..0xdc00).contains(&unit) {
                    if !self.rest().starts_with(b"\\u") {
                        return Err(Problem::JsonSyntax);
                    }
                    self.at += 2;
                    let low = self.hex4()?;
                    if !(0xdc00..0xe000).contains(&low) {
                        return Err(Problem::JsonSyntax);
                    }
                    0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00)
                } else {
                    unit
                };
                char::from_u32(scalar).ok_or(Problem::JsonSyntax)?
            }
            _ => return Err(Problem::JsonSyntax),
        })
    }

    fn hex4(&mut self) -> Result<u32, Problem> {
        let digits = self.rest().first_chunk::<4>().ok_or(Problem::JsonSyntax)?;
        let mut unit = 0;
        for &digit in digits {
            unit = unit << 4 | char::from(digit).to_digit(16).ok_or(Problem::JsonSyntax)?;
        }
        self.at += 4;
        Ok(unit)
    }

    /// Passes over an object without judging it, and notes where, in each object inside, the value of `@type` stands: by
    /// where the object starts. Only for looking ahead, since the reader comes through here again.
    pub(super) fn note_types(&mut self, types: &mut HashMap<usize, usize>, max_open: usize) -> Result<(), Problem> {
        // Where each object starts; none for arrays.
        let mut open: Vec<Option<usize>> = Vec::new();
        let mut is_key = false;
        loop {
            match self.peek().ok_or(Problem::JsonSyntax)? {
                b'"' => {
                    let is_type = self.string()? == "@type" && is_key;
                    if let (true, Some(Some(start))) = (is_type, open.last()) {
                        self.expect(b':')?;
                        types.entry(*start).or_insert(self.at);
                    }
                    is_key = false;
                }
                bracket @ (b'{' | b'[') => {
                    is_key = bracket == b'{';
                    open.push(is_key.then_some(self.at));
                    if open.len() > max_open {
                        return Err(Problem::JsonSyntax);
                    }
                    self.at += 1;
                }
                b'}' | b']' => {
                    open.pop().ok_or(Problem::JsonSyntax)?;
                    self.at += 1;
                }
                b',' => {
                    is_key = matches!(open.last(), Some(Some(_)));
                    self.at += 1;
                }
                b':' => self.at += 1,
                b'-' | b'0'..=b'9' => drop(self.number()?),
                b't' => self.word("true")?,
                b'f' => self.word("false")?,
                b'n' => self.word("null")?,
                _ => return Err(Problem::JsonSyntax),
            }
            if open.is_empty() {
                return Ok(());
            }
        }
    }
}

/// The length of the JSON number at the start of `text`.
pub(super) fn number_length(text: &[u8]) -> Option<usize> {
    let digits = |from: usize| text[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut at = usize::from(text.first() == Some(&b'-'));
    let whole = digits(at.min(text.len()));
    if whole == 0 || (whole > 1 && text[at] == b'0') {
        return None;
    }
    at += whole;
    if text.get(at) == Some(&b'.') {
        let fraction = digits(at + 1);
        if fraction == 0 {
            return None;
        }
        at += 1 + fraction;
    }
    if let Some(b'e' | b'E') = text.get(at) {
        let sign = usize::from(matches!(text.get(at + 1), Some(b'+' | b'-')));
        let exponent = digits(at + 1 + sign);
        if exponent == 0 {
            return None;
        }
        at += 1 + sign + exponent;
    }
    Some(at)
}

/// The exact value of a JSON number that is an integer, `1.0` and `1e2` too; `None` for a fraction or what no 64-bit
/// integer can be near.
pub(super) fn integer(text: &str) -> Option<i128> {
    /// No integer of 64 bits has more digits.
    const MAX_DIGITS: i64 = 20;
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = whole.bytes().chain(fraction.bytes());
    let leading = digits.clone().take_while(|digit| *digit == b'0').count();
    let total = whole.len() + fraction.len();
    if leading == total {
        return Some(0);
    }
    let trailing =
        fraction.bytes().chain([]).rev().chain(whole.bytes().rev()).take_while(|digit| *digit == b'0').count();
    // An exponent beyond i64 is beyond every integer, or below every one.
    let exponent = exponent.parse::<i64>().ok()?;
    let scale = exponent.checked_sub(fraction.len() as i64)?.checked_add(trailing as i64)?;
    let significant = (total - leading - trailing) as i64;
    if scale < 0 || scale.checked_add(significant)? > MAX_DIGITS {
        return None;
    }
    let value = digits
        .skip(leading)
        .take(significant as usize)
        .fold(0i128, |value, digit| value * 10 + i128::from(digit - b'0'));
    let value = value * 10i128.pow(scale as u32);
    Some(if negative { -value } else { value })
}
