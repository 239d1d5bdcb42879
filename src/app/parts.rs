//! From the configuration to each part's own limits, and the parts that every front stands on.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::auth::publishers::Directory;
use crate::auth::{Keyring, Revocations, SessionToken};
use crate::config::{Config, ConfigError, SchemaPolicy, read_publishers};

use crate::engine::{Appender, Idempotency, MemoryEngine};
use crate::grpc;
use crate::hub::{self, Hub};
use crate::ingest::{self, Ingest};
use crate::metrics::Metrics;
use crate::net::http;
use crate::net::tls::Authorities;
use crate::proto::rialto::v1;
use crate::revision::{Revision, Revisions};
use crate::schema::{Schema, Source};
use crate::session::inbound;
use crate::session::meter::Rate;
use crate::session::outbound::{self, ReplayRate, Timings};
use crate::socket::{self, Front, Gate, Origins, Shards, Tenancy, WrongTokens};
use crate::transcode;

/// What every front stands on.
pub(super) struct Core {
    pub(super) metrics: Arc<Metrics>,
    pub(super) revisions: Arc<Revisions>,
    pub(super) hub: Arc<Hub>,
    pub(super) ingest: Arc<Ingest>,
    pub(super) front: Arc<Front>,
    pub(super) shards: Shards,
}

/// Who publishes.
pub(super) struct Backends {
    pub(super) directory: Arc<Directory>,
    /// Who vouches for their certificates.
    pub(super) authorities: Option<Arc<Authorities>>,
}

/// Where the schema comes from: these paths as they are now, or the bundled catalogue.
pub(super) fn sources(paths: &[PathBuf]) -> Vec<Source> {
    if paths.is_empty() {
        return vec![Source::Bundled];
    }
    paths.iter().map(|path| Source::at(path)).collect()
}

/// How events are printed.
pub(super) fn transcode_options(config: &Config) -> transcode::Options {
    let limits = &config.limits;
    transcode::Options {
        max_depth: count_u32(limits.max_depth),
        max_elements: count_u32(limits.max_elements),
        max_json_bytes: limits.max_json_bytes,
        ..transcode::Options::default()
    }
}

/// Makes hub, engine, ingest and front of the memory engine.
pub(super) fn core(
    config: &Config,
    node: &Arc<str>,
    schema: Schema,
    keys: Option<Arc<Keyring>>,
    session: Option<Arc<SessionToken>>,
    metrics: Arc<Metrics>,
    backends: Backends,
) -> Core {
    let limits = &config.limits;
    metrics.learn(&schema);
    let revisions = Arc::new(Revisions::new(Revision::first(schema, transcode_options(config))));
    let hub = Hub::new(rand::random(), limits.shards, hub_limits(config)).with_metrics(Arc::clone(&metrics));
    let hub = Arc::new(hub);
    let idempotency = Idempotency { max_age: limits.idempotency_window, max_bytes: limits.max_idempotency_bytes };
    let engine = MemoryEngine::new(Arc::clone(&hub) as Arc<dyn Appender>, idempotency);
    let engine = Arc::new(engine.with_metrics(Arc::clone(&metrics)));
    let ingest = Ingest::new(Arc::clone(&revisions), engine, ingest_limits(config));
    let ingest = ingest.with_publishers(backends.directory).with_authorities(backends.authorities);
    let ingest = Arc::new(ingest.with_metrics(Arc::clone(&metrics)));
    let gate = gate(config, keys, session, Arc::clone(&metrics));
    let front_config = socket_config(config, node, gate, Arc::clone(&metrics));
    let (front, shards) = Front::start(front_config, Arc::clone(&hub), Arc::clone(&revisions));
    Core { metrics, revisions, hub, ingest, front, shards }
}

/// Who may come in on the first port.
pub(super) fn gate(
    config: &Config,
    keys: Option<Arc<Keyring>>,
    session: Option<Arc<SessionToken>>,
    metrics: Arc<Metrics>,
) -> Gate {
    let (identity, limits) = (&config.identity, &config.limits);
    Gate {
        keys,
        session,
        cookie: identity.cookie.clone(),
        in_query: identity.in_query,
        grace: identity.grace,
        tenancy: Arc::new(Tenancy::new(
            config.peers.require_tenant,
            limits.max_connections_per_tenant,
            Arc::clone(&metrics),
        )),
        revocations: Arc::new(Revocations::new(limits.max_revocations, identity.max_life, identity.leeway)),
        wrong: WrongTokens::new(count_u32(limits.wrong_tokens_per_second)),
        metrics,
    }
}

