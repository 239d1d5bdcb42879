//! Messages and enums as types: exactly what the bridge prints.
//!
//! Fields without presence are always printed, so they are required; what has presence is optional and never `null`; of a
//! oneof at most one member is there. A field that not everybody may see is optional, whatever it is.

use buffa::editions::FieldPresence;
use buffa_descriptor::generated::descriptor::field_options::JSType;
use buffa_descriptor::{
    EnumDescriptor, FieldDescriptor, FieldKind, MessageDescriptor, MessageIndex, ScalarType, SingularKind,
};

use super::Sources;
use super::declared::Declaration;
use super::package::Imports;
use super::text::{doc, key, quote};

/// The type of a message that has a form of its own in ProtoJSON.
pub(super) fn well_known(full_name: &str) -> Option<&'static str> {
    Some(match full_name.strip_prefix("google.protobuf.")? {
        "Timestamp" => "$.TimestampString",
        "Duration" => "$.DurationString",
        "FieldMask" | "StringValue" => "string",
        "Struct" => "$.JsonObject",
        "Value" => "$.JsonValue",
        "ListValue" => "$.JsonValue[]",
        "Any" => "$.AnyMessage",
        "Empty" => EMPTY,
        "Int64Value" | "UInt64Value" => "$.Int64String",
        "DoubleValue" | "FloatValue" | "Int32Value" | "UInt32Value" => "number",
        "BoolValue" => "boolean",
        "BytesValue" => "$.Base64String",
        _ => return None,
    })
}

const EMPTY: &str = "{ [key: string]: never }";

/// One field as a member of a type.
struct Member {
    comment: String,
    key: String,
    optional: bool,
    value: String,
}

impl Member {
    fn print(&self, indent: &str) -> String {
        let mark = if self.optional { "?" } else { "" };
        format!("{}{indent}{}{mark}: {};\n", self.comment, self.key, self.value)
    }
}

/// The declaration of a message, without its event name.
pub(super) fn declare_message(
    sources: &Sources<'_>,
    imports: &mut Imports<'_>,
    full_name: &str,
    index: MessageIndex,
    extra: &[String],
) -> String {
    let pool = sources.schema.pool();
    let message = pool.message(index);
    let Some(declaration) = sources.declared.find(full_name) else { return String::new() };
    let mut paragraphs = vec![declaration.comment.clone()];
    paragraphs.extend_from_slice(extra);
    if message.options().is_some_and(|options| options.deprecated == Some(true)) {
        paragraphs.push("@deprecated".to_owned());
    }
    let name = imports.names.name(full_name);
    format!("{}export type {name} = {};\n", doc("", &paragraphs), body(sources, imports, message, index, declaration))
}

fn body(
    sources: &Sources<'_>,
    imports: &mut Imports<'_>,
    message: &MessageDescriptor,
    index: MessageIndex,
    declaration: &Declaration,
) -> String {
    let real_oneof = |field: &FieldDescriptor| {
        field
            .oneof_index()
            .filter(|at| message.oneofs().get(usize::from(*at)).is_some_and(|oneof| !oneof.is_synthetic()))
    };
    let mut taken: Vec<&str> = Vec::new();
    let mut plain = String::new();
    let mut oneofs: Vec<(u16, Vec<&FieldDescriptor>)> = Vec::new();
    for field in message.fields() {
        // A JSON name that two fields have is the first one's.
        if taken.contains(&field.json_name()) {
            continue;
        }
        taken.push(field.json_name());
        match real_oneof(field) {
            None => plain
                .push_str(&member(sources, imports, (index, field), field.json_name(), declaration, "  ").print("  ")),
            Some(at) => match oneofs.iter_mut().find(|(other, _)| *other == at) {
                Some((_, members)) => members.push(field),
                None => oneofs.push((at, vec![field])),
            },
        }
    }
    for extension in sources.schema.pool().extensions_of(index) {
        plain.push_str(
            &member(sources, imports, (index, extension.field()), extension.json_key(), declaration, "  ").print("  "),
        );
    }
    let mut parts = Vec::new();
    if !plain.is_empty() {
        parts.push(format!("{{\n{plain}}}"));
    }
    for (_, fields) in &oneofs {
        parts.push(alternatives(sources, imports, (index, fields), declaration));
    }
    if parts.is_empty() { EMPTY.to_owned() } else { parts.join(" & ") }
}

/// A oneof: one member without the others, or none.
fn alternatives(
    sources: &Sources<'_>,
    imports: &mut Imports<'_>,
    (index, fields): (MessageIndex, &[&FieldDescriptor]),
    declaration: &Declaration,
) -> String {
    if let [field] = fields {
        let only =
            Member { optional: true, ..member(sources, imports, (index, field), field.json_name(), declaration, "  ") };
        return format!("{{\n{}}}", only.print("  "));
    }
    let without = |left_out: Option<&str>| -> String {
        let others = fields.iter().filter(|other| Some(other.name()) != left_out);
        others.map(|other| format!("{}?: never;", key(other.json_name()))).collect::<Vec<_>>().join(" ")
    };
    let mut text = String::from("(\n");
    for field in fields {
        let one = Member {
            optional: false,
            ..member(sources, imports, (index, field), field.json_name(), declaration, "      ")
        };
        text.push_str(&format!("  | {{\n{}      {}\n    }}\n", one.print("      "), without(Some(field.name()))));
    }
    text.push_str(&format!("  | {{ {} }}\n)", without(None)));
    text
}

