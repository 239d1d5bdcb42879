//! Differences of validation rules: which ask for more than they did.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use buffa::unknown_fields::{UnknownFieldData, UnknownFields};
use buffa_descriptor::generated::descriptor::DescriptorProto;
use buffa_descriptor::{DescriptorPool, FieldKind, MessageDescriptor, SingularKind};

use super::{Comparison, Place, Rule};
use crate::schema::elements::Element;
use crate::schema::options::VALIDATE;
use crate::schema::places::{Near, Site};
use crate::schema::scan::{Fields, Wire};
use crate::schema::templates::short;
use crate::schema::validate::{Scalar, scalar};

/// Rules by their names, `string.min_len`, each with the value that it has.
type Flat = BTreeMap<String, Value>;

/// The value of a rule.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    Whole(i128),
    Float(f64),
    /// A `Duration` or a `Timestamp`.
    Time {
        seconds: i64,
        nanos: i64,
    },
    /// Anything else, as it stands on the wire: lists, texts, expressions.
    Raw(Vec<String>),
}

/// Compares the rules of a message, its fields and its oneofs.
pub(super) fn compare(
    comparison: &mut Comparison<'_>,
    name: &str,
    old: &DescriptorProto,
    new: &Element<'_, DescriptorProto>,
) {
    let short = short(name);
    let rules = |pool: &DescriptorPool, options: &UnknownFields, message: &str| flatten(pool, options, message);
    let (old_pool, new_pool) = (comparison.old.pool().clone(), comparison.new.pool().clone());
    let both = |message: &str, old: &UnknownFields, new: &UnknownFields| {
        (rules(&old_pool, old, message), rules(&new_pool, new, message))
    };
    let of_message = both(
        "buf.validate.MessageRules",
        &old.options.__buffa_unknown_fields,
        &new.descriptor.options.__buffa_unknown_fields,
    );
    report(comparison, &new.site, &[7, VALIDATE], short, &of_message);
    for (place, field) in (0..).zip(&new.descriptor.field) {
        let Some(before) = old.field.iter().find(|before| before.number == field.number) else { continue };
        let of_field = both(
            "buf.validate.FieldRules",
            &before.options.__buffa_unknown_fields,
            &field.options.__buffa_unknown_fields,
        );
        let name = format!("{short}.{}", field.name.as_deref().unwrap_or_default());
        report(comparison, &new.site.inside(&[2, place]), &[8, VALIDATE], &name, &of_field);
    }
    for (place, oneof) in (0..).zip(&new.descriptor.oneof_decl) {
        let Some(before) = old.oneof_decl.iter().find(|before| before.name == oneof.name) else { continue };
        let of_oneof = both(
            "buf.validate.OneofRules",
            &before.options.__buffa_unknown_fields,
            &oneof.options.__buffa_unknown_fields,
        );
        let name = format!("{short}.{}", oneof.name.as_deref().unwrap_or_default());
        report(comparison, &new.site.inside(&[8, place]), &[2, VALIDATE], &name, &of_oneof);
    }
}

fn report(comparison: &mut Comparison<'_>, site: &Site, option: &[i32], name: &str, (old, new): &(Flat, Flat)) {
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for rule in names {
        let last = rule.rsplit('.').next().unwrap_or(rule);
        let (was, is) = (old.get(rule), new.get(rule));
        if was == is || last == "example" {
            continue;
        }
        let (kind, advice) = match verdict(last, was, is) {
            Rule::RuleTightened => {
                (Rule::RuleTightened, "see that every publisher fulfils it already, clients that were built before too")
            }
            Rule::RuleLoosened => (Rule::RuleLoosened, "see that subscribers can live with what comes now"),
            _ => (Rule::RuleChanged, "see that what is published today fulfils it"),
        };
        let word = match (was, is) {
            (None, _) => "is new",
            (_, None) => "is gone",
            _ => "has changed",
        };
        let place = site.inside(option);
        let text = format!("the rule {rule} of {name} {word}{}", numbers(was, is));
        let at = if is.is_some() { Place::New(&place, Near::Key(last)) } else { Place::New(site, Near::Start) };
        comparison.report(kind, at, text, advice);
    }
}

