//! Every metric that a bridge tells, in one table: help texts and `docs/metrics.md` come from it.

use std::fmt::Write as _;

use super::Limit;

/// What kind of number it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, until the process ends.
    Counter,
    /// Goes up and down.
    Gauge,
    /// How often something fell into which bucket.
    Histogram,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        }
    }
}

/// One metric.
#[derive(Debug)]
pub struct Metric {
    /// Its name, as a query says it; a histogram's without `_bucket`, `_sum` and `_count`.
    pub name: &'static str,
    /// What kind of number it is.
    pub kind: Kind,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// What it means, in a sentence without a full stop.
    pub help: &'static str,
    /// When to wake somebody, or what it is for.
    pub watch: &'static str,
}

/// Makes a constant each, and the list of all, of lines `NAME: kind "name" ["label"] "help" "watch";`.
macro_rules! metrics {
    ($($id:ident: $kind:ident $name:literal [$($label:literal)*] $help:literal $watch:literal;)*) => {
        $(pub(super) const $id: Metric =
            Metric { name: $name, kind: Kind::$kind, labels: &[$($label),*], help: $help, watch: $watch };)*

        /// Every metric, in the order in which they are told.
        pub const ALL: &[Metric] = &[$($id),*];
    };
}

metrics! {
    CONNECTIONS: Gauge "rialto_connections" []
        "Open connections of browsers" "A fall to nothing, or above 80 % of --max-connections";
    TENANT_CONNECTIONS: Gauge "rialto_tenant_connections" ["tenant"]
        "Open connections of browsers by tenant, once it is known; (default) has no name, (other) is all beyond the first 100"
        "One tenant near --max-connections-per-tenant";
    CONNECTIONS_OPENED: Counter "rialto_connections_opened_total" []
        "Connections of browsers that were upgraded to WebSocket" "A rate far above the usual: clients reconnect in a storm";
    CONNECTIONS_CLOSED: Counter "rialto_connections_closed_total" ["code" "by"]
        "Ended connections by close code (1005: none given, 1006: no close frame) and who ended them: bridge, peer, network"
        "by=bridge with 4102 (slow clients), 4101 (dead ones), 4104, 1011 (defects)";
    UPGRADES_REFUSED: Counter "rialto_upgrades_refused_total" ["status"]
        "Upgrades refused by HTTP status; 401 is a missing or wrong token, 403 a page whose origin is not allowed" "403 after a new frontend went out";
    CONNECTIONS_BLOCKED: Gauge "rialto_connections_blocked" []
        "Connections whose socket is full now: they read more slowly than events come" "More than a tenth of rialto_connections";
    SUBSCRIPTIONS: Gauge "rialto_subscriptions" []
        "Subscriptions of all open connections" "For capacity";
    SUBSCRIBED: Counter "rialto_subscribed_total" ["start"]
        "Subscriptions that began: fresh, resumed (everything since the client's position is there), lost (a gap or reset follows)"
        "start=lost above a hundredth of start=resumed: retention is too short";
    REPLAY_EVENTS: Counter "rialto_replay_events_total" []
        "Events that went into sockets as replay: they were there when the subscription began" "For capacity";
    ERRORS_SENT: Counter "rialto_errors_sent_total" ["code"]
        "Error frames to clients by their code" "4104 (defects); 4004 and 4005 rising after a frontend's release";
    CHANNELS: Gauge "rialto_channels" []
        "Channels that have a log or a subscriber" "For capacity";
    EVENTS_PUBLISHED: Counter "rialto_events_published_total" ["type"]
        "Events accepted from publishers by event type; a retry of an accepted event does not count" "A fall to nothing";
    TENANT_PUBLISHED: Counter "rialto_tenant_events_published_total" ["tenant"]
        "Events accepted from publishers by the tenant that they are for" "One tenant that has most of all";
    TENANT_DELIVERED: Counter "rialto_tenant_events_delivered_total" ["tenant"]
        "Events that went into sockets by tenant, once for each subscription" "One tenant that has most of all";
    PUBLISHER_EVENTS: Counter "rialto_publisher_events_total" ["publisher" "result"]
        "Events by the publisher of --publishers that sent them, accepted or refused"
        "result=refused: a service that may not do what it does, or is over its rate";
    EVENTS_DUPLICATE: Counter "rialto_events_duplicate_total" []
        "Accepted publishes that an earlier one with the same idempotency key had made already" "For knowing who retries";
    EVENTS_APPENDED: Counter "rialto_events_appended_total" []
        "Appends to channel logs: an event counts once for each of its channels" "For capacity";
    EVENTS_DELIVERED: Counter "rialto_events_delivered_total" ["type"]
        "Events that went into sockets by event type, once for each subscription" "A fall to nothing while events are published";
    PUBLISH_RECEIVED_BYTES: Counter "rialto_publish_received_bytes_total" []
        "Bytes of the bodies of events that publishers sent, refused ones among them" "For capacity";
    SOCKET_SENT_BYTES: Counter "rialto_socket_sent_bytes_total" []
        "Bytes that the kernel took for browsers, control frames among them" "For capacity";
    SOCKET_RECEIVED_BYTES: Counter "rialto_socket_received_bytes_total" []
        "Bytes that came from browsers after the upgrade" "A rate far above the usual";
    ACKS: Counter "rialto_acks_total" ["code"]
        "Events answered to publishers by canonical code" "Anything but OK above a hundredth; INTERNAL at all";
    REFUSALS: Counter "rialto_publish_refused_total" ["reason"]
        "Refused events by reason, as publishers hear it in ErrorInfo" "Rising after a service's release";
    PUBLISH_STREAMS: Gauge "rialto_publish_streams" []
        "Open publish streams" "A fall to nothing";
    DELIVERY_LATENCY: Histogram "rialto_delivery_latency_seconds" []
        "From the bridge accepting an event to the kernel taking its bytes for a subscriber; samples of live events, not of replays"
        "The 99th percentile above 0.25";
    READER_LAG: Histogram "rialto_reader_lag_events" []
        "Events that a subscription was behind when it read" "The 99th percentile near the retention of a channel";
    GAPS: Counter "rialto_gaps_total" []
        "Gaps told to subscribers: they fell off the tail of a log" "Any rate that lasts: retention is too short or clients are too slow";
    GAP_LOST_EVENTS: Counter "rialto_gap_lost_events_total" []
        "Events lost to subscribers in those gaps" "With rialto_gaps_total";
    RESETS: Counter "rialto_resets_total" []
        "Resets told to subscribers: their position was not of this log" "A burst is a restart; a rate that lasts is not";
    CONFLATED_EVENTS: Counter "rialto_conflated_events_total" []
        "Events skipped for a subscription because a newer one of their key was sent" "For knowing slow readers of LATEST events";
    SLOW_PATH: Counter "rialto_transcode_slow_path_total" []
        "Events whose fields came out of order, which cost more to print" "For finding the publisher";
    REDUCED: Counter "rialto_payloads_reduced_total" []
        "Payloads made for those who may not see all fields: once for each set of hidden fields, form and read event" "Far above the events that are published: readers fall behind what is remembered";
    WITHHELD: Counter "rialto_payloads_withheld_total" []
        "Payloads that could not be reduced and went out empty instead" "Anything: a defect of the bridge";
    LIMIT_HITS: Counter "rialto_limit_hits_total" ["limit"]
        "How often each limit was hit" "A rate that lasts, for each limit by itself";
    KEY_FETCHES: Counter "rialto_key_fetches_total" ["result"]
        "Fetches of issuers' sets of keys (--jwks-url), by result: fetched, failed" "result=failed for longer than --jwks-refresh: a key that is gone is still taken";
    REVOCATIONS: Gauge "rialto_revocations" []
        "Users, sessions and tokens that an administrator has revoked and whose tokens may not have ended yet" "Above nine tenths of --max-revocations";
    TOMBSTONES: Gauge "rialto_tombstones" []
        "Channels without a log whose last position is remembered: up to 300 bytes each, beside rialto_log_bytes" "Above nine tenths of --max-tombstones";
    LOG_BYTES: Gauge "rialto_log_bytes" []
        "Memory of all channels and their logs" "Above nine tenths of rialto_log_limit_bytes";
    LOG_LIMIT_BYTES: Gauge "rialto_log_limit_bytes" []
        "What all channel logs may take: --max-log-bytes" "With rialto_log_bytes";
    SCHEMA_INFO: Gauge "rialto_schema_info" ["fingerprint" "revision"]
        "1 for the schema that is served: its fingerprint, and its number in the life of this process"
        "Nodes with different fingerprints for longer than a rollout";
    EARLIER_REVISIONS: Gauge "rialto_schema_earlier_revisions" []
        "Earlier schemas that are remembered because logs may hold events of them: at most 8, then the oldest are joined" "At 8: the schema is reloaded more often than events go";
    PORT_CONNECTIONS: Gauge "rialto_port_connections" ["port"]
        "Connections that count in a port's limits, whatever they have said so far: listen, grpc, admin"
        "Above 80 % of --max-connections, --max-grpc-connections or --max-admin-connections";
    ENTERING: Gauge "rialto_connections_entering" []
        "Connections to any port in their PROXY header or TLS handshake" "Staying high: peers that begin and do not go on";
    TLS_FAILED: Counter "rialto_tls_handshakes_failed_total" []
        "Connections to any port that did not get into TLS: another protocol or version, no certificate that is believed" "A rate that lasts: a client has the wrong authority or certificate";
    INTERNAL_REFUSED: Counter "rialto_internal_refused_total" ["reason"]
        "Requests to the internal port that were refused for want of the right token or of a certificate that still counts, by reason; publishers there are in rialto_publish_refused_total" "A rate that lasts: somebody tries tokens, or has an old one";
    PROXY_FAILED: Counter "rialto_proxy_headers_refused_total" []
        "Connections that did not begin with the PROXY protocol, or came from an address that is not trusted: --proxy-protocol" "A rate that lasts: a proxy is not set up for it, or somebody goes around it";
    SCHEMA_RELOADS: Counter "rialto_schema_reloads_total" ["result"]
        "Reloads of the schema: applied, unchanged or refused" "result=refused";
    READY: Gauge "rialto_ready" []
        "1 while new connections should be sent here, 0 while it starts or drains" "0 for longer than a drain";
    BUILD_INFO: Gauge "rialto_build_info" ["version" "node"]
        "1 for this process: its version, and the name that it made at start" "For joining";
    RUNTIME_WORKERS: Gauge "rialto_runtime_workers" []
        "Threads that do the bridge's work" "For capacity";
    RUNTIME_TASKS: Gauge "rialto_runtime_tasks" []
        "Tasks that are alive: one a connection, and some more" "Rising while rialto_connections does not";
    PROCESS_CPU: Counter "process_cpu_seconds_total" []
        "Processor time of the process" "Near the number of its processors";
    PROCESS_RESIDENT: Gauge "process_resident_memory_bytes" []
        "Resident memory of the process" "Near the machine's or container's memory";
    PROCESS_VIRTUAL: Gauge "process_virtual_memory_bytes" []
        "Virtual memory of the process" "For completeness";
    PROCESS_OPEN_FDS: Gauge "process_open_fds" []
        "Open file descriptors of the process" "Above nine tenths of process_max_fds";
    PROCESS_MAX_FDS: Gauge "process_max_fds" []
        "The most file descriptors that the process may open" "With process_open_fds";
    PROCESS_THREADS: Gauge "process_threads" []
        "Threads of the process" "For completeness";
    PROCESS_START_TIME: Gauge "process_start_time_seconds" []
        "When the process started, in seconds since the Unix epoch" "A change: the process was restarted";
}

