//! Channel templates: their syntax, the names that are of them, and whether two of them overlap.
//!
//! A template is segments joined by `:`. A segment is a literal (ASCII letters, digits, `-`, `_`, `.`) or one parameter in
//! braces; the first is always a literal. As a parameter's value never contains a `:` (see [`super::escape()`]), a name has
//! as many segments as its template, and matching is segment by segment.

use std::sync::Arc;

use buffa_descriptor::{DescriptorPool, EnumIndex, ScalarType, SingularKind};

use super::escape::unescape;
use crate::ids::MAX_CHANNEL_NAME_BYTES;

/// A parsed template.
#[derive(Clone, Debug)]
pub(super) struct Template {
    pub(super) segments: Box<[Segment]>,
}

/// One part of a template between colons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    /// Stands for itself.
    Literal(Box<str>),
    /// The parameter as it is written: a name, or a path with dots.
    Parameter(Box<str>),
}

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TemplateError {
    #[error("it is empty")]
    Empty,
    #[error("it is longer than {MAX_CHANNEL_NAME_BYTES} bytes, and so would be every name made from it")]
    TooLong,
    #[error("it has an empty segment")]
    EmptySegment,
    #[error("it begins with a parameter")]
    LeadingParameter,
    #[error("{0:?} is neither a literal nor one parameter in braces")]
    MixedSegment(String),
    #[error("{0:?} is not the name of a field, nor a path of names joined by dots")]
    BadParameter(String),
    #[error("the parameter {0:?} stands in it twice")]
    RepeatedParameter(String),
}

impl Template {
    /// Reads a template.
    pub(super) fn parse(text: &str) -> Result<Template, TemplateError> {
        if text.is_empty() {
            return Err(TemplateError::Empty);
        }
        if text.len() > MAX_CHANNEL_NAME_BYTES {
            return Err(TemplateError::TooLong);
        }
        let segments = text.split(':').map(parse_segment).collect::<Result<Box<[_]>, _>>()?;
        if matches!(segments.first(), Some(Segment::Parameter(_))) {
            return Err(TemplateError::LeadingParameter);
        }
        let template = Template { segments };
        for (index, parameter) in template.parameters().enumerate() {
            if template.parameters().take(index).any(|earlier| parameter_name(earlier) == parameter_name(parameter)) {
                return Err(TemplateError::RepeatedParameter(parameter.to_owned()));
            }
        }
        Ok(template)
    }

    /// The parameters as they are written, in order.
    pub(super) fn parameters(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Literal(_) => None,
            Segment::Parameter(path) => Some(&**path),
        })
    }

    /// The first segment.
    pub(super) fn head(&self) -> &str {
        match self.segments.first() {
            Some(Segment::Literal(literal)) => literal,
            _ => "",
        }
    }

    /// Whether one name could be of both. Parameters' types are left aside: what is told apart only by them is too
    /// easily mixed up by people.
    pub(super) fn overlaps(&self, other: &Template) -> bool {
        self.segments.len() == other.segments.len()
            && self.segments.iter().zip(&other.segments).all(|pair| match pair {
                (Segment::Literal(left), Segment::Literal(right)) => left == right,
                _ => true,
            })
    }

    /// The template with its parameters' names left out: what names of its channels look like.
    pub(super) fn shape(&self) -> String {
        let segments = self.segments.iter().map(|segment| match segment {
            Segment::Literal(literal) => &**literal,
            Segment::Parameter(_) => "{}",
        });
        segments.collect::<Vec<_>>().join(":")
    }

    /// Whether the name is of this template, given what each parameter may hold.
    pub(super) fn matches(&self, name: &str, kinds: &[ParameterKind]) -> bool {
        let mut kinds = kinds.iter();
        let mut parts = name.split(':');
        self.segments.iter().all(|segment| match (segment, parts.next()) {
            (_, None) => false,
            (Segment::Literal(literal), Some(part)) => **literal == *part,
            (Segment::Parameter(_), Some(part)) => kinds.next().is_some_and(|kind| kind.holds(part)),
        }) && parts.next().is_none()
    }
}

fn parse_segment(text: &str) -> Result<Segment, TemplateError> {
    if text.is_empty() {
        return Err(TemplateError::EmptySegment);
    }
    if let Some(path) = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
        return if path.split('.').all(is_identifier) {
            Ok(Segment::Parameter(path.into()))
        } else {
            Err(TemplateError::BadParameter(path.to_owned()))
        };
    }
    if text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')) {
        Ok(Segment::Literal(text.into()))
    } else {
        Err(TemplateError::MixedSegment(text.to_owned()))
    }
}

fn is_identifier(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The field of the channel message that a parameter is: `project_id` for `{project_id}` and for `{project.id}`.
pub(super) fn parameter_name(path: &str) -> String {
    path.replace('.', "_")
}

/// What a parameter holds, and so which texts stand for it in a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ParameterKind {
    /// Any text but the empty one.
    Text,
    /// A whole number of this range, in decimal.
    Integer { smallest: i128, largest: i128 },
    /// `true` or `false`.
    Bool,
    /// The name of a value, or the number of one that has no name.
    Enum(Arc<EnumNames>),
}

