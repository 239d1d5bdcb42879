//! An event's frame for those who may not see all of it: the envelope as it is, another payload.

use std::sync::Arc;

use buffa_descriptor::MessageIndex;

use super::binary::{put_event_data, split_event};
use super::websocket::{Opcode, header_len, payload, put_header};
use crate::log::{Form, Reducer, Whole};
use crate::schema::{Audience, EventType};
use crate::transcode::Transcoder;

/// Makes such frames of one event type, under the revision that its events were published under.
#[derive(Clone)]
pub struct FrameReducer {
    transcoder: Arc<Transcoder>,
    message: MessageIndex,
    asks: Audience,
}

impl FrameReducer {
    /// For events of this type. `transcoder` is of the same schema. `None`: everybody who gets them sees all of them.
    #[cfg(test)]
    pub(crate) fn of(event: &EventType, transcoder: &Arc<Transcoder>) -> Option<FrameReducer> {
        let asks = event.asks();
        (!asks.is_none()).then(|| FrameReducer::asking(event, asks, transcoder))
    }

    /// For events of this type, of which the transcoder hides what asks for something else than they did when they were
    /// published.
    pub fn asking(event: &EventType, asks: Audience, transcoder: &Arc<Transcoder>) -> FrameReducer {
        FrameReducer { transcoder: Arc::clone(transcoder), message: event.message, asks }
    }

    /// The payload in this form, as far as the audience sees it. Empty where it cannot be made, which the transcoder counts:
    /// what was printed once is not refused here.
    fn payload(&self, whole: &Whole<'_>, payload: &[u8], audience: Audience) -> Vec<u8> {
        let reduced = self.transcoder.reduce(self.message, payload, audience);
        let Ok(reduced) = reduced else { return Vec::new() };
        if whole.form == Form::Binary {
            return reduced;
        }
        let mut json = Vec::with_capacity(whole.data_bytes);
        match self.transcoder.reduced_to_json(self.message, &reduced, audience, &mut json) {
            Ok(()) => json,
            Err(_) => Vec::new(),
        }
    }
}

impl Reducer for FrameReducer {
    fn asks(&self) -> Audience {
        self.asks
    }

    fn reduce(&self, whole: &Whole<'_>, audience: Audience, out: &mut Vec<u8>) {
        let (_, wire) = split_event(payload(whole.binary).unwrap_or_default());
        put(whole, &self.payload(whole, wire, audience), out);
    }
}

/// Frames without any payload, of events that nobody can take anything out of: their type is in no schema that is remembered.
#[derive(Clone, Copy, Debug)]
pub struct Emptied {
    asks: Audience,
}

impl Emptied {
    /// For events that ask for this.
    pub fn asking(asks: Audience) -> Emptied {
        Emptied { asks }
    }
}

impl Reducer for Emptied {
    fn asks(&self) -> Audience {
        self.asks
    }

    fn reduce(&self, whole: &Whole<'_>, _: Audience, out: &mut Vec<u8>) {
        put(whole, &[], out);
    }
}

/// Appends an event's frame with this for its payload.
fn put(whole: &Whole<'_>, data: &[u8], out: &mut Vec<u8>) {
    match whole.form {
        Form::Json => {
            let data = if data.is_empty() { &b"{}"[..] } else { data };
            let message = payload(whole.frame).unwrap_or_default();
            // The payload stands before the bracket that closes the frame.
            let head = message.len().saturating_sub(whole.data_bytes + 1);
            let bytes = head + data.len() + 1;
            out.reserve(header_len(bytes) + bytes);
            put_header(out, Opcode::Text, bytes);
            out.extend_from_slice(&message[..head]);
            out.extend_from_slice(data);
            out.push(b'}');
        }
        Form::Binary => put_event_data(out, split_event(payload(whole.binary).unwrap_or_default()).0, data),
    }
}

impl std::fmt::Debug for FrameReducer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FrameReducer").field("asks", &self.asks).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
