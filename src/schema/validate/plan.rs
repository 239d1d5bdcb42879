//! What there is to check in each message, worked out once per schema.

use std::collections::{HashMap, HashSet};

use buffa::editions::FieldPresence;
use buffa_descriptor::{DescriptorPool, FieldDescriptor, FieldKind, MessageDescriptor, MessageIndex, SingularKind};

use super::cel::CelRule;
use super::occurrences::numbers;
use super::range::Range;
use super::text::{BytesRules, TextRules};

/// Everything that a schema asks of its messages. Messages that are not in it hold nothing to check.
#[derive(Debug, Default)]
pub(in crate::schema) struct Rules {
    pub(super) messages: HashMap<MessageIndex, MessagePlan>,
}

/// What there is to check in one message.
#[derive(Debug, Default)]
pub(super) struct MessagePlan {
    /// One for each field, in the descriptor's order.
    pub(super) fields: Vec<FieldPlan>,
    pub(super) numbers: Vec<(u32, usize)>,
    /// Oneofs that must be set: their names and the places of their members.
    pub(super) oneofs: Vec<(String, Vec<usize>)>,
    /// Sets of fields of which at most one may be set.
    pub(super) sets: Vec<FieldSet>,
    pub(super) cel: Vec<CelRule>,
}

/// Fields of which at most one may be set, or exactly one.
#[derive(Debug)]
pub(super) struct FieldSet {
    pub(super) names: Vec<String>,
    pub(super) places: Vec<usize>,
    pub(super) required: bool,
}

/// What there is to check in one field.
#[derive(Debug, Default)]
pub(super) struct FieldPlan {
    pub(super) required: Option<Required>,
    pub(super) ignore: Ignore,
    pub(super) rules: FieldRules,
    /// The message inside, where that holds something to check.
    pub(super) inner: Option<MessageIndex>,
}

/// Why a field must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Required {
    /// It is `required` in proto2, or `LEGACY_REQUIRED`: being on the wire is enough.
    Label,
    /// A rule says so: without presence it must not be its default either.
    Rule,
}

/// When a field's rules are left aside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Ignore {
    /// When it has presence and is not set.
    #[default]
    Unset,
    /// When it is not set, or its type's default.
    Zero,
    /// Always.
    Always,
}

/// The rules of a field by its form.
#[derive(Debug, Default)]
pub(super) enum FieldRules {
    #[default]
    None,
    Value(Box<ValueRules>),
    List(Box<ListRules>),
    Map(Box<MapRules>),
}

/// The rules of one value.
#[derive(Debug, Default)]
pub(super) struct ValueRules {
    pub(super) test: Test,
    pub(super) cel: Vec<CelRule>,
}

/// The rules of a list.
#[derive(Debug, Default)]
pub(super) struct ListRules {
    pub(super) min: Option<u64>,
    pub(super) max: Option<u64>,
    pub(super) unique: bool,
    pub(super) cel: Vec<CelRule>,
    pub(super) items: Option<ElementRules>,
}

/// The rules of a map.
#[derive(Debug, Default)]
pub(super) struct MapRules {
    pub(super) min: Option<u64>,
    pub(super) max: Option<u64>,
    pub(super) cel: Vec<CelRule>,
    pub(super) keys: Option<ElementRules>,
    pub(super) values: Option<ElementRules>,
}

/// The rules of each item, key or value.
#[derive(Debug, Default)]
pub(super) struct ElementRules {
    pub(super) required: bool,
    pub(super) ignore: Ignore,
    pub(super) rules: ValueRules,
}

/// The standard rules of one value.
#[derive(Debug, Default)]
pub(super) enum Test {
    #[default]
    None,
    Int(Range<i64>),
    Uint(Range<u64>),
    Float(Range<f64>, Finite),
    Bool(bool),
    Text(Box<TextRules>),
    Bytes(Box<BytesRules>),
    Enum(EnumRules),
    /// Nanoseconds.
    Duration(Range<i128>),
    /// Nanoseconds since 1970.
    Timestamp(TimestampRules),
    Any(AnyRules),
    FieldMask(FieldMaskRules),
}

