//! An event's frame for those who may not see all of it: the envelope as it is, another payload.

use std::sync::Arc;

use buffa_descriptor::MessageIndex;

use super::binary::put_event_data;
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
    pub fn of(event: &EventType, transcoder: &Arc<Transcoder>) -> Option<FrameReducer> {
        let asks = event.asks();
        let transcoder = Arc::clone(transcoder);
        (!asks.is_none()).then_some(FrameReducer { transcoder, message: event.message, asks })
    }

    /// The payload in this form, as far as the audience sees it. Empty where it cannot be made, which the transcoder counts:
    /// what was printed once is not refused here.
    fn payload(&self, whole: &Whole<'_>, audience: Audience) -> Vec<u8> {
        let reduced = self.transcoder.reduce(self.message, whole.payload, audience);
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
        let message = payload(whole.frame).unwrap_or_default();
        let data = self.payload(whole, audience);
        match whole.form {
            Form::Json => {
                let data = if data.is_empty() { &b"{}"[..] } else { &data };
                // The payload stands before the bracket that closes the frame.
                let head = message.len().saturating_sub(whole.data_bytes + 1);
                let bytes = head + data.len() + 1;
                out.reserve(header_len(bytes) + bytes);
                put_header(out, Opcode::Text, bytes);
                out.extend_from_slice(&message[..head]);
                out.extend_from_slice(data);
                out.push(b'}');
            }
            Form::Binary => put_event_data(out, message, whole.payload.len(), &data),
        }
    }
}

impl std::fmt::Debug for FrameReducer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FrameReducer").field("asks", &self.asks).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
