//! An event's frame, as the log keeps it and every subscriber gets it.

use super::{binary, json};
use crate::ids::EventId;
use crate::log::Form;

/// The last millisecond that a time stamp can say, in both forms: the end of the year 9999.
pub(super) const MAX_UNIX_MS: u64 = 253_402_300_799_999;

/// What is in an event's frame, except for its sequence: the log gives that.
///
/// Nothing of a connection is in it: one frame serves all subscribers of a form.
#[derive(Clone, Copy, Debug)]
pub struct EventFrame<'a> {
    /// The event type, `file.uploaded`.
    pub event_type: &'a str,
    /// The channel's name.
    pub channel: &'a str,
    /// When the bridge accepted the event, in milliseconds since 1970.
    pub unix_ms: u64,
    /// The event's id.
    pub id: EventId,
    /// The id of the client event that this one answers.
    pub reply_to: Option<&'a str>,
    /// The metadata as a JSON object, printed. Empty, or `{}`: left out.
    pub metadata: &'a [u8],
    /// The same metadata as [`binary::put_metadata`] writes it.
    pub metadata_wire: &'a [u8],
    /// The payload as ProtoJSON, printed.
    pub data: &'a [u8],
    /// The payload's wire bytes.
    pub payload: &'a [u8],
}

impl EventFrame<'_> {
    /// Appends the frame, WebSocket header first: in JSON all of it, in binary all that comes before the payload, with which
    /// it ends. Sequence 0 is none, and left out.
    ///
    /// Reserves its exact size before it writes and allocates nothing else.
    #[inline]
    pub fn write(&self, sequence: u64, form: Form, out: &mut Vec<u8>) {
        match form {
            Form::Json => json::write_event(out, sequence, self),
            Form::Binary => binary::write_event(out, sequence, self),
        }
    }
}