/// ": 64, and was 128" where both are numbers.
fn numbers(was: Option<&Value>, is: Option<&Value>) -> String {
    match (was, is) {
        (Some(Value::Whole(was)), Some(Value::Whole(is))) => format!(": {is}, and was {was}"),
        (Some(Value::Float(was)), Some(Value::Float(is))) => format!(": {is}, and was {was}"),
        _ => String::new(),
    }
}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Value::Whole(left), Value::Whole(right)) => Some(left.cmp(right)),
            (Value::Float(left), Value::Float(right)) => left.partial_cmp(right),
            // Both parts of a duration have one sign, and a timestamp's nanos are none below zero.
            (Value::Time { seconds, nanos }, Value::Time { seconds: other_seconds, nanos: other_nanos }) => {
                Some((seconds, nanos).cmp(&(other_seconds, other_nanos)))
            }
            _ => None,
        }
    }
}

fn verdict(name: &str, was: Option<&Value>, is: Option<&Value>) -> Rule {
    // Lengths of exactly so much, lists of values and the like: what is between two of them cannot be told.
    let rising =
        matches!(name, "gt" | "gte" | "required" | "unique" | "defined_only" | "finite") || name.starts_with("min_");
    let falling = matches!(name, "lt" | "lte") || name.starts_with("max_");
    match (was, is) {
        _ if matches!(name, "ignore" | "strict") => Rule::RuleChanged,
        (None, _) => Rule::RuleTightened,
        (_, None) => Rule::RuleLoosened,
        (Some(was), Some(is)) if rising || falling => match is.partial_cmp(was) {
            Some(order) if order.is_gt() == rising => Rule::RuleTightened,
            Some(_) => Rule::RuleLoosened,
            None => Rule::RuleChanged,
        },
        _ => Rule::RuleChanged,
    }
}

/// Takes a point or a span of time, which may come in parts.
fn add_time(flat: &mut Flat, name: String, bytes: &[u8]) {
    let (mut seconds, mut nanos) = match flat.get(&name) {
        Some(Value::Time { seconds, nanos }) => (*seconds, *nanos),
        _ => (0, 0),
    };
    for field in Fields::new(bytes).map_while(Result::ok) {
        match field {
            (1, Wire::Varint(value)) => seconds = value as i64,
            (2, Wire::Varint(value)) => nanos = value as i64,
            _ => {}
        }
    }
    flat.insert(name, Value::Time { seconds, nanos });
}

fn flatten(pool: &DescriptorPool, options: &UnknownFields, message: &str) -> Flat {
    let mut flat = Flat::new();
    let Some(descriptor) = pool.message_by_name(message) else { return flat };
    for field in options.iter().filter(|field| i64::from(field.number) == i64::from(VALIDATE)) {
        if let UnknownFieldData::LengthDelimited(bytes) = &field.data {
            flatten_into(&mut flat, pool, descriptor, bytes, "");
        }
    }
    flat
}

fn flatten_into(flat: &mut Flat, pool: &DescriptorPool, message: &MessageDescriptor, bytes: &[u8], path: &str) {
    for (number, wire) in Fields::new(bytes).map_while(Result::ok) {
        let Some(field) = message.field(number) else { continue };
        let name = if path.is_empty() { field.name().to_owned() } else { format!("{path}.{}", field.name()) };
        if let (FieldKind::Singular(SingularKind::Message(inner)), Wire::Bytes(bytes)) = (field.kind(), wire) {
            let inner = pool.message(inner);
            match inner.full_name() {
                "google.protobuf.Duration" | "google.protobuf.Timestamp" => add_time(flat, name, bytes),
                _ => flatten_into(flat, pool, inner, bytes, &name),
            }
            continue;
        }
        let value = match field.kind() {
            FieldKind::Singular(kind) => scalar(pool, kind, wire),
            _ => None,
        };
        // What is switched off is no rule. `const` has a value to compare with, `strict` is on from the start.
        let off = field.name() == "strict";
        if matches!(value, Some(Scalar::Bool(on)) if on == off && field.name() != "const") {
            flat.remove(&name);
            continue;
        }
        let number = value.and_then(|value| match value {
            Scalar::Int(number) => Some(Value::Whole(number.into())),
            Scalar::Uint(number) => Some(Value::Whole(number.into())),
            Scalar::Float(number) => Some(Value::Float(number)),
            Scalar::Bool(value) => Some(Value::Whole(value.into())),
            Scalar::Text(_) | Scalar::Bytes(_) => None,
        });
        match (number, flat.get_mut(&name)) {
            (Some(number), _) => drop(flat.insert(name, number)),
            (None, Some(Value::Raw(values))) => values.push(format!("{wire:?}")),
            (None, _) => drop(flat.insert(name, Value::Raw(vec![format!("{wire:?}")]))),
        }
    }
}
