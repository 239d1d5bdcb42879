//! The limits of an HTTP port.

use std::time::Duration;

use super::super::accept::ACCEPTS_PER_SECOND;

/// The limits of an HTTP port.
#[derive(Clone, Debug)]
pub struct Config {
    /// From accepting, or from the last answer, to the last byte of the request's headers. Default 10 s.
    pub header_timeout: Duration,
    /// Header fields of a request. Default 64.
    pub max_headers: usize,
    /// Bytes of a request's line and headers. Default 16 KiB; not less than 8 KiB.
    pub max_header_bytes: usize,
    /// A connection that is not upgraded is told to go after this time, a tenth more or less, and cut after `drain_timeout` more.
    /// Default 60 s.
    pub max_age: Duration,
    /// What running requests get when the server stops, or their connection is told to go. Default 10 s.
    pub drain_timeout: Duration,
    /// Connections accepted per second; what is beyond waits. Default 1,000.
    pub accepts_per_second: u32,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            header_timeout: Duration::from_secs(10),
            max_headers: 64,
            max_header_bytes: 16 * 1024,
            max_age: Duration::from_secs(60),
            drain_timeout: Duration::from_secs(10),
            accepts_per_second: ACCEPTS_PER_SECOND,
        }
    }
}
