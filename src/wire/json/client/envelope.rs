//! What stands around the data of a client's frame.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::{FrameError, FrameProblem};
use crate::wire::json::scan::{self, Member};

/// The longest id that a client may give a frame, in bytes: it comes back in every answer.
pub const MAX_FRAME_ID_BYTES: usize = 128;

/// How much of a client's own words an error repeats, in bytes.
const MAX_REPEATED_BYTES: usize = 200;

/// The members that are the envelope's in a flat frame, whatever fields the data has.
const NAMES: [&str; 5] = ["type", "id", "channel", "metadata", "data"];

/// A frame whose envelope is read and whose data is not.
#[derive(Debug)]
pub(super) struct Envelope<'a> {
    pub(super) id: Option<Arc<str>>,
    pub(super) frame_type: Cow<'a, str>,
    pub(super) channel: Option<Cow<'a, str>>,
    metadata: Option<&'a str>,
    data: Data<'a>,
}

#[derive(Debug)]
enum Data<'a> {
    /// The value of `data`.
    Nested(&'a str),
    /// The members beside the envelope's, joined.
    Flat(String),
}

impl<'a> Envelope<'a> {
    pub(super) fn new(members: &'a [Member<'a>]) -> Result<Self, FrameError> {
        let id = id(members).map_err(|problem| FrameError { reply_to: None, problem })?;
        let refuse = |problem| FrameError { reply_to: id.clone(), problem };
        let frame_type = text(members, "type", "expected a string: the frame's type").map_err(refuse)?;
        let Some(frame_type) = frame_type else {
            return Err(refuse(wrong("type", "expected a string: the frame's type")));
        };
        let channel = text(members, "channel", "expected a string: the channel's name").map_err(refuse)?;
        let metadata = find(members, "metadata");
        if metadata.is_some_and(|value| !value.starts_with('{')) {
            return Err(refuse(wrong("metadata", "expected an object of strings")));
        }
        let others = || members.iter().filter(|member| !NAMES.contains(&&*member.name));
        let data = match find(members, "data") {
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
        Ok(Envelope { id, frame_type, channel, metadata, data })
    }

    /// The data's JSON.
    pub(super) fn data(&self) -> &str {
        match &self.data {
            Data::Nested(value) => value,
            Data::Flat(object) => object,
        }
    }

    /// A path inside the data, as the client sees it in the frame.
    pub(super) fn path(&self, inner: &str) -> String {
        match (&self.data, inner) {
            (Data::Flat(_), inner) => inner.to_owned(),
            (Data::Nested(_), "") => "data".to_owned(),
            (Data::Nested(_), inner) => format!("data.{inner}"),
        }
    }

    /// The metadata: strings by name.
    pub(super) fn metadata(&self) -> Result<BTreeMap<String, String>, FrameProblem> {
        let Some(object) = self.metadata else { return Ok(BTreeMap::new()) };
        let members = scan::object(object)?;
        let pairs = members.into_iter().map(|Member { name, value, .. }| match scan::string(value) {
            Some(value) => Ok((name.into_owned(), value.into_owned())),
            None => {
                Err(FrameProblem::Envelope { path: shorten(&format!("metadata.{name}")), problem: "expected a string" })
            }
        });
        pairs.collect()
    }
}

/// The frame's id, if it has one.
pub(super) fn id(members: &[Member<'_>]) -> Result<Option<Arc<str>>, FrameProblem> {
    const PROBLEM: &str = "expected a string of at most 128 bytes: the frame's id";
    match text(members, "id", PROBLEM)? {
        Some(id) if id.len() > MAX_FRAME_ID_BYTES => Err(wrong("id", PROBLEM)),
        id => Ok(id.as_deref().map(Arc::from)),
    }
}

fn wrong(member: &str, problem: &'static str) -> FrameProblem {
    FrameProblem::Envelope { path: member.into(), problem }
}

/// A member's value. As everywhere in ProtoJSON, null is absent.
fn find<'a>(members: &'a [Member<'a>], name: &str) -> Option<&'a str> {
    let member = members.iter().find(|member| member.name == name)?;
    (member.value != "null").then_some(member.value)
}

/// A string member. As everywhere in protobuf, empty is absent.
fn text<'a>(
    members: &'a [Member<'a>],
    name: &str,
    problem: &'static str,
) -> Result<Option<Cow<'a, str>>, FrameProblem> {
    match find(members, name) {
        None => Ok(None),
        Some(value) => match scan::string(value) {
            Some(text) => Ok((!text.is_empty()).then_some(text)),
            None => Err(wrong(name, problem)),
        },
    }
}

/// A client's own words, for an error: not longer than needed to find them again.
pub(super) fn shorten(words: &str) -> String {
    if words.len() <= MAX_REPEATED_BYTES {
        return words.to_owned();
    }
    let mut end = MAX_REPEATED_BYTES;
    while !words.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &words[..end])
}
