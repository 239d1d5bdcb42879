//! Differences of one field or extension, old and new of the same number.
//!
//! What an edition's features say is compared as the linker has resolved it, whichever way a file says it. Packed or not
//! makes no difference, as every parser reads both; nor does `utf8_validation`, as Rialto refuses what is not UTF-8.

use buffa::editions::FieldPresence;
use buffa_descriptor::generated::descriptor::FieldDescriptorProto;
use buffa_descriptor::generated::descriptor::field_descriptor_proto::Type;
use buffa_descriptor::generated::descriptor::field_options::JSType;
use buffa_descriptor::{FieldDescriptor, FieldKind, MessageDescriptor, SingularKind};

use super::enums::{by_number, printed};
use super::{Comparison, Place, Rule};
use crate::schema::Schema;
use crate::schema::options::FIELD;
use crate::schema::places::{Near, Site};
use crate::schema::templates::short;

/// Where a field's options are, in `descriptor.proto`.
const FIELD_OPTIONS: i32 = 8;

/// A field before or after.
#[derive(Clone, Copy)]
pub(super) struct Side<'a> {
    /// As its file declares it.
    declared: &'a FieldDescriptorProto,
    /// As the linker has resolved it.
    linked: &'a FieldDescriptor,
    /// Its name: that of an extension with its scope.
    name: &'a str,
    /// The oneof that it is in.
    oneof: Option<&'a str>,
    is_extension: bool,
}

impl<'a> Side<'a> {
    /// A field of a message.
    pub(super) fn of(message: &'a MessageDescriptor, declared: &'a FieldDescriptorProto) -> Option<Self> {
        let linked = message.field(u32::try_from(declared.number?).ok()?)?;
        let oneof = linked.oneof_index().and_then(|index| message.oneofs().get(usize::from(index)));
        let oneof = oneof.filter(|oneof| !oneof.is_synthetic()).map(|oneof| oneof.name());
        Some(Side { declared, linked, name: linked.name(), oneof, is_extension: false })
    }

    /// An extension.
    pub(super) fn extension(name: &'a str, declared: &'a FieldDescriptorProto, linked: &'a FieldDescriptor) -> Self {
        Side { declared, linked, name, oneof: None, is_extension: true }
    }

    fn what(&self) -> &'static str {
        if self.is_extension { "extension" } else { "field" }
    }

    /// The field of its message, as people call it.
    pub(super) fn told(&self, message: &str) -> String {
        format!("the {} {} = {} of {message}", self.what(), self.name, self.linked.number())
    }

    /// Whether a message without it is none.
    pub(super) fn is_required(&self) -> bool {
        self.linked.presence() == FieldPresence::LegacyRequired
    }

    /// Its type on the wire: a group where it stands between tags, whichever syntax says so.
    fn wire_type(&self) -> Option<Type> {
        match self.declared.r#type? {
            Type::TYPE_MESSAGE | Type::TYPE_GROUP => {
                let is_group = self.linked.is_delimited() && self.cardinality() != Cardinality::Map;
                Some(if is_group { Type::TYPE_GROUP } else { Type::TYPE_MESSAGE })
            }
            other => Some(other),
        }
    }

    fn cardinality(&self) -> Cardinality {
        match self.linked.kind() {
            FieldKind::Singular(_) => Cardinality::One,
            FieldKind::List(_) => Cardinality::Many,
            FieldKind::Map { .. } => Cardinality::Map,
        }
    }

    /// Whether clients find it in JSON always: as a value, as a list or as a map.
    pub(super) fn is_always_there(&self) -> bool {
        self.is_always_printed() || self.cardinality() != Cardinality::One
    }

    /// Whether JSON has it always, with its default where nothing was set.
    fn is_always_printed(&self) -> bool {
        let is_value = match self.linked.kind() {
            FieldKind::Singular(SingularKind::Enum(_)) => type_name(self.declared) != "google.protobuf.NullValue",
            FieldKind::Singular(SingularKind::Scalar(_)) => true,
            _ => false,
        };
        is_value && !self.is_extension && self.oneof.is_none() && self.linked.presence() == FieldPresence::Implicit
    }
}

/// A field before and after.
pub(super) struct Pair<'a> {
    /// Its message, as people call it.
    pub(super) message: &'a str,
    pub(super) old: Side<'a>,
    pub(super) new: Side<'a>,
    /// Where the new one is.
    pub(super) site: &'a Site,
}

