//! What the files declare: events, channel templates, validation rules, and options that are not built yet.

use buffa_descriptor::generated::descriptor::{DescriptorProto, FieldDescriptorProto, FileDescriptorProto};
use buffa_descriptor::{DescriptorPool, MessageIndex};

use super::check::Checker;
use super::load::{is_given, is_own};
use super::options::{self, CHANNEL, EVENT, FIELD, OptionError, VALIDATE};
use super::places::{Near, Site};
use super::validate::Declared as Rules;
use crate::proto::rialto::v1::{ChannelOptions, EventOptions, FieldOptions};

/// A message that is an event or a channel template.
pub(super) struct Declaration<O> {
    /// The message.
    pub(super) site: Site,
    /// Its option.
    pub(super) option: Site,
    pub(super) full_name: String,
    pub(super) message: MessageIndex,
    pub(super) options: O,
    /// Whether it is in one of Rialto's own files.
    pub(super) own: bool,
}

/// Everything that the files declare.
#[derive(Default)]
pub(super) struct Declarations {
    pub(super) events: Vec<Declaration<EventOptions>>,
    pub(super) channels: Vec<Declaration<ChannelOptions>>,
    /// The rules of each message that has some.
    pub(super) rules: Vec<(MessageIndex, Rules)>,
    pub(super) keys: Vec<KeyField>,
    pub(super) ruled: Vec<RuledField>,
}

impl Declarations {
    /// What is declared about who sees this field.
    pub(super) fn ruled(&self, message: MessageIndex, number: u32) -> Option<&RuledField> {
        self.ruled.iter().find(|field| field.message == message && field.number == number)
    }
}

/// A field that not everybody sees, or that logs mask.
pub(super) struct RuledField {
    /// Its option.
    pub(super) option: Site,
    /// The message that it is a field of.
    pub(super) message: MessageIndex,
    pub(super) number: u32,
    pub(super) name: String,
    /// Empty: everybody sees it.
    pub(super) visible_to: String,
    pub(super) masked_in_logs: bool,
    /// Whether it is a key, too.
    pub(super) key: bool,
}

/// A field that is marked as a key.
pub(super) struct KeyField {
    /// Its option.
    pub(super) option: Site,
    /// The message that it is a field of.
    pub(super) message: MessageIndex,
    pub(super) number: i32,
    pub(super) name: String,
}

/// Field numbers in `descriptor.proto`, for paths.
mod path {
    pub(super) const FILE_MESSAGE: i32 = 4;
    pub(super) const FILE_EXTENSION: i32 = 7;
    pub(super) const MESSAGE_FIELD: i32 = 2;
    pub(super) const MESSAGE_NESTED: i32 = 3;
    pub(super) const MESSAGE_EXTENSION: i32 = 6;
    pub(super) const MESSAGE_OPTIONS: i32 = 7;
    pub(super) const MESSAGE_ONEOF: i32 = 8;
    pub(super) const FIELD_OPTIONS: i32 = 8;
    pub(super) const ONEOF_OPTIONS: i32 = 2;
}

/// Reads every file's declarations.
pub(super) fn read(checker: &mut Checker<'_>) -> Declarations {
    let mut declarations = Declarations::default();
    let pool = checker.pool;
    for (index, file) in pool.files().iter().enumerate() {
        read_file(checker, &mut declarations, index, file);
    }
    declarations
}

fn read_file(checker: &mut Checker<'_>, declarations: &mut Declarations, index: usize, file: &FileDescriptorProto) {
    let name = file.name.as_deref().unwrap_or_default();
    let package = file.package.as_deref().unwrap_or_default();
    if is_given(name) && !is_own(name) {
        return;
    }
    let own = is_own(name);
    for (number, message) in (0..).zip(&file.message_type) {
        let site = Site { file: index, path: vec![path::FILE_MESSAGE, number] };
        read_message(checker, declarations, &site, package, message, own);
    }
    let site = Site { file: index, path: Vec::new() };
    refuse_extensions(checker, &site, path::FILE_EXTENSION, &file.extension);
}

/// Refuses what extension fields declare: nobody would act on it.
fn refuse_extensions(checker: &mut Checker<'_>, site: &Site, list: i32, extensions: &[FieldDescriptorProto]) {
    for (number, extension) in (0..).zip(extensions) {
        let given = &extension.options.__buffa_unknown_fields;
        for (option, shown) in [(VALIDATE, "buf.validate.field"), (FIELD, "rialto.v1.field")] {
            if options::is_set(given, option) {
                checker.report(
                    &site.inside(&[list, number, path::FIELD_OPTIONS, option]),
                    Near::Start,
                    format!("({shown}) has no effect on an extension field"),
                    "make it a field of the message itself, or leave the option out",
                );
            }
        }
    }
}

