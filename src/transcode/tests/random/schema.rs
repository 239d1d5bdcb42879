//! Schemas at random: proto2, proto3 and editions, every kind of field, every feature that shows in JSON.

use std::sync::{Arc, OnceLock};

use buffa::MessageField;
use buffa_descriptor::DescriptorPool;
use buffa_descriptor::generated::descriptor::descriptor_proto::ExtensionRange;
use buffa_descriptor::generated::descriptor::feature_set::{
    EnumType, FieldPresence, MessageEncoding, RepeatedFieldEncoding,
};
use buffa_descriptor::generated::descriptor::field_descriptor_proto::{Label, Type};
use buffa_descriptor::generated::descriptor::{
    DescriptorProto, Edition, EnumDescriptorProto, EnumOptions, EnumValueDescriptorProto, FeatureSet,
    FieldDescriptorProto, FieldOptions, FileDescriptorProto, FileDescriptorSet, FileOptions, MessageOptions,
    OneofDescriptorProto,
};

use super::choices::Choices;

/// The messages of every schema, `r.M0` to `r.M3`, and its enums.
pub(super) const MESSAGES: usize = 4;
const ENUMS: usize = 3;
const NUMBERS: [i32; 12] = [1, 2, 3, 4, 15, 16, 127, 128, 2_047, 2_048, 200_000, (1 << 29) - 1];
const NAMES: [&str; 12] =
    ["a", "b_c", "_d", "e__f", "g1", "h_2", "I", "j_K", "value", "type", "longer_than_thirty_two_bytes_are", "l_"];
const EXTENSIONS: i32 = 1_000;
const SCALARS: [Type; 15] = [
    Type::TYPE_INT32,
    Type::TYPE_STRING,
    Type::TYPE_BOOL,
    Type::TYPE_INT64,
    Type::TYPE_UINT32,
    Type::TYPE_UINT64,
    Type::TYPE_SINT32,
    Type::TYPE_SINT64,
    Type::TYPE_FIXED32,
    Type::TYPE_FIXED64,
    Type::TYPE_SFIXED32,
    Type::TYPE_SFIXED64,
    Type::TYPE_FLOAT,
    Type::TYPE_DOUBLE,
    Type::TYPE_BYTES,
];
const KEYS: [Type; 12] = [
    Type::TYPE_STRING,
    Type::TYPE_INT32,
    Type::TYPE_BOOL,
    Type::TYPE_INT64,
    Type::TYPE_UINT32,
    Type::TYPE_UINT64,
    Type::TYPE_SINT32,
    Type::TYPE_SINT64,
    Type::TYPE_FIXED32,
    Type::TYPE_FIXED64,
    Type::TYPE_SFIXED32,
    Type::TYPE_SFIXED64,
];
/// Those with maps inside, or with what may have, come first.
const MAPS: usize = 4;
const WELL_KNOWN: [&str; 13] = [
    "Struct",
    "Value",
    "ListValue",
    "Any",
    "Timestamp",
    "Duration",
    "FieldMask",
    "Int64Value",
    "StringValue",
    "BoolValue",
    "FloatValue",
    "BytesValue",
    "Empty",
];

/// What a schema may have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shapes {
    All,
    /// Neither delimited fields nor maps: where those have another wire type than they should, the other implementation
    /// does not look.
    Strict,
}

/// How a file is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Syntax {
    Proto3,
    Proto2,
    Edition(Edition),
}

/// A schema at random.
pub(super) fn schema(choices: &mut Choices<'_>, shapes: Shapes) -> Arc<DescriptorPool> {
    let mut files = google().clone();
    let syntaxes = [
        Syntax::Proto3,
        Syntax::Proto2,
        Syntax::Edition(Edition::EDITION_2023),
        Syntax::Edition(Edition::EDITION_2024),
    ];
    // Enums are a file of their own: open ones, which every syntax may use, and closed ones.
    files.push(enums(choices));
    for number in 0..MESSAGES {
        let syntax = *choices.one(&syntaxes);
        files.push(file(choices, syntax, number, shapes));
    }
    Arc::new(DescriptorPool::new(FileDescriptorSet { file: files, ..Default::default() }).unwrap())
}

