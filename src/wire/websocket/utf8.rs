//! UTF-8 that arrives in pieces.
//!
//! A piece may end inside a character. What can no longer become UTF-8 is refused at its first impossible byte, not at
//! the end of the message.

/// How much of a growing text is known to be whole characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Utf8Progress {
    checked_bytes: usize,
}

/// The text cannot become UTF-8, whatever follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotUtf8;

impl Utf8Progress {
    /// Looks at what came since the last call. `text` is the whole text so far.
    pub(super) fn advance(&mut self, text: &[u8]) -> Result<(), NotUtf8> {
        match simdutf8::compat::from_utf8(&text[self.checked_bytes..]) {
            Ok(_) => self.checked_bytes = text.len(),
            // No error length: the rest, at most three bytes, is the beginning of a possible character.
            Err(error) if error.error_len().is_none() => self.checked_bytes += error.valid_up_to(),
            Err(_) => return Err(NotUtf8),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(pieces: &[&[u8]]) -> Result<(), (usize, NotUtf8)> {
        let mut progress = Utf8Progress::default();
        let mut text = Vec::new();
        for (index, piece) in pieces.iter().enumerate() {
            text.extend_from_slice(piece);
            progress.advance(&text).map_err(|error| (index, error))?;
        }
        Ok(())
    }

    #[test]
    fn characters_may_be_cut_anywhere() {
        let text = "κόσμε 𐍈 \u{10FFFF} \u{D7FF}\u{E000}".as_bytes();
        for cut in 0..=text.len() {
            assert_eq!(feed(&[&text[..cut], &text[cut..]]), Ok(()), "cut at {cut}");
        }
        let single: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(feed(&single), Ok(()));
    }

    #[test]
    fn the_first_impossible_byte_is_refused_at_once() {
        let cases: [(&[&[u8]], usize); 7] = [
            (&[b"\xF4", b"\x90"], 1),           // above U+10FFFF
            (&[b"\xED", b"\xA0"], 1),           // a surrogate
            (&[b"\xC0"], 0),                    // over-long
            (&[b"\xE0", b"\x80"], 1),           // over-long
            (&[b"a", b"\x80"], 1),              // a tail without its head
            (&[b"\xF5"], 0),                    // no such head
            (&[b"\xF0\x9F", b"\x98", b"a"], 2), // cut short by another character
        ];
        for (pieces, at) in cases {
            assert_eq!(feed(pieces), Err((at, NotUtf8)), "{pieces:?}");
        }
    }
}
