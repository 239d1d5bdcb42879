//! Checks channel templates and makes them.

use buffa_descriptor::{FieldKind, MessageDescriptor};

use super::check::{Checker, suggest};
use super::declarations::Declaration;
use super::places::{Near, Site};
use super::template::{ParameterKind, Template, parameter_name};
use super::templates::{Entry, Templates, short};
use super::{ChannelPermissions, ChannelTemplate, permission, retention};
use crate::proto::rialto::v1::{ChannelOptions, OnConnect};

/// First segments of the templates that exist under every schema.
const RESERVED_HEADS: [&str; 3] = ["session", "user", "system"];

/// Checks every template, by itself and against the others.
pub(super) fn check(checker: &mut Checker<'_>, declared: &[Declaration<ChannelOptions>]) -> Templates {
    let mut sorted: Vec<&Declaration<ChannelOptions>> = declared.iter().collect();
    sorted.sort_by(|left, right| left.options.template.cmp(&right.options.template));
    let entries = sorted.iter().map(|declaration| Entry {
        full_name: declaration.full_name.clone(),
        channel: check_one(checker, declaration),
        own: declaration.own,
    });
    let templates = Templates { entries: entries.collect() };
    check_overlaps(checker, &sorted, &templates);
    templates
}

fn check_one(checker: &mut Checker<'_>, declaration: &Declaration<ChannelOptions>) -> Option<ChannelTemplate> {
    let before = checker.mistakes.len();
    let options = &declaration.options;
    let site = &declaration.option;
    if options.presence {
        checker.not_built(site, "presence");
    }
    let retention = retention::check(checker, declaration);
    let parsed = match Template::parse(&options.template) {
        Ok(parsed) => parsed,
        Err(error) => {
            checker.report(
                site,
                Near::Value("template", &options.template),
                format!("the template {:?} is not one: {error}", options.template),
                "write literals and parameters joined by colons, a literal first: \"project:{project_id}\"",
            );
            return None;
        }
    };
    if !declaration.own && RESERVED_HEADS.contains(&parsed.head()) {
        checker.report(
            site,
            Near::Value("template", &options.template),
            format!("templates that begin with {:?} are Rialto's own", parsed.head()),
            "use SessionChannel, UserChannel or SystemChannel of rialto/v1/channels.proto, or begin the template with another word",
        );
    }
    let parameters = check_parameters(checker, declaration, &parsed);
    let on_connect = check_on_connect(checker, declaration, &parsed);
    let permissions = check_permissions(checker, declaration, &parsed);
    if checker.mistakes.len() > before {
        return None;
    }
    Some(ChannelTemplate {
        message_name: declaration.full_name.as_str().into(),
        template: options.template.as_str().into(),
        retention: retention?,
        history: options.history,
        on_connect,
        permissions,
        own: declaration.own,
        field_permissions: Box::default(),
        parsed,
        parameters: parameters?,
    })
}

fn check_parameters(
    checker: &mut Checker<'_>,
    declaration: &Declaration<ChannelOptions>,
    parsed: &Template,
) -> Option<Box<[ParameterKind]>> {
    let message = checker.pool.message(declaration.message);
    let name = short(&declaration.full_name);
    let mut kinds = Vec::new();
    for path in parsed.parameters() {
        let wanted = parameter_name(path);
        let Some((index, field)) = field_of(message, &wanted) else {
            let names = message.fields().iter().map(buffa_descriptor::FieldDescriptor::name);
            let written = if wanted == path { String::new() } else { format!(" (there it is called {wanted})") };
            checker.report(
                &declaration.option,
                Near::Value("template", &declaration.options.template),
                format!("the parameter {{{path}}} is not a field of {name}{written}"),
                match message.fields() {
                    [] => format!("add `string {wanted} = 1;` to {name}"),
                    _ => format!(
                        "add `string {wanted} = {};` to {name}; {}",
                        next_number(message),
                        suggest(&wanted, names, "fields")
                    ),
                },
            );
            continue;
        };
        let kind = match field.kind() {
            FieldKind::Singular(kind) => ParameterKind::of(kind, checker.pool),
            _ => None,
        };
        match kind {
            Some(kind) => kinds.push(kind),
            None => checker.report(
                &declaration.site.inside(&[2, index]),
                Near::Start,
                format!("the field {wanted} of {name} cannot be a parameter of a channel"),
                "make it a string, an integer, a bool or an enum",
            ),
        }
    }
    for (index, field) in (0..).zip(message.fields()) {
        if !parsed.parameters().any(|path| parameter_name(path) == field.name()) {
            checker.report(
                &declaration.site.inside(&[2, index]),
                Near::Start,
                format!(
                    "the field {} of {name} is not in its template {:?}",
                    field.name(),
                    declaration.options.template
                ),
                format!(
                    "remove the field, or add {{{}}} to the template: a channel's fields are its parameters",
                    field.name()
                ),
            );
        }
    }
    (kinds.len() == parsed.parameters().count()).then(|| kinds.into())
}

