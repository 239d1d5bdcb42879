//! Rialto's results as gRPC's: acks, statuses, and the details that client libraries know.

use bytes::Bytes;
use prost::Message;

use crate::ingest::Accepted;
use crate::proto::google::rpc;
use crate::proto::google::rpc::bad_request::FieldViolation;
use crate::proto::rialto::v1;
use crate::status::{Code, Status};

/// Who gives `ErrorInfo`'s reasons their meaning.
const DOMAIN: &str = "rialto";

pub(super) fn accepted(accepted: Accepted) -> v1::Accepted {
    let positions = accepted.positions.into_iter().map(|(channel, position)| v1::Appended {
        channel: channel.as_str().to_owned(),
        epoch: position.epoch.to_string(),
        sequence: position.sequence,
    });
    v1::Accepted {
        event_id: accepted.event_id.encode(&mut [0; 36]).to_owned(),
        positions: positions.collect(),
        duplicate: accepted.duplicate,
    }
}

pub(super) fn ack(result: Result<Accepted, Status>) -> v1::Ack {
    v1::Ack {
        result: Some(match result {
            Ok(event) => v1::ack::Result::Accepted(accepted(event)),
            Err(status) => v1::ack::Result::Error(rpc_status(status)),
        }),
    }
}

/// The status of a call.
pub(super) fn tonic_status(status: Status) -> tonic::Status {
    let status = rpc_status(status);
    let details = Bytes::from(status.encode_to_vec());
    tonic::Status::with_details(tonic::Code::from_i32(status.code), status.message, details)
}

/// What is said of a request message that is longer than it may be, where tonic says OUT_OF_RANGE: gRPC's other
/// implementations say RESOURCE_EXHAUSTED, as its documentation of status codes asks. `None` for any other status.
pub(super) fn too_large(status: &tonic::Status, advice: &str) -> Option<tonic::Status> {
    let is_too_large = status.code() == tonic::Code::OutOfRange;
    is_too_large.then(|| {
        let message = format!("{}; {advice}", status.message());
        tonic_status(Status::new(Code::ResourceExhausted, "request_too_large", message))
    })
}

fn rpc_status(status: Status) -> rpc::Status {
    let info = rpc::ErrorInfo {
        reason: status.reason.to_ascii_uppercase(),
        domain: DOMAIN.to_owned(),
        ..rpc::ErrorInfo::default()
    };
    let mut details = vec![packed("ErrorInfo", &info)];
    if !status.violations.is_empty() {
        let violations = status.violations.into_iter();
        let field_violations =
            violations.map(|wrong| FieldViolation { field: wrong.field, description: wrong.description });
        details.push(packed("BadRequest", &rpc::BadRequest { field_violations: field_violations.collect() }));
    }
    if let Some(delay) = status.retry_after {
        let delay = pbjson_types::Duration {
            seconds: i64::try_from(delay.as_secs()).unwrap_or(i64::MAX),
            nanos: i32::try_from(delay.subsec_nanos()).unwrap_or_default(),
        };
        details.push(packed("RetryInfo", &rpc::RetryInfo { retry_delay: Some(delay) }));
    }
    rpc::Status { code: status.code.number(), message: status.message, details }
}

fn packed(name: &str, message: &impl Message) -> pbjson_types::Any {
    pbjson_types::Any {
        type_url: format!("type.googleapis.com/google.rpc.{name}"),
        value: message.encode_to_vec().into(),
    }
}
