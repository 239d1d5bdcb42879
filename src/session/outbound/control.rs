//! Frames that are not events, finished and waiting for the socket.

use std::mem;

use super::Limits;

/// Written bytes below this are kept until the queue is empty.
const COMPACT_FROM_BYTES: usize = 4 << 10;

/// A queue of finished frames, written as one run of bytes.
#[derive(Debug, Default)]
pub(super) struct ControlQueue {
    bytes: Vec<u8>,
    /// How much of `bytes` the kernel has.
    written: usize,
    frames: usize,
    /// Where a ping ends in `bytes`: its clock starts when the kernel has it.
    ping_end: Option<usize>,
}

impl ControlQueue {
    /// Appends one frame.
    pub(super) fn push(&mut self, frame: impl FnOnce(&mut Vec<u8>)) {
        frame(&mut self.bytes);
        self.frames += 1;
    }

    /// Appends a ping.
    pub(super) fn push_ping(&mut self, frame: impl FnOnce(&mut Vec<u8>)) {
        self.push(frame);
        self.ping_end = Some(self.bytes.len());
    }

    /// What is left to write.
    pub(super) fn rest(&self) -> &[u8] {
        &self.bytes[self.written..]
    }

    pub(super) fn is_empty(&self) -> bool {
        self.written == self.bytes.len()
    }

    /// Whether another command may be carried out: half of what may wait is left for its answers.
    pub(super) fn has_room(&self, limits: &Limits) -> bool {
        self.frames < limits.max_control_frames / 2 && self.bytes.len() - self.written < limits.max_control_bytes / 2
    }

    /// Notes that the kernel took `count` bytes. `true`: a ping was among them.
    pub(super) fn wrote(&mut self, count: usize) -> bool {
        self.written += count;
        let pinged = self.ping_end.is_some_and(|end| end <= self.written);
        if pinged {
            self.ping_end = None;
        }
        if self.is_empty() {
            // An idle connection keeps no buffer.
            mem::take(&mut self.bytes);
            self.written = 0;
            self.frames = 0;
            self.ping_end = None;
        } else if self.written >= COMPACT_FROM_BYTES && self.written > self.bytes.len() / 2 {
            // A peer that takes a trickle must not keep what it has taken.
            self.bytes.drain(..self.written);
            self.ping_end = self.ping_end.map(|end| end - self.written);
            self.written = 0;
        }
        pinged
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_goes_though_the_queue_is_never_empty() {
        let mut queue = ControlQueue::default();
        let limits = Limits::default();
        queue.push(|out| out.extend_from_slice(&[0; 1_000]));
        for _ in 0..1_000 {
            queue.push_ping(|out| out.extend_from_slice(&[1; 1_000]));
            assert!(!queue.wrote(1_000), "the newest ping has not left");
            assert!(queue.bytes.len() <= 2 * COMPACT_FROM_BYTES + 1_000, "{} bytes", queue.bytes.len());
        }
        assert_eq!(queue.rest(), [1; 1_000]);
        assert!(queue.wrote(1_000), "a ping is heard of when its last byte is written");
        assert!(queue.is_empty() && queue.has_room(&limits));
    }
}