/// `google/protobuf`'s own files.
fn google() -> &'static Vec<FileDescriptorProto> {
    static FILES: OnceLock<Vec<FileDescriptorProto>> = OnceLock::new();
    FILES.get_or_init(|| {
        let names = ["any", "duration", "empty", "field_mask", "struct", "timestamp", "wrappers"];
        let names = names.map(|name| format!("google/protobuf/{name}.proto"));
        let mut compiler = protox::Compiler::new(Vec::<&str>::new()).unwrap();
        compiler.include_imports(true).open_files(names).unwrap();
        let set = compiler.encode_file_descriptor_set();
        DescriptorPool::decode(&set).unwrap().files().to_vec()
    })
}

/// `r.E0` is open, `r.E1` closed without a zero, `r.E2` closed or open with negative numbers and an alias.
fn enums(choices: &mut Choices<'_>) -> FileDescriptorProto {
    let closed = [false, true, choices.rarely(128)];
    let numbers: [&[i32]; ENUMS] = [&[0, 1, 2, 300], &[5, 1], &[0, -1, i32::MAX, -1, i32::MIN]];
    let one = |at: usize| EnumDescriptorProto {
        name: Some(format!("E{at}")),
        value: numbers[at]
            .iter()
            .enumerate()
            .map(|(place, number)| EnumValueDescriptorProto {
                name: Some(format!("E{at}_{place}")),
                number: Some(*number),
                ..Default::default()
            })
            .collect(),
        options: MessageField::some(EnumOptions {
            allow_alias: Some(at == 2),
            features: MessageField::some(FeatureSet {
                enum_type: Some(if closed[at] { EnumType::CLOSED } else { EnumType::OPEN }),
                ..Default::default()
            }),
            ..Default::default()
        }),
        ..Default::default()
    };
    FileDescriptorProto {
        name: Some("enums.proto".to_owned()),
        package: Some("r".to_owned()),
        syntax: Some("editions".to_owned()),
        edition: Some(Edition::EDITION_2023),
        enum_type: (0..ENUMS).map(one).collect(),
        ..Default::default()
    }
}

fn file(choices: &mut Choices<'_>, syntax: Syntax, number: usize, shapes: Shapes) -> FileDescriptorProto {
    let mut file = FileDescriptorProto {
        name: Some(format!("m{number}.proto")),
        package: Some("r".to_owned()),
        ..Default::default()
    };
    let mut implicit = syntax == Syntax::Proto3;
    match syntax {
        Syntax::Proto3 => file.syntax = Some("proto3".to_owned()),
        Syntax::Proto2 => {}
        Syntax::Edition(edition) => {
            file.syntax = Some("editions".to_owned());
            file.edition = Some(edition);
            let mut features = FeatureSet::default();
            if choices.rarely(100) {
                features.field_presence = Some(FieldPresence::IMPLICIT);
                implicit = true;
            }
            if shapes == Shapes::All && choices.rarely(80) {
                features.message_encoding = Some(MessageEncoding::DELIMITED);
            }
            if choices.rarely(80) {
                features.repeated_field_encoding = Some(RepeatedFieldEncoding::EXPANDED);
            }
            file.options =
                MessageField::some(FileOptions { features: MessageField::some(features), ..Default::default() });
        }
    }
    let mut message =
        Message { choices, syntax, shapes, implicit, proto: DescriptorProto::default(), name: format!("M{number}") };
    message.fill();
    let mut proto = message.proto;
    if syntax != Syntax::Proto3 {
        let range = ExtensionRange { start: Some(EXTENSIONS), end: Some(EXTENSIONS + 10), ..Default::default() };
        proto.extension_range.push(range);
        let kind = *choices.one(&SCALARS);
        file.extension.push(FieldDescriptorProto {
            name: Some(format!("extra_{number}")),
            number: Some(EXTENSIONS + 1),
            label: Some(if choices.rarely(80) { Label::LABEL_REPEATED } else { Label::LABEL_OPTIONAL }),
            r#type: Some(kind),
            extendee: Some(format!(".r.M{number}")),
            // An extension has presence; the other implementation has to be told.
            options: explicit(syntax),
            ..Default::default()
        });
    }
    proto.name = Some(format!("M{number}"));
    file.message_type.push(proto);
    file
}