/// The tables of `docs/metrics.md`: of metrics, and of limits.
pub fn markdown() -> [String; 2] {
    [metrics_markdown(), limits_markdown()]
}

fn limits_markdown() -> String {
    let mut table = String::from("| limit | bounds | a peer is |\n|---|---|---|\n");
    for limit in Limit::ALL {
        let (name, meaning, effect) = (limit.name(), limit.meaning(), limit.effect().name());
        writeln!(table, "| `{name}` | {meaning} | {effect} |").expect("text goes into memory without an error");
    }
    table
}

fn metrics_markdown() -> String {
    let mut table = String::from("| metric | type | labels | meaning | watch for |\n|---|---|---|---|---|\n");
    for metric in ALL {
        let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        let Metric { name, kind, help, watch, .. } = metric;
        writeln!(table, "| `{name}` | {} | {} | {help} | {watch} |", kind.name(), labels.join(", "))
            .expect("text goes into memory without an error");
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_conventions_of_prometheus() {
        for metric in ALL {
            let Metric { name, kind, help, .. } = metric;
            assert!(name.starts_with("rialto_") || name.starts_with("process_"), "{name}");
            assert_eq!(name.ends_with("_total"), *kind == Kind::Counter, "{name}");
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
            assert!(!name.contains("_ms") && !name.contains("_kib"), "{name} is not in base units");
            let one_line = !help.contains(['\n', '\\', '"', '|']);
            assert!(one_line && !help.ends_with('.'), "{name}: {help}");
            assert_eq!(ALL.iter().filter(|other| other.name == *name).count(), 1, "{name} is there twice");
        }
    }
}
