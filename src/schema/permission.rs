//! The texts of permissions: what may stand in their braces, and what it becomes.

use buffa_descriptor::{DescriptorPool, FieldKind, MessageDescriptor};

use super::escape::escape_into;
use super::route::Extractor;
use super::template::{ParameterKind, Segment};
use super::{ChannelTemplate, EventType, bind};

/// Why a permission's text is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum PermissionError {
    #[error("a brace is not closed, or not opened")]
    Unbalanced,
    #[error("{{{0}}} is neither a field nor a claim")]
    Unknown(String),
    #[error(
        "* stands for nothing: patterns are for what tokens grant, and this is asked for letter by letter; where everybody may, \
         leave the permission out"
    )]
    Wildcard,
    #[error("there is white space: a permission is one word, as a token's scope is split there")]
    Space,
    #[error(
        "{{{0}}} and {{{1}}} are in one segment, where the values of \"12\" and \"3\" read like those of \"1\" and \"23\"; \
         write a ':' between them"
    )]
    Adjacent(String, String),
}

/// Checks a permission: `{field}` must be one that `knows`, `{@claim}` any claim, and nothing else may be meant as more than
/// what it is.
pub(super) fn check(text: &str, knows: impl Fn(&str) -> bool) -> Result<(), PermissionError> {
    if text.contains('*') {
        return Err(PermissionError::Wildcard);
    }
    if text.contains(char::is_whitespace) {
        return Err(PermissionError::Space);
    }
    let mut rest = text;
    let mut before: Option<&str> = None;
    while let Some(open) = rest.find(['{', '}']) {
        // Of what may stand between two values only this is in no value.
        if rest[..open].contains(':') {
            before = None;
        }
        let Some((placeholder, tail)) = rest[open..].strip_prefix('{').and_then(|inner| inner.split_once('}')) else {
            return Err(PermissionError::Unbalanced);
        };
        let known = match placeholder.strip_prefix('@') {
            Some(claim) => {
                !claim.is_empty()
                    && claim.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
            }
            None => knows(placeholder),
        };
        if !known {
            return Err(PermissionError::Unknown(placeholder.to_owned()));
        }
        if let Some(before) = before.replace(placeholder) {
            return Err(PermissionError::Adjacent(before.to_owned(), placeholder.to_owned()));
        }
        rest = tail;
    }
    Ok(())
}

/// The parameters that a permission names, claims aside.
pub(super) fn parameters(text: &str) -> impl Iterator<Item = &str> {
    let placeholders = text.split('{').skip(1).filter_map(|rest| rest.split_once('}'));
    placeholders.map(|(name, _)| name).filter(|name| !name.starts_with('@'))
}

/// A piece of what sending an event needs.
#[derive(Debug)]
pub(super) enum Part {
    /// As it is.
    Literal(Box<str>),
    /// A claim of the sender's token.
    Claim(Box<str>),
    /// A field of the event.
    Field(Extractor),
}

/// What reads the field at the end of this path, if it is one that can stand in a name.
fn extractor(pool: &DescriptorPool, message: &MessageDescriptor, path: &str) -> Option<Extractor> {
    let steps = bind::steps(pool, message, path).ok()?;
    let (_, last) = steps.last()?;
    let FieldKind::Singular(field) = last.kind() else { return None };
    Some(bind::extractor(&steps, field, ParameterKind::of(field, pool)?))
}

/// Takes the permission of an event apart.
pub(super) fn parts(
    pool: &DescriptorPool,
    message: &MessageDescriptor,
    text: &str,
) -> Result<Box<[Part]>, PermissionError> {
    check(text, |path| extractor(pool, message, path).is_some())?;
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((literal, tail)) = rest.split_once('{') {
        let (placeholder, tail) = tail.split_once('}').ok_or(PermissionError::Unbalanced)?;
        parts.push(Part::Literal(literal.into()));
        parts.push(match placeholder.strip_prefix('@') {
            Some(claim) => Part::Claim(claim.into()),
            None => Part::Field(
                extractor(pool, message, placeholder)
                    .ok_or_else(|| PermissionError::Unknown(placeholder.to_owned()))?,
            ),
        });
        rest = tail;
    }
    parts.push(Part::Literal(rest.into()));
    Ok(parts.into())
}

impl EventType {
    /// What sending this event needs, with the fields of its payload and a token's claims filled in and escaped, so that
    /// neither becomes structure. `None`: nothing.
    ///
    /// `payload` must be a message of this event.
    ///
    /// # Errors
    /// `claim` does not know one that the permission names.
    pub fn fill_send_permission(
        &self,
        payload: &[u8],
        claim: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<String>, MissingClaim> {
        let Some(permission) = &self.send_permission else { return Ok(None) };
        let missing = |name: &str| MissingClaim { permission: (&**permission).into(), claim: name.into() };
        let mut filled = String::with_capacity(permission.len());
        for part in &self.send_parts {
            match part {
                Part::Literal(text) => filled.push_str(text),
                Part::Claim(name) => escape_into(&claim(name).ok_or_else(|| missing(name))?, &mut filled),
                // A payload that is no message of this event was refused before; nobody has what it asks for.
                Part::Field(field) => {
                    field.append(payload, &mut filled).map_err(|_| missing("(a field that cannot be read)"))?;
                }
            }
        }
        Ok(Some(filled))
    }
}

/// A permission that cannot be asked for: a claim that it names is missing, so nobody has it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the permission {permission:?} needs the claim {claim:?}, which the token does not have")]
pub struct MissingClaim {
    /// The permission as it is declared.
    pub permission: Box<str>,
    /// The claim's name.
    pub claim: Box<str>,
}

impl ChannelTemplate {
    /// A permission of this template with the parameters of a channel and a token's claims filled in. A parameter stands
    /// in it as it does in the channel's name, a claim is escaped by the same table: neither becomes structure.
    ///
    /// `channel` must be a name of this template.
    ///
    /// # Errors
    /// `claim` does not know one that the permission names.
    pub fn fill_permission(
        &self,
        permission: &str,
        channel: &str,
        claim: impl Fn(&str) -> Option<String>,
    ) -> Result<String, MissingClaim> {
        let mut filled = String::with_capacity(permission.len() + channel.len());
        let mut rest = permission;
        while let Some((literal, tail)) = rest.split_once('{') {
            filled.push_str(literal);
            // A permission without a closing brace was refused when the schema was loaded.
            let (placeholder, tail) = tail.split_once('}').unwrap_or((tail, ""));
            rest = tail;
            let missing = |name: &str| MissingClaim { permission: permission.into(), claim: name.into() };
            match placeholder.strip_prefix('@') {
                Some(name) => escape_into(&claim(name).ok_or_else(|| missing(name))?, &mut filled),
                None => filled.push_str(self.parameter(placeholder, channel).ok_or_else(|| missing(placeholder))?),
            }
        }
        filled.push_str(rest);
        Ok(filled)
    }

    /// The part of a channel's name that is this parameter, escaped as it is there.
    fn parameter<'a>(&self, path: &str, channel: &'a str) -> Option<&'a str> {
        let mut parts = self.parsed.segments.iter().zip(channel.split(':'));
        parts.find_map(|(segment, part)| match segment {
            Segment::Parameter(own) if **own == *path => Some(part),
            _ => None,
        })
    }
}
