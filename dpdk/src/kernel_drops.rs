//! Frames that the kernel lost between a wire and a port, where DPDK's drivers do not say so.
//!
//! | driver | lost on the way in | lost on the way out |
//! | --- | --- | --- |
//! | af_packet | its sockets' ring was full: `PACKET_STATISTICS`, packet(7) | the interface's `tx_dropped` |
//! | af_xdp | the driver tells | the interface's `tx_dropped` |
//! | tap | the interface's `tx_dropped`: what the kernel sends comes in here | |
//!
//! A veth counts as `tx_dropped` what its peer's receive queue (`net.core.netdev_max_backlog`) would not take; a card,
//! what its queueing discipline or its driver would not.

use std::{
    ffi::CStr,
    fs, io,
    os::fd::{AsRawFd, BorrowedFd, OwnedFd},
};

use dpdk_sys as sys;

/// Frames lost since the port was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct KernelDrops {
    pub(crate) received: u64,
    pub(crate) sent: u64,
}

/// Where the kernel's counts of a port come from.
#[derive(Debug, Default)]
pub(crate) struct KernelDropSource {
    /// Of an af_packet port.
    sockets: Vec<OwnedFd>,
    /// What the sockets have told: they count from zero after each answer.
    missed: u64,
    /// What the interface had dropped before the port was opened.
    before: u64,
}

impl KernelDropSource {
    /// Of the port that the calling thread has just opened; `driver` and `interface` as ethdev names them.
    pub(crate) fn of_new_port(driver: &str, interface: u32) -> Self {
        let mut source = Self::default();
        if driver == "net_af_packet" {
            source.sockets = ring_sockets().unwrap_or_default();
        }
        source.before = interface_tx_dropped(interface).unwrap_or(0);
        source
    }

    /// What was lost until now.
    pub(crate) fn read(&mut self, driver: &str, interface: u32) -> KernelDrops {
        for socket in &self.sockets {
            self.missed += u64::from(ring_drops(socket));
        }
        let dropped = || interface_tx_dropped(interface).unwrap_or(0).saturating_sub(self.before);
        match driver {
            "net_af_packet" | "net_af_xdp" => {
                KernelDrops { received: self.missed, sent: dropped() }
            }
            "net_tap" => KernelDrops { received: dropped(), sent: 0 },
            _ => KernelDrops::default(),
        }
    }

    /// Counts from here.
    pub(crate) fn reset(&mut self, driver: &str, interface: u32) {
        self.read(driver, interface);
        self.missed = 0;
        self.before = interface_tx_dropped(interface).unwrap_or(0);
    }

    /// Gives the sockets back, so that they end with their driver.
    pub(crate) fn close(&mut self) {
        self.sockets.clear();
    }
}

/// Forgets sockets of a port that could not be opened.
pub(crate) fn forget_ring_sockets() {
    let mut sockets = [0; sys::SHIM_RING_SOCKETS as usize];
    // SAFETY: the call writes to `sockets` only, and no more than it holds.
    unsafe { sys::shim_take_ring_sockets(sockets.as_mut_ptr()) };
}

/// Descriptors of our own for the sockets that the driver has just made on this thread.
fn ring_sockets() -> io::Result<Vec<OwnedFd>> {
    let mut sockets = [0; sys::SHIM_RING_SOCKETS as usize];
    // SAFETY: the call writes to `sockets` only, and no more than it holds.
    let count = unsafe { sys::shim_take_ring_sockets(sockets.as_mut_ptr()) } as usize;
    // SAFETY: the driver opened them while it made the port that is now open, and closes them with it.
    let open = sockets.iter().take(count).map(|socket| unsafe { BorrowedFd::borrow_raw(*socket) });
    open.map(|socket| socket.try_clone_to_owned()).collect()
}

/// Frames that found the ring of a packet socket full since the last call.
fn ring_drops(socket: &OwnedFd) -> u32 {
    // SAFETY: the descriptor is open; the call reads and resets a counter of its socket.
    unsafe { sys::shim_ring_drops(socket.as_raw_fd()) }
}

/// Frames that the kernel interface took for sending and dropped, since it exists.
fn interface_tx_dropped(interface: u32) -> Option<u64> {
    let mut name = [0; libc::IF_NAMESIZE];
    // SAFETY: the buffer has the IF_NAMESIZE bytes that the call may write.
    if unsafe { libc::if_indextoname(interface, name.as_mut_ptr()) }.is_null() {
        return None;
    }
    // SAFETY: the call wrote a NUL-terminated string.
    let name = unsafe { CStr::from_ptr(name.as_ptr()) }.to_str().ok()?;
    // Unlike /sys/class/net, whose mount may belong to another network namespace.
    tx_dropped(&fs::read_to_string("/proc/thread-self/net/dev").ok()?, name)
}

/// The field of `/proc/net/dev`: eight numbers of what was received, then bytes, packets, errs, drop.
fn tx_dropped(table: &str, name: &str) -> Option<u64> {
    let line =
        table.lines().find_map(|line| line.trim_start().strip_prefix(name)?.strip_prefix(':'))?;
    line.split_whitespace().nth(11)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_s_table() {
        let table = "Inter-|   Receive                            |  Transmit\n \
             face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n    \
             lo: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n\
             lan01:1 2 3 4 5 6 7 8 9 10 11 77 13 14 15 16\n";
        assert_eq!(tx_dropped(table, "lo"), Some(12));
        assert_eq!(tx_dropped(table, "lan01"), Some(77));
        assert_eq!(tx_dropped(table, "lan0"), None);
    }

    #[test]
    fn the_loopback_is_there() {
        assert!(interface_tx_dropped(1).is_some(), "interface 1 is lo");
        assert_eq!(interface_tx_dropped(u32::MAX), None);
    }
}
