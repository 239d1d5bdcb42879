//! The messages of `google.protobuf` that have a JSON form of their own, read.

use buffa::json_helpers::wkt;

use super::super::error::{Problem, Segment};
use super::super::plan::{MessagePlan, WellKnown};
use super::Reader;

impl<'p, 'j> Reader<'p, 'j> {
    pub(super) fn well_known(&mut self, message: &'p MessagePlan, depth: u32) -> Result<(), Problem> {
        match message.well_known {
            WellKnown::Ordinary => self.object(message, depth, false),
            WellKnown::Timestamp => {
                const TIMESTAMP: &str = "an RFC 3339 timestamp of the years 0001 to 9999";
                let text = self.text(TIMESTAMP)?;
                let (seconds, nanos) =
                    wkt::parse_timestamp(&text).map_err(|_| Problem::Expected { expected: TIMESTAMP })?;
                self.seconds_and_nanos(seconds, nanos);
                Ok(())
            }
            WellKnown::Duration => {
                const DURATION: &str = "seconds with an s behind, like 1.5s";
                let text = self.text(DURATION)?;
                let (seconds, nanos) =
                    wkt::parse_duration(&text).map_err(|_| Problem::Expected { expected: DURATION })?;
                self.seconds_and_nanos(seconds, nanos);
                Ok(())
            }
            WellKnown::FieldMask => self.field_mask(),
            WellKnown::Wrapper => {
                let field = message.fields.first().ok_or(Problem::AnyUnknownType)?;
                let before = self.wire.len();
                if self.tagged_value(field, field.number, depth)? {
                    self.wire.truncate(before);
                }
                Ok(())
            }
            WellKnown::Struct => {
                let field = message.fields.first().ok_or(Problem::AnyUnknownType)?;
                self.map(field, depth)
            }
            WellKnown::ListValue => {
                let field = message.fields.first().ok_or(Problem::AnyUnknownType)?;
                self.list(field, depth)
            }
            WellKnown::Value => self.json_value(message, depth),
            WellKnown::Any => self.any(depth),
        }
    }

    fn seconds_and_nanos(&mut self, seconds: i64, nanos: i32) {
        if seconds != 0 {
            self.tag(1, 0);
            self.varint(seconds as u64);
        }
        if nanos != 0 {
            self.tag(2, 0);
            self.varint(i64::from(nanos) as u64);
        }
    }

    fn field_mask(&mut self) -> Result<(), Problem> {
        let text = self.text("field paths in camelCase, separated by commas")?;
        if text.is_empty() {
            return Ok(());
        }
        for path in text.split(',') {
            self.count_element()?;
            let snake = snake_path(path).ok_or(Problem::FieldMaskPath)?;
            self.tag(1, 2);
            self.bytes(snake.as_bytes());
        }
        Ok(())
    }

    fn json_value(&mut self, message: &'p MessagePlan, depth: u32) -> Result<(), Problem> {
        match self.lexer.peek() {
            Some(b'n') => {
                self.lexer.word("null")?;
                self.wire.extend_from_slice(&[8, 0]);
            }
            Some(b't' | b'f') => {
                let truth = self.lexer.peek() == Some(b't');
                self.lexer.word(if truth { "true" } else { "false" })?;
                self.wire.extend_from_slice(&[32, u8::from(truth)]);
            }
            Some(b'"') => {
                let text = self.lexer.string()?;
                self.tag(3, 2);
                self.bytes(text.as_bytes());
            }
            Some(b'-' | b'0'..=b'9') => {
                let number = self.double("a number")?;
                self.tag(2, 1);
                self.wire.extend_from_slice(&number.to_le_bytes());
            }
            Some(open @ (b'{' | b'[')) => {
                let number = if open == b'{' { 5 } else { 6 };
                let (_, field, _) = message.lookup(number << 3 | 2).ok_or(Problem::AnyUnknownType)?;
                self.tagged_value(field, number, depth)?;
            }
            _ => return Err(Problem::JsonSyntax),
        }
        Ok(())
    }

