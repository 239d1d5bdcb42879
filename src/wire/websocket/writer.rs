//! A server's frames, appended to a buffer: unmasked, never fragmented.

use super::{MAX_CLOSE_REASON_BYTES, MAX_CONTROL_BYTES, Opcode, close_code};

/// The length of a server frame's header for a payload of `payload_bytes`: 2, 4 or 10.
pub const fn header_len(payload_bytes: usize) -> usize {
    match payload_bytes {
        0..=125 => 2,
        126..=0xFFFF => 4,
        _ => 10,
    }
}

/// Appends the header of one whole message.
pub fn put_header(out: &mut Vec<u8>, opcode: Opcode, payload_bytes: usize) {
    let first = 0x80 | opcode as u8;
    match payload_bytes {
        0..=125 => out.extend_from_slice(&[first, payload_bytes as u8]),
        126..=0xFFFF => {
            let [a, b] = (payload_bytes as u16).to_be_bytes();
            out.extend_from_slice(&[first, 126, a, b]);
        }
        _ => {
            out.extend_from_slice(&[first, 127]);
            out.extend_from_slice(&(payload_bytes as u64).to_be_bytes());
        }
    }
}

/// Appends a text message.
pub fn put_text(out: &mut Vec<u8>, text: &str) {
    out.reserve(header_len(text.len()) + text.len());
    put_header(out, Opcode::Text, text.len());
    out.extend_from_slice(text.as_bytes());
}

/// Appends a close frame. The reason is cut to 123 bytes, at a character's end.
pub fn put_close(out: &mut Vec<u8>, code: u16, reason: &str) {
    debug_assert!(close_code::is_valid_on_the_wire(code), "{code} may not be sent");
    let mut end = reason.len().min(MAX_CLOSE_REASON_BYTES);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    put_header(out, Opcode::Close, 2 + end);
    out.extend_from_slice(&code.to_be_bytes());
    out.extend_from_slice(&reason.as_bytes()[..end]);
}

/// Appends the answer to a peer's close: its own code, or an empty frame when it gave none (RFC 6455 section 5.5.1).
pub fn put_close_reply(out: &mut Vec<u8>, code: Option<u16>) {
    match code {
        Some(code) => put_close(out, code, ""),
        None => put_header(out, Opcode::Close, 0),
    }
}

/// Appends a ping. A payload over 125 bytes is cut.
pub fn put_ping(out: &mut Vec<u8>, payload: &[u8]) {
    put_control(out, Opcode::Ping, payload);
}

/// Appends a pong. A payload over 125 bytes is cut; a ping never has one.
pub fn put_pong(out: &mut Vec<u8>, payload: &[u8]) {
    put_control(out, Opcode::Pong, payload);
}

fn put_control(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8]) {
    let payload = &payload[..payload.len().min(MAX_CONTROL_BYTES)];
    put_header(out, opcode, payload.len());
    out.extend_from_slice(payload);
}

/// The whole length, header included, of the server frame that begins at `bytes`, which may hold less than all of it.
///
/// `None`: its header is not complete, or this is no server frame (masked, or a length that does not fit).
pub fn frame_len(bytes: &[u8]) -> Option<usize> {
    let (header, payload): (usize, u64) = match *bytes {
        [_, 126, a, b, ..] => (4, u64::from(u16::from_be_bytes([a, b]))),
        [_, 127, a, b, c, d, e, f, g, h, ..] => (10, u64::from_be_bytes([a, b, c, d, e, f, g, h])),
        [_, short @ 0..=125, ..] => (2, u64::from(short)),
        _ => return None,
    };
    usize::try_from(payload).ok()?.checked_add(header)
}

/// The payload of a server frame that is there as a whole.
pub fn payload(frame: &[u8]) -> Option<&[u8]> {
    let header = match frame.get(1)? {
        126 => 4,
        127 => 10,
        0..=125 => 2,
        _ => return None,
    };
    frame.get(header..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_take_the_fewest_bytes_and_frame_len_reads_them_back() {
        for (len, header) in [(0, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10), (1_000_000, 10)] {
            let mut out = Vec::new();
            put_header(&mut out, Opcode::Binary, len);
            assert_eq!(out.len(), header, "{len}");
            assert_eq!(header_len(len), header, "{len}");
            assert_eq!(out[0], 0x82);
            assert_eq!(frame_len(&out), Some(header + len), "{len}");
            assert_eq!(payload(&out), Some(&[][..]), "{len}");
            for cut in 0..header {
                assert_eq!(frame_len(&out[..cut]), None, "{cut} bytes of {len}");
            }
        }
    }

    #[test]
    fn frame_len_walks_frames_that_lie_one_behind_the_other() {
        let mut out = Vec::new();
        put_text(&mut out, "");
        put_text(&mut out, &"ä".repeat(200));
        put_ping(&mut out, b"x");
        put_text(&mut out, &"b".repeat(70_000));
        let mut lengths = Vec::new();
        let mut rest = &out[..];
        while let Some(len) = frame_len(rest) {
            lengths.push(len);
            rest = &rest[len..];
        }
        assert_eq!(lengths, [2, 404, 3, 70_010]);
        assert!(rest.is_empty());
    }

    #[test]
    fn frame_len_refuses_what_no_server_sends() {
        for bytes in [&[0x81, 0x80][..], &[0x81, 0xFE, 0, 1], &[0x81, 127, 255, 255, 255, 255, 255, 255, 255, 255]] {
            assert_eq!(frame_len(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn a_close_reason_is_cut_to_123_bytes_at_a_characters_end() {
        let mut out = Vec::new();
        put_close(&mut out, 4005, &format!("{}€", "a".repeat(121)));
        assert_eq!(&out[..4], [0x88, 2 + 121, 0x0F, 0xA5]);
        assert_eq!(out.len(), 4 + 121);

        out.clear();
        put_close(&mut out, 1000, &format!("{}€", "a".repeat(120)));
        assert_eq!(out.len(), 2 + 125);
        assert!(out.ends_with("€".as_bytes()));
    }

    #[test]
    fn a_close_is_answered_with_its_own_code_or_with_nothing() {
        let mut out = Vec::new();
        put_close_reply(&mut out, Some(3999));
        put_close_reply(&mut out, None);
        assert_eq!(out, [0x88, 2, 0x0F, 0x9F, 0x88, 0]);
    }

    #[test]
    fn pings_and_pongs_carry_at_most_125_bytes() {
        let mut out = Vec::new();
        put_ping(&mut out, b"hi");
        assert_eq!(out, [0x89, 2, b'h', b'i']);
        out.clear();
        put_pong(&mut out, &[7; 126]);
        assert_eq!(&out[..2], [0x8A, 125]);
        assert_eq!(out.len(), 127);
    }
}
