//! From resolved descriptors to plans.

use std::collections::HashMap;

use buffa::editions::{EnumType, FieldPresence};
use buffa_descriptor::generated::descriptor::field_options::JSType;
use buffa_descriptor::{
    DescriptorPool, EnumDescriptor, EnumIndex, FieldDescriptor, FieldKind, MessageDescriptor, ScalarType, SingularKind,
};

use super::super::writer::push_json_string;
use super::{
    Cardinality, EnumPlan, FieldPlan, Kind, Literal, MessagePlan, NO_ONEOF, PACKED, Plans, WellKnown, default_text,
};
use crate::schema::Audience;

/// Tags below this are found by index, the others by binary search.
const TABLE_TAGS: u32 = 1024;

pub(super) fn plan_enum(descriptor: &EnumDescriptor) -> EnumPlan {
    /// Numbers below this are looked up by index.
    const DENSE: i32 = 256;
    let mut plan = EnumPlan {
        first: descriptor.values().first().map_or(0, |value| value.number()),
        dense: Vec::new(),
        sparse: HashMap::new(),
        numbers: HashMap::new(),
    };
    for value in descriptor.values() {
        let mut text = Vec::new();
        push_json_string(&mut text, value.name());
        let number = value.number();
        plan.numbers.insert(value.name().into(), number);
        // The first name of an alias wins.
        if (0..DENSE).contains(&number) {
            let at = number as usize;
            if plan.dense.len() <= at {
                plan.dense.resize_with(at + 1, || None);
            }
            plan.dense[at].get_or_insert_with(|| Literal::new(text));
        } else {
            plan.sparse.entry(number).or_insert_with(|| Literal::new(text));
        }
    }
    plan
}

pub(super) struct Planner<'a> {
    pub(super) pool: &'a DescriptorPool,
    pub(super) plans: &'a Plans,
    pub(super) enum_at: &'a HashMap<EnumIndex, u32>,
    pub(super) print_defaults: bool,
}

impl Planner<'_> {
    pub(super) fn message(&self, message: &MessageDescriptor) -> MessagePlan {
        let mut plan = MessagePlan {
            well_known: well_known(message.full_name()),
            fields: Vec::new(),
            table: Vec::new(),
            rest: Vec::new(),
            names: HashMap::new(),
            slots: 0,
            required: Vec::new(),
            defaults: Vec::new(),
            oneofs: message.oneofs().len() as u16,
        };
        let mut oneof_slots: HashMap<u16, u16> = HashMap::new();
        for field in message.fields() {
            // A JSON name goes before another field's proto name.
            plan.names.insert(field.json_name().into(), plan.fields.len() as u16);
            self.field(&mut plan, field, None, message, &mut oneof_slots);
        }
        for (at, field) in (0u16..).zip(message.fields()) {
            plan.names.entry(field.name().into()).or_insert(at);
        }
        if let Some(index) = self.pool.message_index(message.full_name()) {
            for extension in self.pool.extensions_of(index) {
                plan.names.insert(extension.json_key().into(), plan.fields.len() as u16);
                let key = Some(extension.json_key());
                self.field(&mut plan, extension.field(), key, message, &mut oneof_slots);
            }
        }
        plan.rest.sort_unstable();
        let well_formed = match plan.well_known {
            WellKnown::Struct => plan.fields.first().is_some_and(|field| field.cardinality == Cardinality::Map),
            WellKnown::ListValue => plan.fields.first().is_some_and(|field| field.cardinality == Cardinality::Repeated),
            WellKnown::Wrapper => plan.fields.first().is_some_and(|field| field.kind != Kind::Message),
            _ => true,
        };
        if !well_formed {
            // Somebody's own file of that name: what it is not cannot be printed as if it were.
            plan.well_known = WellKnown::Ordinary;
        }
        plan
    }

    /// Plans a field, or an extension with its `"[full.name]"`.
    fn field(
        &self,
        plan: &mut MessagePlan,
        field: &FieldDescriptor,
        extension: Option<&str>,
        message: &MessageDescriptor,
        oneof_slots: &mut HashMap<u16, u16>,
    ) {
        let (singular, map_key) = match field.kind() {
            FieldKind::Singular(kind) | FieldKind::List(kind) => (kind, None),
            FieldKind::Map { key, value } => (value, Some(scalar_kind(key))),
        };
        let mut closed = false;
        let (kind, sub) = match singular {
            SingularKind::Scalar(scalar) => (scalar_kind(scalar), 0),
            SingularKind::Message(index) => {
                let delimited = field.is_delimited() && map_key.is_none();
                (if delimited { Kind::Group } else { Kind::Message }, self.plans.find(index).unwrap_or(u32::MAX))
            }
            SingularKind::Enum(index) => {
                let descriptor = self.pool.enumeration(index);
                if descriptor.full_name() == "google.protobuf.NullValue" {
                    (Kind::Null, 0)
                } else {
                    closed = field.enum_type().unwrap_or(descriptor.enum_type()) == EnumType::Closed;
                    (Kind::Enum, self.enum_at.get(&index).copied().unwrap_or(u32::MAX))
                }
            }
        };
        let oneof = field
            .oneof_index()
            .filter(|&at| message.oneofs().get(usize::from(at)).is_some_and(|oneof| !oneof.is_synthetic()));
        let is_message = matches!(kind, Kind::Message | Kind::Group);
        let json_name = extension.unwrap_or(field.json_name());
        // Extensions have presence whatever the features of their file.
        let implicit =
            field.presence() == FieldPresence::Implicit && oneof.is_none() && !is_message && extension.is_none();
        let list = matches!(field.kind(), FieldKind::List(_));
        let cardinality = match field.kind() {
            FieldKind::List(_) => Cardinality::Repeated,
            FieldKind::Map { .. } => Cardinality::Map,
            // A NullValue that is absent must not come out as null, so it is never a printed default.
            FieldKind::Singular(_) if implicit && (kind == Kind::Null || !self.print_defaults) => Cardinality::Implicit,
            FieldKind::Singular(_) => Cardinality::Explicit,
        };
        let slot = match oneof {
            Some(at) => *oneof_slots.entry(at).or_insert_with(|| next_slot(plan)),
            None => next_slot(plan),
        };
        let index = plan.fields.len() as u16;
        if field.presence() == FieldPresence::LegacyRequired && cardinality == Cardinality::Explicit {
            plan.required.push((slot, index));
        }
        let has_default = match cardinality {
            Cardinality::Repeated | Cardinality::Map => true,
            Cardinality::Explicit => implicit,
            Cardinality::Implicit => false,
        };
        if has_default && self.print_defaults && plan.well_known == WellKnown::Ordinary {
            plan.defaults.push((slot, index));
        }
        let js_number = kind.is_long()
            && map_key.is_none()
            && field.options().is_some_and(|options| options.jstype == Some(JSType::JS_NUMBER));
        let mut key = vec![b','];
        push_json_string(&mut key, json_name);
        key.push(b':');
        let mut default = key.clone();
        default.extend_from_slice(match cardinality {
            Cardinality::Repeated => b"[]",
            Cardinality::Map => b"{}",
            _ => &[],
        });
        if !list && map_key.is_none() {
            let zero = self.plans.enums.get(sub as usize).filter(|_| kind == Kind::Enum).and_then(|plan| plan.name(0));
            match zero {
                Some(name) => default.extend_from_slice(&name.text),
                None => default.extend_from_slice(default_text(kind, js_number)),
            }
        }
        let number = field.number();
        let tag = number << 3 | if map_key.is_some() { 2 } else { kind.wire_type() };
        let entry = u32::from(index) + 1;
        put_tag(plan, tag, entry);
        if list && kind.is_packable() {
            put_tag(plan, number << 3 | 2, entry | PACKED);
        }
        plan.fields.push(FieldPlan {
            key: Literal::new(key),
            default: Literal::new(default),
            name: json_name.into(),
            kind,
            cardinality,
            map_key: map_key.unwrap_or(Kind::String),
            closed,
            js_number,
            implicit,
            packed: list && kind.is_packable() && field.is_packed(),
            slot,
            oneof: oneof.unwrap_or(NO_ONEOF),
            sub,
            number,
            tag,
            asks: Audience::NONE,
            masked: false,
        });
    }
}

