//! Text inside JSON: strings and time stamps, with their lengths known beforehand.

use crate::wire::event::MAX_UNIX_MS;

/// How many bytes a time stamp takes, `2026-11-20T10:30:45.123Z`.
pub(super) const TIMESTAMP_BYTES: usize = 24;

/// How a byte is printed inside a string: as itself (1), after a backslash (2), or as `\u00XX` (6).
const fn escaped_byte_len(byte: u8) -> usize {
    match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0C => 2,
        0..=0x1F => 6,
        _ => 1,
    }
}

/// The length of a string's content as [`put_escaped`] prints it.
pub(super) fn escaped_len(text: &str) -> usize {
    text.bytes().map(escaped_byte_len).sum()
}

/// Appends a string's content, without its quotes.
pub(super) fn put_escaped(out: &mut Vec<u8>, text: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut rest = text.as_bytes();
    while let Some(plain) = rest.iter().position(|byte| escaped_byte_len(*byte) != 1) {
        out.extend_from_slice(&rest[..plain]);
        let byte = rest[plain];
        let short = match byte {
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0x08 => b'b',
            0x0C => b'f',
            other => other,
        };
        if escaped_byte_len(byte) == 2 {
            out.extend_from_slice(&[b'\\', short]);
        } else {
            let [high, low] = [byte >> 4, byte & 0xF].map(|digit| HEX[usize::from(digit)]);
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
        }
        rest = &rest[plain + 1..];
    }
    out.extend_from_slice(rest);
}

/// The number of decimal digits.
pub(super) fn digits(number: u64) -> usize {
    number.checked_ilog10().map_or(1, |log| log as usize + 1)
}

/// Appends a number in decimal.
pub(super) fn put_number(out: &mut Vec<u8>, number: u64) {
    let start = out.len();
    out.resize(start + digits(number), 0);
    put_digits(&mut out[start..], number);
}

fn put_digits(place: &mut [u8], mut number: u64) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// Appends a time stamp in RFC 3339, UTC, always with three digits of milliseconds. What is past the year 9999 is printed as its
/// last millisecond.
pub(super) fn put_timestamp(out: &mut Vec<u8>, unix_ms: u64) {
    let unix_ms = unix_ms.min(MAX_UNIX_MS);
    let (days, ms_of_day) = (unix_ms / 86_400_000, unix_ms % 86_400_000);
    let (year, month, day) = civil(days);
    let mut text = *b"0000-00-00T00:00:00.000Z";
    let parts = [
        (0..4, year),
        (5..7, month),
        (8..10, day),
        (11..13, ms_of_day / 3_600_000),
        (14..16, ms_of_day / 60_000 % 60),
        (17..19, ms_of_day / 1_000 % 60),
        (20..23, ms_of_day % 1_000),
    ];
    for (range, number) in parts {
        put_digits(&mut text[range], number);
    }
    out.extend_from_slice(&text);
}

/// Year, month and day of a day since 1970-01-01. Years are counted from March, so that the leap day is their last.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468; // since 0000-03-01
    let era = days / 146_097; // of 400 years
    let day_of_era = days % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn timestamp(unix_ms: u64) -> String {
        let mut out = Vec::new();
        put_timestamp(&mut out, unix_ms);
        assert_eq!(out.len(), TIMESTAMP_BYTES);
        String::from_utf8(out).expect("ASCII")
    }

    #[test]
    fn time_stamps_are_rfc_3339_with_three_digits() {
        let cases = [
            (0, "1970-01-01T00:00:00.000Z"),
            (7, "1970-01-01T00:00:00.007Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_800_000, "2000-03-01T00:00:00.000Z"),
            (1_709_164_800_000, "2024-02-29T00:00:00.000Z"),
            (1_795_170_645_120, "2026-11-20T10:30:45.120Z"),
            (1_798_761_599_999, "2026-12-31T23:59:59.999Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (MAX_UNIX_MS, "9999-12-31T23:59:59.999Z"),
            (MAX_UNIX_MS + 1, "9999-12-31T23:59:59.999Z"),
            (u64::MAX, "9999-12-31T23:59:59.999Z"),
        ];
        for (unix_ms, expected) in cases {
            assert_eq!(timestamp(unix_ms), expected, "{unix_ms}");
        }
    }

    #[test]
    fn each_day_follows_the_one_before() {
        let is_leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let (mut year, mut month, mut day) = (1970, 1, 1);
        for days in 0..200_000 {
            assert_eq!(civil(days), (year, month, day), "day {days}");
            let length = match month {
                2 if is_leap(year) => 29,
                2 => 28,
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            day += 1;
            if day > length {
                (month, day) = (month + 1, 1);
            }
            if month > 12 {
                (year, month) = (year + 1, 1);
            }
        }
    }

    #[test]
    fn numbers_take_the_digits_that_were_counted() {
        for number in [0, 9, 10, 99, 100, 9_007_199_254_740_991, u64::MAX] {
            let mut out = Vec::new();
            put_number(&mut out, number);
            assert_eq!(String::from_utf8(out).expect("ASCII"), number.to_string());
            assert_eq!(digits(number), number.to_string().len());
        }
    }

    proptest! {
        #[test]
        fn escaped_text_is_read_back_by_a_json_parser(text in "[\\x00-\\x7F\"\\\\äé€𐍈\u{2028}]{0,40}") {
            let mut out = vec![b'"'];
            put_escaped(&mut out, &text);
            prop_assert_eq!(out.len() - 1, escaped_len(&text));
            out.push(b'"');
            prop_assert_eq!(serde_json::from_slice::<String>(&out).expect("a JSON string"), text);
        }
    }
}
