//! The codes: gRPC's canonical ones behind every front, and the numbers that browsers see.
//!
//! One table each. Fronts translate a [`Status`] into their own form ([`crate::grpc`] into a `tonic::Status`, HTTP into
//! a status line and JSON, WebSocket into an `error` frame); nothing else in the crate invents codes.

mod codes;

use std::fmt;
use std::time::Duration;

pub use codes::{WEBSOCKET_CODES, WebSocketCode, markdown, typescript};

/// A canonical gRPC code (<https://grpc.io/docs/guides/status-codes/>).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Code {
    /// No error.
    Ok = 0,
    /// The caller gave up.
    Cancelled = 1,
    /// An error that fits no other code.
    Unknown = 2,
    /// The request is wrong whatever the state of the system.
    InvalidArgument = 3,
    /// Too late; the outcome is unknown.
    DeadlineExceeded = 4,
    /// Something that the request names does not exist.
    NotFound = 5,
    /// Something that the request would make exists.
    AlreadyExists = 6,
    /// The principal may not do this.
    PermissionDenied = 7,
    /// A limit is reached.
    ResourceExhausted = 8,
    /// The system is not in the state that this needs.
    FailedPrecondition = 9,
    /// Given up half-way; may be tried again as a whole.
    Aborted = 10,
    /// Outside the valid range.
    OutOfRange = 11,
    /// Not built, or not on.
    Unimplemented = 12,
    /// A defect of Rialto's.
    Internal = 13,
    /// Not now; try again.
    Unavailable = 14,
    /// Data is lost or broken beyond repair.
    DataLoss = 15,
    /// Nobody knows who this is.
    Unauthenticated = 16,
}

impl Code {
    /// Every code, by number.
    pub const ALL: [Code; 17] = [
        Code::Ok,
        Code::Cancelled,
        Code::Unknown,
        Code::InvalidArgument,
        Code::DeadlineExceeded,
        Code::NotFound,
        Code::AlreadyExists,
        Code::PermissionDenied,
        Code::ResourceExhausted,
        Code::FailedPrecondition,
        Code::Aborted,
        Code::OutOfRange,
        Code::Unimplemented,
        Code::Internal,
        Code::Unavailable,
        Code::DataLoss,
        Code::Unauthenticated,
    ];

    /// The code's number on the wire.
    pub fn number(self) -> i32 {
        self as i32
    }

    /// The code of a number; `Unknown` for numbers that gRPC does not define, as its specification asks.
    pub fn from_number(number: i32) -> Code {
        usize::try_from(number).ok().and_then(|index| Code::ALL.get(index).copied()).unwrap_or(Code::Unknown)
    }

    /// The code's name, `INVALID_ARGUMENT`.
    pub fn name(self) -> &'static str {
        match self {
            Code::Ok => "OK",
            Code::Cancelled => "CANCELLED",
            Code::Unknown => "UNKNOWN",
            Code::InvalidArgument => "INVALID_ARGUMENT",
            Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
            Code::NotFound => "NOT_FOUND",
            Code::AlreadyExists => "ALREADY_EXISTS",
            Code::PermissionDenied => "PERMISSION_DENIED",
            Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
            Code::FailedPrecondition => "FAILED_PRECONDITION",
            Code::Aborted => "ABORTED",
            Code::OutOfRange => "OUT_OF_RANGE",
            Code::Unimplemented => "UNIMPLEMENTED",
            Code::Internal => "INTERNAL",
            Code::Unavailable => "UNAVAILABLE",
            Code::DataLoss => "DATA_LOSS",
            Code::Unauthenticated => "UNAUTHENTICATED",
        }
    }

    /// The HTTP status that gRPC's code maps to (google.rpc.Code's table).
    pub fn http_status(self) -> u16 {
        match self {
            Code::Ok => 200,
            Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => 400,
            Code::Unauthenticated => 401,
            Code::PermissionDenied => 403,
            Code::NotFound => 404,
            Code::AlreadyExists | Code::Aborted => 409,
            Code::ResourceExhausted => 429,
            Code::Cancelled => 499,
            Code::Unknown | Code::Internal | Code::DataLoss => 500,
            Code::Unimplemented => 501,
            Code::Unavailable => 503,
            Code::DeadlineExceeded => 504,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why something was refused, as a peer may know it: never with an internal cause or a payload's text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Status {
    /// The canonical code.
    pub code: Code,
    /// A stable word for programs, `unknown_event_type`.
    pub reason: &'static str,
    /// A sentence for people: what is wrong, where, and what to do.
    pub message: String,
    /// The fields that are wrong.
    pub violations: Vec<Violation>,
    /// How long to wait before trying again, where trying again helps.
    pub retry_after: Option<Duration>,
}

/// One mistake in one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The field's path in JSON names, `file.tags[2]`. Empty: the message as a whole.
    pub field: String,
    /// What is wrong and what is expected.
    pub description: String,
}

impl Status {
    /// A refusal without field violations.
    pub fn new(code: Code, reason: &'static str, message: impl Into<String>) -> Self {
        Status { code, reason, message: message.into(), violations: Vec::new(), retry_after: None }
    }

