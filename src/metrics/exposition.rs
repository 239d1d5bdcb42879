//! All numbers as text, for a scrape.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::counters::{ByType, Histogram};
use super::process::{Usage, unix_seconds};
use super::table::{self, Kind, Metric};
use super::{Limit, Metrics, Observed, ShardCounters, classic};

impl Metrics {
    /// All metrics in OpenMetrics 1.0's text format.
    pub fn open_metrics(self: &Arc<Self>, observed: Observed) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Scrape { metrics: Arc::clone(self), observed }));
        let mut out = String::new();
        text::encode(&mut out, &registry).expect("text goes into memory without an error");
        out
    }

    /// All metrics in Prometheus's text format 0.0.4.
    pub fn prometheus(self: &Arc<Self>, observed: Observed) -> String {
        classic::from_open_metrics(&self.open_metrics(observed))
    }
}

/// One scrape.
#[derive(Debug)]
struct Scrape {
    metrics: Arc<Metrics>,
    observed: Observed,
}

impl Collector for Scrape {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut out = Out(encoder);
        self.connections(&mut out)?;
        self.events(&mut out)?;
        self.readers(&mut out)?;
        self.node(&mut out)?;
        process(&mut out, &self.observed)
    }
}

impl Scrape {
    fn connections(&self, out: &mut Out<'_>) -> fmt::Result {
        let (front, observed) = (&self.metrics.front, &self.observed);
        out.gauge(&table::CONNECTIONS, observed.connections)?;
        let tenants = self.metrics.tenants.labelled(&observed.tenant_connections);
        out.gauges(
            &table::TENANT_CONNECTIONS,
            tenants.into_iter().map(|(tenant, count)| (vec![("tenant", tenant)], count)),
        )?;
        out.counter(&table::CONNECTIONS_OPENED, front.opened.get())?;
        out.counters(
            &table::CONNECTIONS_CLOSED,
            front.closed.counted().map(|(by, code, count)| (vec![("code", code), ("by", by.to_owned())], count)),
        )?;
        let refused = front.refused.counted().map(|(status, count)| (vec![("status", status)], count));
        out.counters(&table::UPGRADES_REFUSED, refused)?;
        out.gauge(&table::CONNECTIONS_BLOCKED, self.sum(ShardCounters::blocked_now))?;
        out.gauge(&table::SUBSCRIPTIONS, observed.subscriptions)?;
        let starts = [
            ("fresh", self.sum(|shard| shard.fresh.get())),
            ("resumed", self.sum(|shard| shard.resumed.get())),
            ("lost", self.sum(|shard| shard.lost.get())),
        ];
        let starts = starts.map(|(start, count)| (vec![("start", start.to_owned())], count));
        out.counters(&table::SUBSCRIBED, starts)?;
        out.counter(&table::REPLAY_EVENTS, self.sum(|shard| shard.replay_events.get()))?;
        let errors = front.errors.counted().map(|(code, count)| (vec![("code", code)], count));
        out.counters(&table::ERRORS_SENT, errors)
    }

    fn events(&self, out: &mut Out<'_>) -> fmt::Result {
        let publishing = &self.metrics.publishing;
        out.gauge(&table::CHANNELS, self.observed.channels)?;
        self.by_type(out, &table::EVENTS_PUBLISHED, [&publishing.events].into_iter())?;
        self.by_name(out)?;
        out.counter(&table::EVENTS_DUPLICATE, publishing.duplicates.get())?;
        out.counter(&table::EVENTS_APPENDED, publishing.appends.get())?;
        let shards = self.metrics.shards();
        self.by_type(out, &table::EVENTS_DELIVERED, shards.iter().map(|shard| &shard.delivered))?;
        out.counter(&table::PUBLISH_RECEIVED_BYTES, publishing.received_bytes.get())?;
        out.counter(&table::SOCKET_SENT_BYTES, self.sum(|shard| shard.sent_bytes.get()))?;
        out.counter(&table::SOCKET_RECEIVED_BYTES, self.metrics.front.received_bytes.get())?;
        let codes = publishing.acks.by_code().map(|(code, count)| (vec![("code", code.to_owned())], count));
        out.counters(&table::ACKS, codes)?;
        let reasons = publishing.acks.by_reason().into_iter();
        out.counters(&table::REFUSALS, reasons.map(|(reason, count)| (vec![("reason", reason.to_owned())], count)))?;
        out.gauge(&table::PUBLISH_STREAMS, u64::try_from(publishing.streams.get()).unwrap_or(0))
    }

