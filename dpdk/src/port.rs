//! An Ethernet port: opened, started into queues, stopped, closed when the last handle goes.
//!
//! ```text
//!  Eal::attach ─► Port ── start ─► Queues { rx, tx } ── to the workers
//!                  ▲                     │
//!                  └──── stop ◄── all dropped
//! ```

use std::sync::Arc;

use dpdk_sys as sys;

use crate::{
    device::{Device, MacAddress, Shape},
    eal::Eal,
    error::{Errno, Error, Result},
    ethdev::{Inner, TX_CHECKSUMS, driver_name, find},
    kernel_drops,
    mempool::Mempool,
    queue::{RxQueue, TxQueue},
    stats::PortStats,
};

/// How to start a port.
#[derive(Debug, Clone)]
pub struct PortConfig {
    /// Receive queues.
    pub rx_queues: u16,
    /// Transmit queues.
    pub tx_queues: u16,
    /// Descriptors of a receive queue; adjusted to what the driver can.
    pub rx_descriptors: u16,
    /// Descriptors of a transmit queue; adjusted to what the driver can.
    pub tx_descriptors: u16,
    /// Bytes of an IP packet; `None` keeps the port's.
    pub mtu: Option<u16>,
    /// Receive frames for any address.
    pub promiscuous: bool,
    /// Have the port check and fill in checksums, as far as it can.
    pub checksums: bool,
}

impl Default for PortConfig {
    fn default() -> Self {
        Self {
            rx_queues: 1,
            tx_queues: 1,
            rx_descriptors: 1024,
            tx_descriptors: 1024,
            mtu: None,
            promiscuous: false,
            checksums: true,
        }
    }
}

/// What a driver says about a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortInfo {
    /// Driver name, such as `net_af_packet`.
    pub driver: String,
    /// Most receive queues.
    pub max_rx_queues: u16,
    /// Most transmit queues.
    pub max_tx_queues: u16,
    /// Smallest MTU.
    pub min_mtu: u16,
    /// Largest MTU.
    pub max_mtu: u16,
    /// `RTE_ETH_RX_OFFLOAD_*` it has.
    pub rx_offloads: u64,
    /// `RTE_ETH_TX_OFFLOAD_*` it has.
    pub tx_offloads: u64,
    /// `RTE_ETH_RSS_*` it can hash.
    pub rss: u64,
    /// Number of the kernel interface behind it, where there is one.
    pub interface_index: Option<u32>,
}

impl PortInfo {
    /// Whether it fills in IPv4, TCP and UDP checksums of what it sends.
    pub fn fills_checksums(&self) -> bool {
        self.tx_offloads & TX_CHECKSUMS == TX_CHECKSUMS
    }
}

/// State of a port's link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// Whether it is up.
    pub up: bool,
    /// Megabits a second; `None` where unknown.
    pub speed_mbps: Option<u32>,
    /// Whether both sides can send at once.
    pub full_duplex: bool,
}

/// The queues of a started port, to be given to workers; the port stops only without them.
#[derive(Debug)]
pub struct Queues {
    /// Receive queues, by number.
    pub rx: Vec<RxQueue>,
    /// Transmit queues, by number.
    pub tx: Vec<TxQueue>,
}

/// An open port; closed, and its device given back, when it and its queues are dropped.
#[derive(Debug)]
pub struct Port(Arc<Inner>);

impl Eal {
    /// Opens `device` for the interface called `label`, having its driver take it first.
    pub fn attach(&self, device: &Device, label: &str, shape: &Shape) -> Result<Port> {
        device.check()?;
        let devargs = device.devargs(label, shape)?;
        self.open(&device.to_string(), &devargs, device.ring_mtu(shape))
    }

    /// Opens the device that EAL calls `devargs` (`net_null0,copy=1`, `0000:01:00.0`).
    pub fn attach_devargs(&self, devargs: &str) -> Result<Port> {
        self.open(devargs, devargs, None)
    }

    fn open(&self, device: &str, devargs: &str, ring_mtu: Option<u16>) -> Result<Port> {
        let name = devargs.split(',').next().unwrap_or_default();
        let mut ports = self.ports();
        let found = match find(name)? {
            Some(id) => Some(id),
            None => {
                kernel_drops::forget_ring_sockets();
                self.probe(device, devargs)?;
                find(name)?
            }
        };
        let unknown = || Error::Attach {
            device: device.into(),
            devargs: devargs.into(),
            errno: Errno(libc::ENODEV),
            remedy: "its driver made no network port of it; `sluice doctor` lists the drivers",
        };
        let id = found.ok_or_else(unknown)?;
        if !ports.insert(id) {
            return Err(Error::Busy { device: device.into(), port: name.into() });
        }
        Ok(Port(Arc::new(Inner::new(id, name, ring_mtu, self.clone()))))
    }
}

impl Port {
    /// EAL's number, as in `Mbuf::port`.
    pub fn id(&self) -> u16 {
        self.0.id
    }

    /// EAL's name, such as `net_taplan`.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// What the driver says about the port.
    pub fn info(&self) -> Result<PortInfo> {
        let _state = self.0.state();
        let raw = self.0.raw_info()?;
        let mtu = self.0.mtu_limits(&raw);
        Ok(PortInfo {
            driver: driver_name(&raw),
            max_rx_queues: raw.max_rx_queues,
            max_tx_queues: raw.max_tx_queues,
            min_mtu: *mtu.start(),
            max_mtu: *mtu.end(),
            rx_offloads: raw.rx_offload_capa,
            tx_offloads: raw.tx_offload_capa,
            rss: raw.flow_type_rss_offloads,
            interface_index: (raw.if_index > 0).then_some(raw.if_index),
        })
    }

