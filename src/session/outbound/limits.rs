//! What one connection may have, in numbers.

use super::deadlines::Timings;
use super::pace::ReplayRate;
use crate::proto::rialto::v1::SchemaPolicy;

/// The bounds of one connection.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Channels that one connection may subscribe to. Default 128.
    pub max_subscriptions: u16,
    /// What the ack tells the client about its own messages.
    pub max_message_bytes: u32,
    /// Commands per second, over time.
    pub commands_per_second: u32,
    /// Commands at once.
    pub commands_burst: u32,
    /// Answers that may wait for the socket: past half of them no further command is carried out. Default 256.
    pub max_control_frames: usize,
    /// Their bytes. Default 256 KiB.
    pub max_control_bytes: usize,
    /// How fast old events are sent.
    pub replay: ReplayRate,
    /// The connection's clocks.
    pub timings: Timings,
    /// What a client does whose schema is another one; under `Refuse` it is closed with 4503.
    pub schema_policy: SchemaPolicy,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            max_subscriptions: 128,
            max_message_bytes: 64 << 10,
            commands_per_second: 50,
            commands_burst: 200,
            max_control_frames: 256,
            max_control_bytes: 256 << 10,
            replay: ReplayRate::default(),
            timings: Timings::default(),
            schema_policy: SchemaPolicy::Serve,
        }
    }
}
