//! Ports and buffers as the control plane shows them.

use dpdk::{Mempool, Port};
use sluice_control::server::{Hardware, PortCounters};
use std::sync::Arc;

/// The gateway's ports, by interface name, and its pool.
#[derive(Debug)]
pub(super) struct Machine {
    pub(super) ports: Vec<(String, Arc<Port>)>,
    pub(super) pool: Mempool,
    pub(super) capacity: u64,
    pub(super) memory_mode: String,
}

impl Hardware for Machine {
    fn port(&self, interface: &str) -> Option<PortCounters> {
        let (_, port) = self.ports.iter().find(|(name, _)| name == interface)?;
        let stats = port.stats().ok()?;
        Some(PortCounters {
            link_up: port.link().is_ok_and(|link| link.up),
            rx_packets: stats.rx_packets,
            rx_bytes: stats.rx_bytes,
            tx_packets: stats.tx_packets,
            tx_bytes: stats.tx_bytes,
            rx_errors: stats.rx_errors,
            tx_errors: stats.tx_errors,
            rx_missed: stats.rx_missed,
            rx_no_buffer: stats.rx_no_buffer,
        })
    }
    fn buffers(&self) -> (u64, u64) {
        (self.capacity, self.pool.in_use().into())
    }
    fn memory_mode(&self) -> String {
        self.memory_mode.clone()
    }
}