fn next_slot(plan: &mut MessagePlan) -> u16 {
    let slot = plan.slots;
    plan.slots += 1;
    slot
}

fn put_tag(plan: &mut MessagePlan, tag: u32, entry: u32) {
    if tag < TABLE_TAGS {
        if plan.table.len() <= tag as usize {
            plan.table.resize(tag as usize + 1, 0);
        }
        plan.table[tag as usize] = entry;
    } else {
        plan.rest.push((tag, entry));
    }
}

fn scalar_kind(scalar: ScalarType) -> Kind {
    match scalar {
        ScalarType::Double => Kind::Double,
        ScalarType::Float => Kind::Float,
        ScalarType::Int64 => Kind::Int64,
        ScalarType::Uint64 => Kind::Uint64,
        ScalarType::Int32 => Kind::Int32,
        ScalarType::Fixed64 => Kind::Fixed64,
        ScalarType::Fixed32 => Kind::Fixed32,
        ScalarType::Bool => Kind::Bool,
        ScalarType::String => Kind::String,
        ScalarType::Bytes => Kind::Bytes,
        ScalarType::Uint32 => Kind::Uint32,
        ScalarType::Sfixed32 => Kind::Sfixed32,
        ScalarType::Sfixed64 => Kind::Sfixed64,
        ScalarType::Sint32 => Kind::Sint32,
        ScalarType::Sint64 => Kind::Sint64,
    }
}

/// By full name only: a user's own `Timestamp` in another package is an ordinary message.
fn well_known(full_name: &str) -> WellKnown {
    match full_name {
        "google.protobuf.Timestamp" => WellKnown::Timestamp,
        "google.protobuf.Duration" => WellKnown::Duration,
        "google.protobuf.FieldMask" => WellKnown::FieldMask,
        "google.protobuf.Struct" => WellKnown::Struct,
        "google.protobuf.Value" => WellKnown::Value,
        "google.protobuf.ListValue" => WellKnown::ListValue,
        "google.protobuf.Any" => WellKnown::Any,
        "google.protobuf.DoubleValue"
        | "google.protobuf.FloatValue"
        | "google.protobuf.Int64Value"
        | "google.protobuf.UInt64Value"
        | "google.protobuf.Int32Value"
        | "google.protobuf.UInt32Value"
        | "google.protobuf.BoolValue"
        | "google.protobuf.StringValue"
        | "google.protobuf.BytesValue" => WellKnown::Wrapper,
        _ => WellKnown::Ordinary,
    }
}
