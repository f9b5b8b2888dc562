//! The packet buffer the pipeline is generic over: a DPDK mbuf on real ports, a plain vector in
//! tests, fuzzing and microbenchmarks.
//!
//! ```text
//!   | headroom |  data: Ethernet frame, no FCS  | tailroom |
//!              ^ prepend grows                  ^ append grows
//!                trim_front shrinks               trim_back shrinks
//! ```

/// What the receiver (NIC or driver) knows of a checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Checksum {
    /// Nobody looked: the pipeline must.
    #[default]
    Unknown,
    /// The NIC verified it.
    Good,
    /// The NIC found it wrong.
    Bad,
}

/// One frame in one contiguous buffer, owned: dropping it gives the buffer back.
pub trait Packet: Sized + Send {
    /// The frame, from its Ethernet header on.
    fn data(&self) -> &[u8];
    /// The frame, writable.
    fn data_mut(&mut self) -> &mut [u8];
    /// Grows the front by `count` bytes of unspecified content; false when the headroom is too small.
    fn prepend(&mut self, count: usize) -> bool;
    /// Grows the end by `count` bytes of unspecified content; false when the tailroom is too small.
    fn append(&mut self, count: usize) -> bool;
    /// Removes up to `count` bytes at the front.
    fn trim_front(&mut self, count: usize);
    /// Removes up to `count` bytes at the end.
    fn trim_back(&mut self, count: usize);
    /// Brings what [`Self::data`] reads towards L1.
    fn prefetch_header(&self) {}
    /// Brings the first bytes of the frame towards L1.
    fn prefetch_data(&self) {}
    /// What the driver says of the IPv4 header checksum.
    fn ip_checksum(&self) -> Checksum {
        Checksum::Unknown
    }
    /// What the driver says of the TCP, UDP or ICMP checksum.
    fn l4_checksum(&self) -> Checksum {
        Checksum::Unknown
    }
}

/// Where a worker gets buffers for the packets it originates.
pub trait Pool {
    /// The buffers of this pool.
    type Packet: Packet;
    /// An empty buffer (no data, full headroom), or none when the pool is exhausted.
    fn alloc(&mut self) -> Option<Self::Packet>;
}

/// A packet in ordinary memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryPacket {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl MemoryPacket {
    /// Bytes before and after the frame, as a DPDK mbuf has.
    const ROOM: usize = 128;

    /// A packet holding a copy of `frame`.
    #[must_use]
    pub fn new(frame: &[u8]) -> Self {
        let mut bytes = vec![0; frame.len() + 2 * Self::ROOM];
        let (start, end) = (Self::ROOM, Self::ROOM + frame.len());
        if let Some(middle) = bytes.get_mut(start..end) {
            middle.copy_from_slice(frame);
        }
        Self { bytes, start, end }
    }
}

impl Packet for MemoryPacket {
    fn data(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }
    fn data_mut(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.start..self.end).unwrap_or_default()
    }
    fn prepend(&mut self, count: usize) -> bool {
        match self.start.checked_sub(count) {
            Some(start) => {
                self.start = start;
                true
            }
            None => false,
        }
    }
    fn append(&mut self, count: usize) -> bool {
        if self.end + count > self.bytes.len() {
            // A memory packet stands in for an mbuf of any size.
            self.bytes.resize(self.end + count, 0);
        }
        self.end += count;
        true
    }
    fn trim_front(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
    }
    fn trim_back(&mut self, count: usize) {
        self.end = self.end.saturating_sub(count).max(self.start);
    }
}

/// A pool of [`MemoryPacket`]s without a bound.
#[derive(Debug, Default, Clone, Copy)]
pub struct MemoryPool;

impl Pool for MemoryPool {
    type Packet = MemoryPacket;
    fn alloc(&mut self) -> Option<MemoryPacket> {
        Some(MemoryPacket::new(&[]))
    }
}
