//! Differences of one field, old and new of the same number.

use buffa_descriptor::generated::descriptor::field_descriptor_proto::{Label, Type};
use buffa_descriptor::generated::descriptor::field_options::JSType;
use buffa_descriptor::generated::descriptor::{DescriptorProto, FieldDescriptorProto};

use super::enums::by_number;
use super::{Comparison, Place, Rule};
use crate::schema::places::{Near, Site};
use crate::schema::templates::short;

/// A field before and after.
pub(super) struct Pair<'a> {
    /// Its message, as people call it.
    pub(super) message: &'a str,
    pub(super) old: &'a FieldDescriptorProto,
    pub(super) new: &'a FieldDescriptorProto,
    /// Where the new one is.
    pub(super) site: &'a Site,
}

/// Compares one field. The messages are needed for their oneofs and map entries.
pub(super) fn compare(
    comparison: &mut Comparison<'_>,
    old_message: &DescriptorProto,
    new_message: &DescriptorProto,
    pair: &Pair<'_>,
) {
    let (old, new) = (pair.old, pair.new);
    let field = format!("the field {} = {} of {}", name(old), old.number.unwrap_or_default(), pair.message);
    let mut report = |rule, message: String, advice: String| {
        comparison.report(rule, Place::New(pair.site, Near::Start), message, advice);
    };
    if old.name != new.name {
        report(
            Rule::FieldRenamed,
            format!("{field} is called {} now", name(new)),
            format!("keep the name {}; a new name is a new field with a number of its own", name(old)),
        );
    }
    if old.json_name != new.json_name {
        let json_name = |field: &FieldDescriptorProto| field.json_name.clone().unwrap_or_default();
        report(
            Rule::FieldJsonNameChanged,
            format!("{field} is {:?} in JSON now, and was {:?}", json_name(new), json_name(old)),
            format!("add `[json_name = {:?}]`", json_name(old)),
        );
    }
    let (was, is) = (cardinality(old_message, old), cardinality(new_message, new));
    if was != is {
        report(
            Rule::FieldCardinalityChanged,
            format!("{field} is {} now, and was {}", is.describe(), was.describe()),
            "keep it as it was, and add a new field beside it".to_owned(),
        );
    }
    let oneof = |message: &DescriptorProto, field: &FieldDescriptorProto| -> Option<String> {
        let index = field.oneof_index.filter(|_| field.proto3_optional != Some(true))?;
        message.oneof_decl.get(usize::try_from(index).ok()?)?.name.clone()
    };
    let (was, is) = (oneof(old_message, old), oneof(new_message, new));
    if was != is {
        let told =
            |oneof: Option<String>| oneof.map_or("in no oneof".to_owned(), |name| format!("in the oneof {name}"));
        report(
            Rule::FieldOneofChanged,
            format!("{field} is {} now, and was {}", told(is), told(was)),
            "keep it where it was, and add a new field instead".to_owned(),
        );
    }
    if default(comparison, old) != default(comparison, new) {
        let told = |field: &FieldDescriptorProto| field.default_value.clone().unwrap_or_else(|| "none".to_owned());
        let message = format!("the default of {field} is {} now, and was {}", told(new), told(old));
        comparison.report(
            Rule::FieldDefaultChanged,
            Place::New(pair.site, Near::Key("default")),
            message,
            "keep the default, or send the value whenever it matters",
        );
    }
    compare_types(comparison, &field, pair);
}

fn name(field: &FieldDescriptorProto) -> &str {
    field.name.as_deref().unwrap_or_default()
}