fn member(
    sources: &Sources<'_>,
    imports: &mut Imports<'_>,
    (message, field): (MessageIndex, &FieldDescriptor),
    json_name: &str,
    declaration: &Declaration,
    indent: &str,
) -> Member {
    let mut paragraphs = vec![declaration.member_comments.get(field.name()).cloned().unwrap_or_default()];
    if field.options().is_some_and(|options| options.deprecated == Some(true)) {
        paragraphs.push("@deprecated".to_owned());
    }
    let rule = sources.schema.field_rules().get(message, field.number());
    let visible_to = rule.and_then(|rule| rule.visible_to.as_deref());
    paragraphs.extend(visible_to.map(|permission| {
        format!("Only for those who have the permission `{permission}`: others get the event without it.")
    }));
    let long = if is_js_number(field) { "number" } else { "$.Int64String" };
    let (optional, value) = match field.kind() {
        FieldKind::List(kind) => (false, list_of(&value(sources, imports, kind, long))),
        FieldKind::Map { value: kind, .. } => {
            (false, format!("{{ [key: string]: {} }}", value(sources, imports, kind, "$.Int64String")))
        }
        FieldKind::Singular(kind) => (is_optional(sources, field, kind), value(sources, imports, kind, long)),
    };
    Member { comment: doc(indent, &paragraphs), key: key(json_name), optional: optional || visible_to.is_some(), value }
}

fn list_of(item: &str) -> String {
    if item.contains(' ') { format!("({item})[]") } else { format!("{item}[]") }
}

/// Whether a singular field may be absent.
fn is_optional(sources: &Sources<'_>, field: &FieldDescriptor, kind: SingularKind) -> bool {
    match kind {
        SingularKind::Message(_) => field.presence() != FieldPresence::LegacyRequired,
        // Printed when it is set, but never as a default: `null` would say more than "nothing".
        SingularKind::Enum(index) if is_null(sources, index) => true,
        _ => !matches!(field.presence(), FieldPresence::Implicit | FieldPresence::LegacyRequired),
    }
}

fn is_null(sources: &Sources<'_>, index: buffa_descriptor::EnumIndex) -> bool {
    sources.schema.pool().enumeration(index).full_name() == "google.protobuf.NullValue"
}

fn value(sources: &Sources<'_>, imports: &mut Imports<'_>, kind: SingularKind, long: &str) -> String {
    let pool = sources.schema.pool();
    match kind {
        SingularKind::Scalar(scalar) => scalar_type(scalar, long).to_owned(),
        SingularKind::Enum(index) if is_null(sources, index) => "null".to_owned(),
        SingularKind::Enum(index) => imports.reference(pool.enumeration(index).full_name()),
        SingularKind::Message(index) => {
            let full_name = pool.message(index).full_name();
            well_known(full_name).map_or_else(|| imports.reference(full_name), str::to_owned)
        }
    }
}

fn scalar_type(scalar: ScalarType, long: &str) -> &str {
    match scalar {
        ScalarType::String => "string",
        ScalarType::Bytes => "$.Base64String",
        ScalarType::Bool => "boolean",
        ScalarType::Int64 | ScalarType::Uint64 | ScalarType::Sint64 | ScalarType::Fixed64 | ScalarType::Sfixed64 => {
            long
        }
        ScalarType::Double
        | ScalarType::Float
        | ScalarType::Int32
        | ScalarType::Uint32
        | ScalarType::Sint32
        | ScalarType::Fixed32
        | ScalarType::Sfixed32 => "number",
    }
}

/// Whether a 64-bit integer is printed as a number: `[jstype = JS_NUMBER]`.
fn is_js_number(field: &FieldDescriptor) -> bool {
    field.options().is_some_and(|options| options.jstype == Some(JSType::JS_NUMBER))
}

/// The type of a channel's parameter.
pub(super) fn parameter_type(sources: &Sources<'_>, imports: &mut Imports<'_>, field: &FieldDescriptor) -> String {
    match field.kind() {
        FieldKind::Singular(SingularKind::Enum(index)) => value(sources, imports, SingularKind::Enum(index), ""),
        FieldKind::Singular(SingularKind::Scalar(scalar)) => {
            scalar_type(scalar, "number | bigint | $.Int64String").to_owned()
        }
        _ => "string".to_owned(),
    }
}

/// The declaration of an enum.
pub(super) fn declare_enum(sources: &Sources<'_>, imports: &Imports<'_>, enumeration: &EnumDescriptor) -> String {
    let full_name = enumeration.full_name();
    let Some(declaration) = sources.declared.find(full_name) else { return String::new() };
    let mut numbers: Vec<i32> = Vec::new();
    let mut meanings = Vec::new();
    let mut union = String::new();
    for value in enumeration.values() {
        // Of several names for one number the first is printed.
        if numbers.contains(&value.number()) {
            continue;
        }
        numbers.push(value.number());
        union.push_str(&format!("  | {}\n", quote(value.name())));
        if let Some(comment) = declaration.member_comments.get(value.name()).filter(|comment| !comment.is_empty()) {
            meanings.push(format!("- `{}`: {}", value.name(), comment.replace('\n', " ")));
        }
    }
    let mut paragraphs = vec![declaration.comment.clone(), meanings.join("\n")];
    if enumeration.options().is_some_and(|options| options.deprecated == Some(true)) {
        paragraphs.push("@deprecated".to_owned());
    }
    let name = imports.names.name(full_name);
    format!("{}export type {name} =\n{union}  | $.UnknownEnum;\n", doc("", &paragraphs))
}
