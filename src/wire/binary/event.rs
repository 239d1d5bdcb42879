//! An event's frame in binary, up to its payload.

use super::field::{self, put_bytes, put_len, put_number, varint_len};
use super::number;
use crate::wire::EventFrame;
use crate::wire::event::MAX_UNIX_MS;
use crate::wire::websocket::{Opcode, header_len, put_header};

const ID_BYTES: usize = 36;

/// Appends the event's frame, WebSocket header first, except for the payload's bytes: they come next. Sequence 0 is none, and
/// left out.
///
/// Reserves its exact size before it writes and allocates nothing else.
pub(crate) fn write_event(out: &mut Vec<u8>, sequence: u64, event: &EventFrame<'_>) {
    let reply_to = event.reply_to.unwrap_or_default();
    let timestamp = Timestamp::new(event.unix_ms);
    let payload_bytes = event.payload.len();
    let sequence_bytes = if sequence > 0 { 1 + varint_len(sequence) } else { 0 };
    let head = field::present_len(event.event_type.len())
        + field::len(ID_BYTES)
        + field::present_len(reply_to.len())
        + field::present_len(event.channel.len())
        + sequence_bytes
        + field::len(timestamp.bytes())
        + event.metadata_wire.len()
        + (field::present_len(payload_bytes) - payload_bytes);
    let start = out.len();
    let header = header_len(head + payload_bytes);
    out.reserve(header + head);
    put_header(out, Opcode::Binary, head + payload_bytes);
    put_present(out, number::TYPE, event.event_type);
    put_bytes(out, number::ID, event.id.encode(&mut [0; ID_BYTES]).as_bytes());
    put_present(out, number::REPLY_TO, reply_to);
    put_present(out, number::CHANNEL, event.channel);
    if sequence > 0 {
        put_number(out, number::SEQUENCE, sequence);
    }
    put_len(out, number::TIMESTAMP, timestamp.bytes());
    timestamp.put(out);
    out.extend_from_slice(event.metadata_wire);
    if payload_bytes > 0 {
        put_len(out, number::DATA, payload_bytes);
    }
    debug_assert_eq!(out.len() - start, header + head, "the size was computed up front");
}

fn put_present(out: &mut Vec<u8>, field: u8, text: &str) {
    if !text.is_empty() {
        put_bytes(out, field, text.as_bytes());
    }
}

/// A `google.protobuf.Timestamp`.
struct Timestamp {
    seconds: u64,
    nanos: u64,
}

impl Timestamp {
    fn new(unix_ms: u64) -> Self {
        let unix_ms = unix_ms.min(MAX_UNIX_MS);
        Timestamp { seconds: unix_ms / 1_000, nanos: unix_ms % 1_000 * 1_000_000 }
    }

    fn fields(&self) -> impl Iterator<Item = (u8, u64)> {
        [(1, self.seconds), (2, self.nanos)].into_iter().filter(|(_, value)| *value > 0)
    }

    fn bytes(&self) -> usize {
        self.fields().map(|(_, value)| 1 + varint_len(value)).sum()
    }

    fn put(&self, out: &mut Vec<u8>) {
        self.fields().for_each(|(field, value)| put_number(out, field, value));
    }
}
