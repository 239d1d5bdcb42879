//! The limits of a bridge that peers run into: each hit is counted, and told in the log now and then.
//!
//! However fast a limit is hit, its line is written once in [`LOG_EVERY`] with how often it was hit since, so a peer that
//! does nothing but run into limits cannot fill a disk.

use std::fmt::Display;
use std::time::Duration;

use super::paced::Paced;

/// Between two log lines about one limit.
pub const LOG_EVERY: Duration = Duration::from_secs(10);

/// What hitting a limit means for the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It waits; nothing is lost.
    Held,
    /// Something is refused, cut or forgotten.
    Refused,
}

impl Effect {
    /// The word for it, `held`.
    pub fn name(self) -> &'static str {
        match self {
            Effect::Held => "held",
            Effect::Refused => "refused",
        }
    }
}

/// Makes [`Limit`] of lines `Variant "name" Effect "what is bounded";`.
macro_rules! limits {
    ($($variant:ident $name:literal $effect:ident $meaning:literal;)*) => {
        /// A limit that a peer can hit. Those with a configuration key are called as it is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Limit { $(#[doc = $meaning] $variant,)* }

        impl Limit {
            /// Every limit.
            pub const ALL: &[Limit] = &[$(Limit::$variant,)*];

            /// Its name, `max-connections`.
            pub fn name(self) -> &'static str {
                match self { $(Limit::$variant => $name,)* }
            }

            /// What it bounds.
            pub fn meaning(self) -> &'static str {
                match self { $(Limit::$variant => $meaning,)* }
            }

            /// What hitting it means.
            pub fn effect(self) -> Effect {
                match self { $(Limit::$variant => Effect::$effect,)* }
            }
        }
    };
}

