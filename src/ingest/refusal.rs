//! Why an event is refused, as its publisher hears it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::ids::{ChannelName, InvalidTenant, MAX_CHANNEL_NAME_BYTES, Tenant};
use crate::metrics::Limit;
use crate::schema::{self, RouteError, UnknownChannel};
use crate::status::{Code, Status};
use crate::transcode::{Problem, TranscodeError};

/// Everything that can be wrong with one event. Never holds payload text.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error("the event has no body; set `payload` (an Any) or `json`")]
    NoBody,
    #[error("{name:?} is no message of the schema; pack a message that is an event of it")]
    UnknownMessage { name: String },
    #[error("{name} is a message of the schema but no event; its message needs `option (rialto.v1.event)`")]
    NotAnEvent { name: String },
    #[error("{name:?} is no event type of the schema; {advice}")]
    UnknownType { name: String, advice: String },
    #[error("{name} is Rialto's own and cannot be published")]
    Own { name: Arc<str> },
    #[error(
        "{name} is sent by clients (from: FROM_CLIENT) and cannot be published; publish an event of your own instead"
    )]
    FromClient { name: Arc<str> },
    #[error("event of {bytes} bytes exceeds the limit of {max_bytes} (max-event-bytes)")]
    TooLarge { bytes: usize, max_bytes: usize },
    #[error("event of {bytes} bytes of JSON exceeds the limit of {max_bytes} (max-json-bytes)")]
    JsonTooLarge { bytes: usize, max_bytes: usize },
    #[error("idempotency key of {bytes} bytes exceeds the limit of {max_bytes}")]
    IdempotencyKey { bytes: usize, max_bytes: usize },
    #[error("metadata of {entries} entries exceeds the limit of {max_entries}")]
    MetadataEntries { entries: usize, max_entries: usize },
    #[error("metadata of {bytes} bytes exceeds the limit of {max_bytes}")]
    MetadataBytes { bytes: usize, max_bytes: usize },
    #[error("metadata has an entry with an empty key")]
    MetadataKey,
    #[error("{event}: {error}")]
    Payload { event: Arc<str>, error: TranscodeError },
    #[error("{event}: {}", .violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Invalid { event: Arc<str>, violations: Vec<schema::Violation> },
    #[error("{0}")]
    Route(RouteError),
    #[error("{event} goes to no channel by itself; name a session or user channel in `channels`")]
    NoChannel { event: Arc<str> },
    #[error("{channels} channels exceed the limit of {max_channels}")]
    Channels { channels: usize, max_channels: usize },
    #[error("a channel name of {bytes} bytes exceeds the limit of {MAX_CHANNEL_NAME_BYTES}")]
    LongChannel { bytes: usize, index: usize },
    #[error("{error}")]
    UnknownChannel { error: UnknownChannel, index: usize },
    #[error("{event} may not go to {channel:?}: the channel is of no template that the event lists")]
    ForeignChannel { event: Arc<str>, channel: String, index: usize },
    #[error("{over} may publish {per_second} events a second; wait {} ms", .wait.as_millis())]
    TooFast { over: Over, per_second: u32, wait: Duration },
    #[error("publisher {publisher:?} may not publish {event}; its entry in --publishers says the types that it may")]
    TypeNotGranted { publisher: Arc<str>, event: Arc<str> },
    #[error(
        "publisher {publisher:?} may not publish to {:?}; its entry in --publishers says the channels that it may",
        .channel.as_str()
    )]
    ChannelNotGranted { publisher: Arc<str>, channel: ChannelName, index: Option<usize> },
    #[error(
        "publisher {publisher:?} may not publish for {}; its entry in --publishers says the tenants that it may",
        named(.tenant)
    )]
    TenantNotGranted { publisher: Arc<str>, tenant: Tenant },
    #[error("{0}")]
    BadTenant(InvalidTenant),
    #[error("the event names no tenant, and this bridge serves only those of a tenant (--require-tenant)")]
    NoTenant,
}

/// Whose rate an event is over.
#[derive(Debug)]
pub(super) enum Over {
    Publisher,
    Type(Arc<str>),
}

impl fmt::Display for Over {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Over::Publisher => f.write_str("this publisher"),
            Over::Type(event) => write!(f, "of {event} this publisher"),
        }
    }
}

fn named(tenant: &Tenant) -> String {
    if tenant.is_default() { "the tenant without a name".to_owned() } else { format!("the tenant {tenant:?}") }
}

impl Refusal {
    /// A payload that is not what its type says, or cannot be printed or read.
    pub(super) fn payload(event: &Arc<str>, error: TranscodeError) -> Self {
        Refusal::Payload { event: event.clone(), error }
    }

    /// The limit that the event has hit, if it is one.
    pub(super) fn limit(&self) -> Option<Limit> {
        Some(match self {
            Refusal::TooLarge { .. } => Limit::MaxEventBytes,
            Refusal::JsonTooLarge { .. } => Limit::MaxJsonBytes,
            Refusal::IdempotencyKey { .. } => Limit::MaxIdempotencyKeyBytes,
            Refusal::MetadataEntries { .. } => Limit::MaxMetadataEntries,
            Refusal::MetadataBytes { .. } => Limit::MaxMetadataBytes,
            Refusal::Channels { .. } => Limit::MaxChannels,
            Refusal::TooFast { over: Over::Publisher, .. } => Limit::EventsPerSecondPerPublisher,
            Refusal::TooFast { over: Over::Type(_), .. } => Limit::EventsPerSecondPerType,
            Refusal::Invalid { violations, .. } if violations.iter().any(schema::Violation::is_over_budget) => {
                Limit::RuleBudget
            }
            Refusal::Payload { error, .. } => match error.problem {
                Problem::TooDeep { .. } => Limit::MaxDepth,
                Problem::TooManyElements { .. } => Limit::MaxElements,
                Problem::JsonTooLarge { .. } => Limit::MaxJsonBytes,
                _ => return None,
            },
            _ => return None,
        })
    }

