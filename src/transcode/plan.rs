//! Immutable plans: what to print for every field of every message of a pool.
//!
//! Everything that depends on descriptors and options alone is decided here once, so that the interpreter only looks
//! up a tag, copies a ready key and prints a value.

mod planner;

use std::collections::HashMap;

use buffa_descriptor::{DescriptorPool, EnumIndex, MessageIndex};

use crate::schema::{Audience, FieldRules};
use planner::{Planner, plan_enum};

/// Marks a tag that brings a packed run of a field.
pub(super) const PACKED: u32 = 1 << 31;
/// A field outside any oneof.
pub(super) const NO_ONEOF: u16 = u16::MAX;

/// The plans of a pool.
pub(super) struct Plans {
    pub(super) messages: Vec<MessagePlan>,
    pub(super) enums: Vec<EnumPlan>,
    by_index: Vec<(MessageIndex, u32)>,
    by_name: HashMap<String, u32>,
}

/// Text that is copied as a whole: one fixed-width store where it is short.
pub(super) struct Literal {
    pub(super) head: [u8; 32],
    pub(super) text: Box<[u8]>,
}

impl Literal {
    fn new(text: Vec<u8>) -> Self {
        let mut head = [0; 32];
        let short = text.len().min(32);
        head[..short].copy_from_slice(&text[..short]);
        Self { head, text: text.into() }
    }
}

/// Messages whose JSON is not an object of their fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WellKnown {
    Ordinary,
    Timestamp,
    Duration,
    FieldMask,
    Struct,
    Value,
    ListValue,
    Wrapper,
    Any,
}

pub(super) struct MessagePlan {
    pub(super) well_known: WellKnown,
    pub(super) fields: Vec<FieldPlan>,
    /// Field index + 1 (and [`PACKED`]) by tag; 0 is unknown.
    table: Vec<u32>,
    rest: Vec<(u32, u32)>,
    /// JSON names and proto names, for reading.
    names: HashMap<Box<str>, u16>,
    /// Fields and oneofs that may come once in the fast path.
    pub(super) slots: u16,
    /// (slot, field) of what must be there.
    pub(super) required: Vec<(u16, u16)>,
    /// (slot, field) of what is printed with its default when it is not there; in field order.
    pub(super) defaults: Vec<(u16, u16)>,
    pub(super) oneofs: u16,
}

impl MessagePlan {
    /// The field of a tag, by index, and whether the tag brings a packed run.
    #[inline(always)]
    pub(super) fn lookup(&self, tag: u32) -> Option<(u32, &FieldPlan, bool)> {
        let entry = match self.table.get(tag as usize) {
            Some(&entry) => entry,
            None => self.lookup_rest(tag),
        };
        let index = (entry & !PACKED).wrapping_sub(1);
        self.fields.get(index as usize).map(|field| (index, field, entry & PACKED != 0))
    }

    /// The field of a JSON member, by index.
    pub(super) fn named(&self, name: &str) -> Option<(u16, &FieldPlan)> {
        let index = *self.names.get(name)?;
        self.fields.get(usize::from(index)).map(|field| (index, field))
    }

    fn lookup_rest(&self, tag: u32) -> u32 {
        self.rest.binary_search_by_key(&tag, |entry| entry.0).map_or(0, |at| self.rest[at].1)
    }
}

/// How often a field may come and whether its default is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cardinality {
    /// Left out when it is the default.
    Implicit,
    /// Printed when it is there.
    Explicit,
    Repeated,
    Map,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    String,
    Bytes,
    Message,
    Group,
    Int32,
    Int64,
    Uint32,
    Uint64,
    Sint32,
    Sint64,
    Fixed32,
    Fixed64,
    Sfixed32,
    Sfixed64,
    Bool,
    Float,
    Double,
    Enum,
    /// `google.protobuf.NullValue`.
    Null,
}

impl Kind {
    pub(super) fn wire_type(self) -> u32 {
        match self {
            Self::String | Self::Bytes | Self::Message => 2,
            Self::Group => 3,
            Self::Fixed32 | Self::Sfixed32 | Self::Float => 5,
            Self::Fixed64 | Self::Sfixed64 | Self::Double => 1,
            _ => 0,
        }
    }

    fn is_packable(self) -> bool {
        !matches!(self.wire_type(), 2 | 3)
    }

    /// Whether it is a string in JSON, unless it is a JavaScript number.
    fn is_long(self) -> bool {
        matches!(self, Self::Int64 | Self::Uint64 | Self::Sint64 | Self::Fixed64 | Self::Sfixed64)
    }
}