limits! {
    MaxConnections "max-connections" Refused "Connections of browsers in all";
    MaxConnectionsPerAddress "max-connections-per-address" Refused "Connections of browsers from one address";
    MaxConnectionsPerTenant "max-connections-per-tenant" Refused "Connections of browsers of one tenant";
    MaxConnectionsPerUser "max-connections-per-user" Refused "Connections of one user";
    WrongTokensPerSecond "wrong-tokens-per-second" Refused "Wrong tokens from one address a second";
    TokenMaxBytes "token-max-bytes" Refused "Bytes of a token";
    RefusedRefreshes "refused-refreshes" Refused "Refreshes of one connection that were refused in a row";
    MaxAdminConnections "max-admin-connections" Refused "Connections to the internal port";
    MaxAdminConnectionsPerAddress "max-admin-connections-per-address" Refused "Connections to the internal port from one address";
    MaxGrpcConnections "max-grpc-connections" Refused "Connections of publishers";
    MaxGrpcConnectionsPerAddress "max-grpc-connections-per-address" Refused "Connections of publishers from one address";
    GrpcIdleTimeout "grpc-idle-timeout" Refused "How long a connection of a publisher may have no call open";
    MaxGrpcConnectionAge "max-grpc-connection-age" Refused "How long a connection of a publisher may live";
    HttpConnectionAge "http-connection-age" Refused "How long a connection in HTTP may live that is not upgraded";
    HttpCloseTimeout "http-close-timeout" Refused "From telling such a connection to go to cutting it";
    GrpcCloseTimeout "grpc-close-timeout" Refused "From telling a connection of a publisher to go to cutting it";
    FileDescriptors "file-descriptors" Held "File descriptors of the process";
    HandshakesPerSecond "handshakes-per-second" Held "New connections a second";
    HandshakesPerAddress "handshakes-per-address" Refused "New connections a second from one address";
    MaxHandshakes "max-handshakes" Held "TLS handshakes that are computed at once";
    HandshakeTimeout "handshake-timeout" Refused "From connecting to the end of the first headers";
    MaxRequestHeaderBytes "max-request-header-bytes" Refused "Bytes or number of a request's headers";
    MaxBodyBytes "max-body-bytes" Refused "Bytes of a body sent to the internal port";
    BodyTimeout "body-timeout" Refused "From the head of a request to the end of its body";
    InitTimeout "init-timeout" Refused "From the upgrade to `connection.init`";
    PongTimeout "pong-timeout" Refused "From a ping to anything from the client";
    WriteTimeout "write-timeout" Refused "How long a socket may take no byte";
    MessageTimeout "message-timeout" Refused "From the first to the last frame of a client's or publisher's message";
    CloseTimeout "close-timeout" Refused "From our close frame to the peer's";
    MaxMessageBytes "max-message-bytes" Refused "Bytes of a client's message";
    MaxControlFrames "max-control-frames" Held "Answers that wait for one connection's socket";
    MaxSubscriptions "max-subscriptions" Refused "Subscriptions of one connection";
    InvalidFrames "invalid-frames" Refused "Frames of one client in a row that say nothing";
    CommandsPerSecond "commands-per-second" Refused "Frames of one client a second";
    UserCommandsPerSecond "user-commands-per-second" Refused "Frames of one user a second, on all connections";
    PingsPerSecond "pings-per-second" Refused "Pings and pongs of one client a second";
    ReplayBytesPerSecond "replay-bytes-per-second" Held "Replay to one user, or to one address where there are no users";
    EventsPerSecondPerPublisher "events-per-second-per-publisher" Refused "Events of one publisher a second";
    EventsPerSecondPerType "events-per-second-per-type" Refused "Events of one type and one publisher a second";
    MaxEventBytes "max-event-bytes" Refused "Bytes of an event on the wire";
    MaxJsonBytes "max-json-bytes" Refused "Bytes of an event as JSON";
    MaxElements "max-elements" Refused "List items, map entries and members of an event";
    MaxDepth "max-depth" Refused "Messages inside messages of an event";
    RuleBudget "rule-budget" Refused "Work of the rules of one event";
    MaxChannels "max-channels" Refused "Channels that one event names";
    MaxMetadataEntries "max-metadata-entries" Refused "Entries of an event's metadata";
    MaxMetadataBytes "max-metadata-bytes" Refused "Bytes of an event's metadata";
    MaxIdempotencyKeyBytes "max-idempotency-key-bytes" Refused "Bytes of an idempotency key";
    MaxIdempotencyBytes "max-idempotency-bytes" Refused "Memory of all idempotency keys: who has the most of it loses its oldest before their time";
    MaxPublishRequestBytes "max-publish-request-bytes" Refused "Bytes of a publish request";
    ReflectionRequestBytes "reflection-request-bytes" Refused "Bytes of a question to gRPC's reflection";
    Http2Floods "http2-floods" Refused "Resets and empty frames of one connection of a publisher";
    MaxPublishRequestEvents "max-publish-request-events" Refused "Events of one array over HTTP";
    MaxUnackedEvents "max-unacked-events" Held "Events of one publish stream that wait for their ack";
    MaxDecodingBytes "max-decoding-bytes" Held "Memory of publish requests that are being worked on";
    MaxReceivingBytes "max-receiving-bytes" Refused "Memory of publish requests while they come";
    PublishTurns "publish-turns" Refused "How long a large body over HTTP waits to be worked on";
    MaxChannelBytes "max-channel-bytes" Refused "Memory of one channel's log: events go before their retention is over";
    MaxLogBytes "max-log-bytes" Refused "Memory of all logs: idle channels give up events, or an append is refused";
    EmptyChannels "empty-channels" Refused "Memory of channels that were subscribed to and have had no event";
    MaxRevocations "max-revocations" Refused "Users, sessions and tokens that are revoked";
    MaxTombstones "max-tombstones" Refused "Channels whose last position is remembered";
}

/// How often each limit was hit.
#[derive(Debug)]
pub struct LimitHits(Box<[Paced]>);

impl Default for LimitHits {
    fn default() -> Self {
        LimitHits(Limit::ALL.iter().map(|_| Paced::every(LOG_EVERY)).collect())
    }
}

impl LimitHits {
    /// Counts a hit by this peer, and tells the log unless it was told a moment ago.
    pub fn hit(&self, limit: Limit, peer: impl Display) {
        if let Some(since_last) = self.0[limit as usize].happened() {
            // As text and not as it is displayed: quoted, so that a name is never taken for other fields.
            let (limit_name, peer) = (limit.name(), peer.to_string());
            let peer = peer.as_str();
            match limit.effect() {
                Effect::Refused => tracing::warn!(limit = limit_name, peer, hits = since_last, "limit reached"),
                Effect::Held => tracing::info!(limit = limit_name, peer, hits = since_last, "held back by a limit"),
            }
        }
    }

    /// Counts a hit that is nobody's mistake and not worth a line.
    pub fn count(&self, limit: Limit) {
        self.0[limit as usize].count();
    }

    /// How often it was hit.
    pub fn get(&self, limit: Limit) -> u64 {
        self.0[limit as usize].get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_in_kebab_case() {
        let is_kebab = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let mut names: Vec<&str> = Limit::ALL.iter().map(|limit| limit.name()).collect();
        assert!(names.iter().all(|name| name.bytes().all(is_kebab)));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Limit::ALL.len());
    }
}