    /// By tenant and by publisher.
    fn by_name(&self, out: &mut Out<'_>) -> fmt::Result {
        let of_tenant = |(tenant, count): (String, u64)| (vec![("tenant", tenant)], count);
        let tenants = &self.metrics.tenants;
        out.counters(&table::TENANT_PUBLISHED, tenants.published().into_iter().map(of_tenant))?;
        let shards = self.metrics.shards();
        let delivered = tenants.delivered(shards.iter().map(|shard| &shard.by_tenant));
        out.counters(&table::TENANT_DELIVERED, delivered.into_iter().map(of_tenant))?;
        let publishers = self.metrics.publishers.counted().into_iter();
        let publishers =
            publishers.map(|(name, result, count)| (vec![("publisher", name), ("result", result.to_owned())], count));
        out.counters(&table::PUBLISHER_EVENTS, publishers)
    }

    fn readers(&self, out: &mut Out<'_>) -> fmt::Result {
        let (mut latency, mut lag) = (Histogram::default(), Histogram::default());
        for shard in self.metrics.shards() {
            shard.latency.add_to(&mut latency);
            shard.lag.add_to(&mut lag);
        }
        out.histogram(&table::DELIVERY_LATENCY, &latency)?;
        out.histogram(&table::READER_LAG, &lag)?;
        out.counter(&table::GAPS, self.sum(|shard| shard.gaps.get()))?;
        out.counter(&table::GAP_LOST_EVENTS, self.sum(|shard| shard.gap_lost_events.get()))?;
        out.counter(&table::RESETS, self.sum(|shard| shard.resets.get()))?;
        out.counter(&table::CONFLATED_EVENTS, self.sum(|shard| shard.conflated_events.get()))
    }

    fn node(&self, out: &mut Out<'_>) -> fmt::Result {
        let (metrics, observed) = (&self.metrics, &self.observed);
        out.counter(&table::SLOW_PATH, observed.slow_path)?;
        out.counter(&table::REDUCED, observed.reduced)?;
        out.counter(&table::WITHHELD, observed.withheld)?;
        let limits = Limit::ALL.iter();
        out.counters(
            &table::LIMIT_HITS,
            limits.map(|limit| (vec![("limit", limit.name().to_owned())], metrics.limits.get(*limit))),
        )?;
        let results = [("fetched", &metrics.keys.fetched), ("failed", &metrics.keys.failed)];
        let results = results.map(|(result, count)| (vec![("result", result.to_owned())], count.get()));
        out.counters(&table::KEY_FETCHES, results)?;
        out.gauge(&table::REVOCATIONS, observed.revocations)?;
        out.gauge(&table::TOMBSTONES, observed.tombstones)?;
        out.gauge(&table::LOG_BYTES, observed.log_bytes)?;
        out.gauge(&table::LOG_LIMIT_BYTES, observed.log_limit_bytes)?;
        let schema = vec![("fingerprint", observed.fingerprint.clone()), ("revision", observed.revision.to_string())];
        out.info(&table::SCHEMA_INFO, schema)?;
        out.gauge(&table::EARLIER_REVISIONS, observed.earlier_revisions)?;
        let ports = observed.port_connections.iter();
        out.gauges(&table::PORT_CONNECTIONS, ports.map(|(port, count)| (vec![("port", (*port).to_owned())], *count)))?;
        out.gauge(&table::ENTERING, u64::try_from(metrics.entering.get()).unwrap_or(0))?;
        out.counter(&table::TLS_FAILED, metrics.tls_failed.get())?;
        let refused = metrics.internal_refused.counted().into_iter();
        let refused = refused.map(|(reason, count)| (vec![("reason", reason.to_owned())], count));
        out.counters(&table::INTERNAL_REFUSED, refused)?;
        out.counter(&table::PROXY_FAILED, metrics.proxy_failed.get())?;
        let reloads = &metrics.reloads;
        let results = [("applied", &reloads.applied), ("unchanged", &reloads.unchanged), ("refused", &reloads.refused)];
        let results = results.map(|(result, count)| (vec![("result", result.to_owned())], count.get()));
        out.counters(&table::SCHEMA_RELOADS, results)?;
        out.gauge(&table::READY, u64::from(observed.ready))?;
        out.info(&table::BUILD_INFO, vec![("version", observed.version.clone()), ("node", observed.node.clone())])?;
        out.gauge(&table::RUNTIME_WORKERS, observed.runtime_workers)?;
        out.gauge(&table::RUNTIME_TASKS, observed.runtime_tasks)
    }

