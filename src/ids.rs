//! Names and identifiers. Made from arguments only: this floor never asks for time or chance.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The longest channel name, in bytes (after escaping).
pub const MAX_CHANNEL_NAME_BYTES: usize = 255;
/// The longest session id that a client may choose, in bytes.
pub const MAX_SESSION_ID_BYTES: usize = 128;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes the text as it is.
            pub fn new(text: impl Into<Arc<str>>) -> Self {
                $name(text.into())
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                $name(text.into())
            }
        }
    };
}

text_id! {
    /// Whose channels these are. Two tenants that use one channel name never meet.
    Tenant
}
text_id! {
    /// A channel's full name, `project:42`.
    ChannelName
}
text_id! {
    /// The session that a connection is bound to.
    SessionId
}
text_id! {
    /// One connection, for logs on both sides.
    ConnectionId
}

impl Tenant {
    /// The tenant of everybody while nobody is authenticated.
    pub fn default_tenant() -> Self {
        Tenant::new("")
    }
}

/// What logs, presence and limits are keyed by.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ChannelKey {
    /// Whose channel it is.
    pub tenant: Tenant,
    /// The channel's name.
    pub channel: ChannelName,
}

/// An event's id: a UUIDv7, so that ids sort by time.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventId(uuid::Uuid);

impl EventId {
    /// An id of this millisecond since the Unix epoch, made unique by 10 random bytes.
    pub fn new(unix_ms: u64, random: [u8; 10]) -> Self {
        EventId(uuid::Builder::from_unix_timestamp_millis(unix_ms, &random).into_uuid())
    }

    /// The id as text, 36 characters, in the given buffer.
    pub fn encode(self, buffer: &mut [u8; 36]) -> &str {
        self.0.hyphenated().encode_lower(buffer)
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// The trace that a `traceparent` (W3C Trace Context, section 3.2) belongs to: 32 hexadecimal digits.
pub fn trace_id(traceparent: &str) -> Option<&str> {
    let trace = traceparent.split('-').nth(1)?;
    (trace.len() == 32 && trace.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))).then_some(trace)
}

/// A short URL-safe text made of 12 random bytes: connection ids, sessions made by the bridge, node names.
pub fn short_id(random: [u8; 12]) -> String {
    URL_SAFE_NO_PAD.encode(random)
}
