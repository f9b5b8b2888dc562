//! One packet: a DPDK message buffer, owned.
//!
//! ```text
//!  buf_addr       data_off                data_off + data_len      buf_len
//!     ├── headroom ──┼────── data() ──────────────┼──── tailroom ─────┤
//!          prepend ◄─┤─► trim_front    trim_back ◄─┤─► append
//! ```

use std::{fmt, ptr::NonNull};

use dpdk_sys as sys;

use crate::cpu::prefetch_line;

/// What a port says about a received packet's checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checksum {
    /// Not looked at.
    Unknown,
    /// Correct.
    Good,
    /// Wrong.
    Bad,
    /// Not filled in, but the data is known to be intact (a virtual peer left it to hardware).
    Absent,
}

/// A layer-4 checksum for the port to fill in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum L4Checksum {
    /// Leave as it is.
    Keep,
    /// TCP; its field must hold the pseudo header's sum.
    Tcp,
    /// UDP; its field must hold the pseudo header's sum.
    Udp,
}

/// Checksums for the port to fill in; only where it has the offload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TxChecksum {
    /// Bytes before the IP header, at most 127.
    pub l2_len: u8,
    /// Bytes of the IP header, at most 511.
    pub l3_len: u16,
    /// IPv6 rather than IPv4.
    pub ipv6: bool,
    /// Fill in the IPv4 header's checksum (its field must be zero).
    pub ip: bool,
    /// What to do at layer 4.
    pub l4: L4Checksum,
}

/// A packet, freed when dropped.
#[repr(transparent)]
pub struct Mbuf(NonNull<sys::rte_mbuf>);

// SAFETY: an Mbuf is the one owner of its packet, and a pool takes packets back on any thread.
unsafe impl Send for Mbuf {}
// SAFETY: through a shared reference a packet can only be read.
unsafe impl Sync for Mbuf {}

impl Mbuf {
    /// Takes ownership of a raw packet.
    ///
    /// # Safety
    /// A valid packet that nobody else owns.
    #[inline]
    pub(crate) unsafe fn from_raw(mbuf: NonNull<sys::rte_mbuf>) -> Self {
        Self(mbuf)
    }

    #[inline(always)]
    fn raw(&self) -> &sys::rte_mbuf {
        // SAFETY: self owns a valid packet.
        unsafe { self.0.as_ref() }
    }

    #[inline(always)]
    fn raw_mut(&mut self) -> &mut sys::rte_mbuf {
        // SAFETY: self owns a valid packet.
        unsafe { self.0.as_mut() }
    }

    /// The bytes; of the first segment, where there are several.
    #[inline]
    pub fn data(&self) -> &[u8] {
        let mbuf = self.raw();
        // SAFETY: data_off + data_len lies within the buffer, which lives as long as the packet.
        unsafe {
            let start = mbuf.buf_addr.cast::<u8>().add(mbuf.data_off.into());
            std::slice::from_raw_parts(start, mbuf.data_len.into())
        }
    }

    /// The bytes, to be changed; of the first segment, where there are several.
    #[inline]
    pub fn data_mut(&mut self) -> &mut [u8] {
        let mbuf = self.raw_mut();
        // SAFETY: as in data(); this crate never shares a buffer between packets.
        unsafe {
            let start = mbuf.buf_addr.cast::<u8>().add(mbuf.data_off.into());
            std::slice::from_raw_parts_mut(start, mbuf.data_len.into())
        }
    }

    /// Bytes of the whole packet, all segments.
    #[inline]
    #[expect(clippy::len_without_is_empty, reason = "the length of a packet, not of a collection")]
    pub fn len(&self) -> usize {
        self.raw().pkt_len as usize
    }

    /// Segments.
    #[inline]
    pub fn segments(&self) -> u16 {
        self.raw().nb_segs
    }

    /// Whether [`Self::data`] is the whole packet.
    #[inline]
    pub fn is_contiguous(&self) -> bool {
        self.segments() == 1
    }