/// Compares one field.
pub(super) fn compare(comparison: &mut Comparison<'_>, pair: &Pair<'_>) {
    let (old, new) = (&pair.old, &pair.new);
    let (what, field) = (old.what(), old.told(pair.message));
    let mut report = |rule, message: String, advice: String| {
        comparison.report(rule, Place::New(pair.site, Near::Start), message, advice);
    };
    if old.name != new.name {
        report(
            Rule::FieldRenamed,
            format!("{field} is called {} now", new.name),
            format!("keep the name {}; a new name is a new {what} with a number of its own", old.name),
        );
    }
    // An extension's name in JSON is its name in brackets.
    if !old.is_extension && old.linked.json_name() != new.linked.json_name() {
        let (was, is) = (old.linked.json_name(), new.linked.json_name());
        report(
            Rule::FieldJsonNameChanged,
            format!("{field} is {is:?} in JSON now, and was {was:?}"),
            format!("add `[json_name = {was:?}]`"),
        );
    }
    let (was, is) = (old.cardinality(), new.cardinality());
    if was != is {
        report(
            Rule::FieldCardinalityChanged,
            format!("{field} is {} now, and was {}", is.describe(), was.describe()),
            "keep it as it was, and add a new field beside it".to_owned(),
        );
    }
    if old.oneof != new.oneof {
        let told = |oneof: Option<&str>| oneof.map_or("in no oneof".to_owned(), |name| format!("in the oneof {name}"));
        report(
            Rule::FieldOneofChanged,
            format!("{field} is {} now, and was {}", told(new.oneof), told(old.oneof)),
            "keep it where it was, and add a new field instead".to_owned(),
        );
    }
    let may_be_absent = new.oneof.is_none() && new.linked.presence() == FieldPresence::Explicit;
    if old.is_always_printed() && may_be_absent && was == is {
        report(
            Rule::FieldMayBeAbsent,
            format!("{field} is left out of JSON when nothing is set now, and was always there"),
            "keep it without presence of its own, and add an `optional` field beside it".to_owned(),
        );
    }
    if old.is_required() != new.is_required() {
        let word = if new.is_required() { "required now" } else { "no longer required" };
        report_required(comparison, pair.site, &field, word);
    }
    let (old, new) = (old.declared, new.declared);
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

/// Compares who sees one field, of the message of this full name.
pub(super) fn compare_visibility(comparison: &mut Comparison<'_>, pair: &Pair<'_>, full_name: &str) {
    let number = pair.old.linked.number();
    let visible_to = |schema: &Schema| {
        let rule = schema.field_rules().get(schema.pool().message_index(full_name)?, number)?;
        rule.visible_to.clone()
    };
    let (was, is) = (visible_to(comparison.old), visible_to(comparison.new));
    let field = pair.old.told(pair.message);
    let site = pair.site.inside(&[FIELD_OPTIONS, FIELD]);
    match (was.as_deref(), is.as_deref()) {
        (was, is) if was == is => {}
        (was, Some(is)) => {
            let before = was.map_or("needed none".to_owned(), |was| format!("needed {was:?}"));
            comparison.report(
                Rule::FieldHidden,
                Place::New(&site, Near::Value("visible_to", is)),
                format!("seeing {field} needs the permission {is:?} now, and {before}"),
                "give tokens the permission first; or add a new field with it, and leave this one as it is",
            );
        }
        (was, None) => comparison.report(
            Rule::FieldShown,
            Place::New(pair.site, Near::Start),
            format!("seeing {field} needs no permission now, and needed {:?}", was.unwrap_or_default()),
            "keep `visible_to` if that is not what you mean",
        ),
    }
}

/// Says that a field became required, or is so no longer.
pub(super) fn report_required(comparison: &mut Comparison<'_>, site: &Site, field: &str, word: &str) {
    comparison.report(
        Rule::RequiredChanged,
        Place::New(site, Near::Start),
        format!("{field} is {word}"),
        "keep it as it was; ask for values with a buf.validate rule, which can be changed later",
    );
}

fn compare_types(comparison: &mut Comparison<'_>, field: &str, pair: &Pair<'_>) {
    let (Some(was), Some(is)) = (pair.old.wire_type(), pair.new.wire_type()) else { return };
    let (old, new) = (pair.old.declared, pair.new.declared);
    let is_message = |kind| matches!(kind, Type::TYPE_MESSAGE | Type::TYPE_GROUP);
    if was != is && is_message(was) && is_message(is) && old.type_name == new.type_name {
        let told = |kind| if kind == Type::TYPE_GROUP { "between tags" } else { "behind its length" };
        return comparison.report(
            Rule::FieldTypeChanged,
            Place::New(pair.site, Near::Start),
            format!("{field} is sent {} now, and was sent {}", told(is), told(was)),
            "keep its `features.message_encoding`",
        );
    }
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

/// Whether an enum only moved to another scope, lost nothing, and is printed as before.
fn is_moved_enum(comparison: &Comparison<'_>, old: &str, new: &str) -> bool {
    let (Some(was), Some(is)) = (comparison.old_elements.enums.get(old), comparison.new_elements.enums.get(new)) else {
        return false;
    };
    let now = by_number(is.descriptor);
    short(old) == short(new)
        && by_number(was.descriptor).iter().all(|(number, names)| {
            now.get(number).is_some_and(|now| names.is_subset(now))
                && printed(was.descriptor, *number) == printed(is.descriptor, *number)
        })
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
