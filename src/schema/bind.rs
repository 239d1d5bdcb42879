//! Finds the fields with which an event fills a template's parameters.

use buffa::editions::FieldPresence;
use buffa_descriptor::{DescriptorPool, FieldDescriptor, FieldKind, MessageDescriptor, SingularKind};

use super::ChannelTemplate;
use super::channels::next_number;
use super::check::{Checker, suggest};
use super::declarations::Declaration;
use super::places::Near;
use super::route::{Extractor, Step};
use super::template::{ParameterKind, parameter_name};
use super::templates::short;
use crate::proto::rialto::v1::EventOptions;

/// Why a path leads to no single value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum PathError {
    #[error("{message} has no field {name}")]
    NoField { message: String, name: String },
    #[error("{0} has many values")]
    Repeated(String),
    #[error("{0} is not a message")]
    NotMessage(String),
}

/// Follows a path of field names into a message.
pub(super) fn steps<'a>(
    pool: &'a DescriptorPool,
    message: &'a MessageDescriptor,
    path: &str,
) -> Result<Vec<(&'a MessageDescriptor, &'a FieldDescriptor)>, PathError> {
    let mut steps: Vec<(&MessageDescriptor, &FieldDescriptor)> = Vec::new();
    let mut inside = Some(message);
    for name in path.split('.') {
        let Some(message) = inside else {
            return Err(PathError::NotMessage(
                steps.last().map_or(String::new(), |(_, field)| field.name().to_owned()),
            ));
        };
        let field = message.fields().iter().find(|field| field.name() == name).ok_or_else(|| PathError::NoField {
            message: short(message.full_name()).to_owned(),
            name: name.to_owned(),
        })?;
        inside = match field.kind() {
            FieldKind::Singular(SingularKind::Message(index)) => Some(pool.message(index)),
            FieldKind::Singular(_) => None,
            _ => return Err(PathError::Repeated(name.to_owned())),
        };
        steps.push((message, field));
    }
    Ok(steps)
}

/// One extractor for each parameter of the template, or a mistake for each that the event does not fill.
pub(super) fn bind(
    checker: &mut Checker<'_>,
    declaration: &Declaration<EventOptions>,
    listed_as: &str,
    channel: &ChannelTemplate,
) -> Option<Box<[Extractor]>> {
    let parameters = channel.parsed.parameters().zip(&channel.parameters);
    let found: Vec<Option<Extractor>> =
        parameters.map(|(path, kind)| bind_one(checker, declaration, listed_as, channel, path, kind)).collect();
    found.into_iter().collect()
}

fn bind_one(
    checker: &mut Checker<'_>,
    declaration: &Declaration<EventOptions>,
    listed_as: &str,
    channel: &ChannelTemplate,
    path: &str,
    wanted: &ParameterKind,
) -> Option<Extractor> {
    let pool = checker.pool;
    let message = pool.message(declaration.message);
    let near = Near::Value("channels", listed_as);
    let event = short(&declaration.full_name);
    let flat = parameter_name(path);
    let found = match steps(pool, message, path) {
        Err(PathError::NoField { .. }) if flat != path => steps(pool, message, &flat)
            .map_err(|_| PathError::NoField { message: event.to_owned(), name: format!("{path} or {flat}") }),
        found => found,
    };
    let found = match found {
        Ok(found) => found,
        Err(error) => {
            let names = message.fields().iter().map(FieldDescriptor::name);
            let add = format!("add `{} {flat} = {};` to {event}", wanted.describe(), next_number(message));
            let advice = match suggest(&flat, names, "fields") {
                question if question.starts_with("did you mean") => format!("{add}; {question}"),
                _ => add,
            };
            checker.report(
                &declaration.option,
                near,
                format!("{event} cannot fill {{{path}}} of {}: {error}", channel.template),
                advice,
            );
            return None;
        }
    };
    let (_, last) = found.last()?;
    let FieldKind::Singular(field) = last.kind() else { return None };
    let kind = ParameterKind::of(field, pool);
    let Some(kind) = kind.filter(|kind| wanted.covers(kind)) else {
        let (site, near) = match (&found[..], message.fields().iter().position(|field| field.name() == last.name())) {
            ([_], Some(index)) => (declaration.site.inside(&[2, i32::try_from(index).unwrap_or(0)]), Near::Start),
            _ => (declaration.option.clone(), near),
        };
        checker.report(
            &site,
            near,
            format!(
                "the field {} of {event} is of type {}, and {{{path}}} of {} is of type {}",
                last.name(),
                describe(pool, field),
                channel.template,
                wanted.describe()
            ),
            format!("make it `{} {} = {};`", wanted.describe(), last.name(), last.number()),
        );
        return None;
    };
    Some(extractor(&found, field, kind))
}

/// What reads the field at the end of these steps.
pub(super) fn extractor(
    found: &[(&MessageDescriptor, &FieldDescriptor)],
    field: SingularKind,
    kind: ParameterKind,
) -> Extractor {
    let explicit = found.last().is_some_and(|(_, last)| last.presence() != FieldPresence::Implicit);
    Extractor {
        steps: found.iter().map(|(message, field)| step(message, field)).collect(),
        field,
        kind,
        explicit_presence: explicit,
        json_path: found.iter().map(|(_, field)| field.json_name()).collect::<Vec<_>>().join(".").into(),
    }
}

fn step(message: &MessageDescriptor, field: &FieldDescriptor) -> Step {
    let oneof = field.oneof_index().and_then(|index| message.oneofs().get(usize::from(index)));
    let members = oneof.into_iter().flat_map(|oneof| oneof.field_indices());
    let numbers = members.map(|index| message.fields()[usize::from(*index)].number());
    let siblings = numbers.filter(|number| *number != field.number()).collect();
    Step { number: field.number(), delimited: field.is_delimited(), siblings }
}

fn describe(pool: &DescriptorPool, kind: SingularKind) -> String {
    match kind {
        SingularKind::Scalar(scalar) => format!("{scalar:?}").to_lowercase(),
        SingularKind::Enum(index) => pool.enumeration(index).full_name().to_owned(),
        SingularKind::Message(index) => pool.message(index).full_name().to_owned(),
    }
}
