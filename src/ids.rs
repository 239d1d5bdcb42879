//! Names and identifiers. Made from arguments only: this floor never asks for time or chance.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The longest channel name, in bytes (after escaping).
pub const MAX_CHANNEL_NAME_BYTES: usize = 255;
/// The longest name of a tenant, in bytes.
pub const MAX_TENANT_BYTES: usize = 128;
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

/// Why a text names no tenant. It says nothing of the text, which may be anybody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a tenant's name begins with a letter or digit and has at most 128 letters, digits, '-', '_' and '.'")]
pub struct InvalidTenant;

impl Tenant {
    /// The tenant without a name: of everybody who names none.
    pub fn default_tenant() -> Self {
        Tenant::new("")
    }

    /// The tenant of this name. None of its characters means anything in the names and keys of engines.
    ///
    /// # Errors
    /// The text is empty, too long, or has other characters.
    pub fn parse(text: &str) -> Result<Self, InvalidTenant> {
        let is_name = text.starts_with(|first: char| first.is_ascii_alphanumeric())
            && text.len() <= MAX_TENANT_BYTES
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        if is_name { Ok(Tenant::from(text)) } else { Err(InvalidTenant) }
    }

    /// Whether it is the one without a name.
    pub fn is_default(&self) -> bool {
        self.0.is_empty()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenants_name_has_nothing_that_could_be_structure() {
        let longest = "a".repeat(MAX_TENANT_BYTES);
        for name in ["acme", "Acme-7_b.eu", "7", "0190c0de-0000-7000-8000-000000000000", &longest] {
            assert_eq!(Tenant::parse(name).map(|tenant| tenant.to_string()), Ok(name.to_owned()));
        }
        let too_long = "a".repeat(MAX_TENANT_BYTES + 1);
        for text in ["", ".", "..", "-a", "_a", "a:b", "a/b", "a b", "a\u{0}", "a*", "{a}", "käse", "a%3Ab", &too_long]
        {
            assert_eq!(Tenant::parse(text), Err(InvalidTenant), "{text:?}");
        }
        assert!(Tenant::default_tenant().is_default());
    }
}