    /// Moves all segments into the first; false, and no change, where they do not fit.
    #[must_use]
    pub fn linearise(&mut self) -> bool {
        // SAFETY: self owns a valid packet.
        self.is_contiguous() || unsafe { sys::shim_pktmbuf_linearize(self.0.as_ptr()) } == 0
    }

    /// Puts the packet `tail` behind this one; gives it back where there would be too many segments.
    pub fn chain(&mut self, tail: Mbuf) -> Result<(), Mbuf> {
        // SAFETY: both are owned and valid; on success the chain owns `tail`.
        match unsafe { sys::shim_pktmbuf_chain(self.0.as_ptr(), tail.0.as_ptr()) } {
            0 => {
                std::mem::forget(tail);
                Ok(())
            }
            _ => Err(tail),
        }
    }

    /// Free bytes before the data.
    #[inline]
    pub fn headroom(&self) -> u16 {
        self.raw().data_off
    }

    /// Free bytes behind the data; 0 for a packet of several segments.
    #[inline]
    pub fn tailroom(&self) -> u16 {
        match self.is_contiguous() {
            true => self.raw().buf_len - self.raw().data_off - self.raw().data_len,
            false => 0,
        }
    }

    /// Adds `count` bytes in front and returns them, not cleared; `None` without headroom.
    #[inline]
    #[must_use]
    pub fn prepend(&mut self, count: u16) -> Option<&mut [u8]> {
        let mbuf = self.raw_mut();
        let data_len = mbuf.data_len.checked_add(count)?;
        mbuf.data_off = mbuf.data_off.checked_sub(count)?;
        mbuf.data_len = data_len;
        mbuf.pkt_len += u32::from(count);
        self.data_mut().get_mut(..count.into())
    }

    /// Adds `count` bytes behind and returns them, not cleared; `None` without tailroom.
    #[inline]
    #[must_use]
    pub fn append(&mut self, count: u16) -> Option<&mut [u8]> {
        if count > self.tailroom() {
            return None;
        }
        let mbuf = self.raw_mut();
        let old = usize::from(mbuf.data_len);
        mbuf.data_len += count;
        mbuf.pkt_len += u32::from(count);
        self.data_mut().get_mut(old..)
    }

    /// Removes `count` bytes in front; false, and no change, where the first segment is shorter.
    #[inline]
    #[must_use]
    pub fn trim_front(&mut self, count: u16) -> bool {
        let mbuf = self.raw_mut();
        if count > mbuf.data_len {
            return false;
        }
        mbuf.data_off += count;
        mbuf.data_len -= count;
        mbuf.pkt_len -= u32::from(count);
        true
    }

    /// Removes `count` bytes behind; false, and no change, where the packet is shorter or has
    /// several segments.
    #[inline]
    #[must_use]
    pub fn trim_back(&mut self, count: u16) -> bool {
        if !self.is_contiguous() || count > self.raw().data_len {
            return false;
        }
        let mbuf = self.raw_mut();
        mbuf.data_len -= count;
        mbuf.pkt_len -= u32::from(count);
        true
    }

    /// EAL's number of the port that received it.
    #[inline]
    pub fn port(&self) -> u16 {
        self.raw().port
    }

    /// What the port says of the IPv4 header's checksum.
    #[inline]
    pub fn ip_checksum(&self) -> Checksum {
        let (good, bad) = (sys::RTE_MBUF_F_RX_IP_CKSUM_GOOD, sys::RTE_MBUF_F_RX_IP_CKSUM_BAD);
        self.checksum(good.into(), bad.into())
    }

    /// What the port says of the TCP or UDP checksum.
    #[inline]
    pub fn l4_checksum(&self) -> Checksum {
        let (good, bad) = (sys::RTE_MBUF_F_RX_L4_CKSUM_GOOD, sys::RTE_MBUF_F_RX_L4_CKSUM_BAD);
        self.checksum(good.into(), bad.into())
    }

    /// DPDK's two flags have four meanings: both set says that the checksum is not there.
    #[inline]
    fn checksum(&self, good: u64, bad: u64) -> Checksum {
        let flags = self.raw().ol_flags;
        match (flags & good != 0, flags & bad != 0) {
            (false, false) => Checksum::Unknown,
            (true, false) => Checksum::Good,
            (false, true) => Checksum::Bad,
            (true, true) => Checksum::Absent,
        }
    }

