//! A burst: packets received, processed and sent together, held inline without allocation.

use std::{
    fmt,
    mem::MaybeUninit,
    ops::{Deref, DerefMut},
};

use dpdk_sys as sys;

use crate::mbuf::Mbuf;

/// Packets in a burst, unless said otherwise; measured to be best (smaller loses the prefetch).
pub const BURST: usize = 32;

/// Up to `N` packets, used as a slice; those left in it are freed when it is dropped.
pub struct Burst<const N: usize = BURST> {
    /// The first `len` are packets.
    mbufs: [MaybeUninit<Mbuf>; N],
    len: usize,
}

impl<const N: usize> Burst<N> {
    /// An empty burst.
    #[inline]
    pub const fn new() -> Self {
        Self { mbufs: [const { MaybeUninit::uninit() }; N], len: 0 }
    }

    /// Whether no packet fits any more.
    #[inline]
    pub const fn is_full(&self) -> bool {
        self.len == N
    }

    /// Adds a packet at the end; gives it back when full.
    #[inline]
    pub fn push(&mut self, mbuf: Mbuf) -> Result<(), Mbuf> {
        match self.mbufs.get_mut(self.len) {
            Some(slot) => {
                slot.write(mbuf);
                self.len += 1;
                Ok(())
            }
            None => Err(mbuf),
        }
    }

    /// Frees all packets.
    #[inline]
    pub fn clear(&mut self) {
        let count = std::mem::take(&mut self.len);
        if count > 0 {
            // SAFETY: `count` packets lie at the start, and are not counted as ours any more.
            unsafe { sys::rte_pktmbuf_free_bulk(self.mbufs.as_mut_ptr().cast(), count as u32) };
        }
    }

    /// Takes all packets, first to last. Those the iterator has not given out when it is dropped
    /// are freed.
    #[inline]
    pub fn drain(&mut self) -> Drain<'_, N> {
        // Nothing is counted from here on, so a forgotten iterator leaks and frees nothing twice.
        let end = std::mem::take(&mut self.len);
        Drain { next: 0, end, burst: self }
    }

    /// The slots behind the last packet.
    #[inline]
    pub(crate) fn spare(&mut self) -> &mut [MaybeUninit<Mbuf>] {
        self.mbufs.get_mut(self.len..).unwrap_or_default()
    }

    /// Counts `more` packets written to [`Self::spare`].
    ///
    /// # Safety
    /// That many slots hold packets that nobody else owns.
    #[inline]
    pub(crate) unsafe fn grow(&mut self, more: usize) {
        debug_assert!(self.len + more <= N);
        self.len += more;
    }

    /// Forgets the first `count` packets and moves the others to the front.
    ///
    /// # Safety
    /// `count` is at most the length, and somebody else owns those packets now.
    #[inline]
    pub(crate) unsafe fn forget_front(&mut self, count: usize) {
        debug_assert!(count <= self.len);
        self.len -= count;
        if self.len > 0 {
            let start = self.mbufs.as_mut_ptr();
            // SAFETY: the packets behind the first `count` lie within the array, as promised.
            unsafe { std::ptr::copy(start.add(count), start, self.len) };
        }
    }
}

impl<const N: usize> Default for Burst<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Deref for Burst<N> {
    type Target = [Mbuf];

    #[inline]
    fn deref(&self) -> &[Mbuf] {
        // SAFETY: the first `len` slots hold packets.
        unsafe { std::slice::from_raw_parts(self.mbufs.as_ptr().cast(), self.len) }
    }
}

impl<const N: usize> DerefMut for Burst<N> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [Mbuf] {
        // SAFETY: the first `len` slots hold packets.
        unsafe { std::slice::from_raw_parts_mut(self.mbufs.as_mut_ptr().cast(), self.len) }
    }
}

impl<const N: usize> Drop for Burst<N> {
    #[inline]
    fn drop(&mut self) {
        self.clear();
    }
}

impl<const N: usize> fmt::Debug for Burst<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Iterator of [`Burst::drain`].
#[derive(Debug)]
pub struct Drain<'a, const N: usize> {
    next: usize,
    end: usize,
    burst: &'a mut Burst<N>,
}

impl<const N: usize> Iterator for Drain<'_, N> {
    type Item = Mbuf;

    #[inline]
    fn next(&mut self) -> Option<Mbuf> {
        let slot = self.burst.mbufs.get(self.next..self.end)?.first()?;
        self.next += 1;
        // SAFETY: the slot holds a packet, and `next` never returns to it.
        Some(unsafe { slot.assume_init_read() })
    }
}

impl<const N: usize> Drop for Drain<'_, N> {
    #[inline]
    fn drop(&mut self) {
        self.burst.len = self.end;
        // SAFETY: the first `next` packets were given out.
        unsafe { self.burst.forget_front(self.next) };
        self.burst.clear();
    }
}
