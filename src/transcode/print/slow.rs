//! Grouping by field, then printing: for levels whose fields do not come in an order that can be printed as it is.
//!
//! A message may come in several stretches here (occurrences of a singular message field are one message). They are
//! never joined: each must be valid by itself. What loses (earlier scalars, members of a oneof, equal map keys) is
//! still checked, since a decoder would have refused it. Groups are printed in the order of their first occurrence,
//! so that a level without conflicts reads the same by both paths.

use super::super::cursor::{Cursor, Span};
use super::super::error::{Segment, Stop};
use super::super::plan::{Cardinality, FieldPlan, Kind, MessagePlan, NO_ONEOF};
use super::Printer;
use super::map::{MapKey, compare_keys, default_key};

/// A field that was met on the wire.
#[derive(Clone, Copy)]
pub(super) struct Occurrence {
    pub(super) field: u32,
    packed: bool,
    /// Where its tag is; also the order.
    pub(super) tag_at: usize,
    pub(super) value: Span,
}

/// An entry of a map, read but not printed.
struct Entry {
    key: MapKey,
    index: u32,
    at: usize,
    values: Vec<Span>,
}

impl<'p, 'w> Printer<'p, 'w> {
    #[cold]
    #[inline(never)]
    pub(super) fn slow(&mut self, message: &'p MessagePlan, spans: &[Span], depth: u32) -> Result<(), Stop> {
        let mut occurrences = self.occurrences(message, spans, depth)?;
        self.drop_oneof_losers(message, &mut occurrences, depth)?;
        // As if they had not come: where a field stands is decided by what is printed of it.
        occurrences.retain(|occurrence| {
            let field = &message.fields[occurrence.field as usize];
            !matches!(field.cardinality, Cardinality::Explicit)
                || self.is_known(field, occurrence.value).unwrap_or(true)
        });
        occurrences.sort_by_key(|occurrence| occurrence.field);
        let mut groups: Vec<&[Occurrence]> = occurrences.chunk_by(|a, b| a.field == b.field).collect();
        groups.sort_by_key(|group| group[0].tag_at);
        let mut seen = vec![false; usize::from(message.slots)];
        for group in groups {
            let (field, at) = (&message.fields[group[0].field as usize], group[0].tag_at);
            let present = self.slow_group(field, group, depth).and_then(|present| self.out.check().map(|()| present));
            match present {
                Ok(present) => seen[usize::from(field.slot)] |= present,
                Err(stop) => return Err(self.blame(stop, Segment::Field(&field.name), at)),
            }
        }
        let end = spans.last().map_or(0, |span| span.end);
        self.absent(message, |slot| seen[usize::from(slot)], end)
    }

    pub(super) fn occurrences(
        &mut self,
        message: &'p MessagePlan,
        spans: &[Span],
        depth: u32,
    ) -> Result<Vec<Occurrence>, Stop> {
        let mut occurrences = Vec::new();
        for &span in spans {
            let mut cursor = Cursor::new(self.wire, span);
            while !cursor.is_empty() {
                let tag_at = cursor.at;
                let tag = cursor.tag().map_err(|stop| self.locate(stop, tag_at))?;
                let start = cursor.at;
                let known = message.lookup(tag);
                if let Err(stop) = self.skip(&mut cursor, tag, depth) {
                    return Err(match known {
                        Some((_, field, _)) => self.blame(stop, Segment::Field(&field.name), tag_at),
                        None => self.locate(stop, tag_at),
                    });
                }
                if let Some((field, _, packed)) = known {
                    occurrences.push(Occurrence { field, packed, tag_at, value: Span { start, end: cursor.at } });
                }
            }
        }
        Ok(occurrences)
    }