    /// Says of both checksums what a port would say that has looked at them; what generators of
    /// packets call.
    #[inline]
    pub fn set_rx_checksums(&mut self, ip: Checksum, l4: Checksum) {
        let flags = |state, good: u32, bad: u32| match state {
            Checksum::Unknown => 0,
            Checksum::Good => u64::from(good),
            Checksum::Bad => u64::from(bad),
            Checksum::Absent => u64::from(good | bad),
        };
        let (ip_good, ip_bad) = (sys::RTE_MBUF_F_RX_IP_CKSUM_GOOD, sys::RTE_MBUF_F_RX_IP_CKSUM_BAD);
        let (l4_good, l4_bad) = (sys::RTE_MBUF_F_RX_L4_CKSUM_GOOD, sys::RTE_MBUF_F_RX_L4_CKSUM_BAD);
        let mbuf = self.raw_mut();
        mbuf.ol_flags &= !u64::from(ip_good | ip_bad | l4_good | l4_bad);
        mbuf.ol_flags |= flags(ip, ip_good, ip_bad) | flags(l4, l4_good, l4_bad);
    }

    /// The hash by which the port chose the queue.
    #[inline]
    pub fn rss_hash(&self) -> Option<u32> {
        let mbuf = self.raw();
        // SAFETY: every member of the union is plain numbers, and the flag says which was written.
        let hash = unsafe { mbuf.__bindgen_anon_2.hash.rss };
        (mbuf.ol_flags & u64::from(sys::RTE_MBUF_F_RX_RSS_HASH) != 0).then_some(hash)
    }

    /// The tag control information of a VLAN tag that the port took out of the frame.
    #[inline]
    pub fn stripped_vlan(&self) -> Option<u16> {
        let mbuf = self.raw();
        (mbuf.ol_flags & u64::from(sys::RTE_MBUF_F_RX_VLAN_STRIPPED) != 0).then_some(mbuf.vlan_tci)
    }

    /// Has the transmitting port fill in checksums.
    #[inline]
    pub fn set_tx_checksum(&mut self, wanted: TxChecksum) {
        let mut flags = match wanted.ipv6 {
            true => sys::RTE_MBUF_F_TX_IPV6,
            false => sys::RTE_MBUF_F_TX_IPV4,
        };
        if wanted.ip && !wanted.ipv6 {
            flags |= sys::RTE_MBUF_F_TX_IP_CKSUM;
        }
        flags |= match wanted.l4 {
            L4Checksum::Keep => 0,
            L4Checksum::Tcp => sys::RTE_MBUF_F_TX_TCP_CKSUM,
            L4Checksum::Udp => sys::RTE_MBUF_F_TX_UDP_CKSUM,
        };
        let mbuf = self.raw_mut();
        mbuf.ol_flags |= flags;
        // The C bit-fields l2_len:7 and l3_len:9, lowest bits first.
        let lengths = u64::from(wanted.l2_len & 0x7f) | u64::from(wanted.l3_len & 0x1ff) << 7;
        mbuf.__bindgen_anon_3.tx_offload = lengths;
    }

    /// Prefetches the descriptor's first cache line, which [`Self::data`] reads.
    #[inline(always)]
    pub fn prefetch_header(&self) {
        prefetch_line(self.0.as_ptr().cast());
    }

    /// Prefetches the first cache line of the frame; reads the descriptor.
    #[inline(always)]
    pub fn prefetch_data(&self) {
        prefetch_line(self.data().as_ptr());
    }
}

impl Drop for Mbuf {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: self is the one owner.
        unsafe { sys::shim_pktmbuf_free(self.0.as_ptr()) };
    }
}

impl fmt::Debug for Mbuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mbuf")
            .field("len", &self.len())
            .field("segments", &self.segments())
            .field("port", &self.port())
            .finish_non_exhaustive()
    }
}