pub(super) struct FieldPlan {
    /// `,"name":`
    pub(super) key: Literal,
    /// `,"name":0`, for fields whose default is printed.
    pub(super) default: Literal,
    pub(super) name: Box<str>,
    pub(super) kind: Kind,
    pub(super) cardinality: Cardinality,
    /// Kind of a map's keys.
    pub(super) map_key: Kind,
    /// Closed enum: unknown numbers are unknown fields.
    pub(super) closed: bool,
    /// A 64-bit integer that is printed as a number.
    pub(super) js_number: bool,
    /// Written as one packed run.
    pub(super) packed: bool,
    /// Without presence: its default is not written.
    pub(super) implicit: bool,
    pub(super) slot: u16,
    pub(super) oneof: u16,
    /// The plan of the message or enum.
    pub(super) sub: u32,
    pub(super) number: u32,
    /// The tag of one element.
    pub(super) tag: u32,
    /// What its readers need; none where everybody sees it.
    pub(super) asks: Audience,
    /// Whether logs mask it.
    pub(super) masked: bool,
}

impl FieldPlan {
    /// The tag of a packed run; the element's own where there is none.
    pub(super) fn packed_tag(&self) -> u32 {
        if self.kind.is_packable() { self.number << 3 | 2 } else { self.tag }
    }
}

pub(super) struct EnumPlan {
    /// The default where nothing is said: the value declared first.
    pub(super) first: i32,
    /// `"NAME"` of 0 to n.
    dense: Vec<Option<Literal>>,
    sparse: HashMap<i32, Literal>,
    numbers: HashMap<Box<str>, i32>,
}

impl EnumPlan {
    #[inline]
    pub(super) fn name(&self, number: i32) -> Option<&Literal> {
        match self.dense.get(number as usize) {
            Some(name) => name.as_ref(),
            None => self.sparse.get(&number),
        }
    }

    /// The number of a name, aliases too.
    pub(super) fn number(&self, name: &str) -> Option<i32> {
        self.numbers.get(name).copied()
    }
}

impl Plans {
    pub(super) fn new(pool: &DescriptorPool, print_defaults: bool) -> Self {
        let mut by_index = Vec::new();
        let mut by_name = HashMap::new();
        for (at, message) in (0u32..).zip(pool.messages()) {
            let Some(index) = pool.message_index(message.full_name()) else { continue };
            by_index.push((index, at));
            by_name.insert(message.full_name().to_owned(), at);
        }
        by_index.sort_unstable();
        let mut enum_at: HashMap<EnumIndex, u32> = HashMap::new();
        let mut enums = Vec::new();
        for (at, descriptor) in (0u32..).zip(pool.enums()) {
            if let Some(index) = pool.enum_index(descriptor.full_name()) {
                enum_at.insert(index, at);
            }
            enums.push(plan_enum(descriptor));
        }
        let mut plans = Self { messages: Vec::new(), enums, by_index, by_name };
        for message in pool.messages() {
            let plan = Planner { pool, plans: &plans, enum_at: &enum_at, print_defaults }.message(message);
            plans.messages.push(plan);
        }
        plans
    }

    /// Has every field know what the schema says about who sees it.
    pub(super) fn guard(&mut self, rules: &FieldRules) {
        for (index, at) in &self.by_index {
            let Some(plan) = self.messages.get_mut(*at as usize) else { continue };
            for (number, rule) in rules.of(*index) {
                for field in plan.fields.iter_mut().filter(|field| field.number == number) {
                    (field.asks, field.masked) = (rule.asks, rule.masked_in_logs);
                }
            }
        }
    }

    /// The plan's number of a message of the pool.
    pub(super) fn find(&self, index: MessageIndex) -> Option<u32> {
        self.by_index.binary_search_by_key(&index, |entry| entry.0).ok().map(|at| self.by_index[at].1)
    }

    pub(super) fn find_name(&self, full_name: &str) -> Option<u32> {
        self.by_name.get(full_name).copied()
    }
}

/// The default of a scalar as JSON. Where a 64-bit integer is not a JavaScript number it is a string.
pub(super) fn default_text(kind: Kind, js_number: bool) -> &'static [u8] {
    match kind {
        Kind::String | Kind::Bytes => b"\"\"",
        Kind::Bool => b"false",
        Kind::Null => b"null",
        _ if kind.is_long() && !js_number => b"\"0\"",
        _ => b"0",
    }
}
