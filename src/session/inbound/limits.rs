//! The bounds of a connection's read side: those of the configuration, and those that are fixed.

use super::super::meter::Rate;

/// The bounds of a connection's read side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest message, whole or reassembled, in bytes: the parser's. Default 64 KiB.
    pub max_message_bytes: usize,
    /// Commands per second, over time. Default 50.
    pub commands_per_second: u32,
    /// Commands at once. Default 200.
    pub commands_burst: u32,
    /// Commands per second of one user on all connections, over time. Default 200.
    pub user_commands_per_second: u32,
    /// Such commands at once. Default 1,000.
    pub user_commands_burst: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            max_message_bytes: 64 << 10,
            commands_per_second: 50,
            commands_burst: 200,
            user_commands_per_second: 200,
            user_commands_burst: 1_000,
        }
    }
}

/// Refused frames without a good one between them, after which a client is taken to speak another protocol.
pub const MAX_INVALID_IN_A_ROW: u16 = 100;
/// Commands refused for their rate, without a calm second between them, after which the connection is closed.
pub const MAX_REFUSED_COMMANDS: u16 = 200;
/// Pings and pongs left unanswered for their rate, without a calm second between them, after which the connection is closed.
pub const MAX_REFUSED_PINGS: u16 = 1_000;

/// The reason of a 4004 that other connections of the same user have a part in.
pub const USER_RATE_LIMITED: &str = "user_rate_limited";

/// Pings and unsolicited pongs. RFC 6455 lets a server answer the latest of many pings only.
pub(super) const PING_RATE: Rate = Rate { per_second: 20, burst: 100, patience: MAX_REFUSED_PINGS };

/// What the rules of a client's event may cost before it counts as one more command, and again for each time it does.
pub(super) const UNITS_PER_COMMAND: u64 = 1_000;