fn read_message(
    checker: &mut Checker<'_>,
    declarations: &mut Declarations,
    site: &Site,
    scope: &str,
    message: &DescriptorProto,
    own: bool,
) {
    let name = message.name.as_deref().unwrap_or_default();
    let full_name = if scope.is_empty() { name.to_owned() } else { format!("{scope}.{name}") };
    let Some(index) = checker.pool.message_index(&full_name) else { return };
    let given = &message.options.__buffa_unknown_fields;
    let mut rules = Rules::default();
    let validate = site.inside(&[path::MESSAGE_OPTIONS, VALIDATE]);
    let read = options::read(given, VALIDATE, "buf.validate.MessageRules", checker.pool);
    rules.message = read.and_then(|read| accept_rules(checker, &validate, read)).map(|read| (validate, read));

    let option = site.inside(&[path::MESSAGE_OPTIONS, EVENT]);
    let event = options::read(given, EVENT, "rialto.v1.EventOptions", checker.pool);
    let event = event.and_then(|read| accept(checker, &option, read));
    let channel_option = site.inside(&[path::MESSAGE_OPTIONS, CHANNEL]);
    let channel = options::read(given, CHANNEL, "rialto.v1.ChannelOptions", checker.pool);
    let channel = channel.and_then(|read| accept(checker, &channel_option, read));
    if event.is_some() && channel.is_some() {
        checker.report(
            &option,
            Near::Start,
            format!("{full_name} is both an event and a channel"),
            "make the channel a message of its own: its fields are the parameters of its template",
        );
    }
    let declaration = (site.clone(), full_name.clone(), index);
    if let Some(options) = event {
        let (site, full_name, message) = declaration.clone();
        declarations.events.push(Declaration { site, option, full_name, message, options, own });
    }
    if let Some(options) = channel {
        let (site, full_name, message) = declaration;
        declarations.channels.push(Declaration { site, option: channel_option, full_name, message, options, own });
    }

    for (place, field) in message.field.iter().enumerate() {
        let number = i32::try_from(place).unwrap_or(i32::MAX);
        let site = site.inside(&[path::MESSAGE_FIELD, number, path::FIELD_OPTIONS]);
        let given = &field.options.__buffa_unknown_fields;
        let validate = site.inside(&[VALIDATE]);
        let read = options::read(given, VALIDATE, "buf.validate.FieldRules", checker.pool);
        if let Some(read) = read.and_then(|read| accept_rules(checker, &validate, read)) {
            rules.fields.push((place, validate, read));
        }
        let option = site.inside(&[FIELD]);
        let read = options::read::<FieldOptions>(given, FIELD, "rialto.v1.FieldOptions", checker.pool);
        if let Some(options) = read.and_then(|read| accept(checker, &option, read)) {
            check_field(checker, &option, &options);
            if !options.visible_to.is_empty() || options.masked_in_logs {
                declarations.ruled.push(RuledField {
                    option: option.clone(),
                    message: index,
                    number: field.number.and_then(|number| u32::try_from(number).ok()).unwrap_or_default(),
                    name: field.name.clone().unwrap_or_default(),
                    visible_to: options.visible_to,
                    masked_in_logs: options.masked_in_logs,
                    key: options.key,
                });
            }
            if options.key {
                let (number, name) = (field.number.unwrap_or_default(), field.name.clone().unwrap_or_default());
                declarations.keys.push(KeyField { option, message: index, number, name });
            }
        }
    }
    for (number, oneof) in (0..).zip(&message.oneof_decl) {
        let site = site.inside(&[path::MESSAGE_ONEOF, number, path::ONEOF_OPTIONS, VALIDATE]);
        let given = &oneof.options.__buffa_unknown_fields;
        let read = options::read(given, VALIDATE, "buf.validate.OneofRules", checker.pool);
        if let Some(read) = read.and_then(|read| accept_rules(checker, &site, read)) {
            rules.oneofs.push((oneof.name.clone().unwrap_or_default(), read));
        }
    }
    if rules.message.is_some() || !rules.fields.is_empty() || !rules.oneofs.is_empty() {
        declarations.rules.push((index, rules));
    }
    for (number, nested) in (0..).zip(&message.nested_type) {
        let site = site.inside(&[path::MESSAGE_NESTED, number]);
        read_message(checker, declarations, &site, &full_name, nested, own);
    }
    refuse_extensions(checker, site, path::MESSAGE_EXTENSION, &message.extension);
}

/// The fields of a message that carry Rialto's field option.
pub(super) fn own_fields<'a>(
    message: &'a DescriptorProto,
    pool: &'a DescriptorPool,
) -> impl Iterator<Item = (&'a str, FieldOptions)> {
    message.field.iter().filter_map(|field| {
        let given = &field.options.__buffa_unknown_fields;
        let options = options::read::<FieldOptions>(given, FIELD, "rialto.v1.FieldOptions", pool)?.ok()?;
        Some((field.name.as_deref().unwrap_or_default(), options))
    })
}

/// Rules that are extensions of the standard's messages have numbers from here on.
const FIRST_PREDEFINED: u32 = 1_000;

fn accept_rules<O>(checker: &mut Checker<'_>, site: &Site, read: Result<O, OptionError>) -> Option<O> {
    if let Err(OptionError::Unknown(FIRST_PREDEFINED..)) = read {
        checker.report(
            site,
            Near::Start,
            "predefined rules (extensions of buf.validate's messages) are not enforced",
            "write the rule's expression with `cel` where it is used",
        );
        return None;
    }
    accept(checker, site, read)
}

fn accept<O>(checker: &mut Checker<'_>, site: &Site, read: Result<O, OptionError>) -> Option<O> {
    match read {
        Ok(options) => Some(options),
        Err(OptionError::Malformed) => {
            checker.report(site, Near::Start, "this option cannot be read", "build the descriptors anew");
            None
        }
        Err(OptionError::Unknown(number)) => {
            checker.report(
                site,
                Near::Start,
                format!("this option has a member {number} that this version of Rialto does not know"),
                "remove it, or use a newer Rialto",
            );
            None
        }
    }
}

fn check_field(checker: &mut Checker<'_>, option: &Site, options: &FieldOptions) {
    let FieldOptions { visible_to: _, masked_in_logs: _, filterable, key: _ } = options;
    if *filterable {
        checker.not_built(option, "filterable");
    }
}
