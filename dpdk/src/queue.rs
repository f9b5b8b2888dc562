//! Receive and transmit queues: the packet path to and from a driver.
//!
//! A burst goes straight to the driver's function in `rte_eth_fp_ops`, as DPDK's inlines do; where a
//! callback is installed on the queue (packet capture), through the complete C function.

use std::{
    mem::MaybeUninit,
    sync::{
        Arc,
        atomic::{AtomicPtr, Ordering},
    },
};

use dpdk_sys as sys;

use crate::{burst::Burst, ethdev::Inner, mbuf::Mbuf};

/// A place in DPDK's table of drivers' burst functions.
#[derive(Clone, Copy)]
struct Ops(*const sys::rte_eth_fp_ops);

impl Ops {
    fn of(port: u16) -> Self {
        // SAFETY: EAL's port numbers are below the table's length, as Inner's are.
        Self(unsafe {
            (&raw const sys::rte_eth_fp_ops).cast::<sys::rte_eth_fp_ops>().add(port.into())
        })
    }

    /// A queue's data; `None` where a callback wants to see its packets.
    ///
    /// # Safety
    /// `side` is this table's `rxq` or `txq`, of a started port that has `queue`.
    #[inline(always)]
    unsafe fn direct(side: &sys::rte_ethdev_qdata, queue: u16) -> Option<*mut std::ffi::c_void> {
        // SAFETY: `clbk` and `data` have an element for each queue. Callbacks come and go while
        // traffic flows, so that element is read atomically, as DPDK itself does.
        unsafe {
            let callback = AtomicPtr::from_ptr(side.clbk.add(queue.into()));
            callback.load(Ordering::Relaxed).is_null().then(|| *side.data.add(queue.into()))
        }
    }
}

/// A started receive queue. It has one owner: `Send`, not `Sync`.
pub struct RxQueue {
    ops: Ops,
    queue: u16,
    port: Arc<Inner>,
}

/// A started transmit queue. It has one owner: `Send`, not `Sync`.
pub struct TxQueue {
    ops: Ops,
    queue: u16,
    port: Arc<Inner>,
}

// SAFETY: any thread may use a queue, as long as it is one at a time: not Sync, and &mut to use it.
unsafe impl Send for RxQueue {}
// SAFETY: as above.
unsafe impl Send for TxQueue {}

impl RxQueue {
    pub(crate) fn new(port: Arc<Inner>, queue: u16) -> Self {
        port.queue_made();
        Self { ops: Ops::of(port.id), queue, port }
    }

    /// Number of the queue in its port.
    pub fn index(&self) -> u16 {
        self.queue
    }

    /// EAL's number of the port, as in `Mbuf::port`.
    pub fn port(&self) -> u16 {
        self.port.id
    }

    /// Adds what has arrived to `burst`, as far as there is room, and returns how many those are.
    #[inline]
    pub fn receive<const N: usize>(&mut self, burst: &mut Burst<N>) -> usize {
        let count = self.receive_to(burst.spare());
        // SAFETY: that many slots have been written.
        unsafe { burst.grow(count) };
        count
    }

    /// The same for a list, which has as much room as its capacity says: it does not grow.
    #[inline]
    pub fn receive_list(&mut self, list: &mut Vec<Mbuf>) -> usize {
        let count = self.receive_to(list.spare_capacity_mut());
        // SAFETY: that many slots behind the last have been written.
        unsafe { list.set_len(list.len() + count) };
        count
    }

    #[inline]
    fn receive_to(&mut self, spare: &mut [MaybeUninit<Mbuf>]) -> usize {
        let room = u16::try_from(spare.len()).unwrap_or(u16::MAX);
        let target = spare.as_mut_ptr().cast();
        // SAFETY: self keeps the port started; the driver writes at most `room` packets, which
        // become ours; an Mbuf is one non-null pointer.
        unsafe {
            let ops = &*self.ops.0;
            let count = match (ops.rx_pkt_burst, Ops::direct(&ops.rxq, self.queue)) {
                (Some(receive), Some(data)) => receive(data, target, room),
                _ => sys::shim_eth_rx_burst(self.port.id, self.queue, target, room),
            };
            count.into()
        }
    }
}

impl TxQueue {
    pub(crate) fn new(port: Arc<Inner>, queue: u16) -> Self {
        port.queue_made();
        Self { ops: Ops::of(port.id), queue, port }
    }

    /// Number of the queue in its port.
    pub fn index(&self) -> u16 {
        self.queue
    }

    /// EAL's number of the port.
    pub fn port(&self) -> u16 {
        self.port.id
    }

    /// Sends packets from the front of `burst`, as many as the queue takes, and returns how many
    /// those are; the others stay, to be sent again or dropped.
    #[inline]
    pub fn transmit<const N: usize>(&mut self, burst: &mut Burst<N>) -> usize {
        // SAFETY: as many as the driver owns now are forgotten.
        unsafe {
            let sent = self.transmit_from(burst);
            burst.forget_front(sent);
            sent
        }
    }

    /// Sends packets from the front of a list, at most `most`, as [`Self::transmit`] does.
    #[inline]
    pub fn transmit_list(&mut self, list: &mut Vec<Mbuf>, most: usize) -> usize {
        let first = list.len().min(most);
        // SAFETY: as many as the driver owns now are forgotten.
        let sent = unsafe { self.transmit_from(list.get_mut(..first).unwrap_or_default()) };
        list.drain(..sent).for_each(std::mem::forget);
        sent
    }

    /// Sends packets from the front; returns how many the driver owns from now on.
    ///
    /// # Safety
    /// The caller forgets those.
    #[inline]
    unsafe fn transmit_from(&mut self, packets: &mut [Mbuf]) -> usize {
        let count = u16::try_from(packets.len()).unwrap_or(u16::MAX);
        let packets = packets.as_mut_ptr().cast();
        // SAFETY: self keeps the port started; the driver reads `count` packets and owns the first
        // so many that it returns.
        let sent = unsafe {
            let ops = &*self.ops.0;
            match (ops.tx_pkt_burst, Ops::direct(&ops.txq, self.queue)) {
                (Some(transmit), Some(data)) => transmit(data, packets, count),
                _ => sys::shim_eth_tx_burst(self.port.id, self.queue, packets, count),
            }
        };
        usize::from(sent)
    }
}

impl Drop for RxQueue {
    fn drop(&mut self) {
        self.port.queue_dropped();
    }
}

impl Drop for TxQueue {
    fn drop(&mut self) {
        self.port.queue_dropped();
    }
}

impl std::fmt::Debug for RxQueue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RxQueue({}:{})", self.port.name, self.queue)
    }
}

impl std::fmt::Debug for TxQueue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TxQueue({}:{})", self.port.name, self.queue)
    }
}
