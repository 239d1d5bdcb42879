//! What a text or bytes may be: length, beginning, end, pattern, format.

use super::budget::{self, units_of};
use super::formats::Format;
use super::pattern::Pattern;

/// The rules of a string.
#[derive(Debug, Default)]
pub(super) struct TextRules {
    pub(super) constant: Option<String>,
    /// In characters.
    pub(super) length: Lengths,
    /// In bytes of UTF-8.
    pub(super) bytes: Lengths,
    pub(super) pattern: Option<Pattern>,
    pub(super) prefix: Option<String>,
    pub(super) suffix: Option<String>,
    pub(super) contains: Option<String>,
    pub(super) not_contains: Option<String>,
    pub(super) within: Vec<String>,
    pub(super) without: Vec<String>,
    pub(super) format: Option<Format>,
}

/// The rules of bytes.
#[derive(Debug, Default)]
pub(super) struct BytesRules {
    pub(super) constant: Option<Vec<u8>>,
    pub(super) length: Lengths,
    pub(super) pattern: Option<Pattern>,
    pub(super) prefix: Option<Vec<u8>>,
    pub(super) suffix: Option<Vec<u8>>,
    pub(super) contains: Option<Vec<u8>>,
    pub(super) within: Vec<Vec<u8>>,
    pub(super) without: Vec<Vec<u8>>,
    /// Its name, and the lengths that it may have.
    pub(super) format: Option<(&'static str, &'static str, &'static [usize])>,
}

/// How long something may be.
#[derive(Debug, Default)]
pub(super) struct Lengths {
    pub(super) exact: Option<u64>,
    pub(super) min: Option<u64>,
    pub(super) max: Option<u64>,
}

/// Reports a pattern that a text does not match, or that could not be paid for.
fn check_pattern(pattern: &Pattern, text: Option<&str>, fail: &mut dyn FnMut(&str, String)) {
    match text.map_or(Ok(false), |text| pattern.is_match(text)) {
        Ok(true) => {}
        Ok(false) => fail("pattern", format!("must match the pattern {:?}", pattern.as_str())),
        Err(_) => fail("pattern", "is too large for its pattern to be looked for".to_owned()),
    }
}

impl Lengths {
    fn is_exceeded(&self, length: usize) -> bool {
        [self.exact, self.max].into_iter().flatten().any(|most| length as u64 > most)
    }

    fn check(&self, length: usize, names: [&str; 3], unit: &str, report: &mut dyn FnMut(String, String)) {
        let length = length as u64;
        let units = |count: u64| if count == 1 { format!("1 {unit}") } else { format!("{count} {unit}s") };
        if let Some(exact) = self.exact.filter(|exact| length != *exact) {
            report(names[0].to_owned(), format!("must have {}", units(exact)));
        }
        if let Some(min) = self.min.filter(|min| length < *min) {
            report(names[1].to_owned(), format!("must have at least {}", units(min)));
        }
        if let Some(max) = self.max.filter(|max| length > *max) {
            report(names[2].to_owned(), format!("must have at most {}", units(max)));
        }
    }
}

impl TextRules {
    /// Reports what is wrong with a text.
    pub(super) fn check(&self, text: &str, report: &mut dyn FnMut(String, String)) {
        let mut fail = |rule: &str, message: String| report(format!("string.{rule}"), message);
        if let Some(constant) = self.constant.as_ref().filter(|constant| *constant != text) {
            fail("const", format!("must be {constant:?}"));
        }
        if let Some(prefix) = self.prefix.as_ref().filter(|prefix| !text.starts_with(prefix.as_str())) {
            fail("prefix", format!("must begin with {prefix:?}"));
        }
        if let Some(suffix) = self.suffix.as_ref().filter(|suffix| !text.ends_with(suffix.as_str())) {
            fail("suffix", format!("must end with {suffix:?}"));
        }
        if let Some(part) = self.contains.as_ref().filter(|part| !text.contains(part.as_str())) {
            fail("contains", format!("must contain {part:?}"));
        }
        if let Some(part) = self.not_contains.as_ref().filter(|part| text.contains(part.as_str())) {
            fail("not_contains", format!("must not contain {part:?}"));
        }
        let characters = || text.chars().count();
        // What is too long is refused anyway.
        let is_too_long = || self.bytes.is_exceeded(text.len()) || self.length.is_exceeded(characters());
        if let Some(pattern) = self.pattern.as_ref().filter(|_| !is_too_long()) {
            check_pattern(pattern, Some(text), &mut fail);
        }
        if !self.within.is_empty() && !self.within.iter().any(|known| known == text) {
            fail("in", format!("must be one of {:?}", self.within));
        }
        if self.without.iter().any(|known| known == text) {
            fail("not_in", format!("must not be one of {:?}", self.without));
        }
        if let Some((rule, message)) = self.format.as_ref().and_then(|format| format.check(text)) {
            fail(rule, message);
        }
        let Lengths { exact, min, max } = &self.length;
        if exact.is_some() || min.is_some() || max.is_some() {
            let names = ["string.len", "string.min_len", "string.max_len"];
            self.length.check(characters(), names, "character", report);
        }
        self.bytes.check(text.len(), ["string.len_bytes", "string.min_bytes", "string.max_bytes"], "byte", report);
    }
}

impl BytesRules {
    /// Reports what is wrong with bytes.
    pub(super) fn check(&self, bytes: &[u8], report: &mut dyn FnMut(String, String)) {
        let mut fail = |rule: &str, message: String| report(format!("bytes.{rule}"), message);
        if let Some(constant) = self.constant.as_ref().filter(|constant| *constant != bytes) {
            fail("const", format!("must be {} in hex", hex::encode(constant)));
        }
        if let Some(prefix) = self.prefix.as_ref().filter(|prefix| !bytes.starts_with(prefix)) {
            fail("prefix", format!("must begin with {} in hex", hex::encode(prefix)));
        }
        if let Some(suffix) = self.suffix.as_ref().filter(|suffix| !bytes.ends_with(suffix)) {
            fail("suffix", format!("must end with {} in hex", hex::encode(suffix)));
        }
        if let Some(part) = &self.contains {
            // At every place as many are compared as the part has.
            let paid = budget::pay(units_of(bytes.len()).saturating_mul(1 + part.len() as u64));
            let is_there = || part.is_empty() || bytes.windows(part.len()).any(|window| window == part.as_slice());
            match paid.map(|()| is_there()) {
                Ok(true) => {}
                Ok(false) => fail("contains", format!("must contain {} in hex", hex::encode(part))),
                Err(_) => fail("contains", "is too large to be searched".to_owned()),
            }
        }
        if let Some(pattern) = self.pattern.as_ref().filter(|_| !self.length.is_exceeded(bytes.len())) {
            // The standard asks for text here: what is none cannot match.
            check_pattern(pattern, std::str::from_utf8(bytes).ok(), &mut fail);
        }
        let hexes = |list: &[Vec<u8>]| list.iter().map(hex::encode).collect::<Vec<_>>().join(", ");
        if !self.within.is_empty() && !self.within.iter().any(|known| known == bytes) {
            fail("in", format!("must be one of {} in hex", hexes(&self.within)));
        }
        if self.without.iter().any(|known| known == bytes) {
            fail("not_in", format!("must not be one of {} in hex", hexes(&self.without)));
        }
        if let Some((rule, what, lengths)) = self.format
            && !lengths.contains(&bytes.len())
        {
            fail(rule, format!("must be {what}"));
        }
        self.length.check(bytes.len(), ["bytes.len", "bytes.min_len", "bytes.max_len"], "byte", report);
    }
}