/// The values of an enum.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct EnumNames {
    index: EnumIndex,
    full_name: Box<str>,
    values: Box<[(i32, Box<str>)]>,
    /// Whether numbers without a name are values too.
    open: bool,
}

impl EnumNames {
    /// The text of a value. `None`: not a value of this enum.
    pub(super) fn text(&self, number: i32) -> Option<std::borrow::Cow<'_, str>> {
        match self.values.iter().find(|value| value.0 == number) {
            Some((_, name)) => Some(std::borrow::Cow::Borrowed(name)),
            None => self.open.then(|| std::borrow::Cow::Owned(number.to_string())),
        }
    }

    fn holds(&self, text: &str) -> bool {
        match self.values.iter().find(|value| *value.1 == *text) {
            // Of several names for one number only the first stands in channel names.
            Some((number, _)) => self.text(*number).as_deref() == Some(text),
            None => {
                self.open
                    && is_decimal(text, i32::MIN.into(), i32::MAX.into())
                    && !self.values.iter().any(|value| value.0.to_string() == text)
            }
        }
    }
}

impl ParameterKind {
    /// What a field of this kind holds as a parameter; `None` when it cannot be one.
    pub(super) fn of(kind: SingularKind, pool: &DescriptorPool) -> Option<ParameterKind> {
        Some(match kind {
            SingularKind::Scalar(ScalarType::String) => ParameterKind::Text,
            SingularKind::Scalar(ScalarType::Bool) => ParameterKind::Bool,
            SingularKind::Scalar(ScalarType::Int32 | ScalarType::Sint32 | ScalarType::Sfixed32) => {
                ParameterKind::Integer { smallest: i32::MIN.into(), largest: i32::MAX.into() }
            }
            SingularKind::Scalar(ScalarType::Int64 | ScalarType::Sint64 | ScalarType::Sfixed64) => {
                ParameterKind::Integer { smallest: i64::MIN.into(), largest: i64::MAX.into() }
            }
            SingularKind::Scalar(ScalarType::Uint32 | ScalarType::Fixed32) => {
                ParameterKind::Integer { smallest: 0, largest: u32::MAX.into() }
            }
            SingularKind::Scalar(ScalarType::Uint64 | ScalarType::Fixed64) => {
                ParameterKind::Integer { smallest: 0, largest: u64::MAX.into() }
            }
            SingularKind::Enum(index) => {
                let descriptor = pool.enumeration(index);
                ParameterKind::Enum(Arc::new(EnumNames {
                    index,
                    full_name: descriptor.full_name().into(),
                    values: descriptor.values().iter().map(|value| (value.number(), value.name().into())).collect(),
                    open: descriptor.enum_type() == buffa::editions::EnumType::Open,
                }))
            }
            SingularKind::Scalar(ScalarType::Double | ScalarType::Float | ScalarType::Bytes)
            | SingularKind::Message(_) => return None,
        })
    }

    /// Whether every value of `other` is a value of this.
    pub(super) fn covers(&self, other: &ParameterKind) -> bool {
        match (self, other) {
            (ParameterKind::Text, ParameterKind::Text) | (ParameterKind::Bool, ParameterKind::Bool) => true,
            (
                ParameterKind::Integer { smallest, largest },
                ParameterKind::Integer { smallest: other_smallest, largest: other_largest },
            ) => smallest <= other_smallest && largest >= other_largest,
            (ParameterKind::Enum(left), ParameterKind::Enum(right)) => left.index == right.index,
            _ => false,
        }
    }

    /// Whether every text that stands for a value of `older`, of another revision, stands for one of this too.
    pub(super) fn keeps_names_of(&self, older: &ParameterKind) -> bool {
        match (self, older) {
            (ParameterKind::Text, _) => true,
            (ParameterKind::Enum(new), ParameterKind::Enum(old)) => {
                (new.open || !old.open) && old.values.iter().all(|(_, name)| !old.holds(name) || new.holds(name))
            }
            (ParameterKind::Enum(_), _) | (_, ParameterKind::Enum(_)) => false,
            _ => self.covers(older),
        }
    }

    /// The kind in words of a `.proto`.
    pub(super) fn describe(&self) -> String {
        match self {
            ParameterKind::Text => "string".to_owned(),
            ParameterKind::Bool => "bool".to_owned(),
            ParameterKind::Enum(names) => names.full_name.to_string(),
            ParameterKind::Integer { smallest, largest } => match (*smallest < 0, *largest > u32::MAX.into()) {
                (true, false) => "int32",
                (true, true) => "int64",
                (false, false) => "uint32",
                (false, true) => "uint64",
            }
            .to_owned(),
        }
    }

    /// Whether the part of a name is the one form of a value of this kind.
    fn holds(&self, part: &str) -> bool {
        match self {
            ParameterKind::Text => !part.is_empty() && unescape(part).is_some(),
            ParameterKind::Integer { smallest, largest } => is_decimal(part, *smallest, *largest),
            ParameterKind::Bool => matches!(part, "true" | "false"),
            ParameterKind::Enum(names) => names.holds(part),
        }
    }
}

fn is_decimal(text: &str, smallest: i128, largest: i128) -> bool {
    // Longer than any 64-bit number: not worth parsing.
    text.len() <= 20
        && text.parse::<i128>().is_ok_and(|value| (smallest..=largest).contains(&value) && value.to_string() == text)
}