    fn sum(&self, of: impl Fn(&ShardCounters) -> u64) -> u64 {
        self.metrics.shards().iter().map(|shard| of(shard)).sum()
    }

    /// Counts by event type. A type whose name is not known, or that is beyond the cap, is `other`.
    fn by_type<'a>(&self, out: &mut Out<'_>, metric: &Metric, counts: impl Iterator<Item = &'a ByType>) -> fmt::Result {
        let types = self.metrics.types();
        let mut sums = vec![0; types.len()];
        let mut other = 0;
        for (place, count) in counts.flat_map(ByType::counted) {
            match types.get(place) {
                Some(Some(_)) => sums[place] += count,
                _ => other += count,
            }
        }
        let named = types.iter().zip(sums).filter(|(_, count)| *count > 0);
        let named = named.filter_map(|(name, count)| Some((vec![("type", name.as_ref()?.to_string())], count)));
        out.counters(metric, named.chain((other > 0).then(|| (vec![("type", "other".to_owned())], other))))
    }
}

fn process(out: &mut Out<'_>, observed: &Observed) -> fmt::Result {
    if let Some(usage) = Usage::read() {
        out.metric(&table::PROCESS_CPU)?.encode_counter::<NoLabelSet, f64, f64>(&usage.cpu.as_secs_f64(), None)?;
        out.gauge(&table::PROCESS_RESIDENT, usage.resident_bytes)?;
        out.gauge(&table::PROCESS_VIRTUAL, usage.virtual_bytes)?;
        out.gauge(&table::PROCESS_OPEN_FDS, usage.open_fds)?;
        if let Some(max_fds) = usage.max_fds {
            out.gauge(&table::PROCESS_MAX_FDS, max_fds)?;
        }
        out.gauge(&table::PROCESS_THREADS, usage.threads)?;
    }
    out.metric(&table::PROCESS_START_TIME)?.encode_gauge(&unix_seconds(observed.started))
}

type Labels = Vec<(&'static str, String)>;

/// Where the numbers go. Every metric is described by its row of the table.
struct Out<'a>(DescriptorEncoder<'a>);

impl Out<'_> {
    fn metric<'s>(&'s mut self, metric: &'s Metric) -> Result<MetricEncoder<'s>, fmt::Error> {
        // The encoder puts the ending back behind each sample's name.
        let (name, kind) = match metric.kind {
            Kind::Counter => (metric.name.trim_end_matches("_total"), MetricType::Counter),
            Kind::Gauge => (metric.name, MetricType::Gauge),
            Kind::Histogram => (metric.name, MetricType::Histogram),
        };
        self.0.encode_descriptor(name, metric.help, None, kind)
    }

    fn counter(&mut self, metric: &Metric, count: u64) -> fmt::Result {
        self.metric(metric)?.encode_counter::<NoLabelSet, u64, f64>(&count, None)
    }

    fn counters(&mut self, metric: &Metric, counts: impl IntoIterator<Item = (Labels, u64)>) -> fmt::Result {
        let mut encoder = self.metric(metric)?;
        for (labels, count) in counts {
            debug_assert!(labels.iter().map(|(name, _)| name).eq(metric.labels), "{}: {labels:?}", metric.name);
            encoder.encode_family(&labels)?.encode_counter::<NoLabelSet, u64, f64>(&count, None)?;
        }
        Ok(())
    }

    fn gauge(&mut self, metric: &Metric, value: u64) -> fmt::Result {
        self.metric(metric)?.encode_gauge(&value)
    }

    fn gauges(&mut self, metric: &Metric, values: impl IntoIterator<Item = (Labels, u64)>) -> fmt::Result {
        let mut encoder = self.metric(metric)?;
        for (labels, value) in values {
            encoder.encode_family(&labels)?.encode_gauge(&value)?;
        }
        Ok(())
    }

    fn info(&mut self, metric: &Metric, labels: Labels) -> fmt::Result {
        self.metric(metric)?.encode_family(&labels)?.encode_gauge(&1_u64)
    }

    fn histogram(&mut self, metric: &Metric, histogram: &Histogram) -> fmt::Result {
        let (sum, count) = (histogram.sum, histogram.count());
        self.metric(metric)?.encode_histogram::<NoLabelSet>(sum, count, &histogram.buckets, None)
    }
}
