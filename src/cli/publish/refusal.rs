//! Why the bridge refused an event, with its field paths, out of a gRPC status and its details.

use std::fmt;

use prost::Message as _;
use serde_json::{Value, json};

use super::harmless;
use crate::proto::google::rpc;
use crate::status::Code;

/// A refusal as a person or a script wants it.
#[derive(Debug, PartialEq)]
pub(super) struct Refusal {
    code: Code,
    message: String,
    reason: String,
    /// Field paths, each with what is wrong.
    violations: Vec<(String, String)>,
    retry_after_ms: Option<u64>,
}

impl Refusal {
    /// The refusal that ended a call.
    pub(super) fn of_call(status: &tonic::Status) -> Self {
        // The details are a google.rpc.Status of their own; without them the code and the message still stand.
        let details = rpc::Status::decode(status.details()).map(|status| status.details).unwrap_or_default();
        let code = status.code() as i32;
        Refusal::of_ack(&rpc::Status { code, message: status.message().to_owned(), details })
    }

    /// The refusal of one event on a stream.
    pub(super) fn of_ack(status: &rpc::Status) -> Self {
        let mut refusal = Refusal {
            code: Code::from_number(status.code),
            message: status.message.clone(),
            reason: String::new(),
            violations: Vec::new(),
            retry_after_ms: None,
        };
        for detail in &status.details {
            let bytes = detail.value.clone();
            match detail.type_url.rsplit('/').next() {
                Some("google.rpc.BadRequest") => {
                    let bad = rpc::BadRequest::decode(bytes).unwrap_or_default();
                    let fields = bad.field_violations.into_iter();
                    refusal.violations.extend(fields.map(|violation| (violation.field, violation.description)));
                }
                Some("google.rpc.ErrorInfo") => {
                    refusal.reason = rpc::ErrorInfo::decode(bytes).unwrap_or_default().reason;
                }
                Some("google.rpc.RetryInfo") => {
                    let delay = rpc::RetryInfo::decode(bytes).unwrap_or_default().retry_delay.unwrap_or_default();
                    let millis = delay.seconds.saturating_mul(1_000).saturating_add(i64::from(delay.nanos) / 1_000_000);
                    refusal.retry_after_ms = u64::try_from(millis).ok();
                }
                _ => {}
            }
        }
        refusal
    }

    /// The refusal as a JSON object.
    pub(super) fn to_json(&self) -> Value {
        let violations: Vec<_> = self
            .violations
            .iter()
            .map(|(field, description)| json!({ "field": field, "description": description }))
            .collect();
        json!({ "error": {
            "code": self.code.name(),
            "reason": self.reason,
            "message": self.message,
            "violations": violations,
            "retryAfterMs": self.retry_after_ms,
        }})
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, harmless(&self.message))?;
        // The message of a single violation says it already, with its path.
        let untold = self.violations.iter().filter(|(_, description)| !self.message.contains(description));
        for (field, description) in untold {
            let field = if field.is_empty() { "the event" } else { field };
            write!(f, "\n  {}: {}", harmless(field), harmless(description))?;
        }
        match self.retry_after_ms {
            Some(millis) => write!(f, "\n  try again in {millis} ms"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::Refusal;
    use crate::proto::google::rpc;

    fn detail(name: &str, message: &impl prost::Message) -> pbjson_types::Any {
        pbjson_types::Any {
            type_url: format!("type.googleapis.com/google.rpc.{name}"),
            value: message.encode_to_vec().into(),
        }
    }

    fn status() -> rpc::Status {
        let violation =
            rpc::bad_request::FieldViolation { field: "file.tags[2]".to_owned(), description: "not UTF-8".to_owned() };
        let bad = rpc::BadRequest { field_violations: vec![violation] };
        let info = rpc::ErrorInfo { reason: "invalid_payload".to_owned(), ..Default::default() };
        let delay = pbjson_types::Duration { seconds: 1, nanos: 500_000_000 };
        let retry = rpc::RetryInfo { retry_delay: Some(delay) };
        rpc::Status {
            code: 3,
            message: "file.uploaded is wrong\u{7}".to_owned(),
            details: vec![
                detail("BadRequest", &bad),
                detail("ErrorInfo", &info),
                detail("RetryInfo", &retry),
                detail("Unheard", &info),
            ],
        }
    }

    #[test]
    fn a_refused_event_shows_its_field_paths() {
        let refusal = Refusal::of_ack(&status());
        assert_eq!(
            refusal.to_string(),
            "INVALID_ARGUMENT: file.uploaded is wrong\u{fffd}\n  file.tags[2]: not UTF-8\n  try again in 1500 ms"
        );
        assert_eq!(refusal.to_json()["error"]["violations"][0]["field"], "file.tags[2]");
        assert_eq!(refusal.to_json()["error"]["reason"], "invalid_payload");
    }

    #[test]
    fn what_the_message_says_is_not_said_twice() {
        let message = "file.uploaded: file.tags[2]: not UTF-8".to_owned();
        let refusal = Refusal::of_ack(&rpc::Status { message, ..status() });
        assert_eq!(
            refusal.to_string(),
            "INVALID_ARGUMENT: file.uploaded: file.tags[2]: not UTF-8\n  try again in 1500 ms"
        );
        assert_eq!(refusal.to_json()["error"]["violations"][0]["field"], "file.tags[2]");
    }

    #[test]
    fn a_refused_call_says_the_same() {
        let call = tonic::Status::with_details(
            tonic::Code::InvalidArgument,
            "file.uploaded is wrong\u{7}",
            status().encode_to_vec().into(),
        );
        assert_eq!(Refusal::of_call(&call), Refusal::of_ack(&status()));
    }
}