fn explicit(syntax: Syntax) -> MessageField<FieldOptions, buffa::Inline<FieldOptions>> {
    let Syntax::Edition(_) = syntax else { return MessageField::none() };
    let features = FeatureSet { field_presence: Some(FieldPresence::EXPLICIT), ..Default::default() };
    MessageField::some(FieldOptions { features: MessageField::some(features), ..Default::default() })
}

/// A message that is being written.
struct Message<'c, 'b> {
    choices: &'c mut Choices<'b>,
    syntax: Syntax,
    shapes: Shapes,
    /// Whether fields have no presence unless they say so.
    implicit: bool,
    proto: DescriptorProto,
    name: String,
}

impl Message<'_, '_> {
    fn fill(&mut self) {
        let count = self.choices.below(7) + 1;
        let (first_number, first_name) = (self.choices.below(NUMBERS.len()), self.choices.below(NAMES.len()));
        if self.choices.rarely(100) {
            self.proto.oneof_decl.push(OneofDescriptorProto { name: Some("choice".to_owned()), ..Default::default() });
        }
        for at in 0..count {
            let name = NAMES[(first_name + at) % NAMES.len()];
            self.field(name, NUMBERS[(first_number + at) % NUMBERS.len()]);
        }
        // Synthetic oneofs stand behind the real ones.
        for field in &mut self.proto.field {
            if field.proto3_optional == Some(true) {
                field.oneof_index = Some(self.proto.oneof_decl.len() as i32);
                let name = format!("_{}", field.name.as_deref().unwrap_or_default());
                self.proto.oneof_decl.push(OneofDescriptorProto { name: Some(name), ..Default::default() });
            }
        }
        // A oneof has a member.
        if let (Some(oneof), true) =
            (self.proto.oneof_decl.first(), self.proto.field.iter().all(|field| field.oneof_index != Some(0)))
            && oneof.name.as_deref() == Some("choice")
        {
            self.proto.oneof_decl.remove(0);
            for field in &mut self.proto.field {
                field.oneof_index = field.oneof_index.map(|index| index - 1);
            }
        }
    }

