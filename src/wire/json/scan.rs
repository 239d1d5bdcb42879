//! Strict JSON: one pass over a frame before anybody reads it.
//!
//! Refuses what lenient readers disagree about, and with it the attacks that live on the disagreement: duplicate members,
//! lone surrogates, a byte order mark, text behind the value, deep nesting. What passes is RFC 8259 and I-JSON
//! (RFC 7493) in these points. Nothing is copied except names with escapes.

mod number;

use std::borrow::Cow;

/// How deep arrays and objects may be nested.
pub(super) const MAX_DEPTH: u32 = 100;

/// The text is not strict JSON.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem} at byte {offset}")]
pub(crate) struct ScanError {
    /// Where in the value, `data.channels[0]`.
    pub(crate) path: String,
    /// Where in the text.
    pub(crate) offset: usize,
    /// What is wrong.
    pub(crate) problem: &'static str,
}

impl ScanError {
    /// The error as the value around it sees it.
    fn within(mut self, outer: &str) -> Self {
        let separator = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("{outer}{separator}{}", self.path);
        self
    }
}

/// A member of the outermost object: its name, and its value as it stands in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member<'a> {
    /// The name with its escapes resolved.
    pub(super) name: Cow<'a, str>,
    /// The member from its name's first quote to its value's end.
    pub(super) whole: &'a str,
    /// The value, without blanks around it.
    pub(super) value: &'a str,
}

/// Checks all of `text` and gives the members of the object that it must be, in their order.
pub(super) fn object(text: &str) -> Result<Vec<Member<'_>>, ScanError> {
    let mut scanner = Scanner { text, at: 0, depth: 0 };
    scanner.blanks();
    if scanner.peek() == Some(b'\xEF') && text[scanner.at..].starts_with('\u{FEFF}') {
        return Err(scanner.error("byte order mark"));
    }
    if scanner.peek() != Some(b'{') {
        // A mistake in the JSON comes before a mistake in the kind of value.
        scanner.value()?;
        scanner.end()?;
        return Err(ScanError { path: String::new(), offset: 0, problem: "expected a JSON object" });
    }
    let members = scanner.members()?;
    scanner.end()?;
    Ok(members)
}

/// The text of a value that [`object`] let through, if it is a string.
pub(super) fn string(value: &str) -> Option<Cow<'_, str>> {
    let mut scanner = Scanner { text: value, at: 0, depth: 0 };
    (scanner.peek() == Some(b'"')).then(|| scanner.string().ok()).flatten()
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    depth: u32,
}

impl<'a> Scanner<'a> {
    fn error(&self, problem: &'static str) -> ScanError {
        ScanError { path: String::new(), offset: self.at, problem }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn end(&mut self) -> Result<(), ScanError> {
        self.blanks();
        if self.at == self.text.len() { Ok(()) } else { Err(self.error("text after the JSON value")) }
    }

    fn value(&mut self) -> Result<(), ScanError> {
        match self.peek() {
            Some(b'{') => self.members().map(drop),
            Some(b'[') => self.items(),
            Some(b'"') => self.string().map(drop),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true"),
            Some(b'f') => self.word("false"),
            Some(b'n') => self.word("null"),
            Some(_) => Err(self.error("expected a JSON value")),
            None => Err(self.error("unexpected end of the text")),
        }
    }

    fn word(&mut self, word: &'static str) -> Result<(), ScanError> {
        if !self.text[self.at..].starts_with(word) {
            return Err(self.error("expected a JSON value"));
        }
        self.at += word.len();
        Ok(())
    }

    fn enter(&mut self) -> Result<(), ScanError> {
        self.at += 1;
        self.depth += 1;
        if self.depth > MAX_DEPTH { Err(self.error("nested more than 100 deep")) } else { Ok(()) }
    }

    fn items(&mut self) -> Result<(), ScanError> {
        self.enter()?;
        self.blanks();
        let mut index = 0_usize;
        if self.peek() != Some(b']') {
            loop {
                self.value().map_err(|error| error.within(&format!("[{index}]")))?;
                self.blanks();
                match self.peek() {
                    Some(b',') => self.at += 1,
                    Some(b']') => break,
                    _ => return Err(self.error("expected a comma or the array's end")),
                }
                self.blanks();
                index += 1;
            }
        }
        self.at += 1;
        self.depth -= 1;
        Ok(())
    }

    fn members(&mut self) -> Result<Vec<Member<'a>>, ScanError> {
        self.enter()?;
        self.blanks();
        let mut members = Vec::new();
        if self.peek() != Some(b'}') {
            loop {
                members.push(self.member()?);
                self.blanks();
                match self.peek() {
                    Some(b',') => self.at += 1,
                    Some(b'}') => break,
                    _ => return Err(self.error("expected a comma or the object's end")),
                }
                self.blanks();
            }
        }
        self.refuse_duplicates(&members)?;
        self.at += 1;
        self.depth -= 1;
        Ok(members)
    }

