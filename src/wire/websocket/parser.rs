//! A client's bytes → messages.
//!
//! Feed it whatever a read gave, in any pieces. Every rule of RFC 6455 is applied at the first byte that breaks it: a
//! frame that is too long is refused by its header, before any of it is kept. Between messages the parser holds nothing
//! on the heap, and inside one at most twice what has arrived.

use super::header::{Frame, Header, Place};
use super::utf8::Utf8Progress;
use super::{Opcode, close_code};

/// How many fragments of one message may carry no byte.
///
/// RFC 6455 allows any number of them, and they cost us nothing but time: a message of more is refused with 1009.
pub const MAX_EMPTY_FRAGMENTS: u16 = 1_024;

/// What a client sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// A whole text message.
    Text(String),
    /// A whole binary message.
    Binary(Vec<u8>),
    /// A ping: answer it with a pong of the same payload.
    Ping(Vec<u8>),
    /// A pong.
    Pong(Vec<u8>),
    /// The peer closes. Nothing that it sends after this is looked at.
    Close {
        /// Its code; `None` when the frame was empty.
        code: Option<u16>,
        /// Its reason, often empty.
        reason: String,
    },
}

/// The client broke RFC 6455 or a limit: close with this code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason} (close code {close_code})")]
pub struct Violation {
    /// The code of the close frame to send.
    pub close_code: u16,
    /// The close frame's reason: what is wrong.
    pub reason: &'static str,
}

pub(super) const fn protocol_error(reason: &'static str) -> Violation {
    Violation { close_code: close_code::PROTOCOL_ERROR, reason }
}

pub(super) const TOO_BIG: Violation =
    Violation { close_code: close_code::TOO_BIG, reason: "message exceeds the size limit" };
const NOT_UTF8: Violation = Violation { close_code: close_code::INVALID_PAYLOAD, reason: "text is not valid UTF-8" };
const TOO_MANY_FRAGMENTS: Violation =
    Violation { close_code: close_code::TOO_BIG, reason: "message has too many empty fragments" };

/// The data message that has begun and is not complete.
#[derive(Clone, Copy, Debug)]
struct Message {
    is_text: bool,
    empty_fragments: u16,
    utf8: Utf8Progress,
}

/// Reads one client's frames.
#[derive(Debug)]
pub struct Parser {
    max_message_bytes: usize,
    header: Header,
    /// A close frame came, or a violation: what follows is thrown away.
    ended: bool,
    frame: Option<Frame>,
    message: Option<Message>,
    /// The payload of `message` so far.
    payload: Vec<u8>,
    /// The payload of a control frame so far: it may come between the fragments of a message.
    control: Vec<u8>,
}

impl Parser {
    /// A parser at the first byte after the handshake. A message over `max_message_bytes` is refused with 1009.
    pub fn new(max_message_bytes: usize) -> Self {
        Parser {
            max_message_bytes,
            header: Header::default(),
            ended: false,
            frame: None,
            message: None,
            payload: Vec::new(),
            control: Vec::new(),
        }
    }

    /// Reads on until a message is complete or the input is used up; says how many bytes were taken.
    ///
    /// Call it again with the rest until it has taken everything. After a close frame or a violation it takes and
    /// ignores all that follows.
    ///
    /// # Errors
    /// The first rule that was broken, with the close code to send.
    pub fn push(&mut self, input: &[u8]) -> Result<(usize, Option<Incoming>), Violation> {
        let mut rest = input;
        while !self.ended && !rest.is_empty() {
            let step = match self.frame {
                None => self.read_header(&mut rest),
                Some(frame) => self.read_payload(frame, &mut rest),
            };
            match step {
                Ok(None) => {}
                Ok(Some(incoming)) => {
                    self.ended = matches!(incoming, Incoming::Close { .. });
                    return Ok((input.len() - rest.len(), Some(incoming)));
                }
                Err(violation) => {
                    self.ended = true;
                    self.frame = None;
                    self.message = None;
                    self.payload = Vec::new();
                    self.control = Vec::new();
                    return Err(violation);
                }
            }
        }
        Ok((input.len(), None))
    }

    /// Whether a message, a control frame or a header has begun and is not complete.
    ///
    /// For the deadline of a message once begun: start the clock when this turns true, start it again when a `Text` or
    /// `Binary` came out, stop it when this is false.
    pub fn mid_message(&self) -> bool {
        !self.ended && (!self.header.is_empty() || self.frame.is_some() || self.message.is_some())
    }

    /// What is held on the heap.
    #[cfg(test)]
    pub(super) fn heap_bytes(&self) -> usize {
        self.payload.capacity() + self.control.capacity()
    }

