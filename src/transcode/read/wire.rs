//! The wire format, as it is written.

use super::Reader;

impl Reader<'_, '_> {
    pub(super) fn tag(&mut self, number: u32, wire_type: u32) {
        self.varint(u64::from(number << 3 | wire_type));
    }

    pub(super) fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.wire.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.wire.push(value as u8);
    }

    /// Begins something with a length before it; where its body starts.
    pub(super) fn begin(&mut self) -> usize {
        self.wire.push(0);
        self.wire.len()
    }

    /// Writes the length before the body, moving it if one byte is too little.
    pub(super) fn end(&mut self, body: usize) {
        let end = self.wire.len();
        let len = end - body;
        if len < 0x80 {
            self.wire[body - 1] = len as u8;
            return;
        }
        self.varint(len as u64);
        let extra = self.wire.len() - end - 1;
        self.wire[body - 1..].rotate_right(extra + 1);
        // The placeholder byte is now right behind the length.
        self.wire.remove(body + extra);
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.varint(bytes.len() as u64);
        self.wire.extend_from_slice(bytes);
    }
}
