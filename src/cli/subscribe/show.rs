//! Events as lines for people.

use super::super::screen::{Colour, Paint, harmless};
use super::follow::Shown;

/// `10:30:45.123  project:42 #17  process.progress  {"projectId":"42"}`; an ephemeral event has no number.
pub(super) fn event(event: &Shown, paint: Paint) -> String {
    // The time of an RFC 3339 timestamp; the day is the reader's own.
    let time = event.timestamp.split_once('T').map_or("", |(_, time)| time.trim_end_matches('Z'));
    let number = if event.sequence > 0 { format!(" #{}", event.sequence) } else { String::new() };
    format!(
        "{}  {}{number}  {}  {}",
        paint.paint(Colour::Dim, &harmless(time)),
        paint.paint(Colour::Blue, &harmless(&event.channel)),
        paint.paint(Colour::Green, &harmless(&event.event_type)),
        harmless(&event.data),
    )
}

/// Text as it may stand in a URL's query.
pub(super) fn percent_encoded(text: &str) -> String {
    let keep = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if keep(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::{Paint, Shown, event, percent_encoded};

    #[test]
    fn an_event_is_one_line() {
        let shown = Shown {
            event_type: "file.uploaded".to_owned(),
            channel: "project:é\n".to_owned(),
            sequence: 17,
            timestamp: "2026-11-20T10:30:45.123Z".to_owned(),
            data: r#"{"projectId":"é"}"#.to_owned(),
            missing_from: None,
        };
        let line = event(&shown, Paint::Plain);
        assert_eq!(line, "10:30:45.123  project:é\u{fffd} #17  file.uploaded  {\"projectId\":\"é\"}");
        let line = event(&Shown { sequence: 0, ..shown }, Paint::Plain);
        assert_eq!(line, "10:30:45.123  project:é\u{fffd}  file.uploaded  {\"projectId\":\"é\"}");
    }

    #[test]
    fn a_session_id_cannot_add_to_the_query() {
        assert_eq!(percent_encoded("t-1&x=é"), "t-1%26x%3D%C3%A9");
    }
}
