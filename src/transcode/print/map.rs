//! Maps in one pass: entries as they come, their keys told apart as values and not as they were spelled.

use super::super::cursor::{Cursor, Span, zigzag32, zigzag64};
use super::super::error::{Segment, Stop};
use super::super::plan::{FieldPlan, Kind, default_text};
use super::Printer;

/// Keys of one map compared pair by pair; more are sorted.
const PAIRWISE_KEYS: usize = 8;

/// A key of the map that is being printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum MapKey {
    Number(u64),
    Text(Span),
}

impl<'p, 'w> Printer<'p, 'w> {
    /// The entries of a map as long as they follow each other; where they end.
    pub(super) fn map_run(&mut self, field: &'p FieldPlan, mut cursor: Cursor<'w>, depth: u32) -> Result<usize, Stop> {
        let first_key = self.keys.len();
        let mut index = 0;
        loop {
            let at = cursor.at;
            let result = cursor.span().and_then(|entry| self.fast_entry(field, entry, first_key, depth));
            result.map_err(|stop| self.blame(stop, Segment::Index(index), at))?;
            index += 1;
            if cursor.is_empty() {
                break;
            }
            let mut ahead = cursor;
            if ahead.tag()? != field.tag {
                break;
            }
            cursor = ahead;
        }
        self.refuse_equal_keys(first_key)?;
        Ok(cursor.at)
    }

    /// Ends the keys of one map; equal ones need the slow path. Few are compared as they come, many are sorted here.
    pub(super) fn refuse_equal_keys(&mut self, first_key: usize) -> Result<(), Stop> {
        let wire = self.wire;
        let keys = &mut self.keys[first_key..];
        let mut equal = false;
        if keys.len() > PAIRWISE_KEYS {
            keys.sort_unstable_by(|a, b| compare_keys(wire, *a, *b));
            equal = keys.windows(2).any(|pair| compare_keys(wire, pair[0], pair[1]).is_eq());
        }
        self.keys.truncate(first_key);
        if equal { Err(Stop::Conflict) } else { Ok(()) }
    }

    /// Notes a key; [`Self::refuse_equal_keys`] comes after the last.
    #[inline(always)]
    fn note_key(&mut self, key: MapKey, first_key: usize) -> Result<(), Stop> {
        let keys = &self.keys[first_key..];
        if keys.len() < PAIRWISE_KEYS && keys.iter().any(|other| same_key(self.wire, *other, key)) {
            return Err(Stop::Conflict);
        }
        self.keys.push(key);
        Ok(())
    }

    /// `,"key":value`
    pub(super) fn fast_entry(
        &mut self,
        field: &'p FieldPlan,
        entry: Span,
        first_key: usize,
        depth: u32,
    ) -> Result<(), Stop> {
        let (key_tag, value_tag) = (8 | field.map_key.wire_type(), 16 | field.kind.wire_type());
        let mut cursor = Cursor::new(self.wire, entry);
        let (mut key, mut value) = (None, None);
        while !cursor.is_empty() {
            let tag = cursor.tag()?;
            if tag == key_tag && key.is_none() {
                key = Some(self.read_key(field.map_key, &mut cursor)?);
            } else if tag == value_tag && value.is_none() {
                let start = cursor.at;
                cursor.skip(tag, depth)?;
                value = Some(Span { start, end: cursor.at });
            } else if tag == key_tag || tag == value_tag {
                return Err(Stop::Conflict);
            } else {
                cursor.skip(tag, depth)?;
            }
        }
        let key = key.unwrap_or(default_key(field.map_key));
        let mark = self.mark();
        self.count_element()?;
        self.note_key(key, first_key)?;
        self.out.byte(b',');
        self.print_key(field.map_key, key)?;
        self.out.byte(b':');
        let printed = match value {
            Some(span) => self.value(field, &mut Cursor::new(self.wire, span), depth, false)?,
            None => self.entry_default(field, depth)?,
        };
        if !printed {
            // An unknown number of a closed enum takes the whole entry with it.
            self.out.truncate(mark.len);
            self.keys.truncate(mark.keys);
        }
        self.out.check()
    }