    /// Keeps, of each oneof, the last member's occurrences since another member came.
    pub(super) fn drop_oneof_losers(
        &mut self,
        message: &'p MessagePlan,
        occurrences: &mut Vec<Occurrence>,
        depth: u32,
    ) -> Result<(), Stop> {
        if message.oneofs == 0 {
            return Ok(());
        }
        let mut winners: Vec<Option<(u32, usize)>> = vec![None; usize::from(message.oneofs)];
        for occurrence in &*occurrences {
            let field = &message.fields[occurrence.field as usize];
            if field.oneof == NO_ONEOF || !self.is_known(field, occurrence.value)? {
                continue;
            }
            let winner = &mut winners[usize::from(field.oneof)];
            if !matches!(winner, Some((member, _)) if *member == occurrence.field) {
                *winner = Some((occurrence.field, occurrence.tag_at));
            }
        }
        let wins = |occurrence: &Occurrence| {
            let oneof = message.fields[occurrence.field as usize].oneof;
            oneof == NO_ONEOF
                || winners[usize::from(oneof)]
                    .is_none_or(|(member, since)| member == occurrence.field && occurrence.tag_at >= since)
        };
        for occurrence in occurrences.iter().filter(|occurrence| !wins(occurrence)) {
            let field = &message.fields[occurrence.field as usize];
            self.check_value(field, occurrence.value, depth)
                .map_err(|stop| self.blame(stop, Segment::Field(&field.name), occurrence.tag_at))?;
        }
        occurrences.retain(wins);
        Ok(())
    }

    /// Whether a value counts: unknown numbers of closed enums do not.
    fn is_known(&self, field: &FieldPlan, value: Span) -> Result<bool, Stop> {
        if field.kind != Kind::Enum || !field.closed {
            return Ok(true);
        }
        let number = Cursor::new(self.wire, value).varint()? as i32;
        Ok(self.plans.enums.get(field.sub as usize).is_some_and(|plan| plan.name(number).is_some()))
    }

    /// All occurrences of one field; whether it is there.
    fn slow_group(&mut self, field: &'p FieldPlan, group: &[Occurrence], depth: u32) -> Result<bool, Stop> {
        let before = self.out.len();
        self.out.literal(&field.key);
        let start = self.out.len();
        match field.cardinality {
            Cardinality::Repeated => {
                self.slow_list(field, group, depth)?;
                self.close_run(before, start, b'[', b']');
                Ok(true)
            }
            Cardinality::Map => {
                let entries: Vec<(usize, Span)> = group
                    .iter()
                    .map(|occurrence| {
                        Cursor::new(self.wire, occurrence.value).span().map(|entry| (occurrence.tag_at, entry))
                    })
                    .collect::<Result<_, _>>()?;
                self.slow_entries(field, &entries, depth)?;
                self.close_run(before, start, b'{', b'}');
                Ok(true)
            }
            Cardinality::Explicit | Cardinality::Implicit if matches!(field.kind, Kind::Message | Kind::Group) => {
                let spans = group
                    .iter()
                    .map(|occurrence| self.message_span(field, occurrence.value, depth))
                    .collect::<Result<Vec<_>, _>>()?;
                let depth = depth.checked_sub(1).ok_or(Stop::Depth)?;
                self.message(field.sub, &spans, depth)?;
                Ok(true)
            }
            cardinality => {
                let mut last = None;
                for occurrence in group {
                    if let Some(lost) = last.replace(occurrence.value) {
                        self.check_value(field, lost, depth)?;
                    }
                }
                let Some(value) = last else {
                    self.out.truncate(before);
                    return Ok(false);
                };
                let implicit = cardinality == Cardinality::Implicit;
                if !self.value(field, &mut Cursor::new(self.wire, value), depth, implicit)? {
                    self.out.truncate(before);
                }
                Ok(true)
            }
        }
    }

    /// The body of a message field's value.
    pub(super) fn message_span(&mut self, field: &FieldPlan, value: Span, depth: u32) -> Result<Span, Stop> {
        let mut cursor = Cursor::new(self.wire, value);
        if field.kind == Kind::Group { self.group(&mut cursor, field.number, depth) } else { cursor.span() }
    }

    fn slow_list(&mut self, field: &'p FieldPlan, group: &[Occurrence], depth: u32) -> Result<(), Stop> {
        let mut index = 0;
        for occurrence in group {
            let mut cursor = Cursor::new(self.wire, occurrence.value);
            if occurrence.packed {
                let run = cursor.span()?;
                cursor = Cursor::new(self.wire, run);
                while !cursor.is_empty() {
                    self.element(field, &mut cursor, &mut index, depth)?;
                }
            } else {
                self.element(field, &mut cursor, &mut index, depth)?;
            }
        }
        Ok(())
    }

