//! Wire to JSON against prost and pbjson, on four kinds of event in one process; the ratios are printed at the end.
//!
//! Rialto's own frames stand in for events, since both sides know their types: a small status, a chat line with text
//! and metadata, a record with a `Struct`, and a list of nested messages.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use buffa_descriptor::{DescriptorPool, MessageIndex};
use criterion::{Criterion, criterion_group, criterion_main};
use prost::Message;
use rialto::proto::rialto::v1;
use rialto::transcode::{Options, Transcoder};

/// A kind of event: its type, its JSON, and its bytes through prost and pbjson.
struct Kind {
    name: &'static str,
    message: MessageIndex,
    wire: Vec<u8>,
    baseline: fn(&[u8], &mut Vec<u8>),
}

fn through_pbjson<M: Message + Default + serde::Serialize>(wire: &[u8], json: &mut Vec<u8>) {
    let message = M::decode(wire).unwrap();
    serde_json::to_writer(json, &message).unwrap();
}

fn kinds(pool: &DescriptorPool, transcoder: &Transcoder) -> Vec<Kind> {
    let status = r#"{"code":4008,"status":"RESOURCE_EXHAUSTED","reason":"too_many_subscriptions",
        "message":"no more than 100 channels","retryAfterMs":1500}"#;
    let chat = r#"{"type":"chat.message","id":"0191f7c2-7f6e-7a52-b9a4-3f2a9c1d5e77","channel":"session:8f14e45fceea167a",
        "replyTo":"Could you look at the failing build, please? The log says the linker ran out of memory; — danke!",
        "sequence":18231,"timestamp":"2026-11-20T10:30:45.123Z","metadata":{"content":"I have looked: two jobs ran at once.",
        "traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}}"#;
    let tool = r#"{"channel":"project:42","start":{"epoch":"k3f9","sequence":17},"head":{"epoch":"k3f9","sequence":18},
        "metadata":{"tool":"search","arguments":{"query":"ring buffer eviction","limit":20,"fuzzy":true,"scopes":["src","docs"],
        "weights":{"title":2.5,"body":1,"tags":0.75}},"attempt":1,"results":[{"path":"src/log.rs","line":128,"score":0.93,
        "text":"evicts the oldest entries"},{"path":"docs/log.md","line":12,"score":0.81,"text":"what retention keeps"},
        {"path":"src/hub.rs","line":77,"score":0.5,"text":null}],"durationMs":41.5,"cached":false}}"#;
    let one = r#"{"name":"project:42","types":["file.*","process.progress","presence.joined"],"filter":"size > 100",
        "after":{"epoch":"k3f9a1b2","sequence":1234567},"history":20}"#;
    let nested = format!("{{\"channels\":[{}]}}", [one; 44].join(","));
    let kind = |name, message, json: &str, baseline| {
        let message = pool.message_index(message).unwrap();
        let wire = transcoder.from_json(message, json.as_bytes()).unwrap();
        Kind { name, message, wire, baseline }
    };
    vec![
        kind("status", "rialto.v1.ConnectionError", status, through_pbjson::<v1::ConnectionError>),
        kind("chat", "rialto.v1.Frame", chat, through_pbjson::<v1::Frame>),
        kind("tool", "rialto.v1.ChannelSubscribed", tool, through_pbjson::<v1::ChannelSubscribed>),
        kind("nested", "rialto.v1.ChannelSubscribe", &nested, through_pbjson::<v1::ChannelSubscribe>),
    ]
}

/// Nanoseconds a call, the best of many short rounds: the machine is shared.
fn nanos(mut call: impl FnMut()) -> f64 {
    const ROUND: Duration = Duration::from_millis(10);
    let mut best = f64::MAX;
    for _ in 0..40 {
        let (start, mut calls) = (Instant::now(), 0u32);
        while start.elapsed() < ROUND {
            (0..64).for_each(|_| call());
            calls += 64;
        }
        best = best.min(start.elapsed().as_nanos() as f64 / f64::from(calls));
    }
    best
}

fn transcode(criterion: &mut Criterion) {
    let pool = Arc::new(DescriptorPool::decode(rialto::proto::DESCRIPTORS).unwrap());
    let transcoder = Transcoder::new(&pool, Options::default());
    let mut json = Vec::with_capacity(64 * 1024);
    let kinds = kinds(&pool, &transcoder);
    for kind in &kinds {
        let mut group = criterion.benchmark_group(kind.name);
        group.bench_function("plan", |bencher| {
            bencher.iter(|| {
                json.clear();
                transcoder.to_json(kind.message, black_box(&kind.wire), &mut json).unwrap();
            });
        });
        group.bench_function("pbjson", |bencher| {
            bencher.iter(|| {
                json.clear();
                (kind.baseline)(black_box(&kind.wire), &mut json);
            });
        });
        group.finish();
    }
    println!(
        "{:8} {:>6} {:>6} {:>10} {:>10} {:>6} {:>10}",
        "event", "wire", "json", "plan ns", "pbjson ns", "ratio", "read ns"
    );
    for kind in &kinds {
        let plan = nanos(|| {
            json.clear();
            transcoder.to_json(kind.message, black_box(&kind.wire), &mut json).unwrap();
        });
        let text = json.clone();
        let pbjson = nanos(|| {
            json.clear();
            (kind.baseline)(black_box(&kind.wire), &mut json);
        });
        let read = nanos(|| drop(black_box(transcoder.from_json(kind.message, black_box(&text)))));
        let (name, wire) = (kind.name, kind.wire.len());
        println!("{name:8} {wire:6} {:6} {plan:10.0} {pbjson:10.0} {:6.2} {read:10.0}", text.len(), pbjson / plan);
    }
    assert_eq!(transcoder.slow_path_count(), 0, "these events take the single pass");
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_millis(700)).sample_size(20);
    targets = transcode
}
criterion_main!(benches);
