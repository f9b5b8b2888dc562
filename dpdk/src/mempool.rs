//! Pools of packet buffers.
//!
//! A pool is freed when its last handle goes. Packets carry no handle (that would cost an atomic
//! operation each); where some are still out then, the pool is left to the process's end instead.

use std::{mem::MaybeUninit, ptr::NonNull, sync::Arc, time::Duration};

use dpdk_sys as sys;

use crate::{
    burst::Burst,
    eal::Eal,
    error::{Errno, Error, Result, c_string},
    mbuf::Mbuf,
};

/// Size and shape of a pool.
#[derive(Debug, Clone)]
pub struct PoolConfig {
    /// Name, unique in the process, at most 25 bytes.
    pub name: String,
    /// Buffers; a power of two less one wastes no memory.
    pub count: u32,
    /// Buffers each registered thread may keep aside; at most 512 and two thirds of `count`.
    pub cache: u32,
    /// Bytes in each buffer, with [`HEADROOM`] of them in front of a received frame.
    pub data_room: u16,
    /// NUMA node; `None` for any.
    pub socket: Option<u32>,
}

/// Bytes in front of a received frame.
pub const HEADROOM: u16 = sys::RTE_PKTMBUF_HEADROOM as u16;

impl PoolConfig {
    /// A pool of `count` buffers that hold an Ethernet frame of MTU 1500 with room to spare.
    pub fn new(name: impl Into<String>, count: u32) -> Self {
        let cache = (count / 8).min(256);
        Self { name: name.into(), count, cache, data_room: 2048 + HEADROOM, socket: None }
    }
}

/// A handle to a pool; clones share it.
#[derive(Debug, Clone)]
pub struct Mempool(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    pool: NonNull<sys::rte_mempool>,
    name: String,
    data_room: u16,
    eal: Eal,
}

// SAFETY: DPDK's mempools are made for use by many threads: the common ring is atomic, and the
// caches belong to one registered thread each.
unsafe impl Send for Inner {}
// SAFETY: as above.
unsafe impl Sync for Inner {}

impl Mempool {
    /// Makes a pool.
    pub fn new(eal: &Eal, config: &PoolConfig) -> Result<Self> {
        let name = c_string("the pool name", &config.name)?;
        let socket = config.socket.map_or(-1, |socket| socket as i32);
        // DPDK pads each buffer to an odd number of cache lines, so that they spread over L1.
        // SAFETY: EAL runs, as `eal` witnesses; the name is copied.
        let pool = unsafe {
            sys::rte_pktmbuf_pool_create(
                name.as_ptr(),
                config.count,
                config.cache,
                0,
                config.data_room,
                socket,
            )
        };
        let pool = NonNull::new(pool).ok_or_else(|| Error::Pool {
            name: config.name.clone(),
            count: config.count,
            room: config.data_room,
            errno: Errno::last(),
        })?;
        let (name, data_room, eal) = (config.name.clone(), config.data_room, eal.clone());
        Ok(Self(Arc::new(Inner { pool, name, data_room, eal })))
    }

    /// The pool's name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Bytes in each buffer, headroom included.
    pub fn data_room(&self) -> u16 {
        self.0.data_room
    }

    /// Buffers that can be allocated, those in threads' caches included. Walks all caches.
    pub fn available(&self) -> u32 {
        // SAFETY: the pool lives as long as self; the count tolerates concurrent use.
        unsafe { sys::rte_mempool_avail_count(self.raw()) }
    }

    /// Buffers that packets hold, in queues of drivers too. Walks all caches.
    pub fn in_use(&self) -> u32 {
        self.0.in_use()
    }

    /// Bytes from one buffer to the next.
    pub fn stride(&self) -> u32 {
        // SAFETY: the pool lives as long as self, and its sizes never change.
        let pool = unsafe { self.0.pool.as_ref() };
        pool.header_size + pool.elt_size + pool.trailer_size
    }

    /// An empty packet; `None` when the pool is exhausted.
    #[inline]
    pub fn alloc(&self) -> Option<Mbuf> {
        // SAFETY: the pool is alive; the packet is fresh, so the Mbuf is its one owner.
        NonNull::new(unsafe { sys::shim_pktmbuf_alloc(self.raw()) })
            .map(|mbuf| unsafe { Mbuf::from_raw(mbuf) })
    }

    /// A packet holding a copy of `frame`; `None` when exhausted or the frame does not fit.
    pub fn alloc_copy(&self, frame: &[u8]) -> Option<Mbuf> {
        let mut mbuf = self.alloc()?;
        mbuf.append(u16::try_from(frame.len()).ok()?)?.copy_from_slice(frame);
        Some(mbuf)
    }

    /// Adds `count` empty packets to `burst`: all or, where pool or burst lack room, none.
    #[inline]
    pub fn alloc_burst<const N: usize>(&self, burst: &mut Burst<N>, count: usize) -> bool {
        let spare = burst.spare();
        if count > spare.len() {
            return false;
        }
        let target = spare.as_mut_ptr().cast::<MaybeUninit<Mbuf>>().cast();
        // SAFETY: room for `count` pointers, as checked; an Mbuf is one non-null pointer.
        let code = unsafe { sys::shim_pktmbuf_alloc_bulk(self.raw(), target, count as u32) };
        if code == 0 {
            // SAFETY: the call has written `count` packets that nobody else owns.
            unsafe { burst.grow(count) };
        }
        code == 0
    }

    pub(crate) fn raw(&self) -> *mut sys::rte_mempool {
        self.0.pool.as_ptr()
    }
}

impl Inner {
    fn in_use(&self) -> u32 {
        // SAFETY: the pool lives as long as self; the count tolerates concurrent use.
        unsafe { sys::rte_mempool_in_use_count(self.pool.as_ptr()) }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if self.in_use() > 0 {
            // Packets point into the pool's memory, which EAL's cleanup would unmap.
            std::mem::forget(self.eal.clone());
            return;
        }
        // The last packet may have been counted back while the call that frees it, on another
        // thread, still writes to its cache: let that call end.
        std::thread::sleep(Duration::from_millis(1));
        // SAFETY: this was the last handle, and no packet of the pool exists.
        unsafe { sys::rte_mempool_free(self.pool.as_ptr()) };
    }
}
