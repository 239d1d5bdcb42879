//! Scalars from JSON: exact integers however they are spelled, floats in range, base64 of both alphabets, enums by name.

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::super::error::Problem;
use super::super::plan::{FieldPlan, Kind};
use super::Reader;
use super::lexer::{integer, number_length};

/// The largest integer that a JavaScript number holds with all its neighbours.
const MAX_SAFE_INTEGER: i128 = (1 << 53) - 1;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

const INT32: &str = "an integer from -2147483648 to 2147483647";
const UINT32: &str = "an integer from 0 to 4294967295";
const INT64: &str = "a 64-bit integer, as a string or number";
const UINT64: &str = "an unsigned 64-bit integer, as a string or number";

impl<'p, 'j> Reader<'p, 'j> {
    /// A value without its tag; whether it is the default.
    pub(super) fn scalar(&mut self, field: &'p FieldPlan) -> Result<bool, Problem> {
        match field.kind {
            Kind::String => {
                let text = self.text("a string")?;
                self.bytes(text.as_bytes());
                Ok(text.is_empty())
            }
            Kind::Bytes => {
                let text = self.text("a base64 string")?;
                let bytes = decode_base64(&text).ok_or(Problem::Expected { expected: "a base64 string" })?;
                self.bytes(&bytes);
                Ok(bytes.is_empty())
            }
            Kind::Bool => {
                let value = match self.lexer.peek() {
                    Some(b't') => self.lexer.word("true").map(|()| true)?,
                    Some(b'f') => self.lexer.word("false").map(|()| false)?,
                    _ => return Err(self.lexer.mismatch("true or false")),
                };
                self.varint(u64::from(value));
                Ok(!value)
            }
            Kind::Enum => self.enumeration(field),
            Kind::Null => {
                match self.lexer.peek() {
                    Some(b'n') => self.lexer.word("null")?,
                    Some(b'"') if self.lexer.string()? == "NULL_VALUE" => {}
                    Some(b'0') if integer(self.lexer.number()?) == Some(0) => {}
                    _ => return Err(self.lexer.mismatch("null")),
                }
                self.varint(0);
                Ok(true)
            }
            Kind::Double => {
                let value = self.double("a number")?;
                self.wire.extend_from_slice(&value.to_le_bytes());
                Ok(value.to_bits() == 0)
            }
            Kind::Float => {
                const FLOAT: &str = "a number that a float can hold";
                let text = self.number_text("a number")?;
                let value = match self.special(&text)? {
                    Some(special) => special as f32,
                    None => text
                        .parse::<f32>()
                        .ok()
                        .filter(|value| value.is_finite())
                        .ok_or(Problem::Expected { expected: FLOAT })?,
                };
                self.wire.extend_from_slice(&value.to_le_bytes());
                Ok(value.to_bits() == 0)
            }
            kind => self.integer(kind, field.js_number),
        }
    }

    fn integer(&mut self, kind: Kind, js_number: bool) -> Result<bool, Problem> {
        let text = self.number_text(expected_integer(kind))?;
        let value = integer(&text)
            .filter(|value| in_range(kind, *value))
            .ok_or(Problem::Expected { expected: expected_integer(kind) })?;
        if js_number && value.abs() > MAX_SAFE_INTEGER {
            return Err(Problem::BeyondJsNumber);
        }
        self.put_integer(kind, value);
        Ok(value == 0)
    }

    fn put_integer(&mut self, kind: Kind, value: i128) {
        match kind {
            Kind::Sint32 | Kind::Sint64 => {
                let value = value as i64;
                self.varint((value << 1 ^ value >> 63) as u64);
            }
            Kind::Fixed32 | Kind::Sfixed32 => self.wire.extend_from_slice(&(value as u32).to_le_bytes()),
            Kind::Fixed64 | Kind::Sfixed64 => self.wire.extend_from_slice(&(value as u64).to_le_bytes()),
            _ => self.varint(value as u64),
        }
    }

