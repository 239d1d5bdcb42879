//! The parser of RFC 6455's frames: however the bytes are cut into reads, the same messages and the same end come out.

use rialto::wire::websocket::{Incoming, Parser, Violation, close_code};

/// The first byte chooses the limit of a message, the second the size of the pieces; the rest is a client's bytes.
pub fn run(bytes: &[u8]) {
    let [limit, piece, bytes @ ..] = bytes else { return };
    let max_message_bytes = usize::from(*limit) * 16;
    let whole = understand(bytes, bytes.len().max(1), max_message_bytes);
    let pieces = understand(bytes, usize::from(*piece % 7) + 1, max_message_bytes);
    assert_eq!(whole, pieces, "the outcome depends on how the bytes were cut");
}

/// Every message, and how it ended.
fn understand(bytes: &[u8], piece: usize, max_message_bytes: usize) -> (Vec<Incoming>, Option<Violation>, bool) {
    let mut parser = Parser::new(max_message_bytes);
    let mut messages = Vec::new();
    for mut part in bytes.chunks(piece) {
        while !part.is_empty() {
            match parser.push(part) {
                Ok((used, message)) => {
                    assert!(used > 0 && used <= part.len(), "{used} of {} bytes were taken", part.len());
                    part = &part[used..];
                    messages.extend(message.inspect(|message| check(message, max_message_bytes)));
                }
                Err(violation) => {
                    assert!(close_code::is_valid_on_the_wire(violation.close_code), "{violation}");
                    assert!(!parser.mid_message(), "something is half read after a violation");
                    return (messages, Some(violation), false);
                }
            }
        }
    }
    let mid_message = parser.mid_message();
    (messages, None, mid_message)
}

fn check(message: &Incoming, max_message_bytes: usize) {
    match message {
        Incoming::Text(text) => assert!(text.len() <= max_message_bytes),
        Incoming::Binary(bytes) => assert!(bytes.len() <= max_message_bytes),
        Incoming::Ping(payload) | Incoming::Pong(payload) => assert!(payload.len() <= 125),
        Incoming::Close { code, reason } => {
            assert!(code.is_none_or(close_code::is_valid_on_the_wire) && reason.len() <= 123);
        }
    }
}