    /// The value of an entry that does not say it.
    pub(super) fn entry_default(&mut self, field: &'p FieldPlan, depth: u32) -> Result<bool, Stop> {
        match field.kind {
            Kind::Message | Kind::Group => {
                let depth = depth.checked_sub(1).ok_or(Stop::Depth)?;
                self.message(field.sub, &[Span::EMPTY], depth)?;
            }
            Kind::Enum => {
                let first = self.plans.enums.get(field.sub as usize).map_or(0, |plan| plan.first);
                return Ok(self.enumeration(field, first));
            }
            kind => self.out.bytes(default_text(kind, false)),
        }
        Ok(true)
    }

    pub(super) fn read_key(&self, kind: Kind, cursor: &mut Cursor<'w>) -> Result<MapKey, Stop> {
        Ok(match kind {
            Kind::String => MapKey::Text(cursor.span()?),
            Kind::Bool => MapKey::Number(u64::from(cursor.varint()? != 0)),
            Kind::Int32 => MapKey::Number(i64::from(cursor.varint()? as i32) as u64),
            Kind::Uint32 => MapKey::Number(u64::from(cursor.varint()? as u32)),
            Kind::Sint32 => MapKey::Number(i64::from(zigzag32(cursor.varint()? as u32)) as u64),
            Kind::Sint64 => MapKey::Number(zigzag64(cursor.varint()?) as u64),
            Kind::Fixed32 => MapKey::Number(u64::from(cursor.fixed32()?)),
            Kind::Sfixed32 => MapKey::Number(i64::from(cursor.fixed32()? as i32) as u64),
            Kind::Fixed64 | Kind::Sfixed64 => MapKey::Number(cursor.fixed64()?),
            _ => MapKey::Number(cursor.varint()?),
        })
    }

    pub(super) fn print_key(&mut self, kind: Kind, key: MapKey) -> Result<(), Stop> {
        match key {
            MapKey::Text(span) => return self.out.string(span.of(self.wire)),
            MapKey::Number(number) if kind == Kind::Bool => {
                self.out.bytes(if number != 0 { b"\"true\"" } else { b"\"false\"" });
            }
            MapKey::Number(number) => {
                self.out.byte(b'"');
                match kind {
                    Kind::Uint32 | Kind::Uint64 | Kind::Fixed32 | Kind::Fixed64 => self.out.unsigned(number),
                    _ => self.out.signed(number as i64),
                }
                self.out.byte(b'"');
            }
        }
        Ok(())
    }
}

pub(super) fn default_key(kind: Kind) -> MapKey {
    if kind == Kind::String { MapKey::Text(Span::EMPTY) } else { MapKey::Number(0) }
}

#[inline(always)]
fn same_key(wire: &[u8], a: MapKey, b: MapKey) -> bool {
    match (a, b) {
        (MapKey::Number(a), MapKey::Number(b)) => a == b,
        (MapKey::Text(a), MapKey::Text(b)) => a.len() == b.len() && a.of(wire) == b.of(wire),
        _ => false,
    }
}

/// Any total order in which equal keys are equal, however they were spelled on the wire.
pub(super) fn compare_keys(wire: &[u8], a: MapKey, b: MapKey) -> std::cmp::Ordering {
    match (a, b) {
        (MapKey::Number(a), MapKey::Number(b)) => a.cmp(&b),
        (MapKey::Text(a), MapKey::Text(b)) => a.len().cmp(&b.len()).then_with(|| a.of(wire).cmp(b.of(wire))),
        (MapKey::Number(_), MapKey::Text(_)) => std::cmp::Ordering::Less,
        (MapKey::Text(_), MapKey::Number(_)) => std::cmp::Ordering::Greater,
    }
}
