//! Timestamp and Duration, as text with 0, 3, 6 or 9 decimals.

use super::super::cursor::{Cursor, Span};
use super::super::error::Stop;
use super::super::writer::Writer;
use super::Printer;

/// Seconds from 0001-01-01 to 1970-01-01.
const EPOCH_FROM_YEAR_1: i64 = 62_135_596_800;
/// 9999-12-31T23:59:59Z.
const LAST_SECOND: i64 = 253_402_300_799;
/// Ten thousand years, the bound of a Duration.
const MAX_DURATION_SECONDS: i64 = 315_576_000_000;

impl Printer<'_, '_> {
    pub(super) fn seconds_and_nanos(&self, spans: &[Span], depth: u32) -> Result<(i64, i32), Stop> {
        let (mut seconds, mut nanos) = (0, 0);
        for &span in spans {
            let mut cursor = Cursor::new(self.wire, span);
            while !cursor.is_empty() {
                match cursor.tag()? {
                    8 => seconds = cursor.varint()? as i64,
                    16 => nanos = cursor.varint()? as i32,
                    tag => cursor.skip(tag, depth)?,
                }
            }
        }
        Ok((seconds, nanos))
    }

    pub(super) fn timestamp(&mut self, spans: &[Span], depth: u32) -> Result<(), Stop> {
        let (seconds, nanos) = self.seconds_and_nanos(spans, depth)?;
        if !(-EPOCH_FROM_YEAR_1..=LAST_SECOND).contains(&seconds) || !(0..=999_999_999).contains(&nanos) {
            return Err(Stop::Timestamp);
        }
        let since_year_1 = (seconds + EPOCH_FROM_YEAR_1) as u64;
        let (year, month, day) = civil((since_year_1 / 86_400) as u32);
        let of_day = (since_year_1 % 86_400) as u32;
        let (century, year) = (Writer::pair(year / 100), Writer::pair(year % 100));
        let (month, day) = (Writer::pair(month), Writer::pair(day));
        let (hour, minute) = (Writer::pair(of_day / 3600), Writer::pair(of_day / 60 % 60));
        let second = Writer::pair(of_day % 60);
        self.out.fixed(&[
            b'"', century[0], century[1], year[0], year[1], b'-', month[0], month[1], b'-', day[0], day[1], b'T',
            hour[0], hour[1], b':', minute[0], minute[1], b':', second[0], second[1],
        ]);
        self.fraction(nanos as u32);
        self.out.fixed(b"Z\"");
        Ok(())
    }

    pub(super) fn duration(&mut self, spans: &[Span], depth: u32) -> Result<(), Stop> {
        let (seconds, nanos) = self.seconds_and_nanos(spans, depth)?;
        let mixed = (seconds < 0 && nanos > 0) || (seconds > 0 && nanos < 0);
        let bounds = -MAX_DURATION_SECONDS..=MAX_DURATION_SECONDS;
        if mixed || !bounds.contains(&seconds) || !(-999_999_999..=999_999_999).contains(&nanos) {
            return Err(Stop::Duration);
        }
        self.out.byte(b'"');
        if seconds < 0 || nanos < 0 {
            self.out.byte(b'-');
        }
        self.out.unsigned(seconds.unsigned_abs());
        self.fraction(nanos.unsigned_abs());
        self.out.fixed(b"s\"");
        Ok(())
    }

    /// Nothing, or a point and 3, 6 or 9 digits.
    pub(super) fn fraction(&mut self, nanos: u32) {
        if nanos == 0 {
            return;
        }
        let mut text = [b'.', 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let mut rest = nanos;
        for digit in text[1..].iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        let digits = if nanos.is_multiple_of(1_000_000) {
            3
        } else if nanos.is_multiple_of(1_000) {
            6
        } else {
            9
        };
        self.out.bytes(&text[..=digits]);
    }
}

/// Year, month and day of a day counted from 0001-01-01, in the proleptic Gregorian calendar.
fn civil(day: u32) -> (u32, u32, u32) {
    // Years that begin in March put the leap day last; eras of 400 years are all alike.
    let from_march = day + 306;
    let (era, of_era) = (from_march / 146_097, from_march % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + u32::from(month <= 2), month, day)
}
