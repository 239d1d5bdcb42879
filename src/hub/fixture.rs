//! Events to append, for tests.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;

use crate::engine::{Append, EventRecord};
use crate::ids::{ChannelKey, ChannelName, EventId, Tenant};
use crate::log::Class;
use crate::schema::{Retention, Schema};

pub(crate) const RETENTION: Retention = Retention { events: 10, age: Duration::from_secs(30) };

pub(crate) fn key(channel: &str) -> ChannelKey {
    ChannelKey { tenant: Tenant::default_tenant(), channel: ChannelName::from(channel) }
}

pub(crate) static SCHEMA: LazyLock<Schema> = LazyLock::new(Schema::bundled);

pub(crate) fn append_to(channel: &str, data_bytes: usize) -> Append {
    append_as(Class::Reliable, channel, data_bytes)
}

pub(crate) fn append_as(class: Class, channel: &str, data_bytes: usize) -> Append {
    let event_type = Arc::clone(SCHEMA.event("process.progress").expect("the catalogue has it"));
    let event = EventRecord {
        id: EventId::new(1_700_000_000_000, [7; 10]),
        event_type,
        timestamp_ms: 1_700_000_000_000,
        metadata: Bytes::new(),
        metadata_wire: Bytes::new(),
        reply_to: None,
        data: Bytes::from(format!("\"{}\"", "x".repeat(data_bytes))),
        payload: Bytes::from_static(b"wire"),
        revision: 1,
        class,
        reducer: None,
    };
    Append { key: key(channel), retention: RETENTION, event: Arc::new(event), idempotency_key: None, publisher: None }
}
