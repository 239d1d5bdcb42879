//! What may happen to a log and its readers.

use std::time::Duration;

use proptest::prelude::*;

use super::super::super::*;

#[derive(Clone, Debug)]
pub(super) enum Step {
    Append {
        event_type: u32,
        len: usize,
        key: Option<u8>,
    },
    AppendEphemeral {
        event_type: u32,
        len: usize,
    },
    ReadEphemeral {
        reader: usize,
        max_bytes: usize,
        form: Form,
    },
    /// A reader reads, and its socket takes so many percent of what it has got.
    Read {
        reader: usize,
        max_bytes: usize,
        percent: usize,
        lags: bool,
        form: Form,
    },
    /// A reader's connection is cut and resumes: what was half written is lost, positions cross as text.
    Cut {
        reader: usize,
    },
    /// A reader comes with a position that it cannot have.
    Forge {
        reader: usize,
        sequence: u64,
        life: u32,
    },
    /// The history that a new subscription gets.
    Subscribe {
        reader: usize,
        events: u32,
    },
    Pass {
        time: Duration,
    },
    Evict,
    Shrink {
        budget_bytes: usize,
    },
    Clear,
    /// The channel expires; its tombstone is left.
    Expire,
    /// Another channel expires.
    BuryAnother {
        name: u8,
    },
}

fn form() -> impl Strategy<Value = Form> {
    prop::sample::select(Form::ALL.to_vec())
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let reader = 0..4_usize;
    let len = prop_oneof![5 => 8..400_usize, 2 => 400..3000_usize, 1 => 10_000..40_000_usize];
    prop_oneof![
        12 => (0..4_u32, len.clone())
            .prop_map(|(event_type, len)| Step::Append { event_type: event_type * 50, len, key: None }),
        // So few and so small that all of them fit into what a log keeps beyond its retention.
        12 => (0..2_u32, 8..200_usize, 0..4_u8)
            .prop_map(|(event_type, len, key)| Step::Append { event_type: event_type * 50, len, key: Some(key) }),
        3 => (0..4_u32, len).prop_map(|(event_type, len)| Step::AppendEphemeral { event_type: event_type * 50, len }),
        3 => (reader.clone(), 0..4000_usize, form())
            .prop_map(|(reader, max_bytes, form)| Step::ReadEphemeral { reader, max_bytes, form }),
        12 => (reader.clone(), 0..4000_usize, 0..=100_usize, any::<bool>(), form()).prop_map(
            |(reader, max_bytes, percent, lags, form)| Step::Read { reader, max_bytes, percent, lags, form }
        ),
        2 => reader.clone().prop_map(|reader| Step::Cut { reader }),
        1 => (reader.clone(), 0..60_u64, 0..3_u32)
            .prop_map(|(reader, sequence, life)| Step::Forge { reader, sequence, life }),
        1 => (reader, 0..30_u32).prop_map(|(reader, events)| Step::Subscribe { reader, events }),
        3 => (0..40_u64).prop_map(|seconds| Step::Pass { time: Duration::from_secs(seconds) }),
        1 => Just(Step::Pass { time: TOMBSTONE_AGE / 2 }),
        2 => Just(Step::Evict),
        1 => (0..10_000_usize).prop_map(|budget_bytes| Step::Shrink { budget_bytes }),
        1 => Just(Step::Clear),
        1 => Just(Step::Expire),
        1 => (0..5_u8).prop_map(|name| Step::BuryAnother { name }),
    ]
}
