//! What became of a batch: counted, and told in the log at the debug level.
//!
//! Counting touches shared memory once for a run of events of one type, not once an event. A log line has ids and codes;
//! neither payload nor messages, which may repeat what the publisher sent. Payloads are another matter, and another line
//! ([`super::payloads`]).

use serde::Deserialize;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use super::payloads::{self, PAYLOADS_TARGET, Pace};
use super::{Accepted, PublishContext};
use crate::engine::EventRecord;
use crate::ids::{Tenant, trace_id};
use crate::metrics::{Metrics, Publishing};
use crate::revision::Revision;
use crate::schema::TypeIndex;
use crate::status::Status;

/// An event that was checked and given to the engine.
pub(super) struct Sent {
    pub(super) index: TypeIndex,
    pub(super) tenant: Tenant,
    /// Kept only where the log wants lines.
    pub(super) record: Option<Arc<EventRecord>>,
}

/// Whether the log wants a line for each event.
pub(super) fn is_logged() -> bool {
    tracing::enabled!(tracing::Level::DEBUG)
}

/// Tells of one batch. Counts when it is dropped.
pub(super) struct Teller<'a> {
    publishing: &'a Publishing,
    metrics: &'a Metrics,
    context: &'a PublishContext,
    publisher: Option<&'a Arc<str>>,
    /// What bounds the lines with payloads, and the revision that they were checked against.
    payloads: (&'a Pace, &'a Revision),
    run: (TypeIndex, u64),
    /// Accepted events of one tenant in a row.
    tenant_run: (Tenant, u64),
    accepted: u64,
    refused: u64,
    duplicates: u64,
    appends: u64,
}

impl<'a> Teller<'a> {
    pub(super) fn new(
        metrics: &'a Metrics,
        context: &'a PublishContext,
        publisher: Option<&'a Arc<str>>,
        payloads: (&'a Pace, &'a Revision),
    ) -> Self {
        Teller {
            publishing: &metrics.publishing,
            metrics,
            context,
            publisher,
            payloads,
            run: (TypeIndex(0), 0),
            tenant_run: (Tenant::default_tenant(), 0),
            accepted: 0,
            refused: 0,
            duplicates: 0,
            appends: 0,
        }
    }

    /// One event's answer.
    pub(super) fn on_answer(&mut self, sent: Option<&Sent>, answer: &Result<Accepted, Status>) {
        match answer {
            Ok(accepted) => {
                self.accepted += 1;
                if accepted.duplicate {
                    self.duplicates += 1;
                } else if let Some(Sent { index, tenant, .. }) = sent {
                    self.appends += accepted.positions.len() as u64;
                    self.count(*index);
                    self.count_of(tenant);
                }
            }
            Err(status) => {
                self.refused += 1;
                self.publishing.acks.add_refused(status);
            }
        }
        if is_logged() {
            self.log(sent.and_then(|sent| sent.record.as_deref()), answer);
        }
        if let (Ok(accepted), Some(record)) = (answer, sent.and_then(|sent| sent.record.as_deref()))
            && payloads::is_logged()
        {
            self.show(record, accepted);
        }
    }

    fn count(&mut self, index: TypeIndex) {
        if self.run.0 != index {
            self.end_run();
            self.run.0 = index;
        }
        self.run.1 += 1;
    }

    fn count_of(&mut self, tenant: &Tenant) {
        if self.tenant_run.0 != *tenant {
            self.end_tenant_run();
            self.tenant_run.0 = tenant.clone();
        }
        self.tenant_run.1 += 1;
    }

    fn end_tenant_run(&mut self) {
        let (tenant, count) = &mut self.tenant_run;
        if *count > 0 {
            self.metrics.tenants.add_published(tenant, *count);
            *count = 0;
        }
    }

    fn end_run(&mut self) {
        let (index, count) = self.run;
        if count > 0 {
            self.publishing.events.add(index, count);
            self.run.1 = 0;
        }
    }

    fn show(&self, record: &EventRecord, accepted: &Accepted) {
        let (pace, revision) = self.payloads;
        let Some(left_out) = pace.take(Instant::now()) else { return };
        let PublishContext { peer, call, .. } = self.context;
        let peer = peer.map(tracing::field::display);
        let (event_type, event_id) = (&*record.event_type.name, &accepted.event_id);
        let data = payloads::shown(revision, record);
        tracing::trace!(target: PAYLOADS_TARGET, peer, call, %event_id, event_type, %data, left_out, "payload");
    }

    fn log(&self, record: Option<&EventRecord>, answer: &Result<Accepted, Status>) {
        let PublishContext { peer, call, traceparent, .. } = self.context;
        let peer = peer.map(tracing::field::display);
        let own = record.and_then(|record| traceparent_of(&record.metadata));
        let traceparent = own.as_deref().or(traceparent.as_deref());
        let trace = traceparent.and_then(trace_id);
        let event_type = record.map(|record| &*record.event_type.name);
        let publisher = self.publisher.map(|publisher| &**publisher);
        match answer {
            Ok(Accepted { event_id, positions, duplicate }) => {
                for (channel, position) in positions {
                    let sequence = position.sequence;
                    tracing::debug!(peer, call, publisher, %event_id, event_type, channel = channel.as_str(), sequence, duplicate, traceparent, trace_id = trace, "published");
                }
            }
            Err(Status { code, reason, .. }) => {
                tracing::debug!(peer, call, publisher, event_type, %code, reason, traceparent, trace_id = trace, "refused");
            }
        }
    }
}

impl Drop for Teller<'_> {
    fn drop(&mut self) {
        self.end_run();
        self.end_tenant_run();
        if let Some(publisher) = self.publisher {
            self.metrics.publishers.add(publisher, self.accepted, self.refused);
        }
        let publishing = self.publishing;
        for (counter, count) in [(&publishing.duplicates, self.duplicates), (&publishing.appends, self.appends)] {
            if count > 0 {
                counter.add(count);
            }
        }
        publishing.acks.add_ok(self.accepted);
    }
}

/// The `traceparent` in printed metadata.
fn traceparent_of(metadata: &[u8]) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Trace<'a> {
        #[serde(borrow)]
        traceparent: Option<Cow<'a, str>>,
    }
    serde_json::from_slice::<Trace<'_>>(metadata).ok()?.traceparent
}