    /// The text of a number, whether it stands in quotes or not.
    fn number_text(&mut self, expected: &'static str) -> Result<Cow<'j, str>, Problem> {
        match self.lexer.peek() {
            Some(b'"') => {
                let text = self.lexer.string()?;
                let special = matches!(&*text, "NaN" | "Infinity" | "-Infinity");
                if special || number_length(text.as_bytes()) == Some(text.len()) {
                    Ok(text)
                } else {
                    Err(Problem::Expected { expected })
                }
            }
            Some(b'-' | b'0'..=b'9') => self.lexer.number().map(Cow::Borrowed),
            _ => Err(self.lexer.mismatch(expected)),
        }
    }

    fn special(&self, text: &str) -> Result<Option<f64>, Problem> {
        let special = match text {
            "NaN" => f64::NAN,
            "Infinity" => f64::INFINITY,
            "-Infinity" => f64::NEG_INFINITY,
            _ => return Ok(None),
        };
        if self.options.refuse_non_finite { Err(Problem::NonFinite) } else { Ok(Some(special)) }
    }

    pub(super) fn double(&mut self, expected: &'static str) -> Result<f64, Problem> {
        const DOUBLE: &str = "a number that a double can hold";
        let text = self.number_text(expected)?;
        match self.special(&text)? {
            Some(special) => Ok(special),
            None => {
                text.parse::<f64>().ok().filter(|value| value.is_finite()).ok_or(Problem::Expected { expected: DOUBLE })
            }
        }
    }

    fn enumeration(&mut self, field: &'p FieldPlan) -> Result<bool, Problem> {
        const ENUM: Problem = Problem::Expected { expected: "the name or number of an enum value" };
        let plans = self.plans;
        let plan = plans.enums.get(field.sub as usize).ok_or(ENUM)?;
        let number = match self.lexer.peek() {
            Some(b'"') => plan.number(&self.lexer.string()?).ok_or(ENUM)?,
            Some(b'-' | b'0'..=b'9') => {
                let number = integer(self.lexer.number()?).and_then(|number| i32::try_from(number).ok()).ok_or(ENUM)?;
                if field.closed && plan.name(number).is_none() {
                    return Err(ENUM);
                }
                number
            }
            _ => return Err(self.lexer.mismatch("the name or number of an enum value")),
        };
        self.varint(i64::from(number) as u64);
        Ok(number == 0)
    }

    /// A map's key, with its tag.
    pub(super) fn map_key(&mut self, kind: Kind, key: &str) -> Result<(), Problem> {
        self.tag(1, kind.wire_type());
        match kind {
            Kind::String => self.bytes(key.as_bytes()),
            Kind::Bool => match key {
                "true" => self.varint(1),
                "false" => self.varint(0),
                _ => return Err(Problem::Expected { expected: "\"true\" or \"false\" as the key" }),
            },
            kind => {
                let number = Some(key).filter(|key| number_length(key.as_bytes()) == Some(key.len()));
                let value = number.and_then(integer).filter(|value| in_range(kind, *value));
                self.put_integer(kind, value.ok_or(Problem::Expected { expected: "an integer as the key" })?);
            }
        }
        Ok(())
    }
}

fn expected_integer(kind: Kind) -> &'static str {
    match kind {
        Kind::Uint32 | Kind::Fixed32 => UINT32,
        Kind::Uint64 | Kind::Fixed64 => UINT64,
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => INT64,
        _ => INT32,
    }
}

fn in_range(kind: Kind, value: i128) -> bool {
    match kind {
        Kind::Uint32 | Kind::Fixed32 => u32::try_from(value).is_ok(),
        Kind::Uint64 | Kind::Fixed64 => u64::try_from(value).is_ok(),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => i64::try_from(value).is_ok(),
        _ => i32::try_from(value).is_ok(),
    }
}

/// Standard or URL-safe, padded or not.
fn decode_base64(text: &str) -> Option<Vec<u8>> {
    if text.contains(['-', '_']) {
        BASE64.decode(text.replace('-', "+").replace('_', "/")).ok()
    } else {
        BASE64.decode(text).ok()
    }
}
