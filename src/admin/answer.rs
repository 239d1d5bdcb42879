//! Results as JSON: `Accepted` as ProtoJSON but with the sequence as a number, errors as `{"code","message","details"}`.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::ingest;
use crate::proto::rialto::v1::{BreakingChange, SchemaMistake};
use crate::status::Status;

/// Who gives `ErrorInfo`'s reasons their meaning.
const DOMAIN: &str = "rialto";

/// An event that is in the log.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Accepted {
    event_id: String,
    positions: Vec<Position>,
    duplicate: bool,
}

#[derive(Debug, Serialize)]
struct Position {
    channel: String,
    epoch: String,
    sequence: u64,
}

impl From<ingest::Accepted> for Accepted {
    fn from(accepted: ingest::Accepted) -> Self {
        let positions = accepted.positions.into_iter().map(|(channel, position)| Position {
            channel: channel.to_string(),
            epoch: position.epoch.to_string(),
            sequence: position.sequence,
        });
        Accepted {
            event_id: accepted.event_id.to_string(),
            positions: positions.collect(),
            duplicate: accepted.duplicate,
        }
    }
}

/// One event's part of an array's answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Answer {
    Accepted(Accepted),
    Error(Error),
}

/// An error, as every route of the port answers it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Error {
    code: &'static str,
    message: String,
    details: Vec<Detail>,
    /// What `RetryInfo` says, for those who do not look into details.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "@type", rename_all_fields = "camelCase")]
pub(super) enum Detail {
    #[serde(rename = "type.googleapis.com/google.rpc.ErrorInfo")]
    ErrorInfo { reason: String, domain: &'static str },
    #[serde(rename = "type.googleapis.com/google.rpc.BadRequest")]
    BadRequest { field_violations: Vec<FieldViolation> },
    #[serde(rename = "type.googleapis.com/google.rpc.RetryInfo")]
    RetryInfo { retry_delay: String },
    #[serde(rename = "type.googleapis.com/rialto.v1.SchemaMistakes")]
    SchemaMistakes { mistakes: Vec<SchemaMistake>, complete: bool },
    #[serde(rename = "type.googleapis.com/rialto.v1.BreakingChanges")]
    BreakingChanges { changes: Vec<BreakingChange>, subscriptions: u64 },
}

#[derive(Debug, Serialize)]
pub(super) struct FieldViolation {
    field: String,
    description: String,
}

impl From<Status> for Error {
    fn from(status: Status) -> Self {
        let mut details = vec![Detail::ErrorInfo { reason: status.reason.to_ascii_uppercase(), domain: DOMAIN }];
        if !status.violations.is_empty() {
            let violations = status.violations.into_iter();
            let field_violations =
                violations.map(|wrong| FieldViolation { field: wrong.field, description: wrong.description });
            details.push(Detail::BadRequest { field_violations: field_violations.collect() });
        }
        if let Some(delay) = status.retry_after {
            let retry_delay = format!("{}.{:03}s", delay.as_secs(), delay.subsec_millis());
            details.push(Detail::RetryInfo { retry_delay });
        }
        let whole_ms =
            |delay: std::time::Duration| u64::try_from(delay.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
        let retry_after_ms = status.retry_after.map(whole_ms);
        Error { code: status.code.name(), message: status.message, details, retry_after_ms }
    }
}

/// A request that is refused as a whole.
#[derive(Debug)]
pub(super) struct Refused {
    http_status: StatusCode,
    status: Box<Status>,
    detail: Option<Box<Detail>>,
    asks_for_token: bool,
}

impl Refused {
    /// With the HTTP status that the code maps to.
    pub(super) fn new(status: Status) -> Self {
        // Not all of them have a name in HTTP's registry (499).
        let http_status = StatusCode::from_u16(status.code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Refused { http_status, status: Box::new(status), detail: None, asks_for_token: false }
    }

    /// With one more detail than a status has.
    pub(super) fn with_detail(mut self, detail: Detail) -> Self {
        self.detail = Some(Box::new(detail));
        self
    }

    /// Saying that a bearer token would help (RFC 6750, section 3).
    pub(super) fn with_challenge(mut self) -> Self {
        self.asks_for_token = true;
        self
    }

    /// With another HTTP status than the code's, where HTTP is more exact.
    pub(super) fn with_http_status(mut self, http_status: StatusCode) -> Self {
        self.http_status = http_status;
        self
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let retry_after = self.status.retry_after;
        let mut error = Error::from(*self.status);
        error.details.extend(self.detail.map(|detail| *detail));
        let mut response = (self.http_status, Json(error)).into_response();
        if self.asks_for_token {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(delay) = retry_after {
            // Whole seconds, and never too early.
            let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
