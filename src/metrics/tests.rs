//! What a scrape says.

use std::collections::BTreeSet;
use std::time::{Duration, UNIX_EPOCH};

use super::*;

/// Numbers that no default has.
pub(crate) fn observed() -> Observed {
    Observed {
        node: "n1".into(),
        version: "1.2.3".into(),
        started: UNIX_EPOCH + Duration::from_secs(1_700_000_000),
        ready: true,
        fingerprint: "f00d".into(),
        revision: 3,
        earlier_revisions: 2,
        connections: 2,
        port_connections: [("listen", 3), ("grpc", 6), ("admin", 1)],
        tenant_connections: Vec::new(),
        subscriptions: 5,
        channels: 4,
        revocations: 3,
        tombstones: 6,
        log_bytes: 1_000,
        log_limit_bytes: 4_000,
        slow_path: 1,
        reduced: 2,
        withheld: 0,
        runtime_workers: 2,
        runtime_tasks: 9,
    }
}

#[test]
fn a_scrape_tells_every_metric_of_the_table_and_no_other() {
    let metrics = Arc::new(Metrics::default());
    metrics.shard();
    let told: BTreeSet<String> = metrics
        .prometheus(observed())
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next().map(str::to_owned))
        .collect();
    let table: BTreeSet<String> = ALL.iter().map(|metric| metric.name.to_owned()).collect();
    assert_eq!(told, table);
}

#[test]
fn numbers_are_told_under_their_labels() {
    let metrics = Arc::new(Metrics::default());
    let schema = Schema::bundled();
    metrics.learn(&schema);
    let uploaded = schema.event("process.progress").unwrap().index;
    for (shard, count) in [(metrics.shard(), 3), (metrics.shard(), 4)] {
        shard.on_delivered(uploaded, count);
        shard.on_gap(10);
        shard.on_subscribed(Start::Lost);
        shard.on_replayed(2);
    }
    metrics.publishing.events.add(uploaded, 2);
    metrics.publishing.events.add(TypeIndex(60_000), 1);
    metrics.front.closed.add(Close::ByBridge(4102));
    metrics.limits.hit(Limit::MaxSubscriptions, "c1");
    let text = metrics.prometheus(observed());
    for line in [
        "rialto_connections 2",
        "rialto_port_connections{port=\"grpc\"} 6",
        "rialto_events_delivered_total{type=\"process.progress\"} 7",
        "rialto_events_published_total{type=\"process.progress\"} 2",
        "rialto_events_published_total{type=\"other\"} 1",
        "rialto_gaps_total 2",
        "rialto_gap_lost_events_total 20",
        "rialto_subscribed_total{start=\"lost\"} 2",
        "rialto_replay_events_total 4",
        "rialto_connections_closed_total{code=\"4102\",by=\"bridge\"} 1",
        "rialto_limit_hits_total{limit=\"max-subscriptions\"} 1",
        "rialto_limit_hits_total{limit=\"max-connections\"} 0",
        "rialto_acks_total{code=\"INTERNAL\"} 0",
        "rialto_schema_info{fingerprint=\"f00d\",revision=\"3\"} 1",
        "rialto_build_info{version=\"1.2.3\",node=\"n1\"} 1",
    ] {
        assert!(text.lines().any(|told| told == line), "{line} is missing in\n{text}");
    }
}

#[test]
fn the_page_about_metrics_has_the_tables() {
    let page = include_str!("../../docs/metrics.md");
    for table in markdown() {
        assert!(page.contains(&table), "put this table into docs/metrics.md:\n\n{table}");
    }
}
