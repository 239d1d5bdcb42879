//! The bounds of what publishers send.

use std::time::Duration;

use crate::session::meter::Rate;

/// What an event may be.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Wire bytes of one event. Default 1 MiB.
    pub max_event_bytes: usize,
    /// Bytes of one request over HTTP, with all of its events. Default 4 MiB.
    pub max_request_bytes: usize,
    /// Events of one request over HTTP. Default 1,000.
    pub max_request_events: usize,
    /// From the headers of a request over HTTP to the end of its body. Default 10 s.
    pub body_timeout: Duration,
    /// Memory of requests over HTTP on one port while they come, and until they are worked on, in bytes. Default 128 MiB.
    pub max_receiving_bytes: usize,
    /// Bytes of one event that comes as JSON. Default 4 MiB.
    pub max_json_bytes: usize,
    /// Channels that one event may name. Default 64.
    pub max_channels: usize,
    /// Entries of one event's metadata. Default 64.
    pub max_metadata_entries: usize,
    /// Bytes of one event's metadata, keys and values. Default 8 KiB.
    pub max_metadata_bytes: usize,
    /// Bytes of an idempotency key. Default 256.
    pub max_idempotency_key_bytes: usize,
    /// Memory for events that are being decoded at once, over all publishers, in bytes. Default 64 MiB.
    pub decoding_bytes: usize,
    /// Events that one publisher may publish, known by its name or else by its address. Default: as many as it can.
    pub publisher_rate: Option<Rate>,
    /// Those of one type. Default: as many as it can.
    pub type_rate: Option<Rate>,
    /// Whether an event must name a tenant. Default no.
    pub require_tenant: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            max_event_bytes: 1 << 20,
            max_request_bytes: 4 << 20,
            max_request_events: 1_000,
            body_timeout: Duration::from_secs(10),
            max_receiving_bytes: 128 << 20,
            max_json_bytes: 4 << 20,
            max_channels: 64,
            max_metadata_entries: 64,
            max_metadata_bytes: 8 << 10,
            max_idempotency_key_bytes: 256,
            decoding_bytes: 64 << 20,
            publisher_rate: None,
            type_rate: None,
            require_tenant: false,
        }
    }
}