    fn reason(&self) -> &'static str {
        match self {
            Refusal::NoBody => "missing_body",
            Refusal::UnknownMessage { .. } | Refusal::UnknownType { .. } => "unknown_event_type",
            Refusal::NotAnEvent { .. } => "not_an_event",
            Refusal::Own { .. } => "own_event_type",
            Refusal::FromClient { .. } => "client_event_type",
            Refusal::TooLarge { .. } | Refusal::JsonTooLarge { .. } => "event_too_large",
            Refusal::IdempotencyKey { .. } => "idempotency_key_too_long",
            Refusal::MetadataEntries { .. } | Refusal::MetadataBytes { .. } => "metadata_too_large",
            Refusal::MetadataKey => "invalid_metadata",
            Refusal::Payload { .. } | Refusal::Route(RouteError::Malformed { .. }) => "invalid_payload",
            Refusal::Invalid { .. } => "invalid_event",
            Refusal::Route(_) => "unfilled_channel",
            Refusal::NoChannel { .. } => "missing_channel",
            Refusal::Channels { .. } => "too_many_channels",
            Refusal::LongChannel { .. } => "channel_name_too_long",
            Refusal::UnknownChannel { .. } => "channel_not_found",
            Refusal::ForeignChannel { .. } => "channel_not_of_event",
            Refusal::TooFast { over: Over::Publisher, .. } => "publisher_rate",
            Refusal::TooFast { over: Over::Type(_), .. } => "type_rate",
            Refusal::TypeNotGranted { .. } => "type_not_granted",
            Refusal::ChannelNotGranted { .. } => "channel_not_granted",
            Refusal::TenantNotGranted { .. } => "tenant_not_granted",
            Refusal::BadTenant(_) => "invalid_tenant",
            Refusal::NoTenant => "missing_tenant",
        }
    }

    fn code(&self) -> Code {
        match self {
            Refusal::UnknownChannel { .. } => Code::NotFound,
            Refusal::TooFast { .. } => Code::ResourceExhausted,
            Refusal::TypeNotGranted { .. } | Refusal::ChannelNotGranted { .. } | Refusal::TenantNotGranted { .. } => {
                Code::PermissionDenied
            }
            _ => Code::InvalidArgument,
        }
    }

    /// The field at fault. Fields of the payload go by their own path, those of the request by theirs.
    fn field(&self) -> String {
        match self {
            Refusal::NoBody | Refusal::TooLarge { .. } => "payload".into(),
            Refusal::UnknownMessage { .. } | Refusal::NotAnEvent { .. } => "payload.typeUrl".into(),
            Refusal::UnknownType { .. }
            | Refusal::Own { .. }
            | Refusal::FromClient { .. }
            | Refusal::TypeNotGranted { .. } => "type".into(),
            Refusal::TenantNotGranted { .. } | Refusal::BadTenant(_) | Refusal::NoTenant => "tenant".into(),
            Refusal::TooFast { .. } => String::new(),
            Refusal::ChannelNotGranted { index: None, .. } => "channels".into(),
            Refusal::ChannelNotGranted { index: Some(index), .. } => format!("channels[{index}]"),
            Refusal::JsonTooLarge { .. } => "data".into(),
            Refusal::IdempotencyKey { .. } => "idempotencyKey".into(),
            Refusal::MetadataEntries { .. } | Refusal::MetadataBytes { .. } | Refusal::MetadataKey => "metadata".into(),
            Refusal::Payload { error, .. } => error.path.clone(),
            Refusal::Invalid { violations, .. } => {
                violations.first().map(|wrong| wrong.path.clone()).unwrap_or_default()
            }
            Refusal::Route(error) => error.path().to_owned(),
            Refusal::NoChannel { .. } | Refusal::Channels { .. } => "channels".into(),
            Refusal::LongChannel { index, .. }
            | Refusal::UnknownChannel { index, .. }
            | Refusal::ForeignChannel { index, .. } => format!("channels[{index}]"),
        }
    }
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        let message = refusal.to_string();
        if let Refusal::Invalid { violations, .. } = &refusal {
            let status = Status::new(refusal.code(), refusal.reason(), message);
            return violations
                .iter()
                .fold(status, |status, wrong| status.with_violation(wrong.path.as_str(), wrong.description()));
        }
        if let Refusal::TooFast { wait, .. } = refusal {
            return Status::new(refusal.code(), refusal.reason(), message).with_retry_after(wait);
        }
        let description = match &refusal {
            Refusal::Payload { error, .. } => error.problem.to_string(),
            _ => message.clone(),
        };
        Status::new(refusal.code(), refusal.reason(), message).with_violation(refusal.field(), description)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_violation_of_an_event_is_told_with_its_path() {
        let violation = |path: &str| schema::Violation {
            path: path.into(),
            rule: "string.min_len".into(),
            message: "is missing".into(),
        };
        let violations = vec![violation("file.name"), violation("file.tags[2]")];
        let status = Status::from(Refusal::Invalid { event: "file.uploaded".into(), violations });
        assert_eq!((status.code, status.reason), (Code::InvalidArgument, "invalid_event"));
        let fields: Vec<_> = status.violations.iter().map(|violation| violation.field.as_str()).collect();
        assert_eq!(fields, ["file.name", "file.tags[2]"]);
        assert_eq!(status.violations[0].description, "is missing [string.min_len]");
        assert_eq!(status.message, "file.uploaded: file.name: is missing; file.tags[2]: is missing");
    }
}
