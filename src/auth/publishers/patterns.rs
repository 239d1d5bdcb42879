//! Patterns of event types and of channels, as a list of publishers has them.

use crate::schema::is_event_type;

/// Event types by name or by pattern: `file.uploaded`, `file.*` for all deeper ones, `*`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TypePatterns(Vec<Box<str>>);

impl TypePatterns {
    /// These patterns.
    ///
    /// # Errors
    /// The first that is none.
    pub fn new<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, &'a str> {
        let is_pattern = |text: &str| match text.strip_suffix('*') {
            Some(prefix) => prefix.is_empty() || prefix.strip_suffix('.').is_some_and(is_event_type),
            None => is_event_type(text),
        };
        let checked = texts.into_iter().map(|text| if is_pattern(text) { Ok(text.into()) } else { Err(text) });
        Ok(TypePatterns(checked.collect::<Result<_, _>>()?))
    }

    /// Whether this event type is one of them.
    pub fn allow(&self, event_type: &str) -> bool {
        self.0.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(prefix) => event_type.starts_with(prefix),
            None => **pattern == *event_type,
        })
    }
}

/// Whether a channel's name never has this letter in a value, where it is percent-encoded.
fn never_in_a_value(letter: char) -> bool {
    matches!(letter, '*' | '{' | '}') || letter.is_control()
}

/// Whether a text is a pattern of channels: segments joined by `:`, of which `*` is any one and a last `**` the rest.
pub fn channel_pattern(text: &str) -> bool {
    let segments: Vec<&str> = text.split(':').collect();
    let last = segments.len() - 1;
    segments.iter().enumerate().all(|(index, segment)| match *segment {
        "*" => true,
        "**" => index == last,
        segment => !segment.is_empty() && !segment.contains(never_in_a_value),
    })
}
