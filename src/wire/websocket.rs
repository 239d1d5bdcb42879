//! The server's side of RFC 6455, without I/O.
//!
//! - [`handshake`] judges an upgrade request,
//! - [`Parser`] turns a client's bytes into [`Incoming`] messages, whatever the reads were cut into,
//! - the `put_` functions append a server's frames to a buffer.
//!
//! Promises: exact (masks, fragments, minimal lengths, UTF-8, close codes: the table `tests/vectors/websocket.txt` is the
//! judge), and nothing on the heap between messages. No extension is ever negotiated.

pub mod handshake;
mod header;
mod parser;
mod utf8;
mod writer;

pub use parser::{Incoming, MAX_EMPTY_FRAGMENTS, Parser, Violation};
pub use writer::{
    frame_len, header_len, payload, put_close, put_close_reply, put_header, put_ping, put_pong, put_text,
};

/// The longest payload of a control frame, in bytes (RFC 6455 section 5.5).
pub const MAX_CONTROL_BYTES: usize = 125;

/// The longest reason of a close frame, in bytes: the code takes two.
pub const MAX_CLOSE_REASON_BYTES: usize = MAX_CONTROL_BYTES - 2;

/// What a frame is (RFC 6455 section 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Opcode {
    /// A further fragment of the message that has begun.
    Continuation = 0,
    /// A message of UTF-8 text, or its first fragment.
    Text = 1,
    /// A message of bytes, or its first fragment.
    Binary = 2,
    /// The peer closes.
    Close = 8,
    /// To be answered by a pong.
    Ping = 9,
    /// Answers a ping, or comes by itself.
    Pong = 10,
}

impl Opcode {
    /// The opcode of the low four bits of a frame's first byte; `None` for the reserved ones.
    fn from_bits(bits: u8) -> Option<Opcode> {
        Some(match bits {
            0 => Opcode::Continuation,
            1 => Opcode::Text,
            2 => Opcode::Binary,
            8 => Opcode::Close,
            9 => Opcode::Ping,
            10 => Opcode::Pong,
            _ => return None,
        })
    }

    fn is_control(self) -> bool {
        self as u8 >= 8
    }
}

/// The close codes of RFC 6455 that Rialto sends. Its own are [`crate::status::PeerCode`]'s.
pub mod close_code {
    /// The purpose is fulfilled.
    pub const NORMAL: u16 = 1000;
    /// The server goes away.
    pub const GOING_AWAY: u16 = 1001;
    /// The frames are not RFC 6455's.
    pub const PROTOCOL_ERROR: u16 = 1002;
    /// A binary message where text is expected.
    pub const UNSUPPORTED_DATA: u16 = 1003;
    /// Text that is not UTF-8.
    pub const INVALID_PAYLOAD: u16 = 1007;
    /// A message over the limit.
    pub const TOO_BIG: u16 = 1009;
    /// A defect of the server's.
    pub const INTERNAL: u16 = 1011;

    /// Whether a peer may send this code in a close frame (RFC 6455 section 7.4 and IANA's registry).
    pub fn is_valid_on_the_wire(code: u16) -> bool {
        matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }
}

#[cfg(test)]
mod tests;