    fn field(&mut self, name: &str, number: i32) {
        let mut field = FieldDescriptorProto {
            name: Some(name.to_owned()),
            number: Some(number),
            label: Some(Label::LABEL_OPTIONAL),
            ..Default::default()
        };
        if self.choices.rarely(20) {
            field.json_name = Some(format!("{name} \"é"));
        }
        let mut options = FieldOptions::default();
        let mut features = FeatureSet::default();
        if self.shapes == Shapes::All && self.choices.rarely(40) {
            return self.map(field);
        }
        self.kind(&mut field);
        let kind = field.r#type.unwrap();
        let is_message = matches!(kind, Type::TYPE_MESSAGE | Type::TYPE_GROUP);
        let editions = matches!(self.syntax, Syntax::Edition(_));
        let in_oneof = self.proto.oneof_decl.first().is_some_and(|oneof| oneof.name.as_deref() == Some("choice"));
        if self.choices.rarely(60) {
            field.label = Some(Label::LABEL_REPEATED);
            if !is_message && !matches!(kind, Type::TYPE_STRING | Type::TYPE_BYTES) && self.choices.rarely(80) {
                if editions {
                    features.repeated_field_encoding = Some(RepeatedFieldEncoding::EXPANDED);
                } else {
                    options.packed = Some(self.syntax == Syntax::Proto2);
                }
            }
        } else if in_oneof && self.choices.rarely(120) {
            field.oneof_index = Some(0);
        } else if self.choices.rarely(30) {
            match self.syntax {
                Syntax::Proto3 => field.proto3_optional = Some(true),
                Syntax::Proto2 => field.label = Some(Label::LABEL_REQUIRED),
                Syntax::Edition(_) => features.field_presence = Some(FieldPresence::LEGACY_REQUIRED),
            }
        } else if editions && !is_message {
            // What has no presence has an open enum: protoc refuses the other.
            let closed = kind == Type::TYPE_ENUM && field.type_name.as_deref() != Some(".r.E0");
            if closed || (self.implicit && self.choices.rarely(60)) {
                features.field_presence = Some(FieldPresence::EXPLICIT);
            } else if self.choices.rarely(60) {
                features.field_presence = Some(FieldPresence::IMPLICIT);
            }
        }
        let groups = self.shapes == Shapes::All;
        if kind == Type::TYPE_MESSAGE && editions && groups && self.choices.rarely(60) {
            features.message_encoding = Some(MessageEncoding::DELIMITED);
        }
        if editions {
            options.features = MessageField::some(features);
        }
        field.options = MessageField::some(options);
        self.proto.field.push(field);
    }

    /// A type for a field: a scalar, an enum, a message of the schema or a well-known one.
    fn kind(&mut self, field: &mut FieldDescriptorProto) {
        let (kind, name) = match self.choices.below(8) {
            0..=3 => (*self.choices.one(&SCALARS), None),
            4 => {
                // proto3 knows open enums only.
                let count = if self.syntax == Syntax::Proto3 { 1 } else { ENUMS };
                let name = match self.choices.below(count + 1) {
                    at if at < count => format!(".r.E{at}"),
                    _ => ".google.protobuf.NullValue".to_owned(),
                };
                (Type::TYPE_ENUM, Some(name))
            }
            5 | 6 => {
                let kind = if self.shapes == Shapes::All && self.syntax == Syntax::Proto2 && self.choices.rarely(100) {
                    Type::TYPE_GROUP
                } else {
                    Type::TYPE_MESSAGE
                };
                (kind, Some(format!(".r.M{}", self.choices.below(MESSAGES))))
            }
            _ => {
                let known = if self.shapes == Shapes::All { &WELL_KNOWN[..] } else { &WELL_KNOWN[MAPS..] };
                (Type::TYPE_MESSAGE, Some(format!(".google.protobuf.{}", self.choices.one(known))))
            }
        };
        field.r#type = Some(kind);
        field.type_name = name;
    }

    fn map(&mut self, mut field: FieldDescriptorProto) {
        let entry = format!("Entry{}", self.proto.nested_type.len());
        let mut value = FieldDescriptorProto {
            name: Some("value".to_owned()),
            number: Some(2),
            label: Some(Label::LABEL_OPTIONAL),
            ..Default::default()
        };
        self.kind(&mut value);
        if value.r#type == Some(Type::TYPE_GROUP) {
            value.r#type = Some(Type::TYPE_MESSAGE);
        }
        let key = FieldDescriptorProto {
            name: Some("key".to_owned()),
            number: Some(1),
            label: Some(Label::LABEL_OPTIONAL),
            r#type: Some(*self.choices.one(&KEYS)),
            ..Default::default()
        };
        self.proto.nested_type.push(DescriptorProto {
            name: Some(entry.clone()),
            field: vec![key, value],
            options: MessageField::some(MessageOptions { map_entry: Some(true), ..Default::default() }),
            ..Default::default()
        });
        field.label = Some(Label::LABEL_REPEATED);
        field.r#type = Some(Type::TYPE_MESSAGE);
        field.type_name = Some(format!(".r.{}.{entry}", self.name));
        self.proto.field.push(field);
    }
}
