//! A port's counters, since its start or the last reset.

use dpdk_sys as sys;

use crate::kernel_drops::KernelDrops;

/// Counters of a port.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PortStats {
    /// Packets received.
    pub rx_packets: u64,
    /// Bytes received, without frame check sequences.
    pub rx_bytes: u64,
    /// Packets sent.
    pub tx_packets: u64,
    /// Bytes sent.
    pub tx_bytes: u64,
    /// Packets the device, or the kernel in its place, dropped because nobody fetched them in time.
    pub rx_missed: u64,
    /// Packets received damaged.
    pub rx_errors: u64,
    /// Packets that could not be sent.
    pub tx_errors: u64,
    /// Packets that the kernel took for sending and dropped, where a kernel interface is behind the port.
    pub tx_dropped: u64,
    /// Packets dropped because the pool was exhausted.
    pub rx_no_buffer: u64,
    /// Per receive and transmit queue; DPDK counts the first sixteen.
    pub queues: Vec<QueueStats>,
}

/// Counters of receive queue and transmit queue of the same number; zero where a driver has none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueueStats {
    /// Packets received.
    pub rx_packets: u64,
    /// Bytes received.
    pub rx_bytes: u64,
    /// Packets sent.
    pub tx_packets: u64,
    /// Bytes sent.
    pub tx_bytes: u64,
    /// Errors.
    pub errors: u64,
}

impl PortStats {
    pub(crate) fn new(raw: &sys::rte_eth_stats, queues: usize, kernel: KernelDrops) -> Self {
        let received = raw.q_ipackets.iter().zip(&raw.q_ibytes);
        let sent = raw.q_opackets.iter().zip(&raw.q_obytes);
        let queues = received
            .zip(sent)
            .zip(&raw.q_errors)
            .take(queues)
            .map(|(((rx_packets, rx_bytes), (tx_packets, tx_bytes)), errors)| QueueStats {
                rx_packets: *rx_packets,
                rx_bytes: *rx_bytes,
                tx_packets: *tx_packets,
                tx_bytes: *tx_bytes,
                errors: *errors,
            })
            .collect();
        Self {
            rx_packets: raw.ipackets,
            rx_bytes: raw.ibytes,
            tx_packets: raw.opackets,
            tx_bytes: raw.obytes,
            rx_missed: raw.imissed + kernel.received,
            rx_errors: raw.ierrors,
            tx_errors: raw.oerrors,
            tx_dropped: kernel.sent,
            rx_no_buffer: raw.rx_nombuf,
            queues,
        }
    }
}