    /// Adds the path and description of a field that is wrong.
    #[must_use]
    pub fn with_violation(mut self, field: impl Into<String>, description: impl Into<String>) -> Self {
        self.violations.push(Violation { field: field.into(), description: description.into() });
        self
    }

    /// Says when trying again makes sense.
    #[must_use]
    pub fn with_retry_after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }
}

/// What a close or an error means for a client's next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Not without a change.
    Never,
    /// Once, with a new token.
    WithNewToken,
    /// After the delay that the frame gives.
    AfterDelay,
    /// Yes, with exponential back-off.
    BackOff,
}

/// A code that a browser sees: in an `error` frame, as a close code, or both.
///
/// 4100 to 4499 always mean "come back", 4500 to 4999 never, so an old client obeys codes it does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum PeerCode {
    /// The token is not valid.
    InvalidToken = 4001,
    /// The token has expired.
    TokenExpired = 4002,
    /// The principal may not do this; the channel's template exists.
    PermissionDenied = 4003,
    /// Too many commands or events.
    RateLimited = 4004,
    /// The frame is not valid: JSON, type or validation. The error has the path.
    InvalidMessage = 4005,
    /// No channel template of the schema matches.
    ChannelNotFound = 4006,
    /// Nobody handles this event now.
    HandlerUnavailable = 4007,
    /// A limit of the connection is reached.
    LimitReached = 4008,
    /// The node is shutting down.
    Draining = 4100,
    /// The peer did not answer pings.
    HeartbeatMissed = 4101,
    /// The peer's socket took no byte for too long.
    WriteTimeout = 4102,
    /// Too many connections, or the node is overloaded.
    Overloaded = 4103,
    /// A defect of Rialto's.
    InternalError = 4104,
    /// The client does not speak the protocol.
    ProtocolViolation = 4500,
    /// No `connection.init` came in time.
    NoCredentials = 4501,
    /// The client's protocol version is not served.
    ProtocolVersion = 4502,
    /// The client's schema is not served.
    SchemaRefused = 4503,
    /// An administrator ended the connection.
    Revoked = 4504,
}

/// One row of the table of codes that browsers see.
#[derive(Clone, Copy, Debug)]
pub struct PeerCodeRow {
    /// The code.
    pub code: PeerCode,
    /// The canonical code behind it.
    pub status: Code,
    /// Its name as a stable word.
    pub reason: &'static str,
    /// Whether it closes the connection.
    pub closes: bool,
    /// What the client does next.
    pub retry: Retry,
}

/// The table: server, SDK and docs are fed from it.
pub const PEER_CODES: [PeerCodeRow; 18] = [
    row(PeerCode::InvalidToken, Code::Unauthenticated, "invalid_token", true, Retry::WithNewToken),
    row(PeerCode::TokenExpired, Code::Unauthenticated, "token_expired", true, Retry::WithNewToken),
    row(PeerCode::PermissionDenied, Code::PermissionDenied, "permission_denied", false, Retry::Never),
    row(PeerCode::RateLimited, Code::ResourceExhausted, "rate_limited", false, Retry::AfterDelay),
    row(PeerCode::InvalidMessage, Code::InvalidArgument, "invalid_message", false, Retry::Never),
    row(PeerCode::ChannelNotFound, Code::NotFound, "channel_not_found", false, Retry::Never),
    row(PeerCode::HandlerUnavailable, Code::Unavailable, "handler_unavailable", false, Retry::BackOff),
    row(PeerCode::LimitReached, Code::ResourceExhausted, "limit_reached", false, Retry::Never),
    row(PeerCode::Draining, Code::Unavailable, "draining", true, Retry::AfterDelay),
    row(PeerCode::HeartbeatMissed, Code::DeadlineExceeded, "heartbeat_missed", true, Retry::BackOff),
    row(PeerCode::WriteTimeout, Code::DeadlineExceeded, "write_timeout", true, Retry::BackOff),
    row(PeerCode::Overloaded, Code::ResourceExhausted, "overloaded", true, Retry::BackOff),
    row(PeerCode::InternalError, Code::Internal, "internal", true, Retry::BackOff),
    row(PeerCode::ProtocolViolation, Code::InvalidArgument, "protocol_violation", true, Retry::Never),
    row(PeerCode::NoCredentials, Code::Unauthenticated, "no_credentials", true, Retry::Never),
    row(PeerCode::ProtocolVersion, Code::FailedPrecondition, "protocol_version", true, Retry::Never),
    row(PeerCode::SchemaRefused, Code::FailedPrecondition, "schema_refused", true, Retry::Never),
    row(PeerCode::Revoked, Code::PermissionDenied, "revoked", true, Retry::Never),
];

const fn row(code: PeerCode, status: Code, reason: &'static str, closes: bool, retry: Retry) -> PeerCodeRow {
    PeerCodeRow { code, status, reason, closes, retry }
}

impl PeerCode {
    /// The number on the wire.
    pub fn number(self) -> u16 {
        self as u16
    }

    /// The code's row in the table.
    pub fn row(self) -> &'static PeerCodeRow {
        PEER_CODES.iter().find(|row| row.code == self).expect("every code has a row: a test compares them")
    }
}

#[cfg(test)]
mod tests;
