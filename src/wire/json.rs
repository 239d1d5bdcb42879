//! The form of the subprotocol `rialto.v1.json`: one JSON object a text message.

mod envelope;
mod event;
mod scan;
mod text;

pub(super) use envelope::{frame_id, read_envelope, read_metadata};
pub(super) use event::write_event;
pub(super) use scan::ScanError;

use text::{escaped_len, put_escaped};

use super::websocket::{Opcode, header_len, put_header};

/// Appends a frame of Rialto's own: `{"type":"channel.gap","replyTo":"7","data":{…}}`. `data` is JSON, printed.
pub(super) fn put_frame(out: &mut Vec<u8>, frame_type: &str, reply_to: Option<&str>, data: &[u8]) {
    const TYPE: &[u8] = b"{\"type\":\"";
    const REPLY_TO: &[u8] = b"\",\"replyTo\":\"";
    const DATA: &[u8] = b"\",\"data\":";
    let reply_to_len = reply_to.map_or(0, |reply_to| REPLY_TO.len() + escaped_len(reply_to));
    let json = TYPE.len() + frame_type.len() + reply_to_len + DATA.len() + data.len() + 1;
    out.reserve(header_len(json) + json);
    put_header(out, Opcode::Text, json);
    out.extend_from_slice(TYPE);
    out.extend_from_slice(frame_type.as_bytes());
    if let Some(reply_to) = reply_to {
        out.extend_from_slice(REPLY_TO);
        put_escaped(out, reply_to);
    }
    out.extend_from_slice(DATA);
    out.extend_from_slice(data);
    out.push(b'}');
}
