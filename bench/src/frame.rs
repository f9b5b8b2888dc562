//! The buffer of a benchmark: as large and as laid out as a DPDK mbuf, in ordinary memory.
//!
//! Buffers are made once and go round: generator, worker, outbox, generator. One that the worker drops
//! is gone, and the round that misses it fails.

use sluice_dataplane::packet::{Packet, Pool};

const HEADROOM: usize = 128;
const SIZE: usize = HEADROOM + 2048;

#[derive(Debug)]
#[repr(C, align(64))]
struct Buffer {
    start: usize,
    end: usize,
    bytes: [u8; SIZE],
}

/// One frame; a pointer wide, as an mbuf is.
///
/// Its checksums are unknown to the receiver, so the worker verifies them in software.
#[derive(Debug)]
pub(crate) struct Frame(Box<Buffer>);

impl Frame {
    /// An empty one.
    pub(crate) fn new() -> Self {
        Self(Box::new(Buffer { start: HEADROOM, end: HEADROOM, bytes: [0; SIZE] }))
    }

    /// Replaces what it holds.
    pub(crate) fn fill(&mut self, frame: &[u8]) {
        self.0.start = HEADROOM;
        self.0.end = (HEADROOM + frame.len()).min(SIZE);
        self.data_mut().copy_from_slice(frame);
    }
}

impl Packet for Frame {
    fn data(&self) -> &[u8] {
        self.0.bytes.get(self.0.start..self.0.end).unwrap_or_default()
    }
    fn data_mut(&mut self) -> &mut [u8] {
        self.0.bytes.get_mut(self.0.start..self.0.end).unwrap_or_default()
    }
    fn prepend(&mut self, count: usize) -> bool {
        let Some(start) = self.0.start.checked_sub(count) else { return false };
        self.0.start = start;
        true
    }
    fn append(&mut self, count: usize) -> bool {
        if count > SIZE - self.0.end {
            return false;
        }
        self.0.end += count;
        true
    }
    fn trim_front(&mut self, count: usize) {
        self.0.start = (self.0.start + count).min(self.0.end);
    }
    fn trim_back(&mut self, count: usize) {
        self.0.end = self.0.end.saturating_sub(count).max(self.0.start);
    }
}

/// Nothing here makes the worker originate packets, so it gets no buffers for them.
#[derive(Debug)]
pub(crate) struct NoBuffers;

impl Pool for NoBuffers {
    type Packet = Frame;
    fn alloc(&mut self) -> Option<Frame> {
        None
    }
}
