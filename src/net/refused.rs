//! What a request over HTTP is refused with: on every port the same JSON, `{"code","message","details"}`.
//!
//! It is google.rpc's form of an error. The first detail is always an `ErrorInfo` with a word for programs, and where browsers
//! see a code in frames and closes ([`PeerCode`]), that one too.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::status::{Code, PeerCode, Status};

/// Who gives `ErrorInfo`'s reasons their meaning.
const DOMAIN: &str = "rialto";

/// An error, as every route answers it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Error {
    code: &'static str,
    message: String,
    details: Vec<Detail>,
    /// What `RetryInfo` says, for those who do not look into details.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "@type", rename_all_fields = "camelCase")]
enum Standard {
    #[serde(rename = "type.googleapis.com/google.rpc.ErrorInfo")]
    ErrorInfo {
        reason: String,
        domain: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        metadata: Option<Metadata>,
    },
    #[serde(rename = "type.googleapis.com/google.rpc.BadRequest")]
    BadRequest { field_violations: Vec<FieldViolation> },
    #[serde(rename = "type.googleapis.com/google.rpc.RetryInfo")]
    RetryInfo { retry_delay: String },
}

#[derive(Debug, Serialize)]
struct Metadata {
    code: String,
}

#[derive(Debug, Serialize)]
struct FieldViolation {
    field: String,
    description: String,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Detail {
    Standard(Standard),
    Own(serde_json::Value),
}

impl From<Status> for Error {
    fn from(status: Status) -> Self {
        let reason = status.reason.to_ascii_uppercase();
        Error::of(status, Standard::ErrorInfo { reason, domain: DOMAIN, metadata: None })
    }
}

impl Error {
    fn of(status: Status, info: Standard) -> Self {
        let mut details = vec![Detail::Standard(info)];
        if !status.violations.is_empty() {
            let violations = status.violations.into_iter();
            let field_violations =
                violations.map(|wrong| FieldViolation { field: wrong.field, description: wrong.description });
            details.push(Detail::Standard(Standard::BadRequest { field_violations: field_violations.collect() }));
        }
        if let Some(delay) = status.retry_after {
            let retry_delay = format!("{}.{:03}s", delay.as_secs(), delay.subsec_millis());
            details.push(Detail::Standard(Standard::RetryInfo { retry_delay }));
        }
        let whole_ms = |delay: Duration| u64::try_from(delay.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
        let retry_after_ms = status.retry_after.map(whole_ms);
        Error { code: status.code.name(), message: status.message, details, retry_after_ms }
    }
}

/// A request that is refused as a whole.
#[derive(Debug)]
pub struct Refused(Box<Parts>);

#[derive(Debug)]
struct Parts {
    http_status: StatusCode,
    error: Error,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Refused {
    /// With the HTTP status that the code maps to, and a `Retry-After` where the status has one.
    pub fn new(status: Status) -> Self {
        let (code, retry_after) = (status.code, status.retry_after);
        Refused::with(code, retry_after, status.into())
    }

    /// With a code that browsers see, `code` behind it, and what else the status says.
    pub fn by(code: PeerCode, status: Status) -> Self {
        let metadata = Some(Metadata { code: code.number().to_string() });
        let info = Standard::ErrorInfo { reason: code.row().reason.to_owned(), domain: DOMAIN, metadata };
        Refused::with(status.code, status.retry_after, Error::of(status, info))
    }

    /// With a code that browsers see and what stands behind it in the table.
    pub fn by_table(code: PeerCode, message: impl Into<String>) -> Self {
        let row = code.row();
        Refused::by(code, Status::new(row.status, row.reason, message))
    }

    fn with(code: Code, retry_after: Option<Duration>, error: Error) -> Self {
        // Not all of them have a name in HTTP's registry (499).
        let http_status = StatusCode::from_u16(code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let refused = Refused(Box::new(Parts { http_status, error, headers: Vec::new() }));
        match retry_after {
            // Whole seconds, and never too early.
            Some(delay) => {
                let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
                refused.with_header(header::RETRY_AFTER, HeaderValue::from(seconds))
            }
            None => refused,
        }
    }

    /// With one more detail than a status has: a message with its `@type`.
    #[must_use]
    pub fn with_detail(mut self, detail: &impl Serialize) -> Self {
        // What cannot be printed is left out: the message says the same in words.
        self.0.error.details.extend(serde_json::to_value(detail).ok().map(Detail::Own));
        self
    }

    /// With one more header.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// Saying that a bearer token would help (RFC 6750, section 3).
    #[must_use]
    pub fn with_challenge(self) -> Self {
        self.with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    /// With another HTTP status than the code's, where HTTP is more exact.
    #[must_use]
    pub fn with_http_status(mut self, http_status: StatusCode) -> Self {
        self.0.http_status = http_status;
        self
    }

    /// As the last answer on its connection: nothing is known of how the peer goes on.
    #[must_use]
    pub fn closing(self) -> Self {
        self.with_header(header::CONNECTION, HeaderValue::from_static("close"))
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let Parts { http_status, error, headers } = *self.0;
        let mut response = (http_status, Json(error)).into_response();
        response.headers_mut().extend(headers);
        response
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use serde_json::{Value, json};

    use super::*;

    #[tokio::test]
    async fn what_is_wrong_and_how_long_to_wait_is_said_in_all_its_places() {
        let status = Status::new(Code::ResourceExhausted, "too_many", "no")
            .with_violation("user", "is everywhere")
            .with_retry_after(Duration::from_millis(1_500));
        let response = Refused::by(PeerCode::Overloaded, status).with_challenge().closing().into_response();
        let header = |name: HeaderName| response.headers()[name].to_str().unwrap().to_owned();
        let headers = [header::RETRY_AFTER, header::WWW_AUTHENTICATE, header::CONNECTION].map(header);
        assert_eq!((response.status().as_u16(), headers), (429, ["2", "Bearer", "close"].map(str::to_owned)));
        let body: Value = serde_json::from_slice(&to_bytes(response.into_body(), 1 << 10).await.unwrap()).unwrap();
        assert_eq!((&body["code"], &body["retryAfterMs"]), (&json!("RESOURCE_EXHAUSTED"), &json!(1_500)));
        assert_eq!(body["details"][0]["metadata"], json!({"code": "4103"}));
        assert_eq!(body["details"][1]["fieldViolations"], json!([{"field": "user", "description": "is everywhere"}]));
        assert_eq!(body["details"][2]["retryDelay"], "1.500s");
    }
}