    /// Configures and starts the port. Its receive queues take packets from `pool`.
    pub fn start(&self, config: &PortConfig, pool: &Mempool) -> Result<Queues> {
        let port = &self.0;
        let mut state = port.state();
        if state.running {
            return Err(port.started("start"));
        }
        port.configure(config, pool)?;
        // From the setup of the queues on, the driver may hold packets of the pool.
        let old = state.pool.replace(pool.clone());
        port.set_promiscuous(config.promiscuous)?;
        // SAFETY: the port is configured, and all its queues are set up.
        port.check("start", unsafe { sys::rte_eth_dev_start(port.id) })?;
        drop(old);
        state.running = true;
        state.queues = config.rx_queues.max(config.tx_queues).into();
        Ok(Queues {
            rx: (0..config.rx_queues).map(|queue| RxQueue::new(port.clone(), queue)).collect(),
            tx: (0..config.tx_queues).map(|queue| TxQueue::new(port.clone(), queue)).collect(),
        })
    }

    /// Stops the port; refused while any of its queues exists. It can be started again.
    pub fn stop(&self) -> Result<()> {
        let mut state = self.0.state();
        if self.0.has_queues() {
            return Err(self.0.started("stop"));
        }
        if state.running {
            // SAFETY: the port is started, and nobody has a queue of it.
            self.0.check("stop", unsafe { sys::rte_eth_dev_stop(self.0.id) })?;
            state.running = false;
        }
        Ok(())
    }

    /// The port's own address.
    pub fn mac(&self) -> Result<MacAddress> {
        let _state = self.0.state();
        let mut address = sys::rte_ether_addr::default();
        // SAFETY: the port is open; the call writes to `address` only.
        self.0.check("read the MAC address", unsafe {
            sys::rte_eth_macaddr_get(self.0.id, &mut address)
        })?;
        Ok(MacAddress(address.addr_bytes))
    }

    /// Changes the port's own address.
    pub fn set_mac(&self, mac: MacAddress) -> Result<()> {
        let _state = self.0.state();
        let mut address = sys::rte_ether_addr { addr_bytes: mac.0 };
        // SAFETY: the port is open; the address is copied.
        self.0.check("set the MAC address", unsafe {
            sys::rte_eth_dev_default_mac_addr_set(self.0.id, &mut address)
        })
    }

    /// Bytes of the largest IP packet.
    pub fn mtu(&self) -> Result<u16> {
        let _state = self.0.state();
        self.0.mtu()
    }

    /// Changes the MTU; many drivers want a stopped port for it.
    pub fn set_mtu(&self, mtu: u16) -> Result<()> {
        let _state = self.0.state();
        self.0.set_mtu(mtu)
    }

    /// State of the link, without waiting for it.
    pub fn link(&self) -> Result<Link> {
        let _state = self.0.state();
        let mut link = sys::rte_eth_link::default();
        // SAFETY: the port is open; the call writes to `link` only.
        self.0.check("read the link state", unsafe {
            sys::rte_eth_link_get_nowait(self.0.id, &mut link)
        })?;
        Ok(Link {
            up: self.0.carrier(u32::from(link.link_status()) == sys::RTE_ETH_LINK_UP),
            speed_mbps: (link.link_speed != 0 && link.link_speed != u32::MAX)
                .then_some(link.link_speed),
            full_duplex: u32::from(link.link_duplex()) == sys::RTE_ETH_LINK_FULL_DUPLEX,
        })
    }

    /// Takes the link up or down; not every driver can.
    pub fn set_link(&self, up: bool) -> Result<()> {
        let _state = self.0.state();
        // SAFETY: the port is open.
        let code = unsafe {
            match up {
                true => sys::rte_eth_dev_set_link_up(self.0.id),
                false => sys::rte_eth_dev_set_link_down(self.0.id),
            }
        };
        self.0.check("set the link", code)
    }

    /// Whether it receives frames for any address.
    pub fn promiscuous(&self) -> Result<bool> {
        let _state = self.0.state();
        // SAFETY: the port is open.
        let code = unsafe { sys::rte_eth_promiscuous_get(self.0.id) };
        self.0.check("read promiscuity", code)?;
        Ok(code == 1)
    }

    /// Has it receive frames for any address, or for its own only.
    pub fn set_promiscuous(&self, on: bool) -> Result<()> {
        let _state = self.0.state();
        self.0.set_promiscuous(on)
    }

    /// Counters since the start or the last reset.
    pub fn stats(&self) -> Result<PortStats> {
        let mut state = self.0.state();
        let mut raw = sys::rte_eth_stats::default();
        // SAFETY: the port is open; the call writes to `raw` only.
        self.0.check("read statistics", unsafe { sys::rte_eth_stats_get(self.0.id, &mut raw) })?;
        let kernel = self.0.kernel_drops(&mut state)?;
        Ok(PortStats::new(&raw, state.queues, kernel))
    }

    /// Sets all counters to zero.
    pub fn reset_stats(&self) -> Result<()> {
        let mut state = self.0.state();
        // SAFETY: the port is open.
        self.0.check("reset statistics", unsafe { sys::rte_eth_stats_reset(self.0.id) })?;
        self.0.reset_kernel_drops(&mut state)
    }
}
