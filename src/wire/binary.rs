//! The form of the subprotocol `rialto.v1.proto`: one `rialto.v1.Frame` a binary message.
//!
//! `data`, the wire bytes of the message that `type` names, is always the frame's last field: an event's frame ends with its
//! payload.

mod envelope;
mod event;
mod field;

#[cfg(test)]
mod tests;

pub(super) use envelope::{frame_id, read_envelope};
pub(super) use event::write_event;

use field::{put_bytes, put_len};

use super::websocket::{Opcode, header_len, put_header};

/// The numbers of `rialto.v1.Frame`'s fields: a test compares.
mod number {
    pub(super) const TYPE: u8 = 1;
    pub(super) const ID: u8 = 2;
    pub(super) const REPLY_TO: u8 = 3;
    pub(super) const CHANNEL: u8 = 4;
    pub(super) const SEQUENCE: u8 = 5;
    pub(super) const TIMESTAMP: u8 = 6;
    pub(super) const METADATA: u8 = 7;
    pub(super) const DATA: u8 = 8;
}

/// Appends one entry of an event's metadata, as its frame holds it.
pub fn put_metadata(out: &mut Vec<u8>, key: &str, value: &str) {
    put_len(out, number::METADATA, field::len(key.len()) + field::len(value.len()));
    put_bytes(out, 1, key.as_bytes());
    put_bytes(out, 2, value.as_bytes());
}

/// An event's message in two: all that comes before its payload, and the payload. Never has any of the payload in the first
/// part, whatever the bytes are.
pub(super) fn split_event(message: &[u8]) -> (&[u8], &[u8]) {
    let mut rest = message;
    while let Some((tag, after)) = rest.split_first() {
        let Some((number, after)) = field::varint(after) else { break };
        rest = match tag & 7 {
            0 => after,
            2 => {
                let Some((content, after)) = usize::try_from(number).ok().and_then(|len| after.split_at_checked(len))
                else {
                    break;
                };
                if tag >> 3 == number::DATA {
                    return (&message[..message.len() - rest.len()], content);
                }
                after
            }
            _ => break,
        };
    }
    (&message[..message.len() - rest.len()], &[])
}

/// Appends an event's frame with another payload. `head` is all that its message has before its payload.
pub(super) fn put_event_data(out: &mut Vec<u8>, head: &[u8], data: &[u8]) {
    let bytes = head.len() + field::present_len(data.len());
    out.reserve(header_len(bytes) + bytes);
    put_header(out, Opcode::Binary, bytes);
    out.extend_from_slice(head);
    if !data.is_empty() {
        put_bytes(out, number::DATA, data);
    }
}

/// Appends a frame of Rialto's own. `data` is the message's wire bytes.
pub(super) fn put_frame(out: &mut Vec<u8>, frame_type: &str, reply_to: Option<&str>, data: &[u8]) {
    let reply_to = reply_to.unwrap_or_default();
    let bytes = [frame_type.len(), reply_to.len(), data.len()].into_iter().map(field::present_len).sum();
    out.reserve(header_len(bytes) + bytes);
    put_header(out, Opcode::Binary, bytes);
    put_bytes(out, number::TYPE, frame_type.as_bytes());
    if !reply_to.is_empty() {
        put_bytes(out, number::REPLY_TO, reply_to.as_bytes());
    }
    if !data.is_empty() {
        put_bytes(out, number::DATA, data);
    }
}