fn hub_limits(config: &Config) -> hub::Limits {
    let limits = &config.limits;
    hub::Limits {
        channel_bytes: limits.max_channel_bytes,
        total_bytes: limits.max_log_bytes,
        idle: limits.channel_idle,
        tombstones: limits.max_tombstones,
        tombstone_age: limits.tombstone_age,
    }
}

fn ingest_limits(config: &Config) -> ingest::Limits {
    let limits = &config.limits;
    let burst = limits.events_burst;
    let rate = |per_second: u32| Rate {
        per_second,
        // At least one, or there would be none ever.
        burst: (burst.as_secs_f64() * f64::from(per_second)).ceil().max(1.0) as u32,
        patience: u16::MAX,
    };
    ingest::Limits {
        max_event_bytes: limits.max_event_bytes,
        max_request_bytes: limits.max_publish_request_bytes,
        max_request_events: limits.max_publish_request_events,
        body_timeout: limits.body_timeout,
        max_receiving_bytes: limits.max_receiving_bytes,
        max_json_bytes: limits.max_json_bytes,
        decoding_bytes: limits.max_decoding_bytes,
        publisher_rate: limits.events_per_second_per_publisher.map(rate),
        type_rate: limits.events_per_second_per_type.map(rate),
        max_channels: limits.max_channels,
        max_metadata_entries: limits.max_metadata_entries,
        max_metadata_bytes: limits.max_metadata_bytes,
        max_idempotency_key_bytes: limits.max_idempotency_key_bytes,
        require_tenant: config.peers.require_tenant,
    }
}

fn socket_config(config: &Config, node: &Arc<str>, gate: Gate, metrics: Arc<Metrics>) -> socket::Config {
    let limits = &config.limits;
    let max_message_bytes = limits.max_message_bytes;
    let (commands_per_second, commands_burst) =
        (count_u32(limits.commands_per_second), count_u32(limits.commands_burst));
    socket::Config {
        origins: Origins {
            allowed: config.allowed_origins.clone(),
            // Where nobody is authenticated, a loopback port is as open to this machine's pages as to its programs.
            localhost: config.listen.ip().is_loopback() && !gate.is_on(),
        },
        gate: Arc::new(gate),
        outbound: outbound::Limits {
            max_subscriptions: u16::try_from(limits.max_subscriptions).unwrap_or(u16::MAX),
            max_message_bytes: count_u32(max_message_bytes),
            commands_per_second,
            commands_burst,
            max_control_frames: limits.max_control_frames,
            max_control_bytes: limits.max_control_bytes,
            replay: ReplayRate {
                bytes_per_second: limits.replay_bytes_per_second as u64,
                burst_bytes: limits.replay_burst_bytes as u64,
            },
            timings: Timings {
                init: limits.init_timeout,
                ping_after: limits.ping_interval,
                pong: limits.pong_timeout,
                write: limits.write_timeout,
                heartbeat: limits.heartbeat_interval,
                message: limits.message_timeout,
                close: limits.close_timeout,
            },
            schema_policy: match config.schema_policy {
                SchemaPolicy::Serve => v1::SchemaPolicy::Serve,
                SchemaPolicy::Reload => v1::SchemaPolicy::Reload,
                SchemaPolicy::Refuse => v1::SchemaPolicy::Refuse,
            },
        },
        inbound: inbound::Limits {
            max_message_bytes,
            commands_per_second,
            commands_burst,
            user_commands_per_second: count_u32(limits.user_commands_per_second),
            user_commands_burst: count_u32(limits.user_commands_burst),
        },
        max_connections_per_user: limits.max_connections_per_user,
        node: Arc::clone(node),
        metrics,
    }
}