/// A message's field by its proto name, with its place in the message.
pub(super) fn field_of<'a>(
    message: &'a MessageDescriptor,
    name: &str,
) -> Option<(i32, &'a buffa_descriptor::FieldDescriptor)> {
    (0..).zip(message.fields()).find(|(_, field)| field.name() == name)
}

/// A field number that the message does not use.
pub(super) fn next_number(message: &MessageDescriptor) -> u32 {
    message.fields().iter().map(buffa_descriptor::FieldDescriptor::number).max().unwrap_or(0) + 1
}

fn check_on_connect(checker: &mut Checker<'_>, declaration: &Declaration<ChannelOptions>, parsed: &Template) -> bool {
    match OnConnect::try_from(declaration.options.on_connect) {
        Ok(OnConnect::Subscribe) => {}
        Ok(OnConnect::None | OnConnect::Unspecified) => return false,
        Err(_) => {
            checker.not_built(&declaration.option, "on_connect");
            return false;
        }
    }
    for path in parsed.parameters().filter(|path| !matches!(*path, "session_id" | "user_id")) {
        checker.report(
            &declaration.option,
            Near::Key("on_connect"),
            format!(
                "a new connection does not know {{{path}}}, so it cannot be subscribed to {}",
                declaration.options.template
            ),
            "remove on_connect, or use only {session_id} and {user_id} in the template",
        );
    }
    let message = checker.pool.message(declaration.message);
    for path in parsed.parameters().filter(|path| matches!(*path, "session_id" | "user_id")) {
        let is_text = |kind| matches!(kind, FieldKind::Singular(kind) if ParameterKind::of(kind, checker.pool) == Some(ParameterKind::Text));
        if let Some((index, field)) = field_of(message, path).filter(|(_, field)| !is_text(field.kind())) {
            checker.report(
                &declaration.site.inside(&[2, index]),
                Near::Start,
                format!("{path} of a channel with on_connect must be a string"),
                format!("write `string {path} = {};`", field.number()),
            );
        }
    }
    true
}

fn check_permissions(
    checker: &mut Checker<'_>,
    declaration: &Declaration<ChannelOptions>,
    parsed: &Template,
) -> ChannelPermissions {
    let stated = declaration.options.permissions.clone().unwrap_or_default();
    let mut check = |key: &str, text: &str| {
        if let Err(wrong) = permission::check(text, |field| parsed.parameters().any(|path| path == field)) {
            let advice = "write {parameter} for a parameter of the template, {@sub} for a claim of the token";
            checker.report(
                &declaration.option,
                Near::Value(key, text),
                format!("in the permission {text:?}, {wrong}"),
                advice,
            );
        }
        (!text.is_empty()).then(|| text.into())
    };
    ChannelPermissions {
        subscribe: check("subscribe", &stated.subscribe),
        send: check("send", &stated.send),
        presence: check("presence", &stated.presence),
        history: check("history", &stated.history),
    }
}

fn check_overlaps(checker: &mut Checker<'_>, sorted: &[&Declaration<ChannelOptions>], templates: &Templates) {
    let place = |site: &Site| (site.file, site.path.clone());
    for (index, entry) in templates.entries.iter().enumerate() {
        let Some(channel) = &entry.channel else { continue };
        for (other_index, other) in templates.entries.iter().enumerate().take(index) {
            let Some(other_channel) = &other.channel else { continue };
            if !channel.parsed.overlaps(&other_channel.parsed) {
                continue;
            }
            // Point at the one that came later; never at Rialto's own.
            let swap = entry.own || (!other.own && place(&sorted[index].site) < place(&sorted[other_index].site));
            let ((at, later), earlier) = match swap {
                true => ((other_index, other_channel), channel),
                false => ((index, channel), other_channel),
            };
            checker.report(
                &sorted[at].option,
                Near::Value("template", &later.template),
                format!(
                    "the templates {:?} and {:?} of {} overlap: one name could be of both",
                    &*later.template,
                    &*earlier.template,
                    short(&earlier.message_name)
                ),
                "begin them with different words, or give them different numbers of segments",
            );
        }
    }
}
