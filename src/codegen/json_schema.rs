//! A schema's events as one JSON Schema document (draft 2020-12).
//!
//! Promises that what the bridge prints for an event is valid by it, and that a form made from it sends what the bridge
//! reads. Fields are named as in JSON. What JSON Schema has no word for stands in members that begin with `x-`: the events
//! and their channels, the order of fields, the oneof of a field, the kind of a well-known type or of a scalar that JSON has no type for.

use std::collections::BTreeSet;

use buffa_descriptor::generated::descriptor::field_options::JSType;
use buffa_descriptor::{DescriptorPool, EnumIndex, FieldDescriptor, FieldKind, MessageIndex, ScalarType, SingularKind};
use serde_json::{Map, Value, json};

use crate::schema::{EventType, From, Schema};

/// Every event that publishers and clients may send, and the messages that they consist of.
///
/// ```text
/// {"$schema": …, "x-fingerprint": …,
///  "x-channels": [{"template": "project:{project_id}", "message": "project.v1.ProjectChannel", "onConnect": false}],
///  "x-events": [{"type": "file.uploaded", "message": "files.v1.FileUploaded", "from": "publisher", "channels": […]}],
///  "$defs": {"files.v1.FileUploaded": {"type": "object", "properties": {…}}}}
/// ```
pub fn json_schema(schema: &Schema) -> Value {
    let mut writer = Writer { pool: schema.pool(), wanted: Vec::new(), seen: BTreeSet::new() };
    let events: Vec<Value> = schema
        .events()
        .iter()
        .filter(|event| !event.own)
        .map(|event| {
            writer.want(event.message);
            describe(schema, event)
        })
        .collect();
    let mut definitions = Map::new();
    while let Some(index) = writer.wanted.pop() {
        let message = writer.pool.message(index);
        definitions.insert(message.full_name().to_owned(), writer.message(index));
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "x-fingerprint": schema.fingerprint(),
        "x-channels": schema.channels().iter().map(|channel| json!({
            "template": &*channel.template,
            "message": &*channel.message_name,
            "onConnect": channel.on_connect,
        })).collect::<Vec<_>>(),
        "x-events": events,
        "$defs": definitions,
    })
}

fn describe(schema: &Schema, event: &EventType) -> Value {
    json!({
        "type": &*event.name,
        "message": &*event.message_name,
        "from": match event.from {
            From::Publisher => "publisher",
            From::Client => "client",
        },
        "channels": schema.templates_of(event).map(|channel| &*channel.template).collect::<Vec<_>>(),
    })
}

/// Writes definitions, and remembers the messages that they refer to.
struct Writer<'a> {
    pool: &'a DescriptorPool,
    wanted: Vec<MessageIndex>,
    seen: BTreeSet<String>,
}

impl Writer<'_> {
    fn want(&mut self, index: MessageIndex) {
        if self.seen.insert(self.pool.message(index).full_name().to_owned()) {
            self.wanted.push(index);
        }
    }

    fn message(&mut self, index: MessageIndex) -> Value {
        let message = self.pool.message(index);
        let mut properties = Map::new();
        for field in message.fields() {
            properties.insert(field.json_name().to_owned(), self.field(message, field));
        }
        let mut order: Vec<&str> = message.fields().iter().map(FieldDescriptor::json_name).collect();
        for extension in self.pool.extensions_of(index) {
            properties.insert(extension.json_key().to_owned(), self.field(message, extension.field()));
            order.push(extension.json_key());
        }
        json!({"type": "object", "properties": properties, "additionalProperties": false, "x-order": order})
    }

    fn field(&mut self, message: &buffa_descriptor::MessageDescriptor, field: &FieldDescriptor) -> Value {
        let js_number = field.options().is_some_and(|options| options.jstype == Some(JSType::JS_NUMBER));
        let mut value = match field.kind() {
            FieldKind::Singular(kind) => self.value(kind, js_number),
            FieldKind::List(kind) => json!({"type": "array", "items": self.value(kind, js_number)}),
            FieldKind::Map { key, value } => json!({
                "type": "object",
                "propertyNames": key_names(key),
                "additionalProperties": self.value(value, js_number),
            }),
        };
        let oneof = field.oneof_index().and_then(|index| message.oneofs().get(usize::from(index)));
        if let (Some(oneof), Some(members)) = (oneof.filter(|oneof| !oneof.is_synthetic()), value.as_object_mut()) {
            members.insert("x-oneof".to_owned(), oneof.name().into());
        }
        value
    }

    fn value(&mut self, kind: SingularKind, js_number: bool) -> Value {
        match kind {
            SingularKind::Scalar(scalar) => self::scalar(scalar, js_number),
            SingularKind::Enum(index) => enumeration(self.pool, index),
            SingularKind::Message(index) => match well_known(self.pool.message(index).full_name()) {
                Some(value) => value,
                None => {
                    self.want(index);
                    json!({"$ref": format!("#/$defs/{}", self.pool.message(index).full_name())})
                }
            },
        }
    }
}

