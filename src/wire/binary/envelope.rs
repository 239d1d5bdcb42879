//! What stands around the data of a client's frame in binary.
//!
//! Read as protobuf says: of a field that is given twice the last counts, and a field that this bridge does not know is
//! passed over. What is known and not a client's to say is refused, as it is in JSON.

use std::borrow::Cow;
use std::sync::Arc;

use prost::Message as _;

use crate::proto::rialto::v1::Frame;
use crate::schema::Schema;
use crate::transcode::Transcoder;
use crate::wire::client::{Data, Envelope, Metadata, check_id, shorten};
use crate::wire::{FrameError, FrameProblem};

/// The full name of what a message is.
const FRAME: &str = "rialto.v1.Frame";

/// Reads a frame up to its data.
pub(crate) fn read_envelope(
    message: &[u8],
    schema: &Schema,
    transcoder: &Transcoder,
) -> Result<Envelope<'static>, FrameError> {
    let frame = Frame::decode(message)
        .map_err(|_| FrameError { reply_to: None, problem: malformed(message, schema, transcoder) })?;
    let id = check_id(&frame.id).map_err(|problem| FrameError { reply_to: None, problem })?;
    let refuse = |path: &str, problem| {
        let problem = FrameProblem::Envelope { path: path.into(), problem };
        FrameError { reply_to: id.clone(), problem }
    };
    if frame.r#type.is_empty() {
        return Err(refuse("type", "expected the frame's type"));
    }
    let servers = [
        ("replyTo", !frame.reply_to.is_empty()),
        ("sequence", frame.sequence > 0),
        ("timestamp", frame.timestamp.is_some()),
    ];
    if let Some((path, _)) = servers.into_iter().find(|(_, is_given)| *is_given) {
        return Err(refuse(path, "only the bridge's frames have this field"));
    }
    Ok(Envelope {
        id,
        frame_type: Cow::Owned(frame.r#type),
        channel: (!frame.channel.is_empty()).then_some(Cow::Owned(frame.channel)),
        metadata: Metadata::Entries(frame.metadata.into_iter().collect()),
        data: Data::Wire(frame.data),
    })
}

/// The id of a frame that is not looked at further, where it has one.
pub(crate) fn frame_id(message: &[u8]) -> Option<Arc<str>> {
    check_id(&Frame::decode(message).ok()?.id).ok()?
}

/// What is wrong with bytes that are not a frame: the transcoder says where, as everywhere.
fn malformed(message: &[u8], schema: &Schema, transcoder: &Transcoder) -> FrameProblem {
    let problem = schema.pool().message_index(FRAME).map(|frame| transcoder.to_json(frame, message, &mut Vec::new()));
    match problem {
        Some(Err(error)) => {
            let (path, offset) = (shorten(&error.path), error.offset);
            FrameProblem::Binary { path, offset, problem: error.problem.to_string() }
        }
        _ => FrameProblem::Binary { path: String::new(), offset: 0, problem: "malformed".into() },
    }
}