fn compare_types(comparison: &mut Comparison<'_>, field: &str, pair: &Pair<'_>) {
    let (old, new) = (pair.old, pair.new);
    let (Some(was), Some(is)) = (old.r#type, new.r#type) else { return };
    let same = match (was, is) {
        (Type::TYPE_ENUM, Type::TYPE_ENUM) => {
            old.type_name == new.type_name || is_moved_enum(comparison, type_name(old), type_name(new))
        }
        (Type::TYPE_MESSAGE, Type::TYPE_MESSAGE) | (Type::TYPE_GROUP, Type::TYPE_GROUP) => {
            old.type_name == new.type_name
        }
        _ => family(was) == family(is),
    };
    if !same {
        comparison.report(
            Rule::FieldTypeChanged,
            Place::New(pair.site, Near::Start),
            format!("{field} is of type {} now, and was of type {}", told(new, is), told(old, was)),
            "keep the type, and add a new field of the new type beside it",
        );
        return;
    }
    let as_number = |field: &FieldDescriptorProto| field.options.jstype == Some(JSType::JS_NUMBER);
    if is_64_bit(is) && as_number(old) != as_number(new) {
        let form = |number| if number { "a number" } else { "a string" };
        let advice = match as_number(old) {
            true => "keep `[jstype = JS_NUMBER]`",
            false => "leave out `[jstype = JS_NUMBER]`",
        };
        comparison.report(
            Rule::FieldJsonNumberChanged,
            Place::New(pair.site, Near::Key("jstype")),
            format!("{field} is {} in JSON now, and was {}", form(as_number(new)), form(as_number(old))),
            advice,
        );
    }
}

fn type_name(field: &FieldDescriptorProto) -> &str {
    field.type_name.as_deref().unwrap_or_default().trim_start_matches('.')
}

fn told(field: &FieldDescriptorProto, kind: Type) -> String {
    match kind {
        Type::TYPE_MESSAGE | Type::TYPE_ENUM | Type::TYPE_GROUP => type_name(field).to_owned(),
        kind => format!("{kind:?}").trim_start_matches("TYPE_").to_lowercase(),
    }
}

/// Types that read each other's bytes and JSON share a family.
fn family(kind: Type) -> Type {
    match kind {
        Type::TYPE_UINT32 => Type::TYPE_INT32,
        Type::TYPE_UINT64 => Type::TYPE_INT64,
        Type::TYPE_SFIXED32 => Type::TYPE_FIXED32,
        Type::TYPE_SFIXED64 => Type::TYPE_FIXED64,
        other => other,
    }
}

fn is_64_bit(kind: Type) -> bool {
    matches!(kind, Type::TYPE_INT64 | Type::TYPE_UINT64 | Type::TYPE_SINT64 | Type::TYPE_FIXED64 | Type::TYPE_SFIXED64)
}

/// Whether an enum only moved to another scope, and lost nothing.
fn is_moved_enum(comparison: &Comparison<'_>, old: &str, new: &str) -> bool {
    let (Some(was), Some(is)) = (comparison.old_elements.enums.get(old), comparison.new_elements.enums.get(new)) else {
        return false;
    };
    let is = by_number(is.descriptor);
    short(old) == short(new)
        && by_number(was.descriptor)
            .iter()
            .all(|(number, names)| is.get(number).is_some_and(|now| names.is_subset(now)))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Cardinality {
    One,
    Many,
    Map,
}

impl Cardinality {
    fn describe(self) -> &'static str {
        match self {
            Cardinality::One => "one value",
            Cardinality::Many => "a list",
            Cardinality::Map => "a map",
        }
    }
}

fn cardinality(message: &DescriptorProto, field: &FieldDescriptorProto) -> Cardinality {
    if field.label != Some(Label::LABEL_REPEATED) {
        return Cardinality::One;
    }
    let entry = type_name(field).rsplit('.').next().unwrap_or_default();
    let is_entry = |nested: &&DescriptorProto| nested.name.as_deref() == Some(entry);
    let is_map = field.r#type == Some(Type::TYPE_MESSAGE)
        && message.nested_type.iter().find(is_entry).is_some_and(|nested| nested.options.map_entry == Some(true));
    if is_map { Cardinality::Map } else { Cardinality::Many }
}

/// The value that stands for a field of proto2 that is not there, where one is declared.
fn default(comparison: &Comparison<'_>, field: &FieldDescriptorProto) -> Option<String> {
    let text = field.default_value.clone()?;
    let is_zero = match field.r#type? {
        Type::TYPE_STRING | Type::TYPE_BYTES => text.is_empty(),
        Type::TYPE_BOOL => text == "false",
        Type::TYPE_ENUM => {
            let elements = [&comparison.old_elements, &comparison.new_elements];
            let found = elements.iter().find_map(|elements| elements.enums.get(type_name(field)));
            found.is_some_and(|found| {
                found.descriptor.value.first().is_some_and(|first| first.name.as_deref() == Some(&text))
            })
        }
        _ => text.parse::<f64>().is_ok_and(|number| number == 0.0),
    };
    (!is_zero).then_some(text)
}