fn enumeration(pool: &DescriptorPool, index: EnumIndex) -> Value {
    let enumeration = pool.enumeration(index);
    if enumeration.full_name() == "google.protobuf.NullValue" {
        return json!({"type": "null"});
    }
    // An unknown number of an open enum is printed as that number.
    let names: Vec<&str> = enumeration.values().iter().map(|value| value.name()).collect();
    json!({"anyOf": [{"enum": names}, {"type": "integer"}], "x-enum": enumeration.full_name()})
}

fn scalar(kind: ScalarType, js_number: bool) -> Value {
    const MAX_JS_NUMBER: i64 = (1 << 53) - 1;
    match kind {
        ScalarType::String => json!({"type": "string"}),
        ScalarType::Bytes => json!({"type": "string", "contentEncoding": "base64", "x-kind": "bytes"}),
        ScalarType::Bool => json!({"type": "boolean"}),
        ScalarType::Double => json!({"type": "number", "x-kind": "double"}),
        ScalarType::Float => json!({"type": "number", "x-kind": "float"}),
        ScalarType::Int32 | ScalarType::Sint32 | ScalarType::Sfixed32 => {
            json!({"type": "integer", "minimum": i32::MIN, "maximum": i32::MAX})
        }
        ScalarType::Uint32 | ScalarType::Fixed32 => json!({"type": "integer", "minimum": 0, "maximum": u32::MAX}),
        ScalarType::Int64 | ScalarType::Sint64 | ScalarType::Sfixed64 if js_number => {
            json!({"type": "integer", "minimum": -MAX_JS_NUMBER, "maximum": MAX_JS_NUMBER, "x-kind": "int64"})
        }
        ScalarType::Uint64 | ScalarType::Fixed64 if js_number => {
            json!({"type": "integer", "minimum": 0, "maximum": MAX_JS_NUMBER, "x-kind": "uint64"})
        }
        ScalarType::Int64 | ScalarType::Sint64 | ScalarType::Sfixed64 => {
            json!({"type": "string", "pattern": "^-?[0-9]{1,19}$", "x-kind": "int64"})
        }
        ScalarType::Uint64 | ScalarType::Fixed64 => {
            json!({"type": "string", "pattern": "^[0-9]{1,20}$", "x-kind": "uint64"})
        }
    }
}

fn key_names(kind: ScalarType) -> Value {
    match kind {
        ScalarType::String => json!({}),
        ScalarType::Bool => json!({"enum": ["false", "true"]}),
        ScalarType::Uint32 | ScalarType::Fixed32 | ScalarType::Uint64 | ScalarType::Fixed64 => {
            json!({"pattern": "^[0-9]{1,20}$"})
        }
        _ => json!({"pattern": "^-?[0-9]{1,19}$"}),
    }
}

