//! How much of everything there may be, and how long: one table makes the struct, its defaults and its keys.

use std::time::Duration;

use super::key::{Group, Key, Takes};
use super::{Config, Machine, Mistake, value};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;
/// The largest `max-message-bytes`: a client's message is held in memory whole.
const HARD_MAX_MESSAGE_BYTES: usize = MIB;
/// The largest `max-depth`: printing and reading an event take the stack for every level.
const HARD_MAX_DEPTH: usize = 200;
/// The longest `jwks-timeout`.
const HARD_JWKS_TIMEOUT: Duration = Duration::from_secs(2);
/// The most that channel logs take when nothing is said, however large the machine.
const MAX_DEFAULT_LOG_BYTES: u64 = 4 << 30;

/// Makes [`Limits`] and its keys of lines `group: field: kind = default, "key", "example", "meaning";`.
macro_rules! limits {
    ($machine:ident: $($group:ident $field:ident: $kind:ident = $default:expr, $name:literal, $example:literal, $help:literal;)*) => {
        /// How much of everything there may be, and how long. Defaults are for one machine that serves many browsers.
        #[derive(Clone, Debug, PartialEq)]
        pub struct Limits {
            $(#[doc = $help] pub $field: limits!(@type $kind),)*
        }

        impl Limits {
            /// What holds when nothing is said, on a machine of this size.
            pub fn on($machine: &Machine) -> Self {
                Limits { $($field: $default,)* }
            }
        }

        pub(super) const KEYS: &[Key] = &[$(Key {
            name: $name,
            group: Group::$group,
            takes: Takes::One(limits!(@called $kind)),
            help: $help,
            example: $example,
            read: |config: &mut Config, text: &str| {
                config.limits.$field = limits!(@read $kind)(text)?;
                Ok(())
            },
            show: |config: &Config| vec![limits!(@show $kind)(config.limits.$field)],
        },)*];
    };
    (@type count) => { usize };
    (@type bytes) => { usize };
    (@type time) => { Duration };
    (@type most) => { Option<u32> };
    (@type span) => { Option<Duration> };
    (@called count) => { "N" };
    (@called bytes) => { "BYTES" };
    (@called time) => { "TIME" };
    (@called most) => { "N|off" };
    (@called span) => { "SPAN" };
    (@read count) => { value::count };
    (@read bytes) => { value::bytes };
    (@read time) => { value::duration };
    (@read most) => { value::most };
    (@read span) => { value::span };
    (@show count) => { |number: usize| number.to_string() };
    (@show bytes) => { value::show_bytes };
    (@show time) => { value::show_duration };
    (@show most) => { value::show_most };
    (@show span) => { value::show_span };
}

limits! { machine:
    Connections max_connections: count = default_connections(machine.file_descriptors),
        "max-connections", "5000", "Connections of browsers in all; 80 % of the file descriptors unless said";
    Connections max_connections_per_address: count = 1_000,
        "max-connections-per-address", "1000", "Connections from one address; loopback is not counted";
    Connections max_connections_per_tenant: most = None,
        "max-connections-per-tenant", "500", "Connections of one tenant's tokens; off unless said";
    Connections max_connections_per_user: count = 50,
        "max-connections-per-user", "50", "Connections of one user, by the token's sub; who has no token is not counted";
    Connections handshakes_per_second: count = 1_000,
        "handshakes-per-second", "1000", "New connections a second; more wait";
    Connections handshakes_per_address: most = Some(100),
        "handshakes-per-address", "50", "New connections a second from one address on one port, over time, and ten seconds' at once; off, or a number; loopback is not counted";
    Connections max_handshakes: count = (machine.processors / 2).max(1),
        "max-handshakes", "2", "TLS handshakes that are computed at once on one port, more wait; half of the processors unless said";
    Connections handshake_timeout: time = Duration::from_secs(10),
        "handshake-timeout", "10s", "From connecting to the first byte, and from there to the end of the headers";
    Connections init_timeout: time = Duration::from_secs(10),
        "init-timeout", "10s", "From the upgrade to connection.init, where a subprotocol was named";
    Connections close_timeout: time = Duration::from_secs(5),
        "close-timeout", "5s", "From our close frame to the peer's";
    Connections http_connection_age: time = Duration::from_secs(60),
        "http-connection-age", "1m", "How long a connection to --listen or --admin lives that is not upgraded, a tenth more or less";
    Connections http_close_timeout: time = Duration::from_secs(10),
        "http-close-timeout", "10s", "From telling such a connection to go, or a stop of the bridge, to cutting it";
    Connections max_grpc_connections: count = default_share(machine.file_descriptors, 10, 1_024),
        "max-grpc-connections", "200", "Connections to --grpc in all; 10 % of the file descriptors, at most 1024, unless said";
    Connections max_grpc_connections_per_address: count = default_share(machine.file_descriptors, 40, 256),
        "max-grpc-connections-per-address", "50", "Connections to --grpc from one address; a quarter of the default of all unless said; loopback is not counted";
    Connections grpc_idle_timeout: time = Duration::from_secs(300),
        "grpc-idle-timeout", "5m", "How long a connection to --grpc may have no call open; it is told to go";
    Connections max_grpc_connection_age: span = Some(Duration::from_secs(24 * 3_600)),
        "max-grpc-connection-age", "8h", "How long a connection to --grpc lives, a tenth more or less, or off; it is told to go, and publish streams end behind their acks";
    Connections grpc_close_timeout: time = Duration::from_secs(10),
        "grpc-close-timeout", "10s", "From telling a connection to --grpc to go, or a stop of the bridge, to cutting it";
    Connections max_admin_connections: count = default_share(machine.file_descriptors, 20, 256),
        "max-admin-connections", "100", "Connections to --admin in all; 5 % of the file descriptors, at most 256, unless said";
    Connections max_admin_connections_per_address: count = default_share(machine.file_descriptors, 80, 64),
        "max-admin-connections-per-address", "20", "Connections to --admin from one address; a quarter of the default of all unless said; loopback is not counted";
    Connections max_request_headers: count = 64,
        "max-request-headers", "64", "Headers of an HTTP request";
    Connections max_request_header_bytes: bytes = 16 * KIB,
        "max-request-header-bytes", "16KiB", "All headers of an HTTP request together";
    Connections body_timeout: time = Duration::from_secs(10),
        "body-timeout", "10s", "From the headers of an HTTP request to the end of its body";
    Connections ping_interval: time = Duration::from_secs(30),
        "ping-interval", "30s", "Silence of a client before it is pinged";
    Connections pong_timeout: time = Duration::from_secs(5),
        "pong-timeout", "5s", "From a ping to anything from the client, or it is dead";
    Connections write_timeout: time = Duration::from_secs(5),
        "write-timeout", "5s", "A client whose socket accepts no byte for so long is dead";
    Connections message_timeout: time = Duration::from_secs(30),
        "message-timeout", "30s", "From the first to the last frame of a client's message; how long the rest of a publisher's is waited for";
    Connections heartbeat_interval: time = Duration::from_secs(30),
        "heartbeat-interval", "30s", "Between two connection.heartbeat frames";
    Connections max_message_bytes: bytes = 64 * KIB,
        "max-message-bytes", "64KiB", "A client's message, also reassembled; at most 1MiB";
    Connections max_control_frames: count = 256,
        "max-control-frames", "256", "Answers waiting for one connection's socket";
    Connections max_control_bytes: bytes = 256 * KIB,
        "max-control-bytes", "256KiB", "All answers waiting for one connection's socket together";
    Connections max_subscriptions: count = 128,
        "max-subscriptions", "128", "Subscriptions of one connection";
    Connections commands_per_second: count = 50,
        "commands-per-second", "50", "Frames of one client a second, over time";
    Connections commands_burst: count = 200,
        "commands-burst", "200", "Frames of one client at once";
    Connections user_commands_per_second: count = 200,
        "user-commands-per-second", "200", "Frames of one user a second on all connections, over time";
    Connections user_commands_burst: count = 1_000,
        "user-commands-burst", "1000", "Frames of one user on all connections at once";
    Connections wrong_tokens_per_second: count = 10,
        "wrong-tokens-per-second", "10", "Wrong tokens from one address, over time, and ten seconds' at once; loopback is not counted";
    Connections max_revocations: count = 100_000,
        "max-revocations", "100000", "Users, sessions and tokens that are revoked, each for a day; more are refused";
    Connections jwks_refresh: time = Duration::from_secs(600),
        "jwks-refresh", "10m", "A key that is gone from its issuer's set, which can be fetched, is refused after so long at most";
    Connections jwks_max_stale: time = Duration::from_secs(3_600),
        "jwks-max-stale", "1h", "How long keys are believed whose set cannot be fetched any more";
    Connections jwks_cooldown: time = Duration::from_secs(30),
        "jwks-cooldown", "30s", "Between two fetches of a set for the sake of keys that are not in it";
    Connections jwks_timeout: time = Duration::from_secs(2),
        "jwks-timeout", "2s", "From asking for a set to its last byte; at most 2s";
    Connections shards: count = machine.processors,
        "shards", "4", "Workers that write to connections; one per processor unless said";
    Publishing events_per_second_per_publisher: most = None,
        "events-per-second-per-publisher", "5000", "Events of one publisher (without --publishers: of one address); off unless said";
    Publishing events_per_second_per_type: most = None,
        "events-per-second-per-type", "1000", "Events of one type from one publisher; off unless said";
    Publishing events_burst: time = Duration::from_secs(1),
        "events-burst", "1s", "How much time's worth of those may come at once";
    Publishing max_event_bytes: bytes = MIB,
        "max-event-bytes", "1MiB", "An event on the wire";
    Publishing max_json_bytes: bytes = 4 * MIB,
        "max-json-bytes", "4MiB", "An event as JSON";
    Publishing max_elements: count = 65_536,
        "max-elements", "65536", "List items, map entries and Struct members of one event together";
    Publishing max_depth: count = 100,
        "max-depth", "100", "Messages inside messages of one event; at most 200";
    Publishing max_channels: count = 64,
        "max-channels", "64", "Channels that one event may name";
    Publishing max_metadata_entries: count = 64,
        "max-metadata-entries", "64", "Entries of one event's metadata";
    Publishing max_metadata_bytes: bytes = 8 * KIB,
        "max-metadata-bytes", "8KiB", "One event's metadata, keys and values";
    Publishing max_idempotency_key_bytes: bytes = 256,
        "max-idempotency-key-bytes", "256", "An idempotency key";
    Publishing max_publish_request_bytes: bytes = 4 * MIB,
        "max-publish-request-bytes", "4MiB", "A publish request";
    Publishing max_publish_request_events: count = 1_000,
        "max-publish-request-events", "1000", "Events in one array over HTTP; gRPC takes a request with more in parts";
    Publishing max_unacked_events: count = 1_000,
        "max-unacked-events", "1000", "Events of one publish stream that wait for their ack; more are not read";
    Publishing max_decoding_bytes: bytes = 64 * MIB,
        "max-decoding-bytes", "64MiB", "Publish requests being worked on at once, all together";
    Publishing max_receiving_bytes: bytes = 128 * MIB,
        "max-receiving-bytes", "128MiB", "Publish requests while they come, on --grpc and on --admin all together each; who has the most loses some";
    Publishing idempotency_window: time = Duration::from_secs(300),
        "idempotency-window", "5m", "How long an idempotency key is remembered";
    Publishing max_idempotency_bytes: bytes = 64 * MIB,
        "max-idempotency-bytes", "64MiB", "Memory of all idempotency keys; beyond it who has the most loses its oldest first";
    Publishing max_http2_streams: count = 100,
        "max-http2-streams", "100", "Calls at once on one gRPC connection";
    Publishing max_http2_header_bytes: bytes = 16 * KIB,
        "max-http2-header-bytes", "16KiB", "Metadata of one gRPC call";
    Publishing http2_keepalive_interval: time = Duration::from_secs(30),
        "http2-keepalive-interval", "30s", "Silence of a publisher before it is pinged";
    Publishing http2_keepalive_timeout: time = Duration::from_secs(20),
        "http2-keepalive-timeout", "20s", "From that ping to its answer, or the publisher is dead";
    Logs max_channel_bytes: bytes = 8 * MIB,
        "max-channel-bytes", "8MiB", "One channel's log, whatever its retention says";
    Logs max_log_bytes: bytes = default_log_bytes(machine.memory_bytes),
        "max-log-bytes", "1GiB", "All channels' logs; a quarter of the memory, at most 4GiB, unless said";
    Logs replay_bytes_per_second: bytes = 4 * MIB,
        "replay-bytes-per-second", "4MiB", "Replay to one user, or address without users, over time";
    Logs replay_burst_bytes: bytes = 16 * MIB,
        "replay-burst-bytes", "16MiB", "Replay to one user, or address without users, at once";
    Logs channel_idle: time = Duration::from_secs(300),
        "channel-idle", "5m", "How long a channel without subscribers and events keeps its log";
    Logs tombstone_age: time = Duration::from_secs(3_600),
        "tombstone-age", "1h", "How long the last position of such a channel is remembered after that";
    Logs max_tombstones: count = 1_000_000,
        "max-tombstones", "1000000", "Channels so remembered";
}

/// 80 % of the file descriptors: the rest is for publishers, files and the connections that are being refused.
fn default_connections(file_descriptors: u64) -> usize {
    usize::try_from(file_descriptors / 5 * 4).unwrap_or(usize::MAX).max(1)
}

/// A share of the file descriptors, up to what a large machine needs too: a port that is flooded takes no other's.
fn default_share(file_descriptors: u64, share: u64, most: usize) -> usize {
    usize::try_from(file_descriptors / share).unwrap_or(usize::MAX).clamp(1, most)
}

fn default_log_bytes(memory_bytes: u64) -> usize {
    usize::try_from((memory_bytes / 4).min(MAX_DEFAULT_LOG_BYTES)).unwrap_or(usize::MAX).max(MIB)
}

impl Limits {
    /// What is wrong although each value on its own is right.
    pub(super) fn contradictions(&self) -> Vec<Mistake> {
        let mut mistakes = Vec::new();
        let mut refuse = |key: &str, wrong: bool, problem: String, example: &str| {
            if wrong {
                mistakes.push(Mistake { key: key.to_owned(), problem, example: example.to_owned() });
            }
        };
        refuse(
            "--max-message-bytes",
            self.max_message_bytes > HARD_MAX_MESSAGE_BYTES,
            format!("{} is more than the hard limit of 1MiB", value::show_bytes(self.max_message_bytes)),
            "64KiB",
        );
        refuse(
            "--jwks-timeout",
            self.jwks_timeout > HARD_JWKS_TIMEOUT,
            format!(
                "{} is more than the hard limit of 2s: clients wait for it",
                value::show_duration(self.jwks_timeout)
            ),
            "2s",
        );
        refuse(
            "--max-depth",
            self.max_depth > HARD_MAX_DEPTH,
            format!("{} is more than the hard limit of {HARD_MAX_DEPTH}", self.max_depth),
            "100",
        );
        refuse(
            "--max-publish-request-bytes",
            self.max_publish_request_bytes < self.max_event_bytes,
            format!(
                "a request could not carry an event of --max-event-bytes {}",
                value::show_bytes(self.max_event_bytes)
            ),
            "4MiB",
        );
        refuse(
            "--max-decoding-bytes",
            self.max_decoding_bytes < self.max_publish_request_bytes,
            "not even one request of --max-publish-request-bytes could be worked on".to_owned(),
            "64MiB",
        );
        refuse(
            "--max-receiving-bytes",
            self.max_receiving_bytes / 2 < self.max_publish_request_bytes,
            "not even two requests of --max-publish-request-bytes could be received".to_owned(),
            "128MiB",
        );
        refuse(
            "--max-channel-bytes",
            self.max_channel_bytes > self.max_log_bytes,
            format!("one channel would exceed --max-log-bytes {}", value::show_bytes(self.max_log_bytes)),
            "8MiB",
        );
        mistakes
    }
}
