//! Ports and buffers as the control plane shows them.

use super::ports::Watches;
use dpdk::{Mempool, Port};
use sluice_control::server::{Hardware, PortCounters, QueueCounters};
use sluice_dataplane::poll::QueueWatch;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// The gateway's ports, by interface name, and its pool.
#[derive(Debug)]
pub(super) struct Machine {
    pub(super) ports: Vec<(String, Arc<Port>)>,
    pub(super) watches: Watches,
    pub(super) pool: Mempool,
    pub(super) capacity: u64,
    pub(super) memory_mode: String,
}

impl Hardware for Machine {
    fn port(&self, interface: &str) -> Option<PortCounters> {
        let (_, port) = self.ports.iter().find(|(name, _)| name == interface)?;
        let stats = port.stats().ok()?;
        let link = port.link().ok();
        Some(PortCounters {
            link_up: link.is_some_and(|link| link.up),
            speed_mbps: link.and_then(|link| link.speed_mbps).unwrap_or(0),
            rx_packets: stats.rx_packets,
            rx_bytes: stats.rx_bytes,
            tx_packets: stats.tx_packets,
            tx_bytes: stats.tx_bytes,
            rx_errors: stats.rx_errors,
            tx_errors: stats.tx_errors,
            tx_dropped: stats.tx_dropped,
            rx_missed: stats.rx_missed,
            rx_no_buffer: stats.rx_no_buffer,
        })
    }
    fn queues(&self, interface: &str) -> Vec<QueueCounters> {
        let Some(index) = self.ports.iter().position(|(name, _)| name == interface) else {
            return Vec::new();
        };
        let stats = self.ports.get(index).and_then(|(_, port)| port.stats().ok());
        let watches = self.watches.get(index).map(Vec::as_slice).unwrap_or_default();
        let one = |(queue, watch): (&dpdk::QueueStats, &Arc<QueueWatch>)| QueueCounters {
            rx_packets: queue.rx_packets,
            rx_bytes: queue.rx_bytes,
            tx_packets: queue.tx_packets,
            tx_bytes: queue.tx_bytes,
            tx_full: watch.transmit_full.load(Relaxed),
        };
        stats.unwrap_or_default().queues.iter().zip(watches).map(one).collect()
    }
    fn buffers(&self) -> (u64, u64) {
        (self.capacity, self.pool.in_use().into())
    }
    fn memory_mode(&self) -> String {
        self.memory_mode.clone()
    }
}
