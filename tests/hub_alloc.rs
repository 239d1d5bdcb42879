//! What the hub counts is what its channels take: compared with an allocator's count, so this test has a binary to itself.

#![allow(missing_docs, unsafe_code, clippy::unwrap_used)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use rialto::engine::{Append, Appender, EventRecord};
use rialto::hub::{Hub, Limits};
use rialto::ids::{ChannelKey, ChannelName, EventId, Tenant};
use rialto::log::Class;
use rialto::schema::{EventKey, Retention, Schema};

/// The system's allocator, counting what each thread holds.
struct Counting;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
}

fn count(bytes: usize, sign: isize) {
    HELD.with(|held| held.set(held.get() + sign * bytes as isize));
}

// SAFETY: every call is the system allocator's own; the counter is a plain thread-local cell that does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 1);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(layout.size(), -1);
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(layout.size(), -1);
        count(size, 1);
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn channels_of_one_small_event_take_no_more_than_is_counted() {
    let schema = Schema::bundled();
    let event_type = Arc::clone(schema.event("process.progress").unwrap());
    for class in [Class::Reliable, Class::Latest(EventKey::new("process.progress", ["1"]))] {
        let hub = Hub::new(1, 4, Limits::default());
        let event = Arc::new(EventRecord {
            id: EventId::new(1_700_000_000_000, [7; 10]),
            event_type: Arc::clone(&event_type),
            timestamp_ms: 1_700_000_000_000,
            metadata: "".into(),
            metadata_wire: "".into(),
            reply_to: None,
            data: "{}".into(),
            payload: "".into(),
            revision: 1,
            class,
            reducer: None,
        });
        // Just after maps have grown is when most of them is empty.
        for channels in [100, 1_000, 10_000, 60_000] {
            let (before, counted_before) = (HELD.with(Cell::get), hub.log_bytes());
            for number in 0..channels {
                let channel = ChannelName::from(&*format!("project:{channels}-{number}"));
                let key = ChannelKey { tenant: Tenant::default_tenant(), channel };
                let retention = Retention { events: 10, age: Duration::from_secs(30) };
                let event = Arc::clone(&event);
                hub.append(&Append { key, retention, event, idempotency_key: None, publisher: None }).unwrap();
            }
            let taken = HELD.with(Cell::get) - before;
            let counted = (hub.log_bytes() - counted_before) as isize;
            assert!(taken <= counted, "{channels} channels take {taken} bytes, counted are {counted}");
            assert!(counted < taken * 2, "{channels} channels take {taken} bytes, counted are {counted}");
        }
    }
}
