//! The one escaping table of channel names.
//!
//! A parameter's value is written into a name with `%`, `:`, `*`, `{`, `}` and control characters percent-encoded (upper
//! case hex of their UTF-8 bytes), so that no value can become structure: `42:read` is one parameter, `42%3Aread`. Every
//! value has exactly one escaped form, and only that form is accepted where somebody names a channel.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Whether this character stands for itself nowhere in a parameter.
fn is_escaped(character: char) -> bool {
    matches!(character, '%' | ':' | '*' | '{' | '}') || character.is_control()
}

/// The value as it stands in a channel's name.
pub fn escape(value: &str) -> Cow<'_, str> {
    if !value.contains(is_escaped) {
        return Cow::Borrowed(value);
    }
    let mut name = String::with_capacity(value.len() + 8);
    escape_into(value, &mut name);
    Cow::Owned(name)
}

/// Appends the value as it stands in a channel's name.
pub(super) fn escape_into(value: &str, name: &mut String) {
    let mut rest = value;
    while let Some(at) = rest.find(is_escaped) {
        let (plain, tail) = rest.split_at(at);
        name.push_str(plain);
        let length = tail.chars().next().map_or(0, char::len_utf8);
        for byte in &tail.as_bytes()[..length] {
            write!(name, "%{byte:02X}").expect("writing to a string does not fail");
        }
        rest = &tail[length..];
    }
    name.push_str(rest);
}

/// The value that stands in a channel's name in this form. `None` when no value does: an escape that is broken, lower
/// case or not needed, or a character that had to be escaped.
pub fn unescape(part: &str) -> Option<Cow<'_, str>> {
    if !part.contains(is_escaped) {
        return Some(Cow::Borrowed(part));
    }
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte == b'%' {
            let (digits, tail) = rest.split_at_checked(2)?;
            bytes.push(hex_digit(digits[0])? << 4 | hex_digit(digits[1])?);
            rest = tail;
        } else {
            bytes.push(byte);
        }
    }
    let value = String::from_utf8(bytes).ok()?;
    (escape(&value) == part).then_some(Cow::Owned(value))
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}
