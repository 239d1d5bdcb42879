//! The header of a client's frame, collected and judged byte by byte.

use super::parser::{TOO_BIG, Violation, protocol_error};
use super::{MAX_CONTROL_BYTES, Opcode};

/// The longest header: two bytes, a 64-bit length, the mask.
const MAX_HEADER_BYTES: usize = 14;

/// What a header's bytes said: the frame whose payload follows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) opcode: Opcode,
    pub(super) is_final: bool,
    /// Turned so that its first byte belongs to the next byte of the payload.
    pub(super) mask: [u8; 4],
    pub(super) remaining_bytes: usize,
}

/// Where in the stream a header stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// A fragmented message has begun and is not complete.
    pub(super) in_message: bool,
    /// What the message may still grow by.
    pub(super) room_bytes: usize,
}

/// The header's bytes so far.
#[derive(Debug, Default)]
pub(super) struct Header {
    bytes: [u8; MAX_HEADER_BYTES],
    len: u8,
}

impl Header {
    /// Whether no header has begun.
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Takes the next byte. With the last one the frame is known, and the next header may begin.
    pub(super) fn push(&mut self, byte: u8, place: Place) -> Result<Option<Frame>, Violation> {
        self.bytes[usize::from(self.len)] = byte;
        self.len += 1;
        match self.len {
            1 => {
                opcode_at(byte, place)?;
                return Ok(None);
            }
            2 => self.check_second_byte(byte)?,
            _ => {}
        }
        let mask_at = 2 + self.length_bytes();
        let seen = usize::from(self.len);
        if seen == mask_at {
            self.payload_len(place)?;
        }
        if seen < mask_at + 4 {
            return Ok(None);
        }
        let mut mask = [0; 4];
        mask.copy_from_slice(&self.bytes[mask_at..mask_at + 4]);
        let frame = Frame {
            opcode: opcode_at(self.bytes[0], place)?,
            is_final: self.bytes[0] & 0x80 != 0,
            mask,
            remaining_bytes: self.payload_len(place)?,
        };
        self.len = 0;
        Ok(Some(frame))
    }

    fn check_second_byte(&self, byte: u8) -> Result<(), Violation> {
        if byte & 0x80 == 0 {
            return Err(protocol_error("frame is not masked"));
        }
        if self.is_control() && usize::from(byte & 0x7F) > MAX_CONTROL_BYTES {
            return Err(protocol_error("control frame of more than 125 bytes"));
        }
        Ok(())
    }

    fn is_control(&self) -> bool {
        self.bytes[0] & 0x08 != 0
    }

    /// How many bytes of the header hold the extended length.
    fn length_bytes(&self) -> usize {
        match self.bytes[1] & 0x7F {
            126 => 2,
            127 => 8,
            _ => 0,
        }
    }

    /// The frame's length, once its bytes are there: minimal, positive and within the limit.
    fn payload_len(&self, place: Place) -> Result<usize, Violation> {
        let [_, short, a, b, c, d, e, f, g, h, ..] = self.bytes;
        let len = match short & 0x7F {
            126 => u64::from(u16::from_be_bytes([a, b])),
            127 => u64::from_be_bytes([a, b, c, d, e, f, g, h]),
            short => u64::from(short),
        };
        if len >> 63 != 0 {
            return Err(protocol_error("frame length has its top bit set"));
        }
        // Section 5.2: "the minimal number of bytes MUST be used to encode the length".
        let minimal = match self.length_bytes() {
            0 => true,
            2 => len > 125,
            _ => len > u64::from(u16::MAX),
        };
        if !minimal {
            return Err(protocol_error("frame length is not minimally encoded"));
        }
        let len = usize::try_from(len).map_err(|_| TOO_BIG)?;
        if !self.is_control() && len > place.room_bytes { Err(TOO_BIG) } else { Ok(len) }
    }
}

/// The opcode of a first byte that may stand here.
fn opcode_at(byte: u8, place: Place) -> Result<Opcode, Violation> {
    if byte & 0x70 != 0 {
        return Err(protocol_error("a reserved bit is set: no extension was negotiated"));
    }
    let opcode = Opcode::from_bits(byte & 0x0F).ok_or(protocol_error("reserved opcode"))?;
    match opcode {
        Opcode::Close | Opcode::Ping | Opcode::Pong if byte & 0x80 == 0 => {
            Err(protocol_error("fragmented control frame"))
        }
        Opcode::Continuation if !place.in_message => Err(protocol_error("continuation without a message")),
        Opcode::Text | Opcode::Binary if place.in_message => {
            Err(protocol_error("a new message inside a fragmented one"))
        }
        opcode => Ok(opcode),
    }
}