    /// `{"@type": …}` and the fields, or `value` for a type with a JSON form of its own.
    fn any(&mut self, depth: u32) -> Result<(), Problem> {
        if self.lexer.peek() != Some(b'{') {
            return Err(self.lexer.mismatch("a JSON object with @type"));
        }
        let Some(url) = self.find_type()? else {
            // An Any of nothing is an object of nothing.
            self.lexer.expect(b'{')?;
            return if self.lexer.take(b'}') { Ok(()) } else { Err(Problem::AnyUrl) };
        };
        let plans = self.plans;
        let name = url.rsplit_once('/').map(|(_, name)| name).filter(|name| !name.is_empty()).ok_or(Problem::AnyUrl)?;
        let plan = plans.find_name(name).ok_or(Problem::AnyUnknownType)?;
        let message = plans.messages.get(plan as usize).ok_or(Problem::AnyUnknownType)?;
        let depth = self.deeper(depth)?;
        self.tag(1, 2);
        self.bytes(url.as_bytes());
        let before = self.wire.len();
        self.tag(2, 2);
        let body = self.begin();
        if message.well_known == WellKnown::Ordinary {
            self.object(message, depth, true)?;
        } else {
            self.any_value(message, depth)?;
        }
        if self.wire.len() == body {
            self.wire.truncate(before);
        } else {
            self.end(body);
        }
        Ok(())
    }

    fn any_value(&mut self, message: &'p MessagePlan, depth: u32) -> Result<(), Problem> {
        self.lexer.expect(b'{')?;
        let (mut first, mut had_type, mut had_value) = (true, false, false);
        while self.lexer.another(&mut first, b'}')? {
            let name = self.lexer.string()?;
            let again = match &*name {
                "@type" => std::mem::replace(&mut had_type, true),
                "value" => std::mem::replace(&mut had_value, true),
                _ => {
                    self.offset.get_or_insert(self.lexer.at);
                    self.unknown = Some(super::clean_name(&name));
                    return Err(Problem::UnknownField);
                }
            };
            if again {
                return Err(Problem::DuplicateField);
            }
            self.lexer.expect(b':')?;
            if name == "@type" {
                self.lexer.string()?;
            } else {
                self.well_known(message, depth).map_err(|problem| self.blame(problem, Segment::Field("value")))?;
            }
        }
        if had_value {
            Ok(())
        } else {
            Err(self.blame(Problem::Expected { expected: "the value of the Any" }, Segment::Field("value")))
        }
    }

    /// Looks ahead for `@type`, which may stand anywhere in the object. Where it is not first, all that is inside is noted
    /// with it, so that no text is looked through for every object around it.
    fn find_type(&mut self) -> Result<Option<String>, Problem> {
        self.lexer.peek();
        let start = self.lexer.at;
        let mut ahead = self.lexer;
        ahead.expect(b'{')?;
        let is_first = ahead.peek() == Some(b'"') && ahead.string()? == "@type";
        if is_first {
            ahead.expect(b':')?;
        } else {
            if start >= self.looked_to {
                let mut whole = self.lexer;
                // A level of messages is at most two of JSON.
                let max_open = 2 * self.options.max_depth as usize + 8;
                whole.note_types(&mut self.types, max_open)?;
                self.looked_to = whole.at;
            }
            match self.types.get(&start) {
                Some(at) => ahead.at = *at,
                None => return Ok(None),
            }
        }
        if ahead.peek() == Some(b'"') { Ok(Some(ahead.string()?.into_owned())) } else { Err(Problem::AnyUrl) }
    }
}

/// `userName.firstName` to `user_name.first_name`; `None` for what does not come back as itself.
fn snake_path(path: &str) -> Option<String> {
    let mut snake = String::with_capacity(path.len() + 4);
    for character in path.chars() {
        match character {
            'A'..='Z' => {
                snake.push('_');
                snake.push(character.to_ascii_lowercase());
            }
            'a'..='z' | '0'..='9' | '.' => snake.push(character),
            _ => return None,
        }
    }
    if path.split('.').any(str::is_empty) { None } else { Some(snake) }
}
