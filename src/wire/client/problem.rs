//! What is wrong with a client's frame.

use std::sync::Arc;

use super::envelope::shorten;
use crate::status::Code;
use crate::wire::json::ScanError;

/// A client's frame is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct FrameError {
    /// The frame's id, where it could be read.
    pub reply_to: Option<Arc<str>>,
    /// What is wrong.
    pub problem: FrameProblem,
}

/// One mistake in a client's frame. Whatever it repeats of the frame is cut short.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameProblem {
    /// The text is not strict JSON, or no object.
    #[error("not strict JSON: {problem} at byte {offset}")]
    Json {
        /// Where in the value.
        path: String,
        /// Where in the text.
        offset: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// The bytes are not a `rialto.v1.Frame`.
    #[error("not a rialto.v1.Frame: {problem} at byte {offset}")]
    Binary {
        /// The field.
        path: String,
        /// Where in the bytes.
        offset: usize,
        /// What is wrong.
        problem: String,
    },
    /// A member of the envelope is missing, of the wrong kind, or in the wrong place.
    #[error("{problem}")]
    Envelope {
        /// The member.
        path: String,
        /// What is wrong, or what belongs there.
        problem: &'static str,
    },
    /// No event of the schema has this type.
    #[error("no event type {name:?} in the schema")]
    UnknownType {
        /// The type.
        name: String,
    },
    /// The type exists, and clients do not send it.
    #[error("{name} is not sent by clients")]
    NotSendable {
        /// The type.
        name: String,
    },
    /// The data is not what the type's message asks for.
    #[error("{problem}")]
    Data {
        /// The field, as the client wrote the frame: with `data.` before it, or flat.
        path: String,
        /// What is wrong.
        problem: String,
    },
    /// Something that the protocol has a name for, and that is not built.
    #[error("{what}")]
    NotBuilt {
        /// The member that asks for it.
        path: String,
        /// What is not built.
        what: String,
    },
}

impl FrameProblem {
    pub(super) fn data(path: &str, problem: String) -> Self {
        FrameProblem::Data { path: shorten(path), problem }
    }

    pub(super) fn not_built(path: &str, what: String) -> Self {
        FrameProblem::NotBuilt { path: shorten(path), what }
    }

    /// Where the mistake is. Empty: the frame as a whole.
    pub fn path(&self) -> &str {
        match self {
            FrameProblem::Json { path, .. }
            | FrameProblem::Binary { path, .. }
            | FrameProblem::Envelope { path, .. }
            | FrameProblem::Data { path, .. }
            | FrameProblem::NotBuilt { path, .. } => path,
            FrameProblem::UnknownType { .. } | FrameProblem::NotSendable { .. } => "type",
        }
    }

    /// The canonical code.
    pub fn code(&self) -> Code {
        match self {
            FrameProblem::NotBuilt { .. } => Code::Unimplemented,
            _ => Code::InvalidArgument,
        }
    }

    /// A stable word.
    pub fn reason(&self) -> &'static str {
        match self {
            FrameProblem::Json { .. } => "invalid_json",
            FrameProblem::Binary { .. } => "invalid_protobuf",
            FrameProblem::Envelope { .. } => "invalid_frame",
            FrameProblem::UnknownType { .. } => "unknown_event_type",
            FrameProblem::NotSendable { .. } => "not_sendable",
            FrameProblem::Data { .. } => "invalid_data",
            FrameProblem::NotBuilt { .. } => "not_built",
        }
    }
}

impl From<ScanError> for FrameProblem {
    fn from(error: ScanError) -> Self {
        FrameProblem::Json { path: shorten(&error.path), offset: error.offset, problem: error.problem }
    }
}