/// Whether infinities are values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finite {
    Only,
    NotAsked,
}

/// The rules of an enum.
#[derive(Debug)]
pub(super) struct EnumRules {
    pub(super) range: Range<i64>,
    /// The numbers that have a name, where only those are allowed.
    pub(super) defined: Option<Box<[i32]>>,
}

/// The rules of a timestamp.
#[derive(Debug)]
pub(super) struct TimestampRules {
    pub(super) range: Range<i128>,
    pub(super) before_now: bool,
    pub(super) after_now: bool,
    /// At most so far from now, in nanoseconds.
    pub(super) within: Option<i128>,
}

/// The rules of an `Any`: its types' URLs.
#[derive(Debug)]
pub(super) struct AnyRules {
    pub(super) within: Vec<String>,
    pub(super) without: Vec<String>,
}

/// The rules of a field mask.
#[derive(Debug)]
pub(super) struct FieldMaskRules {
    pub(super) constant: Option<Vec<String>>,
    pub(super) within: Vec<String>,
    pub(super) without: Vec<String>,
}

impl Rules {
    /// Whether there is anything to check in this message, or in what it may hold.
    pub(in crate::schema) fn checks(&self, message: MessageIndex) -> bool {
        self.messages.contains_key(&message)
    }

    /// Adds proto2's required fields to what was declared, and the messages that lead to one with something to check.
    pub(super) fn complete(mut self, pool: &DescriptorPool) -> Rules {
        let indexes = || pool.messages().iter().filter_map(|message| pool.message_index(message.full_name()));
        for index in indexes().filter(|index| required(pool.message(*index)).next().is_some()) {
            let message = pool.message(index);
            let plan = self.messages.entry(index).or_insert_with(|| MessagePlan::new(message));
            for (place, field) in message.fields().iter().enumerate() {
                if field.presence() == FieldPresence::LegacyRequired {
                    plan.fields[place].required = Some(Required::Label);
                }
            }
        }
        loop {
            let leads = |index: &MessageIndex| {
                !self.messages.contains_key(index)
                    && pool
                        .message(*index)
                        .fields()
                        .iter()
                        .filter_map(inner)
                        .any(|inner| self.messages.contains_key(&inner))
            };
            let more: Vec<MessageIndex> = indexes().filter(leads).collect();
            if more.is_empty() {
                break;
            }
            self.messages.extend(more.into_iter().map(|index| (index, MessagePlan::new(pool.message(index)))));
        }
        let checked: HashSet<MessageIndex> = self.messages.keys().copied().collect();
        for (index, plan) in &mut self.messages {
            for (field, plan) in pool.message(*index).fields().iter().zip(&mut plan.fields) {
                plan.inner = inner(field).filter(|inner| checked.contains(inner) && plan.ignore != Ignore::Always);
            }
        }
        self
    }
}

impl MessagePlan {
    /// A message with nothing to check yet.
    pub(super) fn new(message: &MessageDescriptor) -> Self {
        let fields = message.fields().iter().map(|_| FieldPlan::default()).collect();
        MessagePlan { fields, numbers: numbers(message), ..MessagePlan::default() }
    }
}

fn required(message: &MessageDescriptor) -> impl Iterator<Item = &FieldDescriptor> {
    message.fields().iter().filter(|field| field.presence() == FieldPresence::LegacyRequired)
}

/// The message that a field holds, one or many of.
fn inner(field: &FieldDescriptor) -> Option<MessageIndex> {
    match field.kind() {
        FieldKind::Singular(SingularKind::Message(index)) | FieldKind::List(SingularKind::Message(index)) => {
            Some(index)
        }
        FieldKind::Map { value: SingularKind::Message(index), .. } => Some(index),
        _ => None,
    }
}