/// The limits of the ports that speak HTTP.
pub(super) fn http_config(config: &Config) -> http::Config {
    let limits = &config.limits;
    http::Config {
        header_timeout: limits.handshake_timeout,
        max_headers: limits.max_request_headers,
        max_header_bytes: limits.max_request_header_bytes,
        max_age: limits.http_connection_age,
        drain_timeout: limits.http_close_timeout,
        accepts_per_second: count_u32(limits.handshakes_per_second),
    }
}

/// The limits of the gRPC port.
pub(super) fn grpc_config(config: &Config) -> grpc::Config {
    let limits = &config.limits;
    grpc::Config {
        max_request_bytes: limits.max_publish_request_bytes,
        max_receiving_bytes: limits.max_receiving_bytes,
        message_timeout: limits.message_timeout,
        max_unacked_events: limits.max_unacked_events,
        max_streams: count_u32(limits.max_http2_streams),
        max_header_list_bytes: count_u32(limits.max_http2_header_bytes),
        keepalive_interval: limits.http2_keepalive_interval,
        keepalive_timeout: limits.http2_keepalive_timeout,
        preface_timeout: limits.handshake_timeout,
        idle_timeout: limits.grpc_idle_timeout,
        max_age: limits.max_grpc_connection_age,
        drain_timeout: limits.grpc_close_timeout,
        accepts_per_second: count_u32(limits.handshakes_per_second),
        ..grpc::Config::default()
    }
}

fn count_u32(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Puts what the file of publishers says now in the place of what it said.
pub(super) fn renew_publishers(path: &Path, directory: &Directory) -> Result<(), String> {
    let publishers = read_publishers(path).map_err(|mistakes| ConfigError { mistakes }.to_string())?;
    tracing::info!(publishers = publishers.len(), "the list of publishers was read again");
    directory.replace(publishers);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Each limit by its own number, so that none stands in for another.
    #[test]
    fn what_is_said_of_ports_reaches_them() {
        let seconds = Duration::from_secs;
        let mut config = Config::default();
        let limits = &mut config.limits;
        (limits.handshake_timeout, limits.http_connection_age) = (seconds(101), seconds(102));
        (limits.http_close_timeout, limits.grpc_close_timeout) = (seconds(103), seconds(104));
        (limits.message_timeout, limits.grpc_idle_timeout) = (seconds(105), seconds(106));
        (limits.max_grpc_connection_age, limits.body_timeout) = (Some(seconds(107)), seconds(108));
        (limits.http2_keepalive_interval, limits.http2_keepalive_timeout) = (seconds(109), seconds(110));
        (limits.max_request_headers, limits.max_request_header_bytes) = (111, 112);
        (limits.max_publish_request_bytes, limits.max_publish_request_events) = (113, 114);
        (limits.max_receiving_bytes, limits.max_unacked_events) = (115, 116);
        (limits.max_http2_streams, limits.max_http2_header_bytes, limits.handshakes_per_second) = (117, 118, 119);
        let http = http_config(&config);
        assert_eq!((http.header_timeout, http.max_age, http.drain_timeout), (seconds(101), seconds(102), seconds(103)));
        assert_eq!((http.max_headers, http.max_header_bytes, http.accepts_per_second), (111, 112, 119));
        let grpc = grpc_config(&config);
        assert_eq!((grpc.preface_timeout, grpc.drain_timeout), (seconds(101), seconds(104)));
        assert_eq!((grpc.message_timeout, grpc.idle_timeout), (seconds(105), seconds(106)));
        assert_eq!(grpc.max_age, Some(seconds(107)));
        assert_eq!((grpc.keepalive_interval, grpc.keepalive_timeout), (seconds(109), seconds(110)));
        assert_eq!((grpc.max_request_bytes, grpc.max_receiving_bytes, grpc.max_unacked_events), (113, 115, 116));
        assert_eq!((grpc.max_streams, grpc.max_header_list_bytes, grpc.accepts_per_second), (117, 118, 119));
        let ingest = ingest_limits(&config);
        assert_eq!(
            (ingest.max_request_bytes, ingest.max_request_events, ingest.body_timeout),
            (113, 114, seconds(108))
        );
        assert_eq!(ingest.max_receiving_bytes, 115);
    }
}