    fn member(&mut self) -> Result<Member<'a>, ScanError> {
        let start = self.at;
        if self.peek() != Some(b'"') {
            return Err(self.error("expected a member's name in double quotes"));
        }
        let name = self.string()?;
        self.blanks();
        if self.peek() != Some(b':') {
            return Err(self.error("expected a colon after a member's name").within(&name));
        }
        self.at += 1;
        self.blanks();
        let value_start = self.at;
        self.value().map_err(|error| error.within(&name))?;
        Ok(Member { name, whole: &self.text[start..self.at], value: &self.text[value_start..self.at] })
    }

    /// Sorted, not compared each with each: a client chooses how many there are.
    fn refuse_duplicates(&self, members: &[Member<'a>]) -> Result<(), ScanError> {
        let mut names: Vec<&str> = members.iter().map(|member| &*member.name).collect();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(self.error("duplicate member").within(pair[0])),
            None => Ok(()),
        }
    }

    /// A string from its opening quote on. Borrowed unless it has escapes.
    fn string(&mut self) -> Result<Cow<'a, str>, ScanError> {
        self.at += 1;
        let mut decoded: Option<String> = None;
        let mut plain = self.at;
        loop {
            match self.peek() {
                None => return Err(self.error("string without its closing quote")),
                Some(b'"') => {
                    let rest = &self.text[plain..self.at];
                    self.at += 1;
                    return Ok(match decoded {
                        None => Cow::Borrowed(rest),
                        Some(decoded) => Cow::Owned(decoded + rest),
                    });
                }
                Some(b'\\') => {
                    let before = &self.text[plain..self.at];
                    let character = self.escape()?;
                    let decoded = decoded.get_or_insert_default();
                    decoded.push_str(before);
                    decoded.push(character);
                    plain = self.at;
                }
                Some(0..=0x1F) => return Err(self.error("control character in a string, not escaped")),
                Some(_) => self.at += 1,
            }
        }
    }

    fn escape(&mut self) -> Result<char, ScanError> {
        self.at += 1;
        let character = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{C}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(),
            _ => return Err(self.error("unknown escape in a string")),
        };
        self.at += 1;
        Ok(character)
    }

    fn unicode_escape(&mut self) -> Result<char, ScanError> {
        const LONE: &str = "lone surrogate in a string";
        let first = self.hex4()?;
        let code = match first {
            0xD800..=0xDBFF => {
                if self.text.as_bytes().get(self.at..self.at + 2) != Some(b"\\u") {
                    return Err(self.error(LONE));
                }
                self.at += 1;
                let second = self.hex4()?;
                if !(0xDC00..=0xDFFF).contains(&second) {
                    return Err(self.error(LONE));
                }
                0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)
            }
            other => other,
        };
        char::from_u32(code).ok_or_else(|| self.error(LONE))
    }

    /// The four digits behind `u`, where the scanner stands.
    fn hex4(&mut self) -> Result<u32, ScanError> {
        self.at += 1;
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            code = code * 16 + digit.ok_or_else(|| self.error("expected four hexadecimal digits"))?;
            self.at += 1;
        }
        Ok(code)
    }
}

#[cfg(test)]
mod tests;
