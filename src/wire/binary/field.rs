//! Fields of protobuf's wire format, with their lengths known beforehand. Their numbers are below 16: one byte a tag.

/// The bytes of a varint.
pub(super) fn varint_len(number: u64) -> usize {
    (64 - (number | 1).leading_zeros() as usize).div_ceil(7)
}

/// Appends a varint.
pub(super) fn put_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// The varint that these bytes begin with, and what comes after it.
pub(super) fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = 0;
    for (at, byte) in bytes.iter().take(10).enumerate() {
        number |= u64::from(byte & 0x7f) << (7 * at);
        if *byte < 0x80 {
            return Some((number, &bytes[at + 1..]));
        }
    }
    None
}

/// The bytes of a field whose content has so many.
pub(super) fn len(content_bytes: usize) -> usize {
    1 + varint_len(content_bytes as u64) + content_bytes
}

/// The same, where an empty field is left out.
pub(super) fn present_len(content_bytes: usize) -> usize {
    if content_bytes == 0 { 0 } else { len(content_bytes) }
}

/// Appends a number.
pub(super) fn put_number(out: &mut Vec<u8>, field: u8, number: u64) {
    out.push(field << 3);
    put_varint(out, number);
}

/// Appends the beginning of a field whose content of so many bytes follows.
pub(super) fn put_len(out: &mut Vec<u8>, field: u8, content_bytes: usize) {
    out.push(field << 3 | 2);
    put_varint(out, content_bytes as u64);
}

/// Appends a string or bytes.
pub(super) fn put_bytes(out: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    put_len(out, field, bytes.len());
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_varint_takes_the_bytes_that_were_counted() {
        for number in [0, 1, 127, 128, 16_383, 16_384, u64::from(u32::MAX), (1 << 53) - 1, 1 << 63, u64::MAX] {
            let mut out = Vec::new();
            put_varint(&mut out, number);
            assert_eq!(out.len(), varint_len(number), "{number}");
            assert_eq!(prost::encoding::decode_varint(&mut &out[..]), Ok(number));
            assert_eq!(varint(&out), Some((number, &[][..])));
            assert_eq!(varint(&out[..out.len() - 1]), None);
        }
    }
}
