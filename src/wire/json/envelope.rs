//! What stands around the data of a client's frame in JSON.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::scan::{self, Member};
use crate::wire::client::{Data, Envelope, ID_PROBLEM, Metadata, check_id, shorten};
use crate::wire::{FrameError, FrameProblem};

/// The members that are the envelope's in a flat frame, whatever fields the data has.
const NAMES: [&str; 5] = ["type", "id", "channel", "metadata", "data"];

/// Reads a frame up to its data.
pub(crate) fn read_envelope(frame: &str) -> Result<Envelope<'_>, FrameError> {
    let members = scan::object(frame).map_err(|error| FrameError { reply_to: None, problem: error.into() })?;
    let id = id(&members).map_err(|problem| FrameError { reply_to: None, problem })?;
    let refuse = |problem| FrameError { reply_to: id.clone(), problem };
    let frame_type = text(&members, "type", "expected a string: the frame's type").map_err(refuse)?;
    let Some(frame_type) = frame_type else {
        return Err(refuse(wrong("type", "expected a string: the frame's type")));
    };
    let channel = text(&members, "channel", "expected a string: the channel's name").map_err(refuse)?;
    let metadata = find(&members, "metadata");
    if metadata.is_some_and(|value| !value.starts_with('{')) {
        return Err(refuse(wrong("metadata", "expected an object of strings")));
    }
    let others = || members.iter().filter(|member| !NAMES.contains(&&*member.name));
    let data = match find(&members, "data") {
        Some(value) if value.starts_with('{') => {
            if let Some(other) = others().next() {
                let path = shorten(&other.name);
                let problem = "unknown member beside data: fields belong inside it";
                return Err(refuse(FrameProblem::Envelope { path, problem }));
            }
            Data::Nested(value)
        }
        Some(_) => return Err(refuse(wrong("data", "expected an object"))),
        None => {
            let members: Vec<&str> = others().map(|member| member.whole).collect();
            Data::Flat(format!("{{{}}}", members.join(",")))
        }
    };
    Ok(Envelope { id, frame_type, channel, metadata: Metadata::Json(metadata), data })
}

/// The id of a frame that is not looked at further, where it has one.
pub(crate) fn frame_id(text: &str) -> Option<Arc<str>> {
    let members = scan::object(text).ok()?;
    id(&members).ok()?
}

/// Strings by name.
pub(crate) fn read_metadata(object: &str) -> Result<BTreeMap<String, String>, FrameProblem> {
    let members = scan::object(object)?;
    let pairs = members.into_iter().map(|Member { name, value, .. }| match scan::string(value) {
        Some(value) => Ok((name.into_owned(), value.into_owned())),
        None => {
            Err(FrameProblem::Envelope { path: shorten(&format!("metadata.{name}")), problem: "expected a string" })
        }
    });
    pairs.collect()
}

/// The frame's id, if it has one.
fn id(members: &[Member<'_>]) -> Result<Option<Arc<str>>, FrameProblem> {
    match text(members, "id", ID_PROBLEM)? {
        Some(id) => check_id(&id),
        None => Ok(None),
    }
}

fn wrong(member: &str, problem: &'static str) -> FrameProblem {
    FrameProblem::Envelope { path: member.into(), problem }
}

/// A member's value. As everywhere in ProtoJSON, null is absent.
fn find<'a>(members: &[Member<'a>], name: &str) -> Option<&'a str> {
    let member = members.iter().find(|member| member.name == name)?;
    (member.value != "null").then_some(member.value)
}

/// A string member. As everywhere in protobuf, empty is absent.
fn text<'a>(members: &[Member<'a>], name: &str, problem: &'static str) -> Result<Option<Cow<'a, str>>, FrameProblem> {
    match find(members, name) {
        None => Ok(None),
        Some(value) => match scan::string(value) {
            Some(text) => Ok((!text.is_empty()).then_some(text)),
            None => Err(wrong(name, problem)),
        },
    }
}
