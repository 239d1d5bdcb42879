//! A client's frame whose envelope is read and whose data is not, whatever its form.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use buffa_descriptor::MessageIndex;
use bytes::Bytes;

use super::FrameProblem;
use crate::transcode::Transcoder;
use crate::wire::json;

/// The longest id that a client may give a frame, in bytes: it comes back in every answer.
pub const MAX_FRAME_ID_BYTES: usize = 128;

/// How much of a client's own words an error repeats, in bytes.
const MAX_REPEATED_BYTES: usize = 200;

/// What stands around the data.
#[derive(Debug)]
pub(crate) struct Envelope<'a> {
    pub(crate) id: Option<Arc<str>>,
    pub(crate) frame_type: Cow<'a, str>,
    pub(crate) channel: Option<Cow<'a, str>>,
    pub(crate) metadata: Metadata<'a>,
    pub(crate) data: Data<'a>,
}

/// What a client sends along.
#[derive(Debug)]
pub(crate) enum Metadata<'a> {
    /// An object, or nothing.
    Json(Option<&'a str>),
    /// As it is.
    Entries(BTreeMap<String, String>),
}

/// The data, in the form of its frame.
#[derive(Debug)]
pub(crate) enum Data<'a> {
    /// The value of `data`.
    Nested(&'a str),
    /// The members beside the envelope's, joined.
    Flat(String),
    /// Wire bytes.
    Wire(Bytes),
}

impl Envelope<'_> {
    /// The data's wire bytes, which are a valid message of this kind and have a JSON form.
    pub(super) fn payload(&self, message: MessageIndex, transcoder: &Transcoder) -> Result<Vec<u8>, FrameProblem> {
        let payload = match &self.data {
            Data::Nested(value) => transcoder.from_json(message, value.as_bytes()),
            Data::Flat(object) => transcoder.from_json(message, object.as_bytes()),
            Data::Wire(bytes) => transcoder.to_json(message, bytes, &mut Vec::new()).map(|()| bytes.to_vec()),
        };
        payload.map_err(|error| FrameProblem::data(&self.path(&error.path), error.problem.to_string()))
    }

    /// A path inside the data, as the client sees it in the frame.
    pub(super) fn path(&self, inner: &str) -> String {
        match (&self.data, inner) {
            (Data::Flat(_), inner) => inner.to_owned(),
            (Data::Nested(_) | Data::Wire(_), "") => "data".to_owned(),
            (Data::Nested(_) | Data::Wire(_), inner) => format!("data.{inner}"),
        }
    }

    /// [`Self::path`] of the list that `channel.subscribe` and `channel.unsubscribe` have.
    pub(super) fn channels_path(&self) -> &'static str {
        match &self.data {
            Data::Flat(_) => "channels",
            Data::Nested(_) | Data::Wire(_) => "data.channels",
        }
    }

    /// The metadata: strings by name.
    pub(super) fn metadata(&self) -> Result<BTreeMap<String, String>, FrameProblem> {
        match &self.metadata {
            Metadata::Json(None) => Ok(BTreeMap::new()),
            Metadata::Json(Some(object)) => json::read_metadata(object),
            Metadata::Entries(entries) => Ok(entries.clone()),
        }
    }
}

/// The frame's id, if it has one.
pub(crate) fn check_id(id: &str) -> Result<Option<Arc<str>>, FrameProblem> {
    if id.len() > MAX_FRAME_ID_BYTES {
        return Err(FrameProblem::Envelope { path: "id".into(), problem: ID_PROBLEM });
    }
    Ok((!id.is_empty()).then(|| id.into()))
}

/// What belongs into `id`.
pub(crate) const ID_PROBLEM: &str = "expected a string of at most 128 bytes: the frame's id";

/// A client's own words, for an error: not longer than needed to find them again.
pub(crate) fn shorten(words: &str) -> String {
    if words.len() <= MAX_REPEATED_BYTES {
        return words.to_owned();
    }
    let mut end = MAX_REPEATED_BYTES;
    while !words.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &words[..end])
}