    /// Takes header bytes one by one, so that each is judged as soon as it is there.
    fn read_header(&mut self, rest: &mut &[u8]) -> Result<Option<Incoming>, Violation> {
        let place = Place {
            in_message: self.message.is_some(),
            room_bytes: self.max_message_bytes.saturating_sub(self.payload.len()),
        };
        while let Some((&byte, after)) = rest.split_first() {
            *rest = after;
            if let Some(frame) = self.header.push(byte, place)? {
                return self.begin_frame(frame);
            }
        }
        Ok(None)
    }

    fn begin_frame(&mut self, frame: Frame) -> Result<Option<Incoming>, Violation> {
        if !frame.opcode.is_control() {
            let message = self.message.get_or_insert(Message {
                is_text: frame.opcode == Opcode::Text,
                empty_fragments: 0,
                utf8: Utf8Progress::default(),
            });
            if frame.remaining_bytes == 0 && !frame.is_final {
                message.empty_fragments += 1;
                if message.empty_fragments > MAX_EMPTY_FRAGMENTS {
                    return Err(TOO_MANY_FRAGMENTS);
                }
            }
        }
        self.frame = Some(frame);
        if frame.remaining_bytes == 0 { self.end_frame(frame) } else { Ok(None) }
    }

    fn read_payload(&mut self, mut frame: Frame, rest: &mut &[u8]) -> Result<Option<Incoming>, Violation> {
        let taken = frame.remaining_bytes.min(rest.len());
        let (bytes, after) = rest.split_at(taken);
        *rest = after;
        let buffer = if frame.opcode.is_control() { &mut self.control } else { &mut self.payload };
        if buffer.is_empty() && taken == frame.remaining_bytes {
            buffer.reserve_exact(taken);
        }
        // Grows with what arrived, never with what a header promises.
        let start = buffer.len();
        buffer.extend_from_slice(bytes);
        unmask(&mut buffer[start..], frame.mask);
        frame.mask.rotate_left(taken % 4);
        frame.remaining_bytes -= taken;
        self.frame = Some(frame);

        if frame.remaining_bytes == 0 {
            return self.end_frame(frame);
        }
        self.check_text_so_far(frame)?;
        Ok(None)
    }

    /// Refuses text that can no longer become UTF-8.
    fn check_text_so_far(&mut self, frame: Frame) -> Result<(), Violation> {
        if frame.opcode.is_control() {
            return Ok(());
        }
        match &mut self.message {
            Some(message) if message.is_text => message.utf8.advance(&self.payload).map_err(|_| NOT_UTF8),
            _ => Ok(()),
        }
    }

    fn end_frame(&mut self, frame: Frame) -> Result<Option<Incoming>, Violation> {
        self.frame = None;
        match frame.opcode {
            Opcode::Ping => Ok(Some(Incoming::Ping(std::mem::take(&mut self.control)))),
            Opcode::Pong => Ok(Some(Incoming::Pong(std::mem::take(&mut self.control)))),
            Opcode::Close => close(&std::mem::take(&mut self.control)).map(Some),
            Opcode::Continuation | Opcode::Text | Opcode::Binary if !frame.is_final => {
                self.check_text_so_far(frame)?;
                Ok(None)
            }
            Opcode::Continuation | Opcode::Text | Opcode::Binary => {
                let is_text = self.message.take().is_some_and(|message| message.is_text);
                let payload = std::mem::take(&mut self.payload);
                if is_text {
                    String::from_utf8(payload).map(|text| Some(Incoming::Text(text))).map_err(|_| NOT_UTF8)
                } else {
                    Ok(Some(Incoming::Binary(payload)))
                }
            }
        }
    }
}

fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let mut words = payload.chunks_exact_mut(4);
    for word in &mut words {
        for (byte, key) in word.iter_mut().zip(mask) {
            *byte ^= key;
        }
    }
    for (byte, key) in words.into_remainder().iter_mut().zip(mask) {
        *byte ^= key;
    }
}

/// What a close frame's payload says (RFC 6455 section 5.5.1).
fn close(payload: &[u8]) -> Result<Incoming, Violation> {
    match *payload {
        [] => Ok(Incoming::Close { code: None, reason: String::new() }),
        [_] => Err(protocol_error("close frame of one byte")),
        [high, low, ref reason @ ..] => {
            let code = u16::from_be_bytes([high, low]);
            if !close_code::is_valid_on_the_wire(code) {
                return Err(protocol_error("close code that may not be sent"));
            }
            let reason = String::from_utf8(reason.to_vec()).map_err(|_| Violation {
                close_code: close_code::INVALID_PAYLOAD,
                reason: "close reason is not valid UTF-8",
            })?;
            Ok(Incoming::Close { code: Some(code), reason })
        }
    }
}