    /// `,"key":value` of each key's last entry.
    pub(super) fn slow_entries(
        &mut self,
        field: &'p FieldPlan,
        spans: &[(usize, Span)],
        depth: u32,
    ) -> Result<(), Stop> {
        let mut entries = Vec::with_capacity(spans.len());
        for (index, &(at, span)) in (0u32..).zip(spans) {
            let entry = self.count_element().and_then(|()| self.read_entry(field, span, index, at, depth));
            match entry {
                Ok(Some(entry)) => entries.push(entry),
                Ok(None) => {}
                Err(stop) => return Err(self.blame(stop, Segment::Index(index), at)),
            }
        }
        let mut order: Vec<usize> = (0..entries.len()).collect();
        let wire = self.wire;
        // Stable, so that the last of equal keys is the last of its run.
        order.sort_by(|&a, &b| compare_keys(wire, entries[a].key, entries[b].key));
        let mut wins = vec![true; entries.len()];
        for pair in order.windows(2) {
            wins[pair[0]] = compare_keys(wire, entries[pair[0]].key, entries[pair[1]].key).is_ne();
        }
        for (entry, wins) in entries.iter().zip(wins) {
            let result =
                if wins { self.print_entry(field, entry, depth) } else { self.check_entry(field, entry, depth) };
            result.map_err(|stop| self.blame(stop, Segment::Index(entry.index), entry.at))?;
        }
        Ok(())
    }

    /// `None`: the entry's enum number is unknown to a closed enum.
    fn read_entry(
        &mut self,
        field: &'p FieldPlan,
        span: Span,
        index: u32,
        at: usize,
        depth: u32,
    ) -> Result<Option<Entry>, Stop> {
        let (key_tag, value_tag) = (8 | field.map_key.wire_type(), 16 | field.kind.wire_type());
        let mut entry = Entry { key: default_key(field.map_key), index, at, values: Vec::new() };
        let mut cursor = Cursor::new(self.wire, span);
        while !cursor.is_empty() {
            let tag = cursor.tag()?;
            let start = cursor.at;
            if tag == key_tag {
                if let MapKey::Text(lost) = entry.key {
                    self.check_text(lost)?;
                }
                entry.key = self.read_key(field.map_key, &mut cursor)?;
                continue;
            }
            cursor.skip(tag, depth)?;
            if tag == value_tag {
                entry.values.push(Span { start, end: cursor.at });
            }
        }
        if let Some(&last) = entry.values.last()
            && !self.is_known(field, last)?
        {
            return Ok(None);
        }
        Ok(Some(entry))
    }

    fn print_entry(&mut self, field: &'p FieldPlan, entry: &Entry, depth: u32) -> Result<(), Stop> {
        let before = self.out.len();
        self.out.byte(b',');
        self.print_key(field.map_key, entry.key)?;
        self.out.byte(b':');
        let printed = match entry.values.split_last() {
            None => self.entry_default(field, depth)?,
            Some(_) if field.kind == Kind::Message => {
                let spans = entry.values.iter().map(|value| self.message_span(field, *value, depth)).collect::<Result<
                    Vec<_>,
                    _,
                >>(
                )?;
                let depth = depth.checked_sub(1).ok_or(Stop::Depth)?;
                self.message(field.sub, &spans, depth)?;
                true
            }
            Some((last, lost)) => {
                for value in lost {
                    self.check_value(field, *value, depth)?;
                }
                self.value(field, &mut Cursor::new(self.wire, *last), depth, false)?
            }
        };
        if !printed {
            self.out.truncate(before);
        }
        self.out.check()
    }

    fn check_entry(&mut self, field: &'p FieldPlan, entry: &Entry, depth: u32) -> Result<(), Stop> {
        if let MapKey::Text(text) = entry.key {
            self.check_text(text)?;
        }
        entry.values.iter().try_for_each(|value| self.check_value(field, *value, depth))
    }
}
