//! DPDK mbufs as the pipeline's packets.

use crate::packet::{Checksum, Packet, Pool};
use dpdk::{Mbuf, Mempool};

fn count16(count: usize) -> Option<u16> {
    u16::try_from(count).ok()
}

impl Packet for Mbuf {
    #[inline]
    fn data(&self) -> &[u8] {
        Mbuf::data(self)
    }
    #[inline]
    fn data_mut(&mut self) -> &mut [u8] {
        Mbuf::data_mut(self)
    }
    fn prepend(&mut self, count: usize) -> bool {
        count16(count).is_some_and(|count| Mbuf::prepend(self, count).is_some())
    }
    fn append(&mut self, count: usize) -> bool {
        count16(count).is_some_and(|count| Mbuf::append(self, count).is_some())
    }
    fn trim_front(&mut self, count: usize) {
        let count = count.min(self.len());
        count16(count).map(|count| Mbuf::trim_front(self, count));
    }
    fn trim_back(&mut self, count: usize) {
        let count = count.min(self.len());
        count16(count).map(|count| Mbuf::trim_back(self, count));
    }
    #[inline]
    fn prefetch_header(&self) {
        Mbuf::prefetch_header(self);
    }
    #[inline]
    fn prefetch_data(&self) {
        Mbuf::prefetch_data(self);
    }
    #[inline]
    fn ip_checksum(&self) -> Checksum {
        match Mbuf::ip_checksum(self) {
            dpdk::Checksum::Unknown | dpdk::Checksum::Absent => Checksum::Unknown,
            dpdk::Checksum::Good => Checksum::Good,
            dpdk::Checksum::Bad => Checksum::Bad,
        }
    }
    #[inline]
    fn l4_checksum(&self) -> Checksum {
        match Mbuf::l4_checksum(self) {
            dpdk::Checksum::Good => Checksum::Good,
            // What a driver calls bad may be incomplete: the pipeline looks itself.
            dpdk::Checksum::Unknown | dpdk::Checksum::Absent | dpdk::Checksum::Bad => {
                Checksum::Unknown
            }
        }
    }
}

impl Pool for Mempool {
    type Packet = Mbuf;
    fn alloc(&mut self) -> Option<Mbuf> {
        Mempool::alloc(self)
    }
}
