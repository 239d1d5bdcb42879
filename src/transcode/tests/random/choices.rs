//! Choices taken from bytes: proptest makes the bytes, so that it can also make a failing case smaller.

/// When the bytes are used up, every choice is the first, which is the simplest.
pub(super) struct Choices<'b> {
    bytes: std::slice::Iter<'b, u8>,
}

impl<'b> Choices<'b> {
    pub(super) fn new(bytes: &'b [u8]) -> Self {
        Choices { bytes: bytes.iter() }
    }

    pub(super) fn byte(&mut self) -> u8 {
        self.bytes.next().copied().unwrap_or(0)
    }

    /// A number below `end`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        let wide = end > 256;
        let value = usize::from(self.byte()) << 8 | if wide { usize::from(self.byte()) } else { 0 };
        if wide { value % end } else { (value >> 8) % end }
    }

    /// True in `of` out of 256 cases.
    pub(super) fn rarely(&mut self, of: u8) -> bool {
        self.byte() > 255 - of
    }

    pub(super) fn one<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    pub(super) fn word(&mut self) -> u64 {
        (0..8).fold(0, |word, _| word << 8 | u64::from(self.byte()))
    }
}
