//! Where groups end.
//!
//! A group's end is found by going through all of it. Promises that no byte is gone through for every group around it:
//! the ends of the groups inside are noted on the way.

use std::collections::HashMap;

use super::super::cursor::{Cursor, Span};
use super::super::error::Stop;
use super::Printer;

/// By where a group's body starts: where it ends, and where its end tag ends.
pub(in super::super) type GroupEnds = HashMap<usize, (usize, usize)>;

impl<'w> Printer<'_, 'w> {
    /// The body of a group whose start tag has been read; the cursor goes behind its end tag.
    pub(super) fn group(&mut self, cursor: &mut Cursor<'w>, number: u32, depth: u32) -> Result<Span, Stop> {
        let start = cursor.at;
        let (end, after) = match self.group_ends.get(&start) {
            Some(ends) => *ends,
            None => self.find_ends(*cursor, number, depth)?,
        };
        cursor.at = after;
        Ok(Span { start, end })
    }

    /// Passes over a value; a group's end is remembered.
    pub(super) fn skip(&mut self, cursor: &mut Cursor<'w>, tag: u32, depth: u32) -> Result<(), Stop> {
        if tag & 7 == 3 { self.group(cursor, tag >> 3, depth).map(drop) } else { cursor.skip(tag, depth) }
    }

    /// The end of a group, noting those of the groups inside.
    fn find_ends(&mut self, mut cursor: Cursor<'w>, number: u32, depth: u32) -> Result<(usize, usize), Stop> {
        let mut open = vec![(number, cursor.at)];
        loop {
            if open.len() > depth as usize {
                return Err(Stop::Depth);
            }
            let at = cursor.at;
            let tag = cursor.tag()?;
            match tag & 7 {
                3 => open.push((tag >> 3, cursor.at)),
                4 => {
                    let Some((_, start)) = open.pop().filter(|(number, _)| *number == tag >> 3) else {
                        return Err(Stop::EndGroup);
                    };
                    if open.is_empty() {
                        return Ok((at, cursor.at));
                    }
                    self.group_ends.insert(start, (at, cursor.at));
                }
                _ => cursor.skip(tag, depth)?,
            }
        }
    }
}
