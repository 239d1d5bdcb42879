//! Printing allocates nothing: counted by an allocator, so this test has a binary to itself.

#![allow(missing_docs, unsafe_code, clippy::unwrap_used)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;

use buffa_descriptor::DescriptorPool;
use prost::Message as _;
use rialto::transcode::{Options, Transcoder};

/// The system's allocator, counting what each thread asks for.
struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call is the system allocator's own; the counter is a plain thread-local cell that does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(work: impl FnOnce()) -> usize {
    let before = COUNT.with(Cell::get);
    work();
    COUNT.with(Cell::get) - before
}

#[test]
fn printing_an_event_into_a_warm_buffer_allocates_nothing() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/transcode");
    let set = protox::compile(["events.proto"], [folder]).unwrap();
    let pool = Arc::new(DescriptorPool::decode(&set.encode_to_vec()).unwrap());
    let transcoder = Transcoder::new(&pool, Options::default());
    let events = [
        (
            "events.Status",
            r#"{"projectId":"42","processId":"build-7","state":"STATE_RUNNING","progress":0.625,"bytes":123456}"#,
        ),
        (
            "events.Chat",
            r#"{"sessionId":"s-1","author":"Zoë","content":"line one\n\"two\" — 三","at":"2026-11-20T10:30:45.123Z",
            "mentions":["ann","bob"],"labels":{"a":"1","b":"2","c":"3","d":"4","e":"5","f":"6","g":"7","h":"8","i":"9","j":"0"},
            "replyTo":"","edit":"-7"}"#,
        ),
        (
            "events.Tool",
            r#"{"sessionId":"s-1","name":"search","arguments":{"query":"ring","limit":20,"deep":{"list":[1,2.5,null,true,{"x":"y"}]},
            "none":null},"started":"2026-11-20T10:30:45Z","seconds":0.1}"#,
        ),
    ];
    for (name, text) in events {
        let message = pool.message_index(name).unwrap();
        let wire = transcoder.from_json(message, text.as_bytes()).unwrap();
        let mut json = Vec::new();
        transcoder.to_json(message, &wire, &mut json).unwrap();
        assert!(json.len() > 100, "{name}");
        let counted = allocations(|| {
            for _ in 0..100 {
                json.clear();
                transcoder.to_json(message, &wire, &mut json).unwrap();
            }
        });
        assert_eq!(counted, 0, "{name}: {}", String::from_utf8_lossy(&json));
    }
    assert_eq!(transcoder.slow_path_count(), 0);
    assert!(allocations(|| drop(std::hint::black_box(Vec::<u8>::with_capacity(10)))) > 0, "the counter counts");
}