/// The JSON of a well-known type, which is not an object of its fields.
fn well_known(full_name: &str) -> Option<Value> {
    let wrapped = |kind| {
        let mut value = scalar(kind, false);
        if let Some(members) = value.as_object_mut() {
            members.insert("x-wrapper".to_owned(), true.into());
        }
        value
    };
    Some(match full_name.strip_prefix("google.protobuf.")? {
        "Timestamp" => json!({"type": "string", "format": "date-time", "x-kind": "timestamp"}),
        "Duration" => json!({"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]{1,9})?s$", "x-kind": "duration"}),
        "FieldMask" => json!({"type": "string", "x-kind": "field_mask"}),
        "Struct" => json!({"type": "object", "x-kind": "struct"}),
        "Value" => json!({"x-kind": "value"}),
        "ListValue" => json!({"type": "array", "x-kind": "list"}),
        "Empty" => json!({"type": "object", "additionalProperties": false}),
        "Any" => json!({
            "type": "object",
            "properties": {"@type": {"type": "string"}},
            "x-kind": "any",
        }),
        "BoolValue" => wrapped(ScalarType::Bool),
        "StringValue" => wrapped(ScalarType::String),
        "BytesValue" => wrapped(ScalarType::Bytes),
        "DoubleValue" => wrapped(ScalarType::Double),
        "FloatValue" => wrapped(ScalarType::Float),
        "Int32Value" => wrapped(ScalarType::Int32),
        "UInt32Value" => wrapped(ScalarType::Uint32),
        "Int64Value" => wrapped(ScalarType::Int64),
        "UInt64Value" => wrapped(ScalarType::Uint64),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Source;

    #[test]
    fn every_reference_of_the_catalogue_has_its_definition() {
        let document = json_schema(&Schema::bundled());
        let text = document.to_string();
        let definitions = document["$defs"].as_object().unwrap();
        for reference in text.split("\"$ref\":\"#/$defs/").skip(1) {
            let name = reference.split('"').next().unwrap();
            assert!(definitions.contains_key(name), "{name}");
        }
        for event in document["x-events"].as_array().unwrap() {
            assert!(definitions.contains_key(event["message"].as_str().unwrap()), "{event}");
        }
    }

    #[test]
    fn a_field_is_described_by_its_json() {
        let document = json_schema(&Schema::bundled());
        let of = |message: &str, field: &str| document["$defs"][message]["properties"][field].clone();
        assert_eq!(of("project.v1.ProcessProgress", "projectId"), json!({"type": "string"}));
        assert_eq!(of("project.v1.ProcessProgress", "progress"), json!({"type": "number", "x-kind": "double"}));
        assert_eq!(of("project.v1.SystemHeartbeat", "sent")["x-kind"], "timestamp");
        assert_eq!(of("operations.v1.SystemLog", "metadata")["additionalProperties"], json!({"type": "string"}));
        assert_eq!(of("operations.v1.SystemLog", "level")["x-enum"], "operations.v1.LogLevel");
        assert_eq!(
            of("files.v1.FileChunk", "content"),
            json!({"type": "string", "contentEncoding": "base64", "x-kind": "bytes"})
        );
        let total = of("files.v1.FileUploadProgress", "totalBytes");
        assert_eq!(total["type"], "integer");
        assert_eq!(total["x-kind"], "uint64");
        let components = of("operations.v1.SystemHealth", "components");
        assert_eq!(components["items"]["$ref"], "#/$defs/operations.v1.ComponentHealth");
    }

    #[test]
    fn an_extension_is_a_field_by_its_full_name() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/typescript/legacy/schema");
        let schema = Schema::load(&[Source::Folder(folder.into())]).unwrap();
        let document = json_schema(&schema);
        let message = &document["$defs"]["legacy.v1.Old"];
        assert_eq!(message["properties"]["[legacy.v1.more]"], json!({"type": "string"}), "{message}");
        assert_eq!(message["x-order"].as_array().unwrap().last().unwrap(), "[legacy.v1.subs]");
    }

    #[test]
    fn an_event_says_where_it_goes() {
        let document = json_schema(&Schema::bundled());
        let events = document["x-events"].as_array().unwrap();
        let started = events.iter().find(|event| event["type"] == "process.started").unwrap();
        assert_eq!(started["channels"], json!(["project:{project_id}"]));
        assert_eq!(started["from"], "publisher");
        assert!(events.iter().all(|event| event["type"] != "connection.ack"), "Rialto's own are not published");
        let channels = document["x-channels"].as_array().unwrap();
        let system = channels.iter().find(|channel| channel["template"] == "system").unwrap();
        assert_eq!(system["onConnect"], true);
    }
}
